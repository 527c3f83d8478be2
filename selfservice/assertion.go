package selfservice

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Assertion is what a provider says about the client (NIST SP 800-63C), once the
// method has made sure that it is the provider who says it, to us and now.
type Assertion struct {
	Method   string          `json:"method"`   // the strategy that asked
	Provider string          `json:"provider"` // its id for the provider
	Label    string          `json:"label"`    // what people call the provider
	Issuer   string          `json:"issuer"`
	Subject  string          `json:"subject"` // the person, at Issuer
	Traits   json.RawMessage `json:"traits,omitempty"`
	Public   json.RawMessage `json:"metadata_public,omitempty"`
	Admin    json.RawMessage `json:"metadata_admin,omitempty"`
	Proved   []Proved        `json:"proved,omitempty"`  // addresses whose proof by the provider counts here
	Tokens   []byte          `json:"tokens,omitempty"`  // sealed, nil where they are not kept
	AAL2     bool            `json:"aal2,omitempty"`    // the provider has seen two factors
	AtOnce   bool            `json:"at_once,omitempty"` // it is linked to who has proved the same address without asking them

	// Renewed is what the provider says now of somebody it is linked to already;
	// nil where that changes nothing.
	Renewed func(ctx context.Context, i *identity.Identity) (*Assertion, error) `json:"-"`
}

// Proved is an address that is somebody's.
type Proved struct {
	Via   string `json:"via"`
	Value string `json:"value"`
}

// link is what the person's credential keeps.
func (a *Assertion) link() identity.Link {
	return identity.Link{Provider: a.Provider, Issuer: a.Issuer, Subject: a.Subject, Tokens: a.Tokens}
}

// proves reports whether a counts as the proof of an address.
func (a *Assertion) proves(via, canonical string) bool {
	for _, p := range a.Proved {
		if name, err := identity.Canonical(p.Via, p.Value); err == nil && p.Via == via && name == canonical {
			return true
		}
	}
	return false
}

// Assertion is what a provider said in f, whose person still has to say the
// rest; nil for nothing.
func (f *Flow) Assertion() *Assertion { return f.notes.Asserted }

// excludes reports whether f goes on with another method only.
func (f *Flow) excludes(method string) bool {
	a := f.notes.Asserted
	return a != nil && a.Method != method
}

// Learn returns what ask does, which is asked once over all tries of a submit.
func (s *Step) Learn(ask func() (*Assertion, error)) (*Assertion, error) {
	if s.attempt.asserted == nil {
		a, err := ask()
		if err != nil {
			return nil, err
		}
		s.attempt.asserted = a
	}
	return s.attempt.asserted, nil
}

// SpendOnce reports whether a secret is spent for the first time within a span of
// time, and spends it, whatever becomes of the step.
func (s *Step) SpendOnce(ctx context.Context, purpose string, secret []byte, within time.Duration) (first bool, err error) {
	e := s.engine
	err = e.Store.Tx(ctx, func(ctx context.Context) error {
		var err error
		first, err = e.Store.SpendBudget(ctx, e.Ring.MAC("spent/"+purpose, secret), e.Now(), []Limit{{Count: 1, Per: within}})
		return err
	})
	return first, err
}

// Accept goes on with what a provider says in a registration or a login, and
// makes it the other where that is what it comes to: who is known signs in, who
// is not registers. Who lacks traits is asked for them, and a's are kept. An
// account with an address that a names is linked, or taken over from who never
// proved that it is theirs, as docs/oidc.md has it.
func (s *Step) Accept(ctx context.Context, a *Assertion) (Progress, error) {
	s.Asserted = a
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

// recognise signs in who is linked to the provider already, by the same issuer: the
// same subject at another one is somebody else, although the provider's id stayed.
func (s *Step) recognise(ctx context.Context, a *Assertion, i *identity.Identity) (Progress, error) {
	if l := a.linkOf(i); l == nil || l.Issuer != a.Issuer && l.Issuer != "" {
		return Asked, Refuse("", ui.ErrUntrusted, map[string]any{"provider": a.Label})
	}
	if s.Flow.Kind != Login {
		if err := s.cross(ctx, Login); err != nil {
			return Asked, err
		}
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
	return Done, s.renew(now, i)
}

// renew takes over what a provider says now. What somebody signs in with and
// where they are reached stays, and so does all that the schema would refuse.
func (s *Step) renew(a *Assertion, i *identity.Identity) error {
	next := s.engine.Identities.Copy(i)
	if own := s.engine.Identities.Schemas.Get(i.SchemaID); own != nil && a.Traits != nil {
		revised, moved, violations := s.engine.Identities.Revise(i, own, overlaid(i.Traits, decoded(a.Traits)))
		if !moved && len(violations) == 0 {
			next = revised
		}
	}
	a.describe(next)
	next.SetLink(a.link())
	s.Revised = next
	return nil
}

// describe puts a's metadata on i.
func (a *Assertion) describe(i *identity.Identity) {
	if a.Public != nil {
		i.MetadataPublic = a.Public
	}
	if a.Admin != nil {
		i.MetadataAdmin = a.Admin
	}
}

// meet goes on with somebody who is not linked to the provider.
func (s *Step) meet(ctx context.Context, a *Assertion) (Progress, error) {
	if s.Flow.Refreshes() || s.Flow.notes.Linking != nil {
		return Asked, Refuse("", ui.ErrCredentials, nil) // only who is linked proves to be somebody
	}
	traits := s.Schema.Coerce(overlaid(a.Traits, s.typedTraits()))
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
	for n := range i.Verifiable {
		if p := &i.Verifiable[n]; a.proves(p.Via, p.Canonical) {
			p.Verified, p.Status, p.VerifiedAt = true, identity.AddressCompleted, i.CreatedAt
		}
	}
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

// Proof is how the client has proved to be the step's person, for their session.
func (s *Step) Proof() session.Method {
	m := session.Method{Method: s.Next.Active, AAL: session.AAL1}
	if s.Flow.SecondFactor() {
		m.AAL = session.AAL2
	}
	if a := s.Asserted; a != nil {
		m.Provider = a.Provider
		if a.AAL2 {
			m.AAL = session.AAL2
		}
	}
	return m
}

// typedTraits are those of the submit, else those typed before.
func (s *Step) typedTraits() map[string]any {
	if s.Traits != nil {
		return s.Traits
	}
	return s.Flow.typed().Traits
}

// overlaid is what over says, and beneath it an object of JSON. An empty text
// says nothing: a form sends one for each field that was left alone.
func overlaid(beneath json.RawMessage, over map[string]any) map[string]any {
	return overlay(decoded(beneath), over)
}

func overlay(beneath, over map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range beneath {
		out[name] = value
	}
	for name, value := range over {
		inner, ok := value.(map[string]any)
		below, also := out[name].(map[string]any)
		switch {
		case value == "":
		case ok && (also || out[name] == nil):
			if inner = overlay(below, inner); len(inner) > 0 {
				out[name] = inner
			}
		case out[name] == nil || value != nil:
			out[name] = value
		}
	}
	return out
}

// decoded reads an object, numbers as json.Number; nil for none.
func decoded(raw json.RawMessage) (object map[string]any) {
	if len(raw) > 0 {
		_ = decode(raw, &object) // what is no object is none
	}
	return object
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
