package oidc_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// claimed is a person of a provider who says to have an address.
func claimed(sub, email string, verified any) opsim.Person {
	return opsim.Person{"sub": sub, "email": email, "email_verified": verified, "given_name": "Ada"}
}

// An attacker who came first with the victim's address, and the victim who comes
// by a provider: either the victim takes all of it, or nothing is shared (promise 5).
func TestAttackerFirst(t *testing.T) { testdb.Each(t, attackerFirst) }

func attackerFirst(t *testing.T, dsn string) {
	h := newHouse(t, two, enginetest.WithVerification(), enginetest.WithDSN(dsn))
	scripts, probes := 0, 0
	// Each foothold is made before, and returns what still opens the account later.
	footholds := map[string]func(email string) func() []string{
		"a password and sessions": func(email string) func() []string {
			l := h.settle(email, false)
			return func() []string {
				c := h.Native()
				c.SignIn("", enginetest.Credentials(email))
				return []string{whose(l.browser), whose(l.app), whose(c)}
			}
		},
		"an account at a provider that proves nothing": func(email string) func() []string {
			h.ops["two"].SetPerson(claimed("eve-"+email, email, true))
			eve := h.Browser()
			h.trip(eve, "registration", "two")
			require.NotEmpty(t, whose(eve))
			return func() []string {
				h.ops["two"].SetPerson(claimed("eve-"+email, email, true))
				var all []string
				for _, kind := range []string{"login", "registration"} {
					c := h.Browser()
					h.trip(c, kind, "two")
					all = append(all, whose(c))
				}
				return append(all, whose(eve))
			}
		},
		"a link that is on its way": func(email string) func() []string {
			l := h.settle(email, false)
			h.ops["two"].SetPerson(claimed("eve-"+email, "eve@example.net", true))
			to, a := departed(l.browser, l.browser.Submit(l.form, enginetest.Values{"method": "oidc", "link": "two"}))
			require.NotEmpty(t, to, "%s", a.Body)
			back := h.approve("two", to)
			return func() []string {
				bring(l.browser, back)
				if owner := h.holder(email); owner != nil && len(owner.links()) > 1 {
					return []string{owner.ID}
				}
				return []string{whose(l.browser)}
			}
		},
		"a sign-in that is on its way": func(email string) func() []string {
			h.ops["two"].SetPerson(claimed("eve-"+email, email, true))
			h.trip(h.Browser(), "registration", "two")
			late := h.away(h.Browser(), "login", "two")
			return func() []string {
				bring(late.Client, late.back)
				return []string{whose(late.Client)}
			}
		},
	}
	for name, prepare := range footholds {
		for n, value := range []any{true, false, "true"} {
			scripts++
			email := fmt.Sprintf("v%d-%d@example.com", scripts, n)
			opens := prepare(email)
			before := h.holder(email)
			h.ops["one"].SetPerson(claimed("victim-"+email, email, value))
			victim := h.Browser()
			h.trip(victim, "registration", "one")
			after := h.record(before.ID)
			if value == true {
				require.Equal(t, before.ID, whose(victim), name)
				require.True(t, after.verified(email), name)
				require.Equal(t, []string{"one:victim-" + email}, after.links(), name)
				for _, in := range opens() {
					probes++
					require.NotEqual(t, before.ID, in, "%s: the attacker is still in", name)
				}
				require.Equal(t, []string{"one:victim-" + email}, h.record(before.ID).links(), name)
				require.Equal(t, before.ID, whose(victim), name)
				continue
			}
			probes++
			require.Empty(t, whose(victim), "%s: an account that somebody else may have made", name)
			require.Equal(t, before, after, "%s: nothing is shared", name)
		}
	}
	require.Equal(t, 12, scripts)
	t.Logf("the attacker first: %d scripts, %d probes, 0 ways in", scripts, probes)
}

// A victim who came first by a provider, and an attacker who comes with the same
// address by every other door.
func TestVictimFirst(t *testing.T) { testdb.Each(t, victimFirst) }

func victimFirst(t *testing.T, dsn string) {
	h := newHouse(t, two, enginetest.WithVerification(), enginetest.WithDSN(dsn))
	scripts := 0
	for name, attack := range map[string]func(email string) *enginetest.Client{
		"a password": func(email string) *enginetest.Client {
			c := h.SPA()
			c.Adopt(c.Submit(c.OpenKind("registration", ""), enginetest.Person(email)))
			return c
		},
		"another provider": func(email string) *enginetest.Client {
			h.ops["two"].SetPerson(claimed("eve-"+email, email, true))
			c := h.SPA()
			a := h.trip(c, "login", "two")
			require.Contains(t, a.Flow().IDs(""), 1010016)
			c.Submit(c.ReadKind("login", a.Flow().ID), enginetest.Credentials(email))
			return c
		},
		"the same provider, as somebody else who proves nothing": func(email string) *enginetest.Client {
			h.ops["one"].SetPerson(claimed("eve-"+email, email, false))
			c := h.SPA()
			h.trip(c, "registration", "one")
			return c
		},
		"a link that another account finishes": func(email string) *enginetest.Client {
			own := h.settle("eve-"+email, true)
			h.ops["two"].SetPerson(claimed("eve-"+email, email, true))
			c := h.SPA()
			a := h.trip(c, "login", "two")
			require.Contains(t, a.Flow().IDs(""), 1010016)
			a = c.Submit(c.ReadKind("login", a.Flow().ID), enginetest.Credentials("eve-"+email))
			require.Subset(t, []any{4010009, "self_service_method_disabled"}, h.refusal(c, a), "another account, or a way the owner does not have")
			require.Empty(t, h.record(own.id).links())
			return c
		},
	} {
		for n, value := range []any{true, false, "true"} {
			scripts++
			email := fmt.Sprintf("v%d-%d@example.com", scripts, n)
			who := claimed("victim-"+email, email, value)
			h.ops["one"].SetPerson(who)
			victim := h.Browser()
			h.trip(victim, "registration", "one")
			id := whose(victim)
			require.NotEmpty(t, id)
			before := h.record(id)
			attacker := attack(email)
			require.Empty(t, whose(attacker), name)
			require.Equal(t, before, h.record(id), name)
			require.Equal(t, id, whose(victim), name)
			h.ops["one"].SetPerson(who)
			again := h.Browser()
			h.trip(again, "login", "one")
			require.Equal(t, id, whose(again), "%s: the victim gets in as before", name)
		}
	}
	require.Equal(t, 12, scripts)
	t.Logf("the victim first: %d scripts, 0 ways in", scripts)
}

