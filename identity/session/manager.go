package session

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
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

// Manager issues sessions, finds them again and ends them.
type Manager struct {
	Store    Store
	Events   identity.Events // nil where nobody listens
	Lifespan time.Duration
	// Extendable is how close to its end a session may be extended; zero for
	// always.
	Extendable time.Duration
	Ring       *seal.Ring // of logout tokens
	Now        func() time.Time
}

// Plan makes a session and its token without storing either; Start with
// Hash(token) does. The identity has just proven itself by proof.
func (m *Manager) Plan(identityID uuid.UUID, proof Method, d Device) (*Session, string) {
	now := m.Now().UTC()
	proof.CompletedAt = now
	d.ID = uuid.Must(uuid.NewV4())
	return &Session{
		ID:              uuid.Must(uuid.NewV4()),
		IdentityID:      identityID,
		Active:          true,
		AAL:             proof.AAL,
		Methods:         []Method{proof},
		Device:          d,
		IssuedAt:        now,
		AuthenticatedAt: now,
		ExpiresAt:       now.Add(m.Lifespan),
	}, newToken()
}

// Replan makes of a live session what it is once its identity has proven itself
// again, by proof and from d, and its new token, without storing either:
// Reauthenticate with the old AuthenticatedAt does, and ends every older
// token of the session in the same commit. The session keeps its id; its level
// never falls. Of several proofs of one kind it keeps the last.
func (m *Manager) Replan(s *Session, proof Method, d Device) (*Session, string) {
	now := m.Now().UTC()
	next := *s
	next.AAL = max(s.AAL, proof.AAL)
	next.Methods = slices.DeleteFunc(slices.Clone(s.Methods), func(m Method) bool { return m.Method == proof.Method && m.AAL == proof.AAL })
	proof.CompletedAt = now
	next.Methods = append(next.Methods, proof)
	next.Device.IP, next.Device.UserAgent = d.IP, d.UserAgent
	next.AuthenticatedAt, next.ExpiresAt = now, now.Add(m.Lifespan)
	return &next, newToken()
}

// Extend gives a live session its full lifespan from now on, if it is close
// enough to its end, else leaves it as it is. What has ended is ErrNotFound.
func (m *Manager) Extend(ctx context.Context, id uuid.UUID) (*Session, error) {
	now := m.Now().UTC()
	before := now.Add(cmp.Or(m.Extendable, m.Lifespan))
	if err := m.Store.ExtendSession(ctx, id, now, before, now.Add(m.Lifespan)); err != nil {
		return nil, err
	}
	// Read afterwards, so that nobody is told of a session that somebody else
	// has ended meanwhile that it was extended.
	s, err := m.Store.Session(ctx, id)
	if err != nil {
		return nil, err
	}
	if !s.Live(now) {
		return nil, ErrNotFound
	}
	return s, nil
}

// End ends the session that token leads to, or returns ErrNotFound.
func (m *Manager) End(ctx context.Context, token string) error {
	s, err := m.find(ctx, token)
	if err != nil {
		return err
	}
	if !s.Live(m.Now()) {
		return ErrNotFound
	}
	return m.EndOne(ctx, s.ID)
}

// EndOne ends a session. One that has ended already is no error.
func (m *Manager) EndOne(ctx context.Context, id uuid.UUID) error {
	_, _, err := m.EndSome(ctx, Selection{Sessions: []uuid.UUID{id}})
	return err
}

// EndAll ends every session of an identity but the one to spare, Nil for none,
// and returns how many that were. It joins the transaction in ctx.
func (m *Manager) EndAll(ctx context.Context, identityID, spare uuid.UUID) (int, error) {
	n, _, err := m.EndSome(ctx, Selection{Identities: []uuid.UUID{identityID}, Spare: spare})
	return n, err
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
	s, err := m.find(ctx, token)
	if err != nil {
		return nil, err
	}
	if !s.Live(m.Now()) || s.Identity.State != identity.StateActive {
		return nil, ErrNotFound
	}
	return s, nil
}

func (m *Manager) find(ctx context.Context, token string) (*Session, error) {
	if len(token) != tokenLength || !strings.HasPrefix(token, tokenPrefix) {
		return nil, ErrNotFound
	}
	return m.Store.SessionByToken(ctx, Hash(token))
}

// Hash is how a token is stored: it has 190 bits of its own, so a plain
// SHA-256 cannot be searched.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func newToken() string { return tokenPrefix + seal.Alphanumeric(32) }
