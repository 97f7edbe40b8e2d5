// As much of Cypress as the helpers for Mailpit and MailHog use.  Each command returns a promise.

export const commands = {}

export function install(url) {
  const wrap = (value) => {
    const found = Promise.resolve(value)
    found.its = (name) => found.then((object) => object[name])
    return found
  }
  globalThis.Cypress = {
    expose: () => url,
    env: (name) => (name === "mailHogUrl" ? url : undefined),
    config: () => undefined,
    Commands: {
      add: (name, options, command) => {
        commands[name] = command ?? options
      },
    },
  }
  globalThis.cy = {
    env: async () => ({}),
    wrap,
    wait: () => {
      throw new Error("the messages are there; nothing waits")
    },
    verifyUpcomingAssertions: wrap,
    request: async ({ method, url, qs, body, failOnStatusCode }) => {
      const address = new URL(url)
      for (const [name, value] of Object.entries(qs ?? {})) address.searchParams.set(name, value)
      const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }
      const answer = await fetch(address, { method, ...json })
      const text = await answer.text()
      if (failOnStatusCode !== false && answer.status >= 400) throw new Error(`${answer.status} ${method} ${url}: ${text}`)
      const isJson = answer.headers.get("content-type").startsWith("application/json")
      return { status: answer.status, body: isJson ? JSON.parse(text) : text }
    },
  }
}
