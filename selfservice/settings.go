package selfservice

import (
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

// Privileged returns an error where the person has signed in too long ago to
// change how they sign in or where they are reached.
func (s *Step) Privileged() error {
	e := s.engine
	if e.Now().Sub(s.Input.Session.AuthenticatedAt) < e.Rules[Settings].Privileged {
		return nil
	}
	return &RefreshRequired{Flow: s.Flow}
}

// saved is the flow of a change that is stored. It can change more.
func (e *Engine) saved(s *Step) *Flow {
	done := *s.Next
	done.State, done.Values = StateSuccess, nil
	n := s.Flow.notes.carried()
	n.Recovered, n.Saved = nil, e.Ring.MAC(submitMAC, fingerprint(s.Flow, s.Input)...)
	e.sealNotes(&done, n)
	done.owner = s.person()
	return &done
}

// savedBy reports whether in is the very submit that f was saved by: a double
// click.
func (e *Engine) savedBy(f *Flow, in *Input) bool {
	saved := f.notes.Saved
	return f.State == StateSuccess && saved != nil && e.Ring.Verify(submitMAC, saved, fingerprint(f, in)...)
}

func settingsSays(f *Flow) []ui.Problem {
	switch {
	case f.State == StateSuccess:
		return says(ui.SuccessSaved)
	case f.notes.Recovered != nil:
		return f.notes.Recovered.says()
	}
	return nil
}
