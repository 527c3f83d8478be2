package courier

import (
	"context"
	"time"

	"github.com/gofrs/uuid"
)

// Store keeps messages. Every method joins the transaction in ctx, if any.
type Store interface {
	InsertMessage(ctx context.Context, m *Message) error
	// ClaimMessages takes up to n messages of a queue that are due at now, the
	// longest due first: it makes them Processing, raises SendCount and Rev, and
	// sets DueAt to until. No message is given to two callers, and of a lane only
	// the oldest message that waits is given, while none of that lane is under way.
	// What goes to a recipient in except waits.
	ClaimMessages(ctx context.Context, queue string, now, until time.Time, n int, except ...string) ([]*Message, error)
	// SaveMessage saves m where the stored revision is still m.Rev-1, else it
	// returns ErrMoved. Id, Queue, Lane, Channel, Template, Locale, Recipient and
	// CreatedAt never change. With a, the attempt is added in the same
	// transaction. What waits behind m in its lane is put off with it.
	SaveMessage(ctx context.Context, m *Message, a *Attempt) error
	// RemoveMessage removes m as if it had never been queued, where it is still
	// Queued at revision m.Rev, else it returns ErrMoved and nothing has changed.
	RemoveMessage(ctx context.Context, m *Message) error
	// Requeue makes what q selects Queued again, due at now, its attempts counted
	// from none, and says how many there were, also beside an error. Outside a
	// transaction it works in small ones, which it does not take back.
	Requeue(ctx context.Context, q RequeueQuery, now time.Time) (int, error)
	// Message reads one with its attempts, newest first, or returns ErrNoMessage.
	Message(ctx context.Context, id uuid.UUID) (*Message, []Attempt, error)
	// Messages reads a page, newest first. Those that go Nowhere are left out.
	Messages(ctx context.Context, q Query) ([]*Message, error)
	// QueueStats tells how a queue stands.
	QueueStats(ctx context.Context, queue string) (QueueStats, error)
}

// Query selects a page of the messages of a queue.
type Query struct {
	Queue     string // which there has to be
	Status    Status // empty for all
	Recipient string // exactly as stored; empty for all
	Template  string // empty for all
	Lane      string // empty for all
	// Of messages that were created at Since or later and before Until; zero for
	// no bound.
	Since, Until time.Time
	// The last message of the page before; zero for the first page.
	BeforeCreated time.Time
	BeforeID      uuid.UUID
	Limit         int
}

// RequeueQuery selects those of the messages of a queue, sent or abandoned, that
// still have what they say.
type RequeueQuery struct {
	Queue        string
	Status       Status    // Sent or Abandoned; empty for both
	Recipient    string    // empty for all
	Template     string    // empty for all
	Since, Until time.Time // as in Query
}

// QueueStats is how a queue stands.
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
