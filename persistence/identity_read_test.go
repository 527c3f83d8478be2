package persistence_test

import (
	"bytes"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

func TestByExternalID(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		p := newPerson("ana@example.org")
		p.ExternalID = "crm/7 Ä"
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		require.NoError(t, s.InsertIdentity(t.Context(), newPerson("bob@example.org")))
		got, err := s.ByExternalID(t.Context(), p.ExternalID)
		require.NoError(t, err)
		require.Equal(t, asRead(p), got)
		for _, none := range []string{"", "CRM/7 Ä", "crm/7 Ä ", "crm", "crm/7 Ä\x00", "\xff", "' OR 1=1 --", p.ID.String()} {
			_, err := s.ByExternalID(t.Context(), none)
			require.ErrorIs(t, err, identity.ErrNotFound, "%q", none)
		}
	})
}

// However a page is asked for, it has who it should, in order, with what was asked
// for and nothing of anybody else.
func TestPagesOfIdentities(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		n, err := s.CountIdentities(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
		var people []*identity.Identity
		for n := range 230 {
			p := newPerson(fmt.Sprintf("p%03d@example.org", n))
			if n%3 == 0 {
				p.Credentials = append(p.Credentials, identity.Credential{ID: newID(), Type: "totp", Version: 1, CreatedAt: noon, UpdatedAt: noon})
			}
			people = append(people, p)
			require.NoError(t, s.InsertIdentity(t.Context(), p))
		}
		slices.SortFunc(people, func(a, b *identity.Identity) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		n, err = s.CountIdentities(t.Context())
		require.NoError(t, err)
		require.Equal(t, len(people), n)

		whole := func(list []*identity.Identity, credentials bool) (out []*identity.Identity) {
			for _, p := range list {
				p = asRead(p)
				if !credentials {
					p.Credentials = nil
				}
				out = append(out, p)
			}
			return out
		}
		ids := func(list []*identity.Identity) (ids []uuid.UUID) {
			for _, p := range list {
				ids = append(ids, p.ID)
			}
			slices.Reverse(ids)
			return append(ids, newID())
		}
		for name, one := range map[string]struct {
			query identity.Query
			want  []*identity.Identity
		}{
			"the first":        {identity.Query{Limit: 210}, people[:210]},
			"a later":          {identity.Query{After: people[9].ID, Limit: 5}, people[10:15]},
			"behind the last":  {identity.Query{After: people[229].ID, Limit: 5}, nil},
			"by number":        {identity.Query{Offset: 220, Limit: 100}, people[220:]},
			"beyond":           {identity.Query{Offset: 230, Limit: 100}, nil},
			"by ids":           {identity.Query{IDs: ids(people[20:225])}, people[20:225]},
			"by ids of nobody": {identity.Query{IDs: []uuid.UUID{newID()}}, nil},
			"by no ids":        {identity.Query{IDs: []uuid.UUID{}}, nil},
			"by name":          {identity.Query{Identifier: people[7].Credentials[0].Identifiers[0], Limit: 10}, people[7:8]},
		} {
			for _, credentials := range []bool{false, true} {
				one.query.Credentials = credentials
				got, err := s.Identities(t.Context(), one.query)
				require.NoError(t, err, name)
				require.Equal(t, whole(one.want, credentials), got, name)
			}
		}
	})
}

var manyPeople = flag.Int("people", 3000, "identities that lists are measured over")

// Among many people no page is found by reading them all, the last as little as the
// first.
func TestPagesAreFoundByIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fresh func(testing.TB) string
		scan  string // how its plan tells that it reads a table
	}{
		"sqlite":   {testdb.SQLite, `^\d+ \d+ \d+ SCAN `},
		"postgres": {testdb.Postgres, `Seq Scan`},
		"mysql":    {testdb.MySQL, `^\d+ \S+ [a-z]+ +(\S+ )?ALL `},
	} {
		t.Run(name, func(t *testing.T) {
			s := migrated(t, c.fresh(t))
			for n := 0; n < *manyPeople; n += 500 {
				insertPeople(t, s, n, 500)
			}
			plans := persistence.PagePlans(t.Context(), s)
			require.Len(t, plans, 7)
			for what, plan := range plans {
				require.NotEmpty(t, plan, what)
				if strings.HasPrefix(what, "some") && *manyPeople < 20_000 {
					continue // a hundred of so few are found as well by reading them all
				}
				for _, line := range plan {
					if strings.Contains(line, "SCAN identities USING INDEX") && what == "page by number" {
						continue // it counts off what it leaves out, a thousand at most
					}
					require.NotRegexp(t, regexp.MustCompile(c.scan), line, "%s: %s", what, plan)
				}
			}
			measure := func(what string, q identity.Query) (last uuid.UUID) {
				began := time.Now()
				page, err := s.Identities(t.Context(), q)
				require.NoError(t, err)
				t.Logf("%s: %s page of %d among %d: %s: %s", name, what, len(page), *manyPeople, time.Since(began).Round(10*time.Microsecond), strings.Join(plans[what+" page"], " | "))
				return page[len(page)-1].ID
			}
			measure("first", identity.Query{Limit: 250}) // reads what the next finds in memory
			measure("first", identity.Query{Limit: 250})
			near := uuid.UUID{0xff - byte(250*256 / *manyPeople)} // about as many before the end
			measure("later", identity.Query{After: near, Limit: 250})
		})
	}
}
