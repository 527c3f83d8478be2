package cmd_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gofrs/uuid"
	"github.com/ory/jsonschema/v3"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer"
	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/persistence"
)

// The published document is held to the program: no route but those it has, no
// answer, header or field but those it names, and no answer that never comes.
func TestOpenAPI(t *testing.T) {
	doc := readOpenAPI(t)
	t.Run("references", doc.references)
	t.Run("routes", doc.routes)
	t.Run("answers", func(t *testing.T) {
		w := &witness{openAPI: doc, seen: map[string]bool{}}
		w.register(t)
		w.refuse(t)
		w.verify(t)
		w.proveFirst(t)
		w.signIn(t)
		w.twoSteps(t)
		w.recover(t)
		w.change(t)
		w.rescue(t)
		w.provide(t)
		w.notEnabled(t)
		w.administrate(t)
		w.guard(t)
		w.sessions(t)
		w.logout(t)
		w.operate(t)
		w.tell(t)
		w.fail(t)
		// Not every failure of ours can be had at will, nor a thousand clients that
		// wait or save at once; what can is held to the document too.
		ours := func(answer string) bool {
			return answer[0] == '5' || strings.HasPrefix(answer, "429 get ") || strings.HasPrefix(answer, "409 delete ")
		}
		require.Equal(t, slices.DeleteFunc(doc.answers(), ours), slices.DeleteFunc(slices.Sorted(maps.Keys(w.seen)), ours))
	})
}

// register walks the journey of each client to its end, and once more.
func (w *witness) register(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		w.watch(t, c)
		f := c.Open("return_to=http://127.0.0.1:4455/there&state=opaque&login_hint=a@example.org")
		c.Get("/self-service/registration?flow=" + f.ID)
		refused := enginetest.Values{
			"method": "password", "traits.email": "nobody", "traits.age": "x", "traits.tags": []any{"a", "b"},
			"traits.plan": "free", "traits.newsletter": "true", "transient_payload.a": "1", "password": "short",
		}
		f = c.Refused(f, refused)
		person := enginetest.Person(string(c.Kind) + "@example.org")
		first := c.Submit(f, person)
		again := c.Submit(f, person)
		require.Equal(t, first.Status, again.Status, "%s", again.Body)
		c.Submit(f, person.With("traits.plan", "pro"))
		token := ""
		if c.Kind == enginetest.Native {
			token = first.JSON()["session_token"].(string)
		}
		w.whoami(t, c, token, http.StatusOK)
		c.Get("/self-service/registration/browser")
	}
	w.whoami(t, w.watch(t, env.Native()), "", http.StatusUnauthorized)
}

func (w *witness) whoami(t *testing.T, c *enginetest.Client, token string, status int) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		for query, expected := range map[string]int{"": status, "?tokenize_as=x": http.StatusBadRequest} {
			req := outgoing(t, method, c.Env.PublicURL+"/sessions/whoami"+query, "")
			req.Header.Set("X-Session-Token", token)
			require.Equal(t, expected, c.Do(req).Status, method+query)
		}
	}
}

// refuse sends what must be refused, for every reason there is.
func (w *witness) refuse(t *testing.T) {
	env := enginetest.New(t,
		enginetest.With("selfservice.methods.password.config.haveibeenpwned_enabled", true),
		enginetest.With("selfservice.methods.password.config.haveibeenpwned_host", "127.0.0.1:1"),
		enginetest.With("selfservice.methods.password.config.ignore_network_errors", false))
	const flows, submit = "/self-service/registration/flows?id=", "/self-service/registration?flow="
	unknown := uuid.Must(uuid.NewV4()).String()
	for _, c := range env.Clients() {
		w.watch(t, c)
		c.Get("/self-service/registration/browser?return_to=https://evil.example/")
		c.Get("/self-service/registration/api?return_to=https://evil.example/")
		for _, id := range []string{"", "x", unknown} {
			c.Get(flows + id)
			c.Get(submit + id)
			c.Post(submit+id, enginetest.Person("a@example.org"))
		}
		f := c.Open("")
		c.Submit(f, enginetest.Person("a@example.org"))                             // the breach check is away
		c.Submit(f, enginetest.Person("a@example.org").With("method", "telepathy")) // unknown
		c.PostBody(f.UI.Action, "application/xml", []byte("<a/>"))
		c.PostBody(f.UI.Action, "application/json", []byte(`{"a":1,"a":2}`))
		c.PostBody(f.UI.Action, "application/json", bytes.Repeat([]byte(" "), 1<<20+1))
		if c.Kind != enginetest.Native {
			stranger := w.watch(t, env.SPA())
			stranger.Get(flows + f.ID)
			stranger.Get(submit + f.ID)
			stranger.Submit(f, enginetest.Person("a@example.org"))
		}
		env.Clock.Advance(2 * time.Hour)
		c.Get(flows + f.ID)
		c.Get(submit + f.ID)
		c.Submit(f, enginetest.Person("a@example.org"))
	}
	browser, app := env.Browser(), w.watch(t, env.SPA())
	to := browser.Get("/self-service/registration/browser?return_to=https://evil.example/").Location()
	for _, id := range []string{to.Query().Get("id"), unknown, "x", "stub:500"} {
		app.Get("/self-service/errors?id=" + id)
	}
	app.Get("/nowhere")
	app.Do(outgoing(t, "PATCH", env.PublicURL+"/self-service/registration", ""))
}

