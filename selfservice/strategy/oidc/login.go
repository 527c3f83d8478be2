package oidc

import (
	"context"
	"slices"

	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

type login struct{ *Strategy }

// Form has a button for each provider, or where it is known whose login it is,
// for those that they are linked to.
func (m login) Form(f *selfservice.Flow) []ui.Node {
	if f.State != selfservice.StateChooseMethod || f.SecondFactor() {
		return nil
	}
	linked, known := f.Linked()
	label := ui.LabelSignInWith
	if f.Links() {
		label = ui.LabelConfirmWith
	}
	var nodes []ui.Node
	for _, p := range m.Providers {
		if !known || slices.Contains(linked, p.ID()) {
			nodes = append(nodes, button(ui.NodeProvider, p, label))
		}
	}
	return nodes
}

// Apply goes on with who a provider says the person is, or sends the client there
// to be told.
func (m login) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	return m.identify(ctx, s, nil)
}
