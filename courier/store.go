package courier

import (
	"context"
	"time"

	"github.com/gofrs/uuid"
)

// Store keeps messages. Every method joins the transaction in ctx, if any.
type Store interface {
	InsertMessage(ctx context.Context, m *Message) error
	// ClaimMessages takes up to n messages that are due at now, the longest due
	// first: it makes them Processing, raises SendCount and Rev, and sets DueAt
	// to until. No message is given to two callers.
	ClaimMessages(ctx context.Context, now, until time.Time, n int) ([]*Message, error)
	// SaveMessage saves m where the stored revision is still m.Rev-1, else it
	// returns ErrMoved. Id, Channel, Template, Locale, Recipient and CreatedAt
	// never change. With a, the attempt is added in the same transaction.
	SaveMessage(ctx context.Context, m *Message, a *Attempt) error
	// Message reads one with its attempts, newest first, or returns ErrNoMessage.
	Message(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error)
	// Messages reads a page, newest first. Those that go Nowhere are left out.
	Messages(ctx context.Context, q Query) ([]*Message, error)
	// QueueStats tells how the queue stands.
	QueueStats(ctx context.Context) (QueueStats, error)
}

// Query selects a page of messages.
type Query struct {
	Status    Status // empty for all
	Recipient string // exactly as stored; empty for all
	// The last message of the page before; zero for the first page.
	BeforeCreated time.Time
	BeforeID      uuid.UUID
	Limit         int
}

// QueueStats is how the queue stands.
type QueueStats struct {
	Waiting   int       // queued or processing
	Oldest    time.Time // when the oldest of those was created; zero for none
	Abandoned int       // given up, and can be sent again: not those that were discarded
	// LastError is of the message that has failed last and still waits; where
	// none does, of the youngest that was given up.
	LastError string
}

// Age is for how long the oldest waiting message has waited at now; zero for none.
func (s QueueStats) Age(now time.Time) time.Duration {
	if s.Oldest.IsZero() {
		return 0
	}
	return max(0, now.Sub(s.Oldest))
}
