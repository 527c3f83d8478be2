package selfservice_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

const nestedSchema = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
  "nick": {"type": "string"},
  "contact": {"type": "object", "properties": {
    "login": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}}}}}}}`

// open asks for a new flow the way the client does.
func open(query string) func(client, flow) answer {
	return func(c client, _ flow) answer {
		if c.Kind == enginetest.Native {
			return c.Get("/self-service/registration/api?" + query)
		}
		return c.Get("/self-service/registration/browser?" + query)
	}
}

func TestOpen(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchemas("staff", nestedSchema), enginetest.WithSchemas("hidden", nestedSchema))
	opened := func(name, query string) scenario {
		return scenario{name: name, do: open(query), noFlow: true, html: "303 form", json: "200 form", native: "200 form", writes: "flows+1"}
	}
	refused := func(name, query, told string) scenario {
		return scenario{name: name, do: open(query), noFlow: true, refused: told}
	}
	const forbidden = "400 self_service_flow_return_to_forbidden"
	play(t, env, []scenario{
		opened("plain", ""),
		opened("empty parameters count as absent", "return_to=&identity_schema=&login_hint=&state=&login_challenge=&organization=&aal=&refresh="),
		opened("allowed return_to", "return_to=https%3A%2F%2Fapp.example.org%2Fin%2Fside"),
		opened("relative return_to", "return_to=%2Fhere"),
		opened("unknown parameters are ignored", "id=1&admin=true&traits.email=a%40example.org"),
		opened("selectable schema", "identity_schema=staff"),
		opened("default schema by name", "identity_schema=default"),
		refused("return_to elsewhere", "return_to=https%3A%2F%2Fevil.example.com%2F", forbidden),
		refused("return_to beside a segment", "return_to=https%3A%2F%2Fapp.example.org%2Finside", forbidden),
		refused("return_to with a look-alike host", "return_to=http%3A%2F%2F127.0.0.1%3A4455.example.com%2F", forbidden),
		refused("return_to without scheme", "return_to=%2F%2Fevil.example.com", forbidden),
		refused("return_to a script", "return_to=javascript%3Aalert%281%29", forbidden),
		refused("unknown schema", "identity_schema=nobody", "400 identity_schema_not_selectable"),
		refused("schema not for self-service", "identity_schema=hidden", "400 identity_schema_not_selectable"),
		refused("state too long", "state="+strings.Repeat("x", 2049), "400 parameter_too_long"),
		refused("login_hint too long", "login_hint="+strings.Repeat("x", 2049), "400 parameter_too_long"),
	})
}

// A browser flow comes with the cookie its submits are checked against, a
// native one with no cookie at all.
func TestOpenSetsTheCSRFCookie(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		a := open("")(c, nil)
		lines := a.Header.Values("Set-Cookie")
		if c.Kind == enginetest.Native {
			require.Empty(t, lines)
			continue
		}
		require.Len(t, lines, 1)
		require.Regexp(t, regexp.MustCompile(`^csrf_token_[0-9a-f]{64}=[A-Za-z0-9+/]{43}=; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax$`), lines[0])
		require.Empty(t, open("")(c, nil).Header.Values("Set-Cookie"), "a second flow keeps the browser's secret")
		var tokens []string
		for range 3 {
			tokens = append(tokens, c.Open("").Value("csrf_token").(string))
		}
		require.Len(t, tokens[0], 88)
		require.NotEqual(t, tokens[0], tokens[1], "the token is masked anew each time")
		require.NotEqual(t, tokens[1], tokens[2])
	}
}

// What the flow of each client says of itself.
func TestOpenedFlow(t *testing.T) {
	env := enginetest.New(t, enginetest.With("selfservice.flows.registration.lifespan", "10m"))
	for _, c := range env.Clients() {
		f := c.Open("return_to=https%3A%2F%2Fapp.example.org%2Fin&state=opaque")
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, f.ID)
		require.Equal(t, "choose_method", f.State)
		require.Equal(t, "https://app.example.org/in", f.ReturnTo)
		require.Equal(t, "opaque", f.Foyer.State)
		require.Equal(t, "default", f.Schema)
		require.Empty(t, f.Active)
		require.Equal(t, "POST", f.UI.Method)
		require.Equal(t, env.PublicURL+"/self-service/registration?flow="+f.ID, f.UI.Action)
		issued, err := time.Parse(time.RFC3339Nano, f.IssuedAt)
		require.NoError(t, err)
		expires, err := time.Parse(time.RFC3339Nano, f.ExpiresAt)
		require.NoError(t, err)
		require.Equal(t, 10*time.Minute, expires.Sub(issued))
		require.True(t, strings.HasSuffix(f.ExpiresAt, "Z"))
		if c.Kind == enginetest.Native {
			require.Equal(t, "api", f.Type)
			require.Equal(t, "", f.Value("csrf_token"), "the node is there, and empty")
			require.True(t, strings.HasPrefix(f.Request, env.PublicURL+"/self-service/registration/api?"), f.Request)
			continue
		}
		require.Equal(t, "browser", f.Type)
		require.NotEmpty(t, f.Value("csrf_token"))
		require.True(t, strings.HasPrefix(f.Request, env.PublicURL+"/self-service/registration/browser?"), f.Request)
	}
}

// A typed client needs keys that are there and lists that are lists.
func TestFlowShape(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	var f map[string]any
	require.NoError(t, json.Unmarshal(open("")(c, nil).Body, &f))
	for _, key := range []string{"id", "type", "expires_at", "issued_at", "request_url", "ui", "organization_id", "state"} {
		require.Contains(t, f, key)
	}
	require.Nil(t, f["organization_id"])
	for _, one := range f["ui"].(map[string]any)["nodes"].([]any) {
		n := one.(map[string]any)
		require.IsType(t, []any{}, n["messages"])
		require.IsType(t, map[string]any{}, n["meta"])
		attributes := n["attributes"].(map[string]any)
		for _, key := range []string{"name", "type", "disabled", "node_type"} {
			require.Contains(t, attributes, key, "%v", n)
		}
		require.Equal(t, n["type"], attributes["node_type"])
	}
}

func TestLoginHint(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchemas("staff", nestedSchema))
	for _, c := range env.Clients() {
		require.Equal(t, "ada@example.org", c.Open("login_hint=ada%40example.org").Value("traits.email"))
		f := c.Open("identity_schema=staff&login_hint=ada")
		require.Equal(t, "ada", f.Value("traits.contact.login"))
		require.Nil(t, f.Value("traits.nick"))
		require.Equal(t, "<b>\"&", c.Open("login_hint="+url.QueryEscape(`<b>"&`)).Value("traits.email"), "kept as it came")
	}
}

