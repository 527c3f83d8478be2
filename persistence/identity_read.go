package persistence

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
)

const (
	identityColumns = `id, external_id, schema_id, state, state_changed_at, traits, metadata_public, metadata_admin, epoch, rev, created_at, updated_at`
	addressColumns  = `id, identity_id, purpose, position, via, value, canonical, verified, status, verified_at, created_at, updated_at`

	sqlIdentities   = `SELECT ` + identityColumns + ` FROM identities WHERE id > ? ORDER BY id LIMIT ?`
	sqlIdentitiesBy = `SELECT ` + identityColumns + ` FROM identities
		WHERE id IN (SELECT identity_id FROM identifiers WHERE value IN (?, ?)) AND id > ? ORDER BY id LIMIT ?`
	sqlIdentitiesFrom  = `SELECT ` + identityColumns + ` FROM identities ORDER BY id LIMIT ? OFFSET ?`
	sqlIdentitiesCount = `SELECT COUNT(*) FROM identities`
	sqlCredentials     = `SELECT id, type, identifiers, config, version, created_at, updated_at FROM credentials
		WHERE identity_id = ? ORDER BY type`
)

// atOnce is how many identities, or what belongs to them, one statement reads. The
// statement always has that many marks, so that there is one text only.
const atOnce = 100

var (
	marks = `(?` + strings.Repeat(", ?", atOnce-1) + `)`

	sqlIdentitiesOf  = `SELECT ` + identityColumns + ` FROM identities WHERE id IN ` + marks
	sqlAddresses     = `SELECT ` + addressColumns + ` FROM addresses WHERE identity_id IN ` + marks
	sqlCredentialsOf = `SELECT identity_id, id, type, identifiers, config, version, created_at, updated_at FROM credentials
		WHERE identity_id IN ` + marks
)

// personColumns are an identity and one of its addresses in one row, for
// statements that call their tables i and a.
const personColumns = `i.id, i.external_id, i.schema_id, i.state, i.state_changed_at, i.traits, i.metadata_public,
	i.metadata_admin, i.epoch, i.rev, i.created_at, i.updated_at, a.id, a.purpose, a.position, a.via, a.value, a.canonical, a.verified,
	a.status, a.verified_at, a.created_at, a.updated_at`

// scanPerson reads such a row, after the columns that come before it.
func scanPerson(rows *sql.Rows, before ...any) (i identityRow, a addressRow, err error) {
	err = rows.Scan(append(before, &i.ID, &i.ExternalID, &i.SchemaID, &i.State, &i.StateChangedAt, &i.Traits, &i.MetadataPublic,
		&i.MetadataAdmin, &i.Epoch, &i.Rev, &i.CreatedAt, &i.UpdatedAt, &a.ID, &a.Purpose, &a.Position, &a.Via, &a.Value, &a.Canonical, &a.Verified,
		&a.Status, &a.VerifiedAt, &a.CreatedAt, &a.UpdatedAt)...)
	return i, a, err
}

// Identities reads a page in ascending order of id, with addresses. An
// identifier is looked for in every space.
func (s *Store) Identities(ctx context.Context, q identity.Query) ([]*identity.Identity, error) {
	var page []*identity.Identity
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		page = nil
		rows, err := c.identities(ctx, q)
		if err != nil {
			return err
		}
		byID := make(map[uuid.UUID]*identity.Identity, len(rows))
		ids := make([]uuid.UUID, len(rows))
		for n, r := range rows {
			i := r.identity()
			page, byID[i.ID], ids[n] = append(page, i), i, i.ID
		}
		for some := range slices.Chunk(ids, atOnce) {
			if err := c.addParts(ctx, some, byID, q.Credentials); err != nil {
				return err
			}
		}
		return nil
	})
	return page, wrap("list identities", err)
}

func (c conn) identities(ctx context.Context, q identity.Query) (rows []identityRow, err error) {
	switch {
	case q.IDs != nil:
		for some := range slices.Chunk(q.IDs, atOnce) {
			var found []identityRow
			if err := c.all(ctx, &found, sqlIdentitiesOf, marked(some)...); err != nil {
				return nil, err
			}
			rows = append(rows, found...)
		}
		slices.SortFunc(rows, func(a, b identityRow) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	case q.Identifier != "" || q.Link != "":
		err = c.all(ctx, &rows, sqlIdentitiesBy, q.Identifier, q.Link, q.After.String(), q.Limit)
	case q.Offset > 0:
		err = c.all(ctx, &rows, sqlIdentitiesFrom, q.Limit, q.Offset)
	default:
		err = c.all(ctx, &rows, sqlIdentities, q.After.String(), q.Limit)
	}
	return rows, err
}

// CountIdentities is how many there are.
func (s *Store) CountIdentities(ctx context.Context) (n int, err error) {
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, sqlIdentitiesCount, nil, func(rows *sql.Rows) error { return rows.Scan(&n) })
	})
	return n, wrap("count identities", err)
}

// marked are the arguments of a statement with marks: at most atOnce ids.
func marked(ids []uuid.UUID) []any {
	args := make([]any, atOnce)
	for n := range args {
		args[n] = ids[min(n, len(ids)-1)].String()
	}
	return args
}

// addParts reads addresses, and credentials if they are asked for, of at most
// atOnce identities.
func (c conn) addParts(ctx context.Context, ids []uuid.UUID, byID map[uuid.UUID]*identity.Identity, credentials bool) error {
	var rows []addressRow
	if err := c.all(ctx, &rows, sqlAddresses, marked(ids)...); err != nil {
		return err
	}
	addAddresses(rows, func(id uuid.UUID) *identity.Identity { return byID[id] })
	if !credentials {
		return nil
	}
	var proofs []struct {
		IdentityID uuid.UUID `db:"identity_id"`
		credentialRow
	}
	if err := c.all(ctx, &proofs, sqlCredentialsOf, marked(ids)...); err != nil {
		return err
	}
	for _, r := range proofs {
		k, err := r.credential()
		if err != nil {
			return err
		}
		i := byID[r.IdentityID]
		i.Credentials = append(i.Credentials, k)
	}
	for _, id := range ids {
		slices.SortFunc(byID[id].Credentials, func(a, b identity.Credential) int { return cmp.Compare(a.Type, b.Type) })
	}
	return nil
}
