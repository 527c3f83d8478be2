package persistence_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

func TestMigrateOnceAndForAll(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := open(t, dsn)
		pending, err := s.Pending(t.Context())
		require.NoError(t, err)
		require.Contains(t, pending, "0001_first")
		applied, err := s.Migrate(t.Context())
		require.NoError(t, err)
		require.Equal(t, pending, applied)
		pending, err = s.Pending(t.Context())
		require.NoError(t, err)
		require.Empty(t, pending)
		applied, err = s.Migrate(t.Context())
		require.NoError(t, err)
		require.Empty(t, applied)
	})
}

// Interrupted between each statement and its note in the journal, the next run
// goes on.
func TestMigrateInterruptedAnywhereGoesOn(t *testing.T) {
	errKilled := errors.New("killed")
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := open(t, dsn)
		for k := range persistence.Statements(s) {
			n := 0
			persistence.AfterStatement(s, func(string, int) error {
				if n++; n == 2 || k == 0 {
					return errKilled
				}
				return nil
			})
			_, err := s.Migrate(t.Context())
			if err != nil {
				require.ErrorIs(t, err, errKilled)
			}
		}
		persistence.AfterStatement(s, nil)
		_, err := s.Migrate(t.Context())
		require.NoError(t, err)
		pending, err := s.Pending(t.Context())
		require.NoError(t, err)
		require.Empty(t, pending)
		require.NoError(t, s.InsertFlow(t.Context(), newFlow()))
	})
}

// A database of the first version goes on with all that is in it, and with a
// node of that version beside the new one.
func TestMigrateFromTheFirstVersion(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := open(t, dsn)
		name := "migrations/0001_first." + s.Dialect() + ".sql"
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		_, err = persistence.MigrateFrom(t.Context(), s, fstest.MapFS{name: file(string(text))})
		require.NoError(t, err)
		before, after := newID(), newID()
		insert := "INSERT INTO identities (id, schema_id, state) VALUES (?, 'default', 'active')"
		require.NoError(t, persistence.Exec(t.Context(), s, insert, before.String()))
		applied, err := s.Migrate(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"0002_messages", "0003_sessions", "0004_revisions", "0005_events"}, applied)
		require.NoError(t, persistence.Exec(t.Context(), s, insert, after.String()))
		for _, id := range []uuid.UUID{before, after} {
			got, err := s.Identity(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, &identity.Identity{ID: id, SchemaID: "default", State: identity.StateActive}, got)
		}
	})
}

// What an older program has queued, or queues beside the new one, is mail.
func TestMessagesOfAnOlderProgramAreMail(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := open(t, dsn)
		older := fstest.MapFS{}
		for _, name := range []string{"0001_first", "0002_messages", "0003_sessions", "0004_revisions"} {
			name = "migrations/" + name + "." + s.Dialect() + ".sql"
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			older[name] = file(string(text))
		}
		_, err := persistence.MigrateFrom(t.Context(), s, older)
		require.NoError(t, err)
		insert := `INSERT INTO messages (id, channel, template, locale, recipient, status, send_count, rev, due_at, last_error, created_at)
			VALUES (?, 'email', '', 'en', 'ana@example.org', 'queued', 0, 0, ?, '', ?)`
		for range 3 {
			require.NoError(t, persistence.Exec(t.Context(), s, insert, newID().String(), noon.UnixMicro(), noon.UnixMicro()))
		}
		applied, err := s.Migrate(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"0005_events"}, applied)
		require.NoError(t, persistence.Exec(t.Context(), s, insert, newID().String(), noon.UnixMicro(), noon.UnixMicro()))
		claimed, err := s.ClaimMessages(t.Context(), courier.Mail, noon, noon.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Len(t, claimed, 4)
		for _, m := range claimed {
			require.Equal(t, courier.Mail, m.Queue)
			require.Empty(t, m.Lane)
		}
	})
}

func TestMigrateByManyNodesAtOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		const nodes = 4
		var stores []*persistence.Store
		for range nodes {
			stores = append(stores, open(t, dsn))
		}
		var wg sync.WaitGroup
		for _, s := range stores {
			wg.Go(func() {
				if _, err := s.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, s := range stores {
			require.NoError(t, s.InsertFlow(t.Context(), newFlow()))
		}
	})
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestMigrateRefusesAChangedFileAndToleratesANewerProgram(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := open(t, dsn)
		old := fstest.MapFS{"migrations/0001_a.sql": file("CREATE TABLE a (id INTEGER);\n")}
		newer := fstest.MapFS{"migrations/0001_a.sql": old["migrations/0001_a.sql"], "migrations/0002_b.sql": file("CREATE TABLE b (id INTEGER);\n")}
		changed := fstest.MapFS{"migrations/0001_a.sql": file("CREATE TABLE a (id BIGINT);\n")}
		applied, err := persistence.MigrateFrom(t.Context(), s, newer)
		require.NoError(t, err)
		require.Equal(t, []string{"0001_a", "0002_b"}, applied)
		applied, err = persistence.MigrateFrom(t.Context(), s, old)
		require.NoError(t, err)
		require.Empty(t, applied)
		_, err = persistence.MigrateFrom(t.Context(), s, changed)
		require.ErrorContains(t, err, "0001_a")
		require.ErrorContains(t, err, "another file of this name")
	})
}

func TestMigrateNamesTheStatementThatFails(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := open(t, dsn)
		broken := fstest.MapFS{"migrations/0001_a.sql": file("-- a comment;\nCREATE TABLE a (\n\tid INTEGER\n);\n\nCREATE NONSENSE;\n")}
		_, err := persistence.MigrateFrom(t.Context(), s, broken)
		require.ErrorContains(t, err, "migration 0001_a")
		require.ErrorContains(t, err, "statement 2")
		mended := fstest.MapFS{"migrations/0001_a.sql": broken["migrations/0001_a.sql"]}
		_, err = persistence.MigrateFrom(t.Context(), s, mended)
		require.ErrorContains(t, err, "statement 2", "the first is not run again")
	})
}

// CockroachDB cannot be had here: its lease on a row and its files run against
// PostgreSQL.
func TestMigrateUnderALease(t *testing.T) {
	dsn := "cockroach" + strings.TrimPrefix(testdb.Postgres(t), "postgres")
	stores := []*persistence.Store{open(t, dsn), open(t, dsn)}
	require.Equal(t, "cockroach", stores[0].Dialect())
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			if _, err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f := fullFlow()
	require.NoError(t, stores[0].InsertFlow(t.Context(), f))
	got, err := stores[1].Flow(t.Context(), f.Kind, f.ID)
	require.NoError(t, err)
	require.Equal(t, f, got)
	require.NoError(t, stores[0].Tx(t.Context(), func(ctx context.Context) error {
		return stores[0].InsertIdentity(ctx, newPerson("ana@example.org"))
	}))
	insertMessage(t, stores[0], nil)
	claimed, err := stores[1].ClaimMessages(t.Context(), courier.Mail, noon, noon, 10)
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	require.True(t, spend(t, stores[0], ana, noon, fiveAnHour...))
}

// A server that nobody has migrated yet is a matter of waiting, not an error of
// the program: it is told as such, and readiness names what is missing.
func TestNotMigrated(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"postgres": testdb.Postgres, "mysql": testdb.MySQL} {
		t.Run(name, func(t *testing.T) {
			s := open(t, dsn(t))
			require.ErrorIs(t, s.InsertFlow(t.Context(), newFlow()), fail.New(fail.Unavailable, "storage_unavailable", ""))
			_, err := s.SessionByToken(t.Context(), []byte("nobody's"))
			require.ErrorIs(t, err, fail.New(fail.Unavailable, "storage_unavailable", ""))
			pending, err := s.Pending(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, pending)
		})
	}
}
