package oidc

import (
	"cmp"
	"context"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

type registration struct{ *Strategy }

// Form has a button for each provider; or once one has said who the person is,
// what it has left out.
func (m registration) Form(f *selfservice.Flow) []ui.Node {
	if f.State != selfservice.StateChooseMethod {
		return nil
	}
	if a := f.Assertion(); a != nil {
		traits, ok := m.Traits[f.SchemaID]
		if !ok {
			return nil
		}
		again := ui.NewInput(ui.GroupOIDC, ui.Input{Name: ui.NodeProvider, Type: ui.InputSubmit, Value: a.Provider})
		return append(traits.Nodes(f.Locale, f.Traits()), again.Labelled(ui.LabelSignUpContinue, nil),
			selfservice.ScreenNode(ui.GroupOIDC, selfservice.ScreenPrevious))
	}
	nodes := make([]ui.Node, 0, len(m.Providers))
	for _, p := range m.Providers {
		nodes = append(nodes, button(ui.NodeProvider, p, ui.LabelSignUpWith))
	}
	return nodes
}

// Apply goes on with who a provider says the person is, or sends the client there
// to be told.
func (m registration) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	return m.identify(ctx, s, s.Flow.Assertion())
}

// identify is Apply for flows that strangers open. Known is what a provider has
// said already, nil for nothing.
func (o *Strategy) identify(ctx context.Context, s *selfservice.Step, known *selfservice.Assertion) (selfservice.Progress, error) {
	a, err := o.arrive(ctx, s)
	if err != nil {
		return selfservice.Asked, err
	}
	id := s.Input.Body.String(ui.NodeProvider)
	switch {
	case a != nil:
		return s.Accept(ctx, a)
	case known != nil && cmp.Or(id, known.Provider) == known.Provider:
		return s.Accept(ctx, known)
	case id == "":
		return selfservice.Asked, fail.New(fail.BadRequest, "oidc_provider_missing", "The field provider names the provider to go to.")
	case s.Input.Body.String(nodeIDToken) != "":
		if a, err = o.present(ctx, s); err != nil {
			return selfservice.Asked, err
		}
		return s.Accept(ctx, a)
	}
	return o.depart(ctx, s, id)
}
