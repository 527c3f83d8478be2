package persistence_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/persistence"
)

// finished is an event that is over.
func finished(change func(m *courier.Message)) *courier.Message {
	m := newEvent("ana")
	m.Status, m.DueAt, m.ExpiresAt, m.SendCount, m.Rev, m.LastError = courier.Sent, time.Time{}, noon.Add(time.Hour), 3, 7, "503 later"
	if change != nil {
		change(m)
	}
	return m
}

func TestRequeueTakesWhatIsSelectedAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		rows := map[string]*courier.Message{
			"sent":      finished(nil),
			"abandoned": finished(func(m *courier.Message) { m.Status = courier.Abandoned }),
			"wiped":     finished(func(m *courier.Message) { m.Sealed = nil }),
			"waiting":   newEvent("ana"),
			"claimed":   finished(func(m *courier.Message) { m.Status, m.DueAt = courier.Processing, noon }),
			"mail":      finished(func(m *courier.Message) { m.Queue = courier.Mail }),
			"nowhere":   finished(func(m *courier.Message) { m.Channel = courier.Nowhere }),
			"early":     finished(func(m *courier.Message) { m.CreatedAt = noon.Add(-time.Microsecond) }),
			"late":      finished(func(m *courier.Message) { m.CreatedAt = noon.Add(time.Microsecond) }),
			"template":  finished(func(m *courier.Message) { m.Template = "identity.deleted" }),
			"recipient": finished(func(m *courier.Message) { m.Recipient = "erp" }),
		}
		for _, m := range rows {
			require.NoError(t, s.InsertMessage(t.Context(), m))
		}
		q := courier.RequeueQuery{
			Queue: courier.Events, Template: "identity.created", Recipient: "crm", Since: noon, Until: noon.Add(time.Microsecond),
		}
		requeue := func(q courier.RequeueQuery, want ...string) {
			t.Helper()
			at := noon.Add(time.Minute)
			n, err := s.Requeue(t.Context(), q, at)
			require.NoError(t, err)
			require.Equal(t, len(want), n)
			for _, name := range want {
				m := rows[name]
				m.Status, m.DueAt, m.UpdatedAt, m.ExpiresAt = courier.Queued, at, at, time.Time{}
				m.SendCount, m.Rev, m.LastError = 0, m.Rev+1, ""
			}
			for name, m := range rows {
				got, _, err := s.Message(t.Context(), m.ID)
				require.NoError(t, err)
				require.Equal(t, m, got, name)
			}
		}
		nobody, status := q, q
		nobody.Recipient, status.Status = "nobody", courier.Abandoned
		requeue(nobody)
		requeue(courier.RequeueQuery{})
		requeue(status, "abandoned")
		requeue(q, "sent")
		requeue(q)
		status.Status = courier.Processing
		requeue(status)
		requeue(courier.RequeueQuery{Queue: courier.Events}, "early", "late", "template", "recipient")
	})
}

// More than one statement takes, many of them of one moment; in a transaction it
// is undone with that.
func TestRequeueOfMany(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		n := 0
		insertMany(t, s, 250, func() *courier.Message {
			n++
			return finished(func(m *courier.Message) {
				m.Lane, m.CreatedAt = fmt.Sprint(n), noon.Add(time.Duration(n/120)*time.Second)
			})
		})
		q := courier.RequeueQuery{Queue: courier.Events}
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			n, err := s.Requeue(ctx, q, noon)
			require.NoError(t, err)
			require.Equal(t, 250, n)
			return errMine
		}), errMine)
		n, err := s.Requeue(t.Context(), q, noon)
		require.NoError(t, err)
		require.Equal(t, 250, n)
		given := map[uuid.UUID]bool{}
		for range 3 {
			ids, _ := claimEvents(t, s, noon)
			for _, id := range ids {
				given[id] = true
			}
		}
		require.Len(t, given, 250)
	})
}
