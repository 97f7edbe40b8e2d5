// The commands of cypress-mailpit that the inbox answers, without Cypress.
import { copyFileSync } from "node:fs"
import { install } from "./cypress.mjs"

const [, , packages, url] = process.argv
install(url)
// A bundler reads the file as a module, though its name does not say so.
copyFileSync(`${packages}/node_modules/cypress-mailpit/dist/src/MailpitCommands.js`, `${packages}/commands.mjs`)
const { MailpitCommands } = await import(`${packages}/commands.mjs`)
const mailpit = new MailpitCommands()
const once = { timeout: 1000, interval: 1 }

const found = {}
found.all = await mailpit.mailpitGetAllMails()
found.bySubject = await mailpit.mailpitGetEmailsBySubject('"Hello Mailpit"')
found.byWords = await mailpit.mailpitGetEmailsBySubject("Hello Mailpit")
found.byRecipient = await mailpit.mailpitGetEmailsByTo("bob@example.net")
found.search = await mailpit.mailpitSearchEmails("plain", 0, 1)
found.has = [
  (await mailpit.mailpitHasEmailsBySubject("plain", 0, 50, once)).messages_count,
  (await mailpit.mailpitHasEmailsByTo("bob@example.net", 0, 50, once)).messages_count,
  (await mailpit.mailpitHasEmailsBySearch("from:ann", 0, 50, once)).messages_count,
  (await mailpit.mailpitNotHasEmailsBySubject("nothing", 0, 50, once)).messages_count,
  (await mailpit.mailpitNotHasEmailsByTo("nobody@example.net", 0, 50, once)).messages_count,
  (await mailpit.mailpitNotHasEmailsBySearch("nothing", 0, 50, once)).messages_count,
]
const mail = await mailpit.mailpitGetMail()
found.mail = {
  subject: await mailpit.mailpitGetSubject(mail),
  from: await mailpit.mailpitGetFromAddress(mail),
  to: await mailpit.mailpitGetRecipientAddress(mail),
  attachments: await mailpit.mailpitGetAttachments(mail),
  html: await mailpit.mailpitGetMailHTMlBody(mail),
  text: await mailpit.mailpitGetMailTextBody(mail),
}
const unread = async () => (await mailpit.mailpitGetAllMails()).unread
found.marked = [
  await mailpit.mailpitSetAllEmailStatusAsUnRead(),
  await unread(),
  await mailpit.mailpitSetStatusAsRead(mail),
  await unread(),
  await mailpit.mailpitSetStatusAsUnRead([mail]),
  await unread(),
  await mailpit.mailpitSetAllEmailStatusAsRead(),
  await unread(),
]
found.deleted = [
  (await mailpit.mailpitDeleteEmailsBySearch("subject:plain")).status,
  (await mailpit.mailpitGetAllMails()).total,
  (await mailpit.mailpitDeleteAllEmails()).status,
  (await mailpit.mailpitGetAllMails()).total,
]
console.log(JSON.stringify(found))
