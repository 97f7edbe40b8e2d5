// The commands of cypress-mailhog that the inbox answers, without Cypress.
import { createRequire } from "node:module"
import { commands, install } from "./cypress.mjs"

const [, , packages, url] = process.argv
install(url)
createRequire(`${packages}/`)("cypress-mailhog")

const found = {}
const all = await commands.mhGetAllMails()
found.subjects = all.map((mail) => mail.Content.Headers.Subject[0])
const [mail] = await commands.mhGetMailsByRecipient("bob@example.net")
found.mail = {
  subject: await commands.mhGetSubject(mail),
  sender: await commands.mhGetSender(mail),
  recipients: await commands.mhGetRecipients(mail),
  attachments: await commands.mhGetAttachments(mail),
}
found.counts = [
  (await commands.mhGetMailsBySubject("plain")).length,
  (await commands.mhGetMailsBySender("me@example.org")).length,
  (await commands.mhSearchMails("to", "bob@example.net")).length,
  commands.mhFilterBySubject(all, "plain").length,
]
found.body = (await commands.mhGetBody(commands.mhFirst(commands.mhFilterBySubject(all, "plain")))).trim()
found.jim = await commands.mhGetJimMode()
found.deleted = [(await commands.mhDeleteAll()).status, (await commands.mhGetAllMails()).length]
console.log(JSON.stringify(found))
process.exit(0) // its timers go on
