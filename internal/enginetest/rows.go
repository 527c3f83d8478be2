package enginetest

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// Rows is what the database holds: each table's rows as text, keys in front.
type Rows map[string][]string

// bookkeeping is tables that no request writes to.
var bookkeeping = []string{"foyer_migrations", "foyer_migration_lock"}

// Rows reads the whole database, which has to be the SQLite file of the test.
func (e *Env) Rows() Rows {
	e.t.Helper()
	db := e.open()
	defer db.Close()
	out := Rows{}
	for _, table := range column(e, db, "SELECT name FROM sqlite_master WHERE type = 'table'") {
		if !slices.Contains(bookkeeping, table) {
			out[table] = e.table(db, table)
		}
	}
	return out
}

// Exec changes the database behind the program's back, as an operator or
// another node might.
func (e *Env) Exec(statement string, args ...any) {
	e.t.Helper()
	db := e.open()
	defer db.Close()
	_, err := db.Exec(statement, args...)
	require.NoError(e.t, err)
}

// Files returns the bytes of the database with its log and index, by name.
func (e *Env) Files() map[string][]byte {
	e.t.Helper()
	names, err := filepath.Glob(e.file() + "*")
	require.NoError(e.t, err)
	out := map[string][]byte{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		require.NoError(e.t, err)
		out[filepath.Base(name)] = raw
	}
	return out
}

// Ruin overwrites the pages of the database under the running program.
func (e *Env) Ruin() {
	e.t.Helper()
	for _, name := range []string{e.file(), e.file() + "-wal"} {
		raw, err := os.ReadFile(name)
		require.NoError(e.t, err)
		// The header of the log stays, so that its frames are looked at.
		for i := min(len(raw), 32); i < len(raw); i++ {
			raw[i] = 0xA5
		}
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		require.NoError(e.t, err)
		_, err = f.WriteAt(raw, 0)
		require.NoError(e.t, err)
		require.NoError(e.t, f.Close())
	}
}

func (e *Env) file() string {
	path, ok := strings.CutPrefix(e.App.Config.DSN, "sqlite://")
	require.True(e.t, ok, "only SQLite files can be looked into")
	return path
}

func (e *Env) open() *sql.DB {
	e.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+e.file()+"?_pragma=busy_timeout(5000)")
	require.NoError(e.t, err)
	return db
}

func column(e *Env, db *sql.DB, query string) []string {
	rows, err := db.Query(query)
	require.NoError(e.t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		require.NoError(e.t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(e.t, rows.Err())
	return out
}

func (e *Env) table(db *sql.DB, name string) []string {
	rows, err := db.Query("SELECT * FROM " + name)
	require.NoError(e.t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(e.t, err)
	out := []string{}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		require.NoError(e.t, rows.Scan(values...))
		parts := make([]string, len(columns))
		for i := range values {
			v := *values[i].(*any)
			if b, ok := v.([]byte); ok {
				v = fmt.Sprintf("%x", b)
			}
			parts[i] = fmt.Sprint(v)
		}
		out = append(out, strings.Join(parts, "\x1f"))
	}
	require.NoError(e.t, rows.Err())
	slices.Sort(out)
	return out
}

// Without leaves tables out.
func (r Rows) Without(tables ...string) Rows {
	out := maps.Clone(r)
	for _, table := range tables {
		delete(out, table)
	}
	return out
}

// Since lists what has been written since before, as "flows+1" for an added
// row, "~1" for a changed and "-1" for a removed one; tables in alphabetical
// order, "" for silence.
func (r Rows) Since(before Rows) string {
	var out []string
	for table, now := range r {
		was := map[string]string{}
		for _, row := range before[table] {
			was[key(row)] = row
		}
		added, changed := 0, 0
		for _, row := range now {
			old, known := was[key(row)]
			switch {
			case !known:
				added++
			case old != row:
				changed++
			}
			delete(was, key(row))
		}
		for _, n := range []struct {
			sign  string
			count int
		}{{"+", added}, {"~", changed}, {"-", len(was)}} {
			if n.count > 0 {
				out = append(out, fmt.Sprintf("%s%s%d", table, n.sign, n.count))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// key is what a row is known by: its first two columns where the first is only
// a name space.
func key(row string) string {
	parts := strings.SplitN(row, "\x1f", 3)
	if parts[0] == "login" && len(parts) > 1 {
		return parts[0] + "\x1f" + parts[1]
	}
	return parts[0]
}
