package hook

import (
	"context"

	"github.com/foyer-id/foyer/selfservice"
)

// Verification opens a verification flow for the first address that is not
// proved yet and sends the secret there, in the flow's own commit.
func Verification() selfservice.Hook {
	return selfservice.Hook{Name: "verification", Turn: selfservice.Plans, Run: func(_ context.Context, s *selfservice.Step) error {
		s.PlanVerification()
		return nil
	}}
}

// ShowVerificationUI sends the client to the verification flow that the hook
// Verification opened. Where there is nothing to verify it does nothing.
func ShowVerificationUI() selfservice.Hook {
	return selfservice.Hook{Name: "show_verification_ui", Turn: selfservice.Plans, Run: func(_ context.Context, s *selfservice.Step) error {
		s.ShowVerification = s.Verification != nil
		return nil
	}}
}

// NotifyPreviousAddresses tells addresses that the person had before that one of
// them was changed.
func NotifyPreviousAddresses(to selfservice.Recipients) selfservice.Hook {
	return selfservice.Hook{Name: "notify_previous_addresses", Turn: selfservice.Plans, Run: func(_ context.Context, s *selfservice.Step) error {
		s.NotifyPrevious(to)
		return nil
	}}
}
