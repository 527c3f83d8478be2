// Signing up and in by a certified OpenID provider, with Ory's client for fetch: as a
// page in a browser, then as an app. elsewhere_client_test.go starts it.
import assert from "node:assert/strict"
import { createRequire } from "node:module"

const ory = createRequire(import.meta.url)("@ory/client-fetch")
const { PUBLIC, UI, HOUSE } = process.env

// A browser: a jar of cookies for each origin, and forms that are filled in by name.
class Browser {
  jars = new Map()

  fetch = async (url, init = {}) => {
    const { origin } = new URL(url)
    if (!this.jars.has(origin)) this.jars.set(origin, new Map())
    const cookies = this.jars.get(origin)
    const headers = new Headers(init.headers)
    headers.set("Cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "))
    const response = await fetch(url, { redirect: "manual", ...init, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  // goes to the house, signs in there, and follows all redirects until it is out of
  // both the house and the program; it returns where that is.
  async goes(to, login) {
    let init = { headers: { Accept: "text/html" } }
    for (let hops = 0; hops < 25; hops++) {
      if (![HOUSE, PUBLIC].includes(new URL(to).origin)) return new URL(to)
      const response = await this.fetch(to, init)
      init = { headers: { Accept: "text/html" } }
      if (response.headers.has("location")) {
        to = new URL(response.headers.get("location"), to).href
        continue
      }
      const page = await response.text()
      assert.equal(response.status, 200, page)
      const fields = new URLSearchParams()
      for (const [input] of page.matchAll(/<input[^>]*>/g)) {
        const name = /name="([^"]*)"/.exec(input)?.[1]
        if (name) fields.set(name, { login, password: "any" }[name] ?? /value="([^"]*)"/.exec(input)?.[1] ?? "")
      }
      to = new URL(/<form[^>]*action="([^"]*)"/.exec(page)[1], to).href
      init = { method: "POST", body: fields, headers: { Accept: "text/html" } }
    }
    assert.fail("it leads round and round")
  }
}

function api(browser) {
  const config = { basePath: PUBLIC, headers: { Accept: "application/json" } }
  if (browser) Object.assign(config, { fetchApi: browser.fetch, credentials: "include" })
  return new ory.FrontendApi(new ory.Configuration(config))
}

const node = (flow, name) => flow.ui.nodes.find((n) => n.attributes.name === name)

// away says where Ory's own handler of errors sends the browser.
async function away(promise) {
  let to
  const handler = ory.handleFlowError({ onValidationError: () => {}, onRestartFlow: () => {}, onRedirect: (url) => (to = url) })
  await promise.then(() => assert.fail("an error is due"), handler)
  assert.ok(to?.startsWith(HOUSE), to)
  return to
}

// A page: the house leaves out a name, which is asked for without asking it again;
// then they sign in from both doors.
const page = new Browser()
const front = api(page)
const post = (flow, traits) => front.updateRegistrationFlow({
  flow: flow.id,
  updateRegistrationFlowBody: { method: "oidc", provider: "house", csrf_token: node(flow, "csrf_token").attributes.value, traits },
})
let flow = await front.createBrowserRegistrationFlow()
let at = await page.goes(await away(post(flow)), "grace")
assert.equal(at.origin + at.pathname, `${UI}/registration`)
flow = await front.getRegistrationFlow({ id: at.searchParams.get("flow") })
assert.equal(node(flow, "traits.email").attributes.value, "grace@example.com")
assert.deepEqual(node(flow, "traits.name.first").messages.map((m) => m.id), [4000002])
const { identity } = await post(flow, { email: "grace@example.com", name: { first: "Grace" } })
assert.equal((await front.toSession()).identity.id, identity.id)

const { logout_token: token } = await front.createBrowserLogoutFlow()
await front.updateLogoutFlow({ token })
at = await page.goes(await away(post(await front.createBrowserRegistrationFlow())), "grace")
assert.equal(at.href, `${UI}/`)
assert.equal((await front.toSession()).identity.id, identity.id, "who is known signs in")

// An app, whose browser knows none of its codes.
const app = api()
const answer = (flow, traits) => app.updateRegistrationFlow({ flow: flow.id, updateRegistrationFlowBody: { method: "oidc", provider: "house", traits } })
flow = await app.createNativeRegistrationFlow({ returnSessionTokenExchangeCode: true, returnTo: `${UI}/app` })
at = await new Browser().goes(await away(answer(flow)), "ada")
assert.equal(at.origin + at.pathname, `${UI}/app`)
const left = await app.exchangeSessionToken({ initCode: flow.session_token_exchange_code, returnToCode: at.searchParams.get("code") })
  .then(() => assert.fail("a name is missing still"), (e) => (assert.equal(e.response.status, 422), e.response.json()))
const done = await answer(left, { email: "ada@example.com", name: { first: "Ada" } })
assert.match(done.session_token, /^ory_st_/)

flow = await app.createNativeLoginFlow({ returnSessionTokenExchangeCode: true, returnTo: `${UI}/app` })
const to = await away(app.updateLoginFlow({ flow: flow.id, updateLoginFlowBody: { method: "oidc", provider: "house" } }))
at = await new Browser().goes(to, "ada")
const codes = { initCode: flow.session_token_exchange_code, returnToCode: at.searchParams.get("code") }
const session = await app.exchangeSessionToken(codes)
assert.equal(session.session.identity.id, done.identity.id)
assert.equal((await app.toSession({ xSessionToken: session.session_token })).identity.id, done.identity.id)
await assert.rejects(app.exchangeSessionToken(codes), (e) => e.response.status === 410)

console.log("all said")
