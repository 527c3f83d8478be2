package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/contrib/client"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// The loop stops where a browser has to go to a provider, and says where.
func TestLoopStopsAtProvider(t *testing.T) {
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	w := newWorld(t, "native", enginetest.WithProvider("op", op, nil))
	a, err := w.device("").Go(t.Context(), w.env.PublicURL+w.door("login")+"return_session_token_exchange_code=true", func(*client.Answer) client.Values {
		return client.Values{"method": "oidc", "provider": "op"}
	})
	require.NoError(t, err)
	require.Equal(t, "browse", a.Foyer.Next.Do)
	back, err := op.Approve(a.Foyer.Next.URL)
	require.NoError(t, err)
	require.NotEmpty(t, back.Values.Get("code"))
}
