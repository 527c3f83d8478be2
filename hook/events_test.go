package hook_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/enginetest"
)

// listens has events sent to a path of a receiver; the endpoint's id is the path.
func listens(r *receiver, types map[string][]string) option {
	var all []object
	for name, some := range types {
		all = append(all, object{"id": name, "url": r.URL + "/" + name, "types": some})
	}
	return enginetest.With("events.endpoints", all)
}

var everything = map[string][]string{"all": {"*"}}

// heard delivers what waits, and returns what events there were, in order.
func heard(env *enginetest.Env, r *receiver) []call {
	env.Deliver()
	return r.got()
}

func types(calls []call) []string {
	all := []string{}
	for _, c := range calls {
		all = append(all, c.Body["type"].(string))
	}
	return all
}

func data(c call) object { return c.Body["data"].(object) }

// What happens to people, by the change that causes it and nothing else does.
func TestEventsByCause(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithRecovery(), transitions, listens(r, everything),
		enginetest.With("selfservice.flows.recovery.notify_unknown_recipients", true), enginetest.With("selfservice.flows.verification.notify_unknown_recipients", true))
	seen := map[string]bool{}
	for _, c := range env.Clients() {
		email := string(c.Kind) + "@example.org"
		told := func(why string, want ...string) []call {
			t.Helper()
			got := slices.DeleteFunc(heard(env, r), func(one call) bool {
				audited := one.Body["type"] == identity.EventAdminAudited
				seen[identity.EventAdminAudited] = seen[identity.EventAdminAudited] || audited
				return audited
			})
			require.Equal(t, append([]string{}, want...), types(got), "%s: %s", c.Kind, why)
			for _, one := range got {
				seen[one.Body["type"].(string)] = true
				require.Equal(t, one.Header.Get("Webhook-Id"), one.Body["id"])
				at, err := time.Parse(time.RFC3339, one.Body["timestamp"].(string))
				require.NoError(t, err)
				require.WithinDuration(t, env.Clock.Now(), at, time.Minute)
				for _, secret := range []string{"credentials\":", "hashed", "$argon2", "ory_st_", "Passphrase", "metadata_admin", "csrf"} {
					require.NotContains(t, string(one.Raw), secret, why)
				}
			}
			return got
		}
		f := c.Open("")
		told("opening a flow")
		c.Refused(f, enginetest.Person("no address"))
		got := told("a refused registration", identity.EventRegistrationFailed)
		require.Equal(t, object{"flow_id": f.ID, "method": "password", "problems": []any{object{"node": "traits.email", "id": 4000040.0}}}, data(got[0]), "nothing of what was typed")
		a := c.Adopt(c.Submit(f, enginetest.Person(email).With("transient_payload.coupon", "spring")))
		got = told("a registration", identity.EventIdentityCreated, identity.EventRegistrationCompleted, identity.EventSessionIssued)
		id := data(got[0])["identity_id"].(string)
		require.Equal(t, email, data(got[0])["identity"].(object)["traits"].(object)["email"])
		require.Equal(t, []any{f.ID, "password", object{"coupon": "spring"}, id}, []any{data(got[1])["flow_id"], data(got[1])["method"], data(got[1])["transient_payload"], data(got[1])["identity_id"]})
		session := data(got[2])["session"].(string)
		require.Equal(t, []any{id, "aal1"}, []any{data(got[2])["identity_id"], data(got[2])["aal"]})
		require.Contains(t, string(c.Whoami("").Body), session)
		c.Submit(f, enginetest.Person(email).With("transient_payload.coupon", "spring"))
		told("the same submit again")

		proof := c.Arrive("verification", a)
		c.Submit(proof, values{"method": "code", "code": "000000"})
		told("a wrong code")
		c.Submit(proof, values{"method": "code", "code": newest(c, email).Code()})
		got = told("a proof", identity.EventAddressVerified)
		require.Equal(t, []any{id, email, "email"}, []any{data(got[0])["identity_id"], data(got[0])["address"], data(got[0])["via"]})
		again := c.Say(c.OpenKind("verification", ""), values{"method": "code", "email": email})
		c.Submit(again, values{"method": "code", "code": newest(c, email).Code()})
		told("a second proof")

		settings := c.OpenKind("settings", "")
		c.Submit(settings, values{"method": "profile", "traits.email": email})
		told("a save that changes nothing")
		c.Submit(settings, values{"method": "profile", "traits.email": email, "traits.plan": "gold"})
		told("a save that is refused")
		c.Submit(settings, values{"method": "profile", "traits.email": email, "traits.plan": "pro"})
		got = told("a save", identity.EventIdentityUpdated)
		require.Equal(t, []any{id, []any{"traits"}}, []any{data(got[0])["identity_id"], data(got[0])["changed"]})
		require.Equal(t, "pro", data(got[0])["identity"].(object)["traits"].(object)["plan"])
		c.Submit(settings, values{"method": "password", "password": "another Passphrase 7"})
		got = told("another password", identity.EventIdentityUpdated)
		require.Equal(t, []any{"credentials.password"}, data(got[0])["changed"])

		other := clientLike(c)
		other.SignIn("", enginetest.Credentials(email))
		told("a wrong password")
		other.SignIn("", enginetest.Credentials(email).With("password", "another Passphrase 7"))
		got = told("a login", identity.EventSessionIssued)
		require.NotEqual(t, session, data(got[0])["session"])
		second := data(got[0])["session"]
		other.SignIn("refresh=true", enginetest.Credentials(email).With("password", "another Passphrase 7"))
		got = told("a login again", identity.EventSessionRefreshed)
		require.Equal(t, second, data(got[0])["session"])
		other.SignOut()
		got = told("a logout", identity.EventSessionRevoked)
		require.Equal(t, object{"identity_id": id, "sessions": []any{second}, "count": 1.0}, data(got[0]))

		for _, address := range []string{email, "nobody-" + email} {
			for _, kind := range []string{"recovery", "verification"} {
				stranger := clientLike(c)
				stranger.Say(stranger.OpenKind(kind, ""), values{"method": "code", "email": address})
				told("a stranger's request of a " + kind)
			}
		}
		env.Clock.Advance(time.Hour)
		back := clientLike(c)
		lost := back.Say(back.OpenKind("recovery", ""), values{"method": "code", "email": email})
		back.Submit(lost, values{"method": "code", "code": newest(c, email).Code()})
		got = heard(env, r)
		require.ElementsMatch(t, []string{identity.EventRecoveryCompleted, identity.EventSessionIssued, identity.EventSessionRevoked}, types(got), "a recovery ends the other session")
		for _, one := range got {
			seen[one.Body["type"].(string)] = true
			require.Equal(t, id, data(one)["identity_id"])
			if one.Body["type"] == identity.EventRecoveryCompleted {
				require.Equal(t, []any{lost.ID, "code"}, []any{data(one)["flow_id"], data(one)["method"]})
			}
			if one.Body["type"] == identity.EventSessionRevoked {
				require.Equal(t, []any{session}, data(one)["sessions"])
			}
		}

		env.Exec("CREATE TRIGGER refuse BEFORE INSERT ON credentials BEGIN SELECT RAISE(ABORT, 'refused by the test'); END")
		c2 := clientLike(c)
		c2.Submit(c2.Open(""), enginetest.Person("never-"+email))
		env.Exec("DROP TRIGGER refuse")
		told("a commit that fails")
		require.Equal(t, 204, env.Admin("DELETE", "/admin/identities/"+id, nil).Status)
		got = told("the end of an identity", identity.EventIdentityDeleted)
		require.Equal(t, object{"identity_id": id, "actor": object{"name": "anyone", "by": "none"}}, data(got[0]), "who is to be forgotten is not told of")
		require.Equal(t, 404, env.Admin("DELETE", "/admin/identities/"+id, nil).Status)
		told("the end of nobody")
		made := env.Admin("POST", "/admin/identities", object{"schema_id": "default", "traits": object{"email": "made-" + email}}).JSON()["id"]
		got = told("an identity that an operator makes", identity.EventIdentityCreated)
		require.Equal(t, made, data(got[0])["identity_id"])
	}
	for _, e := range identity.EventTypes {
		require.True(t, seen[e.Name], e.Name)
	}
}

