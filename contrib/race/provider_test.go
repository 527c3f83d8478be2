package race

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

var trips = flag.Int("trips", 2, "trips to a provider of each kind to race for, on each database")

// outside is what people know the servers by, whichever of them they talk to.
const outside = "http://127.0.0.1:4433"

// house is servers behind one address, and two providers; a third, "theirs", is
// one whose word about addresses counts.
type house struct {
	t        *testing.T
	dsn      string
	servers  []*enginetest.Env
	op, more *opsim.Provider
}

func newHouse(t *testing.T, dsn string, options ...enginetest.Option) *house {
	t.Helper()
	h := &house{t: t, dsn: dsn, op: provider(t), more: provider(t)}
	h.servers = servers(t, dsn, append([]enginetest.Option{
		enginetest.WithProvider("op", h.op, nil), enginetest.WithProvider("more", h.more, nil),
		enginetest.WithProvider("counts", h.op, map[string]any{"authoritative_for": []string{"*"}}),
		enginetest.With("serve.public.base_url", outside),
	}, options...)...)
	return h
}

func provider(t *testing.T) *opsim.Provider {
	t.Helper()
	op, err := opsim.Start(opsim.Config{Alg: "ES256"})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	return op
}

// last is the server that the house's other flows were not opened at, where there
// are two.
func (h *house) last() *enginetest.Env { return h.servers[len(h.servers)-1] }

// asked counts how often a code was exchanged.
func (h *house) asked() int {
	return len(h.op.Requests(opsim.Token)) + len(h.more.Requests(opsim.Token))
}

// browser is one that talks to the first server.
func (h *house) browser() *enginetest.Client { return h.settle(h.servers[0].SPA()) }

func (h *house) app() *enginetest.Client { return h.settle(h.servers[0].Native()) }

// settle has a client find its server behind the outside address.
func (h *house) settle(c *enginetest.Client) *enginetest.Client {
	to := host(c.Env)
	c.HTTP.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}}
	h.t.Cleanup(c.HTTP.CloseIdleConnections)
	return c
}

// person is somebody who is at the provider from now on.
func person(op *opsim.Provider, subject, email string) {
	op.SetPerson(opsim.Person{"sub": subject, "email": email, "email_verified": true})
}

// away takes a client to a provider by a submit of a flow, and returns the request
// that brings it home.
func (h *house) away(c *enginetest.Client, f *enginetest.Flow, op *opsim.Provider, v enginetest.Values) []byte {
	h.t.Helper()
	back, err := op.Approve(c.Submit(f, v).Elsewhere())
	require.NoError(h.t, err)
	return wire(c, http.MethodGet, back.To.RequestURI(), "text/html", nil)
}

// comes takes a client through a flow of a kind to a provider and back.
func (h *house) comes(c *enginetest.Client, kind, provider string) *process.Answer {
	h.t.Helper()
	a := release(h.t, [][]byte{h.away(c, c.OpenKind(kind, ""), h.provider(provider), by(provider))}, c.Env)[0]
	h.adopt(c, a)
	return a
}

func (h *house) provider(id string) *opsim.Provider {
	if id == "more" {
		return h.more
	}
	return h.op
}

func by(provider string) enginetest.Values { return enginetest.Values{"provider": provider} }

// adopt lets a client go on with the cookies in an answer.
func (h *house) adopt(c *enginetest.Client, a *process.Answer) {
	at, err := url.Parse(outside)
	require.NoError(h.t, err)
	c.HTTP.Jar.SetCookies(at, (&http.Response{Header: a.Header}).Cookies())
}

// wire is a whole request of a client; body is JSON, nil for none.
func wire(c *enginetest.Client, method, path, accept string, body []byte) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\nConnection: close\r\n", method, path, strings.TrimPrefix(outside, "http://"), accept)
	for _, cookie := range c.Cookies() {
		fmt.Fprintf(&b, "Cookie: %s=%s\r\n", cookie.Name, cookie.Value)
	}
	if token := c.Token(); token != "" {
		fmt.Fprintf(&b, "X-Session-Token: %s\r\n", token)
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return []byte(b.String() + "\r\n" + string(body))
}

// submits is a whole submit of a flow as a client makes it.
func (h *house) submits(c *enginetest.Client, f *enginetest.Flow, v enginetest.Values) []byte {
	h.t.Helper()
	at, err := url.Parse(f.UI.Action)
	require.NoError(h.t, err)
	body, err := json.Marshal(f.Fill(v))
	require.NoError(h.t, err)
	return wire(c, http.MethodPost, at.RequestURI(), "application/json", body)
}

// who is the session and the person that an answer signs in as, by a token or a
// browser's cookie, empty for nobody, as the last server sees it.
func (h *house) who(a *process.Answer) (session, person string) {
	c := h.last().Native()
	switch cookies := (&http.Response{Header: a.Header}).Cookies(); {
	case a.Token() != "":
		c = c.As(a.Token())
	case len(cookies) > 0:
		for _, cookie := range cookies {
			c.Head.Add("Cookie", cookie.Name+"="+cookie.Value)
		}
	}
	return whose(c)
}

// whose is the session and the person of a client.
func whose(c *enginetest.Client) (session, person string) {
	a := c.Whoami("")
	if a.Status != http.StatusOK {
		return "", ""
	}
	v := a.JSON()
	return v["id"].(string), v["identity"].(map[string]any)["id"].(string)
}

