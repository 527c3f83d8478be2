package selfservice_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

func passwordless(t *testing.T, more ...enginetest.Option) *enginetest.Env {
	return enginetest.New(t, append([]enginetest.Option{
		enginetest.WithPasswordless(), enginetest.WithSchema(enginetest.CodeSchema),
		enginetest.With("selfservice.flows.registration.after.code.hooks", []map[string]any{{"hook": "session"}}),
	}, more...)...)
}

// byCode is the step of a login that asks for a code, or with one answers it.
func byCode(email string) values { return values{"method": "code", "identifier": email} }

// asked opens a login and has a code sent.
func asked(t *testing.T, c client, email string) flow {
	t.Helper()
	f := c.Say(c.OpenKind("login", ""), byCode(email))
	require.Equal(t, []int{1010014}, f.IDs(""))
	require.Equal(t, "sent_email", f.State)
	c.Env.Deliver()
	return f
}

// proved makes somebody whose address is proved, with a password.
func proved(t *testing.T, env *enginetest.Env) string {
	t.Helper()
	email := signedUp(t, env)["identifier"].(string)
	env.Exec("UPDATE addresses SET verified = 1, status = 'completed'")
	return email
}

// letIn reports whether an answer has let the client in.
func letIn(a answer) bool {
	return a.Status == http.StatusOK || a.Status == http.StatusSeeOther && a.Location().Query().Get("flow") == "" && a.Location().Path != "/error"
}

// Each row of the protocol's table of registrations by code.
func TestRegistrationByCode(t *testing.T) {
	env := passwordless(t)
	for _, c := range env.Clients() {
		email := address()
		who := values{"method": "code", "traits.email": email, "traits.age": "20"}
		f := c.Open("")
		require.Equal(t, []string{"code method submit 1040006 code"}, drawn(f)[len(drawn(f))-1:])
		require.Equal(t, per(c, 400, "traits.email:4000002"), tell(c, c.Submit(f, values{"method": "code"})))
		require.Equal(t, per(c, 400, "traits.email:4000040"), tell(c, c.Submit(f, who.With("traits.email", "nobody"))))
		before := env.Rows()
		require.Equal(t, per(c, 400, "1040005"), tell(c, c.Submit(f, who)))
		require.Equal(t, "budgets+1 flows~1 messages+1", env.Rows().Since(before))
		f = c.Read(f.ID)
		require.Equal(t, []any{"sent_email", "code"}, []any{f.State, f.Active})
		require.Equal(t, []string{
			"default csrf_token hidden 0", "default traits.email hidden 0 " + email, "default traits.age hidden 0 20",
			"code method hidden 0 code", "code code text 1070012", "code method submit 1070009 code", "code resend submit 1070008 code",
		}, filled(f))
		env.Deliver()
		first := code(t, env, email)
		require.Equal(t, per(c, 400, "1040005"), tell(c, c.Submit(f, who)), "a second click")
		require.Equal(t, per(c, 400, "code:4000002"), tell(c, c.Submit(f, who.With("traits.age", 20).With("code", ""))))
		require.Equal(t, per(c, 400, "4000036"), tell(c, c.Submit(f, who.With("traits.age", "21").With("code", first))))
		require.Equal(t, per(c, 400, "4040003"), tell(c, c.Submit(f, who.With("code", other(first)))))
		require.Equal(t, per(c, 400, "1040005"), tell(c, c.Submit(f, who.With("resend", "code"))))
		env.Deliver()
		second := code(t, env, email)
		require.NotEqual(t, first, second)
		require.Equal(t, per(c, 400, "4040003"), tell(c, c.Submit(f, who.With("code", first))), "the first is void")
		before = env.Rows()
		a := c.Adopt(c.Submit(f, who.With("code", second)))
		require.True(t, letIn(a), "%s", a.Body)
		require.Contains(t, env.Rows().Since(before), "credentials+1")
		require.Equal(t, "code", c.Whoami("").JSON()["authentication_methods"].([]any)[0].(map[string]any)["method"])
		require.Contains(t, string(c.Whoami("").Body), `"verified":true`)
		require.Equal(t, tell(c, a), tell(c, c.Submit(f, who.With("code", second))), "a second click")
	}
}

// Who has nothing that a code can be sent to cannot sign up by one.
func TestRegistrationByCodeOfNobody(t *testing.T) {
	env := enginetest.New(t, enginetest.WithPasswordless(), enginetest.WithSchema(nameAndMail))
	for _, c := range env.Clients() {
		require.Equal(t, per(c, 400, "4000009"), tell(c, c.Submit(c.Open(""), values{"method": "code", "traits.name": "Ada"})))
	}
	require.Zero(t, env.Identities())
}