// Whoever is signed in has nothing to register.
func TestOpenSignedIn(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		a := register(t, c, someone())
		if c.Kind == enginetest.Native {
			c.Head.Set("X-Session-Token", token(t, a))
		}
		before := env.Rows()
		for query, want := range map[string]string{
			"":           "303 http://127.0.0.1:4455/",
			"return_to=": "303 http://127.0.0.1:4455/",
			"return_to=https%3A%2F%2Fapp.example.org%2Fin%2Fx": "303 https://app.example.org/in/x",
		} {
			if c.Kind != enginetest.HTML {
				want = "400 session_already_available"
			}
			require.Equal(t, want, tell(c, open(query)(c, nil)), "%s %s", c.Kind, query)
		}
		require.Empty(t, env.Rows().Since(before))
		bad := tell(c, open("return_to=https%3A%2F%2Fevil.example.com")(c, nil))
		if c.Kind == enginetest.HTML {
			require.Equal(t, "303 error 400 self_service_flow_return_to_forbidden", bad)
		} else {
			require.Equal(t, "400 session_already_available", bad)
		}
	}
}

func TestRegistrationDisabled(t *testing.T) {
	env := enginetest.New(t, enginetest.With("selfservice.flows.registration.enabled", false))
	const told = "400 self_service_flow_disabled"
	id := "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
	play(t, env, []scenario{
		{name: "open", do: open(""), noFlow: true, refused: told},
		{name: "submit", noFlow: true, refused: told, do: func(c client, _ flow) answer {
			return c.Post("/self-service/registration?flow="+id, someone())
		}},
		{name: "read", noFlow: true, all: told, do: func(c client, _ flow) answer {
			return c.Get("/self-service/registration/flows?id=" + id)
		}},
	})
}

// The kinds that are not built say so on each of their endpoints.
func TestOtherKindsAreNotEnabled(t *testing.T) {
	env := enginetest.New(t, enginetest.With("selfservice.flows.login", map[string]any{}), enginetest.With("selfservice.flows.settings", map[string]any{}))
	id := env.Native().Open("").ID
	for _, kind := range []string{"login", "verification", "recovery", "settings"} {
		base := "/self-service/" + kind
		before := env.Rows()
		c := env.SPA()
		for _, path := range []string{base + "/browser", base + "/api", base + "/flows?id=" + id, base + "?flow=" + id} {
			a := c.Get(path)
			require.Equal(t, "400 self_service_flow_disabled", tell(c, a), path)
			require.Contains(t, a.JSON()["error"].(map[string]any)["reason"], "The "+kind+" flow is not enabled")
		}
		require.Equal(t, "400 self_service_flow_disabled", tell(c, c.Post(base+"?flow="+id, values{"method": "password"})))
		require.Empty(t, env.Rows().Since(before))
		b := env.Browser()
		require.Equal(t, "303 error 400 self_service_flow_disabled", tell(b, b.Get(base+"/browser")))
		require.Equal(t, "303 error 400 self_service_flow_disabled", tell(b, b.Post(base+"?flow="+id, values{"method": "password"})))
	}
}

