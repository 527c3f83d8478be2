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
	if !ok || f.State != selfservice.StateChooseMethod || f.Stage() == selfservice.StageWho {
		return nil
	}
	return append(f.TraitNodes(traits), field("new-password"), submit(ui.LabelSignUp))
}

// Apply drafts the identity. Everything that is wrong with traits and password
// is told at once; hashing, the costly part, begins only when nothing is.
func (m registration) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	draft, violations := m.Identities.Draft(s.Schema, s.Traits)
	problems := ui.Problems(violations)
	password := s.Input.Body.String(ui.NodePassword)
	if password == "" {
		problems = append(problems, required())
	} else {
		problems = append(problems, m.Policy.Judge(password, identity.TypedIdentifiers(s.Schema, s.Traits))...)
	}
	if len(problems) == 0 && len(draft.PasswordIdentifiers()) == 0 {
		problems = append(problems, ui.Problem{ID: ui.ErrNoIdentifier})
	}
	if len(problems) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: problems}
	}
	hashed, err := m.hash(ctx, password)
	if err != nil {
		return selfservice.Asked, err
	}
	draft.SetPassword(hashed)
	s.Identity = draft
	return selfservice.Done, nil
}
