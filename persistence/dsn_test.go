package persistence_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

func TestDSNs(t *testing.T) {
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
		"oracle://x":                              "oracle",
		"sqlite://":                               "path",
		"sqlite:///x?_fk=false":                   "_fk=false",
		"sqlite:///x?_journal_mode=DELETE":        "_journal_mode=delete",
		"sqlite:///x?_synchronous=maybe":          "_synchronous=maybe",
		"sqlite:///x?_busy_timeout=soon":          "_busy_timeout=soon",
		"sqlite:///x?mode=ro":                     "mode=ro",
		"sqlite:///x?cache=no":                    "cache=no",
		"sqlite:///x?_txlock=deferred":            "_txlock=deferred",
		"sqlite:///x?_loc=auto&_vacuum=1":         "_loc, _vacuum",
		"sqlite:///x?lock=false":                  "lock",
		"sqlite:///x?a@b=1":                       "percent-encode",
		"sqlite:///x?a.b=1":                       "with a name that is not printed",
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
		_, _, err := persistence.DatabaseFile(dsn)
		if want == "" {
			require.NoError(t, err, dsn)
			continue
		}
		require.ErrorContains(t, err, want, dsn)
		require.NotContains(t, err.Error(), "hunt", dsn)
	}
}

// Whatever a password holds and wherever it makes the dsn break: no part of it
// is repeated, when the dsn is checked nor when nobody answers at its address.
func TestNoPartOfAPasswordIsRepeated(t *testing.T) {
	specials := []string{"?", "&", "#", "@", ":", "/", "=", "%", "?max_conns=", "?sslmode=", "?parseTime=", "&loc=", "://", ")"}
	var passwords []string
	for _, a := range specials {
		passwords = append(passwords, "hunt"+a+"hunt", a+"hunt", "hunt"+a)
		for _, b := range specials {
			passwords = append(passwords, "hunt"+a+"hunt"+b+"hunt", "4711"+a+"hunt"+b)
		}
	}
	for _, password := range passwords {
		for _, frame := range []string{
			"postgres://foyer:%s@127.0.0.1:1/d", "postgres://foyer:%s@127.0.0.1:1/d?sslmode=disable", "cockroach://foyer:%s@127.0.0.1:1/d?bad=1",
			"mysql://foyer:%s@tcp(127.0.0.1:1)/d", "mysql://foyer:%s@tcp(127.0.0.1:1)/d?bad=1", "mysql://foyer:%s@tcp(127.0.0.1:1)",
			"foyer:%s@127.0.0.1", "sqlite://foyer:%s@127.0.0.1:1/none/d?bad=1", "oracle://foyer:%s@h/d",
		} {
			dsn := strings.Replace(frame, "%s", password, 1)
			_, _, err := persistence.DatabaseFile(dsn)
			if err == nil && !strings.HasPrefix(dsn, "sqlite") {
				_, err = persistence.Open(t.Context(), persistence.Options{DSN: dsn, Now: time.Now})
				require.Error(t, err, dsn)
			}
			if err != nil {
				require.NotContains(t, err.Error(), "hunt", dsn)
				require.NotContains(t, err.Error(), "4711", dsn)
			}
		}
	}
}

// What the driver understands in a password, so do we.
func TestMySQLPasswordMayHoldAnything(t *testing.T) {
	c, err := mysql.ParseDSN(strings.TrimPrefix(testdb.MySQL(t), "mysql://"))
	require.NoError(t, err)
	db, err := sql.Open("mysql", c.FormatDSN())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	user, password := "u"+c.DBName[len(c.DBName)-12:], "a?b&c#d@e:f/g=h)"
	_, err = db.Exec("CREATE USER " + user + "@'%' IDENTIFIED BY '" + password + "'")
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = db.Exec("DROP USER " + user + "@'%'") })
	_, err = persistence.Open(t.Context(), persistence.Options{
		DSN: "mysql://" + user + ":" + password + "@tcp(" + c.Addr + ")/" + c.DBName + "?max_conns=2", Now: time.Now,
	})
	require.ErrorContains(t, err, "1044", "let in, and not allowed to use this database")
}

func TestModeSaysWhetherAFileIsMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "foyer.db")
	_, err := persistence.Open(t.Context(), persistence.Options{DSN: "sqlite://" + path + "?mode=rw", Now: time.Now})
	require.ErrorContains(t, err, "does not exist")
	require.NoFileExists(t, path)
	migrated(t, "sqlite://"+path+"?mode=rwc")
	require.NoError(t, open(t, "sqlite://"+path+"?mode=rw").InsertFlow(t.Context(), newFlow()))
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

func TestDatabaseFile(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	require.NoError(t, err)
	for dsn, want := range map[string]string{
		"sqlite://a.db": here + "/a.db", "sqlite3:///var/b%20c.db?mode=rwc": "/var/b c.db", "sqlite://file:d.db": here + "/d.db",
		"memory": "", "sqlite://:memory:": "", "sqlite://x.db?mode=Memory": "",
	} {
		path, local, err := persistence.DatabaseFile(dsn)
		require.NoError(t, err, dsn)
		require.True(t, local, dsn)
		require.Equal(t, want, path, dsn)
	}
	path, local, err := persistence.DatabaseFile("postgres://u:p@db/foyer")
	require.NoError(t, err)
	require.False(t, local)
	require.Empty(t, path)
}
