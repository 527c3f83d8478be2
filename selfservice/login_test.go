package selfservice_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// openLogin asks for a login the way the client does.
func openLogin(query string) func(client, flow) answer {
	return func(c client, _ flow) answer {
		if c.Kind == enginetest.Native {
			return c.Get("/self-service/login/api?" + query)
		}
		return c.Get("/self-service/login/browser?" + query)
	}
}

// signedUp registers somebody new, whose client is not needed any more, and
// returns what they sign in with.
func signedUp(t *testing.T, env *enginetest.Env) values {
	t.Helper()
	email := address()
	register(t, env.Native(), enginetest.Person(email))
	return enginetest.Credentials(email)
}

// come signs somebody new up and in as this client, and returns their credentials.
func come(t *testing.T, c client) values {
	t.Helper()
	v := signedUp(t, c.Env)
	c.Adopt(c.Submit(c.OpenKind("login", ""), v))
	require.True(t, c.SignedIn())
	return v
}

// sessionOf is the id of the session that the client has, "" for none.
func sessionOf(c client) string {
	a := c.Whoami("")
	if a.Status != http.StatusOK {
		return ""
	}
	return a.JSON()["id"].(string)
}

// Each row of the protocol's table for opening a login without a session.
func TestOpenLogin(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchemas("staff", nestedSchema), enginetest.WithSchemas("hidden", nestedSchema))
	opened := func(name, query string) scenario {
		return scenario{name: name, do: openLogin(query), noFlow: true, html: "303 form", json: "200 form", native: "200 form", writes: "flows+1"}
	}
	refused := func(name, query, told string) scenario {
		return scenario{name: name, do: openLogin(query), noFlow: true, refused: told}
	}
	play(t, env, []scenario{
		opened("plain", ""),
		opened("empty parameters count as absent", "return_to=&refresh=&aal=&identity_schema=&organization=&via=&login_challenge=&state="),
		opened("aal1", "aal=aal1"),
		opened("refresh without a session", "refresh=true"),
		opened("refresh that is no boolean", "refresh=perhaps"),
		opened("a selectable schema", "identity_schema=staff"),
		refused("aal2 without a session", "aal=aal2", "401 session_aal1_required"),
		refused("aal2 and refresh without a session", "aal=aal2&refresh=true", "401 session_aal1_required"),
		refused("an aal that is none", "aal=aal3", "400 aal_invalid"),
		refused("an aal in capitals", "aal=AAL1", "400 aal_invalid"),
		refused("an unknown schema", "identity_schema=nobody", "400 identity_schema_not_selectable"),
		refused("a schema not for self-service", "identity_schema=hidden", "400 identity_schema_not_selectable"),
		refused("return_to elsewhere", "return_to=https%3A%2F%2Fevil.example.com%2F", "400 self_service_flow_return_to_forbidden"),
		refused("state too long", "state="+strings.Repeat("x", 2049), "400 parameter_too_long"),
	})
}

