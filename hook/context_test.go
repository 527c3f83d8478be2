package hook_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// canaries are secrets by what they are, and where they must not be.
type canaries map[string]string

func (s canaries) plant(what, secret string) {
	if secret != "" {
		s[what] = secret
	}
}

// gather plants what a client and the mails have.
func (s canaries) gather(c client, email string, shown ...*enginetest.Flow) {
	s.plant("token of "+email, c.Token())
	for _, cookie := range c.Cookies() {
		s.plant("cookie "+cookie.Name+" of "+email, cookie.Value)
	}
	for _, f := range shown {
		if token, _ := f.Value("csrf_token").(string); token != "" {
			s.plant("CSRF token of "+f.ID, token)
		}
	}
	for _, m := range c.Env.Inbox("") {
		s.plant("code of "+m.ID, m.Code())
		if _, token, ok := strings.Cut(m.Link(), "token="); ok {
			token, _, _ = strings.Cut(token, "&")
			s.plant("token of "+m.ID, token)
		}
	}
}

// stay fails where one of them is in a place.
func (s canaries) stay(t *testing.T, places map[string]string) {
	t.Helper()
	for what, secret := range s {
		for place, text := range places {
			require.False(t, strings.Contains(text, secret), "%s in %s", what, place)
		}
	}
}

// traces are all places that a program leaves something in.
func traces(env *enginetest.Env) map[string]string {
	places := map[string]string{
		"the log": env.Logs.String(), "metrics": string(env.Admin("GET", "/admin/metrics/prometheus", nil).Body), "deliveries": string(env.Admin("GET", "/admin/events", nil).Body),
	}
	for name, raw := range env.Files() {
		places[name] = string(raw)
	}
	for table, rows := range env.Rows() {
		places[table] = strings.Join(rows, "\n")
	}
	return places
}

var wholeContext = jsonnetBody("function(ctx) ctx")

// What a hook is told at each end: the ctx of the protocol, whole, and no secret
// of anybody, wherever those were sent along.
func TestContext(t *testing.T) {
	for mode, how := range map[string]object{"asked": blocks, "told": {}} {
		t.Run(mode, func(t *testing.T) {
			reached(t, map[string][]string{"told": {"plain"}}[mode], "", func(r *receiver) []option {
				return append(everywhere(r.URL, with(how, object{"body": wholeContext})), enginetest.WithJsonnet(), listens(r, everything),
					enginetest.With("clients.web_hook.header_allowlist", []string{"x-custom", "User-Agent", "Referer", "Content-Type"}),
					enginetest.With("selfservice.methods.code.config.length", 9))
			}, func(t *testing.T, r *receiver, c client, e end, email string) {
				secrets := canaries{"password": enginetest.Credentials("")["password"].(string), "new password": "another Passphrase 7", "Authorization": "authorization-canary", "a header": "header-canary", "a query": "query-canary"}
				c.Head.Set("Authorization", "Bearer authorization-canary")
				c.Head.Set("X-Other", "header-canary")
				c.Head.Set("X-Custom", "passed on")
				c.Head.Set("User-Agent", "test/1")
				c.Head.Set("Referer", "http://127.0.0.1:4455/page?code=query-canary")
				f, v := e.ready(c, email)
				secrets.gather(c, email, f)
				c.Env.Deliver()
				before := r.got()
				a := c.Adopt(c.Submit(f, v.With("transient_payload.coupon", "spring")))
				require.Less(t, a.Status, 400, "%s", a.Body)
				secrets.gather(c, email)
				c.Env.Deliver()
				calls := r.got()
				found := []string{}
				for _, one := range calls {
					if moment := strings.TrimPrefix(one.Path, "/"); strings.Contains(moment, ".after") {
						found = append(found, moment)
						knows(t, moment, f, one.Body)
						require.Equal(t, object{"coupon": "spring"}, one.Body["flow"].(object)["transient_payload"], moment)
						require.Equal(t, "POST", one.Body["request_method"])
						require.Equal(t, f.UI.Action, one.Body["request_url"])
						require.Contains(t, string(one.Raw), email)
						headers := one.Body["request_headers"].(object)
						require.Equal(t, []any{"passed on"}, headers["X-Custom"])
						require.Equal(t, []any{"test/1"}, headers["User-Agent"])
						require.Equal(t, []any{"http://127.0.0.1:4455/page"}, headers["Referer"])
						require.Len(t, headers, 4)
					}
				}
				require.ElementsMatch(t, e.asked, found)
				for _, one := range before {
					if moment := strings.TrimPrefix(one.Path, "/"); strings.HasSuffix(moment, ".before") {
						knows(t, moment, nil, one.Body)
						require.Equal(t, "GET", one.Body["request_method"])
					}
				}
				places := traces(c.Env)
				for n, one := range append(before, calls...) {
					places[fmt.Sprint("call ", n, " of ", one.Path)] = string(one.Raw) + fmt.Sprint(one.Header)
				}
				secrets.stay(t, places)
			})
		})
	}
}

var fieldsOfCtx = []string{"flow", "request_cookies", "request_headers", "request_method", "request_url"}

