package oidc_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// What becomes of somebody who comes by a provider with an address.
const (
	createdVerified   = "created, address verified"
	createdUnverified = "created, address unverified, a code of ours is sent"
	proofFirst        = "proof of the local credential first"
	takenOver         = "the proven owner takes over"
	linkedAtOnce      = "linked in one step"
)

// said are what a provider may say of an address; only the first proves anything.
var said = []struct {
	name  string
	value any
}{{"true", true}, {"false", false}, {"absent", nil}, {"null", null{}}, {`"true"`, "true"}, {`"false"`, "false"}, {"1", 1}}

// null is JSON's null.
type null struct{}

func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// outcome is the table of docs/oidc.md.
func outcome(value any, authoritative bool, local, mode string) string {
	counts := value == true && authoritative
	switch {
	case local == "none" && counts:
		return createdVerified
	case local == "none":
		return createdUnverified
	case counts && local == "unverified":
		return takenOver
	case counts && local == "verified" && mode == "both_verified":
		return linkedAtOnce
	}
	return proofFirst
}

// local is the account that has the address before, with what its owner holds.
type local struct {
	id      string
	email   string
	browser *enginetest.Client
	app     *enginetest.Client
	form    *enginetest.Flow // settings that browser has open
	code    string           // that was mailed, if the address is not proved
	proving *enginetest.Flow // where browser would type it
}

const password = "a good long Passphrase 9"

// settle registers somebody with a password, and proves the address if asked to.
func (h *house) settle(email string, proved bool) local {
	h.t.Helper()
	l := local{email: email, browser: h.SPA(), app: h.Native()}
	l.browser.SignUp(enginetest.Person(email))
	l.app.SignIn("", enginetest.Credentials(email))
	l.id = whose(l.browser)
	require.Equal(h.t, l.id, whose(l.app))
	l.form = l.browser.OpenKind("settings", "")
	l.proving = l.browser.OpenKind("verification", "")
	l.proving = l.browser.Say(l.proving, enginetest.Values{"method": "code", "email": email})
	h.Deliver()
	l.code = h.Inbox(email)[0].Code()
	require.NotEmpty(h.t, l.code)
	if proved {
		l.browser.Say(l.proving, enginetest.Values{"method": "code", "code": l.code})
		require.True(h.t, h.record(l.id).verified(email))
		l.app = h.Native() // the first proof has ended all sessions but the browser's
		l.app.SignIn("", enginetest.Credentials(email))
	}
	return l
}

// keeps holds that the owner of an account has lost nothing.
func (l local) keeps(h *house, before *record) {
	h.t.Helper()
	require.Equal(h.t, before, h.record(l.id), "the account is as it was")
	require.Equal(h.t, l.id, whose(l.browser))
	require.Equal(h.t, l.id, whose(l.app))
	c := h.Native()
	c.SignIn("", enginetest.Credentials(l.email))
	require.Equal(h.t, l.id, whose(c))
}

// lost holds that nothing that was held before opens the account any more, and
// returns how many ways were tried.
func (l local) lost(h *house) int {
	h.t.Helper()
	before := h.record(l.id)
	probes := []func(){
		func() { require.Empty(h.t, whose(l.browser), "the browser's session") },
		func() { require.Empty(h.t, whose(l.app), "the app's session") },
		func() {
			for _, c := range h.Clients() {
				c.SignIn("", enginetest.Credentials(l.email))
				require.Empty(h.t, whose(c), "the password")
			}
		},
		func() {
			a := l.browser.Submit(l.form, enginetest.Values{"method": "password", "password": "another long Passphrase 9"})
			require.GreaterOrEqual(h.t, a.Status, 400, "settings that were open: %s", a.Body)
			a = l.browser.Submit(l.form, enginetest.Values{"method": "profile", "traits.email": "attacker@example.net"})
			require.GreaterOrEqual(h.t, a.Status, 400, "settings that were open: %s", a.Body)
		},
		func() {
			a := l.browser.Submit(l.proving, enginetest.Values{"method": "code", "code": l.code})
			require.Empty(h.t, whose(l.browser), "a code that was mailed before: %s", a.Body)
		},
		func() {
			a := l.browser.Get("/self-service/settings/browser")
			require.GreaterOrEqual(h.t, a.Status, 400, "new settings")
		},
		func() {
			a := l.app.Get("/sessions")
			require.Equal(h.t, http.StatusUnauthorized, a.Status, "the list of sessions: %s", a.Body)
		},
	}
	for _, probe := range probes {
		probe()
	}
	require.Equal(h.t, before, h.record(l.id), "none of it changed anything")
	return len(probes)
}

