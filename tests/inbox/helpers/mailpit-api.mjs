// Each function of the client mailpit-api that the inbox answers.
import { createRequire } from "node:module"

const [, , packages, url, user, password] = process.argv
const { MailpitClient } = createRequire(`${packages}/`)("mailpit-api")
const mailpit = new MailpitClient(url, user ? { auth: { username: user, password } } : undefined)

const found = {}
found.info = await mailpit.getInfo()
found.list = await mailpit.listMessages()
found.part = await mailpit.listMessages(1, 1)
found.search = await mailpit.searchMessages({ query: 'subject:"Hello Mailpit"', tz: "Europe/Berlin" })
found.waited = await mailpit.waitForMessage({ query: "to:bob@example.net" })
found.several = await mailpit.waitForMessages({ count: 2 })
found.latest = await mailpit.getMessageSummary()
found.headers = await mailpit.getMessageHeaders()
found.source = await mailpit.getMessageSource()
const { ID, Attachments } = found.latest
const file = await mailpit.getMessageAttachment(ID, Attachments[0].PartID)
found.file = { type: file.type, octets: [...new Uint8Array(await file.arrayBuffer())] }
found.html = await mailpit.renderMessageHTML()
found.text = await mailpit.renderMessageText()
found.marked = [
  await mailpit.setReadStatus({ IDs: [ID], Read: false }),
  (await mailpit.searchMessages({ query: "is:unread" })).messages_count,
  await mailpit.setReadStatus({ Search: "subject:plain", Read: true }, { tz: "America/Chicago" }),
  (await mailpit.searchMessages({ query: "is:unread" })).messages_count,
  await mailpit.setReadStatus({ Read: true }),
  (await mailpit.listMessages()).unread,
]
found.tags = [
  await mailpit.setTags({ IDs: [ID], Tags: ["One", "two"] }),
  await mailpit.getTags(),
  await mailpit.renameTag("one", "three"),
  await mailpit.deleteTag("two"),
  (await mailpit.getMessageSummary(ID)).Tags,
]
found.chaos = [
  await mailpit.getChaosTriggers(),
  await mailpit.setChaosTriggers({ Sender: { ErrorCode: 451, Probability: 5 } }),
  await mailpit.setChaosTriggers(),
]
found.errors = []
for (const wrong of [() => mailpit.getMessageSummary("99"), () => mailpit.searchMessages({ query: "" })]) {
  await wrong().catch((error) => found.errors.push(error.message))
}
found.deleted = [
  await mailpit.deleteMessagesBySearch({ query: "subject:plain" }),
  (await mailpit.listMessages()).total,
  await mailpit.deleteMessages({ IDs: [ID] }),
  (await mailpit.listMessages()).total,
  await mailpit.deleteMessages(),
]
console.log(JSON.stringify(found))
