package persistence_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/persistence"
)

func TestIdentityComesBackAsItWas(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		p.ExternalID, p.Epoch = "crm-1", 4
		p.Traits = json.RawMessage(`{ "z" : 1.50, "a":"ü\u0000" }`)
		p.MetadataPublic, p.MetadataAdmin = json.RawMessage(`null`), json.RawMessage(`{"k":[1, 2]}`)
		second := p.Verifiable[0]
		second.ID, second.Value, second.Canonical, second.Verified, second.VerifiedAt = newID(), "A@b.c", "a@b.c", true, noon
		p.Verifiable = append(p.Verifiable, second)
		p.Credentials = append(p.Credentials, identity.Credential{
			ID: newID(), Type: "totp", Config: json.RawMessage(`{}`), Version: 2, CreatedAt: noon, UpdatedAt: noon,
		})
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		got, err := s.Identity(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, p, got)

		bare := &identity.Identity{ID: newID(), State: identity.StateInactive}
		require.NoError(t, s.InsertIdentity(t.Context(), bare))
		got, err = s.Identity(t.Context(), bare.ID)
		require.NoError(t, err)
		require.Equal(t, bare, got)

		_, err = s.Identity(t.Context(), newID())
		require.ErrorIs(t, err, identity.ErrNotFound)
	})
}

func TestIdentityTakesNothingOfAnother(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		first := newPerson("ana@example.org")
		first.ExternalID = "crm-1"
		require.NoError(t, s.InsertIdentity(t.Context(), first))

		twin := newPerson("ana@example.org")
		twin.Verifiable, twin.Recovery = nil, nil
		address := newPerson("ana@example.org")
		address.Credentials, address.Recovery = nil, nil
		recovery := newPerson("ana@example.org")
		recovery.Credentials, recovery.Verifiable = nil, nil
		external := newPerson("bob@example.org")
		external.ExternalID = "crm-1"
		for name, p := range map[string]*identity.Identity{"identifier": twin, "address": address, "recovery": recovery, "external id": external} {
			require.ErrorIs(t, s.InsertIdentity(t.Context(), p), identity.ErrTaken, name)
			_, err := s.Identity(t.Context(), p.ID)
			require.ErrorIs(t, err, identity.ErrNotFound, name)
		}
		all, err := s.Identities(t.Context(), identity.Query{Limit: 10})
		require.NoError(t, err)
		require.Len(t, all, 1)
	})
}

func TestIdentifiersAreComparedByteByByte(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		for _, name := range []string{"ana", "Ana", "ana ", "aná", "ana\u0301", strings.Repeat("\U0001F600", identity.MaxIdentifier)} {
			require.NoError(t, s.InsertIdentity(t.Context(), newPerson(name)), "%q", name)
		}
		got, err := s.Identities(t.Context(), identity.Query{Identifier: "ana", Limit: 10})
		require.NoError(t, err)
		require.Len(t, got, 1)
	})
}

func TestTwoCredentialsMayShareAnIdentifier(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		p.Credentials[0].Identifiers = []string{"ana@example.org", "ana", "ana@example.org"}
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		for _, name := range []string{"ana", "ana@example.org"} {
			got, err := s.Identities(t.Context(), identity.Query{Identifier: name, Limit: 10})
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.Equal(t, p.ID, got[0].ID)
		}
	})
}

func TestIdentitiesArePagedById(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		want := map[uuid.UUID]*identity.Identity{}
		for n := range 7 {
			p := newPerson(fmt.Sprintf("p%d@example.org", n))
			require.NoError(t, s.InsertIdentity(t.Context(), p))
			p.Credentials = nil
			want[p.ID] = p
		}
		var ids []uuid.UUID
		for after := uuid.Nil; ; {
			page, err := s.Identities(t.Context(), identity.Query{After: after, Limit: 3})
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			require.LessOrEqual(t, len(page), 3)
			for _, p := range page {
				require.Equal(t, want[p.ID], p)
				ids = append(ids, p.ID)
			}
			after = page[len(page)-1].ID
		}
		require.Len(t, ids, 7)
		require.True(t, slices.IsSortedFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }))
	})
}

func TestIdentitiesOfABigPageHaveTheirAddresses(t *testing.T) {
	s := migrated(t, "memory")
	for n := range 230 {
		require.NoError(t, s.InsertIdentity(t.Context(), newPerson(fmt.Sprintf("p%d@example.org", n))))
	}
	page, err := s.Identities(t.Context(), identity.Query{Limit: 1000})
	require.NoError(t, err)
	require.Len(t, page, 230)
	for _, p := range page {
		require.Len(t, p.Verifiable, 1)
		require.Len(t, p.Recovery, 1)
		require.JSONEq(t, fmt.Sprintf(`{"email":%q}`, p.Verifiable[0].Value), string(p.Traits))
	}
}

func TestDeletedIdentityLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		require.NoError(t, s.InsertSession(t.Context(), newSession(p.ID), hashOf(1)))
		require.NoError(t, s.DeleteIdentity(t.Context(), p.ID))
		require.ErrorIs(t, s.DeleteIdentity(t.Context(), p.ID), identity.ErrNotFound)
		_, err := s.SessionByToken(t.Context(), hashOf(1))
		require.ErrorIs(t, err, session.ErrNotFound)
		require.NoError(t, s.InsertIdentity(t.Context(), newPerson("ana@example.org")), "the address is free again")
	})
}