// At most five codes are tried in one flow; the right one comes too late then.
func TestGuessesOfARegistration(t *testing.T) {
	env := passwordless(t)
	for _, c := range env.Clients() {
		email := address()
		who := values{"method": "code", "traits.email": email}
		f := c.Say(c.Open(""), who)
		env.Deliver()
		sent := code(t, env, email)
		for range 5 {
			require.Equal(t, per(c, 400, "4040003"), tell(c, c.Submit(f, who.With("code", other(sent)))))
		}
		require.Equal(t, per(c, 400, "4000001"), tell(c, c.Submit(f, who.With("code", sent))))
	}
	require.Zero(t, env.Identities())
}

// Each row of the protocol's table of logins by code.
func TestLoginByCode(t *testing.T) {
	env := passwordless(t)
	for _, c := range env.Clients() {
		email := proved(t, env)
		f := c.OpenKind("login", "return_to=https%3A%2F%2Fapp.example.org%2Fin&state=x")
		require.Equal(t, []string{
			"default csrf_token hidden 0", "default identifier text 1070002", "code method submit 1010015 code", "password password password 1070001", "password method submit 1010022 password",
		}, drawn(f))
		require.Equal(t, per(c, 400, "identifier:4000002"), tell(c, c.Submit(f, values{"method": "code"})))
		require.Equal(t, per(c, 400, "1010014"), tell(c, c.Submit(f, byCode(email))))
		f = c.ReadKind("login", f.ID)
		require.Equal(t, []any{"sent_email", "code"}, []any{f.State, f.Active})
		require.Equal(t, []string{
			"default csrf_token hidden 0", "default identifier hidden 0 " + email, "code method hidden 0 code", "code code text 1070013", "code method submit 1070009 code", "code resend submit 1070008 code",
		}, drawn(f))
		require.Contains(t, f.Node("resend").Meta.Label.Context, "available_at")
		env.Deliver()
		require.Equal(t, per(c, 400, "code:4000002"), tell(c, c.Submit(f, byCode(email))), "a second click sends no second code")
		sent := code(t, env, email)
		require.Equal(t, per(c, 400, "4010008"), tell(c, c.Submit(f, byCode(email).With("code", other(sent)))))
		require.Equal(t, per(c, 400, "4010008"), tell(c, c.Submit(f, byCode(email).With("code", "x"))))
		require.Nil(t, c.ReadKind("login", f.ID).Value("code"))

		before := env.Rows()
		v := byCode(email).Without("identifier").With("code", " "+sent[:3]+" "+sent[3:])
		a := c.Adopt(c.Submit(f, v))
		require.True(t, letIn(a), "%s", a.Body)
		require.Equal(t, "budgets~1 flows~1 session_tokens+1 sessions+1", env.Rows().Since(before))
		if c.Kind == enginetest.HTML {
			require.Equal(t, "https://app.example.org/in?state=x", a.Location().String())
		}
		require.Equal(t, "code", c.Whoami("").JSON()["authentication_methods"].([]any)[0].(map[string]any)["method"])
		require.Equal(t, tell(c, a), tell(c, c.Submit(f, v)), "a second click")
		require.Equal(t, per(c, 400, "4010007"), tell(c, c.Submit(f, byCode(email).With("code", sent))))
		stranger := clientOf(env, c.Kind)
		require.Equal(t, per(c, 400, "4010008"), tell(stranger, stranger.Submit(asked(t, stranger, email), byCode(email).With("code", sent))), "a code is used once")
	}
}

var regexpAvailable = regexp.MustCompile(`"available_at":"[^"]*"`)

// Who asks for a code cannot tell whether anybody signs in with the address: not
// by what is answered, nor by what is written.
func TestUnknownAddressesGetNoCode(t *testing.T) {
	env := passwordless(t)
	known := func(n int) string { return fmt.Sprintf("someone-%d@example.org", n) }
	for n := range 3 {
		register(t, env.Native(), enginetest.Person(known(n)))
		person(t, env, fmt.Sprintf("private%d@example.org", n)) // signs in by code as well
	}
	env.Exec("UPDATE identities SET state = 'inactive' WHERE traits LIKE '%private%'")
	for n, c := range env.Clients() {
		var want []string
		for _, email := range []string{known(n), fmt.Sprintf("nobody--%d@example.org", n), fmt.Sprintf("private%d@example.org", n)} {
			fresh := clientOf(env, c.Kind)
			f := fresh.OpenKind("login", "")
			var got []string
			note := func(v values) {
				before := env.Rows()
				a := fresh.Submit(f, v)
				shown := fresh.Get("/self-service/login/flows?id=" + f.ID)
				got = append(got, regexpAvailable.ReplaceAllString(masked(a, email)+masked(shown, email), "")+env.Rows().Since(before)+soon(env, shown))
			}
			note(byCode(email))
			note(byCode(email).With("resend", "code"))
			note(byCode(email).With("resend", "code"))
			note(byCode(email))
			for range 6 {
				note(byCode(email).With("code", "abcdef"))
			}
			note(byCode(email).With("resend", "code"))
			note(values{"method": "password", "identifier": email, "password": "wrong"})
			if want == nil {
				want = got
				require.Contains(t, got[0], "messages+1")
				require.Contains(t, got[2], "1010014")
				require.NotContains(t, got[2], "messages+1", "too early")
				require.Contains(t, got[9], "4000001")
			}
			for i := range want {
				require.Equal(t, want[i], got[i], "%s: step %d for %s", c.Kind, i, email)
			}
		}
	}
	env.Deliver()
	for n := range 3 {
		require.NotEmpty(t, env.Inbox(known(n)))
		require.Empty(t, env.Inbox(fmt.Sprintf("nobody--%d@example.org", n)))
	}
}

