package identity

import (
	"context"
	"time"

	"github.com/gofrs/uuid"
)

// Store keeps identities. Every method joins the transaction in ctx, if any.
type Store interface {
	// InsertIdentity writes the identity, its addresses, credentials and
	// identifiers. It returns ErrTaken if one of them belongs to another identity.
	InsertIdentity(ctx context.Context, i *Identity) error
	// Identity reads one with addresses and credentials, or returns ErrNotFound.
	Identity(ctx context.Context, id uuid.UUID) (*Identity, error)
	// Identities reads a page in ascending order of id, with addresses, without credentials.
	Identities(ctx context.Context, q Query) ([]*Identity, error)
	// VerifiableAddress reads the identity that has the address to verify, with
	// addresses and without credentials, or returns ErrNotFound.
	VerifiableAddress(ctx context.Context, via, canonical string) (*Identity, error)
	// Taken reports whether InsertIdentity would return ErrTaken for i now.
	Taken(ctx context.Context, i *Identity) (bool, error)
	// VerifyAddress marks an address as verified and raises the identity's
	// epoch, on the condition that it is still the given one; else it returns
	// ErrOutdated. First tells whether the address had not been verified before.
	VerifyAddress(ctx context.Context, identityID, addressID uuid.UUID, epoch int, at time.Time) (first bool, err error)
	// DeleteIdentity removes it with all that belongs to it, or returns ErrNotFound.
	DeleteIdentity(ctx context.Context, id uuid.UUID) error
}

// Query selects a page of identities.
type Query struct {
	After      uuid.UUID // the last id of the page before; Nil for the first page
	Limit      int
	Identifier string // canonical; empty for all
}
