package persistence_test

import (
	"context"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

func TestSessionsEnd(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		ids := func(all []*session.Session, which ...int) (out []uuid.UUID) {
			for _, n := range which {
				out = append(out, all[n].ID)
			}
			return out
		}
		for name, one := range map[string]struct {
			sel  func(ana, bob uuid.UUID, all []*session.Session) session.Selection
			n    int
			left []int // those that are active afterwards, of 0, 1, 3 and 4
		}{
			"one": {func(_, _ uuid.UUID, all []*session.Session) session.Selection {
				return session.Selection{Sessions: ids(all, 0)}
			}, 1, []int{1, 3, 4}},
			"one of its owner": {func(ana, _ uuid.UUID, all []*session.Session) session.Selection {
				return session.Selection{Sessions: ids(all, 0), Owner: ana}
			}, 1, []int{1, 3, 4}},
			"one of somebody else": {func(_, bob uuid.UUID, all []*session.Session) session.Selection {
				return session.Selection{Sessions: ids(all, 0), Owner: bob}
			}, 0, []int{0, 1, 3, 4}},
			"one that has ended": {func(_, _ uuid.UUID, all []*session.Session) session.Selection {
				return session.Selection{Sessions: ids(all, 2)}
			}, 0, []int{0, 1, 3, 4}},
			"several": {func(_, _ uuid.UUID, all []*session.Session) session.Selection {
				return session.Selection{Sessions: append(ids(all, 0, 4, 2), newID())}
			}, 2, []int{1, 3}},
			"all of one": {func(_, bob uuid.UUID, _ []*session.Session) session.Selection {
				return session.Selection{Identities: []uuid.UUID{bob}}
			}, 2, []int{0, 1}},
			"all but one": {func(_, bob uuid.UUID, all []*session.Session) session.Selection {
				return session.Selection{Identities: []uuid.UUID{bob}, Spare: all[3].ID}
			}, 1, []int{0, 1, 3}},
			"everybody's": {func(uuid.UUID, uuid.UUID, []*session.Session) session.Selection {
				return session.Selection{Everybody: true}
			}, 4, nil},
			"nobody's": {func(ana, bob uuid.UUID, all []*session.Session) session.Selection {
				return session.Selection{Owner: ana, Spare: all[0].ID}
			}, 0, []int{0, 1, 3, 4}},
		} {
			ana, bob, all := people(t, s)
			n, more, err := s.EndSessions(t.Context(), one.sel(ana, bob, all))
			require.NoError(t, err, name)
			require.False(t, more, name)
			require.Equal(t, one.n, n, name)
			var left []int
			for n := range all {
				v, err := s.SessionByToken(t.Context(), hashOf(byte(n)))
				require.NoError(t, err, "%s: rows are kept", name)
				if v.Active {
					left = append(left, n)
				}
			}
			require.Equal(t, one.left, left, name)
			require.NoError(t, s.DeleteIdentity(t.Context(), ana))
			require.NoError(t, s.DeleteIdentity(t.Context(), bob))
		}
	})
}

func TestSessionsAreDeletedWithTheirTokens(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		ana, _, _ := people(t, s)
		n, _, err := s.EndSessions(t.Context(), session.Selection{Identities: []uuid.UUID{ana, newID()}, Delete: true})
		require.NoError(t, err)
		require.Equal(t, 3, n, "what has ended, too")
		for n := range byte(5) {
			_, err := s.SessionByToken(t.Context(), hashOf(n))
			if n < 3 {
				require.ErrorIs(t, err, session.ErrNotFound)
			} else {
				require.NoError(t, err)
			}
		}
		n, more, err := s.EndSessions(t.Context(), session.Selection{Everybody: true, Delete: true})
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.False(t, more)
	})
}

