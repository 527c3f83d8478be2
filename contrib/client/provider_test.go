package client_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/contrib/client"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// Who is told to go to another site comes back into the same loop: with what that has
// left out still to be said, and the second time with nothing.
func TestByAnotherSite(t *testing.T) {
	for _, kind := range []string{"json", "native"} {
		t.Run(kind, func(t *testing.T) {
			op, err := opsim.Start(opsim.Config{})
			require.NoError(t, err)
			t.Cleanup(op.Close)
			op.SetPerson(opsim.Person{"sub": "ada"})
			w := newWorld(t, kind, enginetest.WithProvider("op", op, nil))
			asked := 0
			byOp := func(*client.Answer) client.Values {
				asked++
				return client.Values{"method": "oidc", "provider": "op", "traits.email": "ada@example.org"}
			}
			for _, device := range []string{"computer", "phone"} {
				c := w.device(device)
				var flow *client.Answer
				a, err := c.Go(t.Context(), w.door("registration")+"return_session_token_exchange_code=true", func(a *client.Answer) client.Values {
					flow = a
					return client.Values{"method": "oidc", "provider": "op"}
				})
				require.NoError(t, err)
				require.Equal(t, "browse", a.Foyer.Next.Do, "%s", a.Raw)
				require.Empty(t, a.Says())
				back, err := op.Approve(a.Foyer.Next.URL)
				require.NoError(t, err)
				on := back.To.String()
				if kind == "native" {
					on = client.Exchange(flow, home(t, back.To))
				}
				a, err = c.Go(t.Context(), on, byOp)
				require.NoError(t, err)
				require.Equal(t, "done", a.Foyer.Next.Do, "%s", a.Raw)
				require.Equal(t, http.StatusOK, w.ask(c, http.MethodGet, "/sessions/whoami", "", nil), device)
				require.Equal(t, 1, asked, device)
			}
			require.Equal(t, 1, w.env.Identities())
			require.Len(t, op.Requests(opsim.Token), 2)
			require.Empty(t, op.Faults())
		})
	}
}

// home is where a browser that knows nothing of the app ends.
func home(t *testing.T, from *url.URL) *url.URL {
	t.Helper()
	browser := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(browser.CloseIdleConnections)
	res, err := browser.Get(from.String())
	require.NoError(t, err)
	_ = res.Body.Close()
	at, err := res.Location()
	require.NoError(t, err)
	return at
}
