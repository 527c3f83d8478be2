package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// house is the program with providers of internal/opsim, by the ids they have in
// it. Their clock is the program's.
type house struct {
	*enginetest.Env
	ops map[string]*opsim.Provider
	t   *testing.T
	at  *atomic.Pointer[enginetest.Clock]
}

// newHouse runs a program with providers; each has a setup of its own.
func newHouse(t *testing.T, providers []setup, options ...enginetest.Option) *house {
	t.Helper()
	h := &house{ops: map[string]*opsim.Provider{}, t: t, at: &atomic.Pointer[enginetest.Clock]{}}
	for _, s := range providers {
		s.sim.Now = func() time.Time {
			if clock := h.at.Load(); clock != nil {
				return clock.Now()
			}
			return time.Now()
		}
		p, err := opsim.Start(s.sim)
		require.NoError(t, err)
		t.Cleanup(p.Close)
		h.ops[s.id] = p
	}
	h.run(providers, options...)
	return h
}

// run starts a program with the providers that newHouse has started.
func (h *house) run(providers []setup, options ...enginetest.Option) {
	h.t.Helper()
	var list []map[string]any
	for _, s := range providers {
		list = append(list, s.config(h.ops[s.id]))
	}
	h.Env = enginetest.New(h.t, append([]enginetest.Option{
		enginetest.With("selfservice.methods.oidc", map[string]any{"enabled": true, "config": map[string]any{"providers": list}}),
		enginetest.With("selfservice.flows.registration.after.oidc.hooks", []map[string]any{{"hook": "session"}}),
	}, options...)...)
	h.at.Store(h.Clock)
}

// setup is a provider, on both sides.
type setup struct {
	id   string
	sim  opsim.Config
	keys map[string]any // of the configuration, besides what every provider has
}

func (s setup) config(p *opsim.Provider) map[string]any {
	c := map[string]any{
		"id": s.id, "provider": "generic", "label": "The " + s.id, "client_id": opsim.ClientID, "client_secret": opsim.ClientSecret,
		"issuer_url": p.Issuer(), "authoritative_for": []string{"example.com"},
		"mapping": map[string]any{"traits": map[string]any{"email": "email", "name.first": "given_name"}},
	}
	for key, value := range s.keys {
		c[key] = value
	}
	return c
}

// somebody is a person of a provider whose address it has proved.
func somebody(name string) opsim.Person {
	return opsim.Person{"sub": name, "email": name + "@example.com", "email_verified": true, "given_name": "Ada"}
}

// leave submits a flow so that it leads to a provider, and returns where to; "" and
// the answer if it leads nowhere.
func (h *house) leave(c *enginetest.Client, f *enginetest.Flow, provider string) (string, *enginetest.Answer) {
	h.t.Helper()
	return departed(c, c.Submit(f, enginetest.Values{"method": "oidc", "provider": provider}))
}

func departed(c *enginetest.Client, a *enginetest.Answer) (string, *enginetest.Answer) {
	if c.Kind == enginetest.HTML {
		if to := a.Header.Get("Location"); a.Status == http.StatusSeeOther && strings.Contains(to, "client_id=") {
			return to, a
		}
		return "", a
	}
	if a.Status != http.StatusUnprocessableEntity {
		return "", a
	}
	to, _ := a.JSON()["redirect_browser_to"].(string)
	return to, a
}

// approve goes to the provider as the client's browser does.
func (h *house) approve(provider, to string) *opsim.Arrival {
	h.t.Helper()
	back, err := h.ops[provider].Approve(to)
	require.NoError(h.t, err)
	return back
}

// bring goes where the provider sends the client.
func bring(c *enginetest.Client, back *opsim.Arrival) *enginetest.Answer {
	return c.Get(back.To.String())
}

// trip goes to a provider and back, from a new flow.
func (h *house) trip(c *enginetest.Client, kind, provider string) *enginetest.Answer {
	h.t.Helper()
	return h.tripFrom(c, c.OpenKind(kind, ""), provider)
}

func (h *house) tripFrom(c *enginetest.Client, f *enginetest.Flow, provider string) *enginetest.Answer {
	h.t.Helper()
	to, a := h.leave(c, f, provider)
	if to == "" {
		return a
	}
	return bring(c, h.approve(provider, to))
}

// present submits an id_token as an app does.
func (h *house) present(c *enginetest.Client, f *enginetest.Flow, provider, token, nonce string) *enginetest.Answer {
	h.t.Helper()
	return c.Adopt(c.Submit(f, enginetest.Values{"method": "oidc", "provider": provider, "id_token": token, "id_token_nonce": nonce}))
}

// record is an identity as the admin API tells it.
type record struct {
	ID          string         `json:"id"`
	Traits      map[string]any `json:"traits"`
	Credentials map[string]struct {
		Identifiers []string `json:"identifiers"`
	} `json:"credentials"`
	Verifiable []struct {
		Value    string `json:"value"`
		Verified bool   `json:"verified"`
	} `json:"verifiable_addresses"`
}

// holder is who has an address, nil for nobody.
func (h *house) holder(email string) *record {
	h.t.Helper()
	var found []record
	a := h.Admin(http.MethodGet, "/admin/identities?credentials_identifier="+url.QueryEscape(email), nil)
	require.Equal(h.t, http.StatusOK, a.Status, "%s", a.Body)
	a.Decode(&found)
	if len(found) == 0 {
		return nil
	}
	require.Len(h.t, found, 1)
	return h.record(found[0].ID)
}

func (h *house) record(id string) *record {
	h.t.Helper()
	r := &record{}
	a := h.Admin(http.MethodGet, "/admin/identities/"+id, nil)
	require.Equal(h.t, http.StatusOK, a.Status, "%s", a.Body)
	a.Decode(r)
	return r
}

// links are the accounts at providers that somebody is linked to.
func (r *record) links() []string { return r.Credentials["oidc"].Identifiers }

func (r *record) verified(email string) bool {
	for _, a := range r.Verifiable {
		if a.Value == email {
			return a.Verified
		}
	}
	return false
}

// whose is the identity of a client's session, "" for none.
func whose(c *enginetest.Client) string {
	a := c.Whoami("")
	if a.Status != http.StatusOK {
		return ""
	}
	var s struct {
		Identity struct {
			ID string `json:"id"`
		} `json:"identity"`
	}
	a.Decode(&s)
	return s.Identity.ID
}

// refusal is what a client is told: the stable id of an error, or the ids of the
// messages on the form it is led to. Every refusal has
// one; nil is none.
func (h *house) refusal(c *enginetest.Client, a *enginetest.Answer) []any {
	h.t.Helper()
	if id := a.ErrorID(); id != "" {
		return []any{id}
	}
	var f *enginetest.Flow
	if c.Kind == enginetest.HTML {
		require.Equal(h.t, http.StatusSeeOther, a.Status, "%s", a.Body)
		to := a.Location()
		if id := to.Query().Get("id"); strings.HasSuffix(to.Path, "/error") {
			return []any{c.Get("/self-service/errors?id=" + id).ErrorID()}
		}
		if to.Query().Get("flow") == "" {
			return nil
		}
		f = c.ReadKind(strings.TrimPrefix(to.Path, "/"), to.Query().Get("flow"))
	} else {
		f = a.Flow()
	}
	var ids []any
	for _, m := range f.UI.Messages {
		ids = append(ids, m.ID)
	}
	for _, n := range f.UI.Nodes {
		for _, m := range n.Messages {
			ids = append(ids, m.ID)
		}
	}
	return ids
}
