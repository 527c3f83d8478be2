package courier_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
)

// eventsBeside is a second courier over the store of c.
func eventsBeside(c *courier.Courier) *courier.Courier {
	return &courier.Courier{Store: c.Store, Queue: courier.Events, Ring: c.Ring, Now: c.Now, Retention: c.Retention}
}

func created(lane string) courier.Draft {
	return courier.Draft{Channel: "event", Template: "identity.created", Recipient: "crm", Lane: lane, Data: courier.Data{"id": lane}}
}

func TestDraftBecomesARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail, store := newCourier(t, time.Now)
		events := eventsBeside(mail)
		d := created("ana")
		d.ID, d.DueAt = uuid.Must(uuid.NewV4()), time.Now().Add(time.Hour)
		m := put(t, events, d)
		require.Equal(t, d.ID, m.ID)
		require.Equal(t, d.DueAt.UTC(), m.DueAt)
		require.Equal(t, time.Now().UTC(), m.CreatedAt)
		require.Equal(t, courier.Events, m.Queue)
		require.Equal(t, "ana", m.Lane)
		require.Equal(t, store.rows[m.ID], *m)
		require.Less(t, len(m.Sealed), 100, "an event is not padded")
		got, err := events.Open(m)
		require.NoError(t, err)
		require.Equal(t, d.Data, got)
		require.NoError(t, store.RemoveMessage(t.Context(), m))
		require.Empty(t, store.rows)

		letter := put(t, mail, courier.Draft{Channel: courier.Email})
		require.NotEqual(t, uuid.Nil, letter.ID)
		require.Equal(t, courier.Mail, letter.Queue)
		require.Equal(t, letter.CreatedAt, letter.DueAt)
		require.GreaterOrEqual(t, len(letter.Sealed), 2048)
	})
}

// What waits in one queue is none of the other's business, for workers and for
// operators.
func TestCouriersOfTwoQueuesKnowNothingOfEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail, _ := newCourier(t, time.Now)
		events := eventsBeside(mail)
		letter, event := put(t, mail, courier.Draft{Channel: courier.Email}), put(t, events, created("ana"))
		for c, theirs := range map[*courier.Courier]*courier.Message{mail: event, events: letter} {
			for _, ask := range []func(context.Context, uuid.UUID) (*courier.Message, []courier.Attempt, error){c.Find, c.Resend, c.Discard, c.Replay} {
				_, _, err := ask(t.Context(), theirs.ID)
				require.ErrorContains(t, err, "message_not_found")
			}
			list, err := c.List(t.Context(), courier.Query{Queue: theirs.Queue, Limit: 10})
			require.NoError(t, err)
			require.Len(t, list, 1)
			require.NotEqual(t, theirs.ID, list[0].ID)
			met := 0
			w := &courier.Worker{Courier: c, Channels: map[string]courier.Channel{theirs.Channel: sendFunc(func(context.Context, *courier.Message, courier.Data) error {
				t.Error("delivered by the other's worker")
				return nil
			}), list[0].Channel: sendFunc(func(context.Context, *courier.Message, courier.Data) error { met++; return nil })}}
			n, err := w.Round(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, 1, met)
		}
	})
}

// The admin API and the inbox show mail only.
func TestEventsAreNotShownAsMail(t *testing.T) {
	o := newOffice(t, true)
	event := put(t, eventsBeside(o.courier), created("ana"))
	for _, path := range []string{"/admin/courier/messages", "/admin/inbox/messages"} {
		list := []object{}
		told, _ := o.ask("GET", path, &list)
		require.Equal(t, "200", told)
		require.Empty(t, list)
	}
	told, _ := o.ask("GET", "/admin/courier/messages/"+event.ID.String(), nil)
	require.Equal(t, "404 message_not_found", told)
	told, _ = o.ask("POST", "/admin/courier/messages/"+event.ID.String()+"/discard", nil)
	require.Equal(t, "404 message_not_found", told)
	after, _ := o.store.only(t)
	require.Equal(t, *event, after)
}

// The first of a lane fails until it is given up: the others of it wait for
// that, in their order, and those of another lane for nothing.
func TestALaneWaitsForItsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail, _ := newCourier(t, time.Now)
		events := eventsBeside(mail)
		poisoned, second, third := put(t, events, created("ana")), put(t, events, created("ana")), put(t, events, created("ana"))
		other := put(t, events, created("bob"))
		var sent []uuid.UUID
		w := &courier.Worker{Courier: events, Retries: 2, KeepBodies: true, Channels: map[string]courier.Channel{
			"event": sendFunc(func(_ context.Context, m *courier.Message, _ courier.Data) error {
				if m.ID == poisoned.ID {
					return errors.New("500 out of order")
				}
				sent = append(sent, m.ID)
				return nil
			}),
		}}
		round := func() (n int) {
			n, err := w.Round(t.Context())
			require.NoError(t, err)
			return n
		}
		require.Equal(t, 2, round())
		require.Equal(t, []uuid.UUID{other.ID}, sent)
		for range 2 {
			require.Zero(t, round())
			time.Sleep(time.Hour)
			require.Equal(t, 1, round())
		}
		require.EqualValues(t, 1, w.Count(courier.GivenUp))
		require.Equal(t, 1, round())
		require.Equal(t, 1, round())
		require.Zero(t, round())
		require.Equal(t, []uuid.UUID{other.ID, second.ID, third.ID}, sent)
	})
}

func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail, store := newCourier(t, time.Now)
		events := eventsBeside(mail)
		m := put(t, events, created("ana"))
		var met []string
		w := &courier.Worker{Courier: events, KeepBodies: true, Channels: map[string]courier.Channel{
			"event": sendFunc(func(_ context.Context, m *courier.Message, d courier.Data) error {
				met = append(met, m.ID.String()+" "+d["id"].(string))
				return nil
			}),
		}}
		again := func(replay func() error) {
			t.Helper()
			time.Sleep(time.Second)
			require.NoError(t, replay())
			is, _ := store.only(t)
			require.Equal(t, courier.Queued, is.Status)
			require.Equal(t, time.Now().UTC(), is.DueAt)
			require.True(t, is.ExpiresAt.IsZero())
			n, err := w.Round(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		one := func() error { _, _, err := events.Replay(t.Context(), m.ID); return err }
		again(one) // it waits
		again(one) // it was sent
		again(func() error {
			n, err := events.ReplayAll(t.Context(), courier.RequeueQuery{Queue: courier.Mail, Template: "identity.created"})
			require.Equal(t, 1, n)
			return err
		})
		told := m.ID.String() + " ana"
		require.Equal(t, []string{told, told, told}, met, "the same at every time")
		_, attempts := store.only(t)
		require.Len(t, attempts, 3, "all of them are kept")

		_, _, err := events.Resend(t.Context(), m.ID)
		require.ErrorContains(t, err, "message_already_sent")
		is, _ := store.only(t)
		is.Sealed = nil
		store.rows[is.ID] = is
		require.ErrorContains(t, one(), "message_wiped")
		is.Status, is.DueAt = courier.Processing, time.Now()
		store.rows[is.ID] = is
		require.ErrorContains(t, one(), "message_in_flight")
	})
}