// Where registration is closed, no provider opens it (promise 40).
func TestClosedRegistrationByAProvidersDoor(t *testing.T) {
	dsn := enginetest.WithDSN("sqlite://" + t.TempDir() + "/foyer.sqlite")
	h := newHouse(t, two, dsn)
	h.ops["one"].SetPerson(somebody("ada"))
	c := h.Browser()
	h.trip(c, "registration", "one")
	require.NotEmpty(t, whose(c))
	h.ops["one"].SetPerson(somebody("eve"))
	late := h.away(h.Browser(), "registration", "one")
	lateLogin := h.away(h.Browser(), "login", "one")
	missing := opsim.Person{"sub": "mel", "given_name": "Mel"}
	h.ops["one"].SetPerson(missing)
	half := h.away(h.Browser(), "registration", "one")
	require.NotEmpty(t, h.refusal(half.Client, bring(half.Client, half.back)))

	h.run(two, dsn, enginetest.With("selfservice.flows.registration.enabled", false))
	entries := map[string]func(){
		"login, page": func() { refusedAtLogin(h, h.Browser()) },
		"login, app page": func() {
			refusedAtLogin(h, h.SPA())
		},
		"login, id_token": func() {
			app := h.Native()
			a := h.present(app, app.OpenKind("login", ""), "one", h.ops["one"].Mint(opsim.ClientID, "a nonce"), "a nonce")
			require.Equal(t, []any{4000106}, h.refusal(app, a))
			require.Empty(t, whose(app))
		},
		"a registration that was on its way": func() {
			moved := h.follow(late.Client)
			moved.Get(late.back.To.RequestURI())
			require.Empty(t, whose(moved))
		},
		"a login that was on its way": func() {
			moved := h.follow(lateLogin.Client)
			moved.Get(lateLogin.back.To.RequestURI())
			require.Empty(t, whose(moved))
		},
		"a registration that lacked an address": func() {
			moved := h.follow(half.Client)
			moved.Post(h.PublicURL+"/self-service/registration?flow="+half.flow.ID, half.flow.Fill(enginetest.Values{"method": "oidc", "provider": "one", "traits.email": "mel@example.com"}))
			require.Empty(t, whose(moved))
		},
		"a new registration": func() {
			for _, at := range []string{"browser", "api"} {
				require.NotEqual(t, http.StatusOK, h.SPA().Get("/self-service/registration/"+at).Status)
			}
		},
	}
	for name, enter := range entries {
		h.ops["one"].SetPerson(somebody("eve"))
		enter()
		require.Equal(t, 1, h.Identities(), name)
	}
	h.ops["one"].SetPerson(somebody("ada"))
	c = h.Browser()
	h.trip(c, "login", "one")
	require.NotEmpty(t, whose(c), "who is known comes in as before")
}

func refusedAtLogin(h *house, c *enginetest.Client) {
	h.t.Helper()
	a := h.trip(c, "login", "one")
	require.Equal(h.t, []any{4000106}, h.refusal(c, a))
	require.Empty(h.t, whose(c))
}

// Where an address is proved before anybody exists, a provider whose word does not
// count creates nobody either.
func TestProofFirstByAProvidersDoor(t *testing.T) {
	h := newHouse(t, two, enginetest.WithProofFirst())
	h.ops["two"].SetPerson(somebody("ada"))
	for _, c := range []*enginetest.Client{h.Browser(), h.SPA()} {
		h.trip(c, "registration", "two")
		require.Empty(t, whose(c))
	}
	app := h.Native()
	h.present(app, app.OpenKind("registration", ""), "two", h.ops["two"].Mint(opsim.ClientID, "a nonce"), "a nonce")
	require.Empty(t, whose(app))
	require.Zero(t, h.Identities())
	h.ops["one"].SetPerson(somebody("ada"))
	c := h.Browser()
	h.trip(c, "registration", "one")
	require.NotEmpty(t, whose(c), "the word of one that is authoritative does")
	require.Equal(t, 1, h.Identities())
}
