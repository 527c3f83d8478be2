// Package testdb gives tests an empty database of their own on every engine
// that is at hand, and takes it away again.
//
// SQLite is always there. PostgreSQL and MySQL or MariaDB come from the dsns in
// FOYER_TEST_POSTGRES and FOYER_TEST_MYSQL, whose users may create databases;
// where one is missing its tests are skipped, or fail if CI is true.
package testdb

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/gofrs/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
)

// Each runs fn once for each engine, as a subtest named after it, with the dsn
// of an empty database without tables.
func Each(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
	t.Run("mysql", func(t *testing.T) { fn(t, MySQL(t)) })
}

// SQLite returns the dsn of a file in a temporary folder.
func SQLite(t testing.TB) string {
	t.Helper()
	t.Log("database: sqlite") // counted by contrib/testreport
	return "sqlite://" + filepath.Join(t.TempDir(), "foyer.db")
}

// Postgres creates a database on the server of FOYER_TEST_POSTGRES.
func Postgres(t testing.TB) string {
	t.Helper()
	t.Log("database: postgres")
	u, err := url.Parse(server(t, "FOYER_TEST_POSTGRES"))
	require.NoError(t, err)
	db, err := sql.Open("pgx", u.String())
	require.NoError(t, err)
	name := newName(t)
	_, err = db.Exec("CREATE DATABASE " + name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	u.Path = "/" + name
	return u.String()
}

// MySQL creates a database on the server of FOYER_TEST_MYSQL.
func MySQL(t testing.TB) string {
	t.Helper()
	t.Log("database: mysql")
	_, address, _ := strings.Cut(server(t, "FOYER_TEST_MYSQL"), "://")
	c, err := mysql.ParseDSN(address)
	require.NoError(t, err)
	db, err := sql.Open("mysql", c.FormatDSN())
	require.NoError(t, err)
	name := newName(t)
	_, err = db.Exec("CREATE DATABASE " + name)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("DROP DATABASE IF EXISTS " + name)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	c.DBName = name
	return "mysql://" + c.FormatDSN()
}

func server(t testing.TB, variable string) string {
	t.Helper()
	dsn := os.Getenv(variable)
	if dsn != "" {
		return dsn
	}
	Missing(t, variable+" is not set: no server to test against (.ci/databases starts one)")
	return ""
}

// Open connects to the database of a dsn, beside the program, until the test
// ends. For SQLite it takes the driver that persistence registers.
func Open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	scheme, rest, _ := strings.Cut(dsn, "://")
	driver, source := "sqlite3", "file:"+rest+"?_pragma=busy_timeout(5000)"
	switch scheme {
	case "postgres":
		driver, source = "pgx", dsn
	case "mysql":
		driver, source = "mysql", rest
	}
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// Missing skips a test for want of what why names, or fails it if CI is true:
// CI promises everything.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func newName(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV4()
	require.NoError(t, err)
	return "foyer_test_" + strings.ReplaceAll(id.String(), "-", "")
}
