package selfservice_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// What each client is told of a save, and all that a save writes.
func TestSettingsTable(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		email := mine(c)
		taken := address()
		person(t, env, taken)
		for _, row := range []struct {
			name   string
			v      values
			status int
			told   string
			writes string
		}{
			{"saved", profileOf(email).With("traits.age", 30), 200, "1050001", "flows~1 identities~1"},
			{"saved password", newPassword("another Passphrase 10"), 200, "1050001", "credentials~1 flows~1 identities~1"},
			{"same password", newPassword("another Passphrase 10"), 400, "password:4000039", "flows~1"},
			{"no password", values{"method": "password"}, 400, "password:4000002", "flows~1"},
			{"short password", newPassword("short"), 400, "password:4000032", "flows~1"},
			{"password like the address", newPassword(email), 400, "password:4000031", "flows~1"},
			{"breached password", newPassword("password1234"), 400, "password:4000005", "flows~1"},
			{"no address", profileOf("no address"), 400, "traits.email:4000040", "flows~1"},
			{"too young", profileOf(email).With("traits.age", 3), 400, "traits.age:4000018", "flows~1"},
			{"taken", profileOf(taken), 400, "4000007", "flows~1"},
			{"no method", values{"traits.email": email}, 400, "4010004", "flows~1"},
			{"unknown method", values{"method": "nonsense"}, 400, "4010004", "flows~1"},
			{"moved", profileOf("moved-" + email), 200, "1050001", "addresses+2 addresses-2 credentials~1 flows~1 identifiers+1 identifiers-1 identities~1"},
		} {
			t.Run(fmt.Sprint(c.Kind, " ", row.name), func(t *testing.T) {
				f := c.OpenKind("settings", "")
				before := env.Rows()
				a := c.Submit(f, row.v)
				require.Equal(t, per(c, row.status, row.told), tell(c, a), "%s", a.Body)
				require.Equal(t, row.writes, env.Rows().Since(before))
			})
		}
		require.Equal(t, 404, status(c, c.Submit(c.OpenKind("settings", ""), values{"method": "totp"})))
	}
}

// status is that of an answer, or of the error that a browser is sent to.
func status(c client, a answer) int {
	if c.Kind != enginetest.HTML {
		return a.Status
	}
	var code int
	_, _ = fmt.Sscanf(tell(c, a), "303 error %d", &code)
	return code
}

// A save is answered with the flow, which can be submitted again and again: what
// is wrong later shows the form with what was typed.
func TestSettingsAreSavedAgainAndAgain(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			f := c.OpenKind("settings", "")
			for age := 20; age < 23; age++ {
				f = c.Say(f, profileOf(email).With("traits.age", age))
				require.Equal(t, "success", f.State)
				require.Equal(t, []int{1050001}, f.IDs(""))
				require.EqualValues(t, age, f.Value("traits.age"))
				require.Equal(t, "profile", f.Active)
			}
			f = c.Say(f, profileOf("no address").With("traits.name.first", "Ada"))
			require.Equal(t, "show_form", f.State)
			require.Empty(t, f.IDs(""))
			require.Equal(t, []int{4000040}, f.IDs("traits.email"))
			require.Equal(t, "no address", f.Value("traits.email"))
			require.Equal(t, "Ada", f.Value("traits.name.first"))
			who := c.Whoami("").JSON()["identity"].(map[string]any)["traits"].(map[string]any)
			require.Equal(t, email, who["email"])
			require.NotContains(t, who, "name")
			f = c.Say(f, newPassword("another Passphrase 10"))
			require.Equal(t, "success", f.State)
			require.Nil(t, f.Value("password"))
			require.Equal(t, email, f.Value("traits.email"), "of what was not saved nothing is left")
		})
	}
}

// A submit that says nothing of traits saves what the form shows.
func TestSettingsWithoutTraits(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(strings.Replace(enginetest.PersonSchema, `"required": ["email"], `, "", 1)))
	c := env.SPA()
	email := address()
	c.SignUp(enginetest.Person(email).With("traits.age", 30))
	require.Equal(t, "200 form 1050001", tell(c, c.Submit(c.OpenKind("settings", ""), values{"method": "profile"})))
	who := c.Whoami("").JSON()["identity"].(map[string]any)["traits"].(map[string]any)
	require.Equal(t, email, who["email"])
	require.EqualValues(t, 30, who["age"])
}

