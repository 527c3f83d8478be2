// Package password is the strategy that knows people by a password.
//
// A password is judged whole and stored only as a hash: nothing of it is cut
// off, echoed, logged or kept on the flow.
package password

import (
	"context"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// ID is the strategy's name on the wire and in the configuration.
const ID = "password"

// Strategy signs people up by an identifier of their own and a password.
type Strategy struct {
	Identities *identity.Manager
	Hasher     Hasher
	Policy     *Policy
	Traits     map[string]*ui.TraitForm // by schema id
}

// Hasher turns a password into what is stored. It may wait for its turn.
type Hasher interface {
	Hash(ctx context.Context, password []byte) (string, error)
}

// ID names the strategy.
func (*Strategy) ID() string { return ID }

// Methods lists the kinds of flow the strategy takes part in.
func (p *Strategy) Methods() map[selfservice.Kind]selfservice.Method {
	return map[selfservice.Kind]selfservice.Method{
		selfservice.Registration: registration{p},
	}
}
