// Package link proves an address by a link that was sent to it. The link opens
// a page with a button; only pressing it proves anything, since mail scanners
// follow links.
package link

import (
	"context"

	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// ID is the strategy's name on the wire.
const ID = "link"

// Strategy proves e-mail addresses by link.
type Strategy struct{}

// ID implements selfservice.Strategy.
func (s *Strategy) ID() string { return ID }

// Methods implements selfservice.Strategy.
func (s *Strategy) Methods() map[selfservice.Kind]selfservice.Method {
	return map[selfservice.Kind]selfservice.Method{selfservice.Verification: verification{s}}
}

// verification asks for an address until a link led to the flow.
type verification struct{ *Strategy }

func (m verification) Form(f *selfservice.Flow) []ui.Node {
	if l := f.Followed(); l != nil {
		return []ui.Node{
			ui.NewInput(ui.GroupLink, ui.Input{Name: ui.NodeToken, Type: ui.InputHidden, Value: l.Token}),
			ui.NewConfirm(ui.GroupLink, ID, l.Address),
		}
	}
	typed, button := f.Address(), submit(ui.LabelContinue)
	if c := f.Challenge(); c != nil {
		typed = c.Address
		button = button.Labelled(ui.LabelContinue, map[string]any{"available_at": c.AvailableAt()})
	}
	return []ui.Node{ui.NewAddress(ui.GroupLink, typed, false), button}
}

func (m verification) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	typed := s.TypedAddress()
	switch {
	case typed != "":
	case s.Answer == selfservice.Right:
		return selfservice.Done, nil
	case s.Answer == selfservice.Wrong:
		s.Next.Problems = []ui.Problem{{ID: ui.ErrVerificationToken}}
		return selfservice.Asked, nil
	}
	return selfservice.Asked, s.AskVerification(ctx, typed)
}

func submit(label int) ui.Node {
	return ui.NewInput(ui.GroupLink, ui.Input{Name: ui.NodeMethod, Type: ui.InputSubmit, Value: ID}).Labelled(label, nil)
}
