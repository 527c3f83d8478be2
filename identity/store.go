package identity

import (
	"context"
	"time"

	"github.com/gofrs/uuid"
)

// Store keeps identities. Every method joins the transaction in ctx, if any.
type Store interface {
	// Tx runs fn in one transaction, joining the one in ctx. Any error rolls back.
	// fn may run again, so it must not keep state of its own across calls.
	Tx(ctx context.Context, fn func(context.Context) error) error
	// InsertIdentity writes the identity, its addresses, credentials and
	// identifiers. It returns ErrTaken if one of them belongs to another identity.
	InsertIdentity(ctx context.Context, i *Identity) error
	// Identity reads one with addresses and credentials, or returns ErrNotFound.
	Identity(ctx context.Context, id uuid.UUID) (*Identity, error)
	// ByExternalID is Identity by the id that another system gave.
	ByExternalID(ctx context.Context, externalID string) (*Identity, error)
	// Identities reads a page in ascending order of id, with addresses.
	Identities(ctx context.Context, q Query) ([]*Identity, error)
	// CountIdentities is how many there are.
	CountIdentities(ctx context.Context) (int, error)
	// ByAddress reads the identity that has the address for a purpose, with
	// addresses and without credentials, or returns ErrNotFound, which takes as long.
	ByAddress(ctx context.Context, purpose Purpose, via, canonical string) (*Identity, error)
	// ByIdentifier reads the identity that signs in with an identifier, with
	// addresses and credentials, or returns ErrNotFound, which takes as long.
	ByIdentifier(ctx context.Context, canonical string) (*Identity, error)
	// ByLink reads the identity that signs in by an account with a provider, a
	// LinkName, as ByIdentifier does.
	ByLink(ctx context.Context, name string) (*Identity, error)
	// Taken reports whether InsertIdentity would return ErrTaken for i now.
	Taken(ctx context.Context, i *Identity) (bool, error)
	// UpdateIdentity saves all of i, which is a changed copy of what was read, Rev
	// raised by one. It returns ErrOutdated if somebody saved it meanwhile or it
	// is gone, and ErrTaken if an identifier, address or external id is another's;
	// then nothing is saved. It signs in afterwards with its Identifiers and those
	// of its credentials, where they share a space. Credentials that are nil stay as
	// they are, and so does what i signs in with where Identifiers is nil; an empty
	// slice means none.
	UpdateIdentity(ctx context.Context, i *Identity) error
	// HoldIdentity keeps what was read as i from being saved by others until the
	// transaction in ctx ends, or returns ErrOutdated if that was done meanwhile or
	// it is gone.
	HoldIdentity(ctx context.Context, i *Identity) error
	// VerifyAddress marks an address as verified and raises the identity's epoch
	// and revision, on the condition that the epoch is still the given one; else it
	// returns ErrOutdated. First tells whether the address had not been verified before.
	VerifyAddress(ctx context.Context, identityID, addressID uuid.UUID, epoch int, at time.Time) (first bool, err error)
	// DeleteIdentity removes it with all that belongs to it, or returns ErrNotFound.
	DeleteIdentity(ctx context.Context, id uuid.UUID) error
}

// Purpose is what an address is for.
type Purpose string

// The purposes of an address.
const (
	ForVerification Purpose = "verifiable"
	ForRecovery     Purpose = "recovery"
)

// Query selects a page of identities: by IDs, or by whoever has Identifier or Link,
// or all.
type Query struct {
	IDs         []uuid.UUID // none twice; nil where they are not asked for, and then the rest holds
	After       uuid.UUID   // the last id of the page before; Nil for the first page
	Offset      int         // how many of all to leave out; with neither After nor a name
	Limit       int
	Identifier  string // canonical
	Link        string // a LinkName
	Credentials bool   // read them, too
}
