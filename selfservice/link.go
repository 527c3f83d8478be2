package selfservice

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Link is what a mailed link carries besides the flow's id.
type Link struct{ Token, Code string }

// followed is the link that led to a flow. Following it evaluates nothing and
// spends nothing, since mail scanners follow links: its secret goes into a form
// with a button, and only who presses that answers the challenge.
type followed struct {
	Flow    uuid.UUID      `json:"flow"`              // that the link is from: this very flow, or another one
	Address string         `json:"address,omitempty"` // that the message was sent to; empty where it is not known
	Token   string         `json:"token,omitempty"`
	Code    string         `json:"code,omitempty"`
	Asker   session.Device `json:"asker,omitzero"` // who asked for the message; only in a registration
	At      time.Time      `json:"at,omitzero"`
}

// Followed is what a method draws where a link led to f.
type Followed struct {
	Token, Code string
	Address     string // that it is about; empty where it is not known
	// Elsewhere: the link was opened by another client than the one that
	// started the flow it is from.
	Elsewhere bool
	Asker     session.Device // where Elsewhere, in a registration: who asked for the message
	At        time.Time
}

// Followed returns the link that led to f, nil for none.
func (f *Flow) Followed() *Followed {
	from := f.notes.Followed
	if from == nil {
		return nil
	}
	return &Followed{Token: from.Token, Code: from.Code, Address: from.Address, Elsewhere: from.Flow != f.ID, Asker: from.Asker, At: from.At}
}

// errLink is what is told of a link whose secret is too long to be one of ours.
var errLink = fail.New(fail.BadRequest, "link_invalid", "The link is damaged: its token or code is not one that was ever sent.")

// Follow answers a mailed link with a flow that shows it: the flow itself where
// mine says that it was started by this client, else a new one bound to this
// client. It does the same for any secret.
func (e *Engine) Follow(ctx context.Context, k Kind, id uuid.UUID, l Link, o Opening, mine func(*Flow) bool) (*Flow, error) {
	if _, err := e.rules(k); err != nil {
		return nil, err
	}
	l.Code = typedCode(l.Code)
	if len(l.Token) > 2*tokenLength || len(l.Code) > tokenLength || strings.Trim(l.Code, "0123456789") != "" {
		return nil, errLink
	}
	for try := 1; ; try++ {
		from, err := e.load(ctx, k, id)
		if errors.Is(err, errNoFlow) {
			from, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		if from == nil || !mine(from) {
			return e.showElsewhere(ctx, k, id, from, l, o)
		}
		if from.Completed() || from.Expired(e.Now()) || from.notes.Challenge == nil {
			return from, nil
		}
		next := *from
		next.Rev++
		next.Problems = nil
		n := next.notes
		n.Followed = &followed{Flow: id, Token: l.Token, Code: l.Code, Address: addressOf(from)}
		e.sealNotes(&next, n)
		if err := e.Store.UpdateFlow(ctx, &next); !errors.Is(err, ErrStale) || try == maxTries {
			return &next, err
		}
	}
}

// showElsewhere opens a flow for a link of another client's flow; from is that
// flow, nil if there is none any more. An address is then proved by this client,
// and an account recovered. A registration is not made: whoever reads the mail
// must not finish what a stranger began in their name, so the flow shows the
// code, and who asked.
func (e *Engine) showElsewhere(ctx context.Context, k Kind, id uuid.UUID, from *Flow, l Link, o Opening) (*Flow, error) {
	s := e.Identities.Schemas.Default()
	f := e.newFlow(k, s.ID, o)
	f.Active = e.Rules[k].Use
	if from != nil {
		f.SchemaID, f.Locale, f.ReturnTo = from.SchemaID, from.Locale, from.ReturnTo
	}
	n := notes{Followed: &followed{Flow: id, Token: l.Token, Code: l.Code, Address: addressOf(from)}}
	switch {
	case k != Registration:
		f.State = StateSentEmail
		if from != nil {
			n.State, n.Skip = from.notes.State, from.notes.Skip
		}
	case from != nil && from.notes.Draft != nil && !from.Expired(e.Now()):
		d := from.notes.Draft
		n.Followed = &followed{Flow: id, Code: l.Code, Asker: d.Asker, At: d.At}
		f.State, f.Active = StateSentEmail, CodeID
	default:
		n.Followed = nil
		f.Problems = []ui.Problem{{ID: ui.ErrSignUpCode}}
	}
	e.sealNotes(f, n)
	return f, e.open(ctx, f, o)
}

// addressOf is where the secret of a flow was sent, empty where it is not known.
func addressOf(f *Flow) string {
	if f == nil || f.notes.Challenge == nil {
		return ""
	}
	return f.notes.Challenge.Address
}

// letGo drops the link that led here: its secret was wrong, so the form asks
// for another.
func (e *Engine) letGo(s *Step) {
	from := s.Next.notes.Followed
	if from == nil {
		return
	}
	n := s.Next.notes
	n.Followed = nil
	if from.Flow != s.Flow.ID {
		s.Next.State = s.Flow.Kind.initial()
	}
	e.sealNotes(s.Next, n)
}
