// The functions of the client mailhog of npm that the inbox answers.
import { createRequire } from "node:module"

const [, , packages, url, user, password] = process.argv
const { hostname, port } = new URL(url)
const options = { host: hostname, port, ...(user ? { auth: `${user}:${password}` } : {}) }
const mailhog = createRequire(`${packages}/`)("mailhog")(options)

const found = {}
const first = await mailhog.messages(0, 1)
found.counts = [first.total, first.count, first.start]
const mail = await mailhog.latestTo("bob@example.net")
found.mail = {
  text: mail.text,
  html: mail.html,
  subject: mail.subject,
  from: mail.from,
  to: mail.to,
  date: mail.date,
  attachments: mail.attachments.map((each) => [each.name, each.type, each.encoding, each.Body.trim()]),
}
found.plain = (await mailhog.latestFrom("me@example.org")).text.trim()
found.containing = (await mailhog.search("plain")).total
found.nothing = await mailhog.latestContaining("nothing")
found.deleted = [(await mailhog.deleteMessage(mail.ID)).statusCode, (await mailhog.messages()).total]
found.deleted.push((await mailhog.deleteAll()).statusCode, (await mailhog.messages()).total)
console.log(JSON.stringify(found))