// verify proves addresses by code and by link, and fails to in every way there is.
func (w *witness) verify(t *testing.T) {
	const base, unknown = "/self-service/verification", "7a1e4a0e-6b0c-4b7a-9a5e-3f1f3c1b2d4e"
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.With("courier.channels", []map[string]any{
		{"id": "sms", "type": "http", "request_config": map[string]any{"url": "http://127.0.0.1:1/"}},
	}))
	for _, c := range env.Clients() {
		w.watch(t, c)
		email := string(c.Kind) + "@example.org"
		c.Submit(c.Open("after_verification_return_to=http://127.0.0.1:4455/proved"), enginetest.Person(email))
		mail := env.Inbox(email)[0]
		home, err := url.Parse(mail.Link())
		require.NoError(t, err)
		id := home.Query().Get("flow")
		c.Get(base + "/flows?id=" + id + "&after=" + "99")
		for _, link := range []string{"&token=x", "&code=1", "&token=" + strings.Repeat("x", 99)} {
			c.Get(base + "?flow=" + id + link)
		}
		f := c.ReadKind("verification", id)
		c.Submit(f, enginetest.Values{"method": "code", "code": "000000x"})
		c.Submit(f, enginetest.Values{"method": "code", "email": email})
		code := enginetest.Values{"method": "code", "code": env.Inbox(email)[0].Code()}
		c.Submit(f, code)
		c.Submit(f, code)
		c.Submit(f, code.With("code", "1"))
		c.Get(base + "/flows?id=" + id)
		c.Get(mail.Link())

		f = c.OpenKind("verification", "return_to=http://127.0.0.1:4455/there&state=opaque&login_hint="+email)
		for _, v := range []enginetest.Values{
			{"method": "code", "email": "nobody"}, {"method": "code", "email": "+4915112345678", "transient_payload.a": "1"},
			{"method": "code"}, {"method": "link"}, {"method": "telepathy"},
		} {
			c.Submit(f, v)
		}
		c.PostBody(f.UI.Action, "application/json", bytes.Repeat([]byte(" "), 1<<20+1))
		for _, id := range []string{"", unknown} {
			c.Get(base + "/flows?id=" + id)
			c.Get(base + "?flow=" + id)
			c.Post(base+"?flow="+id, code)
		}
		c.Get(base + "/browser?return_to=https://evil.example/")
		c.Get(base + "/api?return_to=https://evil.example/")
		if c.Kind != enginetest.Native {
			stranger := w.watch(t, env.SPA())
			stranger.Get(base + "/flows?id=" + f.ID)
			stranger.Get(base + "?flow=" + f.ID)
			stranger.Submit(f, code)
		}
		env.Clock.Advance(2 * time.Hour)
		c.Get(base + "/flows?id=" + f.ID)
		c.Get(base + "?flow=" + f.ID)
		c.Submit(f, code)
	}
}

// proveFirst registers with a proof of the address, and opens the links of it.
func (w *witness) proveFirst(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	for _, c := range env.Clients() {
		w.watch(t, c)
		email := string(c.Kind) + "@example.org"
		f := c.Open("")
		c.Submit(f, enginetest.Person(email))
		link := env.Inbox(email)[0].Link()
		c.Get(link)
		c.Get(link + strings.Repeat("0", 99))
		w.watch(t, env.Browser()).Follow(link)
		w.watch(t, env.SPA()).Follow(link)
		f = c.Read(f.ID)
		c.Submit(f, enginetest.Values{"method": "code", "code": "1"})
		c.Submit(f, enginetest.Values{"method": "code", "resend": "code"})
		c.Submit(f, enginetest.Values{"method": "code", "code": env.Inbox(email)[0].Code()})
		w.watch(t, env.SPA()).Follow(link)
	}
}

