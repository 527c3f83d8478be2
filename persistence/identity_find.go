package persistence

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
)

// Where nobody has what is asked for, somebody else is read and forgotten, so
// that it takes as long; and where somebody has, the other is looked for, too.
// The outer LIMIT keeps PostgreSQL from looking wherever the id is used.
const (
	sqlSomebody = `(SELECT COALESCE((SELECT id FROM identities WHERE id >= ? ORDER BY id LIMIT 1),
			(SELECT id FROM identities ORDER BY id LIMIT 1)) AS id LIMIT 1) other`

	sqlByAddress = `SELECT v.id, other.id, ` + personColumns + ` FROM ` + sqlSomebody + `
		LEFT JOIN addresses v ON v.purpose = ? AND v.via = ? AND v.canonical = ?
		JOIN identities i ON i.id = COALESCE(v.identity_id, other.id) JOIN addresses a ON a.identity_id = i.id`
	sqlByIdentifier = `SELECT n.identity_id, other.id, ` + wholeColumns + ` FROM ` + sqlSomebody + `
		LEFT JOIN identifiers n ON n.space = ? AND n.value = ?
		JOIN identities i ON i.id = COALESCE(n.identity_id, other.id)` + wholeJoins
	sqlIdentity     = `SELECT i.id, i.id, ` + wholeColumns + ` FROM identities i` + wholeJoins + ` WHERE i.id = ?`
	sqlByExternalID = `SELECT i.id, i.id, ` + wholeColumns + ` FROM identities i` + wholeJoins + ` WHERE i.external_id = ?`

	wholeColumns = `c.id, c.type, c.identifiers, c.config, c.version, c.created_at, c.updated_at, ` + personColumns
	wholeJoins   = ` LEFT JOIN addresses a ON a.identity_id = i.id LEFT JOIN credentials c ON c.identity_id = i.id`
)

// found gathers an identity from rows that repeat it for each of its parts.
type found struct {
	identity    *identity.Identity // nil where there was no row
	theirs      sql.NullString     // NULL where it is somebody else
	others      sql.NullString
	addresses   map[uuid.UUID]addressRow
	credentials map[uuid.UUID]credentialRow
}

// find runs a statement that begins with sqlSomebody. The name leads to that
// somebody: always the same one for a name, another one for others.
func (s *Store) find(ctx context.Context, query, name string, args []any, credentials bool) (*identity.Identity, error) {
	return s.gather(ctx, query, append([]any{uuid.NewV5(uuid.Nil, name).String()}, args...), credentials)
}

// gather runs a statement whose rows are all of one person.
func (s *Store) gather(ctx context.Context, query string, args []any, credentials bool) (*identity.Identity, error) {
	var f found
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		f = found{addresses: map[uuid.UUID]addressRow{}, credentials: map[uuid.UUID]credentialRow{}}
		return c.query(ctx, query, args, func(rows *sql.Rows) error { return f.add(rows, credentials) })
	})
	if err != nil {
		return nil, err
	}
	i, err := f.person()
	if err != nil {
		return nil, err
	}
	if !f.theirs.Valid {
		return nil, identity.ErrNotFound
	}
	return i, nil
}

func (f *found) add(rows *sql.Rows, credentials bool) error {
	var k credentialRow
	before := []any{&f.theirs, &f.others}
	if credentials {
		before = append(before, &k.ID, &k.Type, &k.Identifiers, &k.Config, &k.Version, &k.CreatedAt, &k.UpdatedAt)
	}
	i, a, err := scanPerson(rows, before...)
	if err != nil {
		return err
	}
	if f.identity == nil {
		f.identity = i.identity()
	}
	f.addresses[a.ID.UUID], f.credentials[k.ID.UUID] = a, k
	return nil
}

// person puts the identity together, whoever it is.
func (f *found) person() (*identity.Identity, error) {
	addresses := make([]addressRow, 0, len(f.addresses))
	for _, a := range f.addresses {
		addresses = append(addresses, a)
	}
	addAddresses(addresses, func(uuid.UUID) *identity.Identity { return f.identity })
	for _, k := range f.credentials {
		if !k.ID.Valid {
			continue
		}
		credential, err := k.credential()
		if err != nil {
			return nil, err
		}
		f.identity.Credentials = append(f.identity.Credentials, credential)
	}
	if f.identity != nil {
		slices.SortFunc(f.identity.Credentials, func(a, b identity.Credential) int { return cmp.Compare(a.Type, b.Type) })
	}
	return f.identity, nil
}

// Identity reads one with addresses and credentials, or returns identity.ErrNotFound.
func (s *Store) Identity(ctx context.Context, id uuid.UUID) (*identity.Identity, error) {
	i, err := s.gather(ctx, sqlIdentity, []any{id.String()}, true)
	return i, wrap("read an identity", err)
}

// ByExternalID reads the identity that another system calls so, with addresses and
// credentials, or returns identity.ErrNotFound.
func (s *Store) ByExternalID(ctx context.Context, externalID string) (*identity.Identity, error) {
	if externalID == "" || free(externalID) != externalID {
		return nil, identity.ErrNotFound // and PostgreSQL would not be asked so
	}
	i, err := s.gather(ctx, sqlByExternalID, []any{externalID}, true)
	return i, wrap("read an identity by its external id", err)
}

// ByAddress reads the identity that has the address for a purpose, with
// addresses, or returns identity.ErrNotFound, which takes as long.
func (s *Store) ByAddress(ctx context.Context, purpose identity.Purpose, via, canonical string) (*identity.Identity, error) {
	i, err := s.find(ctx, sqlByAddress, canonical, []any{string(purpose), via, canonical}, false)
	return i, wrap("read an identity by its address", err)
}

// ByIdentifier reads the identity that signs in with an identifier, with
// addresses and credentials, or returns identity.ErrNotFound, which takes as long.
func (s *Store) ByIdentifier(ctx context.Context, canonical string) (*identity.Identity, error) {
	return s.byIdentifier(ctx, identity.SpaceLogin, canonical)
}

// ByLink reads the identity that signs in by an account with a provider, with
// addresses and credentials, or returns identity.ErrNotFound, which takes as long.
func (s *Store) ByLink(ctx context.Context, name string) (*identity.Identity, error) {
	return s.byIdentifier(ctx, identity.CredentialOIDC.Space(), name)
}

func (s *Store) byIdentifier(ctx context.Context, space, name string) (*identity.Identity, error) {
	i, err := s.find(ctx, sqlByIdentifier, name, []any{space, name}, true)
	return i, wrap("read an identity by its identifier", err)
}
