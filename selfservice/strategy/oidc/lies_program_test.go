package oidc_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// told is one lie told to the running program, by one way.
type told struct {
	lie opsim.Lie
	way opsim.Way
	id  string // of the provider that tells it
}

func (l told) name() string {
	return ways[l.way] + "/" + l.lie.Name
}

// email is the address of the person who meets a lie: each their own.
func (l told) email() string { return l.person()["email"].(string) }

func (l told) person() opsim.Person {
	return somebody(strings.NewReplacer("/", "-", "_", "-").Replace(l.name()))
}

// tell tells it once, to a client who registers or signs in, and returns the answer.
func (h *house) tell(c *enginetest.Client, f *enginetest.Flow, l told) *enginetest.Answer {
	h.t.Helper()
	p := h.ops[l.id]
	if l.way == opsim.Native {
		nonce := "a nonce of the app for " + l.name() + time.Duration(h.Clock.Now().UnixNano()).String()
		return h.present(c, f, l.id, p.Mint(opsim.ClientID, nonce), nonce)
	}
	return h.tripFrom(c, f, l.id)
}

func (h *house) client(l told) *enginetest.Client {
	if l.way == opsim.Native {
		return h.Native()
	}
	return h.Browser()
}

// stays are lies about documents that the program keeps for an hour, so that each
// needs a provider of its own.
func stays(l opsim.Lie) bool { return l.At == opsim.Discovery || l.At == opsim.JWKS }

// broken are the ways out of order that are shown to the whole program; all of them
// are in TestTableOfLies.
var broken = []string{"_500", "_html", "_half", "_redirect", "_closed"}

// Every lie, told to the whole program: nobody comes in, nothing is created or
// linked, the answer has a stable id, and the same flow is good for the truth
// afterwards. Who exists already is not signed in by a lie either.
func TestLiesToldToTheProgram(t *testing.T) {
	t.Parallel()
	var lies, accepted, good, refused atomic.Int64
	t.Run("all", func(t *testing.T) {
		for n, way := range []opsim.Way{opsim.Code, opsim.Native, opsim.Code, opsim.Native} {
			t.Run(ways[way], func(t *testing.T) {
				t.Parallel()
				h, all := liars(t, way, n > 1)
				for _, l := range all {
					h.ops[l.id].SetPerson(l.person())
					h.ops[l.id].SetLie(l.lie)
					if l.lie.Outcome == opsim.Accepted {
						good.Add(1)
						if !h.welcome(l) {
							refused.Add(1)
						}
					} else {
						lies.Add(1)
						if !h.unbelieved(l) {
							accepted.Add(1)
						}
					}
				}
				require.Equal(t, len(all), h.Identities(), "each has met one person, who came by the truth")
				for id, p := range h.ops {
					for _, fault := range []string{opsim.FollowedNowhere, opsim.NoChallenge, opsim.NoNonce} {
						require.NotContains(t, p.Faults(), fault, id)
					}
				}
			})
		}
	})
	t.Logf("%d lies, accepted %d; %d good variants, refused %d", lies.Load(), accepted.Load(), good.Load(), refused.Load())
	require.Zero(t, accepted.Load()+refused.Load())
	require.Greater(t, lies.Load(), int64(250))
}

var ways = map[opsim.Way]string{opsim.Code: "code", opsim.Native: "native"}

// liars runs a program with those that tell the lies of a way: the ones that stay,
// each by a provider of its own, or the others.
func liars(t *testing.T, way opsim.Way, staying bool) (*house, []told) {
	t.Helper()
	quick := opsim.Config{Alg: "ES256"}
	providers := []setup{{id: "sim", sim: quick}, {id: "lean", sim: opsim.Config{Alg: "ES256", Lean: true}, keys: map[string]any{"claims_source": "userinfo"}}}
	var all []told
	for _, lie := range opsim.Lies {
		if lie.Ways&way == 0 || stays(lie) != staying || lie.Answer != nil && !slices.ContainsFunc(broken, func(how string) bool { return strings.HasSuffix(lie.Name, how) }) {
			continue
		}
		one := told{lie, way, "sim"}
		if lie.Claims {
			one.id = "lean"
		}
		if stays(lie) {
			one.id = strings.ReplaceAll(one.name(), "/", "-")
			providers = append(providers, setup{id: one.id, sim: quick})
		}
		all = append(all, one)
	}
	return newHouse(t, providers), all
}

