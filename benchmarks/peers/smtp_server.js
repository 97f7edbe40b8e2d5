// Nodemailer's smtp-server, which takes everything and keeps nothing.
// smtp_server.js PORT [PEM]: with a file of certificate and key, TLS from the start.

const fs = require("fs");
const { createRequire } = require("module");
const { SMTPServer } = createRequire(`${__dirname}/../../build/benchmarks/`)("smtp-server");

const [port, pem] = process.argv.slice(2);
const tls = pem ? { secure: true, key: fs.readFileSync(pem), cert: fs.readFileSync(pem) } : {};

const server = new SMTPServer({
    ...tls,
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    maxClients: Infinity,
    onData(stream, session, callback) {
        stream.on("data", () => {});
        stream.on("end", callback);
    },
});

server.on("error", (error) => console.error(error.message));
server.listen({ port: Number(port), host: "127.0.0.1", backlog: 1000 });
