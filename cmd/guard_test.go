package cmd_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// mayCall is who may call what: a route, and the scopes of which one is enough;
// "known" is everybody who is known, "open" everybody.
const mayCall = `
GET /admin/health/alive                    open
GET /admin/health/ready                    known
GET /admin/version                         known
GET /admin/openapi.json                    known
GET /admin/health/config                   config config.read
GET /admin/metrics/prometheus              metrics metrics.read
GET /admin/identities                      identity identity.read
POST /admin/identities                     identity identity_self_registration
GET /admin/identities/:id                  identity identity.read
GET /admin/identities/by/external/:externalID identity identity.read
PATCH /admin/identities                    identity
PUT /admin/identities/:id                  identity
PATCH /admin/identities/:id                identity
DELETE /admin/identities/:id               identity
DELETE /admin/identities/:id/credentials/:type identity
POST /admin/recovery/code                  identity
POST /admin/recovery/link                  identity
POST /admin/codes                          identity identity_self_registration
POST /admin/activations                    identity identity_self_registration
GET /admin/identities/:id/sessions         session session.read
DELETE /admin/identities/:id/sessions      session
GET /admin/sessions                        session session.read
POST /admin/sessions                       session
GET /admin/sessions/:id                    session session.read
DELETE /admin/sessions/:id                 session
PATCH /admin/sessions/:id/extend           session
GET /admin/courier/messages                courier courier.read
GET /admin/courier/messages/:id            courier courier.read
POST /admin/courier/messages/:id/resend    courier
POST /admin/courier/messages/:id/discard   courier
GET /admin/inbox                           courier courier.read
GET /admin/inbox/messages                  courier courier.read
GET /admin/inbox/messages/:id/html         courier courier.read
GET /admin/events                          events events.read
GET /admin/events/:id                      events events.read
POST /admin/events/:id/replay              events
POST /admin/events/:id/discard             events
POST /admin/event-replays                  events
GET /admin/schemas                         schema schema.read
GET /admin/schemas/:id                     schema schema.read
`

var everyScope = []string{
	"config", "config.read", "courier", "courier.read", "events", "events.read", "identity", "identity.read", "identity_self_registration",
	"metrics", "metrics.read", "schema", "schema.read", "session", "session.read",
}

// tokenFor is a token that a caller of the tests has, by the name of the caller.
func tokenFor(name string) string { return "foyer_at_" + strings.Repeat("x", 30) + "." + name }

// caller is an entry of serve.admin.auth.tokens.
func caller(name string, scopes ...string) map[string]any {
	sum := sha256.Sum256([]byte(tokenFor(name)))
	return map[string]any{"name": name, "hash": "sha256:" + hex.EncodeToString(sum[:]), "scopes": scopes}
}

func asks(callers ...map[string]any) enginetest.Option {
	return enginetest.With("serve.admin.auth.tokens", callers)
}

// as is a client with a token.
func as(env *enginetest.Env, token string) *enginetest.Client {
	c := env.Native()
	c.Head.Set("Authorization", "Bearer "+token)
	return c
}

