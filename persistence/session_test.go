package persistence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/persistence"
)

func TestSessionIsFoundByEachOfItsTokens(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
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