// notEnabled meets a kind of flow that the operator has not enabled.
func (w *witness) notEnabled(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range []*enginetest.Client{w.watch(t, env.Browser()), w.watch(t, env.SPA())} {
		const base = "/self-service/recovery"
		id := uuid.Must(uuid.NewV4()).String()
		c.Get(base + "/browser")
		c.Get(base + "/api")
		c.Get(base + "/flows?id=" + id)
		c.Get(base + "?flow=" + id)
		c.Post(base+"?flow="+id, enginetest.Values{"method": "code"})
	}
}

// administrate makes people and looks at them, and asks how the program is.
func (w *witness) administrate(t *testing.T) {
	env := enginetest.New(t)
	c := w.watch(t, env.SPA())
	const people = "/admin/identities"
	person := `{"schema_id":"default","traits":{"email":"%@example.org"},"metadata_public":{"a":[1]},"metadata_admin":"x",
		"external_id":"%","credentials":{"password":{"config":{"password":"a good long Passphrase 9"}}}}`
	create := func(name string) *enginetest.Answer {
		return c.Do(outgoing(t, "POST", env.AdminURL+people, strings.ReplaceAll(person, "%", name)))
	}
	made := create("ada").JSON()["id"].(string)
	create("ada")
	create("bob")
	create(strings.Repeat("x", 5<<20))
	for _, body := range []string{"", "{}", `{"traits":{"email":"nobody"}}`, `{"traits":{},"unknown":1}`} {
		c.Do(outgoing(t, "POST", env.AdminURL+people, body))
	}
	for _, body := range []string{
		`{"identities":[{"create":{"traits":{"email":"cleo@example.org"}},"patch_id":"1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"},{"create":7},null]}`,
		`{"identities":7}`, strings.Repeat("x", 5<<20+1),
	} {
		c.Do(outgoing(t, "PATCH", env.AdminURL+people, body))
	}
	c.Do(outgoing(t, "POST", env.AdminURL+people, `{"traits":{"email":"dora@example.org"},"region":null,"credentials":{"oidc":{"config":{"providers":[{"provider":"op","subject":"1"}]}}},
		"verifiable_addresses":[{"value":"dora@example.org","via":"email","verified":true}]}`))
	for _, query := range []string{"", "?page_size=1", "?page_size=0", "?page=1", "?credentials_identifier=ADA@example.org", "?include_credential=password", "?ids=" + made} {
		c.Get(env.AdminURL + people + query)
	}
	for _, path := range []string{"/by/external/ada", "/by/external/none", "/by/external/ada?include_credential=x", "/" + made + "?include_credential=password", "/" + made + "?x=y"} {
		c.Get(env.AdminURL + people + path)
	}
	changes := `{"traits":{"email":"%@example.org"},"credentials":{"oidc":{"config":{"providers":[{"provider":"op","subject":"2"}]}}}}`
	for method, bodies := range map[string][]string{
		"PUT":   {strings.ReplaceAll(changes, "%", "ada"), strings.ReplaceAll(changes, "%", "bob"), "{}", strings.Repeat("x", 5<<20+1)},
		"PATCH": {`[{"op":"add","path":"/metadata_admin","value":[1]}]`, `[{"op":"replace","path":"/traits/email","value":"bob@example.org"}]`, "{}", strings.Repeat("x", 5<<20+1)},
	} {
		for _, body := range bodies {
			c.Do(outgoing(t, method, env.AdminURL+people+"/"+made, body))
		}
		c.Do(outgoing(t, method, env.AdminURL+people+"/none", bodies[0]))
	}
	for method, body := range map[string]string{"PUT": strings.ReplaceAll(changes, "%", "ada"), "PATCH": "[]", "DELETE": ""} {
		req := outgoing(t, method, env.AdminURL+people+"/"+made, body)
		req.Header.Set("If-Match", `"0"`)
		c.Do(req)
	}
	for _, credential := range []string{"/credentials/oidc?identifier=op:2", "/credentials/oidc?identifier=op:2", "/credentials/code"} {
		req := outgoing(t, "DELETE", env.AdminURL+people+"/"+made+credential, "")
		req.Header.Set("If-Match", `"0"`)
		c.Do(req)
		req.Header.Del("If-Match")
		c.Do(req)
	}
	for _, method := range []string{"GET", "DELETE", "GET", "DELETE"} {
		c.Do(outgoing(t, method, env.AdminURL+"/identities/"+made, ""))
	}
	c.Get(env.AdminURL + "/admin/nowhere")
	for _, path := range []string{"/schemas", "/schemas?page_size=1&page=7", "/schemas/default", "/schemas/ZGVmYXVsdA", "/schemas/none", "/health/alive", "/health/ready"} {
		c.Get(path)
		c.Get(env.AdminURL + "/admin" + path)
	}
	for _, path := range []string{"/admin/health/config", "/admin/version", "/admin/metrics/prometheus"} {
		c.Get(env.AdminURL + path)
	}
}

