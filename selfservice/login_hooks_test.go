package selfservice_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// afterLogin configures hooks for logins: for every method, or for those by password.
func afterLogin(method string, names ...string) enginetest.Option {
	var list []map[string]any
	for _, name := range names {
		list = append(list, map[string]any{"hook": name})
	}
	return enginetest.With("selfservice.flows.login.after"+method+".hooks", list)
}

// methods are the places where hooks of a login by password can stand.
var methods = []string{"", ".password"}

// unproved tells that an address has to be proved first, and returns the
// verification flow that each client is led to.
func unproved(t *testing.T, c client, a answer, email string) flow {
	t.Helper()
	if c.Kind == enginetest.HTML {
		require.Equal(t, "303 form 1080003", tell(c, a))
		return c.ReadKind("verification", a.Location().Query().Get("flow"))
	}
	require.Equal(t, "403 session_verified_address_required", tell(c, a))
	require.NotContains(t, string(a.Body), "ory_st_")
	inner := a.JSON()["error"].(map[string]any)
	require.EqualValues(t, http.StatusForbidden, inner["code"])
	item := inner["details"].(map[string]any)["continue_with"].([]any)[0].(map[string]any)
	require.Equal(t, "show_verification_ui", item["action"])
	next := item["flow"].(map[string]any)
	require.Equal(t, email, next["verifiable_address"])
	if c.Kind == enginetest.JSON {
		require.Equal(t, "http://127.0.0.1:4455/verification?flow="+next["id"].(string), next["url"])
	} else {
		require.NotContains(t, next, "url")
	}
	require.Equal(t, "go_to", a.Next().Do)
	return c.Arrive("verification", a)
}

// Nobody gets in by an address that is not proved, and each client is led to
// where it can be.
func TestRequireVerifiedAddress(t *testing.T) {
	for _, method := range methods {
		env := enginetest.New(t, enginetest.WithVerification(), afterLogin(method, "require_verified_address"))
		for _, c := range env.Clients() {
			known := signedUp(t, env)
			email := known["identifier"].(string)
			f := c.OpenKind("login", "return_to=https%3A%2F%2Fapp.example.org%2Fin&state=x")
			before := env.Rows()
			require.Equal(t, per(c, 400, "4000006"), tell(c, c.Submit(f, known.With("password", "wrong"))), "only its owner is told")
			require.Equal(t, "flows~1", env.Rows().Since(before))
			a := c.Submit(f, known)
			require.Equal(t, "budgets~1 flows+1 flows~1 messages+1", env.Rows().Since(before))
			require.False(t, c.SignedIn())
			v := unproved(t, c, a, email)
			env.Deliver()
			v = c.Say(v, values{"method": "code", "code": code(t, env, email)})
			require.Equal(t, "passed_challenge", v.State)
			require.Equal(t, "https://app.example.org/in?state=x", v.UI.Action)
			require.False(t, c.SignedIn(), "a proof of an address is no login")

			a = c.Adopt(c.Submit(c.OpenKind("login", ""), known))
			require.Less(t, a.Status, 400, "%s", a.Body)
			require.True(t, c.SignedIn())
		}
	}
}

// The flow that was refused can be used again once the address is proved.
func TestRefusedLoginGoesOnOnceVerified(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), afterLogin("", "require_verified_address"))
	for _, c := range env.Clients() {
		known := signedUp(t, env)
		email := known["identifier"].(string)
		f := c.OpenKind("login", "")
		v := unproved(t, c, c.Submit(f, known), email)
		env.Deliver()
		c.Say(v, values{"method": "code", "code": code(t, env, email)})
		c.Adopt(c.Submit(f, known))
		require.True(t, c.SignedIn())
	}
}

