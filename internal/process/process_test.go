package process_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

var program process.Shared

func TestMain(m *testing.M) { os.Exit(program.Run(m)) }

// A program that is killed comes back on the same file with what it had.
func TestProcess(t *testing.T) {
	p := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: testdb.SQLite(t), Cheap: true}
	t.Cleanup(func() { _ = p.Kill() })
	client := process.NewHTTP(4, 10*time.Second)
	t.Cleanup(client.CloseIdleConnections)

	require.NoError(t, p.Start(t.Context()))
	flow, err := p.Open(client)
	require.NoError(t, err)
	sent := 0
	a, err := p.Submit(client, flow, "ada@example.org", func() { sent++ })
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.Status, "%s", a)
	require.Equal(t, 1, sent)
	require.NoError(t, p.Kill())
	_, err = p.Whoami(client, a.SessionToken)
	require.Error(t, err, "it is gone")

	require.NoError(t, p.Start(t.Context()))
	who, err := p.Whoami(client, a.SessionToken)
	require.NoError(t, err)
	require.Equal(t, a.Identity.ID, who.Identity.ID)
	kept, err := p.Identity(client, a.Identity.ID)
	require.NoError(t, err)
	require.Equal(t, "ada@example.org", kept.Traits.Email)
	require.NoError(t, p.Stop())
}

// A program that cannot start says why.
func TestProcessThatEnds(t *testing.T) {
	p := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: testdb.SQLite(t), Config: map[string]any{"serve.public.host": 1}}
	t.Cleanup(func() { _ = p.Kill() })
	require.ErrorContains(t, p.Start(t.Context()), "serve.public.host")
	said, err := os.ReadFile(p.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(said), "serve.public.host")
}
