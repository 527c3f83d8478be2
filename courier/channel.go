package courier

import (
	"context"
	"errors"

	"github.com/gofrs/uuid"
)

// Channel delivers messages of one kind. It is called outside any transaction,
// by several goroutines, and has to return when ctx ends. It may be called
// again for a message it has delivered already, after a crash, and then has to
// use the same identifier towards the outside.
type Channel interface {
	Deliver(ctx context.Context, m *Message, d Data) error
}

// Letter is a message as a person reads it.
type Letter struct {
	MessageID uuid.UUID // the same at every attempt
	Channel   string
	Template  string
	Recipient string
	Subject   string // one line; empty for SMS
	Text      string
	HTML      string // empty for SMS
	Data      Data
}

// Renderer writes letters. It is pure, and safe for concurrent use.
type Renderer interface {
	Render(m *Message, d Data) (*Letter, error)
}

// Sender hands a letter over to the outside world.
type Sender interface {
	Send(ctx context.Context, l *Letter) error
}

// Post is a channel that renders a message and sends it.
type Post struct {
	Renderer Renderer
	Sender   Sender
}

// Deliver implements Channel. What cannot be rendered is given up at once: it
// would not be rendered the next time either.
func (p Post) Deliver(ctx context.Context, m *Message, d Data) error {
	l, err := p.Renderer.Render(m, d)
	if err != nil {
		return Permanent(err)
	}
	return p.Sender.Send(ctx, l)
}

// permanent is an error that no further attempt would mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks err as final: the message is abandoned without another try.
// A nil err stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}
