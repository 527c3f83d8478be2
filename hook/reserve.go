package hook

import (
	"context"
	"errors"
	"log/slog"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice"
)

// reservation is what a receiver was asked to hold until the step has ended.
// Before it is asked the cancellation is stored, due when the step must have
// ended long since. The commit takes that row away and puts the confirmation in
// its place; where somebody has begun to deliver the cancellation the commit
// fails. So one of the two leaves, whatever ends or dies in between, and never both.
type reservation struct {
	id     uuid.UUID
	cancel *courier.Message
}

// The phases of a reservation, as receivers are told of them.
const (
	reserving  = "reserve"
	confirming = "confirm"
	cancelling = "cancel"
)

// phaseType is the type of a phase's body and row.
func phaseType(phase string) string { return "reservation." + phase }

// reserve stores the cancellation, plans what comes of it, and makes q the
// question: its id, which is signed whatever the body, is the reservation's.
func (c *WebHooks) reserve(ctx context.Context, s *selfservice.Step, w *WebHook, q *call) (*reservation, error) {
	r := &reservation{id: q.id}
	q.reservation, q.phase = r.id, reserving
	if q.body == nil {
		q.body = c.reservationBody(s, r.id, reserving)
	}
	var err error
	r.cancel, err = c.Queue.Enqueue(ctx, c.ending(s, w, r, cancelling))
	if err != nil {
		return nil, err
	}
	confirm := c.ending(s, w, r, confirming)
	s.Write(func(ctx context.Context) error {
		err := c.Queue.Store.RemoveMessage(ctx, r.cancel)
		if errors.Is(err, courier.ErrMoved) {
			return fail.New(fail.Unavailable, "reservation_lost", "This took too long. Please send it again.")
		}
		if err != nil {
			return err
		}
		_, err = c.Queue.Enqueue(ctx, confirm)
		return err
	})
	s.Otherwise(func(ctx context.Context) { c.hasten(ctx, w, r) })
	return r, nil
}

// ending drafts the row that ends r. A cancellation waits until the step must
// have ended.
func (c *WebHooks) ending(s *selfservice.Step, w *WebHook, r *reservation, phase string) courier.Draft {
	d := courier.Draft{ID: newID(), Channel: ChannelReservation, Template: phaseType(phase), Recipient: w.Key}
	if phase == cancelling {
		d.DueAt = c.Now().UTC().Add(c.Patience)
	}
	d.Data = courier.Data{"reservation_id": r.id, "body": string(c.reservationBody(s, r.id, phase))}
	return d
}

// reservationBody is what a receiver is told of a reservation.
func (c *WebHooks) reservationBody(s *selfservice.Step, id uuid.UUID, phase string) []byte {
	data := map[string]any{"reservation_id": id, "flow_id": s.Flow.ID}
	if i := s.Person(); i != nil {
		data["identity_id"] = i.ID
	}
	return encode(envelope{Type: phaseType(phase), Timestamp: c.Now().UTC(), Data: data})
}

// hasten lets the cancellation of a step that was not stored leave at once. A
// commit whose answer was lost has taken the row away, and all is well.
func (c *WebHooks) hasten(ctx context.Context, w *WebHook, r *reservation) {
	now := *r.cancel
	now.Rev++
	now.DueAt, now.UpdatedAt = c.Now().UTC(), c.Now().UTC()
	if err := c.Queue.Store.SaveMessage(ctx, &now, nil); err != nil && !errors.Is(err, courier.ErrMoved) {
		c.Log.LogAttrs(ctx, slog.LevelWarn, "a reservation is cancelled later than it could be", slog.String("web_hook", w.Key), slog.Any("error", err))
	}
}

// release forgets a reservation that the receiver itself refused; nil for none.
func (c *WebHooks) release(ctx context.Context, r *reservation) {
	if r == nil {
		return
	}
	// Where this fails the receiver hears of a cancellation of what it never held.
	_ = c.Queue.Store.RemoveMessage(context.WithoutCancel(ctx), r.cancel)
}
