package persistence_test

import (
	"context"
	"testing"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/persistence"
)

func TestSessionIsFoundByEachOfItsTokens(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		p.Epoch = 3
		more := p.Verifiable[0]
		more.ID, more.Canonical = newID(), "b@example.org"
		p.Verifiable = append(p.Verifiable, more)
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		want := newSession(p.ID)
		require.NoError(t, s.InsertSession(t.Context(), want, hashOf(1)))
		require.NoError(t, s.InsertToken(t.Context(), want.ID, hashOf(2)))
		p.Credentials = nil
		want.Identity = p
		for _, h := range [][]byte{hashOf(1), hashOf(2)} {
			got, err := s.SessionByToken(t.Context(), h)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		got, err := s.Session(t.Context(), want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestSessionOfAnIdentityWithoutAddresses(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := &identity.Identity{ID: newID(), State: identity.StateActive}
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		want := &session.Session{ID: newID(), IdentityID: p.ID}
		require.NoError(t, s.InsertSession(t.Context(), want, hashOf(1)))
		got, err := s.SessionByToken(t.Context(), hashOf(1))
		require.NoError(t, err)
		want.Identity = p
		require.Equal(t, want, got)
	})
}

func TestSessionNeedsItsIdentityAndATokenItsSession(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		v := newSession(newID())
		require.ErrorIs(t, s.InsertSession(t.Context(), v, hashOf(1)), identity.ErrNotFound)
		require.ErrorIs(t, s.InsertToken(t.Context(), v.ID, hashOf(1)), session.ErrNotFound)
		_, err := s.SessionByToken(t.Context(), hashOf(1))
		require.ErrorIs(t, err, session.ErrNotFound)
		_, err = s.Session(t.Context(), v.ID)
		require.ErrorIs(t, err, session.ErrNotFound)
	})
}

// endOthers ends every session of somebody but the one to spare.
func endOthers(ctx context.Context, s *persistence.Store, identityID, spare uuid.UUID) error {
	_, _, err := s.EndSessions(ctx, session.Selection{Identities: []uuid.UUID{identityID}, Spare: spare})
	return err
}

// What is ended is so at once, for every token; the spared one and other
// people's live on.
func TestSessionsOfAPersonEnd(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		ana, bob := newPerson("ana@example.org"), newPerson("bob@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), ana))
		require.NoError(t, s.InsertIdentity(t.Context(), bob))
		for n, owner := range []uuid.UUID{ana.ID, ana.ID, ana.ID, bob.ID} {
			require.NoError(t, s.InsertSession(t.Context(), newSession(owner), hashOf(byte(n))))
		}
		live := func() (all []bool) {
			for n := range byte(4) {
				v, err := s.SessionByToken(t.Context(), hashOf(n))
				require.NoError(t, err)
				all = append(all, v.Active)
			}
			return all
		}
		spared, err := s.SessionByToken(t.Context(), hashOf(1))
		require.NoError(t, err)
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, endOthers(ctx, s, ana.ID, uuid.Nil))
			return errMine
		}), errMine)
		require.Equal(t, []bool{true, true, true, true}, live())
		require.NoError(t, endOthers(t.Context(), s, ana.ID, spared.ID))
		require.Equal(t, []bool{false, true, false, true}, live())
		require.NoError(t, endOthers(t.Context(), s, ana.ID, uuid.Nil))
		require.NoError(t, endOthers(t.Context(), s, newID(), uuid.Nil))
		require.Equal(t, []bool{false, false, false, true}, live())
	})
}
