package selfservice

import (
	"context"
	"errors"
	"strings"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Ask sends a secret to the address that was typed, if it is somebody's. Who
// asks cannot tell whether it is.
func (s *Step) Ask(ctx context.Context, typed string) error {
	e, before := s.engine, s.Flow.notes.Challenge
	c, problem := e.readAddress(s.Flow.Kind, strings.TrimSpace(typed), before)
	if problem != nil {
		return problem
	}
	if before.sentTo(c) && e.Now().Before(before.AvailableAt()) {
		return nil
	}
	mover, err := e.mover(ctx, s.Flow, c)
	if err != nil {
		return err
	}
	if mover != nil {
		s.Write(e.sendMove(s.Next, c, mover))
		return nil
	}
	s.Next.notes.Move = nil
	owner, err := e.Identities.Store.ByAddress(ctx, kinds[s.Flow.Kind].proves.purpose, c.Via, c.Canonical)
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return err
	}
	if !s.mayAsk(owner, c) {
		owner = nil
	}
	s.Write(e.sendProof(s.Next, c, owner))
	return nil
}

// mayAsk reports whether who asks may have a secret sent to an address of owner,
// nil for nobody: one that can open the account, and to prove another, who is
// signed in there, or was when the flow began and nothing was proved since. Or
// else whoever put an address of theirs beside another's could go on to prove it.
func (s *Step) mayAsk(owner *identity.Identity, c Challenge) bool {
	a := addressFor(Verification, owner, c)
	if s.Flow.Kind != Verification || a == nil || owner.Usable(a) {
		return true
	}
	before, own := s.Flow.notes.Challenge, s.Input.Session
	return own != nil && own.IdentityID == owner.ID ||
		before != nil && before.AddressID == a.ID && before.Epoch == owner.Epoch
}

// readAddress judges a typed address: an e-mail address, or a phone number
// where there is a channel for one. The one the flow waits for needs no
// judgement.
func (e *Engine) readAddress(k Kind, typed string, before *Challenge) (Challenge, error) {
	c := Challenge{Via: identity.ViaEmail, Address: typed}
	wrong := ui.ErrEmail
	if e.reachesPhones(k) && !strings.Contains(typed, "@") {
		c.Via, wrong = identity.ViaSMS, ui.ErrTel
	}
	name, err := identity.Canonical(c.Via, typed)
	c.Canonical = name
	if err == nil && before.sentTo(c) {
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

// reachesPhones reports whether flows of a kind take phone numbers: by code
// only, since a link in an SMS proves no more and costs more.
func (e *Engine) reachesPhones(k Kind) bool { return e.SMS && e.Rules[k].Use == CodeID }

// sendProof makes f wait for a secret sent to the owner of an address, nil for
// nobody, and returns what queues the message in the commit.
func (e *Engine) sendProof(f *Flow, c Challenge, owner *identity.Identity) func(context.Context) error {
	if f.notes.Move != nil {
		return e.sendMove(f, c, owner)
	}
	recipient := c.Address
	if a := addressFor(f.Kind, owner, c); a != nil {
		c.IdentityID, c.AddressID, c.Epoch, recipient = owner.ID, a.ID, owner.Epoch, a.Value
	} else {
		owner = nil
	}
	f.Active = e.Rules[f.Kind].Use
	made := e.challenge(f, c, f.Active == CodeID, owner == nil)
	return e.send(f.notes.Challenge, e.proofLetter(f, made, recipient, owner))
}

// addressFor is the address of owner that a challenge of this kind is about,
// nil for none that may be used.
func addressFor(k Kind, owner *identity.Identity, c Challenge) *identity.Address {
	if owner == nil {
		return nil
	}
	a := owner.Address(kinds[k].proves.purpose, c.Via, c.Canonical)
	if a == nil || k != Verification && !owner.Usable(a) {
		return nil
	}
	return a
}

// proofLetter is the message that carries a secret to owner; where that is nil,
// the one that tells the recipient that nobody has the address.
func (e *Engine) proofLetter(f *Flow, made secrets, recipient string, owner *identity.Identity) letter {
	rules, c, name := e.Rules[f.Kind], f.notes.Challenge, kinds[f.Kind].proves.template
	withCode := rules.Use == CodeID
	l := e.letter(f, name, recipient)
	if withCode {
		l.template += "_code"
	}
	told := l.data
	if owner == nil {
		l.template += "_invalid"
		l.silent = !rules.NotifyUnknown || c.Via == identity.ViaSMS
		told = l.unsaid()
		owner = nobody(f, c.Address)
	} else {
		l.template += "_valid"
	}
	told[name+"_url"], told["identity"] = e.linkURL(f, made, withCode), identityData(owner)
	if withCode {
		told[name+"_code"] = made.code
	}
	return l
}

// nobody stands in for the person who does not have an address, so that a
// message takes as long to write.
func nobody(f *Flow, address string) *identity.Identity {
	return &identity.Identity{SchemaID: f.SchemaID, State: identity.StateActive, Traits: mustJSON(typed{Address: address})}
}