// Every answer of the public API, whatever it is, carries these.
func TestHeaders(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	f := c.Open("")
	b := env.Browser()
	for _, one := range []struct {
		method, path string
		status       int
		as           client
	}{
		{"GET", "/self-service/registration/browser", 200, c},
		{"GET", "/self-service/registration/browser", 303, b},
		{"HEAD", "/self-service/registration/browser", 200, c},
		{"GET", "/self-service/registration/api", 200, c},
		{"HEAD", "/self-service/registration/api", 200, c},
		{"GET", "/self-service/registration/flows?id=" + f.ID, 200, c},
		{"HEAD", "/self-service/registration/flows?id=" + f.ID, 200, c},
		{"GET", "/self-service/registration/flows?id=1", 400, c},
		{"GET", "/self-service/registration/flows?id=" + f.ID, 403, b},
		{"HEAD", "/self-service/registration/flows?id=" + f.ID, 403, b},
		{"GET", "/self-service/registration?flow=" + f.ID, 200, c},
		{"POST", "/self-service/registration?flow=" + f.ID, 400, c},
		{"POST", "/self-service/registration?flow=" + f.ID, 303, b},
		{"PUT", "/self-service/registration?flow=" + f.ID, 405, c},
		{"DELETE", "/self-service/registration/browser", 405, c},
		{"POST", "/self-service/registration/browser", 405, c},
		{"OPTIONS", "/self-service/registration/api", 405, c},
		{"GET", "/self-service/registration/", 404, c},
		{"GET", "/self-service/Registration/browser", 404, c},
		{"GET", "/self-service/registration/browser/", 404, b},
		{"GET", "/self-service/errors?id=stub:500", 200, c},
		{"GET", "/self-service/errors?id=" + f.ID, 404, c},
		{"GET", "/sessions/whoami", 401, c},
		{"GET", "/schemas", 200, c},
		{"GET", "/schemas/default", 200, c},
		{"GET", "/schemas/nobody", 404, c},
		{"GET", "/health/alive", 200, c},
		{"GET", "/health/ready", 200, c},
		{"GET", "/", 404, c},
		{"GET", "/admin/identities", 404, c},
		{"GET", "/identities", 404, c},
		{"GET", "/metrics/prometheus", 404, c},
		{"GET", "/version", 404, c},
	} {
		req := one.as.Request(one.method, one.path, nil)
		req.Header.Set("X-Request-Id", "trace-7.a_B")
		a := one.as.Do(req)
		name := one.method + " " + one.path
		require.Equal(t, one.status, a.Status, "%s: %s", name, a.Body)
		require.Equal(t, "private, no-cache, no-store, must-revalidate", a.Header.Get("Cache-Control"), name)
		require.Contains(t, a.Header.Values("Vary"), "Cookie", name)
		require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"), name)
		require.Equal(t, "trace-7.a_B", a.Header.Get("X-Request-Id"), name)
		if one.method == "HEAD" {
			require.Empty(t, a.Body, name)
		}
		switch {
		case a.Status == 303:
			require.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"), name)
		case a.Status < 300:
			require.Equal(t, "application/json; charset=utf-8", a.Header.Get("Content-Type"), name)
			require.Empty(t, a.Header.Values("Ory-Error-Id"), name)
		default:
			require.Equal(t, "application/json", a.Header.Get("Content-Type"), name)
			require.NotEmpty(t, a.Header.Get("Ory-Error-Id"), name)
		}
		if a.Status >= 400 && one.method != "HEAD" {
			inner := a.JSON()["error"].(map[string]any)
			require.Equal(t, a.Header.Get("Ory-Error-Id"), inner["id"], name)
			require.EqualValues(t, a.Status, inner["code"], name)
			require.Equal(t, http.StatusText(a.Status), inner["status"], name)
			require.Equal(t, "trace-7.a_B", inner["request"], name)
			require.NotEmpty(t, inner["message"], name)
			require.NotEmpty(t, inner["reason"], name)
			require.NotContains(t, inner, "debug", name)
		}
		if a.Status == 405 {
			require.NotEmpty(t, a.Header.Get("Allow"), name)
			require.NotContains(t, a.Header.Get("Allow"), one.method, name)
		}
	}
	a := c.Do(with(c.Request("GET", "/health/alive", nil), "X-Request-Id", "no good"))
	require.Len(t, a.Header.Get("X-Request-Id"), 36, "what a client made up badly is replaced")
}