// The table of when an outside claim counts: what the provider says, whether it is
// authoritative, and whose the address is here.
func TestMatrixOfClaims(t *testing.T) {
	t.Parallel()
	h := newHouse(t, append(slices.Clone(two),
		setup{id: "three", sim: opsim.Config{Alg: "ES256"}, keys: map[string]any{"account_linking_mode": "both_verified"}},
		setup{id: "four", sim: opsim.Config{Alg: "ES256"}, keys: map[string]any{"account_linking_mode": "both_verified", "authoritative_for": []string{"example.org"}}},
	), enginetest.WithVerification())
	right := 0
	for n, word := range said {
		for provider, authoritative := range map[string]bool{"one": true, "two": false} {
			for _, here := range []string{"none", "unverified", "verified"} {
				email := fmt.Sprintf("m%d-%s-%s@example.com", n, provider, here)
				h.cell(provider, email, word.value, here, outcome(word.value, authoritative, here, ""))
				right++
			}
		}
	}
	t.Logf("%d of 42", right)
	require.Equal(t, 42, right)
	// both_verified makes a difference in one field only.
	for n, word := range said {
		for provider, authoritative := range map[string]bool{"three": true, "four": false} {
			email := fmt.Sprintf("m%d-%s@example.com", n, provider)
			h.cell(provider, email, word.value, "verified", outcome(word.value, authoritative, "verified", "both_verified"))
		}
	}
}

// cell is one field of the table.
func (h *house) cell(provider, email string, value any, here, want string) {
	h.t.Helper()
	defer func() {
		if h.t.Failed() {
			h.t.Logf("in the field %s/%v/%s", provider, value, here)
		}
	}()
	who := opsim.Person{"sub": "sub-" + email, "email": email, "given_name": "Ada"}
	if value != nil {
		who["email_verified"] = value
	}
	var l local
	var before *record
	if here != "none" {
		l = h.settle(email, here == "verified")
		before = h.record(l.id)
	}
	h.Clock.Advance(time.Hour) // budgets of mails are not what this is about
	h.ops[provider].SetPerson(who)
	mails := len(h.Inbox(email))
	c := h.Browser()
	a := h.trip(c, "registration", provider)
	h.Deliver()
	link := provider + ":sub-" + email
	switch want {
	case createdVerified, createdUnverified:
		r := h.holder(email)
		require.NotNil(h.t, r, "%d %s", a.Status, a.Location())
		require.Equal(h.t, r.ID, whose(c))
		require.Equal(h.t, want == createdVerified, r.verified(email))
		require.Equal(h.t, []string{link}, r.links())
		require.Equal(h.t, want == createdUnverified, len(h.Inbox(email)) > mails, "our own code")
	case proofFirst:
		require.Empty(h.t, whose(c))
		f := c.ReadKind("login", a.Location().Query().Get("flow"))
		require.Contains(h.t, f.IDs(""), 1010016)
		l.keeps(h, before)
		again := h.Browser()
		h.trip(again, "login", provider)
		require.Empty(h.t, whose(again), "nothing was linked")
		l.keeps(h, before)
		a = c.Submit(f, enginetest.Values{"method": "password", "identifier": email, "password": password})
		require.Equal(h.t, l.id, whose(c), "%d %s", a.Status, a.Location())
		require.Equal(h.t, []string{link}, h.record(l.id).links())
		require.Equal(h.t, before.verified(email), h.record(l.id).verified(email), "the provider's word proves nothing still")
	case linkedAtOnce:
		require.Equal(h.t, l.id, whose(c), "%d %s", a.Status, a.Location())
		after := h.record(l.id)
		require.Equal(h.t, []string{link}, after.links())
		require.Equal(h.t, before.Traits, after.Traits)
		require.Equal(h.t, l.id, whose(l.browser), "who has proved the address keeps what they have")
	case takenOver:
		require.Equal(h.t, l.id, whose(c), "%d %s", a.Status, a.Location())
		require.True(h.t, h.record(l.id).verified(email))
		require.Equal(h.t, []string{link}, h.record(l.id).links())
		l.lost(h)
		require.Equal(h.t, l.id, whose(c), "the owner stays")
	}
}
