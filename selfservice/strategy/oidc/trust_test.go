package oidc_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// Subjects are compared to the letter, whatever a database thinks is the same.
func TestSubjectsToTheLetter(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, two, enginetest.WithDSN(dsn))
		ids := map[string]bool{}
		for n, sub := range []string{"ada", "Ada", "ADA", "ada.", "ada:1", "ada:1:", "00123", "123", "a%da", "a_da", "ada'--"} {
			h.ops["one"].SetPerson(claimed(sub, "subject"+string(rune('a'+n))+"@example.com", true))
			first, second := h.Browser(), h.Browser()
			h.trip(first, "registration", "one")
			id := whose(first)
			require.NotEmpty(t, id, sub)
			require.False(t, ids[id], "%s is somebody else", sub)
			ids[id] = true
			h.trip(second, "login", "one")
			require.Equal(t, id, whose(second), sub)
		}
		require.Equal(t, len(ids), h.Identities())
	})
}

// What a person types beside what a provider says is what anybody may type.
func TestTypedAddressesProveNothing(t *testing.T) {
	h := newHouse(t, two, enginetest.WithVerification())
	victims := []local{h.settle("proved@example.com", true), h.settle("unproved@example.com", false)}
	for _, victim := range victims {
		before := h.record(victim.id)
		for _, who := range []opsim.Person{{"sub": "eve-without"}, {"sub": "eve-null", "email": null{}, "email_verified": true}, claimed("eve", "eve@example.com", true)} {
			who["sub"] = who["sub"].(string) + victim.email
			h.ops["one"].SetPerson(who)
			for _, c := range []*enginetest.Client{h.Browser(), h.SPA()} {
				f := c.OpenKind("registration", "")
				typed := enginetest.Values{"method": "oidc", "provider": "one", "traits.email": victim.email}
				to, a := departed(c, c.Submit(f, typed))
				require.NotEmpty(t, to, "%s", a.Body)
				a = bring(c, h.approve("one", to))
				require.NotEqual(t, victim.id, whose(c), "%d %s", a.Status, a.Location())
				require.Empty(t, whose(c))
				// And once more, typed into the form that comes back.
				a = c.Submit(c.ReadKind("registration", f.ID), typed)
				require.Empty(t, whose(c), "%d %s", a.Status, a.Body)
				require.Equal(t, before, h.record(victim.id))
			}
		}
		victim.keeps(h, before)
	}
	// A free address that was typed over the proved one is there, and unproved.
	h.ops["one"].SetPerson(claimed("bob", "bob@example.com", true))
	c := h.Browser()
	to, _ := departed(c, c.Submit(c.OpenKind("registration", ""), enginetest.Values{"method": "oidc", "provider": "one", "traits.email": "other@example.com"}))
	bring(c, h.approve("one", to))
	if r := h.holder("other@example.com"); r != nil {
		require.False(t, r.verified("other@example.com"))
	}
}

// What a provider says later changes neither whom an account belongs to nor where
// its person is reached.
func TestRenewalMovesNobody(t *testing.T) {
	h := newHouse(t, []setup{{id: "one", sim: opsim.Config{Alg: "ES256"}, keys: map[string]any{
		"update_identity_on_login": "automatic", "mapping": map[string]any{
			"traits": map[string]any{"email": "email", "name.first": "given_name"}, "metadata_public": map[string]any{"locale": "locale"},
		},
	}}}, enginetest.WithVerification())
	victim := h.settle("victim@example.com", false)
	before := h.record(victim.id)
	h.ops["one"].SetPerson(claimed("ada", "ada@example.com", true))
	c := h.Browser()
	h.trip(c, "registration", "one")
	ada := whose(c)
	for _, email := range []any{"victim@example.com", "new@example.com", "no address", 7, []string{"x"}, null{}} {
		for _, proof := range []any{true, false} {
			h.ops["one"].SetPerson(opsim.Person{"sub": "ada", "email": email, "email_verified": proof, "given_name": "Augusta", "locale": "fr"})
			again := h.Browser()
			a := h.trip(again, "login", "one")
			require.Equal(t, ada, whose(again), "%v: %d %s", email, a.Status, a.Location())
			r := h.record(ada)
			require.Equal(t, "ada@example.com", r.Traits["email"], "%v", email)
			require.True(t, r.verified("ada@example.com"))
			require.Len(t, r.Verifiable, 1)
		}
	}
	victim.keeps(h, before)
	h.ops["one"].SetPerson(opsim.Person{"sub": "ada", "email": "ada@example.com", "email_verified": false, "given_name": "Augusta"})
	h.trip(h.Browser(), "login", "one")
	r := h.record(ada)
	require.Equal(t, map[string]any{"first": "Augusta"}, r.Traits["name"], "what is no address follows")
	require.True(t, r.verified("ada@example.com"), "and an address that was proved stays so")
}

