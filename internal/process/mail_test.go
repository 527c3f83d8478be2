package process_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

// A worker is a process of its own, and what it sends arrives.
func TestWorker(t *testing.T) {
	mails, err := process.NewMailServer(func(_ context.Context, to string) error {
		if strings.HasPrefix(to, "nobody@") {
			return process.RefuseMail(550, "no such person")
		}
		return nil
	})
	require.NoError(t, err)
	t.Cleanup(mails.Close)
	p := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: testdb.SQLite(t), Cheap: true, Verify: true, Mail: mails.URI(), Config: map[string]any{
		"watch-courier": false, "courier.worker.pull_wait": "20ms",
	}}
	w := *p
	w.Dir, w.Worker = t.TempDir(), true
	t.Cleanup(func() { _, _ = p.Kill(), w.Kill() })
	client := process.NewHTTP(4, 10*time.Second)
	t.Cleanup(client.CloseIdleConnections)

	require.NoError(t, p.Start(t.Context()))
	for _, email := range []string{"nobody@example.org", "ada@example.org"} {
		flow, err := p.Open(client)
		require.NoError(t, err)
		a, err := p.Submit(client, flow, email, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.Status, "%s", a)
	}
	require.Zero(t, mails.Count(), "nobody delivers yet")
	require.NoError(t, w.Start(t.Context()))
	require.Eventually(t, func() bool { return mails.Count() == 1 && mails.Busy() == 0 }, 20*time.Second, 10*time.Millisecond)
	got := mails.Mails()[0]
	require.Equal(t, "ada@example.org", got.To)
	require.Regexp(t, `^[0-9a-f-]{36}@accounts\.example\.org$`, got.MessageID)
	require.NoError(t, w.Stop())
	require.NoError(t, p.Stop())
}

// A worker that is told to stop before it has begun ends without an error.
func TestWorkerStoppedAtOnce(t *testing.T) {
	w := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: testdb.SQLite(t), Cheap: true, Worker: true}
	for range 20 {
		require.NoError(t, w.Start(t.Context()))
		require.NoError(t, w.Stop())
	}
}

// Who registers is led to a proof, whose code is in the inbox, signs in, and comes
// back by another code.
func TestAccount(t *testing.T) {
	p := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: testdb.SQLite(t), Cheap: true, Verify: true, Recover: true}
	t.Cleanup(func() { _ = p.Kill() })
	client := process.NewHTTP(4, 10*time.Second)
	t.Cleanup(client.CloseIdleConnections)
	require.NoError(t, p.Start(t.Context()))
	flow, err := p.Open(client)
	require.NoError(t, err)
	_, err = p.Code(client, "ada@example.org")
	require.ErrorContains(t, err, "no code for ada@example.org")
	a, err := p.Submit(client, flow, "ada@example.org", nil)
	require.NoError(t, err)
	require.NotEmpty(t, a.LeadsTo("verification"), "%s", a)
	code, err := p.Code(client, "ada@example.org")
	require.NoError(t, err)
	proved, err := p.Answer(client, "verification", a.LeadsTo("verification"), code)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, proved.Status)
	require.Contains(t, string(proved.Raw), `"state":"passed_challenge"`)
	require.Empty(t, proved.LeadsTo("verification"))

	a, err = p.SignIn(client, "ada@example.org", process.Password)
	require.NoError(t, err)
	require.NotEmpty(t, a.Token(), "%s", a)
	_, err = p.OpenKind(client, "recovery", a.Token())
	require.ErrorContains(t, err, "session_already_available")
	flow, err = p.OpenKind(client, "recovery", "")
	require.NoError(t, err)
	a, err = p.Send(client, "recovery", flow, "", process.Fields{"method": "code", "email": "ada@example.org"}, nil)
	require.NoError(t, err)
	require.Equal(t, "sent_email", a.State)
	code, err = p.Code(client, "ada@example.org")
	require.NoError(t, err)
	a, err = p.Answer(client, "recovery", flow, code)
	require.NoError(t, err)
	require.NotEmpty(t, a.LeadsTo("settings"), "%s", a)
	who, err := p.Whoami(client, a.Token())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, who.Status)
	require.NoError(t, p.Stop())
}
