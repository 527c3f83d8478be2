package persistence

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// The levels Durability reports.
const (
	DurabilityFull   = "full"   // a commit is on the disk before it is acknowledged
	DurabilityUnsafe = "unsafe" // a crash may lose acknowledged commits
	DurabilityNone   = "none"   // in memory
)

// Durability reads the settings in effect. Each problem names a setting that
// would let an acknowledged commit be lost.
func (s *Store) Durability(ctx context.Context) (level string, problems []string, err error) {
	switch {
	case s.src.memory():
		return DurabilityNone, nil, nil
	case s.src.dialect == dialectSQLite:
		problems, err = s.durabilitySQLite(ctx)
	case s.src.dialect == dialectPostgres:
		problems, err = s.durabilityPostgres(ctx)
	case s.src.dialect == dialectMySQL:
		problems, err = s.durabilityMySQL(ctx)
	}
	if err != nil {
		return "", nil, wrap("read the durability settings", err)
	}
	if len(problems) > 0 {
		return DurabilityUnsafe, problems, nil
	}
	return DurabilityFull, nil, nil
}

func (s *Store) refuseUnsafe(ctx context.Context, o Options) error {
	level, problems, err := s.Durability(ctx)
	switch {
	case err != nil:
		return err
	case level == DurabilityFull || o.Dev:
		return nil
	case level == DurabilityNone:
		s.log.Warn("the database is kept in memory: everything is lost when the program ends")
		return nil
	case o.AllowUnsafe:
		s.log.Warn("a crash may lose what was acknowledged", "settings", problems)
		return nil
	}
	return fmt.Errorf("the database may lose acknowledged registrations in a crash: %s", strings.Join(problems, "; "))
}

func (s *Store) durabilitySQLite(ctx context.Context) (problems []string, err error) {
	var journal, level string
	// The writer's own connection is asked, since synchronous is set for each.
	err = s.unit(ctx, true, func(ctx context.Context, u *unit) error {
		if err := u.conn().query(ctx, "PRAGMA journal_mode", nil, scanOne(&journal)); err != nil {
			return err
		}
		return u.conn().query(ctx, "PRAGMA synchronous", nil, scanOne(&level))
	})
	if !strings.EqualFold(journal, "wal") {
		problems = append(problems, "journal_mode="+journal+" (must be WAL)")
	}
	if level != "2" && level != "3" {
		problems = append(problems, "synchronous="+level+" (must be FULL)")
	}
	return problems, err
}

func (s *Store) durabilityPostgres(ctx context.Context) (problems []string, err error) {
	safe := map[string][]string{
		"fsync":              {"on"},
		"full_page_writes":   {"on"},
		"synchronous_commit": {"on", "local", "remote_write", "remote_apply"},
	}
	query := "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name"
	return s.unsafeSettings(ctx, query, safe)
}

func (s *Store) durabilityMySQL(ctx context.Context) (problems []string, err error) {
	binlog := ""
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, "SELECT @@log_bin", nil, scanOne(&binlog))
	})
	if err != nil {
		return nil, err
	}
	safe := map[string][]string{
		"innodb_flush_log_at_trx_commit": {"1", "3"},
		"innodb_doublewrite":             {"ON", "1", "DETECT_AND_RECOVER"},
	}
	if binlog == "1" {
		safe["sync_binlog"] = []string{"1"}
	}
	query := "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'sync_binlog')"
	return s.unsafeSettings(ctx, query, safe)
}

func (s *Store) unsafeSettings(ctx context.Context, query string, safe map[string][]string) (problems []string, err error) {
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, query, nil, func(rows *sql.Rows) error {
			var name, value string
			if err := rows.Scan(&name, &value); err != nil {
				return err
			}
			allowed, checked := safe[name]
			for _, a := range allowed {
				if strings.EqualFold(a, value) {
					return nil
				}
			}
			if checked {
				problems = append(problems, fmt.Sprintf("%s=%s (must be %s)", name, value, allowed[0]))
			}
			return nil
		})
	})
	return problems, err
}

func scanNothing(*sql.Rows) error { return nil }

func scanOne(to ...any) func(*sql.Rows) error {
	return func(rows *sql.Rows) error { return rows.Scan(to...) }
}
