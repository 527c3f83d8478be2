package persistence

import (
	"context"
	"slices"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
)

const (
	sqlRaiseEpoch = `UPDATE identities SET epoch = epoch + 1, rev = rev + 1, updated_at = ? WHERE id = ? AND epoch = ?
		AND EXISTS (SELECT 1 FROM addresses a WHERE a.id = ? AND a.identity_id = identities.id AND a.purpose = 'verifiable')`
	sqlVerify      = `UPDATE addresses SET verified = ?, status = ?, verified_at = ?, updated_at = ? WHERE id = ?`
	sqlVerifyFirst = sqlVerify + ` AND verified = ?`

	// Each lookup is of its own, by a unique key; those with NULL find nothing.
	// It reads the first entry that is not below the key, so that a key nobody
	// has costs as much as another.
	sqlTaken = `SELECT CASE WHEN (SELECT external_id FROM identities WHERE external_id >= ? ORDER BY external_id LIMIT 1) = ? THEN 1 ELSE 0 END` +
		takenPair + takenPair + takenPair + takenPair + takenAddress + takenAddress + takenAddress + takenAddress
	takenPair    = ` + CASE WHEN (SELECT value FROM identifiers WHERE space = ? AND value >= ? ORDER BY value LIMIT 1) = ? THEN 1 ELSE 0 END`
	takenAddress = ` + CASE WHEN (SELECT canonical FROM addresses WHERE purpose = ? AND via = ? AND canonical >= ? ORDER BY canonical LIMIT 1) = ? THEN 1 ELSE 0 END`
	takenAtOnce  = 4
)

// VerifyAddress marks an address as verified where the identity still has it
// and is at epoch, which it raises; else it returns identity.ErrOutdated.
func (s *Store) VerifyAddress(ctx context.Context, identityID, addressID uuid.UUID, epoch int, at time.Time) (first bool, err error) {
	outdated := false
	err = s.Tx(ctx, func(ctx context.Context) error {
		c := s.unitOf(ctx).conn()
		n, err := c.exec(ctx, sqlRaiseEpoch, micros(at), identityID.String(), epoch, addressID.String())
		if outdated = n == 0; err != nil || outdated {
			return err
		}
		args := []any{true, identity.AddressCompleted, micros(at), micros(at), addressID.String()}
		n, err = c.exec(ctx, sqlVerifyFirst, append(slices.Clone(args), false)...)
		if first = n > 0; err != nil || first {
			return err
		}
		_, err = c.exec(ctx, sqlVerify, args...)
		return err
	})
	if err == nil && outdated {
		err = identity.ErrOutdated
	}
	return first && err == nil, wrap("verify an address", err)
}

// Taken reports whether an identity has an identifier, address or the external
// id of i. It looks for all of them, whatever it finds.
func (s *Store) Taken(ctx context.Context, i *identity.Identity) (taken bool, err error) {
	external := externalID(i)
	var pairs, addresses [][]any
	for _, p := range identifiersOf(i) {
		pairs = append(pairs, []any{p.space, p.value, p.value})
	}
	for _, a := range i.Verifiable {
		addresses = append(addresses, []any{string(identity.ForVerification), a.Via, a.Canonical, a.Canonical})
	}
	for _, a := range i.Recovery {
		addresses = append(addresses, []any{string(identity.ForRecovery), a.Via, a.Canonical, a.Canonical})
	}
	for first := true; first || len(pairs) > 0 || len(addresses) > 0; first = false {
		args := []any{external, external}
		args, pairs = fill(args, pairs, 3)
		args, addresses = fill(args, addresses, 4)
		found := 0
		err := s.view(ctx, func(ctx context.Context, c conn) error {
			return c.query(ctx, sqlTaken, args, scanOne(&found))
		})
		if err != nil {
			return false, wrap("look for an identity", err)
		}
		taken = taken || found > 0
	}
	return taken, nil
}

// fill moves takenAtOnce keys of a width to args, with NULL for those missing.
func fill(args []any, keys [][]any, width int) (with []any, rest [][]any) {
	for n := range takenAtOnce {
		if n < len(keys) {
			args = append(args, keys[n]...)
		} else {
			args = append(args, make([]any, width)...)
		}
	}
	return args, keys[min(takenAtOnce, len(keys)):]
}
