package session

import (
	"context"
	"slices"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/web"
)

// Start stores a planned session with its first token's hash. It joins the
// transaction in ctx, as do all that change sessions.
func (m *Manager) Start(ctx context.Context, s *Session, tokenHash []byte) error {
	return m.recorded(ctx, identity.EventSessionIssued, s, func(ctx context.Context) error {
		return m.Store.InsertSession(ctx, s, tokenHash)
	})
}

// Reauthenticate stores what Replan made of a session that was last
// authenticated at seen, or returns ErrNotFound where it is not like that now.
func (m *Manager) Reauthenticate(ctx context.Context, s *Session, seen time.Time, tokenHash []byte) error {
	return m.recorded(ctx, identity.EventSessionRefreshed, s, func(ctx context.Context) error {
		return m.Store.Reauthenticate(ctx, s, seen, tokenHash)
	})
}

// EndSome ends what sel selects, as Store.EndSessions does.
func (m *Manager) EndSome(ctx context.Context, sel Selection) (n int, more bool, err error) {
	if _, called := web.CallerOf(ctx); called || m.Events != nil {
		sel.Ended = m.ended
	}
	return m.Store.EndSessions(ctx, sel)
}

// recorded makes a change of s and records it, in one transaction.
func (m *Manager) recorded(ctx context.Context, kind string, s *Session, change func(context.Context) error) error {
	if m.Events == nil {
		return change(ctx)
	}
	return m.Store.Tx(ctx, func(ctx context.Context) error {
		if err := change(ctx); err != nil {
			return err
		}
		return m.Events.Record(ctx, identity.Event{Type: kind, Subject: s.IdentityID, Identity: s.Identity, Facts: map[string]any{
			"session": s.ID, "methods": s.Methods, "aal": s.AAL, "device": device(s.Device),
			"issued_at": s.IssuedAt, "authenticated_at": s.AuthenticatedAt, "expires_at": s.ExpiresAt,
		}})
	})
}

// ended tells whoever wants to know whose sessions have ended.
func (m *Manager) ended(ctx context.Context, ended []Ended) error {
	for _, e := range ended {
		web.Concern(ctx, e.IdentityID)
	}
	if m.Events == nil {
		return nil
	}
	return m.revoked(ctx, ended)
}

// maxTold bounds the sessions that one event names.
const maxTold = 100

// revoked records for each identity which of its sessions have ended. What had
// run out has not.
func (m *Manager) revoked(ctx context.Context, ended []Ended) error {
	now := m.Now()
	var owners []uuid.UUID
	of := map[uuid.UUID][]uuid.UUID{}
	for _, e := range ended {
		if !now.Before(e.ExpiresAt) {
			continue
		}
		if of[e.IdentityID] == nil {
			owners = append(owners, e.IdentityID)
		}
		of[e.IdentityID] = append(of[e.IdentityID], e.ID)
	}
	for _, owner := range owners {
		for some := range slices.Chunk(of[owner], maxTold) {
			err := m.Events.Record(ctx, identity.Event{
				Type: identity.EventSessionRevoked, Subject: owner, Facts: map[string]any{"sessions": some, "count": len(some)},
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
