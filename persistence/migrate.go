package persistence

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// The journal holds a row for each migration: how many of its statements are
// done of how many, and the checksum of the file they came from.
const (
	sqlCreateJournal = `CREATE TABLE IF NOT EXISTS foyer_migrations (name VARCHAR(190) NOT NULL PRIMARY KEY,
		checksum VARCHAR(64) NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, applied_at BIGINT NOT NULL)`
	sqlJournal       = `SELECT name, checksum, done, total FROM foyer_migrations`
	sqlJournalInsert = `INSERT INTO foyer_migrations (name, checksum, done, total, applied_at) VALUES (?, ?, 0, ?, ?)`
	sqlJournalStep   = `UPDATE foyer_migrations SET done = ?, applied_at = ? WHERE name = ? AND done = ?`
)

type journalRow struct {
	checksum    string
	done, total int
}

// Migrate applies what is missing, forward only, and returns the names of what
// it applied. It may be interrupted after any statement and run again, and two
// nodes may run it at once. Migrations a newer program applied are left alone;
// a file that differs from what was applied under its name is refused.
func (s *Store) Migrate(ctx context.Context) (applied []string, err error) {
	list, err := migrationsIn(migrationFiles, s.src.dialect)
	if err != nil {
		return nil, err
	}
	return s.migrate(ctx, list)
}

// Pending names the migrations that are not applied to the end, or says after
// three seconds at most that it could not ask.
func (s *Store) Pending(ctx context.Context) ([]string, error) {
	list, err := migrationsIn(migrationFiles, s.src.dialect)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var rows map[string]journalRow
	err = s.view(ctx, func(ctx context.Context, c conn) (err error) {
		rows, err = s.journalIfAny(ctx, c.direct())
		return err
	})
	if err != nil {
		return nil, wrap("read the migrations", err)
	}
	var pending []string
	for _, m := range list {
		if r, ok := rows[m.name]; !ok || r.done < r.total {
			pending = append(pending, m.name)
		}
	}
	return pending, nil
}

func (s *Store) migrate(ctx context.Context, list []migration) (applied []string, err error) {
	m, release, err := s.newMigrator(ctx)
	if err != nil {
		return nil, wrap("lock the migrations", err)
	}
	defer release()
	if err := m.step(ctx, func(ctx context.Context, q runner) error {
		_, err := q.ExecContext(ctx, sqlCreateJournal)
		return err
	}); err != nil {
		return nil, wrap("create the table of migrations", err)
	}
	for _, mi := range list {
		did, err := m.apply(ctx, mi)
		if did {
			applied = append(applied, mi.name)
		}
		if err != nil {
			return applied, wrap("migration "+mi.name, err)
		}
	}
	return applied, nil
}

// apply runs the statements of one migration that are still to be done.
func (m *migrator) apply(ctx context.Context, mi migration) (did bool, err error) {
	for finished := false; !finished; {
		err := m.step(ctx, func(ctx context.Context, q runner) error {
			ran, over, err := m.next(ctx, q, mi)
			did, finished = did || ran, over
			return err
		})
		if err != nil {
			return did, err
		}
	}
	return did, nil
}

// next runs one statement and notes it. The journal is read anew each time,
// because another node may have gone on meanwhile.
func (m *migrator) next(ctx context.Context, q runner, mi migration) (ran, over bool, err error) {
	rows, err := journal(ctx, q)
	if err != nil {
		return false, false, err
	}
	now := m.s.now().UnixMicro()
	r, known := rows[mi.name]
	switch {
	case !known:
		_, err := q.ExecContext(ctx, m.s.write.text(sqlJournalInsert), mi.name, mi.checksum, len(mi.statements), now)
		return false, false, err
	case r.checksum != mi.checksum:
		return false, false, errors.New("the database was migrated with another file of this name; this program does not fit the database")
	case r.done >= len(mi.statements):
		return false, true, nil
	}
	if _, err := q.ExecContext(ctx, mi.statements[r.done]); err != nil && !alreadyDone(err) {
		return false, false, fmt.Errorf("statement %d: %w", r.done+1, err)
	}
	if after := m.s.hooks.afterStatement; after != nil {
		if err := after(mi.name, r.done); err != nil {
			return true, false, err
		}
	}
	_, err = q.ExecContext(ctx, m.s.write.text(sqlJournalStep), r.done+1, now, mi.name, r.done)
	return true, false, err
}

// journalIfAny is journal, empty on a database that was never migrated.
func (s *Store) journalIfAny(ctx context.Context, q runner) (map[string]journalRow, error) {
	if s.src.dialect == dialectSQLite {
		// SQLite has no code of its own for a missing table.
		rows, err := q.QueryContext(ctx, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'foyer_migrations'")
		if err != nil {
			return nil, err
		}
		exists := rows.Next()
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || !exists {
			return nil, err
		}
	}
	rows, err := journal(ctx, q)
	if noTable(err) {
		return nil, nil
	}
	return rows, err
}

func journal(ctx context.Context, q runner) (map[string]journalRow, error) {
	rows, err := q.QueryContext(ctx, sqlJournal)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := map[string]journalRow{}
	for rows.Next() {
		var name string
		var r journalRow
		if err := rows.Scan(&name, &r.checksum, &r.done, &r.total); err != nil {
			return nil, err
		}
		all[name] = r
	}
	return all, rows.Err()
}

// alreadyDone reports that a statement's effect is there: DDL commits by
// itself on MySQL, so the program can die between it and the journal.
func alreadyDone(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return slices.Contains([]uint16{1050, 1060, 1061, 1091, 1826}, my.Number)
	}
	return false
}

func noTable(err error) bool {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case errors.As(err, &pg):
		return pg.Code == "42P01"
	case errors.As(err, &my):
		return my.Number == 1146
	}
	return false
}
