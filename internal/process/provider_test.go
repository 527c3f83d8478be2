package process_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

// Browsers come by a provider, first to register and then to sign in.
func TestProcessProvided(t *testing.T) {
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	p := &process.Process{
		Binary: program.Binary(t), Dir: t.TempDir(), DSN: testdb.SQLite(t), Cheap: true,
		Config: process.ProvidedBy(op.Issuer(), opsim.ClientID, opsim.ClientSecret),
	}
	t.Cleanup(func() { _ = p.Kill() })
	require.NoError(t, p.Start(t.Context()))
	client := process.NewHTTP(4, 10*time.Second)
	t.Cleanup(client.CloseIdleConnections)
	come := func(kind string, b *process.Browser) *process.Answer {
		a, err := b.Leave()
		require.NoError(t, err)
		to, err := a.Elsewhere()
		require.NoError(t, err, kind)
		back, err := op.Approve(to)
		require.NoError(t, err)
		a, err = b.Return(back.To)
		require.NoError(t, err)
		return a
	}
	for _, kind := range []string{"registration", "login"} {
		b, err := p.Browse(client, kind)
		require.NoError(t, err)
		a := come(kind, b)
		require.Equal(t, http.StatusOK, a.Status, "%s: %s", kind, a)
		_, err = a.Elsewhere()
		require.Error(t, err, "they are in")
	}
	require.Empty(t, op.Faults())
	_, err = p.Browse(client, "nothing")
	require.Error(t, err)
}