// guard asks for every operation of operators without proof, as a page, and with
// the scope of another.
func (w *witness) guard(t *testing.T) {
	env := enginetest.New(t, asks(caller("metrics", "metrics.read"), caller("schema", "schema.read")))
	for path, item := range object(w.doc["paths"]) {
		if !strings.HasPrefix(path, "/admin/") || path == "/admin/health/alive" {
			continue
		}
		for method := range object(item) {
			if method == "servers" {
				continue
			}
			to := env.AdminURL + parameter.ReplaceAllString(path, uuid.Nil.String())
			ask := func(token, origin string) int {
				req := outgoing(t, strings.ToUpper(method), to, "")
				req.Header.Set("Authorization", "Bearer "+tokenFor(token))
				if origin != "" {
					req.Header.Set("Origin", origin)
				}
				return w.watch(t, env.Native()).Do(req).Status
			}
			require.Equal(t, http.StatusUnauthorized, ask("nobody", ""), path)
			require.Equal(t, http.StatusForbidden, ask("nobody", "http://evil.example"), path)
			if path != "/admin/metrics/prometheus" {
				ask("metrics", "")
			} else {
				ask("schema", "")
			}
		}
	}
	for _, path := range []string{"/admin/openapi.json", "/openapi.json"} {
		require.Equal(t, http.StatusOK, w.watch(t, as(env, tokenFor("schema"))).Get(env.AdminURL+path).Status)
	}
}

// sessions lists, extends and ends sessions, as their owner and as an operator.
func (w *witness) sessions(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key}}})
	require.NoError(t, err)
	env := enginetest.New(t, enginetest.With("feature_flags.cacheable_sessions", true), enginetest.With("session.whoami.tokenizer.templates", map[string]any{
		"jwt": map[string]any{"jwks_url": "base64://" + base64.StdEncoding.EncodeToString(raw)},
	}))
	b := w.watch(t, env.SPA())
	a := b.Submit(b.Open(""), enginetest.Person("a@example.org"))
	person, current := a.JSON()["identity"].(map[string]any)["id"].(string), a.JSON()["session"].(map[string]any)["id"].(string)
	b.Get("/sessions/whoami?tokenize_as=jwt")
	b.Get("/.well-known/jwks.json")
	nobody := w.watch(t, env.Native())
	unknown := uuid.Must(uuid.NewV4()).String()
	for _, c := range []*enginetest.Client{b, nobody} {
		c.Get("/sessions?page_size=1")
		c.Send("DELETE", "/sessions/"+unknown)
		for _, path := range []string{"/sessions", "/sessions/" + unknown} {
			req := c.Request("DELETE", path, nil)
			req.Header.Set("Sec-Fetch-Site", "cross-site")
			c.Do(req)
		}
		c.Send("DELETE", "/sessions/"+current)
		c.Send("DELETE", "/sessions")
	}

	const all = "/admin/sessions"
	op := w.watch(t, env.SPA())
	for _, query := range []string{"", "?expand=identity,devices", "?active=false", "?active=x"} {
		op.Get(env.AdminURL + all + query)
		op.Get(env.AdminURL + all + "/" + current + query)
	}
	op.Get(env.AdminURL + all + "/" + current + "?expand=x")
	op.Send("PATCH", env.AdminURL+all+"/"+current+"/extend")
	b.Whoami("")
	of := env.AdminURL + "/admin/identities/"
	for _, id := range []string{person, "x"} {
		op.Get(of + id + "/sessions")
		op.Send("DELETE", of+id+"/sessions")
		op.Send("DELETE", of+id+"/sessions")
	}
	for _, body := range []string{`{"action":"disable","sessions":["*"]}`, `{"action":"end"}`, strings.Repeat("x", 5<<20+1)} {
		op.Do(outgoing(t, "POST", env.AdminURL+all, body))
	}
	op.Get(env.AdminURL + all + "/" + unknown)
	op.Send("DELETE", env.AdminURL+all+"/"+unknown)
	op.Send("PATCH", env.AdminURL+all+"/"+unknown+"/extend")
}

