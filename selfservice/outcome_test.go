package selfservice_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// An outcome is not given again once the person has changed what it proved: who
// knows the old password, or an old mail, must not get a session by repeating.
func TestOutcomeEndsWithWhatItProved(t *testing.T) {
	env := enginetest.New(t, enginetest.WithRecovery())
	email := "app@example.org"
	c, stranger := env.Native(), env.Native()
	signUp := c.OpenKind("registration", "")
	c.Adopt(c.Submit(signUp, enginetest.Person(email)))
	c.SignOut()
	signIn := c.OpenKind("login", "")
	c.Adopt(c.Submit(signIn, enginetest.Credentials(email)))
	require.Equal(t, 200, stranger.Submit(signIn, enginetest.Credentials(email)).Status, "the answer may have been lost")
	require.Equal(t, per(c, 200, "1050001"), tell(c, c.Submit(c.OpenKind("settings", ""), newPassword("another Passphrase 10"))))
	require.Equal(t, per(c, 400, "4010007"), tell(stranger, stranger.Submit(signIn, enginetest.Credentials(email))))
	require.Equal(t, per(c, 400, "4040002"), tell(stranger, stranger.Submit(signUp, enginetest.Person(email))))
	c.SignOut()

	f := c.Say(c.OpenKind("recovery", ""), values{"method": "code", "email": email})
	env.Deliver()
	answer := values{"method": "code", "code": env.Inbox(email)[0].Code()}
	c.Adopt(c.Submit(f, answer))
	require.Equal(t, 422, stranger.Submit(f, answer).Status)
	require.Equal(t, per(c, 200, "1050001"), tell(c, c.Submit(c.OpenKind("settings", ""), newPassword("a third Passphrase 11"))))
	require.Equal(t, per(c, 400, "4060001"), tell(stranger, stranger.Submit(f, answer)))
	require.True(t, c.SignedIn())
}

// A code that was right was no guess: signing in by codes all day locks nobody
// out, and leaves the limits of who has an account as they are for nobody.
func TestRightCodesAreNoGuesses(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(enginetest.CodeSchema), enginetest.WithPasswordless(),
		enginetest.With("courier.budget.per_10_minutes", 1000), enginetest.With("courier.budget.per_day", 1000))
	c := env.Native()
	email := "often@example.org"
	c.SignUp(enginetest.Person(email))
	c.SignOut()
	ask := func(at string) *enginetest.Flow {
		return c.Say(c.OpenKind("login", ""), values{"method": "code", "identifier": at})
	}
	for range 12 {
		f := ask(email)
		env.Deliver()
		a := c.Adopt(c.Submit(f, values{"method": "code", "identifier": email, "code": env.Inbox(email)[0].Code()}))
		require.Equal(t, 200, a.Status, "%s", a.Body)
		c.SignOut()
	}
	evaluated := func(at string) (n int) {
		for {
			f := ask(at)
			for range 5 {
				if told := tell(c, c.Submit(f, values{"method": "code", "identifier": at, "code": "wrong"})); told != per(c, 400, "4010008") {
					require.Equal(t, per(c, 400, "4000102"), told)
					return n
				}
				n++
			}
		}
	}
	require.Equal(t, 10, evaluated(email))
	require.Equal(t, 10, evaluated("nobody@example.org"))
}

// A link may be pressed where somebody is signed in: they are who it is for from
// then on.
func TestRecoveryWhereSomebodyIsSignedIn(t *testing.T) {
	env := enginetest.New(t, enginetest.WithRecovery())
	for _, c := range []client{env.Browser(), env.SPA()} {
		mine(c)
		theirs := string(c.Kind) + "-other@example.org"
		env.Native().SignUp(enginetest.Person(theirs))
		before := c.Copy()
		asker := env.SPA()
		asker.Say(asker.OpenKind("recovery", ""), values{"method": "code", "email": theirs})
		env.Deliver()
		f := c.Follow(env.Inbox(theirs)[0].Link())
		v := values{"method": "code", "code": f.Value("code")}
		if token := f.Value("token"); token != nil {
			v["token"] = token
		}
		a := c.Submit(f, v)
		settings := c.OpenKind("settings", "")
		require.Equal(t, theirs, settings.Value("traits.email"), "%d %s", a.Status, a.Body)
		require.False(t, before.SignedIn(), "the session that the client had is over")
		require.Equal(t, "400 session_already_available", tell(env.SPA(), asJSON(c).Get("/self-service/recovery/browser")), "asking for it makes no sense there")
	}
}

// asJSON is the same browser, asking for JSON.
func asJSON(c client) client {
	out := c.Copy()
	out.Head.Set("Accept", "application/json")
	return out
}
