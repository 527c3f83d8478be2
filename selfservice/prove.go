package selfservice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// draft is a person who does not exist yet: what a valid registration was
// about, sealed inside its flow until an address is proved. It reserves nothing
// and dies with the flow.
type draft struct {
	Method      string                `json:"method"` // the strategy by which they registered
	Traits      json.RawMessage       `json:"traits"`
	Credentials []identity.Credential `json:"credentials"`
	Public      json.RawMessage       `json:"metadata_public,omitempty"`
	Admin       json.RawMessage       `json:"metadata_admin,omitempty"`
	Asserted    *Assertion            `json:"asserted,omitempty"` // by whom they came, nil for nobody
	Fingerprint []byte                `json:"fingerprint"`        // of the submit that was valid
	Recipient   string                `json:"recipient"`
	Taken       bool                  `json:"taken"` // the address is another's, who is told so; nobody else is
	Asker       session.Device        `json:"asker"`
	At          time.Time             `json:"at"`
}

// proveFirst turns a valid registration into a draft and sends a secret to its
// address. Under stealth a taken and a free address take the same steps and
// write the same rows; what differs is in the sealed message alone.
func (e *Engine) proveFirst(ctx context.Context, s *Step) error {
	i := s.Identity
	a := e.provable(i, s.Next.Active == CodeID)
	if a == nil {
		return Refuse("", ui.ErrNoIdentifier, nil)
	}
	taken, err := e.Identities.Store.Taken(ctx, i)
	if err != nil {
		return err
	}
	if taken && !e.Stealth {
		return Refuse("", ui.ErrTaken, nil)
	}
	d := &draft{
		Method: s.Next.Active, Traits: i.Traits, Credentials: i.Credentials, Public: i.MetadataPublic, Admin: i.MetadataAdmin,
		Asserted: s.Asserted, Taken: taken, Recipient: a.Value,
		Fingerprint: e.Ring.MAC(submitMAC, fingerprint(s.Flow, s.Input)...), Asker: s.Input.Device, At: e.Now().UTC(),
	}
	if e.Stealth {
		owner, err := e.Identities.Store.ByAddress(ctx, identity.ForVerification, a.Via, a.Canonical)
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return err
		}
		d.Recipient = spelling(owner, a)
	}
	s.Progress, s.Identity = Asked, nil
	s.Next.Active, s.Next.Values = CodeID, nil
	n := s.Next.notes
	n.Draft, n.Asserted = d, nil
	e.sealNotes(s.Next, n)
	e.sendSignUp(s, Challenge{Via: a.Via, Address: a.Value, Canonical: a.Canonical})
	return nil
}

// provable is the address that a registration proves: the first that a person
// signs in with, by a code if so said, and that messages reach.
func (e *Engine) provable(i *identity.Identity, byCode bool) *identity.Address {
	for n := range i.Verifiable {
		a := &i.Verifiable[n]
		if !slices.Contains(i.Identifiers(), a.Canonical) || a.Via == identity.ViaSMS && !e.SMS {
			continue
		}
		if !byCode || reached(i, Challenge{Via: a.Via, Canonical: a.Canonical}) != nil {
			return a
		}
	}
	return nil
}

// spelling is how owner wrote the address; as a has it where there is no owner.
func spelling(owner *identity.Identity, a *identity.Address) string {
	if owner != nil {
		if own := owner.Address(identity.ForVerification, a.Via, a.Canonical); own != nil {
			return own.Value
		}
	}
	return a.Value
}

// sendSignUp plans the message of a drafted registration: the secret, or to
// the owner of a taken address that they have an account already.
func (e *Engine) sendSignUp(s *Step, c Challenge) {
	d := s.Next.notes.Draft
	made := e.challenge(s.Next, c, true, d.Taken)
	l := e.letter(s.Next, "registration_code_valid", d.Recipient)
	told := l.data
	if d.Taken {
		l.template, told = "registration_code_invalid", l.unsaid()
	}
	told["registration_code"], told["registration_url"], told["traits"] = made.code, e.linkURL(s.Next, made, true), d.Traits
	s.Write(e.send(s.Next.notes.Challenge, l))
}

// ResendSignUp sends a fresh secret for a drafted registration, or nothing if
// it is asked for too early, which nobody outside can tell.
func (s *Step) ResendSignUp() {
	if c := *s.Next.notes.Challenge; !s.engine.Now().Before(c.AvailableAt()) {
		s.engine.sendSignUp(s, c)
	}
}

// Drafted reports whether f waits for the proof of a drafted registration.
func (f *Flow) Drafted() bool { return f.notes.Draft != nil }

// Realise makes the drafted person the one the step is about: their address is
// proved. The schema may have changed since; what it forbids now is refused, and
// the form shown as at the beginning.
func (s *Step) Realise() error {
	d := s.Flow.notes.Draft
	var traits map[string]any
	if err := decode(d.Traits, &traits); err != nil {
		return err
	}
	i, violations := s.engine.Identities.Draft(s.Schema, traits)
	if len(violations) > 0 {
		s.startOver(traits)
		return &Refused{Problems: ui.Problems(violations)}
	}
	i.Credentials, i.MetadataPublic, i.MetadataAdmin = d.Credentials, d.Public, d.Admin
	if a := i.Address(identity.ForVerification, s.Proven.Via, s.Proven.Canonical); a != nil {
		a.Verified, a.Status, a.VerifiedAt = true, identity.AddressCompleted, i.CreatedAt
	}
	if s.Asserted = d.Asserted; s.Asserted != nil {
		s.Asserted.vouch(i)
	}
	s.Identity, s.Next.Active = i, d.Method
	return nil
}

// startOver takes a drafted registration back to its form, with what was typed.
func (s *Step) startOver(traits map[string]any) {
	s.Next = s.engine.restarted(s.Next)
	s.Next.Values = encodeTraits(known(s.Schema, traits))
}

// showRefused takes a drafted registration back to its form where a hook refuses
// a field, which can be mended nowhere else.
func (s *Step) showRefused(problems []ui.Problem) {
	var traits map[string]any
	ofField := func(p ui.Problem) bool { return p.Foreign && strings.HasPrefix(p.Node, ui.TraitPrefix) }
	if d := s.Next.notes.Draft; d != nil && slices.ContainsFunc(problems, ofField) && decode(d.Traits, &traits) == nil {
		s.startOver(traits)
	}
}

// SameTraits reports whether a submit repeats the traits of the draft, or sends
// none.
func (s *Step) SameTraits() bool {
	if s.Traits == nil {
		return true
	}
	var drafted map[string]any
	return decode(s.Flow.notes.Draft.Traits, &drafted) == nil && bytes.Equal(mustJSON(drafted), mustJSON(s.Traits))
}

// draftedBy reports whether in is the very submit that f was drafted by: a
// double click.
func (e *Engine) draftedBy(f *Flow, in *Input) bool {
	d := f.notes.Draft
	return d != nil && e.Ring.Verify(submitMAC, d.Fingerprint, fingerprint(f, in)...)
}