// Where a browser goes from a save, and what others are told of it.
func TestSettingsLeadOn(t *testing.T) {
	settings := "http://127.0.0.1:4455/settings?flow="
	for _, row := range []struct {
		name, query       string
		options           []enginetest.Option
		profile, password string // empty for the form itself
	}{
		{"nowhere", "", nil, "", ""},
		{"return_to", "return_to=https://app.example.org/in", nil, "https://app.example.org/in", "https://app.example.org/in"},
		{"after", "", []enginetest.Option{enginetest.With("selfservice.flows.settings.after.default_browser_return_url", "https://app.example.org/in")}, "https://app.example.org/in", "https://app.example.org/in"},
		{"after a method", "", []enginetest.Option{enginetest.With("selfservice.flows.settings.after.password.default_browser_return_url", "https://app.example.org/in")}, "", "https://app.example.org/in"},
	} {
		t.Run(row.name, func(t *testing.T) {
			env := enginetest.New(t, row.options...)
			for _, c := range env.Clients() {
				email := mine(c)
				for want, v := range map[*string]values{&row.profile: profileOf(email).With("traits.age", 30), &row.password: newPassword("another Passphrase 10")} {
					f := c.OpenKind("settings", row.query)
					to := *want
					if to == "" {
						to = settings + f.ID
					}
					a := c.Submit(f, v)
					switch c.Kind {
					case enginetest.HTML:
						require.Equal(t, to, a.Header.Get("Location"))
					case enginetest.JSON:
						require.Equal(t, []any{map[string]any{"action": "redirect_browser_to", "redirect_browser_to": to}}, a.JSON()["continue_with"])
					case enginetest.Native:
						require.Nil(t, a.JSON()["continue_with"])
					}
				}
			}
		})
	}
}

// changes are the saves that need a fresh proof of who is there.
func changes(email string) map[string]values {
	return map[string]values{
		"address":  profileOf("new-"+email).With("traits.age", 30),
		"password": newPassword("another Passphrase 10").With("traits.email", email).With("traits.age", 30),
	}
}

// Whoever signed in long ago changes what they are called, but not how they sign
// in or where they are reached, until they have proved again who they are. What
// they typed waits for them, secrets excepted.
func TestPrivilegedSettings(t *testing.T) {
	env := enginetest.New(t, enginetest.With("selfservice.flows.settings.privileged_session_max_age", "15m"))
	for _, c := range env.Clients() {
		for name := range changes("") {
			t.Run(string(c.Kind)+" "+name, func(t *testing.T) {
				c := clientOf(env, c.Kind)
				email := mine(c)
				env.Clock.Advance(16 * time.Minute)
				f := c.OpenKind("settings", "")
				require.Equal(t, per(c, 200, "1050001"), tell(c, c.Submit(f, profileOf(email).With("traits.age", 29))), "no need of a proof")

				v := changes(email)[name]
				before := env.Rows()
				a := c.Submit(f, v)
				require.Equal(t, "flows~1", env.Rows().Since(before))
				var login string
				if c.Kind == enginetest.HTML {
					back := toLogin(t, env, a)
					require.Equal(t, "true", back.Get("refresh"))
					require.Equal(t, f.UI.Action, back.Get("return_to"))
					login = a.Location().RawQuery
				} else {
					require.Equal(t, "403 session_refresh_required", tell(c, a))
					to, err := url.Parse(a.JSON()["redirect_browser_to"].(string))
					require.NoError(t, err)
					require.Equal(t, "/self-service/login/browser", to.Path)
					require.Equal(t, "true", to.Query().Get("refresh"))
					require.Equal(t, f.UI.Action, to.Query().Get("return_to"))
					require.Equal(t, "go_to", a.Next().Do)
					next, err := url.Parse(a.Next().URL)
					require.NoError(t, err)
					require.Equal(t, map[bool]string{true: "/self-service/login/api", false: "/self-service/login/browser"}[c.Kind == enginetest.Native], next.Path)
					login = next.RawQuery
				}
				kept := c.ReadKind("settings", f.ID)
				require.Equal(t, "show_form", kept.State)
				require.Equal(t, v["traits.email"], kept.Value("traits.email"))
				require.EqualValues(t, 30, kept.Value("traits.age"))
				require.Nil(t, kept.Value("password"))

				a = c.SignIn(login, enginetest.Credentials(email))
				require.Less(t, a.Status, 400, "%s", a.Body)
				if c.Kind == enginetest.HTML {
					require.Equal(t, f.UI.Action, a.Header.Get("Location"))
					kept = c.Arrive("settings", c.Get(a.Header.Get("Location")))
				} else {
					require.Equal(t, enginetest.Next{Do: "go_to", URL: f.UI.Action}, a.Next())
					kept = c.Get(a.Next().URL).Flow()
				}
				require.Equal(t, f.ID, kept.ID)
				again := values{"method": v["method"], "traits.email": kept.Value("traits.email"), "traits.age": 30}
				if name == "password" {
					again = newPassword("another Passphrase 10")
				}
				require.Equal(t, per(c, 200, "1050001"), tell(c, c.Submit(kept, again)))
			})
		}
	}
}

