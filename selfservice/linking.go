package selfservice

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// linking is what a login does besides signing in: it links an account at a
// provider to the one account that has the address which the provider names.
type linking struct {
	Assertion *Assertion `json:"assertion"`
	Owner     uuid.UUID  `json:"owner"`
	Duplicate string     `json:"duplicate"` // the address
	Types     []string   `json:"types"`     // the strategies that Owner signs in by
	Providers []string   `json:"providers"` // the providers that Owner is linked to
	Instead   string     `json:"instead"`   // where a login begins that links nothing
}

// says is the protocol's message about it.
func (l *linking) says() []ui.Problem {
	return []ui.Problem{{ID: ui.InfoLink, Context: map[string]any{
		"provider":            l.Assertion.Label,
		"duplicateIdentifier": l.Duplicate, "duplicate_identifier": l.Duplicate,
		"newLoginUrl": l.Instead, "new_login_url": l.Instead,
		"available_credential_types": l.Types, "available_providers": l.Providers,
	}}}
}

// Links reports whether a login links an account at a provider.
func (f *Flow) Links() bool { return f.notes.Linking != nil }

// Linked are the providers by which a login can be finished where it is known
// whose it is; false where it is not.
func (f *Flow) Linked() ([]string, bool) {
	if l := f.notes.Linking; l != nil {
		return l.Providers, true
	}
	return f.notes.Linked, f.Refreshes()
}

// reconcile goes on with the account that has an address which a names.
func (s *Step) reconcile(ctx context.Context, a *Assertion, owner *identity.Identity, name identity.Address) (Progress, error) {
	own, counts := owner.Address(identity.ForVerification, name.Via, name.Canonical), a.proves(name.Via, name.Canonical)
	takesOver := counts && own != nil && !own.Verified && owner.Usable(own)
	linksAtOnce := counts && own != nil && own.Verified && a.AtOnce
	if err := s.cross(ctx, Login); err != nil {
		return Asked, err
	}
	if !takesOver && !linksAtOnce {
		s.askOwner(a, owner, name)
		return Asked, nil
	}
	if err := s.SignIn(owner, name.Canonical); err != nil {
		return Asked, err
	}
	next := s.engine.Identities.Copy(owner)
	if takesOver {
		next.Expel(name.Via, name.Canonical)
		next.Prove(name.Via, name.Canonical)
		s.EndOthers = true
	}
	next.SetLink(a.link())
	s.Revised = next
	return Done, nil
}

// askOwner turns the login into one that links a once owner has signed in.
func (s *Step) askOwner(a *Assertion, owner *identity.Identity, name identity.Address) {
	e, f := s.engine, s.Next
	l := &linking{Assertion: a, Owner: owner.ID, Duplicate: name.Value, Types: e.waysIn(owner), Providers: []string{}}
	for _, link := range owner.Links() {
		l.Providers = append(l.Providers, link.Provider)
	}
	opened, again := "/self-service/login/browser", url.Values{}
	if f.Native {
		opened = "/self-service/login/api"
	}
	if f.ReturnTo != "" {
		again.Set("return_to", f.ReturnTo)
	}
	l.Instead = e.PublicURL + opened
	if len(again) > 0 {
		l.Instead += "?" + again.Encode()
	}
	f.Active, f.State, f.Values = "", Login.initial(), mustJSON(typed{Identifier: name.Value})
	n := f.notes
	n.Linking, n.Stage, n.Challenge, n.Followed = l, StageWhole, nil, nil
	e.sealNotes(f, n)
}

// link adds what a login links to who has signed in.
func (s *Step) link() {
	l := s.Flow.notes.Linking
	if l == nil {
		return
	}
	if s.Revised == nil {
		s.Revised = s.engine.Identities.Copy(s.Identity)
	}
	s.Revised.SetLink(l.Assertion.link())
}

// LinkTo gives the owner of a settings flow one more way to sign in.
func (s *Step) LinkTo(ctx context.Context, a *Assertion) (Progress, error) {
	i, err := s.engine.Identities.Store.ByLink(ctx, identity.LinkName(a.Provider, a.Subject))
	switch {
	case errors.Is(err, identity.ErrNotFound):
	case err != nil:
		return Asked, err
	case i.ID != s.Identity.ID:
		return Asked, Refuse("", ui.ErrLinkedElsewhere, nil)
	}
	s.Asserted, s.Revised = a, s.engine.Identities.Copy(s.Identity)
	s.Revised.SetLink(a.link())
	return Done, nil
}

// SignsInOtherwise reports whether the owner of a settings flow can sign in by
// another strategy than one.
func (f *Flow) SignsInOtherwise(strategy string) bool {
	return slices.ContainsFunc(f.ways, func(s string) bool { return s != strategy })
}

// OwnLinks are the providers that the owner of a settings flow is linked to.
func (f *Flow) OwnLinks() []identity.Link {
	if f.owner == nil {
		return nil
	}
	return f.owner.Links()
}

// waysIn lists the strategies by which i can sign in.
func (e *Engine) waysIn(i *identity.Identity) []string {
	ways := []string{}
	for _, c := range i.Credentials {
		if e.method(Login, string(c.Type)) != nil && slices.ContainsFunc(c.Identifiers, func(n string) bool { return e.leadsIn(i, c.Type, n) }) {
			ways = append(ways, string(c.Type))
		}
	}
	return ways
}

// Unlink takes a provider from the owner of a settings flow. What was sent to them
// before, and what waits, no longer counts, and every other session ends: one may be
// of who came by that provider.
func (s *Step) Unlink(provider string) {
	s.Revised = s.engine.Identities.Copy(s.Identity)
	s.Revised.Unlink(provider)
	s.Revised.Epoch++
	s.EndOthers = true
}
