package selfservice

import (
	"context"
	"errors"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// RefreshRequired is returned to who is signed in, but has proved it too long
// ago for what they ask. What they typed is kept on the flow, secrets excepted.
type RefreshRequired struct{ Flow *Flow }

func (*RefreshRequired) Error() string {
	return "selfservice: the session is too old for this change"
}

// admitsOwner lets in who the flow belongs to.
func admitsOwner(f *Flow, s *session.Session) error {
	switch {
	case s == nil:
		return session.ErrInactive
	case s.IdentityID != f.notes.Subject:
		return errMismatch
	}
	return nil
}

// readOwner reads whose settings flow f is.
func (e *Engine) readOwner(ctx context.Context, f *Flow) error {
	i, err := e.Identities.Store.Identity(ctx, f.notes.Subject)
	if errors.Is(err, identity.ErrNotFound) {
		return errNoFlow
	}
	if err == nil {
		e.own(f, i)
	}
	return err
}

// own makes i whose settings flow f is.
func (e *Engine) own(f *Flow, i *identity.Identity) { f.owner, f.ways = i, e.waysIn(i) }

// Privileged returns an error where the person has signed in too long ago to
// change how they sign in or where they are reached.
func (s *Step) Privileged() error {
	e := s.engine
	if e.Now().Sub(s.Input.Session.AuthenticatedAt) < e.Rules[Settings].Privileged {
		return nil
	}
	return &RefreshRequired{Flow: s.Flow}
}

// saved is how a save ended, to answer a double click as the first.
type saved struct {
	Outcome
	Rev  int `json:"rev"`            // of the person then
	Held int `json:"held,omitempty"` // message about the address that is saved once it is proved
}

// finishSettings makes sure, now that nobody else saves this person, that whoever
// asks has not been put out by a change of the same moment.
func finishSettings(ctx context.Context, e *Engine, s *Step) error {
	own, err := e.Sessions.Store.Session(ctx, s.Input.Session.ID)
	if errors.Is(err, session.ErrNotFound) || err == nil && !own.Live(e.Now()) {
		return session.ErrInactive
	}
	return err
}

// reopened is the flow of a change that is stored. It can change more.
func (e *Engine) reopened(s *Step) *Flow {
	done := *s.Next
	done.State, done.Values = StateSuccess, nil
	n := s.Flow.notes.carried()
	n.Trip = s.Next.notes.Trip
	n.Recovered, n.Saved = nil, &saved{Outcome: e.outcome(s), Rev: s.person().Rev}
	if v := s.Verification; v != nil && v.notes.Move != nil {
		n.Saved.Held = verificationSays(v)[0].ID
	}
	e.sealNotes(&done, n)
	e.own(&done, s.person())
	return &done
}

// savedBy reports whether in is the very submit that f was saved by, a double
// click, and what it saved still stands.
func (e *Engine) savedBy(f *Flow, in *Input) bool {
	last := f.notes.Saved
	return f.State == StateSuccess && last != nil && last.Rev == f.owner.Rev && e.Ring.Verify(submitMAC, last.Fingerprint, fingerprint(f, in)...)
}

// asSaved answers as the last save was answered.
func (s *Step) asSaved() *Step {
	s.Progress, s.Next = Done, s.Flow
	s.recall(&s.Flow.notes.Saved.Outcome)
	return s
}

func settingsSays(f *Flow) []ui.Problem {
	switch {
	case f.State == StateSuccess && f.notes.Saved.Held != 0:
		return append(says(ui.SuccessSaved), ui.Problem{ID: f.notes.Saved.Held})
	case f.State == StateSuccess:
		return says(ui.SuccessSaved)
	case f.notes.Recovered != nil:
		return f.notes.Recovered.says()
	}
	return nil
}