// Each row of that table with a session.
func TestOpenLoginSignedIn(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		come(t, c)
		for _, row := range []struct {
			query, html, told string
			messages          []int
		}{
			{"", "303 http://127.0.0.1:4455/", "400 session_already_available", nil},
			{"return_to=https%3A%2F%2Fapp.example.org%2Fin&state=x", "303 https://app.example.org/in?state=x", "400 session_already_available", nil},
			{"aal=aal1", "303 http://127.0.0.1:4455/", "400 session_already_available", nil},
			{"refresh=no", "303 http://127.0.0.1:4455/", "400 session_already_available", nil},
			{"refresh=true", "303 form", "200 form", []int{ui.InfoRefresh}},
			{"refresh=1", "303 form", "200 form", []int{ui.InfoRefresh}},
			{"aal=aal2", "303 form", "200 form", []int{ui.InfoSecondFactor}},
			{"aal=aal2&refresh=true", "303 form", "200 form", []int{ui.InfoSecondFactor}},
		} {
			want := row.told
			if c.Kind == enginetest.HTML {
				want = row.html
			}
			before := env.Rows()
			a := openLogin(row.query)(c, nil)
			if row.messages == nil {
				require.Equal(t, want, tell(c, a), "%s %s", c.Kind, row.query)
				require.Empty(t, env.Rows().Since(before))
				continue
			}
			require.Equal(t, "flows+1", env.Rows().Since(before))
			f := c.Arrive("login", a)
			require.Equal(t, row.messages, f.IDs(""), "%s %s", c.Kind, row.query)
			body := c.Get("/self-service/login/flows?id=" + f.ID).JSON()
			require.Equal(t, strings.Contains(row.query, "refresh"), body["refresh"], row.query)
			if strings.Contains(row.query, "aal2") {
				require.Equal(t, "aal2", body["requested_aal"])
				require.Equal(t, []string{"default csrf_token hidden 0"}, drawn(f), "no method of ours is a second factor")
				disabled := "404 self_service_method_disabled"
				if c.Kind == enginetest.HTML {
					disabled = "303 error " + disabled
				}
				require.Equal(t, disabled, tell(c, c.Submit(f, enginetest.Credentials(address()))))
			} else {
				require.Equal(t, "aal1", body["requested_aal"])
			}
		}
	}
}

// What a login flow looks like, and what is read by whom.
func TestReadLogin(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		f := c.OpenKind("login", "return_to=https%3A%2F%2Fapp.example.org%2Fin&state=opaque&login_hint=ada@example.org")
		body := c.Get("/self-service/login/flows?id=" + f.ID).JSON()
		require.Equal(t, map[string]any{"browser": c.Kind != enginetest.Native}, map[string]any{"browser": body["type"] == "browser"})
		for _, key := range []string{"id", "expires_at", "issued_at", "request_url", "created_at", "updated_at", "organization_id", "ui", "foyer"} {
			require.Contains(t, body, key)
		}
		require.NotContains(t, body, "active")
		require.Equal(t, []any{false, "aal1", "choose_method"}, []any{body["refresh"], body["requested_aal"], body["state"]})
		require.Equal(t, "https://app.example.org/in", f.ReturnTo)
		require.Equal(t, []string{
			"default csrf_token hidden 0", "default identifier text 1070002 ada@example.org", "password password password 1070001", "password method submit 1010022 password",
		}, drawn(f))
		require.Equal(t, "username", body["ui"].(map[string]any)["nodes"].([]any)[1].(map[string]any)["attributes"].(map[string]any)["autocomplete"])

		stranger := env.SPA()
		want := "403 security_csrf_violation"
		if c.Kind == enginetest.Native {
			want = "200 form"
		}
		require.Equal(t, want, tell(stranger, stranger.Get("/self-service/login/flows?id="+f.ID)))
		require.Equal(t, "404 self_service_flow_not_found", tell(c, c.Get("/self-service/login/flows?id=2b0a4ec2-3f4f-4bb6-9c19-0a4b1c6b5a4e")))
		require.Equal(t, "400 flow_id_invalid", tell(c, c.Get("/self-service/login/flows?id=x")))
		require.Equal(t, "404 self_service_flow_not_found", tell(c, c.Get("/self-service/registration/flows?id="+f.ID)), "a login is no registration")
		env.Clock.Advance(2 * time.Hour)
		gone := c.Get("/self-service/login/flows?id=" + f.ID)
		require.Equal(t, "410 self_service_flow_expired", tell(c, gone))
		key, path := "redirect_to", "/browser?"
		if c.Kind == enginetest.Native {
			key, path = "api", "/api?"
		}
		require.Equal(t, env.PublicURL+"/self-service/login"+path+"return_to=https%3A%2F%2Fapp.example.org%2Fin&state=opaque",
			gone.JSON()["error"].(map[string]any)["details"].(map[string]any)[key])
	}
}