// More than one call takes: the caller is told to come again.
func TestEverybodysSessionsEndInSeveralCalls(t *testing.T) {
	s := migrated(t, testdb.SQLite(t))
	p := newPerson("ana@example.org")
	require.NoError(t, s.InsertIdentity(t.Context(), p))
	require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
		for range 5003 {
			v := newSession(p.ID)
			if err := s.InsertSession(ctx, v, append(v.ID.Bytes(), v.ID.Bytes()...)); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, del := range []bool{false, true} {
		for _, want := range []int{5000, 3, 0} {
			n, more, err := s.EndSessions(t.Context(), session.Selection{Everybody: true, Delete: del})
			require.NoError(t, err)
			require.Equal(t, want, n)
			require.Equal(t, want == 5000, more)
		}
	}
}

func TestSessionIsExtendedNearItsEnd(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		v := newSession(p.ID)
		v.ExpiresAt = noon
		require.NoError(t, s.InsertSession(t.Context(), v, hashOf(1)))
		end := func(now, before, until time.Time) time.Time {
			require.NoError(t, s.ExtendSession(t.Context(), v.ID, now, before, until))
			got, err := s.Session(t.Context(), v.ID)
			require.NoError(t, err)
			return got.ExpiresAt
		}
		const h = time.Hour
		require.Equal(t, noon, end(noon.Add(-h), noon, noon.Add(h)), "too early")
		require.Equal(t, noon, end(noon, noon.Add(h), noon.Add(h)), "it is over")
		require.Equal(t, noon, end(noon.Add(-h), noon.Add(h), noon.Add(-1)), "it never becomes shorter")
		require.Equal(t, noon.Add(h), end(noon.Add(-1*time.Microsecond), noon.Add(time.Microsecond), noon.Add(h)))
		require.NoError(t, endOthers(t.Context(), s, p.ID, uuid.Nil))
		require.Equal(t, noon.Add(h), end(noon, noon.Add(2*h), noon.Add(3*h)), "it was disabled")
		require.NoError(t, s.ExtendSession(t.Context(), newID(), noon, noon, noon))
	})
}

// Of two that authenticate at once, the later token is the only one, and
// neither brings a session back that has ended.
func TestReauthenticationLeavesOneToken(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		v := newSession(p.ID)
		require.NoError(t, s.InsertSession(t.Context(), v, hashOf(1)))
		require.NoError(t, s.InsertToken(t.Context(), v.ID, hashOf(2)))

		seen, next := v.AuthenticatedAt, *v
		next.AAL, next.Device.IP, next.Device.UserAgent = session.AAL2, "192.0.2.9", "another"
		next.Methods = append(next.Methods, session.Method{Method: "totp", AAL: session.AAL2, CompletedAt: noon})
		next.AuthenticatedAt, next.ExpiresAt = seen.Add(time.Minute), v.ExpiresAt.Add(time.Minute)
		require.ErrorIs(t, s.Reauthenticate(t.Context(), &next, seen.Add(1*time.Microsecond), hashOf(3)), session.ErrNotFound)
		_, err := s.SessionByToken(t.Context(), hashOf(1))
		require.NoError(t, err, "nothing has changed")
		require.NoError(t, s.Reauthenticate(t.Context(), &next, seen, hashOf(3)))
		for _, old := range []byte{1, 2} {
			_, err := s.SessionByToken(t.Context(), hashOf(old))
			require.ErrorIs(t, err, session.ErrNotFound)
		}
		got, err := s.SessionByToken(t.Context(), hashOf(3))
		require.NoError(t, err)
		p.Credentials = nil
		next.Identity = p
		require.Equal(t, &next, got)
		require.ErrorIs(t, s.Reauthenticate(t.Context(), &next, seen, hashOf(4)), session.ErrNotFound, "who came second")

		require.NoError(t, endOthers(t.Context(), s, p.ID, uuid.Nil))
		require.ErrorIs(t, s.Reauthenticate(t.Context(), &next, next.AuthenticatedAt, hashOf(5)), session.ErrNotFound)
		got, err = s.SessionByToken(t.Context(), hashOf(3))
		require.NoError(t, err)
		require.False(t, got.Active)
	})
}
