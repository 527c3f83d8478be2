package persistence

import (
	"context"
	"database/sql"
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
	sqlCredentials = `SELECT id, type, identifiers, config, version, created_at, updated_at FROM credentials
		WHERE identity_id = ? ORDER BY type`
)

// addressesAtOnce is how many identities' addresses one statement reads. The
// statement always has that many marks, so that there is one text only.
const addressesAtOnce = 100

var sqlAddresses = `SELECT ` + addressColumns + ` FROM addresses WHERE identity_id IN (?` +
	strings.Repeat(", ?", addressesAtOnce-1) + `)`

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
		var rows []identityRow
		var err error
		if q.Identifier == "" && q.Link == "" {
			err = c.all(ctx, &rows, sqlIdentities, q.After.String(), q.Limit)
		} else {
			err = c.all(ctx, &rows, sqlIdentitiesBy, q.Identifier, q.Link, q.After.String(), q.Limit)
		}
		if err != nil {
			return err
		}
		for _, r := range rows {
			page = append(page, r.identity())
		}
		for rest := page; len(rest) > 0; {
			n := min(len(rest), addressesAtOnce)
			if err := c.addAddresses(ctx, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
	return page, wrap("list identities", err)
}

// addAddresses reads the addresses of at most addressesAtOnce identities.
func (c conn) addAddresses(ctx context.Context, list []*identity.Identity) error {
	byID := make(map[uuid.UUID]*identity.Identity, len(list))
	args := make([]any, addressesAtOnce)
	for n := range args {
		i := list[min(n, len(list)-1)]
		byID[i.ID] = i
		args[n] = i.ID.String()
	}
	var rows []addressRow
	if err := c.all(ctx, &rows, sqlAddresses, args...); err != nil {
		return err
	}
	addAddresses(rows, func(id uuid.UUID) *identity.Identity { return byID[id] })
	return nil
}
