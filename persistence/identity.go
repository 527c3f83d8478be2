package persistence

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
)

const (
	sqlInsertIdentity = `INSERT INTO identities (id, external_id, schema_id, state, state_changed_at, traits,
		metadata_public, metadata_admin, epoch, rev, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlInsertIdentifier = `INSERT INTO identifiers (space, value, identity_id) VALUES (?, ?, ?)`
	sqlDeleteIdentity   = `DELETE FROM identities WHERE id = ?`
)

// InsertIdentity writes the identity, its addresses, credentials and
// identifiers, or returns identity.ErrTaken. In the order of the unique keys,
// so that two that want the same pair do not wait for each other.
func (s *Store) InsertIdentity(ctx context.Context, i *identity.Identity) error {
	err := s.Tx(ctx, func(ctx context.Context) error { return insertIdentity(ctx, s.unitOf(ctx).conn(), i) })
	if classify(err) == uniqueViolation {
		return identity.ErrTaken
	}
	return wrap("insert an identity", err)
}

func insertIdentity(ctx context.Context, c conn, i *identity.Identity) error {
	id := i.ID.String()
	_, err := c.exec(ctx, sqlInsertIdentity, id, externalID(i), i.SchemaID, string(i.State), micros(i.StateChangedAt),
		jsonText(i.Traits), jsonText(i.MetadataPublic), jsonText(i.MetadataAdmin), i.Epoch, i.Rev, micros(i.CreatedAt), micros(i.UpdatedAt))
	if err != nil {
		return err
	}
	for _, p := range identifiersOf(i) {
		if _, err := c.exec(ctx, sqlInsertIdentifier, p.space, p.value, id); err != nil {
			return err
		}
	}
	for _, p := range addressParts(i) {
		if err := c.insertPart(ctx, sqlInsertAddress, id, p); err != nil {
			return err
		}
	}
	credentials, err := credentialParts(i.Credentials)
	if err != nil {
		return err
	}
	for _, p := range credentials {
		if err := c.insertPart(ctx, sqlInsertCredential, id, p); err != nil {
			return err
		}
	}
	return nil
}

// externalID is how it is stored: NULL for none.
func externalID(i *identity.Identity) any {
	if i.ExternalID == "" {
		return nil
	}
	return i.ExternalID
}

type identifier struct{ space, value string }

// identifiersOf are the pairs to reserve, each once, sorted: those of its
// credentials, and what it could sign in with once it has one.
func identifiersOf(i *identity.Identity) []identifier {
	var all []identifier
	for _, v := range i.Identifiers() {
		all = append(all, identifier{identity.SpaceLogin, v})
	}
	for _, c := range i.Credentials {
		for _, v := range c.Identifiers {
			all = append(all, identifier{c.Type.Space(), v})
		}
	}
	slices.SortFunc(all, func(a, b identifier) int {
		return cmp.Or(cmp.Compare(a.space, b.space), cmp.Compare(a.value, b.value))
	})
	return slices.Compact(all)
}

// DeleteIdentity removes it with credentials, addresses and sessions, or
// returns identity.ErrNotFound.
func (s *Store) DeleteIdentity(ctx context.Context, id uuid.UUID) error {
	n, err := s.exec(ctx, sqlDeleteIdentity, id.String())
	if err == nil && n == 0 {
		return identity.ErrNotFound
	}
	return wrap("delete an identity", err)
}

// identityRow is an identity as it lies in its table.
type identityRow struct {
	ID             uuid.UUID      `db:"id"`
	ExternalID     sql.NullString `db:"external_id"`
	SchemaID       string         `db:"schema_id"`
	State          string         `db:"state"`
	StateChangedAt sql.NullInt64  `db:"state_changed_at"`
	Traits         sql.NullString `db:"traits"`
	MetadataPublic sql.NullString `db:"metadata_public"`
	MetadataAdmin  sql.NullString `db:"metadata_admin"`
	Epoch          int            `db:"epoch"`
	Rev            int            `db:"rev"`
	CreatedAt      sql.NullInt64  `db:"created_at"`
	UpdatedAt      sql.NullInt64  `db:"updated_at"`
}

func (r identityRow) identity() *identity.Identity {
	return &identity.Identity{
		ID: r.ID, ExternalID: r.ExternalID.String, SchemaID: r.SchemaID, State: identity.State(r.State),
		StateChangedAt: timeOf(r.StateChangedAt), Traits: rawOf(r.Traits), MetadataPublic: rawOf(r.MetadataPublic),
		MetadataAdmin: rawOf(r.MetadataAdmin), Epoch: r.Epoch, Rev: r.Rev, CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt),
	}
}

// addressRow is an address as it lies in its table; an outer join's may be empty.
type addressRow struct {
	ID         uuid.NullUUID  `db:"id"`
	IdentityID uuid.NullUUID  `db:"identity_id"`
	Purpose    sql.NullString `db:"purpose"`
	Position   sql.NullInt64  `db:"position"`
	Via        sql.NullString `db:"via"`
	Value      sql.NullString `db:"value"`
	Canonical  sql.NullString `db:"canonical"`
	Verified   sql.NullBool   `db:"verified"`
	Status     sql.NullString `db:"status"`
	VerifiedAt sql.NullInt64  `db:"verified_at"`
	CreatedAt  sql.NullInt64  `db:"created_at"`
	UpdatedAt  sql.NullInt64  `db:"updated_at"`
}

// addAddresses gives each address to its identity, in the order they had.
// Sorting them in the statement would make MySQL write a table to the disk.
func addAddresses(rows []addressRow, owner func(identityID uuid.UUID) *identity.Identity) {
	slices.SortFunc(rows, func(a, b addressRow) int { return cmp.Compare(a.Position.Int64, b.Position.Int64) })
	for _, r := range rows {
		if !r.ID.Valid {
			continue
		}
		i := owner(r.IdentityID.UUID)
		if identity.Purpose(r.Purpose.String) == identity.ForRecovery {
			i.Recovery = append(i.Recovery, r.address())
		} else {
			i.Verifiable = append(i.Verifiable, r.address())
		}
	}
}

func (r addressRow) address() identity.Address {
	return identity.Address{
		ID: r.ID.UUID, Value: r.Value.String, Canonical: r.Canonical.String, Via: r.Via.String, Verified: r.Verified.Bool,
		Status: r.Status.String, VerifiedAt: timeOf(r.VerifiedAt), CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt),
	}
}

// credentialRow is a credential as it lies in its table; an outer join's may be empty.
type credentialRow struct {
	ID          uuid.NullUUID  `db:"id"`
	Type        sql.NullString `db:"type"`
	Identifiers sql.NullString `db:"identifiers"`
	Config      sql.NullString `db:"config"`
	Version     sql.NullInt64  `db:"version"`
	CreatedAt   sql.NullInt64  `db:"created_at"`
	UpdatedAt   sql.NullInt64  `db:"updated_at"`
}

func (r credentialRow) credential() (identity.Credential, error) {
	c := identity.Credential{
		ID: r.ID.UUID, Type: identity.CredentialType(r.Type.String), Config: rawOf(r.Config), Version: int(r.Version.Int64),
		CreatedAt: timeOf(r.CreatedAt), UpdatedAt: timeOf(r.UpdatedAt),
	}
	if !r.Identifiers.Valid {
		return c, nil
	}
	return c, json.Unmarshal([]byte(r.Identifiers.String), &c.Identifiers)
}