// Each row of the protocol's table for submitting a login.
func TestSubmitLogin(t *testing.T) {
	env := enginetest.New(t)
	known := signedUp(t, env)
	login := func(name string, v values, status, told, writes string) scenario {
		return scenario{
			name: name, kind: "login", do: func(c client, f flow) answer { return c.Submit(f, v) },
			html: "303 form " + told, json: status + " form " + told, native: status + " form " + told, writes: writes,
		}
	}
	sent := func(name, path, told string) scenario {
		return scenario{name: name, noFlow: true, refused: told, do: func(c client, _ flow) answer { return c.Post(path, known) }}
	}
	play(t, env, []scenario{
		{
			name: "success", kind: "login", do: func(c client, f flow) answer { return c.Submit(f, known) },
			html: "303 http://127.0.0.1:4455/", json: "200 done session", native: "200 done session token", writes: "flows~1 session_tokens+1 sessions+1",
		},
		login("a wrong password", known.With("password", "wrong"), "400", "4000006", "flows~1"),
		login("nobody", enginetest.Credentials("nobody@example.org"), "400", "4000006", "flows~1"),
		login("no password", known.Without("password"), "400", "password:4000002", "flows~1"),
		login("no identifier", known.Without("identifier"), "400", "identifier:4000002", "flows~1"),
		login("neither", values{"method": "password"}, "400", "identifier:4000002 password:4000002", "flows~1"),
		login("empty ones", values{"method": "password", "identifier": "", "password": ""}, "400", "identifier:4000002 password:4000002", "flows~1"),
		login("blanks for an identifier", known.With("identifier", "   "), "400", "4000006", "flows~1"),
		login("no method", known.Without("method"), "400", "4010002", "flows~1"),
		login("an unknown method", known.With("method", "magic"), "400", "4010002", "flows~1"),
		{name: "a method that is not enabled", kind: "login", refused: "404 self_service_method_disabled", do: func(c client, f flow) answer { return c.Submit(f, known.With("method", "code")) }},
		{name: "a second factor that is not built", kind: "login", refused: "404 self_service_method_disabled", do: func(c client, f flow) answer { return c.Submit(f, known.With("method", "totp")) }},
		sent("no flow", "/self-service/login", "400 flow_id_invalid"),
		sent("a flow that is no id", "/self-service/login?flow=x", "400 flow_id_invalid"),
		sent("an unknown flow", "/self-service/login?flow=2b0a4ec2-3f4f-4bb6-9c19-0a4b1c6b5a4e", "404 self_service_flow_not_found"),
	})
	for _, c := range env.Clients() {
		f := c.Say(c.OpenKind("login", ""), known.With("password", "wrong"))
		require.Equal(t, "password", f.Active)
		require.Equal(t, known["identifier"], f.Value("identifier"))
		require.Nil(t, f.Value("password"))
		f = c.Say(f, known.Without("identifier"))
		require.Equal(t, []int{ui.ErrRequired}, f.IDs("identifier"), "an identifier that was taken back does not count")
		require.Equal(t, map[string]any{"property": "identifier"}, f.Node("identifier").Messages[0].Context)
	}
}

