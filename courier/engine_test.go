package courier_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

// On every database: four workers over two connections, and one that has died
// with claims in its hands. Everything is sent, once, under the id it has.
func TestWorkersOnEachEngine(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		const messages, dead = 200, 20
		var couriers []*courier.Courier
		for n := range 2 {
			s, err := persistence.Open(t.Context(), persistence.Options{DSN: dsn, AllowUnsafe: true, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			if n == 0 {
				_, err = s.Migrate(t.Context())
				require.NoError(t, err)
			}
			couriers = append(couriers, &courier.Courier{Store: s, Ring: ring(t, "a secret for the courier"), Now: time.Now, Retention: retention})
		}
		c := couriers[0]
		for n := range messages {
			enqueue(t, c, fmt.Sprintf("p%d@example.org", n))
		}
		lost, err := c.Store.ClaimMessages(t.Context(), courier.Mail, time.Now(), time.Now(), dead)
		require.NoError(t, err)
		require.Len(t, lost, dead)

		var mu sync.Mutex
		sent, refused := map[uuid.UUID]int{}, map[uuid.UUID]bool{}
		done := make(chan struct{})
		channel := sendFunc(func(_ context.Context, m *courier.Message, d courier.Data) error {
			mu.Lock()
			defer mu.Unlock()
			if m.Recipient == "p7@example.org" {
				refused[m.ID] = true
				return courier.Permanent(fmt.Errorf("550 <%s>: no such user", m.Recipient))
			}
			if d["to"] == m.Recipient {
				sent[m.ID]++
			}
			if len(sent) == messages-1 && sent[m.ID] == 1 {
				close(done)
			}
			return nil
		})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for n := range 4 {
			w := &courier.Worker{Courier: couriers[n%2], Channels: emailBy(channel), Retries: 5, PullWait: 5 * time.Millisecond}
			running.Go(func() { _ = w.Run(ctx) })
		}
		<-done
		stop()
		running.Wait()

		list, err := c.Store.Messages(t.Context(), courier.Query{Queue: courier.Mail, Limit: messages + 1})
		require.NoError(t, err)
		require.Len(t, list, messages)
		again := 0
		for _, m := range list {
			if m.Recipient == "p7@example.org" && !refused[m.ID] {
				continue // it was the last, and the workers were told to end
			}
			again += m.SendCount - 1
			_, attempts, err := c.Store.Message(t.Context(), m.ID)
			require.NoError(t, err)
			require.Len(t, attempts, 1)
			require.True(t, m.DueAt.IsZero())
			if refused[m.ID] {
				require.Equal(t, courier.Abandoned, m.Status)
				require.Equal(t, "550 <p7@example.org>: no such user", m.LastError)
				require.NotNil(t, m.Sealed)
				continue
			}
			require.Equal(t, courier.Sent, m.Status)
			require.Equal(t, 1, sent[m.ID])
			require.Nil(t, m.Sealed)
		}
		require.GreaterOrEqual(t, again, dead-1)
		require.LessOrEqual(t, again, dead)
	})
}
