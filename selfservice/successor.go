package selfservice

import (
	"bytes"
	"context"
	"errors"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/selfservice/ui"
)

// replaceExpired answers a submit to an expired flow with the flow that takes
// over: it holds what was typed, this submit included, secrets excepted, and
// where the person wanted to go. However often it is submitted, an expired flow
// has one successor that can be used. It always returns an error: Expired, or
// what kept the successor from being.
func (e *Engine) replaceExpired(ctx context.Context, s *Step) error {
	heir, err := e.heir(ctx, s)
	if heir == nil && err == nil {
		heir, err = e.beget(ctx, s)
	}
	if err != nil {
		return err
	}
	return &Expired{Flow: s.Flow, Successor: heir}
}

// heir returns the successor there is already, with what was typed now, or nil
// where there is none that can still be used.
func (e *Engine) heir(ctx context.Context, s *Step) (*Flow, error) {
	if s.Flow.Successor == uuid.Nil {
		return nil, nil
	}
	heir, err := e.load(ctx, s.Flow.Kind, s.Flow.Successor)
	if errors.Is(err, errNoFlow) || err == nil && heir.Expired(e.Now()) {
		return nil, nil
	}
	if err != nil || heir.Completed() || !s.refills || bytes.Equal(heir.Values, s.Next.Values) {
		return heir, err
	}
	next := *heir
	next.Rev++
	next.Values = s.Next.Values
	err = e.Store.UpdateFlow(ctx, &next)
	if errors.Is(err, ErrStale) {
		return heir, nil // somebody is at work on it, and sees what was typed there
	}
	return &next, err
}

func (e *Engine) beget(ctx context.Context, s *Step) (*Flow, error) {
	f, now := s.Flow, e.Now().UTC()
	heir := *f
	heir.ID = uuid.Must(uuid.NewV4())
	heir.State = f.Kind.initial()
	heir.Active = e.Rules[f.Kind].Use
	heir.Values = s.Next.Values
	switch c := f.notes.Challenge; {
	case heir.Values != nil:
	case f.Drafted():
		heir.Values = encodeTraits(f.Traits())
	case c != nil && kinds[f.Kind].keeps == keepsAddress:
		heir.Values = mustJSON(typed{Address: c.Address})
	}
	heir.Problems = []ui.Problem{{ID: kinds[f.Kind].expired, Context: map[string]any{
		"expired_at": f.ExpiresAt, "expired_at_unix": f.ExpiresAt.Unix(),
	}}}
	heir.Refusals, heir.Rev, heir.Successor = 0, 0, uuid.Nil
	heir.IssuedAt, heir.ExpiresAt = now, now.Add(e.Rules[f.Kind].Lifespan)
	n := s.Next.notes.carried()
	if f.Stage() != StageWhole {
		n.Stage = StageWho
	}
	n.Transient = s.Next.notes.Transient
	e.sealNotes(&heir, n)

	opened, err := e.letOpen(ctx, &heir, s.Input)
	if err != nil {
		return nil, err
	}
	last := *f
	last.Rev++
	last.Successor = heir.ID
	return &heir, e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.Store.UpdateFlow(ctx, &last); err != nil {
			return err
		}
		if err := e.Store.InsertFlow(ctx, &heir); err != nil {
			return err
		}
		return opened.write(ctx)
	})
}