// Under stealth what an operator is told depends on what is known; what anybody
// else sees, and what is written at that moment, does not.
func TestEventsUnderStealth(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithStealth(), enginetest.WithRecovery(), listens(r, everything))
	c := env.Native()
	exists(c, "taken@example.org")
	env.Deliver()
	r.got()
	var seen [2]map[string]string
	for n, email := range []string{"taken@example.org", "fresh@example.org"} {
		seen[n] = map[string]string{}
		for _, kind := range []string{"registration", "recovery", "verification"} {
			v := values{"method": "code", "email": email}
			if kind == "registration" {
				v = enginetest.Person(email)
			}
			f := c.OpenKind(kind, "")
			before := env.Rows()
			a := c.Submit(f, v)
			seen[n][kind] = fmt.Sprint(a.Status, a.Flow().State, a.Flow().IDs(""))
			if kind == "registration" { // who is asked for the others is found out later
				seen[n][kind] += env.Rows().Since(before)
			}
		}
	}
	require.Equal(t, seen[0], seen[1])
	require.Empty(t, heard(env, r), "nothing has happened to anybody")
}

// Each endpoint gets what it asked for, in order for each person, however long
// another one is down; what it missed comes later under the same ids.
func TestEndpoints(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, listens(r, map[string][]string{"down": {"identity.*", "registration.completed"}, "up": {"identity.deleted", "session.*"}}))
	of := func(calls []call, name string) []call {
		return slices.DeleteFunc(slices.Clone(calls), func(c call) bool { return c.Path != "/"+name })
	}
	r.says(func(c call) (int, string) {
		if c.Path == "/down" {
			return 503, ""
		}
		return 204, ""
	})
	var people []string
	for _, name := range []string{"ada", "bob"} {
		people = append(people, env.Native().SignUp(enginetest.Person(name + "@example.org")).JSON()["identity"].(object)["id"].(string))
	}
	got := heard(env, r)
	require.Equal(t, []string{"session.issued", "session.issued"}, types(of(got, "up")))
	tried := of(got, "down")
	require.Equal(t, []string{"identity.created", "identity.created"}, types(tried), "for each the first, and nothing after it")
	require.Equal(t, 204, env.Admin("DELETE", "/admin/identities/"+people[0], nil).Status)
	got = heard(env, r)
	require.Equal(t, []string{"identity.deleted"}, types(of(got, "up")), "the other endpoint's trouble is not this one's")

	r.answers(204, "")
	var late []call
	for range 10 {
		env.Clock.Advance(30 * time.Minute)
		late = append(late, heard(env, r)...)
	}
	for n, id := range people {
		own := slices.DeleteFunc(of(late, "down"), func(c call) bool { return data(c)["identity_id"] != id })
		want := []string{"identity.created", "registration.completed", "identity.deleted"}[:3-n]
		require.Equal(t, want, types(own), "in order, and once each")
		require.True(t, slices.ContainsFunc(tried, func(c call) bool { return c.Body["id"] == own[0].Body["id"] && string(c.Raw) == string(own[0].Raw) }))
		require.True(t, strings.Contains(string(own[1].Raw), "@example.org"), "as it was when it happened, though the person is gone")
	}
	require.Empty(t, of(late, "up"))
}
