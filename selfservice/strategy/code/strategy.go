// Package code proves an address by a one-time code that was sent to it. It
// draws the forms and says what a wrong code is told as; making, counting and
// comparing codes is the engine's.
package code

import (
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// ID is the strategy's name on the wire.
const ID = selfservice.CodeID

// Strategy proves addresses by code.
type Strategy struct {
	Identities   *identity.Manager
	SMS          bool                     // whether phones can be written to
	Verifies     bool                     // whether verification flows use codes; else links
	Recovers     bool                     // the same of recovery flows
	Passwordless bool                     // whether people sign up and in by code alone
	Traits       map[string]*ui.TraitForm // by schema id
	Identifiers  *ui.IdentifierField
}

// ID implements selfservice.Strategy.
func (s *Strategy) ID() string { return ID }

// Methods implements selfservice.Strategy.
func (s *Strategy) Methods() map[selfservice.Kind]selfservice.Method {
	methods := map[selfservice.Kind]selfservice.Method{selfservice.Registration: registration{s}}
	if s.Passwordless {
		methods[selfservice.Login] = login{s}
	}
	if s.Verifies {
		methods[selfservice.Verification] = proof{s, verification, true}
	}
	methods[selfservice.Recovery] = proof{s, recovery, s.Recovers}
	return methods
}

// input is where a code is typed. It is text: a code may begin with a zero.
func (s *Strategy) input(label int, value any) ui.Node {
	return ui.NewInput(ui.GroupCode, ui.Input{
		Name: ui.NodeCode, Type: ui.InputText, Value: value, Required: true, Autocomplete: "one-time-code",
		Pattern: "[0-9 ]*",
	}).Labelled(label, nil)
}

func submit(label int) ui.Node {
	return ui.NewInput(ui.GroupCode, ui.Input{Name: ui.NodeMethod, Type: ui.InputSubmit, Value: ID}).Labelled(label, nil)
}

func hidden(name string, value any) ui.Node {
	return ui.NewInput(ui.GroupCode, ui.Input{Name: name, Type: ui.InputHidden, Value: value})
}

// resend asks for another message. Its label tells when that will be sent.
func resend(name, value string, c *selfservice.Challenge) ui.Node {
	return ui.NewInput(ui.GroupCode, ui.Input{Name: name, Type: ui.InputSubmit, Value: value}).
		Labelled(ui.LabelResend, map[string]any{"available_at": c.AvailableAt()})
}

// missing is told of a code that was not typed.
func missing() error {
	return selfservice.Refuse(ui.NodeCode, ui.ErrRequired, map[string]any{"property": ui.NodeCode})
}
