package identity

import (
	"context"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/web"
)

// The types of events. Those of flows are recorded by the engine, those of calls of
// the admin API by who lets them in, the others by the Manager of what they are about.
const (
	EventRegistrationCompleted = "registration.completed"
	EventRegistrationFailed    = "registration.failed"
	EventRecoveryCompleted     = "recovery.completed"
	EventAddressVerified       = "address.verified"
	EventSessionIssued         = "session.issued"
	EventSessionRefreshed      = "session.refreshed"
	EventSessionRevoked        = "session.revoked"
	EventIdentityCreated       = "identity.created"
	EventIdentityUpdated       = "identity.updated"
	EventIdentityDeleted       = "identity.deleted"
	EventAdminAudited          = "admin.audited"
)

// EventType is a type of events and when they happen.
type EventType struct{ Name, Says string }

// EventTypes are all there are.
var EventTypes = []EventType{
	{EventRegistrationCompleted, "Somebody has registered by a flow."},
	{EventRegistrationFailed, "A registration was refused: by the form, or by a hook."},
	{EventRecoveryCompleted, "Somebody came back into their account by a recovery."},
	{EventAddressVerified, "An address was proved for the first time."},
	{EventSessionIssued, "Somebody signed in: a session began."},
	{EventSessionRefreshed, "Somebody who was signed in proved it again, and the session has another token."},
	{EventSessionRevoked, "Sessions ended before their time."},
	{EventIdentityCreated, "An identity came to be, by a flow or the admin API."},
	{EventIdentityUpdated, "Something about an identity changed."},
	{EventIdentityDeleted, "An identity is gone, with all that belonged to it."},
	{EventAdminAudited, "Somebody called the admin API to change something, whatever came of it."},
}

// Event is something that has happened to a person.
type Event struct {
	Type string // one of EventTypes
	// Subject is what events stay in order by: the identity's id, or a flow's where
	// there is nobody yet; Nil where there is no order to keep.
	Subject  uuid.UUID
	Identity *Identity      // as it is now, perhaps with credentials; nil for none. It is not the listener's to change.
	Facts    map[string]any // beside, by JSON name; no secrets
}

// Events keeps what has happened for whoever listens.
type Events interface {
	// Record joins the transaction in ctx, and its error takes back what the event
	// tells of.
	Record(ctx context.Context, e Event) error
}

// recordAll makes a change of the identity with this id and records what it means,
// in one transaction. With no events the change stands alone.
func (m *Manager) recordAll(ctx context.Context, id uuid.UUID, change func(context.Context) error, events []Event) error {
	all := change
	if len(events) > 0 {
		all = func(ctx context.Context) error {
			return m.Store.Tx(ctx, func(ctx context.Context) error {
				if err := change(ctx); err != nil {
					return err
				}
				return m.record(ctx, events)
			})
		}
	}
	err := all(ctx)
	if err == nil {
		web.Concern(ctx, id)
	}
	return err
}

func (m *Manager) record(ctx context.Context, events []Event) error {
	for _, e := range events {
		if err := m.Events.Record(ctx, e); err != nil {
			return err
		}
	}
	return nil
}
