package courier

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/seal"
)

// Courier queues messages. It is safe for concurrent use.
type Courier struct {
	Store Store
	Queue string     // whose messages it makes and finds; zero is Mail
	Ring  *seal.Ring // seals bodies
	Now   func() time.Time
	// Retention is how long the row of a finished message is kept.
	Retention time.Duration

	suppressed atomic.Int64
}

// Draft is a message to be.
type Draft struct {
	ID        uuid.UUID // Nil for a new one
	Lane      string    // up to 255 bytes; see Message.Lane
	Channel   string
	Template  string
	Locale    string
	Recipient string
	Data      Data
	DueAt     time.Time // zero for now
	// Silent writes the row as for any other message and delivers nothing.
	Silent bool
}

// Enqueue writes the message's row, joining the transaction in ctx, and returns
// it as it was written: until a worker claims it, the store can remove it.
func (c *Courier) Enqueue(ctx context.Context, d Draft) (*Message, error) {
	plain, err := json.Marshal(d.Data)
	if err != nil {
		return nil, fmt.Errorf("encode the data of a message: %w", err)
	}
	now := c.Now().UTC()
	m := &Message{
		ID: d.ID, Queue: c.queue(), Lane: d.Lane, Channel: d.Channel, Template: d.Template, Locale: d.Locale, Recipient: d.Recipient,
		Status: Queued, DueAt: now, CreatedAt: now, UpdatedAt: now,
	}
	if m.ID == uuid.Nil {
		m.ID = uuid.Must(uuid.NewV4())
	}
	if !d.DueAt.IsZero() {
		m.DueAt = d.DueAt.UTC()
	}
	if m.Queue == Mail {
		plain = padded(plain)
	}
	m.Sealed = c.Ring.Seal(sealedFor(m.ID), plain)
	if d.Silent {
		c.suppressed.Add(1)
		m.Channel, m.Status, m.DueAt, m.ExpiresAt = Nowhere, Sent, time.Time{}, now
	}
	if err := c.Store.InsertMessage(ctx, m); err != nil {
		return nil, err
	}
	return m, nil
}

func (c *Courier) queue() string { return cmp.Or(c.Queue, Mail) }

// padTo is the step in which the sizes of rows grow, in bytes.
const padTo = 2048

// padded fills plain up, so that the size of a row does not tell a message that
// carries the person from one to an address nobody has. JSON ends in any space.
func padded(plain []byte) []byte {
	return append(plain, bytes.Repeat([]byte(" "), (padTo-len(plain)%padTo)%padTo)...)
}

// Suppressed is how many drafts were Silent, those of transactions that failed
// afterwards included.
func (c *Courier) Suppressed() int64 { return c.suppressed.Load() }

// Open returns the data of a message, or nil where it was wiped.
func (c *Courier) Open(m *Message) (Data, error) {
	if m.Sealed == nil {
		return nil, nil
	}
	plain, err := c.Ring.Open(sealedFor(m.ID), m.Sealed)
	if err != nil {
		return nil, err
	}
	var d Data
	return d, json.Unmarshal(plain, &d)
}

func sealedFor(id uuid.UUID) string { return "message/" + id.String() }
