package persistence_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/persistence"
)

// people stores two of them with sessions: three of the first, a minute apart,
// the second of which has expired and the third was disabled, then two of the
// other, issued at the same moment.
func people(t *testing.T, s *persistence.Store) (ana, bob uuid.UUID, all []*session.Session) {
	for n, name := range []string{"ana@example.org", "bob@example.org"} {
		p := newPerson(name)
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		for k := range 3 - n {
			v := newSession(p.ID)
			v.Active, v.IssuedAt, v.ExpiresAt = n+k != 2, noon.Add(time.Duration(k)*time.Minute), noon.Add(time.Hour)
			if n == 0 && k == 1 {
				v.ExpiresAt = noon.Add(time.Minute)
			}
			if n == 1 {
				v.Active, v.IssuedAt = true, noon.Add(10*time.Minute)
			}
			require.NoError(t, s.InsertSession(t.Context(), v, hashOf(byte(len(all)))))
			p.Credentials = nil
			v.Identity = p
			all = append(all, v)
		}
	}
	return all[0].IdentityID, all[3].IdentityID, all
}

func TestSessionsAreListedNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		ana, bob, all := people(t, s)
		newest := slices.Clone(all)
		slices.SortFunc(newest, func(a, b *session.Session) int {
			if c := b.IssuedAt.Compare(a.IssuedAt); c != 0 {
				return c
			}
			return slices.Compare(b.ID.Bytes(), a.ID.Bytes())
		})
		yes, no := true, false
		now := noon.Add(2 * time.Minute)
		only := func(keep func(*session.Session) bool) []*session.Session {
			return slices.DeleteFunc(slices.Clone(newest), func(v *session.Session) bool { return !keep(v) })
		}
		for name, one := range map[string]struct {
			q    session.Query
			want []*session.Session
		}{
			"all":              {session.Query{}, newest},
			"ana's":            {session.Query{Identity: ana}, only(func(v *session.Session) bool { return v.IdentityID == ana })},
			"bob's others":     {session.Query{Identity: bob, Except: all[3].ID}, all[4:]},
			"active":           {session.Query{Active: &yes, Now: now}, only(func(v *session.Session) bool { return v.Live(now) })},
			"ended":            {session.Query{Active: &no, Now: now}, only(func(v *session.Session) bool { return !v.Live(now) })},
			"ana's active":     {session.Query{Identity: ana, Active: &yes, Now: now}, all[:1]},
			"nobody's":         {session.Query{Identity: newID()}, nil},
			"after the newest": {session.Query{BeforeIssued: newest[0].IssuedAt, BeforeID: newest[0].ID}, newest[1:]},
			"from the third":   {session.Query{Offset: 2}, newest[2:]},
		} {
			one.q.Limit = 100
			got, err := s.Sessions(t.Context(), one.q)
			require.NoError(t, err, name)
			require.Equal(t, one.want, got, name)
			one.q.BeforeIssued, one.q.Offset = time.Time{}, 0
			n, err := s.CountSessions(t.Context(), one.q)
			require.NoError(t, err, name)
			if name != "after the newest" && name != "from the third" {
				require.Equal(t, len(one.want), n, name)
			}
		}
		var walked []*session.Session
		for q := (session.Query{Limit: 1}); ; {
			got, err := s.Sessions(t.Context(), q)
			require.NoError(t, err)
			if len(got) == 0 {
				break
			}
			walked = append(walked, got...)
			q.BeforeIssued, q.BeforeID = got[0].IssuedAt, got[0].ID
		}
		require.Equal(t, newest, walked)
	})
}
