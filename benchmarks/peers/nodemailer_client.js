// Nodemailer: a pool of one connection, which takes any number of messages, as they are.
// nodemailer_client.js PORT FILE RECIPIENTS, and then numbers on the standard input.

const fs = require("fs");
const readline = require("readline");
const { createRequire } = require("module");
const nodemailer = createRequire(`${__dirname}/../../build/benchmarks/`)("nodemailer");

const [port, path, recipients] = process.argv.slice(2);
const raw = fs.readFileSync(path);
const to = Array.from({ length: Number(recipients) }, (_, n) => `recipient${n}@example.net`);
const pool = { pool: true, maxConnections: 1, maxMessages: Infinity };
const client = nodemailer.createTransport({ ...pool, host: "127.0.0.1", port: Number(port), ignoreTLS: true });

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        for (let left = Number(line); left; left--) {
            await client.sendMail({ envelope: { from: "sender@example.org", to }, raw });
        }
        console.log("done");
    }
    client.close();
}

main();
