package selfservice

import (
	"context"
	"errors"
	"slices"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Accept goes on with what a provider says in a registration or a login, and
// makes it the other where that is what it comes to: who is known signs in, who
// is not registers. Who lacks traits is asked for them, and a's are kept. An
// account with an address that a names is linked, or taken over from who never
// proved that it is theirs, as docs/oidc.md has it.
//
// To an app's browser nothing happens yet: the app has to show both codes first.
func (s *Step) Accept(ctx context.Context, a *Assertion) (Progress, error) {
	if s.Flow.Native && s.Input.Return != nil {
		s.bring(a)
		return Asked, nil
	}
	if s.Asserted = a; s.Input.exchanges {
		s.bring(nil) // the flow has it now, or what it leads to
	}
	known, err := s.engine.Identities.Store.ByLink(ctx, identity.LinkName(a.Provider, a.Subject))
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return s.meet(ctx, a)
	case err != nil:
		return Asked, err
	}
	return s.recognise(ctx, a, known)
}

// linkOf is the link of i to the account that a is about, nil for none.
func (a *Assertion) linkOf(i *identity.Identity) *identity.Link {
	links := i.Links()
	n := slices.IndexFunc(links, func(l identity.Link) bool { return l.Provider == a.Provider && l.Subject == a.Subject })
	if n < 0 {
		return nil
	}
	return &links[n]
}

// bring keeps what a provider has said to an app's browser until the app shows both
// codes; nil for nothing any more.
func (s *Step) bring(a *Assertion) {
	n := s.Next.notes
	t := *n.Trip
	t.Brought = a
	n.Trip = &t
	s.engine.sealNotes(s.Next, n)
}

// recognise signs in who is linked to the provider already, by the same issuer: the
// same subject at another one is somebody else, although the provider's id stayed.
func (s *Step) recognise(ctx context.Context, a *Assertion, i *identity.Identity) (Progress, error) {
	if l := a.linkOf(i); l == nil || l.Issuer != a.Issuer && l.Issuer != "" {
		return Asked, Refuse("", ui.ErrUntrusted, map[string]any{"provider": a.Label})
	}
	if err := s.cross(ctx, Login); err != nil {
		return Asked, err
	}
	if err := s.SignIn(i, identity.LinkName(a.Provider, a.Subject)); err != nil {
		return Asked, err
	}
	if a.Renewed == nil {
		return Done, nil
	}
	now, err := a.Renewed(ctx, i)
	if err != nil {
		return Asked, err
	}
	s.renew(now, i)
	return Done, nil
}

// renew takes over what a provider says now. What somebody signs in with and
// where they are reached stays, and so does all that the schema would refuse.
func (s *Step) renew(a *Assertion, i *identity.Identity) {
	next := s.engine.Identities.Copy(i)
	if own := s.engine.Identities.Schemas.Get(i.SchemaID); own != nil && a.Traits != nil {
		traits := own.KeepNames(overlaid(i.Traits, decoded(a.Traits)), i.DecodedTraits())
		revised, moved, violations := s.engine.Identities.Revise(i, own, traits)
		if !moved && len(violations) == 0 && len(mustJSON(traits)) <= identity.MaxTraits {
			next = revised
		}
	}
	a.describe(next)
	next.SetLink(a.link())
	s.Revised = next
}

// meet goes on with somebody who is not linked to the provider.
func (s *Step) meet(ctx context.Context, a *Assertion) (Progress, error) {
	if s.Flow.Refreshes() || s.Flow.notes.Linking != nil {
		return Asked, Refuse("", ui.ErrCredentials, nil) // only who is linked proves to be somebody
	}
	traits := s.Schema.Coerce(overlaid(a.Traits, s.typedTraits()))
	if len(mustJSON(traits)) > identity.MaxTraits {
		return Asked, identity.ErrTraitsTooLarge
	}
	owner, name, err := s.holder(ctx, a, traits)
	if err != nil {
		return Asked, err
	}
	switch {
	case owner == nil:
	case a.linkOf(owner) != nil:
		return s.recognise(ctx, a, owner) // they came to be since they were looked for
	default:
		return s.reconcile(ctx, a, owner, name)
	}
	if err := s.cross(ctx, Registration); err != nil {
		return Asked, s.closed(err, a)
	}
	return s.signUp(a, traits)
}

// closed is why nobody can come to be who meant to sign in.
func (s *Step) closed(err error, a *Assertion) error {
	if refusal := (*fail.Error)(nil); errors.As(err, &refusal) && refusal.ID == "self_service_flow_disabled" {
		return Refuse("", ui.ErrNoAccountHere, map[string]any{"provider": a.Label})
	}
	return err
}

// taken is the error for what the step wants to be somebody's and is another's. Who
// is named by a provider is looked for once more: they may have come to be by
// another flow since.
func (s *Step) taken(problem int) error {
	if s.Asserted != nil && !s.attempt.again {
		s.attempt.again = true
		return ErrStale
	}
	return Refuse("", problem, nil)
}

// signUp drafts whom a is about. It is kept for as long as the form asks for more.
func (s *Step) signUp(a *Assertion, traits map[string]any) (Progress, error) {
	n := s.Next.notes
	n.Asserted, n.Stage = a, StageWhole
	s.engine.sealNotes(s.Next, n)
	i, violations := s.engine.Identities.Draft(s.Schema, traits)
	if len(violations) > 0 {
		return Asked, &Refused{Problems: ui.Problems(violations)}
	}
	a.vouch(i)
	a.describe(i)
	i.SetLink(a.link())
	s.Identity = i
	return Done, nil
}

// vouched reports whether a provider has proved what a registration would have
// to prove first.
func (e *Engine) vouched(s *Step) bool {
	if s.Asserted == nil {
		return false
	}
	a := e.provable(s.Identity, false)
	return a != nil && a.Verified
}

// holder finds who has an address that a names and that traits keep, nil for
// nobody. Under stealth an address that a does not prove is nobody's business: it
// is proved first, like any other.
func (s *Step) holder(ctx context.Context, a *Assertion, traits map[string]any) (*identity.Identity, identity.Address, error) {
	e := s.engine
	named := e.Identities.Addresses(s.Schema, decoded(a.Traits))
	for _, name := range e.Identities.Addresses(s.Schema, traits) {
		if !among(named, name) || e.Stealth && !a.proves(name.Via, name.Canonical) {
			continue
		}
		i, err := e.Identities.Store.ByAddress(ctx, identity.ForVerification, name.Via, name.Canonical)
		if errors.Is(err, identity.ErrNotFound) {
			i, err = e.Identities.Store.ByIdentifier(ctx, name.Canonical)
		}
		switch {
		case errors.Is(err, identity.ErrNotFound):
			continue
		case err != nil:
			return nil, name, err
		}
		whole, err := e.Identities.Store.Identity(ctx, i.ID)
		switch {
		case errors.Is(err, identity.ErrNotFound), err == nil && whole.Rev != i.Rev:
			return nil, name, ErrStale // they may have given the address up
		case err != nil:
			return nil, name, err
		}
		return whole, name, nil
	}
	return nil, identity.Address{}, nil
}

func among(list []identity.Address, a identity.Address) bool {
	for _, b := range list {
		if a.Via == b.Via && a.Canonical == b.Canonical {
			return true
		}
	}
	return false
}
