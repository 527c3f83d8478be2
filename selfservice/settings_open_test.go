package selfservice_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

const passphrase = "a good long Passphrase 9"

// profileOf fills in a save of a profile.
func profileOf(email string) values { return values{"method": "profile", "traits.email": email} }

// newPassword fills in a save of a password.
func newPassword(password string) values { return values{"method": "password", "password": password} }

// mine signs somebody up as the client does and returns the address.
func mine(c client) string {
	email := address()
	c.SignUp(enginetest.Person(email))
	return email
}

// ownID is the id of who is signed in.
func ownID(t *testing.T, c client) string {
	t.Helper()
	a := c.Whoami("")
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	return a.JSON()["identity"].(map[string]any)["id"].(string)
}

func openSettings(c client, query string) answer {
	if c.Kind == enginetest.Native {
		return c.Get("/self-service/settings/api?" + query)
	}
	return c.Get("/self-service/settings/browser?" + query)
}

// toLogin tells whether an answer sends a browser to a login that leads back.
func toLogin(t *testing.T, env *enginetest.Env, a answer) url.Values {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, a.Status, "%s", a.Body)
	to := a.Location()
	require.Equal(t, env.PublicURL+"/self-service/login/browser", to.Scheme+"://"+to.Host+to.Path)
	return to.Query()
}

// Settings are for who is signed in; anybody else is told, or sent, to sign in.
func TestSettingsNeedASession(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			before := env.Rows()
			a := openSettings(c, "return_to=https://app.example.org/in")
			if c.Kind == enginetest.HTML {
				back := toLogin(t, env, a).Get("return_to")
				require.Equal(t, env.PublicURL+"/self-service/settings/browser?return_to=https://app.example.org/in", back)
			} else {
				require.Equal(t, "401 session_inactive", tell(c, a))
				next := a.Next()
				require.Equal(t, "go_to", next.Do)
				require.Contains(t, next.URL, "/self-service/login/")
			}
			require.Empty(t, env.Rows().Since(before), "nothing was opened")

			mine(c)
			f := c.OpenKind("settings", "")
			out := c.Copy()
			out.SignOut()
			before = env.Rows()
			read := out.Get("/self-service/settings/flows?id=" + f.ID)
			require.Equal(t, http.StatusUnauthorized, read.Status)
			require.Equal(t, "session_inactive", read.ErrorID())
			a = out.Submit(f, newPassword("another Passphrase 10"))
			if c.Kind == enginetest.HTML {
				require.Equal(t, f.UI.Action, toLogin(t, env, a).Get("return_to"))
				a = out.Get(f.UI.Action)
				require.Equal(t, f.UI.Action, toLogin(t, env, a).Get("return_to"), "the same of a page opened again")
			} else {
				require.Equal(t, "401 session_inactive", tell(c, a))
			}
			require.Empty(t, env.Rows().Since(before), "nothing has changed")
		})
	}
}

// Whoever signs in again in between goes on with the flow they had.
func TestSettingsGoOnAfterSigningIn(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			f := c.OpenKind("settings", "")
			c.SignOut()
			c.SignIn("return_to="+url.QueryEscape(f.UI.Action), enginetest.Credentials(email))
			require.True(t, c.SignedIn())
			f = c.ReadKind("settings", f.ID)
			require.Equal(t, per(c, 200, "1050001"), tell(c, c.Submit(f, profileOf(email).With("traits.age", 30))))
		})
	}
}

// A session that ends while the form is open changes nothing.
func TestSettingsAfterTheSessionHasExpired(t *testing.T) {
	env := enginetest.New(t, enginetest.With("session.lifespan", "30m"), enginetest.With("selfservice.flows.settings.lifespan", "5h"))
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			f := c.OpenKind("settings", "")
			env.Clock.Advance(31 * time.Minute)
			before := env.Rows()
			for _, v := range []values{profileOf("new-" + email), newPassword("another Passphrase 10"), {"method": "nonsense"}} {
				a := c.Submit(f, v)
				if c.Kind == enginetest.HTML {
					toLogin(t, env, a)
				} else {
					require.Equal(t, "401 session_inactive", tell(c, a))
				}
			}
			require.Empty(t, env.Rows().Since(before))
		})
	}
}

// A flow belongs to who opened it: nobody else reads it, submits it or learns
// what it holds.
func TestSettingsOfAnother(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			f := c.OpenKind("settings", "")
			c.SignOut()
			mine(c) // another person in the same browser or app
			before := env.Rows()
			a := c.Get("/self-service/settings/flows?id=" + f.ID)
			require.Equal(t, http.StatusForbidden, a.Status)
			require.Equal(t, "security_identity_mismatch", a.ErrorID())
			require.NotContains(t, string(a.Body), email)
			for _, v := range []values{profileOf("new-" + email), newPassword("another Passphrase 10")} {
				a = c.Submit(f, v)
				if c.Kind == enginetest.HTML {
					require.Equal(t, "303 error 403 security_identity_mismatch", tell(c, a))
				} else {
					require.Equal(t, "403 security_identity_mismatch", tell(c, a))
				}
				require.NotContains(t, string(a.Body), email)
			}
			require.Empty(t, env.Rows().Without("flow_errors").Since(before))
		})
	}
}

