package session

import (
	"context"
	"time"

	"github.com/gofrs/uuid"
)

// Store keeps sessions. Every method joins the transaction in ctx, if any.
type Store interface {
	// Tx runs fn in one transaction, joining the one in ctx. Any error rolls back.
	// fn may run again, so it must not keep state of its own across calls.
	Tx(ctx context.Context, fn func(context.Context) error) error
	// InsertSession writes a session and its first token's hash.
	InsertSession(ctx context.Context, s *Session, tokenHash []byte) error
	// InsertToken gives an existing session one more token.
	InsertToken(ctx context.Context, sessionID uuid.UUID, tokenHash []byte) error
	// SessionByToken reads the session and its identity with addresses in one
	// SELECT, or returns ErrNotFound. Whether it is live is the caller's question.
	SessionByToken(ctx context.Context, tokenHash []byte) (*Session, error)
	// Session reads one by id, with its identity, or returns ErrNotFound.
	Session(ctx context.Context, id uuid.UUID) (*Session, error)
	// Sessions reads a page, newest first, each with its identity.
	Sessions(ctx context.Context, q Query) ([]*Session, error)
	// CountSessions counts what q selects on all its pages.
	CountSessions(ctx context.Context, q Query) (int, error)
	// ExtendSession moves the end of a session that lives at now to until, if
	// it would have come before both before and until, else it does nothing.
	ExtendSession(ctx context.Context, id uuid.UUID, now, before, until time.Time) error
	// Reauthenticate saves s, whose tokens give way to one with the given hash,
	// if it lives at s.AuthenticatedAt and was last authenticated at seen before,
	// else it returns ErrNotFound.
	Reauthenticate(ctx context.Context, s *Session, seen time.Time, tokenHash []byte) error
	// EndSessions disables or deletes what sel selects, and returns how many
	// sessions that were. No token leads to them any more once this is
	// committed. More says that everybody's were selected and some are left.
	EndSessions(ctx context.Context, sel Selection) (n int, more bool, err error)
}

// Query selects a page of sessions.
type Query struct {
	Identity uuid.UUID // whose; Nil for anybody's
	Except   uuid.UUID // a session to leave out; Nil for none
	Active   *bool     // only those that live at Now, or only those that do not; nil for all
	Now      time.Time // with Active

	// The page: what follows a session, or what comes after as many as Offset.
	BeforeIssued time.Time
	BeforeID     uuid.UUID
	Offset       int
	Limit        int
}

// Selection is the sessions that are to end; the zero value is none.
type Selection struct {
	Sessions   []uuid.UUID // these, or
	Identities []uuid.UUID // all that these have, or
	Everybody  bool        // everybody's, as many as one call should take
	Owner      uuid.UUID   // of Sessions only those of this identity; Nil for anybody's
	Spare      uuid.UUID   // a session that is not to end; Nil for none
	Delete     bool        // take the rows away; else they are kept until they expire
	// Ended is told which sessions that were active end, none more than once, in
	// each transaction that ends some; its error takes that back. Nil for nobody,
	// which saves looking.
	Ended func(ctx context.Context, ended []Ended) error
}

// Ended is a session that has ended before its time.
type Ended struct {
	ID, IdentityID uuid.UUID
	ExpiresAt      time.Time
}
