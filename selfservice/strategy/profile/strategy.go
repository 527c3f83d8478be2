// Package profile is the strategy of traits: who somebody says they are. It
// proves nothing. In a registration of two steps it is the first; in settings it
// changes what is stored.
package profile

import (
	"context"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// ID is the strategy's name on the wire and in the configuration.
const ID = "profile"

// Strategy asks for traits.
type Strategy struct {
	Identities *identity.Manager
	SignUp     map[string]*ui.TraitForm // by schema id: of the group default
	Traits     map[string]*ui.TraitForm // by schema id: of the group profile
	Settings   bool                     // whether people may change their traits
}

// ID implements selfservice.Strategy.
func (*Strategy) ID() string { return ID }

// Methods implements selfservice.Strategy.
func (p *Strategy) Methods() map[selfservice.Kind]selfservice.Method {
	methods := map[selfservice.Kind]selfservice.Method{selfservice.Registration: registration{p}}
	if p.Settings {
		methods[selfservice.Settings] = settings{p}
	}
	return methods
}

// registration is the first of two steps; in the second it is the way back.
type registration struct{ *Strategy }

func (m registration) Form(f *selfservice.Flow) []ui.Node {
	traits, ok := m.SignUp[f.SchemaID]
	switch {
	case !ok || f.State != selfservice.StateChooseMethod:
		return nil
	case f.Stage() == selfservice.StageWho:
		return append(f.TraitNodes(traits), submit(ui.LabelSignUp))
	case f.Stage() == selfservice.StageHow:
		return []ui.Node{selfservice.ScreenNode(ui.GroupProfile, selfservice.ScreenPrevious)}
	}
	return nil
}

func (m registration) Apply(_ context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	if _, violations := m.Identities.Draft(s.Schema, s.Traits); len(violations) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: ui.Problems(violations)}
	}
	s.Identified()
	return selfservice.Asked, nil
}

func submit(label int) ui.Node {
	return ui.NewInput(ui.GroupProfile, ui.Input{Name: ui.NodeMethod, Type: ui.InputSubmit, Value: ID}).Labelled(label, nil)
}