// What a client gets with its session.
func TestLoginSuccess(t *testing.T) {
	env := enginetest.New(t, enginetest.With("selfservice.flows.login.after.default_browser_return_url", "http://127.0.0.1:4455/login-default"),
		enginetest.With("selfservice.flows.login.after.password.default_browser_return_url", "http://127.0.0.1:4455/password-default"))
	known := signedUp(t, env)
	for query, home := range map[string]string{
		"": "http://127.0.0.1:4455/password-default",
		"return_to=https%3A%2F%2Fapp.example.org%2Fin": "https://app.example.org/in",
		"return_to=%2Fthere&state=opaque":              "http://127.0.0.1:4455/there?state=opaque",
	} {
		for _, c := range env.Clients() {
			secret := ""
			f := c.OpenKind("login", query)
			if c.Kind != enginetest.Native {
				secret = c.Cookie("csrf_token")
			}
			a := c.Submit(c.Say(f, known.With("password", "wrong")), known)
			if c.Kind == enginetest.HTML {
				require.Equal(t, home, a.Location().String())
				require.NotEqual(t, secret, c.Cookie("csrf_token"), "who signs in gets a new secret")
				continue
			}
			body := a.JSON()
			session := body["session"].(map[string]any)
			require.NotContains(t, body, "identity")
			require.Equal(t, known["identifier"], session["identity"].(map[string]any)["traits"].(map[string]any)["email"])
			require.Equal(t, []any{true, "aal1", "password"}, []any{session["active"], session["authenticator_assurance_level"],
				session["authentication_methods"].([]any)[0].(map[string]any)["method"]})
			require.NotContains(t, string(a.Body), "metadata_admin")
			if c.Kind == enginetest.JSON {
				require.NotContains(t, string(a.Body), "session_token")
				require.Equal(t, []any{map[string]any{"action": "redirect_browser_to", "redirect_browser_to": home}}, body["continue_with"])
				require.Equal(t, enginetest.Next{Do: "done", URL: home}, a.Next())
				require.NotEqual(t, secret, c.Cookie("csrf_token"))
				require.Equal(t, session["id"], sessionOf(c))
				continue
			}
			require.Equal(t, []any{map[string]any{"action": "set_ory_session_token", "ory_session_token": body["session_token"]}}, body["continue_with"])
			require.Equal(t, enginetest.Next{Do: "done"}, a.Next())
			require.Empty(t, a.Header.Values("Set-Cookie"))
			require.Equal(t, http.StatusOK, c.Whoami(token(t, a)).Status)
		}
	}
}

// A browser's token, cookie and page have to be right; an app must not look like
// a browser.
func TestLoginGuard(t *testing.T) {
	env := enginetest.New(t)
	known := signedUp(t, env)
	submit := func(c client, f flow, v values, headers ...string) string {
		contentType, raw := c.Encode(v)
		return tell(c, post(c, f.UI.Action, contentType, string(raw), headers...))
	}
	for _, c := range env.Clients()[:2] {
		f := c.OpenKind("login", "")
		want := "403 security_csrf_violation"
		if c.Kind == enginetest.HTML {
			want = "303 error " + want
		}
		before := env.Rows().Without("flow_errors")
		require.Equal(t, want, submit(c, f, known))
		require.Equal(t, want, submit(c, f, known.With("csrf_token", "AAAA")))
		require.Equal(t, want, submit(c, f, f.Fill(known), "Origin", "https://evil.example.com"))
		require.Equal(t, want, submit(c, f, f.Fill(known), "Origin", "", "Sec-Fetch-Site", "cross-site"))
		stranger := env.SPA()
		theirs := stranger.OpenKind("login", "")
		require.Equal(t, "403 security_csrf_violation", submit(stranger, f, theirs.Fill(known)), "signing a victim in as somebody else")
		require.Equal(t, "flows+1", env.Rows().Without("flow_errors").Since(before))
		require.Less(t, c.Submit(f, known).Status, 400)
	}
	c := env.Native()
	f := c.OpenKind("login", "")
	before := env.Rows()
	require.Equal(t, "400 security_native_flow_origin", submit(c, f, known, "Origin", "http://127.0.0.1:4455"))
	require.Equal(t, "400 security_native_flow_cookie", submit(c, f, known, "Cookie", "a=b"))
	require.Empty(t, env.Rows().Since(before))
	require.Equal(t, "200 done session token", submit(c, f, known, "Cookie", "__cf_bm=x; _cfuvid=y; cf_clearance=z"))
}

