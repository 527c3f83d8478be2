package oidc

import (
	"context"
	"slices"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

type settings struct{ *Strategy }

// Form has a button to link each provider that is not, and to unlink each that is
// where another way to sign in is left; where none is, it says so.
func (m settings) Form(f *selfservice.Flow) []ui.Node {
	var nodes []ui.Node
	for _, p := range m.Providers {
		switch {
		case !links(f, p.ID()):
			nodes = append(nodes, button(ui.NodeLink, p, ui.LabelLink))
		case m.signsInWithout(f, p.ID()):
			nodes = append(nodes, button(ui.NodeUnlink, p, ui.LabelUnlink))
		default:
			nodes = append(nodes, ui.NewText(ui.GroupOIDC, "linked", ui.InfoOnlyWayIn, map[string]any{"provider": p.Label()}))
		}
	}
	return nodes
}

func links(f *selfservice.Flow, provider string) bool {
	return slices.ContainsFunc(f.OwnLinks(), func(l identity.Link) bool { return l.Provider == provider })
}

// signsInWithout reports whether the flow's owner has another way in than a
// provider: another method, or another provider that is configured.
func (m settings) signsInWithout(f *selfservice.Flow, provider string) bool {
	return f.SignsInOtherwise(ID) || slices.ContainsFunc(m.Providers, func(p *Provider) bool { return p.ID() != provider && links(f, p.ID()) })
}

// Apply links or unlinks a provider.
func (m settings) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	a, err := m.arrive(ctx, s)
	if err != nil {
		return selfservice.Asked, err
	}
	if a != nil {
		return s.LinkTo(ctx, a)
	}
	link, unlink := s.Input.Body.String(ui.NodeLink), s.Input.Body.String(ui.NodeUnlink)
	switch {
	case link == "" && unlink == "":
		return selfservice.Asked, fail.New(fail.BadRequest, "oidc_provider_missing", "The field link or unlink names the provider.")
	case link != "" && unlink != "":
		return selfservice.Asked, fail.New(fail.BadRequest, "oidc_link_ambiguous", "Send either link or unlink.")
	}
	if err := s.Privileged(); err != nil {
		return selfservice.Asked, err
	}
	switch {
	case link != "" && links(s.Flow, link):
		return selfservice.Asked, selfservice.Refuse("", ui.ErrGeneric, map[string]any{"reason": "This provider is linked to your account already."})
	case link != "":
		return m.depart(ctx, s, link)
	case !links(s.Flow, unlink):
		return selfservice.Asked, selfservice.Refuse("", ui.ErrGeneric, map[string]any{"reason": "This provider is not linked to your account."})
	case !m.signsInWithout(s.Flow, unlink):
		return selfservice.Asked, selfservice.Refuse("", ui.ErrLastWayIn, nil)
	}
	s.Unlink(unlink)
	return selfservice.Done, nil
}