// logout signs everybody out, of a server that answers extensions shortly.
func (w *witness) logout(t *testing.T) {
	const base = "/self-service/logout"
	env := enginetest.New(t, enginetest.With("feature_flags.faster_session_extend", true))
	for _, c := range env.Clients() {
		w.watch(t, c)
		c.Get(base + "/browser")
		c.Get(base + "?token=x")
		a := c.Submit(c.Open(""), enginetest.Person(string(c.Kind)+"@example.org"))
		if c.Kind == enginetest.Native {
			id := a.JSON()["session"].(map[string]any)["id"].(string)
			c.Send("PATCH", env.AdminURL+"/admin/sessions/"+id+"/extend")
			c.Send("DELETE", env.AdminURL+"/admin/sessions/"+id)
			for _, body := range []string{"", "{}", strings.Repeat("x", 1<<20+1)} {
				c.Do(outgoing(t, "DELETE", env.PublicURL+base+"/api", body))
			}
			token := c.Submit(c.Open(""), enginetest.Person("second@example.org")).JSON()["session_token"].(string)
			c.Do(outgoing(t, "DELETE", env.PublicURL+base+"/api", `{"session_token":"`+token+`"}`))
			continue
		}
		c.Get(base + "/browser?return_to=https://evil.example/")
		c.Get(base)
		c.Get(base + "?token=x")
		c.Get(c.Get(base + "/browser").JSON()["logout_url"].(string))
	}
}

// operate looks after messages, and hands out codes.
func (w *witness) operate(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	c := w.watch(t, env.SPA())
	made := env.Admin("POST", "/admin/identities", map[string]any{"traits": map[string]any{"email": "ada@example.org"}}).JSON()["id"].(string)
	send := func(path string, body enginetest.Values) map[string]any {
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		return c.Do(outgoing(t, "POST", env.AdminURL+path, string(raw))).JSON()
	}
	code := send("/admin/codes", enginetest.Values{"identity_id": made, "send": true, "locale": "de", "expires_in": "1h", "address": "ADA@example.org"})
	for _, body := range []enginetest.Values{{}, {"identity_id": made, "address": "b@example.org"}, {"identity_id": code["id"]}, {"x": strings.Repeat("x", 5<<20)}} {
		send("/admin/codes", body)
	}
	guess := enginetest.Values{"id": code["id"], "code": "x"}
	for range 6 {
		send("/admin/activations", guess)
	}
	for _, body := range []enginetest.Values{{}, {"code": "1"}, {"x": strings.Repeat("x", 5<<20)}, {"code": code["long_code"]}} {
		send("/admin/activations", body)
	}

	const messages, unknown = "/admin/courier/messages", "7a1e4a0e-6b0c-4b7a-9a5e-3f1f3c1b2d4e"
	send("/admin/codes", enginetest.Values{"identity_id": made, "send": true})
	waiting := env.Inbox("")[0].ID
	for _, query := range []string{"", "?page_size=1", "?status=queued&recipient=ada@example.org", "?status=x", "?page_token=x"} {
		c.Get(env.AdminURL + messages + query)
	}
	for _, id := range []string{waiting, unknown} {
		c.Get(env.AdminURL + messages + "/" + id)
		send(messages+"/"+id+"/resend", nil)
		send(messages+"/"+id+"/discard", nil)
	}
	env.Deliver()
	sent := env.Inbox("")[1].ID
	c.Get(env.AdminURL + messages + "/" + sent)
	send(messages+"/"+sent+"/resend", nil)
	send(messages+"/"+sent+"/discard", nil)
	for _, path := range []string{"", "?message=" + sent, "?message=" + unknown, "/messages", "/messages?limit=x", "/messages/" + sent + "/html", "/messages/" + unknown + "/html"} {
		c.Get(env.AdminURL + "/admin/inbox" + path)
	}
	send("/admin/codes", enginetest.Values{"identity_id": made, "send": true})
	env.Clock.Advance(time.Hour)
	require.Contains(t, c.Get(env.AdminURL+"/admin/health/ready").JSON(), "warnings")
}

