package selfservice_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// provided is a running program whose people can come by a provider, too.
type provided struct {
	*enginetest.Env
	op *opsim.Provider
}

// withProvider starts both. Settings are more keys of the provider.
func withProvider(t *testing.T, settings map[string]any, options ...enginetest.Option) *provided {
	t.Helper()
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	return &provided{op: op, Env: enginetest.New(t, append([]enginetest.Option{enginetest.WithProvider("op", op, settings)}, options...)...)}
}

func by(provider string) enginetest.Values { return enginetest.Values{"provider": provider} }

// come goes through a flow of a kind to the provider and back.
func (p *provided) come(c *enginetest.Client, kind, query string) *enginetest.Answer {
	if c.Kind == enginetest.Native {
		f := c.OpenKind(kind, query+"&return_session_token_exchange_code=true")
		a := c.Visit(p.op, c.Submit(f, by("op")))
		if a.Location().Query().Get("flow") != "" {
			return a
		}
		return c.Exchange(f, a)
	}
	return c.Visit(p.op, c.Submit(c.OpenKind(kind, query), by("op")))
}

// Who is not known registers, with what the provider says; who is known signs in;
// both from either door.
func TestProviderSignUpAndIn(t *testing.T) {
	for _, door := range []string{"registration", "login"} {
		p := withProvider(t, nil)
		for n, c := range p.Clients() {
			a := p.come(c, door, "")
			require.Less(t, a.Status, 400, "%s", a.Body)
			require.True(t, c.SignedIn(), "%s by client %d: %s", door, n, a.Location())
			require.Equal(t, 1, p.Identities(), "%s by client %d", door, n)
			c.SignOut()
			for _, other := range []string{"login", "registration"} {
				a = p.come(c, other, "")
				require.True(t, c.SignedIn(), "%s after %s by client %d: %s", other, door, n, a.Location())
				c.SignOut()
			}
		}
		require.Equal(t, 1, p.Identities())
		require.Equal(t, http.StatusOK, p.Admin(http.MethodGet, "/admin/identities", nil).Status)
		require.Empty(t, p.op.Faults())
	}
}
