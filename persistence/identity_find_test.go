package persistence_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

func TestByAddressFindsItsIdentity(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		_, err := s.ByAddress(t.Context(), identity.ForRecovery, identity.ViaEmail, "ana@example.org")
		require.ErrorIs(t, err, identity.ErrNotFound, "there is nobody at all")
		p := newPerson("ana@example.org")
		more := p.Verifiable[0]
		more.ID, more.Via, more.Value, more.Canonical = newID(), identity.ViaSMS, "+41446681800", "+41446681800"
		p.Verifiable, p.Epoch, p.Rev = append(p.Verifiable, more), 7, 9
		p.Recovery[0].Canonical = "old@example.org"
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		require.NoError(t, s.InsertIdentity(t.Context(), newPerson("bob@example.org")))
		p.Credentials = nil
		type name struct {
			purpose        identity.Purpose
			via, canonical string
		}
		for _, n := range []name{
			{identity.ForVerification, identity.ViaEmail, "ana@example.org"}, {identity.ForVerification, identity.ViaSMS, "+41446681800"},
			{identity.ForRecovery, identity.ViaEmail, "old@example.org"},
		} {
			got, err := s.ByAddress(t.Context(), n.purpose, n.via, n.canonical)
			require.NoError(t, err, n)
			require.Equal(t, p, got, n)
		}
		for _, none := range []name{
			{identity.ForVerification, identity.ViaEmail, "+41446681800"}, {identity.ForVerification, identity.ViaEmail, "old@example.org"},
			{identity.ForRecovery, identity.ViaEmail, "ana@example.org"}, {identity.ForRecovery, identity.ViaSMS, "+41446681800"},
			{identity.ForVerification, identity.ViaEmail, "Ana@example.org"}, {identity.ForVerification, "", ""}, {"", identity.ViaEmail, "ana@example.org"},
		} {
			got, err := s.ByAddress(t.Context(), none.purpose, none.via, none.canonical)
			require.ErrorIs(t, err, identity.ErrNotFound, none)
			require.Nil(t, got, none)
		}
	})
}

func TestByIdentifierFindsWhoSignsInWithIt(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		_, err := s.ByIdentifier(t.Context(), "ana")
		require.ErrorIs(t, err, identity.ErrNotFound, "there is nobody at all")
		full := newPerson("ana@example.org")
		full.Rev, full.ExternalID, full.Credentials[0].Identifiers = 3, "crm-1", []string{"ana", "ana@example.org"}
		for n := range 3 {
			a := full.Verifiable[0]
			a.ID, a.Canonical = newID(), fmt.Sprintf("ana+%d@example.org", n)
			full.Verifiable = append(full.Verifiable, a)
		}
		full.Credentials = append(full.Credentials, identity.Credential{
			ID: newID(), Type: "totp", Config: []byte(`{ "a":1}`), Version: 2, CreatedAt: noon, UpdatedAt: noon,
		}, identity.Credential{ID: newID(), Type: "webauthn", Identifiers: []string{"key-1"}, CreatedAt: noon, UpdatedAt: noon})
		coded := newPerson("bob@example.org")
		coded.Credentials[0].Type, coded.Credentials[0].Config = identity.CredentialCode, nil
		bare := drafted(t, object{"nick": "cleo"})
		for _, p := range []*identity.Identity{full, coded, bare} {
			require.NoError(t, s.InsertIdentity(t.Context(), p))
		}
		for name, want := range map[string]*identity.Identity{"ana": full, "ana@example.org": full, "bob@example.org": coded, "cleo": bare} {
			got, err := s.ByIdentifier(t.Context(), name)
			require.NoError(t, err, name)
			require.Equal(t, asRead(want), got, name)
		}
		for _, none := range []string{"", "Ana", "ana ", "crm-1", "ana+1@example.org", "key-1", strings.Repeat("z", 400)} {
			got, err := s.ByIdentifier(t.Context(), none)
			require.ErrorIs(t, err, identity.ErrNotFound, none)
			require.Nil(t, got, none)
		}
	})
}

// Whether somebody is found or not, the same one statement is run.
func TestAMissIsOneStatementAsAHitIs(t *testing.T) {
	eachFaulty(t, func(t *testing.T, s *persistence.Store, f *faults) {
		for n := range 3 {
			p := newPerson(fmt.Sprintf("p%d@example.org", n))
			p.SetLink(identity.Link{Provider: "google", Subject: fmt.Sprintf("p%d@example.org", n)})
			require.NoError(t, s.InsertIdentity(t.Context(), p))
		}
		for what, find := range map[string]func(name string) (*identity.Identity, error){
			"identifier": func(name string) (*identity.Identity, error) { return s.ByIdentifier(t.Context(), name) },
			"link": func(name string) (*identity.Identity, error) {
				return s.ByLink(t.Context(), identity.LinkName("google", name))
			},
			"address": func(name string) (*identity.Identity, error) {
				return s.ByAddress(t.Context(), identity.ForRecovery, identity.ViaEmail, name)
			},
		} {
			f.arm(0, nil, false)
			_, err := find("p1@example.org")
			require.NoError(t, err, what)
			hit := f.seen()
			require.Len(t, hit, 1, what)
			f.arm(0, nil, false)
			_, err = find("p7@example.org")
			require.ErrorIs(t, err, identity.ErrNotFound, what)
			require.Equal(t, hit, f.seen(), what)
		}
	})
}

// Among many people nobody is looked for by reading them all.
func TestPeopleAreFoundAndSavedByIndex(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fresh func(testing.TB) string
		scan  string // how its plan tells that it reads a table
	}{
		"sqlite":   {testdb.SQLite, `^\d+ \d+ \d+ SCAN (i|a|c|v|n|addresses|credentials|identifiers|identities)( |$)`},
		"postgres": {testdb.Postgres, `Seq Scan`},
		"mysql":    {testdb.MySQL, `^\d+ \S+ (i|a|c|v|n|addresses|credentials|identifiers|identities) +(\S+ )?ALL `},
	} {
		t.Run(name, func(t *testing.T) {
			s := migrated(t, c.fresh(t))
			for n := range 5 {
				insertPeople(t, s, n*100, 100)
			}
			plans := persistence.PersonPlans(t.Context(), s)
			require.Len(t, plans, 9)
			for what, plan := range plans {
				require.NotEmpty(t, plan, what)
				for _, line := range plan {
					if strings.Contains(line, "SCAN identities USING COVERING INDEX") {
						continue // the first entry of it
					}
					require.NotRegexp(t, regexp.MustCompile(c.scan), line, "%s: %s", what, plan)
				}
			}
		})
	}
}
