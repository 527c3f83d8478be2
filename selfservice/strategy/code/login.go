package code

import (
	"context"

	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// login asks for an identifier, then for the code sent there. Nobody is told
// whether somebody signs in with it.
type login struct{ *Strategy }

func (m login) Form(f *selfservice.Flow) []ui.Node {
	who := f.IdentifierNode(m.Identifiers)
	switch {
	case !f.Offers(ID) || f.Stage() == selfservice.StageWho:
		return nil
	case f.State != selfservice.StateSentEmail:
		return []ui.Node{who, submit(ui.LabelSendLoginCode)}
	}
	nodes := []ui.Node{
		who,
		hidden(ui.NodeMethod, ID),
		m.input(ui.LabelLoginCode, nil),
		submit(ui.LabelContinue),
		resend(ui.NodeResend, ID, f.Challenge()),
	}
	if f.Stage() != selfservice.StageWhole {
		nodes = append(nodes, selfservice.ScreenNode(ui.GroupCode, selfservice.ScreenChoice))
	}
	return nodes
}

func (m login) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	if unnamed := s.Unnamed(); len(unnamed) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: unnamed}
	}
	switch {
	case s.Answer == selfservice.Right && !s.AsksLoginCode():
		return selfservice.Done, s.SignInByCode()
	case s.Answer != selfservice.NoAnswer:
		return selfservice.Asked, selfservice.Refuse("", ui.ErrLoginCode, nil)
	case s.Flow.State == selfservice.StateSentEmail && !s.AsksLoginCode():
		return selfservice.Asked, missing()
	}
	return selfservice.Asked, s.AskLoginCode(ctx)
}