// welcome reports whether a good variant lets the person register, and sign in.
func (h *house) welcome(l told) bool {
	h.t.Helper()
	for _, kind := range []string{"registration", "login"} {
		c := h.client(l)
		a := h.tell(c, c.OpenKind(kind, ""), l)
		r := h.holder(l.email())
		if r == nil || !r.verified(l.email()) || whose(c) != r.ID || a.Status >= 400 {
			h.t.Errorf("%s: refused at %s: %d %s", l.name(), kind, a.Status, a.Body)
			return false
		}
	}
	return true
}

// unbelieved reports whether a lie does nothing: to a stranger, and to who is known.
func (h *house) unbelieved(l told) bool {
	h.t.Helper()
	c := h.client(l)
	f := c.OpenKind("registration", "")
	a := h.tell(c, f, l)
	if l.lie.Outcome == opsim.Unproved {
		r := h.holder(l.email())
		if r == nil || r.verified(l.email()) || whose(c) != r.ID {
			h.t.Errorf("%s: an address that is not proved: %d %s %+v", l.name(), a.Status, a.Body, r)
			return false
		}
		return true
	}
	h.check(l, c, a)
	if whose(c) != "" {
		h.t.Errorf("%s: believed: %d %s", l.name(), a.Status, a.Body)
		return false
	}
	p := h.ops[l.id]
	p.SetLie(opsim.Lie{})
	h.Clock.Advance(6 * time.Second) // what failed is asked for again
	switch {
	case ofAddress(l.lie): // what the provider said is kept, and the person types what is wrong with it
		a = c.Adopt(c.Submit(f, enginetest.Values{"method": "oidc", "provider": l.id, "traits.email": l.email()}))
	case misled(l.lie): // a document that is in order, but for where it leads, is kept for an hour
		h.Clock.Advance(time.Hour)
		c = h.client(l)
		h.tell(h.client(l), h.client(l).OpenKind("login", ""), l) // has it fetched
		a = h.tell(c, c.OpenKind("login", ""), l)
	default:
		a = h.tell(c, f, l)
	}
	before := h.holder(l.email())
	if whose(c) == "" || before.verified(l.email()) == ofAddress(l.lie) {
		h.t.Errorf("%s: the flow is of no use afterwards: %d %s", l.name(), a.Status, a.Body)
		return false
	}
	if stays(l.lie) || l.way == opsim.Native {
		return true // the honest document is kept now; and an app's token is judged before anybody looks for its person
	}
	p.SetLie(l.lie)
	c = h.client(l)
	h.check(l, c, h.tell(c, c.OpenKind("login", ""), l))
	require.Equal(h.t, before, h.record(before.ID), l.name())
	if whose(c) != "" && !ofAddress(l.lie) {
		h.t.Errorf("%s: signed in", l.name())
		return false
	}
	return true
}

// ofAddress are lies that say nothing about who somebody is.
func ofAddress(l opsim.Lie) bool {
	return slices.Contains([]string{"email_missing", "email_rubbish", "email_list", "email_newline", "userinfo_email_missing"}, l.Name)
}

// misled are documents that lead to where nobody of ours goes.
func misled(l opsim.Lie) bool {
	return slices.Contains([]string{"discovery_token_metadata", "discovery_token_private", "discovery_jwks_metadata"}, l.Name)
}

// check holds that a refusal has a stable id, and that a server is called broken
// only where one is.
func (h *house) check(l told, c *enginetest.Client, a *enginetest.Answer) {
	h.t.Helper()
	if ofAddress(l.lie) && a.Status < 400 && whose(c) != "" {
		return
	}
	require.NotEmpty(h.t, h.refusal(c, a), l.name())
	if a.Status >= 500 {
		require.Contains(h.t, []int{http.StatusBadGateway, http.StatusGatewayTimeout}, a.Status, "%s: %s", l.name(), a.Body)
		require.Equal(h.t, opsim.Down, l.lie.Outcome, "%s: %s", l.name(), a.Body)
	}
}