// Every cell of the matrix of scopes by route is asked by HTTP, HEAD included.
func TestAccessByScope(t *testing.T) {
	var list []map[string]any
	for _, scope := range everyScope {
		list = append(list, caller(scope, scope))
	}
	env := enginetest.New(t, asks(append(list, caller("all", "*"), caller("most", everyScope...))...))
	table := map[string][]string{}
	for row := range strings.Lines(strings.TrimSpace(mayCall)) {
		words := strings.Fields(row)
		table[words[0]+" "+words[1]] = words[2:]
	}
	cells := 0
	for _, r := range env.App.Routes {
		if !strings.HasPrefix(r.Path, "/admin/") {
			continue
		}
		route := r.Method + " " + r.Path
		may, ok := table[route]
		require.True(t, ok, "%s: nothing here says who may call it", route)
		delete(table, route)
		methods := []string{r.Method}
		if r.Method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		for _, method := range methods {
			to := env.AdminURL + regexp.MustCompile(`:[A-Za-z]+`).ReplaceAllString(r.Path, uuid.Must(uuid.NewV4()).String())
			for _, name := range append([]string{"", "wrong", "all", "most"}, everyScope...) {
				body := ""
				if r.Method != http.MethodGet {
					body = "{}"
				}
				c := as(env, tokenFor(name))
				if name == "" {
					c = env.Native()
				}
				a := c.Do(outgoing(t, method, to, body))
				cell := fmt.Sprintf("%s %s for %q: %d %s", method, r.Path, name, a.Status, a.Body)
				id := a.Header.Get("Ory-Error-Id")
				switch {
				case may[0] == "open" || name == "all" || name == "most" || name != "" && name != "wrong" && (may[0] == "known" || slices.Contains(may, name)):
					require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, a.Status, cell)
				case name == "" || name == "wrong":
					require.Equal(t, http.StatusUnauthorized, a.Status, cell)
					require.Equal(t, "admin_unauthenticated", id, cell)
				default:
					require.Equal(t, http.StatusForbidden, a.Status, cell)
					require.Equal(t, "admin_scope_missing", id, cell)
					require.Contains(t, a.Header.Get("WWW-Authenticate"), `scope="`, cell)
					if method != http.MethodHead {
						var told struct {
							Error struct {
								Reason  string
								Details struct{ Scopes []string }
							}
						}
						a.Decode(&told)
						require.NotEmpty(t, told.Error.Details.Scopes, cell)
						require.Subset(t, may, told.Error.Details.Scopes, cell)
						require.Contains(t, told.Error.Reason, told.Error.Details.Scopes[0], cell)
					}
				}
				cells++
			}
		}
	}
	require.Empty(t, table, "there are no such routes")
	require.Greater(t, cells, 1000)
	require.Equal(t, "[]\n", string(as(env, tokenFor("all")).Get(env.AdminURL+"/identities").Body))
}

// Who may read people may not read what they sign in with.
func TestHashesAreNotForReaders(t *testing.T) {
	env := enginetest.New(t, asks(caller("reader", "identity.read"), caller("owner", "identity")))
	body := `{"schema_id":"default","external_id":"a1","traits":{"email":"ada@example.org"},"credentials":{"password":{"config":{"password":"a good long Passphrase 9"}}}}`
	id := as(env, tokenFor("owner")).Do(outgoing(t, "POST", env.AdminURL+"/identities", body)).JSON()["id"].(string)
	for _, path := range []string{"/admin/identities", "/identities", "/identities/" + id, "/identities/by/external/a1"} {
		require.Equal(t, http.StatusOK, as(env, tokenFor("reader")).Get(env.AdminURL+path).Status, path)
		for _, query := range []string{"?include_credential=password", "?include_credential=oidc&include_credential=password", "?include%5Fcredential=password", "?include_credential", "?x=1;y&include_credential=password"} {
			a := as(env, tokenFor("reader")).Get(env.AdminURL + path + query)
			require.Equal(t, http.StatusForbidden, a.Status, path+query)
			require.Contains(t, string(a.Body), "it needs the scope identity.", path+query)
		}
		a := as(env, tokenFor("owner")).Get(env.AdminURL + path + "?include_credential=password")
		require.Equal(t, http.StatusOK, a.Status, path)
		require.Contains(t, string(a.Body), "hashed_password", path)
		require.NotContains(t, string(as(env, tokenFor("reader")).Get(env.AdminURL+path+"?INCLUDE_CREDENTIAL=password").Body), "hashed_password", path)
	}
}