// A code waits a minute for the second resend, and an address gets a few messages only.
func TestResendOfLoginCodes(t *testing.T) {
	env := passwordless(t)
	c, email := env.Native(), proved(t, env)
	f := asked(t, c, email)
	resend := func() int {
		require.Equal(t, "400 form 1010014", tell(c, c.Submit(f, byCode(email).With("resend", "code"))))
		env.Deliver()
		return len(env.Inbox(email))
	}
	require.Equal(t, 2, resend(), "the first at once")
	require.Equal(t, 2, resend())
	env.Clock.Advance(61 * time.Second)
	require.Equal(t, 3, resend())
	for range 4 {
		asked(t, env.Native(), email)
	}
	require.Len(t, env.Inbox(email), 3, "over all flows")
	require.True(t, letIn(c.Submit(f, byCode(email).With("code", code(t, env, email)))), "the last that was sent")
}

// Five codes are looked at in one flow and ten an hour for one address; after
// that the right one is refused, and the password still lets its owner in.
func TestBudgetsOfLoginCodes(t *testing.T) {
	env := passwordless(t)
	c, email := env.Native(), proved(t, env)
	f := asked(t, c, email)
	sent := code(t, env, email)
	for range 5 {
		require.Equal(t, "400 form 4010008", tell(c, c.Submit(f, byCode(email).With("code", other(sent)))))
	}
	late := c.Say(f, byCode(email).With("code", sent))
	require.Equal(t, []int{ui.ErrGeneric}, late.IDs(""))
	require.NotContains(t, late.UI.Messages[0].Text, "link", "there is none in these messages")
	c.Say(f, byCode(email).With("resend", "code"))
	env.Deliver()
	require.Equal(t, "400 form 4000001", tell(c, c.Submit(f, byCode(email).With("code", code(t, env, email)))), "another code is no new chance")

	f = asked(t, c, email)
	sent = code(t, env, email)
	for range 5 {
		require.Equal(t, "400 form 4010008", tell(c, c.Submit(f, byCode(email).With("code", other(sent)))))
	}
	env.Clock.Advance(11 * time.Minute)
	f = asked(t, c, email)
	full := c.Say(f, byCode(email).With("code", code(t, env, email)))
	require.Equal(t, []int{ui.ErrTooManyLoginCodes}, full.IDs(""))
	require.NotContains(t, full.UI.Messages[0].Text, "link")
	require.True(t, letIn(c.Submit(f, enginetest.Credentials(email))), "back to the password")
}

// Codes that prove nothing here.
func TestVoidLoginCodes(t *testing.T) {
	for name, void := range map[string]func(t *testing.T, env *enginetest.Env, email, sent string, f flow) (flow, string){
		"of another flow": func(t *testing.T, env *enginetest.Env, email, sent string, f flow) (flow, string) {
			return asked(t, env.Native(), email), sent
		},
		"expired": func(t *testing.T, env *enginetest.Env, _, sent string, f flow) (flow, string) {
			env.Clock.Advance(10*time.Minute + time.Second)
			return f, sent
		},
		"sent before an address was proved": func(t *testing.T, env *enginetest.Env, email, sent string, f flow) (flow, string) {
			v := ask(t, env.Native(), email)
			env.Deliver()
			require.Equal(t, "passed_challenge", env.Native().Say(v, values{"method": "code", "code": code(t, env, email)}).State)
			return f, sent
		},
		"for another identifier": func(t *testing.T, env *enginetest.Env, email, sent string, f flow) (flow, string) {
			env.Native().Say(f, byCode("nobody@example.org"))
			return f, sent
		},
		"of somebody who is gone": func(t *testing.T, env *enginetest.Env, email, sent string, f flow) (flow, string) {
			list := env.Admin("GET", "/admin/identities?credentials_identifier="+email, nil)
			require.Equal(t, http.StatusNoContent, env.Admin("DELETE", "/admin/identities/"+regexpID.FindString(string(list.Body)), nil).Status)
			return f, sent
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := passwordless(t, enginetest.WithVerification())
			c, email := env.Native(), signedUp(t, env)["identifier"].(string)
			f := asked(t, c, email)
			f, sent := void(t, env, email, code(t, env, email), f)
			require.Equal(t, "400 form 4010008", tell(c, c.Submit(f, values{"method": "code", "code": sent})))
			require.LessOrEqual(t, len(env.Rows()["sessions"]), 1, "that of who signed up, if they are there")
		})
	}
}