// count asks the database for a number.
func (h *house) count(query string) (n int) {
	h.t.Helper()
	db := testdb.Open(h.t, h.dsn)
	require.NoError(h.t, db.QueryRow(query).Scan(&n), query)
	require.NoError(h.t, db.Close())
	return n
}

// errorID is the stable id of an answer that is an error, else empty.
func errorID(a *process.Answer) string {
	var v struct {
		Error struct {
			ID string `json:"id"`
		} `json:"error"`
	}
	_ = json.Unmarshal(a.Raw, &v)
	return v.Error.ID
}

// page is the path of where an answer sends a browser, and what the flow there
// says, read by who came there.
func (h *house) page(c *enginetest.Client, a *process.Answer) (path string, says []int) {
	h.t.Helper()
	require.Equal(h.t, http.StatusSeeOther, a.Status, "%s", a)
	to, err := url.Parse(a.Header.Get("Location"))
	require.NoError(h.t, err)
	if id := to.Query().Get("flow"); id != "" {
		says = c.ReadKind(strings.TrimPrefix(to.Path, "/"), id).IDs("")
	}
	return to.Path, says
}

// However often a state comes home at once, at two servers, the provider is asked
// once; all who bring it are in one session of one person.
func TestOneState(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		for n := range 2 * *trips {
			person(h.op, fmt.Sprintf("subject-%d", n/2), fmt.Sprintf("person-%d@example.org", n/2))
			door := []string{"registration", "login"}[n%2] // a stranger, then who is known; each by the wrong door every other time
			if n%4 > 1 {
				door = []string{"login", "registration"}[n%2]
			}
			asked, sessions := h.asked(), h.count("SELECT count(*) FROM sessions")
			c := h.browser()
			people := map[string]bool{}
			for _, a := range release(t, repeat(h.away(c, c.OpenKind(door, ""), h.op, by("op")), clients), h.servers...) {
				path, _ := h.page(c, a)
				require.Equal(t, "/", path)
				session, person := h.who(a)
				require.NotEmpty(t, session)
				people[session+" "+person] = true
			}
			require.Len(t, people, 1)
			require.Equal(t, asked+1, h.asked())
			require.Equal(t, sessions+1, h.count("SELECT count(*) FROM sessions"))
			require.Equal(t, n/2+1, h.count("SELECT count(*) FROM identities"))
		}
		require.Empty(t, h.op.Faults())
		t.Logf("%d states × %d returns at %d servers: asked once, one session each", 2**trips, clients, len(h.servers))
	})
}

// One pair of codes sent by many at once, at two servers, is exchanged once.
func TestOneExchange(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		for n := range 2 * *trips {
			c, browser := h.app(), h.browser()
			f := c.OpenKind("login", "return_session_token_exchange_code=true")
			back, err := h.op.Approve(c.Submit(f, by("op")).Elsewhere())
			require.NoError(t, err)
			home := browser.Return(back).Location()
			require.NotEmpty(t, home.Query().Get("code"))
			q := url.Values{"init_code": {f.ExchangeCode}, "return_to_code": {home.Query().Get("code")}}
			got := 0
			for _, a := range release(t, repeat(wire(c, http.MethodGet, "/sessions/token-exchange?"+q.Encode(), "application/json", nil), clients), h.servers...) {
				if a.Status == http.StatusOK {
					got++
					session, _ := h.who(a)
					require.NotEmpty(t, session)
					continue
				}
				require.Equal(t, "session_token_exchange_spent", errorID(a), "%s", a)
			}
			require.Equal(t, 1, got, "pair %d", n)
			require.Equal(t, n+1, h.count("SELECT count(*) FROM sessions"))
		}
		t.Logf("%d pairs × %d exchanges at %d servers: one token each", 2**trips, clients, len(h.servers))
	})
}

// One id_token sent by many apps at once, each in a flow of its own, at two
// servers, lets one of them in.
func TestOneIDToken(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		for n := range *trips {
			person(h.op, fmt.Sprintf("subject-%d", n), fmt.Sprintf("person-%d@example.org", n))
			c := h.app()
			nonce := fmt.Sprintf("a nonce of an app, number %d", n)
			v := by("op").With("id_token", h.op.Mint(opsim.ClientID, nonce)).With("id_token_nonce", nonce)
			var requests [][]byte
			for i := range clients {
				requests = append(requests, h.submits(c, c.OpenKind([]string{"registration", "login"}[i/2%2], ""), v))
			}
			in := 0
			for _, a := range release(t, requests, h.servers...) {
				if a.Status == http.StatusOK {
					in++
					session, _ := h.who(a)
					require.NotEmpty(t, session)
					continue
				}
				require.Equal(t, http.StatusForbidden, a.Status, "%s", a)
				require.Equal(t, "oidc_id_token_spent", errorID(a), "%s", a)
			}
			require.Equal(t, 1, in)
			require.Equal(t, n+1, h.count("SELECT count(*) FROM sessions"))
			require.Equal(t, n+1, h.count("SELECT count(*) FROM identities"))
		}
		t.Logf("%d id_tokens × %d flows at %d servers: one accepted each", *trips, clients, len(h.servers))
	})
}
