package selfservice_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Who proves again to be themselves keeps the session and gets another token for
// it; the old one is dead.
func TestRefresh(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		v := come(t, c)
		before, old, id := c.Whoami("").JSON(), c.Copy(), sessionOf(c)
		env.Clock.Advance(time.Minute)
		f := c.OpenKind("login", "refresh=true&return_to=https%3A%2F%2Fapp.example.org%2Fin&state=x")
		require.Equal(t, []int{ui.InfoRefresh}, f.IDs(""))
		require.Equal(t, []string{
			"default csrf_token hidden 0", "default identifier hidden 0 " + v["identifier"].(string), "password password password 1070001", "password method submit 1010001 password",
		}, drawn(f))
		require.Equal(t, per(c, 400, "4000006"), tell(c, c.Submit(f, v.With("password", "wrong"))))
		require.Equal(t, id, sessionOf(c))

		rows := env.Rows()
		secret := c.Cookie("csrf_token")
		a := c.Adopt(c.Submit(f, v.Without("identifier")))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.Equal(t, "flows~1 session_tokens+1 session_tokens-1 sessions~1", env.Rows().Since(rows))
		if c.Kind == enginetest.HTML {
			require.Equal(t, "https://app.example.org/in?state=x", a.Location().String())
		}
		after := c.Whoami("").JSON()
		require.Equal(t, id, after["id"])
		require.Equal(t, before["issued_at"], after["issued_at"])
		require.Greater(t, after["authenticated_at"], before["authenticated_at"])
		require.Greater(t, after["expires_at"], before["expires_at"])
		require.Equal(t, secret, c.Cookie("csrf_token"), "the same person keeps the secret")
		require.Equal(t, http.StatusUnauthorized, old.Whoami("").Status)

		// The answer was lost, and the same is sent with what the client still has.
		again := old.Adopt(old.Submit(f, v.Without("identifier")))
		require.Equal(t, tell(c, a), tell(old, again), "%s", again.Body)
		require.Equal(t, id, sessionOf(old))
		require.Equal(t, id, sessionOf(c), "both answers may arrive")
	}
}

// A refresh is about who opened it, whoever else submits to it.
func TestRefreshIsOnesOwn(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		v, id := come(t, c), sessionOf(c)
		other := signedUp(t, env)
		other["password"] = "a longer Passphrase of another 10"
		require.Equal(t, per(c, 400, "4000006"), tell(c, c.Submit(c.OpenKind("login", "refresh=true"), other)))

		// By now somebody else is signed in there.
		f := c.OpenKind("login", "refresh=true")
		stranger := c.Copy()
		stranger.SignOut()
		if c.Kind != enginetest.Native {
			require.Contains(t, []string{"403 security_csrf_violation", "303 error 403 security_csrf_violation"}, tell(stranger, stranger.Submit(f, v)), "logging out ends the pages that were open")
			continue
		}
		come(t, stranger)
		before := env.Rows()
		require.Equal(t, "403 security_identity_mismatch", tell(stranger, stranger.Submit(f, v)))
		require.Empty(t, env.Rows().Since(before))

		// By now nobody is: it is a login of the same person, with a session of its own.
		require.Equal(t, per(c, 400, "4000006"), tell(c, env.Native().Submit(f, v.With("password", "wrong"))))
		late := env.Native()
		late.Adopt(late.Submit(f, v))
		require.True(t, late.SignedIn())
		require.NotEqual(t, id, sessionOf(late))
	}
}

// A session that is ended while its refresh is under way does not come back.
func TestRefreshOfASessionThatEnds(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		v, id := come(t, c), sessionOf(c)
		f := c.OpenKind("login", "refresh=true")
		require.Equal(t, http.StatusNoContent, env.Admin("DELETE", "/admin/sessions/"+id, nil).Status)
		a := c.Adopt(c.Submit(f, v))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.True(t, c.SignedIn())
		require.NotEqual(t, id, sessionOf(c))
		require.Equal(t, false, env.Admin("GET", "/admin/sessions/"+id, nil).JSON()["active"])
	}
}

// nameAndMail is a schema of people who sign in with a name and a password, and
// by codes to their address.
const nameAndMail = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
	"name": {"type": "string", "title": "Name", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
	"email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"code": {"identifier": true, "via": "email"}}, "verification": {"via": "email"}}}
}, "required": ["name"]}}}`

// A refresh offers what its person has, by the name that goes with it.
func TestRefreshOffersWhatOneHas(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(nameAndMail), enginetest.WithPasswordless())
	const (
		byPassword = "password method submit 1010001 password"
		byCode     = "code method submit 1010015 code"
	)
	for _, c := range env.Clients() {
		name := "name-" + string(c.Kind)
		email := name + "@example.org"
		a := c.Adopt(c.Submit(c.Open(""), values{"method": "password", "traits.name": name, "traits.email": email, "password": "a good long Passphrase 9"}))
		require.Less(t, a.Status, 400, "%s", a.Body)
		f := c.OpenKind("login", "refresh=true")
		require.Equal(t, []string{byCode, byPassword}, []string{drawn(f)[2], drawn(f)[4]})
		f = c.Say(f, values{"method": "code"})
		require.Equal(t, "sent_email", f.State)
		env.Deliver()
		id := sessionOf(c)
		a = c.Adopt(c.Submit(f, values{"method": "code", "code": code(t, env, email)}))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.Equal(t, id, sessionOf(c))

		// The first proof of the address has taken the account over; there is no
		// password any more.
		f = c.OpenKind("login", "refresh=true")
		require.NotContains(t, nodes(f), "password")
		require.Contains(t, drawn(f), byCode)
		require.Contains(t, []string{"404 self_service_method_disabled", "303 error 404 self_service_method_disabled"}, tell(c, c.Submit(f, enginetest.Credentials(name))))

		alone := c.Env.Native()
		a = alone.Adopt(alone.Submit(alone.Open(""), values{"method": "password", "traits.name": "alone-" + name, "password": "a good long Passphrase 9"}))
		require.Less(t, a.Status, 400, "%s", a.Body)
		f = alone.OpenKind("login", "refresh=true")
		require.Contains(t, drawn(f), byPassword)
		require.NotContains(t, drawn(f), byCode, "there is no address to write to")
	}
}
