package code

import (
	"context"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// proof asks for an address, then for the code sent there. Where a link led to
// the flow, a button takes the place of typing.
type proof struct {
	*Strategy
	said    words
	offered bool // to everybody; else only where an operator has made a code
}

// words is what one kind of flow tells otherwise than another.
type words struct {
	code, wrongCode, wrongToken int
	confirm                     ui.Confirm
}

var (
	verification = words{ui.LabelVerificationCode, ui.ErrVerificationCode, ui.ErrVerificationToken, ui.ConfirmAddress}
	recovery     = words{ui.LabelRecoveryCode, ui.ErrRecoveryCode, ui.ErrRecoveryToken, ui.ConfirmRecovery}
)

func (m proof) Form(f *selfservice.Flow) []ui.Node {
	c := f.Challenge()
	if !m.offered && !c.Unsent() {
		return nil
	}
	if l := f.Followed(); l != nil {
		nodes := []ui.Node{m.said.confirm.Node(ui.GroupCode, ID, l.Address)}
		if l.Token != "" {
			return append([]ui.Node{hidden(ui.NodeToken, l.Token)}, nodes...)
		}
		return append([]ui.Node{m.input(m.said.code, l.Code)}, nodes...)
	}
	if f.State != selfservice.StateSentEmail || c == nil {
		return []ui.Node{ui.NewAddress(ui.GroupCode, f.Address(), m.SMS), submit(ui.LabelContinue)}
	}
	nodes := []ui.Node{m.input(m.said.code, nil), hidden(ui.NodeMethod, ID), submit(ui.LabelContinue)}
	switch {
	case c.Unsent():
		return nodes
	case c.Via == identity.ViaSMS:
		return append(nodes, resend(ui.NodeSMS, c.Address, c))
	}
	return append(nodes, resend(ui.NodeEmail, c.Address, c))
}

func (m proof) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	if typed := s.TypedAddress(); typed != "" {
		return selfservice.Asked, s.Ask(ctx, typed)
	}
	switch {
	case s.Answer == selfservice.Right:
		return selfservice.Done, nil
	case s.Answer == selfservice.Wrong:
		id := m.said.wrongCode
		if s.Input.Body.String(ui.NodeToken) != "" {
			id = m.said.wrongToken
		}
		s.Next.Problems = []ui.Problem{{ID: id}}
		return selfservice.Asked, nil
	case s.Flow.State == selfservice.StateSentEmail:
		return selfservice.Asked, missing()
	}
	return selfservice.Asked, s.Ask(ctx, "")
}
