package courier

import (
	"context"
	"errors"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
)

// discarded is the last error of a message that an operator has given up.
const discarded = "discarded by an operator"

// Find reads a message with its attempts, newest first, or returns a *fail.Error
// message_not_found, as for a row that goes Nowhere or is of another queue.
func (c *Courier) Find(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error) {
	m, attempts, err := c.Store.Message(ctx, id)
	if errors.Is(err, ErrNoMessage) || err == nil && (m.Channel == Nowhere || m.Queue != c.queue()) {
		return nil, nil, fail.New(fail.NotFound, "message_not_found", "There is no message with this id.")
	}
	return m, attempts, err
}

// List reads a page of the messages of this courier's queue, whatever q says of it.
func (c *Courier) List(ctx context.Context, q Query) ([]*Message, error) {
	q.Queue = c.queue()
	return c.Store.Messages(ctx, q)
}

// Stats tells how this courier's queue stands.
func (c *Courier) Stats(ctx context.Context) (QueueStats, error) {
	return c.Store.QueueStats(ctx, c.queue())
}

// Resend queues an abandoned or waiting message anew: due now, with all its
// attempts before it. What cannot be resent is refused with a *fail.Error.
func (c *Courier) Resend(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error) {
	return c.operate(ctx, id, unsent(anew))
}

// Replay queues a message anew under its id and in its lane, as Resend does, and
// also one that was sent.
func (c *Courier) Replay(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error) {
	return c.operate(ctx, id, anew)
}

// ReplayAll queues anew what q selects in this courier's queue, whatever q says
// of that, and returns how many messages that is, also beside an error.
func (c *Courier) ReplayAll(ctx context.Context, q RequeueQuery) (int, error) {
	q.Queue = c.queue()
	return c.Store.Requeue(ctx, q, c.Now().UTC())
}

// Discard gives up an abandoned or waiting message and wipes what it says. What
// cannot be discarded is refused with a *fail.Error.
func (c *Courier) Discard(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error) {
	return c.operate(ctx, id, unsent(func(m *Message, now time.Time) error {
		m.Status, m.DueAt, m.ExpiresAt = Abandoned, time.Time{}, now.Add(c.Retention)
		m.Sealed, m.LastError = nil, discarded
		return nil
	}))
}

// change is what an operator does to a message at a time, or why not.
type change func(*Message, time.Time) error

// anew queues a message that still has what it says.
func anew(m *Message, now time.Time) error {
	if m.Sealed == nil {
		return fail.New(fail.Conflict, "message_wiped", "What the message said has been wiped; let it be caused anew.")
	}
	m.Status, m.DueAt, m.ExpiresAt, m.SendCount, m.LastError = Queued, now, time.Time{}, 0, ""
	return nil
}

// unsent is do where the message was not sent.
func unsent(do change) change {
	return func(m *Message, now time.Time) error {
		if m.Status == Sent {
			return fail.New(fail.Conflict, "message_already_sent", "The message has been handed over; nothing can be changed about it.")
		}
		return do(m, now)
	}
}

// operate changes a message that is not on its way.
func (c *Courier) operate(ctx context.Context, id uuid.UUID, do change) (*Message, []Attempt, error) {
	m, attempts, err := c.Find(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if m.Status == Processing {
		return nil, nil, inFlight()
	}
	now := c.Now().UTC()
	if err := do(m, now); err != nil {
		return nil, nil, err
	}
	m.Rev++
	m.UpdatedAt = now
	if err := c.Store.SaveMessage(ctx, m, nil); errors.Is(err, ErrMoved) {
		return nil, nil, inFlight()
	} else if err != nil {
		return nil, nil, err
	}
	return m, attempts, nil
}

func inFlight() error {
	return fail.New(fail.Conflict, "message_in_flight", "The message is being delivered; ask again in a minute.")
}
