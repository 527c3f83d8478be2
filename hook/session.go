// Package hook is what runs at a flow's moments. A hook plans; what it plans
// is stored in the flow's own commit, so no hook leaves half of its work.
package hook

import (
	"context"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice"
)

// Session signs the person in who has just finished the flow. It runs last, so
// that any other hook can still refuse.
func Session(sessions *session.Manager) selfservice.Hook {
	return selfservice.Hook{
		Name: "session",
		Turn: selfservice.Ends,
		Run: func(_ context.Context, s *selfservice.Step) error {
			if s.Identity.State != identity.StateActive {
				return nil // a web_hook wants to look at them first
			}
			s.Session, s.SessionToken = sessions.Plan(s.Identity.ID, s.Proof(), s.Input.Device)
			s.Session.Identity = s.Identity
			planned, hash := s.Session, session.Hash(s.SessionToken)
			s.Write(func(ctx context.Context) error {
				return sessions.Start(ctx, planned, hash)
			})
			return nil
		},
	}
}