// severalNames is a schema of people with two addresses and a name to sign in with.
const severalNames = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
	"name": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
	"email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}}},
	"work": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}}}
}}}}`

// It is the identifier in use that counts.
func TestRequireVerifiedAddressInUse(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithSchema(severalNames), afterLogin("", "require_verified_address"))
	for _, c := range env.Clients() {
		who := string(c.Kind)
		sign := func(name string) answer {
			fresh := clientOf(env, c.Kind)
			return fresh.Submit(fresh.OpenKind("login", ""), enginetest.Credentials(name))
		}
		register(t, env.Native(), values{"method": "password", "traits.name": who, "traits.email": who + "@example.org", "traits.work": who + "@work.example.org", "password": "a good long Passphrase 9"})
		refused := func(name string) bool {
			a := sign(name)
			return a.Status == http.StatusForbidden || a.Status == http.StatusSeeOther && a.Location().Path == "/verification"
		}
		require.True(t, refused(who), "none of the addresses is proved")
		require.True(t, refused(who+"@example.org"))
		require.True(t, refused(who+"@work.example.org"))

		at := who + "@work.example.org"
		v := ask(t, env.Native(), at)
		env.Deliver()
		require.Equal(t, "passed_challenge", env.Native().Say(v, values{"method": "code", "code": code(t, env, at)}).State)
		require.False(t, refused(who), "a name is no address; one is proved")
		require.False(t, refused(at))
		require.False(t, refused("  "+who+"@WORK.example.org"))
		require.True(t, refused(who+"@example.org"), "another address is proved, not this one")

		// Somebody without any address is told so, and led nowhere.
		register(t, env.Native(), values{"method": "password", "traits.name": "only-" + who, "password": "a good long Passphrase 9"})
		before := env.Rows().Without("flow_errors")
		a := sign("only-" + who)
		want := "403 session_verified_address_required"
		if c.Kind == enginetest.HTML {
			want = "303 error " + want
		} else {
			require.NotContains(t, string(a.Body), "continue_with")
		}
		require.Equal(t, want, tell(c, a))
		require.Equal(t, "flows+1", env.Rows().Without("flow_errors").Since(before))
	}
}

// The hooks verification and show_verification_ui send a message with the login
// and lead there, with a session.
func TestVerificationAfterLogin(t *testing.T) {
	for _, method := range methods {
		for _, show := range []bool{false, true} {
			names := []string{"verification"}
			if show {
				names = append(names, "show_verification_ui")
			}
			env := enginetest.New(t, enginetest.WithVerification(), afterLogin(method, names...))
			for _, c := range env.Clients() {
				known := signedUp(t, env)
				email := known["identifier"].(string)
				a := c.Adopt(c.Submit(c.OpenKind("login", "return_to=https%3A%2F%2Fapp.example.org%2Fin"), known))
				require.True(t, c.SignedIn(), "%s", a.Body)
				env.Deliver()
				if !show {
					require.NotContains(t, string(a.Body)+a.Header.Get("Location"), "verification")
					require.Len(t, env.Inbox(email), 2, "at the registration, and now")
					continue
				}
				id := ""
				if c.Kind == enginetest.HTML {
					require.Equal(t, "/verification", a.Location().Path)
					id = a.Location().Query().Get("flow")
				} else {
					require.Equal(t, "go_to", a.Next().Do)
					id = regexpFlow(a)
				}
				id = c.Say(c.ReadKind("verification", id), values{"method": "code", "code": code(t, env, email)}).ID
				require.Equal(t, "https://app.example.org/in", c.ReadKind("verification", id).UI.Action)
				require.True(t, c.SignedIn(), "the session of who gives the proof stays")

				again := clientOf(env, c.Kind)
				a = again.Submit(again.OpenKind("login", ""), known)
				require.NotContains(t, string(a.Body)+a.Header.Get("Location"), "verification", "there is nothing left to prove")
			}
		}
	}
}

// The hook revoke_active_sessions ends every other session of the person, and
// nobody else's.
func TestRevokeSessionsAtLogin(t *testing.T) {
	for _, method := range methods {
		env := enginetest.New(t, afterLogin(method, "revoke_active_sessions"))
		bystander := env.Native()
		come(t, bystander)
		for _, c := range env.Clients() {
			known := signedUp(t, env)
			var others []client
			for _, other := range env.Clients() {
				other.Adopt(other.Submit(other.OpenKind("login", ""), known))
				others = append(others, other)
			}
			require.True(t, others[2].SignedIn())
			require.False(t, others[0].SignedIn())
			require.Equal(t, per(c, 400, "4000006"), tell(c, c.Submit(c.OpenKind("login", ""), known.With("password", "wrong"))))
			require.True(t, others[2].SignedIn(), "a wrong password ends nothing")
			c.Adopt(c.Submit(c.OpenKind("login", ""), known))
			require.True(t, c.SignedIn())
			require.False(t, others[2].SignedIn())

			last := env.Native()
			last.Adopt(last.Submit(last.OpenKind("login", ""), known))
			require.False(t, c.SignedIn())
			id := sessionOf(last)
			last.Adopt(last.Submit(last.OpenKind("login", "refresh=true"), known))
			require.Equal(t, id, sessionOf(last), "a refresh keeps its own")
		}
		require.True(t, bystander.SignedIn())
	}
}

// Hooks of one method are not run for another; global ones are.
func TestHooksOfAnotherMethod(t *testing.T) {
	options := []enginetest.Option{enginetest.WithPasswordless(), enginetest.WithSchema(enginetest.CodeSchema)}
	for method, ended := range map[string]bool{"": true, ".password": false, ".code": true} {
		env := enginetest.New(t, append(options, afterLogin(method, "revoke_active_sessions"))...)
		c, known := env.Native(), signedUp(t, env)
		email := known["identifier"].(string)
		env.Exec("UPDATE addresses SET verified = 1") // no first proof, which ends sessions by itself
		c.Adopt(c.Submit(c.OpenKind("login", ""), known))
		other := env.Native()
		f := other.Say(other.OpenKind("login", ""), values{"method": "code", "identifier": email})
		env.Deliver()
		a := other.Submit(f, values{"method": "code", "identifier": email, "code": code(t, env, email)})
		require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
		require.Equal(t, !ended, c.SignedIn(), "hooks of %q", method)
	}
}
