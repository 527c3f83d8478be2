package code

import (
	"context"
	"time"

	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// registration signs people up without a password, and proves the address of any
// drafted registration. The traits travel along in hidden fields, since clients
// of the protocol repeat them.
type registration struct{ *Strategy }

func (m registration) Form(f *selfservice.Flow) []ui.Node {
	l := f.Followed()
	if l != nil && l.Elsewhere {
		return elsewhere(l)
	}
	traits, ok := m.Traits[f.SchemaID]
	switch {
	case !ok:
		return nil
	case !f.Drafted() && (!m.Passwordless || f.State != selfservice.StateChooseMethod || f.Stage() == selfservice.StageWho):
		return nil
	case !f.Drafted():
		return append(f.TraitNodes(traits), submit(ui.LabelSendSignUpCode))
	}
	nodes := append(traits.Hidden(ui.GroupDefault, f.Traits()), hidden(ui.NodeMethod, ID))
	if l == nil {
		nodes = append(nodes, m.input(ui.LabelSignUpCode, nil), submit(ui.LabelContinue))
	} else {
		nodes = append(nodes, m.input(ui.LabelSignUpCode, l.Code), hidden(ui.NodeToken, l.Token), submit(ui.LabelConfirmSignUp))
	}
	nodes = append(nodes, resend(ui.NodeResend, ID, f.Challenge()))
	if f.Stage() != selfservice.StageWhole {
		nodes = append(nodes, selfservice.ScreenNode(ui.GroupCode, selfservice.ScreenChoice))
	}
	return nodes
}

// elsewhere is what another client than the one that signs up is shown: the
// code to type there, and who asked for it. There is no button: nobody's click
// finishes what a stranger began.
func elsewhere(l *selfservice.Followed) []ui.Node {
	asked, id := map[string]any{"at": l.At.Format(time.RFC1123), "ip": l.Asker.IP}, ui.InfoAskedFrom
	if name := device(l.Asker.UserAgent); name != "" {
		asked["device"], id = name, ui.InfoWhoAsked
	}
	return []ui.Node{
		ui.NewText(ui.GroupCode, "type_code", ui.InfoTypeCode, map[string]any{"code": l.Code}),
		ui.NewText(ui.GroupCode, "who_asked", id, asked),
	}
}

func (m registration) Apply(_ context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	switch {
	case !s.Flow.Drafted() && s.Answer != selfservice.NoAnswer:
		return selfservice.Asked, selfservice.Refuse("", ui.ErrSignUpCode, nil)
	case !s.Flow.Drafted():
		return m.draft(s)
	case s.Input.Body.String(ui.NodeResend) != "":
		s.ResendSignUp()
		return selfservice.Asked, nil
	case !s.SameTraits():
		return selfservice.Asked, selfservice.Refuse("", ui.ErrTraitsChanged, nil)
	case s.Answer == selfservice.NoAnswer:
		return selfservice.Asked, missing()
	case s.Answer == selfservice.Wrong:
		return selfservice.Asked, selfservice.Refuse("", ui.ErrSignUpCode, nil)
	}
	if err := s.Realise(); err != nil {
		return selfservice.Asked, err
	}
	return selfservice.Done, nil
}

// draft is the first submit: who somebody is. The engine sends the code.
func (m registration) draft(s *selfservice.Step) (selfservice.Progress, error) {
	drafted, violations := m.Identities.Draft(s.Schema, s.Traits)
	if len(violations) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: ui.Problems(violations)}
	}
	s.Identity = drafted
	return selfservice.Done, nil
}
