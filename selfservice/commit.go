package selfservice

import (
	"context"
	"errors"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// commit stores the whole step in one transaction. The flow comes first: where
// its revision no longer stands, nobody else's rows are touched.
func (e *Engine) commit(ctx context.Context, s *Step) error {
	next := s.Next
	switch {
	case s.Progress != Done:
	case kinds[s.Flow.Kind].reopens:
		next = e.reopened(s)
	default:
		next = e.completed(s)
	}
	err := e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.save(ctx, s, next); err != nil {
			return err
		}
		if s.Progress == Done {
			if err := e.finish(ctx, s); err != nil {
				return err
			}
		}
		return s.write(ctx)
	})
	if err == nil {
		s.Next = next
	}
	return err
}

// finish stores what the flow was for: the person first, then what hangs on them.
func (e *Engine) finish(ctx context.Context, s *Step) error {
	if s.Revised != nil {
		err := e.Identities.Update(ctx, s.Identity, s.Revised)
		switch {
		case errors.Is(err, identity.ErrOutdated):
			return ErrStale // the next try sees them as they are now
		case errors.Is(err, identity.ErrTaken) && (s.Asserted != nil || s.Flow.Links()):
			return s.taken(ui.ErrLinkedElsewhere)
		case errors.Is(err, identity.ErrTaken):
			return s.taken(ui.ErrTaken)
		case err != nil:
			return err
		}
	}
	if finish := kinds[s.Flow.Kind].finish; finish != nil {
		if err := finish(ctx, e, s); err != nil {
			return err
		}
	}
	if s.EndOthers {
		_, err := e.Sessions.EndAll(ctx, s.person().ID, s.current())
		return err
	}
	return nil
}

// asIs stores a step that ends in an error all the same: what was typed, and
// what was planned beside. It returns that error.
func (e *Engine) asIs(ctx context.Context, s *Step, end error) error {
	err := e.Store.Tx(ctx, func(ctx context.Context) error {
		if err := e.save(ctx, s, s.Next); err != nil {
			return err
		}
		return s.write(ctx)
	})
	if err != nil {
		return err
	}
	s.stored = true
	return end
}

// completed is the flow with its outcome.
func (e *Engine) completed(s *Step) *Flow { return e.ended(s.Next, e.outcome(s)) }

// outcome is what a step that is done is remembered by.
func (e *Engine) outcome(s *Step) Outcome {
	o := Outcome{Fingerprint: e.Ring.MAC(submitMAC, fingerprint(s.Flow, s.Input)...), At: e.Now().UTC()}
	if i := s.person(); i != nil {
		o.IdentityID, o.Epoch = i.ID, i.Epoch
	}
	if s.Session != nil {
		o.SessionID = s.Session.ID
	}
	if s.Proven != nil {
		o.Via = s.Proven.Via
	}
	if s.Settings != nil {
		o.SettingsID = s.Settings.ID
	}
	if s.Verification != nil {
		o.VerificationID, o.Verifying, o.ShowVerification = s.Verification.ID, s.Verifying, s.ShowVerification
	}
	return o
}

// ended is f with its outcome. It never acts again, so nothing typed is kept,
// no transient payload and no secret.
func (e *Engine) ended(f *Flow, o Outcome) *Flow {
	done := *f
	done.State, done.Values, done.Problems, done.Outcome = StatePassedChallenge, nil, nil, &o
	n := f.notes.carried()
	n.SignsInBy, n.Linking = nil, nil
	e.sealNotes(&done, n)
	return &done
}
