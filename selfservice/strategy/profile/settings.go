package profile

import (
	"context"

	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// settings changes traits, and with them what the person signs in with and where
// they are reached. Where none are sent, what the form shows is saved.
type settings struct{ *Strategy }

func (m settings) Form(f *selfservice.Flow) []ui.Node {
	traits, ok := m.Traits[f.SchemaID]
	if !ok {
		return nil
	}
	return append(f.TraitNodes(traits), submit(ui.LabelSave))
}

func (m settings) Apply(ctx context.Context, s *selfservice.Step) (selfservice.Progress, error) {
	traits := s.Traits
	if traits == nil {
		traits = s.Schema.Coerce(s.Flow.Traits())
	}
	next, moved, violations := m.Identities.Revise(s.Identity, s.Schema, traits)
	if len(violations) > 0 {
		return selfservice.Asked, &selfservice.Refused{Problems: ui.Problems(violations)}
	}
	if moved {
		if err := s.Privileged(); err != nil {
			return selfservice.Asked, err
		}
	}
	return selfservice.Done, s.Become(ctx, next)
}