// Whoever is not known is told the same, whatever they bring and whatever they
// ask for.
func TestUnknownCallersAreAllAlike(t *testing.T) {
	env := enginetest.New(t, asks(caller("crm", "identity")))
	sum := sha256.Sum256([]byte(tokenFor("crm")))
	good := tokenFor("crm")
	requestID := regexp.MustCompile(`"request":"[^"]*"`)
	alike := ""
	for _, headers := range [][]string{
		nil, {""}, {"Bearer"}, {"Bearer "}, {"Bearer wrong"}, {"Bearer " + good[:len(good)-1]}, {"Bearer " + good + "x"}, {"Bearer " + strings.ToUpper(good)},
		{"Basic " + good}, {good}, {"Bearer " + hex.EncodeToString(sum[:])}, {"Bearer sha256:" + hex.EncodeToString(sum[:])}, {"Bearer crm"},
		{"Bearer a.b.c"}, {"Bearer eyJhbGciOiJub25lIn0.e30."}, {"Bearer " + good, "Bearer " + good}, {"Bearer " + strings.Repeat("x", 50_000)},
		{"Bearer ' OR 1=1 --"},
	} {
		for _, to := range []string{"GET /admin/identities", "GET /identities", "DELETE /admin/sessions/x", "GET /admin/nowhere", "PUT /admin/version", "POST /admin/identities", "GET /admin/health/ready", "GET /openapi.json"} {
			method, path, _ := strings.Cut(to, " ")
			req := outgoing(t, method, env.AdminURL+path, "")
			req.Header["Authorization"] = headers
			a := env.Native().Do(req)
			require.Equal(t, http.StatusUnauthorized, a.Status, "%s %v", to, headers)
			require.Equal(t, `Bearer realm="foyer admin"`, a.Header.Get("WWW-Authenticate"))
			told := requestID.ReplaceAllString(string(a.Body), "")
			if alike == "" {
				alike = told
			}
			require.Equal(t, alike, told, "%s %v", to, headers)
		}
	}
	require.Equal(t, http.StatusOK, env.Native().Get(env.AdminURL+"/health/alive").Status)
	req := outgoing(t, "GET", env.AdminURL+"/identities", "")
	req.Header.Set("Authorization", "bEaReR "+good)
	require.Equal(t, http.StatusOK, env.Native().Do(req).Status, "the scheme is of any case")
	require.Equal(t, http.StatusNotFound, as(env, good).Get(env.AdminURL+"/admin/nowhere").Status)
	require.Equal(t, http.StatusMethodNotAllowed, as(env, good).Do(outgoing(t, "PUT", env.AdminURL+"/version", "")).Status)
	require.NotContains(t, env.Logs.String(), good)
	require.NotContains(t, env.Logs.String(), "xxxxxxxxxx")
	require.NotContains(t, env.Logs.String(), hex.EncodeToString(sum[:]))
}

// A page in a browser has no token to steal or to use.
func TestATokenIsNoExcuseForAPage(t *testing.T) {
	env := enginetest.New(t, asks(caller("crm", "*")))
	for header, value := range map[string]string{"Origin": "http://127.0.0.1:4434", "Sec-Fetch-Site": "same-origin", "Host": "rebound.example"} {
		req := outgoing(t, "GET", env.AdminURL+"/identities", "")
		req.Header.Set(header, value)
		if header == "Host" {
			req.Host = value
		}
		require.Equal(t, http.StatusForbidden, as(env, tokenFor("crm")).Do(req).Status, header)
	}
}

// With nothing configured loopback is asked nothing, and neither is a unix socket.
func TestNobodyIsAskedWithoutConfiguration(t *testing.T) {
	for _, options := range [][]enginetest.Option{nil, {enginetest.With("serve.admin.auth", "none")}} {
		env := enginetest.New(t, options...)
		require.Equal(t, http.StatusOK, env.Admin("GET", "/admin/identities", nil).Status)
		require.Equal(t, http.StatusOK, as(env, "anything").Get(env.AdminURL+"/admin/identities").Status)
	}
}