// A form of a browser is submitted by that browser's own pages only, and a form
// of an app by nothing that looks like a browser.
func TestSettingsForgery(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			f := c.OpenKind("settings", "")
			foreign := clientOf(env, c.Kind).Open("").Value("csrf_token")
			before := env.Rows()
			v := profileOf("new-" + email)
			if c.Kind == enginetest.Native {
				contentType, raw := c.Encode(v)
				a := post(c, f.UI.Action, contentType, string(raw), "Origin", "https://evil.example.org")
				require.Equal(t, "400 security_native_flow_origin", tell(c, a))
				a = post(c, f.UI.Action, contentType, string(raw), "Cookie", "csrf_token_x=y")
				require.Equal(t, http.StatusBadRequest, a.Status, "%s", a.Body)
				require.Empty(t, env.Rows().Since(before))
				return
			}
			for name, forged := range map[string]values{
				"no token":      v.With("csrf_token", ""),
				"another token": v.With("csrf_token", foreign),
			} {
				a := c.Submit(f, forged)
				require.Contains(t, tell(c, a), "403 security_csrf_violation", name)
			}
			contentType, raw := c.Encode(f.Fill(v))
			a := post(c, f.UI.Action, contentType, string(raw), "Origin", "https://evil.example.org")
			require.Contains(t, tell(c, a), "403", "%s", a.Body)
			require.Empty(t, env.Rows().Without("flow_errors").Since(before))
		})
	}
}

// An app's token may come as a header of either kind; a browser's flow is read
// with its cookie.
func TestSettingsByBearer(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	email := mine(c)
	bearer := env.Native()
	bearer.Head.Set("Authorization", "Bearer "+c.Token())
	f := bearer.OpenKind("settings", "")
	require.Equal(t, "api", f.Type)
	require.Empty(t, f.Value("csrf_token"), "nobody can forge what an app sends")
	require.Equal(t, "200 form 1050001", tell(bearer, bearer.Submit(f, profileOf(email).With("traits.age", 20))))
	require.Equal(t, "401 session_inactive", tell(c, env.Native().Submit(f, profileOf(email))))
}

// What a form of settings looks like, and what it does not hold.
func TestSettingsForm(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := address()
			c.SignUp(enginetest.Person(email).With("traits.name.first", "Ada").With("traits.age", 36))
			f := c.OpenKind("settings", "")
			require.Equal(t, "show_form", f.State)
			require.Equal(t, []string{"csrf_token", "traits.email", "traits.name.first", "traits.name.last", "traits.age", "traits.newsletter", "traits.plan", "traits.tags", "method", "password", "method"}, nodes(f))
			require.Equal(t, email, f.Value("traits.email"))
			require.Equal(t, "Ada", f.Value("traits.name.first"))
			require.EqualValues(t, 36, f.Value("traits.age"))
			require.Nil(t, f.Value("password"))
			for _, n := range f.UI.Nodes {
				if n.Attributes.Name != "csrf_token" {
					require.Equal(t, map[bool]string{true: "password", false: "profile"}[n.Attributes.Name == "password" || n.Attributes.Value == "password"], n.Group, n.Attributes.Name)
				}
				if n.Attributes.Name == "method" {
					require.Equal(t, 1070003, n.Meta.Label.ID)
				}
			}
			req := c.Request(http.MethodGet, "/self-service/settings/flows?id="+f.ID, nil)
			req.Header.Set("Accept", "application/json")
			a := c.Do(req)
			var v struct {
				Identity struct {
					ID     string         `json:"id"`
					Traits map[string]any `json:"traits"`
				} `json:"identity"`
			}
			require.NoError(t, json.Unmarshal(a.Body, &v))
			require.Equal(t, ownID(t, c), v.Identity.ID)
			require.Equal(t, email, v.Identity.Traits["email"])
			require.NotContains(t, string(a.Body), "argon2")
			require.NotContains(t, string(a.Body), "credentials")
		})
	}
}

// A flow whose time has run out gives way to a new one of the same person that
// holds what was typed, but for the password.
func TestExpiredSettings(t *testing.T) {
	env := enginetest.New(t, enginetest.With("selfservice.flows.settings.lifespan", "10m"))
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			f := c.OpenKind("settings", "return_to=https://app.example.org/in")
			env.Clock.Advance(11 * time.Minute)
			req := c.Request(http.MethodGet, "/self-service/settings/flows?id="+f.ID, nil)
			req.Header.Set("Accept", "application/json")
			require.Equal(t, http.StatusGone, c.Do(req).Status)

			before := env.Rows()
			a := c.Submit(f, profileOf(email).With("traits.age", 44).With("password", "a canary Passphrase 77"))
			var next flow
			if c.Kind == enginetest.HTML {
				next = c.Arrive("settings", a)
			} else {
				require.Equal(t, "410 self_service_flow_expired", tell(c, a))
				id, _ := a.JSON()["use_flow_id"].(string)
				next = c.ReadKind("settings", id)
				require.Equal(t, "go_to", a.Next().Do)
			}
			require.Equal(t, "flows+1 flows~1", env.Rows().Since(before))
			require.NotEqual(t, f.ID, next.ID)
			require.Equal(t, []int{4050001}, next.IDs(""))
			require.Equal(t, email, next.Value("traits.email"))
			require.EqualValues(t, 44, next.Value("traits.age"))
			require.Nil(t, next.Value("password"))
			require.Equal(t, "https://app.example.org/in", next.ReturnTo)

			again := c.Submit(f, profileOf(email).With("traits.age", 45))
			if c.Kind == enginetest.HTML {
				require.Equal(t, next.ID, again.Location().Query().Get("flow"), "one successor")
			} else {
				require.Equal(t, next.ID, again.JSON()["use_flow_id"])
			}
			stranger := clientOf(env, c.Kind)
			mine(stranger)
			a = stranger.Get("/self-service/settings/flows?id=" + next.ID)
			require.Equal(t, http.StatusForbidden, a.Status, "it has the owner of the old one")

			saved := c.Submit(next, profileOf(email).With("traits.age", 45))
			if c.Kind == enginetest.HTML {
				require.Equal(t, "https://app.example.org/in", saved.Location().String())
			} else {
				require.Equal(t, "200 form 1050001", tell(c, saved))
			}
		})
	}
}
