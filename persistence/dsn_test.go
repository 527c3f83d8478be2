package persistence_test

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/persistence"
)

func TestCheckDSN(t *testing.T) {
	for dsn, want := range map[string]string{
		"memory":             "",
		"sqlite://var/db.sq": "",
		"sqlite:///var/lib/db.sqlite?_fk=true&mode=rwc":                                               "",
		"sqlite:///x?_fk=1&_busy_timeout=5000&_journal_mode=WAL&cache=shared&max_conns=4":             "",
		"sqlite://file::memory:?cache=shared":                                                         "",
		"sqlite://:memory:?_fk=true":                                                                  "",
		"sqlite:///x?_synchronous=FULL":                                                               "",
		"postgres://u:hunter2@h:5432/d?sslmode=disable&max_conns=20&max_idle_conns=4":                 "",
		"postgresql://u@h/d?max_conn_lifetime=30m&connect_timeout=3":                                  "",
		"cockroach://root@h:26257/d?sslmode=disable":                                                  "",
		"mysql://u:hunter2@tcp(h:3306)/d?parseTime=true&multiStatements=true&max_conns=20&timeout=3s": "",
		"mariadb://u:hunter2@tcp(h:3306)/d?wsrep_sync_wait=1":                                         "",

		"":                                        "expected",
		"file.db":                                 "expected",
		"oracle://x":                              `"oracle"`,
		"sqlite://":                               "path",
		"sqlite:///x?_fk=false":                   "_fk=false",
		"sqlite:///x?_journal_mode=DELETE":        "_journal_mode=delete",
		"sqlite:///x?_synchronous=maybe":          "_synchronous=maybe",
		"sqlite:///x?_busy_timeout=soon":          "_busy_timeout=soon",
		"sqlite:///x?mode=ro":                     "mode=ro",
		"sqlite:///x?cache=no":                    "cache=no",
		"sqlite:///x?_txlock=deferred":            "_txlock=deferred",
		"sqlite:///x?_loc=auto&_vacuum=1":         "_loc, _vacuum",
		"sqlite:///x?max_conns=many":              "max_conns=many",
		"sqlite:///x?%zz":                         "query string",
		"postgres://u:hunter2@h/d?ssl_mode=x":     "ssl_mode",
		"postgres://u:hunter2@h/d?sslmode=maybe":  "sslmode",
		"postgres://u:hunter2@h:port/d":           "not a valid",
		"postgres://u:hunt%zzer2@h/d":             "not a valid",
		"postgres://h/d?max_conn_lifetime=5":      "max_conn_lifetime=5",
		"mysql://u:hunter2@tcp(h:3306)":           "not a valid",
		"mysql://u:hunter2@tcp(h:3306)/":          "name of a database",
		"mysql://u:hunter2@tcp(h:3306)/d?foo=bar": "foo",
		"mysql://u:hunter2@h:3306/d":              "not a valid",
		"mysql://u@tcp(h)/d?loc=Local":            "loc=Local",
	} {
		err := persistence.CheckDSN(dsn)
		if want == "" {
			require.NoError(t, err, dsn)
			continue
		}
		require.ErrorContains(t, err, want, dsn)
		require.NotContains(t, err.Error(), "hunt", dsn)
	}
}

func TestOpenTellsWhatIsMissingAndNoPassword(t *testing.T) {
	options := func(dsn string) persistence.Options { return persistence.Options{DSN: dsn, Now: time.Now} }
	_, err := persistence.Open(t.Context(), options("sqlite://"+filepath.Join(t.TempDir(), "none", "x.db")))
	require.ErrorContains(t, err, "none does not exist")

	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, make([]byte, 4096), 0o600))
	require.NoError(t, os.WriteFile(text, []byte("this is no database, however long one looks at it, is it? not at all, no. and more of it"), 0o600))
	_, err = persistence.Open(t.Context(), options("sqlite://"+text))
	require.Error(t, err)

	for _, dsn := range []string{
		"postgres://u:hunter2@127.0.0.1:1/d?sslmode=disable", "mysql://u:hunter2@tcp(127.0.0.1:1)/d", "cockroach://u:hunter2@127.0.0.1:1/d?sslmode=disable",
	} {
		_, err := persistence.Open(t.Context(), options(dsn))
		require.Equal(t, "storage_unavailable", fail.As(err).ID, dsn)
		require.Equal(t, fail.Unavailable, fail.As(err).Kind, dsn)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestDatabaseFileIsForItsOwnerOnly(t *testing.T) {
	for _, name := range []string{"foyer.db", "a b?c%20#ü.db"} {
		path := filepath.Join(t.TempDir(), name)
		escaped := filepath.Dir(path) + "/" + url.PathEscape(name)
		s := migrated(t, "sqlite://"+escaped)
		require.NoError(t, s.InsertFlow(t.Context(), newFlow()))
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + suffix)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		}
	}
}
