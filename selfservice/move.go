package selfservice

import (
	"context"
	"errors"
	"maps"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// move is a change of address that waits, sealed in a verification flow, until
// the new address is proved. It reserves nothing and dies with its flow.
type move struct {
	Names     map[string]any `json:"names"`     // the traits to sign in with and be reached at, as they are to be
	Recipient string         `json:"recipient"` // of the messages, in the spelling its owner gave
	Taken     bool           `json:"taken"`     // the address is another's, who is told so; nobody else is
}

// Become makes next, a revision of the step's person, what they are once the
// step is stored. Under stealth, and where settings hold it back, an address that
// is new waits until it is proved: free and taken ones take the same steps and
// write the same rows, and what differs is in the sealed message alone. The other
// traits are saved.
func (s *Step) Become(ctx context.Context, next *identity.Identity) error {
	e, a := s.engine, s.newAddress(next)
	if s.Revised = next; a == nil || !e.Stealth && !e.Rules[Settings].HoldsBack {
		return nil
	}
	owner, err := e.Identities.Store.ByAddress(ctx, identity.ForVerification, a.Via, a.Canonical)
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return err
	}
	wanted := next.DecodedTraits()
	kept, _, violations := e.Identities.Revise(s.Identity, s.Schema, s.Schema.KeepNames(wanted, s.Identity.DecodedTraits()))
	if len(violations) > 0 {
		return &Refused{Problems: ui.Problems(violations)}
	}
	kept.Epoch = next.Epoch // a change that waited before is void
	s.Revised = kept
	s.planProof(a, &move{Names: s.Schema.KeepNames(nil, wanted), Recipient: spelling(owner, a), Taken: owner != nil})
	s.ShowVerification = true
	return nil
}

// newAddress is the first address of next that the step's person does not have
// yet and a verification flow can prove, nil for none.
func (s *Step) newAddress(next *identity.Identity) *identity.Address {
	for n := range next.Verifiable {
		if a := &next.Verifiable[n]; s.engine.verifies(a) && !s.had(a) {
			return a
		}
	}
	return nil
}

// sendMove makes f wait for a secret sent to the address that i wants to move
// to, and returns what queues the message in the commit: the secret, or to the
// owner of a taken address that they have an account already.
func (e *Engine) sendMove(f *Flow, c Challenge, i *identity.Identity) func(context.Context) error {
	m, before := f.notes.Move, f.notes.Challenge
	c.IdentityID, c.Epoch = i.ID, i.Epoch
	if before != nil {
		c.Epoch = before.Epoch // a change that is void stays so
	}
	f.Active = e.Rules[Verification].Use
	made := e.challenge(f, c, f.Active == CodeID, m.Taken)
	l := e.proofLetter(f, made, m.Recipient, i)
	if m.Taken {
		said := l.data
		l = e.letter(f, "registration_code_invalid", m.Recipient)
		maps.DeleteFunc(said, func(key string, _ any) bool { return l.data[key] != nil })
		maps.Copy(l.unsaid(), said)
	}
	return e.send(f.notes.Challenge, l)
}

// mover is who waits in f to move to the address of c, nil where f waits for
// no such thing.
func (e *Engine) mover(ctx context.Context, f *Flow, c Challenge) (*identity.Identity, error) {
	before := f.notes.Challenge
	if f.notes.Move == nil || !before.sentTo(c) {
		return nil, nil
	}
	i, err := e.Identities.Store.Identity(ctx, before.IdentityID)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, nil
	}
	return i, err
}

// planMove brings the change of address that waited for its proof, if one did.
func planMove(e *Engine, s *Step) error {
	m, i := s.home.notes.Move, s.owner
	if m == nil {
		return nil
	}
	own := e.Identities.Schemas.Get(i.SchemaID)
	if own == nil {
		return errNoFlow
	}
	next, _, violations := e.Identities.Revise(i, own, own.KeepNames(i.DecodedTraits(), m.Names))
	if len(violations) > 0 {
		return &Refused{Problems: ui.Problems(violations)}
	}
	next.Prove(s.Proven.Via, s.Proven.Canonical)
	s.Identity, s.Revised = i, next
	return nil
}