// A flow that has run out is followed by one that knows who wanted in.
func TestExpiredLogin(t *testing.T) {
	env := enginetest.New(t)
	known := signedUp(t, env)
	for _, c := range env.Clients() {
		f := c.OpenKind("login", "return_to=https%3A%2F%2Fapp.example.org%2Fin&state=opaque")
		env.Clock.Advance(2 * time.Hour)
		a := c.Submit(f, known)
		id := ""
		if c.Kind == enginetest.HTML {
			require.Equal(t, "303 form 4010001", tell(c, a))
			id = a.Location().Query().Get("flow")
		} else {
			require.Equal(t, "410 self_service_flow_expired", tell(c, a))
			id = a.JSON()["use_flow_id"].(string)
			require.Equal(t, "go_to", a.Next().Do)
		}
		require.False(t, c.SignedIn())
		heir := c.ReadKind("login", id)
		require.Equal(t, known["identifier"], heir.Value("identifier"))
		require.Nil(t, heir.Value("password"))
		again := c.Submit(f, known)
		require.Contains(t, again.Header.Get("Location")+string(again.Body), id, "one successor")
		c.Submit(f, known.With("identifier", "somebody@example.org"))
		c.Submit(f, values{"method": "password"})
		require.Equal(t, "somebody@example.org", c.ReadKind("login", id).Value("identifier"), "who was typed last")
		a = c.Submit(heir, known)
		require.Less(t, a.Status, 400, "%s", a.Body)
		if c.Kind == enginetest.HTML {
			require.Equal(t, "https://app.example.org/in?state=opaque", a.Location().String())
		}
	}
}

// A flow signs in once. The same submit gets the first outcome, with a token of
// its own for an app; any other is told so.
func TestLoginTwice(t *testing.T) {
	env := enginetest.New(t)
	known := signedUp(t, env)
	for _, c := range env.Clients() {
		f := c.OpenKind("login", "")
		before := env.Rows()
		first := c.Submit(f, known)
		second := c.Submit(f, known)
		require.Equal(t, tell(c, first), tell(c, second), "%s", second.Body)
		require.Equal(t, "flows~1 session_tokens+2 sessions+1", env.Rows().Since(before))
		if c.Kind == enginetest.Native {
			require.NotEqual(t, token(t, first), token(t, second))
			for _, a := range []answer{first, second} {
				require.Equal(t, http.StatusOK, c.Whoami(token(t, a)).Status)
			}
			require.Equal(t, first.JSON()["session"].(map[string]any)["id"], second.JSON()["session"].(map[string]any)["id"])
		} else {
			require.True(t, c.SignedIn())
		}
		before = env.Rows()
		require.Equal(t, per(c, 400, "4010007"), tell(c, c.Submit(f, known.With("password", "wrong"))))
		require.Equal(t, per(c, 400, "4010007"), tell(c, c.Submit(f, enginetest.Credentials("nobody@example.org"))))
		require.Empty(t, env.Rows().Since(before))
	}
}

// Who has signed in meanwhile, in another window, is not asked again.
func TestLoginSubmittedSignedIn(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		f := c.OpenKind("login", "return_to=https%3A%2F%2Fapp.example.org%2Fin&state=opaque")
		other := c.Copy()
		v := come(t, other)
		before := env.Rows().Without("flow_errors")
		if c.Kind == enginetest.HTML {
			require.Equal(t, "303 http://127.0.0.1:4455/", tell(other, other.Submit(f, v)), "whatever the CSRF secret is since")
		} else {
			require.Equal(t, "400 session_already_available", tell(other, other.Submit(f, v)))
		}
		require.Empty(t, env.Rows().Without("flow_errors").Since(before))
	}
}

// Whoever registers in one window has the same page of the login in another.
func TestLoginOfWhoMayNot(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		known := signedUp(t, env)
		env.Exec("UPDATE identities SET state = 'inactive' WHERE traits LIKE ?", "%"+known["identifier"].(string)+"%")
		before := env.Rows()
		require.Equal(t, per(c, 400, "4010011"), tell(c, c.Submit(c.OpenKind("login", ""), known)))
		require.Equal(t, per(c, 400, "4000006"), tell(c, c.Submit(c.OpenKind("login", ""), known.With("password", "wrong"))), "who it is is not sure")
		require.Equal(t, "flows+2", env.Rows().Since(before))
		require.False(t, c.SignedIn())
	}
}

// Login links keep the values of a query that need escaping.
func TestLoginRequestURL(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		f := c.OpenKind("login", "state=a%26b%3Dc")
		u, err := url.Parse(f.Request)
		require.NoError(t, err)
		require.Equal(t, "a&b=c", u.Query().Get("state"))
		require.Equal(t, "a&b=c", f.Foyer.State)
	}
}
