// Package identifierfirst is the first of two steps of a login: who wants in.
// It looks nobody up, so that it tells nothing about who has an account; the
// second step offers every method to everybody.
package identifierfirst

import (
	"context"

	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// ID is the strategy's name on the wire.
const ID = "identifier_first"

// Strategy asks for an identifier.
type Strategy struct{ Identifiers *ui.IdentifierField }

// ID implements selfservice.Strategy.
func (*Strategy) ID() string { return ID }

// Methods implements selfservice.Strategy.
func (p *Strategy) Methods() map[selfservice.Kind]selfservice.Method {
	return map[selfservice.Kind]selfservice.Method{selfservice.Login: login{p}}
}

type login struct{ *Strategy }

func (m login) Form(f *selfservice.Flow) []ui.Node {
	switch {
	case f.State != selfservice.StateChooseMethod:
		return nil
	case f.Stage() == selfservice.StageHow:
		return []ui.Node{selfservice.ScreenNode(ui.GroupIdentifierFirst, selfservice.ScreenPrevious)}
	case f.Stage() != selfservice.StageWho:
		return nil
	}
	who := f.IdentifierNode(m.Identifiers)
	in := *who.Input()
	in.Autocomplete = "username webauthn"
	who.Group, who.Attributes = ui.GroupIdentifierFirst, &in
	button := ui.NewInput(ui.GroupIdentifierFirst, ui.Input{Name: ui.NodeMethod, Type: ui.InputSubmit, Value: ID})
	return []ui.Node{who, button.Labelled(ui.LabelContinue, nil)}
}

func (m login) Apply(_ context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	if unnamed := s.Unnamed(); len(unnamed) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: unnamed}
	}
	s.Identified()
	return selfservice.Asked, nil
}