// A double click is answered as the first click was, whatever that was.
func TestSettingsSavedTwice(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(),
		enginetest.With("selfservice.flows.settings.after.profile.hooks", []map[string]any{{"hook": "show_verification_ui"}}))
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			for _, v := range []values{newPassword("another Passphrase 10"), profileOf("new-" + email)} {
				f := c.OpenKind("settings", "")
				first := c.Submit(f, v)
				before := env.Rows()
				second := c.Submit(f, v)
				require.Empty(t, env.Rows().Since(before), "nothing is done twice")
				require.Equal(t, first.Status, second.Status)
				require.Equal(t, first.Header.Get("Location"), second.Header.Get("Location"))
				if c.Kind != enginetest.HTML {
					require.Equal(t, "200 form 1050001", tell(c, second))
					require.Equal(t, first.JSON()["continue_with"], second.JSON()["continue_with"])
				}
			}
			f := c.OpenKind("settings", "")
			all := parallel(c, f, repeated(newPassword("a third Passphrase 11"), 4))
			for _, a := range all {
				require.Equal(t, per(c, 200, "1050001"), tell(c, a))
			}
		})
	}
}

// The first answer is given again only while it is still true.
func TestSettingsSavedAgainLater(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	email := mine(c)
	f, elsewhere := c.OpenKind("settings", ""), c.OpenKind("settings", "")
	v := profileOf(email).With("traits.age", 30)
	require.Equal(t, "200 form 1050001", tell(c, c.Submit(f, v)))
	require.Equal(t, "200 form 1050001", tell(c, c.Submit(elsewhere, profileOf(email).With("traits.age", 31))))
	require.Equal(t, "200 form 1050001", tell(c, c.Submit(f, v)))
	who := c.Whoami("").JSON()["identity"].(map[string]any)["traits"].(map[string]any)
	require.EqualValues(t, 30, who["age"], "what is told to be saved is")
}

// Passwords of any save are in no answer, row, file or log.
func TestSettingsKeepNoSecret(t *testing.T) {
	env := enginetest.New(t, enginetest.With("selfservice.flows.settings.privileged_session_max_age", "15m"))
	const canary = "canary-Passphrase-of-settings-9"
	for _, c := range env.Clients() {
		email := mine(c)
		f := c.OpenKind("settings", "")
		v := newPassword(canary+string(c.Kind)).With("traits.email", email)
		told := []answer{c.Submit(f, v), c.Submit(f, v), c.Submit(f, v.With("method", "profile").With("traits.age", 1)), c.Submit(f, v.With("method", "x"))}
		env.Clock.Advance(16 * time.Minute)
		told = append(told, c.Submit(f, v))
		for _, a := range told {
			require.NotContains(t, string(a.Body), canary)
			require.NotContains(t, fmt.Sprint(a.Header), canary)
		}
		raw, err := json.Marshal(c.ReadKind("settings", f.ID))
		require.NoError(t, err)
		require.NotContains(t, string(raw), canary)
	}
	for name, raw := range env.Files() {
		require.NotContains(t, string(raw), canary, name)
	}
	require.NotContains(t, env.Logs.String(), canary)
}

// Whoever signs in by codes alone chooses a first password, and then has both.
func TestFirstPassword(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(enginetest.CodeSchema), enginetest.WithPasswordless(),
		enginetest.With("selfservice.flows.registration.after.code.hooks", []map[string]any{{"hook": "session"}}))
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := address()
			who := values{"method": "code", "traits.email": email}
			f := c.Say(c.Open(""), who)
			env.Deliver()
			c.Adopt(c.Submit(f, who.With("code", code(t, env, email))))
			require.True(t, c.SignedIn())
			require.Equal(t, per(c, 200, "1050001"), tell(c, c.Submit(c.OpenKind("settings", ""), newPassword(passphrase))))
			c.SignOut()
			a := c.SignIn("", enginetest.Credentials(email))
			require.Less(t, a.Status, http.StatusBadRequest, "%s", a.Body)
			require.True(t, c.SignedIn())
		})
	}
}

// Nobody is signed in to settings of an account that an operator removed, and a
// form that is open then saves nothing.
func TestSettingsOfWhoIsGone(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			f := c.OpenKind("settings", "")
			a := env.Admin(http.MethodDelete, "/admin/identities/"+ownID(t, c), nil)
			require.Equal(t, http.StatusNoContent, a.Status, "%s", a.Body)
			before := env.Rows()
			a = c.Submit(f, profileOf("new-"+email))
			require.Contains(t, []int{401, 404}, status(c, a), "%s", a.Body)
			require.Empty(t, env.Rows().Without("flow_errors").Since(before))
			require.Equal(t, http.StatusUnauthorized, c.Whoami("").Status)
		})
	}
}