// tell looks after what other systems are told.
func (w *witness) tell(t *testing.T) {
	env := enginetest.New(t, enginetest.With("events.endpoints", []map[string]any{
		{"id": "crm", "url": "http://127.0.0.1:1/", "types": []string{"*"}},
	}))
	c := w.watch(t, env.SPA())
	const events, unknown = "/admin/events", "7a1e4a0e-6b0c-4b7a-9a5e-3f1f3c1b2d4e"
	send := func(path, body string) { c.Do(outgoing(t, "POST", env.AdminURL+path, body)) }
	happen := func(email string) {
		a := env.Admin("POST", "/admin/identities", map[string]any{"traits": map[string]any{"email": email}})
		require.Equal(t, http.StatusCreated, a.Status)
	}
	happen("ada@example.org")
	busy, err := env.App.Store.ClaimMessages(t.Context(), courier.Events, env.Clock.Now(), env.Clock.Now().Add(time.Hour), 1)
	require.NoError(t, err)
	require.Len(t, busy, 1)
	send(events+"/"+busy[0].ID.String()+"/discard", "")
	happen("bob@example.org")
	env.Deliver()
	var list []struct{ ID, Subject string }
	c.Get(env.AdminURL + events).Decode(&list)
	of := "?receiver=crm&subject=" + list[0].Subject
	for _, query := range []string{"?page_size=1", of, of + "&status=queued&since=2026-01-01T00:00:00Z", "?status=sent", "?until=x"} {
		c.Get(env.AdminURL + events + query)
	}
	for _, id := range []string{list[0].ID, unknown} {
		for _, deed := range []string{"/replay", "/discard", "/replay"} {
			c.Get(env.AdminURL + events + "/" + id)
			send(events+"/"+id+deed, "")
		}
	}
	for _, body := range []string{`{"since":"2026-01-01T00:00:00Z"}`, `{}`, strings.Repeat("x", 5<<20+1)} {
		send("/admin/event-replays", body)
	}
}

// fail takes the database away.
func (w *witness) fail(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithRecovery())
	c := w.watch(t, env.Native())
	f := c.Open("")
	token := "ory_st_" + strings.Repeat("x", 32)
	gone, standIn := env.App.Store, persistence.Options{DSN: "memory", Dev: true, Now: env.Clock.Now}
	require.NoError(t, gone.Close())
	var err error
	env.App.Store, err = persistence.Open(context.Background(), standIn) // for the end of the test to close
	require.NoError(t, err)
	c.Get("/self-service/registration/browser")
	c.Get("/self-service/registration/api")
	c.Get("/self-service/registration/flows?id=" + f.ID)
	c.Get("/self-service/registration?flow=" + f.ID)
	c.Submit(f, enginetest.Person("a@example.org"))
	c.Get("/self-service/errors?id=" + f.ID)
	for _, kind := range []string{"verification", "login", "recovery", "settings"} {
		for _, path := range []string{"/browser", "/api", "/flows?id=" + f.ID, "?flow=" + f.ID} {
			c.Get("/self-service/" + kind + path)
		}
		c.Post("/self-service/"+kind+"?flow="+f.ID, enginetest.Values{"method": "code"})
	}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		req := outgoing(t, method, env.PublicURL+"/sessions/whoami", "")
		req.Header.Set("X-Session-Token", token)
		c.Do(req)
	}
	me := w.watch(t, env.Native().As(token))
	me.Get("/sessions")
	me.Send("DELETE", "/sessions")
	me.Send("DELETE", "/sessions/"+f.ID)
	me.Get("/self-service/logout/browser")
	me.Get("/self-service/logout?token=x")
	c.Do(outgoing(t, "DELETE", env.PublicURL+"/self-service/logout/api", `{"session_token":"`+token+`"}`))
	c.Get(env.AdminURL + "/admin/sessions")
	for _, path := range []string{"/admin/identities/" + f.ID + "/sessions", "/admin/sessions/" + f.ID} {
		c.Get(env.AdminURL + path)
		c.Send("DELETE", env.AdminURL+path)
	}
	c.Do(outgoing(t, "POST", env.AdminURL+"/admin/sessions", `{"action":"delete","sessions":["`+f.ID+`"]}`))
	c.Send("PATCH", env.AdminURL+"/admin/sessions/"+f.ID+"/extend")
	c.Get("/health/ready")
	c.Get(env.AdminURL + "/admin/health/ready")
	c.Get(env.AdminURL + "/admin/identities")
	c.Do(outgoing(t, "POST", env.AdminURL+"/admin/identities", `{"traits":{"email":"a@example.org"}}`))
	c.Get(env.AdminURL + "/admin/identities/" + f.ID)
	c.Do(outgoing(t, "DELETE", env.AdminURL+"/admin/identities/"+f.ID, ""))
	c.Do(outgoing(t, "POST", env.AdminURL+"/admin/codes", `{"identity_id":"`+f.ID+`"}`))
	c.Do(outgoing(t, "POST", env.AdminURL+"/admin/activations", `{"id":"`+f.ID+`","code":"1"}`))
	for _, path := range []string{"/admin/events", "/admin/events/" + f.ID, "/admin/courier/messages", "/admin/courier/messages/" + f.ID, "/admin/inbox", "/admin/inbox/messages", "/admin/inbox/messages/" + f.ID + "/html"} {
		c.Get(env.AdminURL + path)
	}
	for _, deed := range []string{"/courier/messages/" + f.ID + "/resend", "/courier/messages/" + f.ID + "/discard", "/events/" + f.ID + "/replay", "/events/" + f.ID + "/discard"} {
		c.Do(outgoing(t, "POST", env.AdminURL+"/admin"+deed, ""))
	}
	c.Do(outgoing(t, "POST", env.AdminURL+"/admin/event-replays", `{"since":"2026-01-01T00:00:00Z"}`))
}

