package persistence

import (
	"context"
	"database/sql"
	"slices"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
)

const (
	sqlUpdateIdentity = `UPDATE identities SET external_id = ?, schema_id = ?, state = ?, state_changed_at = ?, traits = ?,
		metadata_public = ?, metadata_admin = ?, epoch = ?, rev = ?, updated_at = ? WHERE id = ? AND rev = ?`
	sqlHoldIdentity     = `SELECT 1 FROM identities WHERE id = ? AND rev = ?`
	sqlAddressesOf      = `SELECT ` + addressColumns + ` FROM addresses WHERE identity_id = ?`
	sqlIdentifiersOf    = `SELECT space, value FROM identifiers WHERE identity_id = ?`
	sqlDeleteIdentifier = `DELETE FROM identifiers WHERE space = ? AND value = ? AND identity_id = ?`
)

// UpdateIdentity saves the identity with addresses, credentials and identifiers
// if it is still at i.Rev-1, else it returns identity.ErrOutdated, and
// identity.ErrTaken where something is another's.
func (s *Store) UpdateIdentity(ctx context.Context, i *identity.Identity) error {
	outdated := false
	err := s.Tx(ctx, func(ctx context.Context) error {
		c := s.unitOf(ctx).conn()
		n, err := c.exec(ctx, sqlUpdateIdentity, externalID(i), i.SchemaID, string(i.State), micros(i.StateChangedAt), jsonText(i.Traits),
			jsonText(i.MetadataPublic), jsonText(i.MetadataAdmin), i.Epoch, i.Rev, micros(i.UpdatedAt), i.ID.String(), i.Rev-1)
		// From here on nobody else changes what belongs to the identity.
		if outdated = err == nil && n == 0; err != nil || outdated {
			return err
		}
		if err := c.saveIdentifiers(ctx, i); err != nil {
			return err
		}
		if err := c.saveAddresses(ctx, i); err != nil {
			return err
		}
		return c.saveCredentials(ctx, i)
	})
	switch {
	case classify(err) == uniqueViolation:
		return identity.ErrTaken
	case err == nil && outdated:
		return identity.ErrOutdated
	}
	return wrap("save an identity", err)
}

// HoldIdentity locks the identity until the transaction in ctx ends, if it is
// still at i.Rev, else it returns identity.ErrOutdated.
func (s *Store) HoldIdentity(ctx context.Context, i *identity.Identity) error {
	held := false
	err := s.Tx(ctx, func(ctx context.Context) error {
		held = false
		return s.unitOf(ctx).conn().query(ctx, s.locking(sqlHoldIdentity, forUpdate), []any{i.ID.String(), i.Rev}, func(*sql.Rows) error {
			held = true
			return nil
		})
	})
	if err == nil && !held {
		return identity.ErrOutdated
	}
	return wrap("hold an identity", err)
}

// saveIdentifiers reserves what i wants, in the order of the unique key, and
// frees the rest of those spaces i says something about.
func (c conn) saveIdentifiers(ctx context.Context, i *identity.Identity) error {
	if i.Identifiers() == nil && i.Credentials == nil {
		return nil
	}
	id := i.ID.String()
	speaks := func(p identifier) bool {
		if p.space == identity.SpaceLogin {
			return i.Identifiers() != nil
		}
		return i.Credentials != nil
	}
	var are []identifier
	err := c.query(ctx, sqlIdentifiersOf, []any{id}, func(rows *sql.Rows) error {
		var p identifier
		err := rows.Scan(&p.space, &p.value)
		are = append(are, p)
		return err
	})
	if err != nil {
		return err
	}
	shall := identifiersOf(i)
	for _, p := range are {
		if !speaks(p) || slices.Contains(shall, p) {
			continue
		}
		if _, err := c.exec(ctx, sqlDeleteIdentifier, p.space, p.value, id); err != nil {
			return err
		}
	}
	for _, p := range shall {
		if !speaks(p) || slices.Contains(are, p) {
			continue
		}
		if _, err := c.exec(ctx, sqlInsertIdentifier, p.space, p.value, id); err != nil {
			return err
		}
	}
	return nil
}

func (c conn) saveAddresses(ctx context.Context, i *identity.Identity) error {
	var rows []addressRow
	if err := c.all(ctx, &rows, sqlAddressesOf, i.ID.String()); err != nil {
		return err
	}
	are := make([]part, len(rows))
	for n, r := range rows {
		are[n] = addressPart(identity.Purpose(r.Purpose.String), int(r.Position.Int64), r.address())
	}
	return c.replaceParts(ctx, sqlDeleteAddress, sqlUpdateAddress, sqlInsertAddress, i.ID.String(), are, addressParts(i))
}

func (c conn) saveCredentials(ctx context.Context, i *identity.Identity) error {
	if i.Credentials == nil {
		return nil
	}
	before, err := c.credentials(ctx, i.ID)
	if err != nil {
		return err
	}
	are, err := credentialParts(before)
	if err != nil {
		return err
	}
	shall, err := credentialParts(i.Credentials)
	if err != nil {
		return err
	}
	return c.replaceParts(ctx, sqlDeleteCredential, sqlUpdateCredential, sqlInsertCredential, i.ID.String(), are, shall)
}

func (c conn) credentials(ctx context.Context, identityID uuid.UUID) ([]identity.Credential, error) {
	var rows []credentialRow
	if err := c.all(ctx, &rows, sqlCredentials, identityID.String()); err != nil {
		return nil, err
	}
	var list []identity.Credential
	for _, r := range rows {
		k, err := r.credential()
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, nil
}
