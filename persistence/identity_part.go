package persistence

import (
	"cmp"
	"context"
	"slices"

	"github.com/foyer-id/foyer/identity"
)

const (
	sqlInsertCredential = `INSERT INTO credentials (id, identity_id, type, identifiers, config, version, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpdateCredential = `UPDATE credentials SET identifiers = ?, config = ?, version = ?, created_at = ?, updated_at = ? WHERE id = ?`
	sqlDeleteCredential = `DELETE FROM credentials WHERE id = ?`
	sqlInsertAddress    = `INSERT INTO addresses (id, identity_id, purpose, via, canonical, position, value, verified, status,
		verified_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpdateAddress = `UPDATE addresses SET position = ?, value = ?, verified = ?, status = ?, verified_at = ?, created_at = ?,
		updated_at = ? WHERE id = ?`
	sqlDeleteAddress = `DELETE FROM addresses WHERE id = ?`
)

// part is a row that belongs to an identity: an address or a credential, in the
// order of the columns in its statements.
type part struct {
	id     string
	key    []any // unique, so it moves by a new row only
	values []any
}

// addressParts are the addresses of i in the order of the unique key, so that
// two identities that want the same two do not wait for each other.
func addressParts(i *identity.Identity) []part {
	var all []part
	for _, of := range []struct {
		purpose identity.Purpose
		list    []identity.Address
	}{{identity.ForRecovery, i.Recovery}, {identity.ForVerification, i.Verifiable}} {
		parts := make([]part, len(of.list))
		for n, a := range of.list {
			parts[n] = addressPart(of.purpose, n, a)
		}
		slices.SortFunc(parts, func(a, b part) int {
			x, y := of.list[a.values[0].(int)], of.list[b.values[0].(int)]
			return cmp.Or(cmp.Compare(x.Via, y.Via), cmp.Compare(x.Canonical, y.Canonical))
		})
		all = append(all, parts...)
	}
	return all
}

func addressPart(purpose identity.Purpose, position int, a identity.Address) part {
	return part{a.ID.String(), []any{string(purpose), a.Via, a.Canonical}, []any{
		position, a.Value, a.Verified, a.Status, micros(a.VerifiedAt), micros(a.CreatedAt), micros(a.UpdatedAt),
	}}
}

func credentialParts(list []identity.Credential) ([]part, error) {
	all := make([]part, len(list))
	for n, c := range list {
		names, err := jsonOf(c.Identifiers, c.Identifiers == nil)
		if err != nil {
			return nil, err
		}
		all[n] = part{c.ID.String(), []any{string(c.Type)}, []any{
			names, jsonText(c.Config), c.Version, micros(c.CreatedAt), micros(c.UpdatedAt),
		}}
	}
	return all, nil
}

func (c conn) insertPart(ctx context.Context, insert, identityID string, p part) error {
	_, err := c.exec(ctx, insert, slices.Concat([]any{p.id, identityID}, p.key, p.values)...)
	return err
}

// replaceParts turns the rows that are into those that shall be, by as few
// statements as differ. A key moves from row to row: the old go first.
func (c conn) replaceParts(ctx context.Context, deletion, update, insert, identityID string, are, shall []part) error {
	before := make(map[string]part, len(are))
	for _, p := range are {
		before[p.id] = p
	}
	stay := map[string]bool{}
	var changed, fresh []part
	for _, p := range shall {
		old, ok := before[p.id]
		switch {
		case !ok || !slices.Equal(old.key, p.key):
			fresh = append(fresh, p)
			continue
		case !slices.Equal(old.values, p.values):
			changed = append(changed, p)
		}
		stay[p.id] = true
	}
	for _, p := range are {
		if stay[p.id] {
			continue
		}
		if _, err := c.exec(ctx, deletion, p.id); err != nil {
			return err
		}
	}
	for _, p := range changed {
		if _, err := c.exec(ctx, update, append(slices.Clone(p.values), p.id)...); err != nil {
			return err
		}
	}
	for _, p := range fresh {
		if err := c.insertPart(ctx, insert, identityID, p); err != nil {
			return err
		}
	}
	return nil
}