// Addresses and methods that are not there are refused in JSON, as HEAD is.
func TestRefusalsOfTheRouterAreJSON(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	for _, base := range []string{env.AdminURL, env.PublicURL} {
		for _, path := range []string{"/", "/nowhere", "/admin/", "/admin", "//admin/identities", "/admin/identities/", "/admin/identities/x/y/z", "/%00", "/admin/..%2f", "/sessions/x/y"} {
			for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "TRACE", "FOO", "DELETE"} {
				req := outgoing(t, method, base, "")
				req.URL.Opaque = "//" + req.URL.Host + path
				a := c.Do(req)
				at := method + " " + base + path
				require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, a.Status, at)
				require.Equal(t, "application/json", a.Header.Get("Content-Type"), at)
				require.Contains(t, []string{"route_not_found", "method_not_allowed"}, a.Header.Get("Ory-Error-Id"), at)
				if method != "HEAD" {
					require.Equal(t, a.Header.Get("Ory-Error-Id"), a.ErrorID(), at)
				} else {
					require.Empty(t, a.Body, at)
				}
			}
		}
		for _, method := range []string{"POST", "OPTIONS", "TRACE", "FOO", "CONNECT"} {
			a := c.Do(outgoing(t, method, base+"/health/alive", ""))
			require.Equal(t, http.StatusMethodNotAllowed, a.Status, method)
			require.Equal(t, "method_not_allowed", a.ErrorID(), method)
			require.Equal(t, "GET, HEAD", a.Header.Get("Allow"), method)
		}
		a := c.Do(outgoing(t, "HEAD", base+"/schemas/none", ""))
		require.Equal(t, http.StatusNotFound, a.Status)
		require.Empty(t, a.Body)
		require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	}
}

// The document of the API is served, and the same as the published one.
func TestOpenAPIIsServed(t *testing.T) {
	env := enginetest.New(t)
	doc := readOpenAPI(t)
	for _, path := range []string{"/openapi.json", "/admin/openapi.json"} {
		a := env.Admin("GET", path, nil)
		require.Equal(t, http.StatusOK, a.Status)
		require.Equal(t, doc.doc, a.JSON())
	}
	require.Equal(t, http.StatusNotFound, env.Native().Get("/openapi.json").Status)
}

func TestMadeTokens(t *testing.T) {
	seen := map[string]bool{}
	var callers []map[string]any
	var tokens []string
	for n := range 4 {
		status, out, errOut := run("secrets", "token", "--format", "json")
		require.Zero(t, status, errOut)
		var made struct{ Token, Hash string }
		require.NoError(t, json.Unmarshal([]byte(out), &made))
		require.Regexp(t, `^foyer_at_[A-Za-z0-9_-]{43}$`, made.Token)
		require.False(t, seen[made.Token])
		seen[made.Token] = true
		raw, err := hex.DecodeString(strings.TrimPrefix(made.Hash, "sha256:"))
		require.NoError(t, err)
		spelt := []string{made.Hash, hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), "sha256:" + base64.RawURLEncoding.EncodeToString(raw)}[n]
		callers = append(callers, map[string]any{"name": fmt.Sprint("c", n), "hash": spelt, "scopes": []string{"identity.read"}})
		tokens = append(tokens, made.Token)
	}
	env := enginetest.New(t, asks(callers...))
	for _, token := range tokens {
		require.Equal(t, http.StatusOK, as(env, token).Get(env.AdminURL+"/identities").Status)
	}
	_, out, _ := run("secrets", "token")
	require.Regexp(t, `^token  foyer_at_\S{43}\nhash   sha256:[0-9a-f]{64}\n$`, out)
	status, _, errOut := run("secrets", "token", "--format", "yaml")
	require.NotZero(t, status)
	require.Contains(t, errOut, "--format")
}

// The program's own commands bring their token.
func TestCommandsBringAToken(t *testing.T) {
	env := enginetest.New(t, asks(caller("ops", "events")))
	status, _, errOut := run("events", "list", "--endpoint", env.AdminURL, "--token", tokenFor("ops"))
	require.Zero(t, status, errOut)
	status, _, errOut = run("events", "list", "--endpoint", env.AdminURL, "--token", tokenFor("other"))
	require.NotZero(t, status)
	require.Contains(t, errOut, "admin_unauthenticated (401)")
	require.NotContains(t, errOut, tokenFor("other"))
}
