package password

import (
	"context"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// registration is the password strategy's part in a registration: all traits,
// a password, one button.
type registration struct{ *Strategy }

func (m registration) Form(f *selfservice.Flow) []ui.Node {
	traits, ok := m.Traits[f.SchemaID]
	if !ok || f.State != selfservice.StateChooseMethod {
		return nil
	}
	return append(traits.Nodes(f.Locale, f.Traits()),
		ui.NewInput(ui.GroupPassword, ui.Input{
			Name: ui.NodePassword, Type: ui.InputPassword, Required: true, Autocomplete: "new-password",
		}).Labelled(ui.LabelPassword, nil),
		ui.NewInput(ui.GroupPassword, ui.Input{
			Name: ui.NodeMethod, Type: ui.InputSubmit, Value: ID,
		}).Labelled(ui.LabelSignUp, nil),
	)
}

// Apply drafts the identity. Everything that is wrong with traits and password
// is told at once; hashing, the costly part, begins only when nothing is.
func (m registration) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	draft, violations := m.Identities.Draft(s.Schema, s.Traits)
	problems := ui.Problems(violations)
	password := s.Input.Body.String(ui.NodePassword)
	if password == "" {
		problems = append(problems, ui.Problem{Node: ui.NodePassword, ID: ui.ErrRequired, Context: map[string]any{"property": ui.NodePassword}})
	} else {
		problems = append(problems, m.Policy.Judge(password, identity.TypedIdentifiers(s.Schema, s.Traits))...)
	}
	if len(problems) == 0 && len(draft.Identifiers()) == 0 {
		problems = append(problems, ui.Problem{ID: ui.ErrNoIdentifier})
	}
	if len(problems) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: problems}
	}
	breached, err := m.Policy.Breached(ctx, password)
	if err != nil {
		return selfservice.Asked, err
	}
	if len(breached) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: breached}
	}
	hashed, err := m.Hasher.Hash(ctx, []byte(password))
	if err != nil {
		return selfservice.Asked, err
	}
	draft.SetPassword(hashed)
	s.Identity = draft
	return selfservice.Done, nil
}
