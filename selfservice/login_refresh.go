package selfservice

import (
	"context"
	"errors"
	"slices"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
)

// prepareRefresh notes on n how the owner of a session signs in, who is to do so
// again in f.
func (e *Engine) prepareRefresh(ctx context.Context, f *Flow, n *notes, s *session.Session) error {
	i, err := e.Identities.Store.Identity(ctx, s.IdentityID)
	if errors.Is(err, identity.ErrNotFound) {
		return session.ErrInactive
	}
	if err != nil {
		return err
	}
	f.Values = mustJSON(typed{Identifier: e.identifierOf(i)})
	for _, l := range i.Links() {
		n.Linked = append(n.Linked, l.Provider)
	}
	n.SignsInBy = map[string]string{}
	for _, c := range i.Credentials {
		for _, name := range c.Identifiers {
			if n.SignsInBy[string(c.Type)] == "" && e.leadsIn(i, c.Type, name) {
				n.SignsInBy[string(c.Type)] = name
			}
		}
	}
	return nil
}

// leadsIn reports whether i can sign in by a credential with that name.
func (e *Engine) leadsIn(i *identity.Identity, t identity.CredentialType, name string) bool {
	switch via := identity.Channel(name); {
	case t == identity.CredentialPassword:
		return i.Password() != ""
	case t == identity.CredentialOIDC:
		return slices.ContainsFunc(i.Links(), func(l identity.Link) bool {
			return identity.LinkName(l.Provider, l.Subject) == name && e.trusts(OIDCID, l.Provider, l.Issuer)
		})
	case via == identity.ViaSMS && !e.SMS:
		return false
	default:
		return reached(i, Challenge{Via: via, Canonical: name}) != nil
	}
}

// Offers reports whether a login has a use for a method, by its id: where it is
// known who signs in, whether they can do so by it.
func (f *Flow) Offers(method string) bool {
	switch l := f.notes.Linking; {
	case f.SecondFactor():
		return false
	case l != nil:
		return slices.Contains(l.Types, method)
	}
	return !f.Refreshes() || f.notes.SignsInBy[method] != ""
}

// identifierOf is what i signs in with first, empty for nothing.
func (e *Engine) identifierOf(i *identity.Identity) string {
	own := e.Identities.Schemas.Get(i.SchemaID)
	if own == nil {
		return ""
	}
	if names := identity.TypedIdentifiers(own, i.DecodedTraits()); len(names) > 0 {
		return names[0]
	}
	return ""
}
