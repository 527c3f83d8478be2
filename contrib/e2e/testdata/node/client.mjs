// One person's way through every flow with Ory's client for fetch, first as a
// page in a browser, then as an app. node_test.go starts it.
import assert from "node:assert/strict"
import { createRequire } from "node:module"

const ory = createRequire(import.meta.url)("@ory/client-fetch")
const { PUBLIC, ADMIN, UI, STRICT } = process.env
const first = "tide pool, seven herons"
const second = "eleven quiet harbours"

// Fetch as a browser does it: with cookies, which Node leaves out.
function browserFetch() {
  const cookies = new Map()
  return async (url, init) => {
    const headers = new Headers(init.headers)
    headers.set("Cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "))
    const response = await fetch(url, { ...init, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      if (/max-age=0/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }
}

class Person {
  constructor(native, base = PUBLIC) {
    this.native = native
    const config = { basePath: base, headers: { Accept: "application/json" } }
    if (!native) Object.assign(config, { fetchApi: browserFetch(), credentials: "include" })
    this.api = new ory.FrontendApi(new ory.Configuration(config))
  }

  // with adds the session token, as apps have it.
  with(request = {}) {
    return this.native ? { ...request, xSessionToken: this.token } : request
  }

  create(kind, request) {
    return this.api[`create${this.native ? "Native" : "Browser"}${kind}Flow`](this.with(request))
  }

  // update sends body to a flow, with the token against forgery where the form has one.
  async update(kind, flow, body) {
    const csrf = value(flow, "csrf_token")
    const sent = csrf ? { ...body, csrf_token: csrf } : body
    const answer = await this.api[`update${kind}Flow`](this.with({ flow: flow.id, [`update${kind}FlowBody`]: sent }))
    const set = answer.continue_with?.find(ory.isSetOrySessionToken)
    if (this.native) this.token = answer.session_token ?? set?.ory_session_token ?? this.token
    return answer
  }

  async signIn(identifier, password, request) {
    return this.update("Login", await this.create("Login", request), { method: "password", identifier, password })
  }

  async signOut() {
    if (this.native) return this.api.performNativeLogout({ performNativeLogoutBody: { session_token: this.token } })
    const { logout_token: token } = await this.api.createBrowserLogoutFlow()
    return this.api.updateLogoutFlow({ token })
  }

  async signedIn() {
    try {
      return (await this.api.toSession(this.with())).active
    } catch (err) {
      await refused(Promise.reject(err), 401, "session_inactive")
      return false
    }
  }
}

const node = (flow, name) => flow.ui.nodes.find((n) => n.attributes.name === name)
const value = (flow, name) => node(flow, name)?.attributes.value
const says = (flow) => (flow.ui.messages ?? []).map((m) => m.id)

// refused waits for an error with a status and returns its body.
async function refused(promise, status, id) {
  const err = await promise.then(() => assert.fail(`${id ?? status} is due`), (e) => e)
  assert.ok(err instanceof ory.ResponseError, String(err))
  assert.equal(err.response.status, status)
  const body = await ory.toBody(err.response)
  if (id) assert.equal(body.error.id, id)
  return body
}

// handled says what Ory's own handler of errors does with one.
async function handled(promise) {
  const done = {}
  const handler = ory.handleFlowError({
    onValidationError: (flow) => (done.flow = flow),
    onRestartFlow: (id) => (done.restart = id ?? true),
    onRedirect: (url) => (done.redirect = url),
  })
  await promise.then(() => assert.fail("an error is due"), handler)
  return done
}

// onward is where Ory's own reading of continue_with goes.
function onward(answer) {
  let to
  ory.handleContinueWith(answer.continue_with, { onRedirect: (url) => (to = url) })
  return to
}

async function mails(recipient) {
  const response = await fetch(`${ADMIN}/admin/inbox/messages?recipient=${encodeURIComponent(recipient)}`)
  return response.json()
}

async function code(recipient) {
  const { data } = (await mails(recipient))[0]
  return data.verification_code ?? data.recovery_code
}

async function register(person, email) {
  const flow = await person.create("Registration")
  const { flow: again } = await handled(person.update("Registration", flow, { method: "password", password: "short", traits: { email, name: { first: "Ada" } } }))
  assert.deepEqual(node(again, "password").messages.map((m) => m.id), [4000032])
  assert.equal(value(again, "traits.email"), email)
  return person.update("Registration", again, { method: "password", password: first, traits: { email, name: { first: "Ada" } } })
}

async function journey(native) {
  const me = native ? "app@example.org" : "page@example.org"
  const moved = `new-${me}`
  const person = new Person(native)

  const done = await register(person, me)
  assert.equal(done.identity.traits.email, me)
  assert.equal(typeof done.session_token, native ? "string" : "undefined")
  const next = done.continue_with.find(ory.isShowVerificationUi)
  assert.equal(next.flow.verifiable_address, me)
  assert.ok(onward(done).includes(`verification?flow=${next.flow.id}`))
  const proof = await person.api.getVerificationFlow({ id: next.flow.id })
  const proved = await person.update("Verification", proof, { method: "code", code: await code(me) })
  assert.equal(proved.state, "passed_challenge")
  assert.ok(await person.signedIn())
  await person.signOut()
  assert.equal(await person.signedIn(), false)

  const login = await person.create("Login")
  const { flow: again } = await handled(person.update("Login", login, { method: "password", identifier: me, password: second }))
  assert.deepEqual(says(again), [4000006])
  const back = await person.update("Login", again, { method: "password", identifier: me, password: first })
  assert.equal(back.session.identity.traits.email, me)
  const before = await person.api.toSession(person.with())
  assert.ok(before.authenticated_at instanceof Date)
  assert.ok(ory.isSessionAlreadyAvailable(await refused(person.create("Login"), 400, "session_already_available")))
  const refresh = await person.create("Login", { refresh: true })
  assert.equal(refresh.refresh, true)
  await person.update("Login", refresh, { method: "password", identifier: me, password: first })
  const after = await person.api.toSession(person.with())
  assert.equal(after.id, before.id)
  assert.ok(after.authenticated_at > before.authenticated_at)

  const others = [new Person(true), new Person(false), new Person(true)]
  for (const other of others) await other.signIn(me, first)
  const list = await person.api.listMySessions(person.with())
  assert.equal(list.length, 3)
  const one = await others[1].api.toSession()
  await person.api.disableMySession(person.with({ id: one.id }))
  assert.equal(await others[1].signedIn(), false)
  assert.ok(await others[0].signedIn())
  assert.deepEqual({ ...(await person.api.disableMyOtherSessions(person.with())) }, { count: 2 })
  assert.equal(await others[0].signedIn(), false)
  assert.ok(await person.signedIn())

  const lost = new Person(native)
  let recovery = await lost.create("Recovery")
  recovery = await lost.update("Recovery", recovery, { method: "code", email: me })
  assert.equal(recovery.state, "sent_email")
  recovery = await lost.update("Recovery", recovery, { method: "code", code: "000000" })
  assert.deepEqual(says(recovery), [4060006])
  recovery = await lost.update("Recovery", recovery, { method: "code", code: await code(me) })
  assert.equal(recovery.state, "passed_challenge")
  assert.ok(await lost.signedIn())
  const show = recovery.continue_with.find(ory.isShowSettingsUi)
  assert.ok(onward(recovery).includes(`settings?flow=${show.flow.id}`))
  let settings = await lost.api.getSettingsFlow(lost.with({ id: show.flow.id }))
  assert.deepEqual(says(settings), [1060001])
  const { flow: weak } = await handled(lost.update("Settings", settings, { method: "password", password: "short" }))
  assert.deepEqual(node(weak, "password").messages.map((m) => m.id), [4000032])
  settings = await lost.update("Settings", settings, { method: "password", password: second })
  assert.equal(settings.state, "success")
  assert.deepEqual(says(settings), [1050001])
  assert.equal(await person.signedIn(), false)
  const { flow: old } = await handled(person.signIn(me, first))
  assert.deepEqual(says(old), [4000006])

  settings = await lost.update("Settings", settings, { method: "profile", traits: { email: moved, name: { first: "Ada" } } })
  assert.equal(settings.identity.traits.email, moved)
  assert.equal(settings.continue_with.find(ory.isShowVerificationUi).flow.verifiable_address, moved)
  assert.equal((await mails(moved)).length, 1)
  assert.equal((await mails(me)).length, 2)
  await handled(person.signIn(me, second))
  await person.signIn(moved, second)
  assert.ok(await person.signedIn())

  assert.deepEqual(await handled(person.api.getLoginFlow({ id: "6d7d6a59-5d40-4ac5-9d3b-6ab6ac0b9a3e" })), { restart: true })
  await refused(new Person(native).create("Settings"), 401, "session_inactive")
  await refused(new Person(native).api.getSettingsFlow({ id: settings.id }), 401, "session_inactive")
  if (!native) {
    const to = (await person.api.createBrowserLogoutFlow({ returnTo: `${UI}/there` })).logout_url
    assert.ok(to.includes("return_to="))
    await refused(person.create("Settings", { returnTo: "https://evil.example" }), 400, "self_service_flow_return_to_forbidden")
  }
}

// late is a change that asks for another proof first.
async function late(native) {
  const person = new Person(native, STRICT)
  await register(person, native ? "app@example.org" : "page@example.org")
  const settings = await person.create("Settings")
  await new Promise((passed) => setTimeout(passed, 1100))
  const change = { method: "password", password: second }
  const to = await handled(person.update("Settings", settings, change))
  assert.ok(to.redirect.startsWith(`${STRICT}/self-service/login/browser?refresh=true`), JSON.stringify(to))
  const body = await refused(person.update("Settings", settings, change), 403, "session_refresh_required")
  assert.ok(ory.isNeedsPrivilegedSessionError(body))
  await refused(new Person(native, STRICT).create("Recovery"), 400, "self_service_flow_disabled")
}

for (const native of [false, true]) {
  await journey(native)
  await late(native)
}
console.log("all said")