func outgoing(t *testing.T, method, to, body string) *http.Request {
	req, err := http.NewRequest(method, to, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// witness looks at every answer that a client it watches is given.
type witness struct {
	*openAPI
	mu   sync.Mutex
	seen map[string]bool
}

func (w *witness) watch(t *testing.T, c *enginetest.Client) *enginetest.Client {
	next := c.HTTP.Transport
	c.HTTP.Transport = transport(func(req *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(req)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		res.Body = io.NopCloser(bytes.NewReader(body))
		path := req.URL.Path
		if strings.HasPrefix(c.Env.AdminURL, "http://"+req.URL.Host) && !strings.HasPrefix(path, "/admin/") {
			path = "/admin" + path
		}
		w.answer(t, strings.ToLower(req.Method), path, res, body)
		return res, nil
	})
	return c
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// answer holds one answer to the document.
func (w *witness) answer(t *testing.T, method, path string, res *http.Response, body []byte) {
	name := strconv.Itoa(res.StatusCode) + " " + method + " " + path
	var response map[string]any
	switch template, item := w.path(path); {
	case item == nil && strings.HasPrefix(path, "/admin/"):
		response = w.resolve("#/components/responses/AdminNotFound")
	case item == nil:
		response = w.resolve("#/components/responses/NotFound")
	case item[method] == nil:
		response = w.resolve("#/components/responses/MethodNotAllowed")
	default:
		response = w.deref(at(item, method, "responses", strconv.Itoa(res.StatusCode)))
		require.NotNil(t, response, "%s is not in the document: %s", name, body)
		w.mu.Lock()
		w.seen[strconv.Itoa(res.StatusCode)+" "+method+" "+template] = true
		w.mu.Unlock()
	}
	w.headers(t, name, response, res.Header)
	content := object(response["content"])
	if len(body) == 0 && content == nil {
		return
	}
	media, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	require.NoError(t, err, name)
	require.Contains(t, content, media, "%s: %s", name, body)
	if media == "application/json" {
		schema := w.compile(t, at(content, media, "schema"))
		require.NoError(t, schema.Validate(bytes.NewReader(body)), "%s: %s", name, body)
	}
}

// unlisted are headers of HTTP itself.
var unlisted = []string{"Content-Length", "Content-Type", "Date", "Connection"}

func (w *witness) headers(t *testing.T, name string, response map[string]any, got http.Header) {
	documented := object(response["headers"])
	for header := range got {
		require.True(t, documented[header] != nil || slices.Contains(unlisted, header), "%s: header %s is not in the document", name, header)
	}
	for header, d := range documented {
		is := w.deref(object(d))
		if values := got.Values(header); len(values) > 0 {
			raw, err := json.Marshal(strings.Join(values, ", "))
			require.NoError(t, err)
			require.NoError(t, w.compile(t, object(is["schema"])).Validate(bytes.NewReader(raw)), "%s: %s", name, header)
		} else {
			require.NotEqual(t, true, is["required"], "%s: header %s is missing", name, header)
		}
	}
}

// openAPI is the document as JSON.
type openAPI struct {
	doc         map[string]any
	definitions map[string]any // of JSON schema draft 7, for the compiler
	compiled    map[string]*jsonschema.Schema
	mu          sync.Mutex
}

func readOpenAPI(t *testing.T) *openAPI {
	raw, err := foyer.Schemas.ReadFile(".schema/openapi.json")
	require.NoError(t, err)
	d := &openAPI{compiled: map[string]*jsonschema.Schema{}}
	require.NoError(t, json.Unmarshal(raw, &d.doc))
	d.definitions = draft7(object(object(d.doc["components"])["schemas"])).(map[string]any)
	return d
}

// draft7 copies a schema so that the compiler understands its references and
// refuses fields that it does not name: a client may meet more, we may not.
func draft7(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[key] = draft7(value)
		}
		if ref, ok := v["$ref"].(string); ok {
			out["$ref"] = strings.Replace(ref, "#/components/schemas/", "#/definitions/", 1)
		}
		if _, said := v["additionalProperties"]; !said && v["type"] == "object" && v["properties"] != nil {
			out["additionalProperties"] = false
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = draft7(item)
		}
		return out
	}
	return v
}

func (d *openAPI) compile(t *testing.T, schema map[string]any) *jsonschema.Schema {
	name, err := json.Marshal(schema)
	require.NoError(t, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.compiled[string(name)]; c != nil {
		return c
	}
	raw, err := json.Marshal(map[string]any{"definitions": d.definitions, "allOf": []any{draft7(schema)}})
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("answer.json", bytes.NewReader(raw)))
	c, err := compiler.Compile(context.Background(), "answer.json")
	require.NoError(t, err)
	d.compiled[string(name)] = c
	return c
}

var parameter = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// path finds the template that path is of.
func (d *openAPI) path(path string) (template string, item map[string]any) {
	paths := object(d.doc["paths"])
	if item := object(paths[path]); item != nil {
		return path, item
	}
	for template := range paths {
		if regexp.MustCompile("^" + parameter.ReplaceAllString(template, "[^/]+") + "$").MatchString(path) {
			return template, object(paths[template])
		}
	}
	return "", nil
}

// answers lists every answer the document has: status, method and path.
func (d *openAPI) answers() []string {
	var all []string
	for path, item := range object(d.doc["paths"]) {
		for method, operation := range object(item) {
			for status := range object(object(operation)["responses"]) {
				all = append(all, status+" "+method+" "+path)
			}
		}
	}
	slices.Sort(all)
	return all
}

// routes compares the document's operations with the program's routes.
func (d *openAPI) routes(t *testing.T) {
	var documented, registered []string
	for path, item := range object(d.doc["paths"]) {
		for method := range object(item) {
			if method != "servers" {
				documented = append(documented, strings.ToUpper(method)+" "+path)
			}
		}
	}
	named := regexp.MustCompile(`:([a-zA-Z]+)`)
	for _, r := range enginetest.New(t).App.Routes {
		registered = append(registered, r.Method+" "+named.ReplaceAllString(r.Path, "{$1}"))
	}
	require.ElementsMatch(t, registered, documented)
}

// references checks that all of them lead somewhere, that every component is
// of use, and that operations have names of their own.
func (d *openAPI) references(t *testing.T) {
	used, names := map[string]bool{}, map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				require.NotNil(t, d.resolve(ref), ref)
				used[ref] = true
			}
			if id, ok := v["operationId"].(string); ok {
				require.False(t, names[id], id)
				names[id] = true
			}
			for _, value := range v {
				walk(value)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(d.doc)
	used["#/components/responses/MethodNotAllowed"] = true // answered wherever a path is, so no operation names it
	for _, kind := range []string{"schemas", "headers", "responses"} {
		for name := range object(object(d.doc["components"])[kind]) {
			require.True(t, used["#/components/"+kind+"/"+name], "nobody refers to %s", name)
		}
	}
	// What clients generated from the protocol call them by.
	for _, id := range []string{
		"createBrowserRegistrationFlow", "createNativeRegistrationFlow", "getRegistrationFlow", "updateRegistrationFlow", "getFlowError",
		"createBrowserVerificationFlow", "createNativeVerificationFlow", "getVerificationFlow", "updateVerificationFlow",
		"createBrowserLoginFlow", "createNativeLoginFlow", "getLoginFlow", "updateLoginFlow",
		"createBrowserRecoveryFlow", "createNativeRecoveryFlow", "getRecoveryFlow", "updateRecoveryFlow",
		"createBrowserSettingsFlow", "createNativeSettingsFlow", "getSettingsFlow", "updateSettingsFlow",
		"listCourierMessages", "getCourierMessage", "createRecoveryCodeForIdentity", "createRecoveryLinkForIdentity",
		"listMySessions", "disableMyOtherSessions", "disableMySession", "createBrowserLogoutFlow", "updateLogoutFlow", "performNativeLogout",
		"listSessions", "getSession", "disableSession", "extendSession", "manageSessions", "listIdentitySessions", "deleteIdentitySessions",
		"toSession", "listIdentitySchemas", "getIdentitySchema", "isAlive", "isReady", "listIdentities", "createIdentity", "getIdentity",
		"deleteIdentity", "getVersion",
	} {
		require.True(t, names[id], id)
	}
}

func (d *openAPI) resolve(ref string) map[string]any {
	v := d.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil
		}
		v = object(v[plain])
	}
	return v
}

func (d *openAPI) deref(v map[string]any) map[string]any {
	if ref, ok := v["$ref"].(string); ok {
		return d.resolve(ref)
	}
	return v
}

func at(v map[string]any, path ...string) map[string]any {
	for _, key := range path {
		v = object(v[key])
	}
	return v
}

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}
