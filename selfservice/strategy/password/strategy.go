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

// Strategy signs people up and in by an identifier of their own and a password.
type Strategy struct {
	Identities  *identity.Manager
	Hasher      Hasher
	Policy      *Policy
	Traits      map[string]*ui.TraitForm // by schema id
	Identifiers *ui.IdentifierField
}

// Hasher turns a password into what is stored, and knows it again. It may wait
// for its turn.
type Hasher interface {
	Hash(ctx context.Context, password []byte) (string, error)
	// Verify reports whether password made encoded, and whether that should be
	// made anew.
	Verify(ctx context.Context, password []byte, encoded string) (ok, outdated bool, err error)
	// Burn takes as long as Verify does for this password.
	Burn(ctx context.Context, password []byte) error
}

// ID names the strategy.
func (*Strategy) ID() string { return ID }

// Methods lists the kinds of flow the strategy takes part in.
func (p *Strategy) Methods() map[selfservice.Kind]selfservice.Method {
	return map[selfservice.Kind]selfservice.Method{
		selfservice.Registration: registration{p},
		selfservice.Login:        login{p},
		selfservice.Settings:     settings{p},
	}
}

// hash returns what is stored of a new password, or Refused where it has been
// used too often by others.
func (p *Strategy) hash(ctx context.Context, password string) (string, error) {
	breached, err := p.Policy.Breached(ctx, password)
	if err != nil {
		return "", err
	}
	if len(breached) > 0 {
		return "", &selfservice.Refused{Problems: breached}
	}
	return p.Hasher.Hash(ctx, []byte(password))
}

// field is where a password is typed; autocomplete says whether it is a new one.
func field(autocomplete string) ui.Node {
	return ui.NewInput(ui.GroupPassword, ui.Input{
		Name: ui.NodePassword, Type: ui.InputPassword, Required: true, Autocomplete: autocomplete,
	}).Labelled(ui.LabelPassword, nil)
}

func submit(label int) ui.Node {
	return ui.NewInput(ui.GroupPassword, ui.Input{Name: ui.NodeMethod, Type: ui.InputSubmit, Value: ID}).Labelled(label, nil)
}

// required is told of a password that was not typed.
func required() ui.Problem {
	return ui.Problem{Node: ui.NodePassword, ID: ui.ErrRequired, Context: map[string]any{"property": ui.NodePassword}}
}
