// Package courier carries messages to people, and events to programs. A message
// is a row, committed with what caused it; workers claim it for a while, deliver
// it outside any transaction, and note what came of it. Nothing is sent that was
// not committed, and nothing committed is forgotten: a claim runs out, and
// another worker finishes what the first one left.
package courier

import (
	"errors"
	"time"

	"github.com/gofrs/uuid"
)

// Channels a message can take.
const (
	Email = "email"
	SMS   = "sms"
	// Nowhere is the channel of a row that is written so that nobody can tell
	// from outside whether a message was sent. It is never delivered nor listed.
	Nowhere = "none"
)

// The queues. What waits in one is neither claimed nor shown by who asks for
// the other.
const (
	Mail   = "messages" // to people
	Events = "events"   // to programs: hooks and stored events
)

// Status is how far a message has come, as on the wire.
type Status string

// The states of a message.
const (
	Queued     Status = "queued"     // waits until DueAt
	Processing Status = "processing" // claimed until DueAt; then anybody may claim it again
	Sent       Status = "sent"       // handed over; mail is never touched again, an event may be replayed
	Abandoned  Status = "abandoned"  // given up: refused for good, tried too often, or discarded by an operator
)

var (
	// ErrNoMessage is returned where no message has the id asked for.
	ErrNoMessage = errors.New("courier: no such message")
	// ErrMoved is returned where a message is no longer at the revision it was
	// read at: another worker or an operator has taken it.
	ErrMoved = errors.New("courier: message has moved on")
)

// Message is one message to one recipient.
type Message struct {
	ID    uuid.UUID
	Queue string
	// Lane is what the message keeps its place in: of the messages of one lane
	// only the oldest is delivered, until it is sent or abandoned. Empty for none.
	Lane      string
	Channel   string
	Template  string // template_type of the wire, for example verification_code_valid; the type of an event
	Locale    string // BCP 47 tag of the language it is written in
	Recipient string // one address, in the spelling its owner gave; of an event the id of its endpoint
	Status    Status
	Sealed    []byte    // Data as JSON, sealed for this message alone; nil once wiped
	SendCount int       // claims since it was queued, with those that ended with their worker
	Rev       int       // raised by every save
	DueAt     time.Time // when it may be claimed; zero once sent or abandoned
	LastError string    // the server's own words; empty after none
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time // when the row may be removed; zero while it is on its way
}

// Attempt is one try to deliver a message, a "dispatch" on the wire.
type Attempt struct {
	ID         uuid.UUID
	MessageID  uuid.UUID
	Error      string // empty for a success
	StartedAt  time.Time
	FinishedAt time.Time
}

// Data is what a template may speak of, by the wire's JSON names: to, code and
// URL, identity, expires_in_minutes and so on. It is data only, never markup
// nor template.
type Data map[string]any
