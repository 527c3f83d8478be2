package smtp_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/smtp"
	"github.com/foyer-id/foyer/internal/txn"
)

var _ courier.Sender = (*smtp.Sender)(nil)

func TestConnectionsAreReused(t *testing.T) {
	server := serve(t, &sink{mechanisms: []string{"PLAIN"}}, false, nil)
	s := sender(t, server.addr, withUser("smtp", secret), nil)
	for range 20 {
		require.NoError(t, s.Send(t.Context(), letter()))
	}
	require.Len(t, server.arrived(), 20)
	require.EqualValues(t, 2, server.conns.Load(), "one connection; a session of its own after STARTTLS")
	require.Equal(t, 1, strings.Count(server.spoken(), "STARTTLS\r\n220 "))
	require.NotContains(t, server.spoken(), "QUIT")
	s.Close()
	require.NoError(t, s.Send(t.Context(), letter()), "a late one finds its own way")
	require.EqualValues(t, 4, server.conns.Load())
}

func TestOnlySoManyAreKept(t *testing.T) {
	server := serve(t, &sink{}, false, nil)
	s := sender(t, server.addr, plain, func(c *smtp.Config) { c.Connections = 2 })
	send := func(n int) {
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				l := letter()
				l.Recipient = fmt.Sprintf("user%d@example.com", i)
				require.NoError(t, s.Send(t.Context(), l))
			})
		}
		all.Wait()
	}
	var meet sync.WaitGroup
	meet.Add(5)
	server.onData = func() error { meet.Done(); meet.Wait(); return nil }
	send(5)
	require.EqualValues(t, 5, server.conns.Load(), "five travelled at once")
	meet.Add(5)
	send(5)
	require.EqualValues(t, 8, server.conns.Load(), "of which two were kept")
	got := server.arrived()
	require.Len(t, got, 10)
	for _, one := range got {
		require.Len(t, one.to, 1)
		require.Contains(t, one.data, "To: <"+one.to[0]+">", "no mail has another's recipient")
	}
}

// A server that ends kept connections costs no attempt, and doubles no mail.
func TestAKeptConnectionTheServerGaveUp(t *testing.T) {
	for _, at := range []string{"MAIL", "RCPT", "DATA"} {
		for _, how := range []string{"drop", "421 4.4.2 Idle for too long"} {
			t.Run(at+" "+how, func(t *testing.T) {
				var mails [10]int
				s := play(t, func(conn int64, command string) string {
					if command == "MAIL" {
						mails[conn]++
					}
					if conn == 1 && mails[1] == 2 && command == at {
						return how
					}
					return usual(command)
				})
				to := sender(t, s.addr, plain, nil)
				require.NoError(t, to.Send(t.Context(), letter()))
				require.EqualValues(t, 1, s.conns.Load())
				require.NoError(t, to.Send(t.Context(), letter()), "at once on a fresh one")
				require.EqualValues(t, 2, s.conns.Load())
				require.EqualValues(t, 2, s.ended.Load(), "two letters, two mails")
			})
		}
	}
}

func TestAnswersThatAreNoEndOfAConnection(t *testing.T) {
	for at, answer := range map[string]string{".": "drop", "RCPT": "451 4.7.1 Later"} {
		var mails int
		s := play(t, func(_ int64, command string) string {
			if command == "MAIL" {
				mails++
			}
			if mails == 2 && command == at {
				return answer
			}
			return usual(command)
		})
		to := sender(t, s.addr, plain, nil)
		require.NoError(t, to.Send(t.Context(), letter()))
		err := to.Send(t.Context(), letter())
		require.Error(t, err, at)
		require.False(t, courier.IsPermanent(err))
		require.Equal(t, 2, mails, "it was not sent again: perhaps it has arrived")
		require.EqualValues(t, 1, s.conns.Load())
	}
}

func TestAFreshConnectionThatBreaksIsNotTriedAgain(t *testing.T) {
	s := play(t, func(_ int64, command string) string {
		if command == "RCPT" {
			return "drop"
		}
		return usual(command)
	})
	err := sender(t, s.addr, plain, nil).Send(t.Context(), letter())
	require.ErrorContains(t, err, "naming the recipient: ")
	require.False(t, courier.IsPermanent(err))
	require.EqualValues(t, 1, s.conns.Load())
}

func TestNothingIsSentInsideATransaction(t *testing.T) {
	server := serve(t, &sink{}, false, nil)
	err := sender(t, server.addr, plain, nil).Send(txn.With(t.Context(), struct{}{}), letter())
	require.ErrorContains(t, err, "inside a transaction")
	require.Zero(t, server.conns.Load())
}
