package selfservice_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// The way of one person through every flow, as a browser, a single-page and a
// native client go it.
func TestAccountJourney(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithRecovery())
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			at := string(c.Kind) + "@example.org"
			c.SignUp(enginetest.Person(at))
			require.True(t, c.SignedIn())
			c.SignOut()
			require.False(t, c.SignedIn())

			f := c.OpenKind("login", "")
			refused := c.Say(f, enginetest.Credentials(at).With("password", "wrong"))
			require.Equal(t, []int{4000006}, refused.IDs(""))
			require.Equal(t, at, refused.Value("identifier"))
			require.False(t, c.SignedIn())
			a := c.SignIn("", enginetest.Credentials(at))
			require.Less(t, a.Status, 400, "%s", a.Body)
			require.True(t, c.SignedIn())
			c.SignOut()

			f = c.OpenKind("recovery", "")
			f = c.Say(f, enginetest.Values{"method": "code", "email": at})
			require.Equal(t, []int{1060003}, f.IDs(""))
			env.Deliver()
			mails := env.Inbox(at)
			a = c.Adopt(c.Submit(f, enginetest.Values{"method": "code", "code": mails[0].Code()}))
			require.True(t, c.SignedIn(), "%d %s", a.Status, a.Body)
			f = c.Arrive("settings", a)
			require.Equal(t, 1060001, f.IDs("")[0])

			f = c.Say(f, enginetest.Values{"method": "password", "password": "another Passphrase 10"})
			require.Equal(t, []int{1050001}, f.IDs(""))
			require.Equal(t, "success", f.State)
			f = c.Say(f, enginetest.Values{"method": "profile", "traits.email": "new-" + at, "traits.age": 20})
			require.Equal(t, []int{1050001}, f.IDs(""), "%v", f.UI.Nodes)
			require.Equal(t, "new-"+at, f.Value("traits.email"))
			f = c.Say(f, enginetest.Values{"method": "profile", "traits.email": "no address"})
			require.Equal(t, "show_form", f.State)
			require.Equal(t, []int{4000040}, f.IDs("traits.email"))
			c.SignOut()

			require.Equal(t, 400, env.Native().SignIn("", enginetest.Credentials(at)).Status)
			a = c.SignIn("", enginetest.Credentials("new-"+at).With("password", "another Passphrase 10"))
			require.Less(t, a.Status, 400, "%s", a.Body)
			require.True(t, c.SignedIn())
		})
	}
}

// Codes alone sign people up and in.
func TestPasswordlessJourney(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(enginetest.CodeSchema), enginetest.WithPasswordless(),
		enginetest.With("selfservice.flows.registration.after.code.hooks", []map[string]any{{"hook": "session"}}))
	code := func(at string) string {
		env.Deliver()
		mails := env.Inbox(at)
		require.NotEmpty(t, mails)
		return mails[0].Code()
	}
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			at := string(c.Kind) + "@example.org"
			who := enginetest.Values{"method": "code", "traits.email": at}
			f := c.Say(c.Open(""), who)
			require.Equal(t, []int{1040005}, f.IDs(""))
			c.Adopt(c.Submit(f, who.With("code", code(at))))
			require.True(t, c.SignedIn())
			c.SignOut()

			f = c.Say(c.OpenKind("login", ""), enginetest.Values{"method": "code", "identifier": at})
			require.Equal(t, []int{1010014}, f.IDs(""))
			f = c.Say(f, enginetest.Values{"method": "code", "identifier": at, "code": "000000"})
			require.Equal(t, []int{4010008}, f.IDs(""))
			a := c.Adopt(c.Submit(f, enginetest.Values{"method": "code", "identifier": at, "code": code(at)}))
			require.True(t, c.SignedIn(), "%s", a.Body)
		})
	}
}
