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

// finishRegistration is what a registration is for: the identity comes to be.
func finishRegistration(ctx context.Context, e *Engine, s *Step) error {
	err := e.Identities.Create(ctx, s.Identity)
	if errors.Is(err, identity.ErrTaken) {
		return Refuse("", ui.ErrTaken, nil)
	}
	return err
}
