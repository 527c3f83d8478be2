package enginetest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/opsim"
)

// WithProvider lets people sign up and in by op, known here by an id. Its e-mail
// address becomes theirs; more are further keys of its configuration, or others
// instead.
func WithProvider(id string, op *opsim.Provider, more map[string]any) Option {
	conf := map[string]any{
		"id": id, "provider": "generic", "client_id": opsim.ClientID, "client_secret": opsim.ClientSecret, "issuer_url": op.Issuer(),
		"mapping": map[string]any{"traits": map[string]any{"email": "email"}},
	}
	maps.Copy(conf, more)
	return func(s *settings) {
		set(s.config, "selfservice.methods.oidc.enabled", true)
		set(s.config, "selfservice.flows.registration.after.oidc.hooks", []map[string]any{{"hook": "session"}})
		s.providers = append(s.providers, conf)
		set(s.config, "selfservice.methods.oidc.config.providers", s.providers)
	}
}

// Elsewhere is where the answer sends the client, who is to come back from there.
func (a *Answer) Elsewhere() string {
	if a.Status == http.StatusSeeOther {
		return a.Location().String()
	}
	var v struct {
		To string `json:"redirect_browser_to"`
	}
	require.NoError(a.env.t, json.Unmarshal(a.Body, &v), "%d %s", a.Status, a.Body)
	require.Equal(a.env.t, http.StatusUnprocessableEntity, a.Status, "%s", a.Body)
	return v.To
}

// Visit goes where the answer sends this client, to op, and brings home what op
// gives along. A client that reads JSON leaves that to a browser with its cookies.
func (c *Client) Visit(op *opsim.Provider, a *Answer) *Answer {
	c.Env.t.Helper()
	back, err := op.Approve(a.Elsewhere())
	require.NoError(c.Env.t, err)
	return c.Return(back)
}

// Return brings home what a provider gave along.
func (c *Client) Return(back *opsim.Arrival) *Answer {
	c.Env.t.Helper()
	if !back.Post {
		return c.Navigate(back.To.String())
	}
	req := c.Request(http.MethodPost, back.To.String(), strings.NewReader(back.Values.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Origin", "https://provider.example.com")
	req.Header["Cookie"] = nil // SameSite=Lax: not sent with what another site posts
	a := c.Do(req)
	require.Equal(c.Env.t, http.StatusSeeOther, a.Status, "%s", a.Body)
	to, err := back.To.Parse(a.Location().String())
	require.NoError(c.Env.t, err)
	return c.Navigate(to.String())
}

// Navigate fetches a URL as a browser's address line does.
func (c *Client) Navigate(to string) *Answer {
	c.Env.t.Helper()
	req := c.Request(http.MethodGet, to, nil)
	req.Header.Set("Accept", "text/html")
	return c.Do(req)
}

// Landed is the flow of a kind whose page a browser was sent to.
func (c *Client) Landed(kind string, a *Answer) *Flow {
	c.Env.t.Helper()
	require.Equal(c.Env.t, http.StatusSeeOther, a.Status, "%s", a.Body)
	at := a.Location()
	require.Equal(c.Env.t, "/"+kind, at.Path, "%s", at)
	return c.ReadKind(kind, at.Query().Get("flow"))
}

// Unfinished is the flow of a kind in which an app goes on, whose browser came home
// to its flow f with a: it gets that for its codes.
func (c *Client) Unfinished(kind string, f *Flow, a *Answer) *Flow {
	c.Env.t.Helper()
	require.Empty(c.Env.t, a.Location().Query().Get("flow"), "no flow's id leaves by a browser")
	left := c.Exchange(f, a)
	require.Equal(c.Env.t, http.StatusUnprocessableEntity, left.Status, "%s", left.Body)
	return c.ReadKind(kind, left.Flow().ID)
}

// Exchange asks for the session of an app's flow, whose browser came home with a.
func (c *Client) Exchange(f *Flow, a *Answer) *Answer {
	c.Env.t.Helper()
	q := url.Values{"init_code": {f.ExchangeCode}, "return_to_code": {a.Location().Query().Get("code")}}
	return c.Adopt(c.Get("/sessions/token-exchange?" + q.Encode()))
}
