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
type Strategy struct {
	Verifies bool // whether verification flows use links; else codes
	Recovers bool // the same of recovery flows
}

// ID implements selfservice.Strategy.
func (s *Strategy) ID() string { return ID }

// Methods implements selfservice.Strategy.
func (s *Strategy) Methods() map[selfservice.Kind]selfservice.Method {
	methods := map[selfservice.Kind]selfservice.Method{}
	if s.Verifies {
		methods[selfservice.Verification] = proof{ui.ErrVerificationToken, ui.ConfirmAddress}
	}
	if s.Recovers {
		methods[selfservice.Recovery] = proof{ui.ErrRecoveryToken, ui.ConfirmRecovery}
	}
	return methods
}

// proof asks for an address until a link led to the flow.
type proof struct {
	wrong   int // message
	confirm ui.Confirm
}

func (m proof) Form(f *selfservice.Flow) []ui.Node {
	if l := f.Followed(); l != nil {
		return []ui.Node{
			ui.NewInput(ui.GroupLink, ui.Input{Name: ui.NodeToken, Type: ui.InputHidden, Value: l.Token}),
			m.confirm.Node(ui.GroupLink, ID, l.Address),
		}
	}
	typed, button := f.Address(), submit(ui.LabelContinue)
	switch c := f.Challenge(); {
	case c.Unsent() && c.Code != nil:
		return nil // it is typed, which is not this method's
	case c != nil:
		typed = c.Address
		button = button.Labelled(ui.LabelContinue, map[string]any{"available_at": c.AvailableAt()})
	}
	return []ui.Node{ui.NewAddress(ui.GroupLink, typed, false), button}
}

func (m proof) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	typed := s.TypedAddress()
	switch {
	case typed != "":
	case s.Answer == selfservice.Right:
		return selfservice.Done, nil
	case s.Answer == selfservice.Wrong:
		s.Next.Problems = []ui.Problem{{ID: m.wrong}}
		return selfservice.Asked, nil
	}
	return selfservice.Asked, s.Ask(ctx, typed)
}

func submit(label int) ui.Node {
	return ui.NewInput(ui.GroupLink, ui.Input{Name: ui.NodeMethod, Type: ui.InputSubmit, Value: ID}).Labelled(label, nil)
}
