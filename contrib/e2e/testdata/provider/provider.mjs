// A certified OpenID provider on loopback. Whoever comes signs in by any name and
// password, and has the address <name>@example.com, which is proved unless the name
// begins with "unproved". It says its issuer in one line, and ends with its standard
// input or when told to. upstream_test.go starts it.
import { createServer } from "node:http"
import { Provider } from "oidc-provider"

const { CLIENT, SECRET, REDIRECTS } = process.env

const server = createServer((request, response) => provider.callback()(request, response))
await new Promise((ready) => server.listen(0, "127.0.0.1", ready))
const issuer = `http://127.0.0.1:${server.address().port}`

const provider = new Provider(issuer, {
  clients: [{ client_id: CLIENT, client_secret: SECRET, redirect_uris: REDIRECTS.split(" ") }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "given_name", "family_name"] },
  cookies: { keys: ["for one run of a test"] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  async findAccount(_, name) {
    const claims = { sub: name, email: `${name}@example.com`, email_verified: !name.startsWith("unproved"), name, given_name: name }
    return { accountId: name, claims: async () => claims }
  },
})

process.stdin.resume().on("end", () => process.exit(0))
process.on("SIGTERM", () => process.exit(0))
console.log(issuer)
