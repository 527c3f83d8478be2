package selfservice

import (
	"context"
	"errors"
	"strings"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// AskVerification sends a secret to the address that was typed, if somebody
// has it. Who asks cannot tell whether somebody does.
func (s *Step) AskVerification(ctx context.Context, typed string) error {
	e, before := s.engine, s.Flow.notes.Challenge
	c, problem := e.readAddress(strings.TrimSpace(typed), before)
	if problem != nil {
		return problem
	}
	if before != nil && before.Via == c.Via && before.Canonical == c.Canonical && e.Now().Before(before.AvailableAt()) {
		return nil
	}
	owner, err := e.Identities.Store.ByAddress(ctx, identity.ForVerification, c.Via, c.Canonical)
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return err
	}
	s.Write(e.sendVerification(s.Next, c, owner))
	return nil
}

// readAddress judges a typed address: an e-mail address, or a phone number
// where there is a channel for one. The one the flow waits for needs no
// judgement.
func (e *Engine) readAddress(typed string, before *Challenge) (Challenge, error) {
	c := Challenge{Via: identity.ViaEmail, Address: typed}
	wrong := ui.ErrEmail
	if e.verifiesPhones() && !strings.Contains(typed, "@") {
		c.Via, wrong = identity.ViaSMS, ui.ErrTel
	}
	name, err := identity.Canonical(c.Via, typed)
	c.Canonical = name
	if before != nil && err == nil && before.Via == c.Via && before.Canonical == name {
		return c, nil
	}
	switch {
	case typed == "":
		return c, Refuse(ui.NodeEmail, ui.ErrRequired, map[string]any{"property": ui.NodeEmail})
	case err != nil, c.Via == identity.ViaEmail && !schema.IsEmail(typed):
		return c, Refuse(ui.NodeEmail, wrong, map[string]any{"value": typed})
	}
	return c, nil
}

// sendVerification makes f wait for a secret sent to the owner of an address,
// nil for nobody, and returns what queues the message in the commit.
func (e *Engine) sendVerification(f *Flow, c Challenge, owner *identity.Identity) func(context.Context) error {
	recipient := c.Address
	if owner != nil {
		for _, a := range owner.Verifiable {
			if a.Via == c.Via && a.Canonical == c.Canonical {
				c.IdentityID, c.AddressID, c.Epoch, recipient = owner.ID, a.ID, owner.Epoch, a.Value
			}
		}
	}
	f.Active = e.Rules[Verification].Use
	made := e.challenge(f, c, f.Active == CodeID, owner == nil)
	return e.send(f.notes.Challenge, e.verificationLetter(f, made, recipient, owner))
}

// verificationLetter is the message that carries a secret to owner; where that
// is nil, the one that tells the recipient that nobody has the address.
func (e *Engine) verificationLetter(f *Flow, made secrets, recipient string, owner *identity.Identity) letter {
	rules, c := e.Rules[Verification], f.notes.Challenge
	withCode := rules.Use == CodeID
	l := letter{template: "verification", via: c.Via, recipient: recipient, locale: f.Locale, data: e.letterData(f, recipient, c)}
	if withCode {
		l.template = "verification_code"
	}
	told := l.data
	if owner == nil {
		l.template += "_invalid"
		l.silent = !rules.NotifyUnknown || c.Via == identity.ViaSMS
		told = l.unsaid()
		owner = &identity.Identity{SchemaID: f.SchemaID, State: identity.StateActive, Traits: mustJSON(typed{Address: c.Address})}
	} else {
		l.template += "_valid"
	}
	told["verification_url"], told["identity"] = e.linkURL(f, made, withCode), identityData(owner)
	if withCode {
		told["verification_code"] = made.code
	}
	return l
}

// verifiesPhones reports whether verification flows take phone numbers: by code
// only, since a link in an SMS proves no more and costs more.
func (e *Engine) verifiesPhones() bool { return e.SMS && e.Rules[Verification].Use == CodeID }

// PlanVerification opens, with the step's commit, a verification flow for the
// first address of the step's identity that is not proved, and sends the
// secret. The flow belongs to the client that is being answered.
func (s *Step) PlanVerification() {
	e, i := s.engine, s.Identity
	rules := e.Rules[Verification]
	if rules == nil || !rules.Enabled || i == nil {
		return
	}
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		if a.Verified || a.Via == identity.ViaSMS && !e.verifiesPhones() {
			continue
		}
		a.Status = identity.AddressSent
		f := e.newFlow(Verification, s.Flow.SchemaID, Opening{
			Native: s.Flow.Native, RequestURL: s.Flow.RequestURL, ReturnTo: e.afterVerification(s.Flow), Locale: s.Flow.Locale,
		})
		f.notes = s.Flow.notes.carried()
		f.notes.Transient = s.Next.notes.Transient
		write := e.sendVerification(f, Challenge{Via: a.Via, Address: a.Value, Canonical: a.Canonical}, i)
		s.Verification, s.Verifying = f, a.Value
		s.Write(func(ctx context.Context) error {
			stored := *f
			stored.Binding = s.binding()
			if s.Session != nil {
				n := f.notes
				n.Spare = s.Session.ID
				e.sealNotes(&stored, n)
			}
			if err := e.Store.InsertFlow(ctx, &stored); err != nil {
				return err
			}
			return write(ctx)
		})
		return
	}
}

// binding is the browser's once it has the answer, which renews its CSRF
// secret when it signs the person in.
func (s *Step) binding() []byte {
	if s.Session != nil && !s.Flow.Native {
		return s.Input.NextBinding
	}
	return s.Flow.Binding
}

// finishVerification is what a verification is for: the address counts as
// proved. Whoever got hold of the account before its owner proved the address
// is out: every session ends but the one of the client that gave the proof,
// and what was sent before to any address of the person is void.
func finishVerification(ctx context.Context, e *Engine, s *Step) error {
	c := s.Proven
	first, err := e.Identities.Store.VerifyAddress(ctx, c.IdentityID, c.AddressID, c.Epoch, e.Now().UTC())
	if errors.Is(err, identity.ErrOutdated) {
		return ErrStale // at the next try the secret does not hold
	}
	if err != nil {
		return err
	}
	if first && e.RevokeOnProof {
		if err := e.Sessions.Store.RevokeSessions(ctx, c.IdentityID, s.spared()); err != nil {
			return err
		}
	}
	if s.home == s.Flow {
		return nil
	}
	// The client that asked for the message learns that it was proved elsewhere.
	home := e.ended(s.home, Outcome{Via: c.Via})
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

func verificationSays(f *Flow) int {
	switch {
	case f.Completed() && f.Outcome.Via == identity.ViaSMS:
		return ui.SuccessPhoneVerified
	case f.Completed():
		return ui.SuccessEmailVerified
	case f.State != StateSentEmail || f.notes.Challenge == nil || f.notes.Followed != nil:
		return 0
	case f.notes.Challenge.Via == identity.ViaSMS:
		return ui.InfoCodeSentSMS
	case f.Active == CodeID:
		return ui.InfoCodeSent
	}
	return ui.InfoLinkSent
}
