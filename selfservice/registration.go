package selfservice

import (
	"context"
	"errors"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice/ui"
)

func registrationSays(f *Flow) []ui.Problem {
	switch {
	case f.waits():
		return says(ui.InfoSignUpCodeSent)
	case f.Stage() == StageHow && f.notes.Followed == nil:
		return says(ui.InfoChooseCredential)
	}
	return nil
}

// completedEvent tells that somebody has registered.
func (s *Step) completedEvent() identity.Event {
	facts := map[string]any{"flow_id": s.Flow.ID, "method": s.Next.Active}
	if payload := s.Next.notes.Transient; payload != nil {
		facts["transient_payload"] = payload
	}
	return identity.Event{Type: identity.EventRegistrationCompleted, Subject: s.Identity.ID, Identity: s.Identity, Facts: facts}
}

// failedEvent tells that a registration was refused, and nothing of what was typed.
func (s *Step) failedEvent(problems []ui.Problem) identity.Event {
	told := make([]map[string]any, len(problems))
	for n, p := range problems {
		told[n] = map[string]any{"node": p.Node, "id": p.ID}
	}
	return identity.Event{Type: identity.EventRegistrationFailed, Subject: s.Flow.ID, Facts: map[string]any{
		"flow_id": s.Flow.ID, "method": s.Next.Active, "problems": told,
	}}
}

// finishRegistration is what a registration is for: the identity comes to be.
func finishRegistration(ctx context.Context, e *Engine, s *Step) error {
	err := e.Identities.Create(ctx, s.Identity)
	switch {
	case errors.Is(err, identity.ErrTaken):
		return s.taken(ui.ErrTaken)
	case err != nil, e.Identities.Events == nil:
		return err
	}
	return e.Identities.Events.Record(ctx, s.completedEvent())
}
