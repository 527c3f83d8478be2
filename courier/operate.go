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
// message_not_found, as for a row that goes Nowhere.
func (c *Courier) Find(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error) {
	m, attempts, err := c.Store.Message(ctx, id)
	if errors.Is(err, ErrNoMessage) || err == nil && m.Channel == Nowhere {
		return nil, nil, fail.New(fail.NotFound, "message_not_found", "There is no message with this id.")
	}
	return m, attempts, err
}

// Resend queues an abandoned or waiting message anew: due now, with all its
// attempts before it. What cannot be resent is refused with a *fail.Error.
func (c *Courier) Resend(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error) {
	return c.operate(ctx, id, func(m *Message, now time.Time) error {
		if m.Sealed == nil {
			return fail.New(fail.Conflict, "message_wiped", "What the message said has been wiped; let it be caused anew.")
		}
		m.Status, m.DueAt, m.ExpiresAt, m.SendCount, m.LastError = Queued, now, time.Time{}, 0, ""
		return nil
	})
}

// Discard gives up an abandoned or waiting message and wipes what it says. What
// cannot be discarded is refused with a *fail.Error.
func (c *Courier) Discard(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error) {
	return c.operate(ctx, id, func(m *Message, now time.Time) error {
		m.Status, m.DueAt, m.ExpiresAt = Abandoned, time.Time{}, now.Add(c.Retention)
		m.Sealed, m.LastError = nil, discarded
		return nil
	})
}

// operate changes a message that is neither sent nor on its way.
func (c *Courier) operate(ctx context.Context, id uuid.UUID, change func(*Message, time.Time) error) (*Message, []Attempt, error) {
	m, attempts, err := c.Find(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	switch m.Status {
	case Sent:
		return nil, nil, fail.New(fail.Conflict, "message_already_sent", "The message has been handed over; nothing can be changed about it.")
	case Processing:
		return nil, nil, inFlight()
	}
	now := c.Now().UTC()
	if err := change(m, now); err != nil {
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
