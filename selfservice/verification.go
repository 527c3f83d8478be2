package selfservice

import (
	"context"
	"errors"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// PlanVerification opens, with the step's commit, a verification flow for the
// first address of the step's identity that is not proved, and sends the
// secret. The flow belongs to the client that is being answered.
func (s *Step) PlanVerification() {
	i := s.person()
	for n := range i.Verifiable {
		if a := &i.Verifiable[n]; s.engine.verifies(a) && !s.had(a) {
			s.planVerification(a)
			return
		}
	}
}

// verifies reports whether a verification flow can prove a, and need be.
func (e *Engine) verifies(a *identity.Address) bool {
	rules := e.Rules[Verification]
	return rules != nil && rules.Enabled && !a.Verified && (a.Via != identity.ViaSMS || e.reachesPhones(Verification))
}

// had reports whether a settings flow, which changes addresses, leaves a as it
// was, or only saves again what once stopped leading to the account.
func (s *Step) had(a *identity.Address) bool {
	return s.Flow.Kind == Settings && s.engine.Identities.Holds(s.Identity, a.Via, a.Canonical)
}

// planVerification is PlanVerification for one address of the step's person.
func (s *Step) planVerification(a *identity.Address) { s.planProof(a, nil) }

// planProof is the same for an address that the step's person has, or waits in m
// to move to.
func (s *Step) planProof(a *identity.Address, m *move) {
	e, i := s.engine, s.person()
	if s.Revised != nil || s.Flow.Kind == Registration {
		a.Status = identity.AddressSent // is stored with the person
	}
	f := e.newFlow(Verification, s.Flow.SchemaID, Opening{
		Native: s.Flow.Native, RequestURL: s.Flow.RequestURL, ReturnTo: e.afterVerification(s.Flow), Locale: s.Flow.Locale,
	})
	f.notes = notes{State: s.Flow.notes.State, Transient: s.Next.notes.Transient, Move: m}
	write := e.sendProof(f, Challenge{Via: a.Via, Address: a.Value, Canonical: a.Canonical}, i)
	s.Verification, s.Verifying = f, a.Value
	s.Write(func(ctx context.Context) error {
		stored := *f
		stored.Binding = s.binding()
		if spare := s.current(); spare != uuid.Nil {
			n := f.notes
			n.Spare = spare
			e.sealNotes(&stored, n)
		}
		if err := e.Store.InsertFlow(ctx, &stored); err != nil {
			return err
		}
		return write(ctx)
	})
}

// finishVerification is what a verification is for: the address counts as
// proved, and what was sent before to any address of the person is void. At the
// first proof, unless operators want it otherwise, whoever got hold of the
// account before is out: every session ends but the one of the client that gave
// the proof.
func finishVerification(ctx context.Context, e *Engine, s *Step) error {
	c, first, err := s.Proven, true, error(nil)
	if s.Revised == nil {
		first, err = e.Identities.Verify(ctx, s.owner, c.AddressID, c.Epoch)
	}
	if errors.Is(err, identity.ErrOutdated) {
		return ErrStale // at the next try the secret does not hold
	}
	if err != nil {
		return err
	}
	if first && e.RevokeOnProof {
		if _, err := e.Sessions.EndAll(ctx, c.IdentityID, s.spared()); err != nil {
			return err
		}
	}
	return e.endHome(ctx, s)
}

// endHome lets the client that asked for the message know that it was answered
// elsewhere.
func (e *Engine) endHome(ctx context.Context, s *Step) error {
	if s.home == nil || s.home == s.Flow {
		return nil
	}
	home := e.ended(s.home, Outcome{At: e.Now().UTC(), Via: s.Proven.Via})
	home.Rev++
	return e.Store.UpdateFlow(ctx, home)
}

// spared is the session of the client that gave the proof.
func (s *Step) spared() uuid.UUID {
	if s.home == s.Flow && s.Flow.notes.Spare != uuid.Nil {
		return s.Flow.notes.Spare
	}
	if own := s.Input.Session; own != nil && own.IdentityID == s.Proven.IdentityID {
		return own.ID
	}
	return uuid.Nil
}

func verificationSays(f *Flow) []ui.Problem {
	switch {
	case f.Completed() && f.Outcome.Via == identity.ViaSMS:
		return says(ui.SuccessPhoneVerified)
	case f.Completed():
		return says(ui.SuccessEmailVerified)
	case !f.waits():
		return nil
	case f.notes.Challenge.Via == identity.ViaSMS:
		return says(ui.InfoCodeSentSMS)
	case f.Active == CodeID:
		return says(ui.InfoCodeSent)
	}
	return says(ui.InfoLinkSent)
}

// waits reports whether f waits for a secret that was sent, and asks for it.
func (f *Flow) waits() bool {
	return f.State == StateSentEmail && f.notes.Challenge != nil && f.notes.Followed == nil
}