// Who is asked to prove again who they are does not become somebody else by that.
func TestRefreshBySomebodyElse(t *testing.T) {
	h := newHouse(t, two)
	for _, name := range []string{"ada", "eve"} {
		h.ops["one"].SetPerson(somebody(name))
		h.trip(h.Browser(), "registration", "one")
	}
	h.ops["one"].SetPerson(somebody("ada"))
	for _, c := range []*enginetest.Client{h.Browser(), h.SPA()} {
		h.ops["one"].SetPerson(somebody("ada"))
		h.trip(c, "login", "one")
		ada := whose(c)
		require.Equal(t, h.holder("ada@example.com").ID, ada)
		for _, other := range []opsim.Person{somebody("eve"), somebody("nobody"), claimed("nobody", "ada@example.com", true)} {
			h.ops["one"].SetPerson(other)
			f := c.OpenKind("login", "refresh=true")
			a := h.tripFrom(c, f, "one")
			require.NotEmpty(t, h.refusal(c, a))
			require.Equal(t, ada, whose(c))
		}
	}
	require.Equal(t, 2, h.Identities())
}

// An account that was disabled opens by no provider, and is not taken over.
func TestDisabledAccounts(t *testing.T) {
	h := newHouse(t, two, enginetest.WithVerification())
	h.ops["one"].SetPerson(somebody("ada"))
	c := h.Browser()
	h.trip(c, "registration", "one")
	require.NotEmpty(t, whose(c))
	unproved := h.settle("unproved@example.com", false).id
	for _, email := range []string{"ada@example.com", "unproved@example.com"} {
		h.Exec("UPDATE identities SET state = 'inactive' WHERE id IN (SELECT identity_id FROM addresses WHERE value = ?)", email)
	}
	for _, who := range []opsim.Person{somebody("ada"), claimed("owner", "unproved@example.com", true)} {
		h.ops["one"].SetPerson(who)
		for _, kind := range []string{"login", "registration"} {
			c = h.Browser()
			a := h.trip(c, kind, "one")
			require.NotEmpty(t, h.refusal(c, a))
			require.Empty(t, whose(c))
		}
		app := h.Native()
		h.present(app, app.OpenKind("login", ""), "one", h.ops["one"].Mint(opsim.ClientID, "a nonce"), "a nonce")
		require.Empty(t, whose(app))
	}
	require.Empty(t, h.record(unproved).links())
	require.False(t, h.record(unproved).verified("unproved@example.com"))
	require.Equal(t, 2, h.Identities())
}

// Whoever has mistyped a second address does not lose their account to its owner.
func TestSecondAddressesAreNotTakenOver(t *testing.T) {
	const schema = `{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Person", "type": "object", "properties": {"traits": {"type": "object",
	  "properties": {
	    "email": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}},
	    "second": {"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}}},
	    "name": {"type": "object", "properties": {"first": {"type": "string"}}}
	  }, "required": ["email"], "additionalProperties": false}}}`
	h := newHouse(t, two, enginetest.WithVerification(), enginetest.WithSchema(schema))
	bob := h.settle("bob@example.com", true)
	a := bob.browser.Submit(bob.browser.OpenKind("settings", ""), enginetest.Values{"method": "profile", "traits.email": "bob@example.com", "traits.second": "ada@example.com"})
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	before := h.record(bob.id)
	require.Len(t, before.Verifiable, 2)
	h.ops["one"].SetPerson(somebody("ada"))
	for _, kind := range []string{"login", "registration"} {
		c := h.Browser()
		h.trip(c, kind, "one")
		require.NotEqual(t, bob.id, whose(c))
	}
	bob.keeps(h, before)
}
