package session

import (
	"context"

	"github.com/gofrs/uuid"
)

// Store keeps sessions. Every method joins the transaction in ctx, if any.
type Store interface {
	// InsertSession writes a session and its first token's hash.
	InsertSession(ctx context.Context, s *Session, tokenHash []byte) error
	// InsertToken gives an existing session one more token.
	InsertToken(ctx context.Context, sessionID uuid.UUID, tokenHash []byte) error
	// SessionByToken reads the session and its identity with addresses in one
	// SELECT, or returns ErrNotFound. Whether it is live is the caller's question.
	SessionByToken(ctx context.Context, tokenHash []byte) (*Session, error)
	// RevokeSessions ends every session of an identity but the one to spare,
	// Nil for none. No token leads to them any more once this is committed.
	RevokeSessions(ctx context.Context, identityID, spare uuid.UUID) error
	// Session reads one by id, with its identity, or returns ErrNotFound.
	Session(ctx context.Context, id uuid.UUID) (*Session, error)
}
