package selfservice

import (
	"context"
	"errors"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/ui"
)

var (
	errAAL1Required = fail.New(fail.Unauthenticated, "session_aal1_required", "A second factor can be asked for only of who is signed in with a first one.")
	errMismatch     = fail.New(fail.Forbidden, "security_identity_mismatch", "The flow belongs to somebody else than who is signed in.")
)

// admitsLogin lets in who is not signed in, and who is and means to prove it
// again or with another factor.
func admitsLogin(f *Flow, s *session.Session) error {
	switch {
	case s == nil && f.SecondFactor():
		return errAAL1Required
	case s != nil && !f.Refreshes() && (!f.SecondFactor() || s.AAL == session.AAL2):
		return ErrSessionAvailable
	case s != nil && f.notes.Subject != s.IdentityID:
		return errMismatch
	}
	return nil
}

// Refreshes reports whether a login proves again who is signed in already.
func (f *Flow) Refreshes() bool { return f.notes.Refresh }

// SecondFactor reports whether a login asks for a second factor: a method that
// is none has no nodes then.
func (f *Flow) SecondFactor() bool { return f.notes.AAL == session.AAL2 }

func loginSays(f *Flow) []ui.Problem {
	switch {
	case f.State == StateSentEmail:
		return says(ui.InfoLoginCodeSent)
	case f.Links():
		return f.notes.Linking.says()
	case f.SecondFactor():
		return says(ui.InfoSecondFactor)
	case f.Refreshes():
		return says(ui.InfoRefresh)
	}
	return nil
}

// planLogin prepares the session: a new one, or of who is signed in already the
// same one, proved again. Either has a token of its own, and the old dies.
func planLogin(e *Engine, s *Step) error {
	s.link()
	own, device := s.Input.Session, s.Input.Device
	switch {
	case own == nil:
		s.Session, s.SessionToken = e.Sessions.Plan(s.Identity.ID, s.Proof(), device)
	case own.IdentityID != s.Identity.ID:
		return errMismatch
	default:
		s.Session, s.SessionToken = e.Sessions.Replan(own, s.Proof(), device)
	}
	s.Session.Identity = s.person()
	return nil
}

func finishLogin(ctx context.Context, e *Engine, s *Step) error {
	if s.Revised == nil {
		// A password that is changed at this moment must open nothing once that is stored.
		err := e.Identities.Store.HoldIdentity(ctx, s.Identity)
		if errors.Is(err, identity.ErrOutdated) {
			return ErrStale
		}
		if err != nil {
			return err
		}
	}
	own, hash := s.Input.Session, session.Hash(s.SessionToken)
	if own == nil {
		return e.Sessions.Start(ctx, s.Session, hash)
	}
	err := e.Sessions.Reauthenticate(ctx, s.Session, own.AuthenticatedAt, hash)
	if errors.Is(err, session.ErrNotFound) {
		return session.ErrInactive // it has ended, or was proved again by another submit
	}
	return err
}

// SignIn makes i the person who has proved, by an identifier, to be themselves.
// Inactive ones are told so, now that it is sure who they are.
func (s *Step) SignIn(i *identity.Identity, name string) error {
	switch {
	case i.State != identity.StateActive:
		return Refuse("", ui.ErrIdentityDisabled, nil)
	case s.Flow.Refreshes() && i.ID != s.Flow.notes.Subject:
		return Refuse("", ui.ErrCredentials, nil)
	case s.Flow.Links() && i.ID != s.Flow.notes.Linking.Owner:
		return Refuse("", ui.ErrLinkMismatch, nil)
	}
	s.Identity, s.identifier = i, name
	return nil
}
