package selfservice

import (
	"context"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/selfservice/ui"
)

// succeed opens the flow that takes over from an expired one: it already holds
// what was typed, this submit included, secrets excepted, and where the person
// wanted to go. One flow has one successor however often it is submitted.
// It always returns an error: Expired, or what kept the successor from being.
func (e *Engine) succeed(ctx context.Context, s *Step) error {
	f := s.Flow
	if f.Successor != uuid.Nil {
		heir, err := e.load(ctx, f.Kind, f.Successor)
		if err != nil {
			return err
		}
		return &Expired{Flow: f, Successor: heir}
	}
	now := e.Now().UTC()
	heir := *f
	heir.ID = uuid.Must(uuid.NewV4())
	heir.State = kinds[f.Kind].initial
	heir.Active = ""
	heir.Values = s.Next.Values
	heir.Problems = []ui.Problem{{ID: kinds[f.Kind].expired, Context: map[string]any{
		"expired_at": f.ExpiresAt, "expired_at_unix": f.ExpiresAt.Unix(),
	}}}
	heir.Refusals, heir.Rev = 0, 0
	heir.IssuedAt, heir.ExpiresAt = now, now.Add(e.Rules[f.Kind].Lifespan)
	e.note(&heir, notes{State: f.notes.State, Transient: s.Transient})

	last := *f
	last.Rev++
	last.Successor = heir.ID
	err := e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.Store.UpdateFlow(ctx, &last); err != nil {
			return err
		}
		return e.Store.InsertFlow(ctx, &heir)
	})
	if err != nil {
		return err
	}
	return &Expired{Flow: f, Successor: &heir}
}