// knows checks that ctx has what a moment has. f may be nil where any is right.
func knows(t *testing.T, moment string, f *enginetest.Flow, ctx object) {
	t.Helper()
	kind, when, _ := strings.Cut(moment, ".")
	opening := when == "before"
	want := slices.Clone(fieldsOfCtx)
	if !opening || kind == "settings" {
		want = append(want, "identity")
	}
	if kind == "settings" || kind == "login" && !opening {
		want = append(want, "session")
	}
	var have []string
	for name := range ctx {
		have = append(have, name)
	}
	require.ElementsMatch(t, want, have, moment)
	require.Equal(t, object{}, ctx["request_cookies"], moment)
	flow := ctx["flow"].(object)
	if f != nil {
		require.Equal(t, []any{f.ID, f.Type}, []any{flow["id"], flow["type"]})
		require.Equal(t, f.IssuedAt, flow["issued_at"])
		require.Equal(t, f.ExpiresAt, flow["expires_at"])
		require.Equal(t, f.Request, flow["request_url"])
		require.Contains(t, []any{"choose_method", "sent_email", "show_form"}, flow["state"])
	}
	if kind == "registration" || kind == "login" {
		require.Equal(t, "default", flow["identity_schema"], moment)
	}
	require.Equal(t, []any{}, flow["ui"].(object)["nodes"], "no form")
	if who, ok := ctx["identity"].(object); ok {
		require.NotContains(t, who, "credentials")
		require.NotContains(t, who, "metadata_admin")
		require.NotEmpty(t, who["id"])
		require.NotEmpty(t, who["traits"])
	}
	if session, ok := ctx["session"].(object); ok {
		require.Equal(t, ctx["identity"].(object)["id"], session["identity"].(object)["id"])
		require.NotContains(t, session["identity"], "metadata_admin")
		require.Equal(t, "aal1", session["authenticator_assurance_level"])
		require.Equal(t, true, session["active"])
	}
}

// What an operator has for their receivers is told to those, and to nobody else,
// however a call fails.
func TestOperatorsSecretsStay(t *testing.T) {
	secrets := canaries{"query": "query-canary", "token": "bearer-canary", "header": "fixed-canary", "answer": "answer-canary", "signing": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr", "path": "path-canary"}
	r := newReceiver(t)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	config := func(url string, more object) object {
		return with(object{"url": url + "/path-canary?key=query-canary", "headers": object{"X-Key": "fixed-canary"}, "auth": object{"type": "bearer", "config": object{"token": "bearer-canary"}}}, more)
	}
	for name, world := range map[string]struct {
		url    string
		answer func(call) (int, string)
		id     string
	}{
		"nobody there": {"http://127.0.0.1:1", nil, "upstream_error"},
		"no such name": {"http://receiver.invalid", nil, "upstream_error"},
		"a fault":      {r.URL, func(call) (int, string) { return 500, "answer-canary" }, "upstream_error"},
		"nonsense":     {r.URL, func(call) (int, string) { return 200, `{"identity":{"traits":{"answer-canary":1}}}` }, "upstream_error"},
		"no messages":  {r.URL, func(call) (int, string) { return 400, `{"messages":"answer-canary"}` }, "upstream_error"},
		"silence":      {r.URL, func(call) (int, string) { <-hang; return 204, "" }, "upstream_timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			env := enginetest.New(t, enginetest.With("secrets.web_hook", []string{"whsec_" + secrets["signing"]}), enginetest.With("events.timeout", "100ms"),
				enginetest.With("events.endpoints", []object{config(world.url, object{"id": "all", "types": []string{"*"}})}),
				after("registration.after.password", webHook("", config(world.url, with(parses, object{"timeout": "100ms"})))),
				after("login.after.password", webHook("", config(world.url, object{"id": "told"}))))
			r.says(world.answer)
			places := map[string]string{}
			for _, c := range env.Clients() {
				f := c.Open("")
				before := env.Rows().Without("flow_errors")
				a := c.Submit(f, enginetest.Person("ada@example.org"))
				require.Empty(t, env.Rows().Without("flow_errors").Since(before))
				said := string(a.Body)
				if c.Kind == enginetest.HTML {
					said = string(c.Get("/self-service/errors?id=" + a.Location().Query().Get("id")).Body)
				}
				require.Contains(t, said, world.id)
				require.NotContains(t, said, "127.0.0.1:1")
				require.NotContains(t, said, strings.TrimPrefix(r.URL, "http://"))
				require.NotContains(t, said, "receiver.invalid")
				places[string(c.Kind)] = said + fmt.Sprint(a.Header)
			}
			c := env.Native()
			exists(c, "ada@example.org")
			c.SignIn("", enginetest.Credentials("ada@example.org"))
			require.True(t, c.SignedIn(), "who is only told cannot keep anybody out")
			env.Deliver()
			for place, text := range traces(env) {
				places[place] = text
			}
			secrets.stay(t, places)
			require.Contains(t, places["the log"], "web_hook crm")
			require.Contains(t, places["metrics"], "foyer_")
			var listed []object
			require.NoError(t, json.Unmarshal([]byte(places["deliveries"]), &listed))
			require.NotEmpty(t, listed)
		})
	}
}