// Who is not active is told so by the right code alone.
func TestLoginByCodeOfWhoMayNot(t *testing.T) {
	env := passwordless(t)
	for _, c := range env.Clients() {
		email := signedUp(t, env)["identifier"].(string)
		env.Exec("UPDATE identities SET state = 'inactive' WHERE traits LIKE ?", "%"+email+"%")
		f := asked(t, c, email)
		sent := code(t, env, email)
		require.Equal(t, per(c, 400, "4010008"), tell(c, c.Submit(f, byCode(email).With("code", other(sent)))))
		require.Equal(t, per(c, 400, "4010011"), tell(c, c.Submit(f, byCode(email).With("code", sent))))
		require.False(t, c.SignedIn())
	}
}

// The first proof of an address takes the account over from whoever registered
// it; later ones leave everything as it is.
func TestFirstLoginByCode(t *testing.T) {
	env := passwordless(t)
	for _, c := range env.Clients() {
		known := signedUp(t, env)
		email := known["identifier"].(string)
		attacker := env.Native()
		attacker.Adopt(attacker.Submit(attacker.OpenKind("login", ""), known))
		pending := asked(t, env.Native(), email)
		early := code(t, env, email)
		f := asked(t, c, email)
		c.Adopt(c.Submit(f, byCode(email).With("code", code(t, env, email))))
		require.True(t, c.SignedIn())
		require.Contains(t, string(c.Whoami("").Body), `"verified":true`)
		require.False(t, attacker.SignedIn())
		require.Equal(t, "400 form 4000006", tell(attacker, env.Native().Submit(env.Native().OpenKind("login", ""), known)), "the password is gone")
		require.Equal(t, "400 form 4010008", tell(attacker, env.Native().Submit(pending, byCode(email).With("code", early))))

		owner := proved(t, env)
		held := env.Native()
		held.Adopt(held.Submit(held.OpenKind("login", ""), enginetest.Credentials(owner)))
		fresh := clientOf(env, c.Kind)
		require.True(t, letIn(fresh.Submit(asked(t, fresh, owner), byCode(owner).With("code", code(t, env, owner)))))
		require.True(t, held.SignedIn())
		require.Equal(t, "200 done session token", tell(held, env.Native().Submit(env.Native().OpenKind("login", ""), enginetest.Credentials(owner))))
	}
}

// An identifier may be changed while a code is awaited; a code counts for its own alone.
func TestChangeOfTheIdentifier(t *testing.T) {
	env := passwordless(t)
	for _, c := range env.Clients() {
		one, two := proved(t, env), proved(t, env)
		f := asked(t, c, one)
		first := code(t, env, one)
		require.Equal(t, per(c, 400, "4010008"), tell(c, c.Submit(f, byCode(two).With("code", first))), "nobody comes in as somebody else than they typed")
		f = c.Say(f, byCode(strings.ToUpper(one)))
		require.Equal(t, []int{ui.ErrRequired}, f.IDs("code"), "the same in other letters")
		f = c.Say(f, byCode(two))
		require.Equal(t, []int{1010014}, f.IDs(""))
		require.Equal(t, two, f.Value("identifier"))
		env.Deliver()
		require.Equal(t, per(c, 400, "4010008"), tell(c, c.Submit(f, byCode(two).With("code", first))))
		c.Adopt(c.Submit(f, byCode(two).With("code", code(t, env, two))))
		require.Contains(t, string(c.Whoami("").Body), two)
	}
}

// A password can be typed after all, and a code asked for again.
func TestBackToThePassword(t *testing.T) {
	env := passwordless(t)
	for _, c := range env.Clients() {
		email := proved(t, env)
		f := asked(t, c, email)
		f = c.Say(f, enginetest.Credentials(email).With("password", "wrong"))
		require.Equal(t, []int{ui.ErrCredentials}, f.IDs(""))
		require.Equal(t, "choose_method", f.State)
		require.Equal(t, email, f.Value("identifier"))
		require.Nil(t, f.Node("code"))
		f = c.Say(f, byCode(email).With("resend", "code"))
		require.Equal(t, "sent_email", f.State)
		require.True(t, letIn(c.Submit(f, enginetest.Credentials(email))))
	}
}
