package hook

import (
	"context"

	"github.com/foyer-id/foyer/selfservice"
)

// RequireVerifiedAddress lets nobody in by an identifier that is an address and
// not proved yet; who signs in otherwise needs one proved address at least. A
// verification flow is opened instead.
func RequireVerifiedAddress() selfservice.Hook {
	return selfservice.Hook{Name: "require_verified_address", Turn: selfservice.Judges, Run: func(_ context.Context, s *selfservice.Step) error {
		return s.RequireVerified()
	}}
}

// RevokeActiveSessions ends every other session of the person.
func RevokeActiveSessions() selfservice.Hook {
	return selfservice.Hook{Name: "revoke_active_sessions", Turn: selfservice.Plans, Run: func(_ context.Context, s *selfservice.Step) error {
		s.EndOthers = true
		return nil
	}}
}
