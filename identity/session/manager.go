package session

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/seal"
)

// tokenPrefix marks a session token, so that scanners find leaked ones.
const tokenPrefix = "ory_st_"

// tokenLength counts prefix and secret.
const tokenLength = len(tokenPrefix) + 32

// Manager issues sessions and finds them again.
type Manager struct {
	Store    Store
	Lifespan time.Duration
	Now      func() time.Time
}

// Plan makes a session and its token without storing either; InsertSession
// with Hash(token) does. The identity has just proven itself by method.
func (m *Manager) Plan(identityID uuid.UUID, method string, d Device) (*Session, string) {
	now := m.Now().UTC()
	d.ID = uuid.Must(uuid.NewV4())
	return &Session{
		ID:              uuid.Must(uuid.NewV4()),
		IdentityID:      identityID,
		Active:          true,
		AAL:             AAL1,
		Methods:         []Method{{Method: method, AAL: AAL1, CompletedAt: now}},
		Device:          d,
		IssuedAt:        now,
		AuthenticatedAt: now,
		ExpiresAt:       now.Add(m.Lifespan),
	}, newToken()
}

// Renew gives a live session a fresh token, or returns ErrNotFound. The tokens
// it had keep working: another answer may carry them.
func (m *Manager) Renew(ctx context.Context, id uuid.UUID) (*Session, string, error) {
	s, err := m.Store.Session(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if !s.Live(m.Now()) {
		return nil, "", ErrNotFound
	}
	token := newToken()
	return s, token, m.Store.InsertToken(ctx, id, Hash(token))
}

// ByToken returns the live session of an active identity that token leads to,
// or ErrNotFound. Only the exact token does; a malformed one never reaches the
// store.
func (m *Manager) ByToken(ctx context.Context, token string) (*Session, error) {
	if len(token) != tokenLength || !strings.HasPrefix(token, tokenPrefix) {
		return nil, ErrNotFound
	}
	s, err := m.Store.SessionByToken(ctx, Hash(token))
	if err != nil {
		return nil, err
	}
	if !s.Live(m.Now()) || s.Identity.State != identity.StateActive {
		return nil, ErrNotFound
	}
	return s, nil
}

// Hash is how a token is stored: it has 190 bits of its own, so a plain
// SHA-256 cannot be searched.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func newToken() string { return tokenPrefix + seal.Alphanumeric(32) }
