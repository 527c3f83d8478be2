package persistence

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
)

// migrationLock is the number of PostgreSQL's advisory lock and part of
// MySQL's lock name.
const migrationLock = 7163050122

// migrator runs steps so that no other node is in a step at the same time.
type migrator struct {
	s    *Store
	step func(ctx context.Context, fn func(context.Context, runner) error) error
}

func (s *Store) newMigrator(ctx context.Context) (m *migrator, release func(), err error) {
	m, release = &migrator{s: s}, func() {}
	switch s.src.dialect {
	case dialectSQLite:
		m.step = s.stepSQLite
	case dialectPostgres:
		m.step = s.stepPostgres
	case dialectMySQL:
		m.step, release, err = s.lockMySQL(ctx)
	case dialectCockroach:
		m.step, release, err = s.lockCockroach(ctx)
	}
	return m, release, err
}

// stepSQLite runs in the writer's transaction, which began with the lock on
// the file.
func (s *Store) stepSQLite(ctx context.Context, fn func(context.Context, runner) error) error {
	return s.unit(ctx, false, func(ctx context.Context, u *unit) error {
		return u.note(fn(ctx, s.write.db))
	})
}

// stepPostgres runs statement and note in one transaction under a lock that
// ends with it, so it works behind a pooler too.
func (s *Store) stepPostgres(ctx context.Context, fn func(context.Context, runner) error) error {
	tx, err := s.write.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return err
	}
	if err := fn(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// lockMySQL holds a named lock on one connection for the whole run; MySQL's
// DDL commits by itself.
func (s *Store) lockMySQL(ctx context.Context) (step func(context.Context, func(context.Context, runner) error) error, release func(), err error) {
	release = func() {}
	c, err := s.write.db.Conn(ctx)
	if err != nil {
		return nil, release, err
	}
	var got sql.NullInt64
	// Locks are the server's, not the database's: the name says which.
	err = c.QueryRowContext(ctx, "SELECT GET_LOCK(SHA1(CONCAT('foyer migrations ', DATABASE())), 60)").Scan(&got)
	if err == nil && got.Int64 != 1 {
		err = storageBusy(errors.New("another node is migrating"))
	}
	if err != nil {
		_ = c.Close()
		return nil, release, err
	}
	release = func() {
		_, _ = c.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(SHA1(CONCAT('foyer migrations ', DATABASE())))")
		_ = c.Close()
	}
	step = func(ctx context.Context, fn func(context.Context, runner) error) error { return fn(ctx, c) }
	return step, release, nil
}

const (
	sqlCreateLock = `CREATE TABLE IF NOT EXISTS foyer_migration_lock (id INTEGER NOT NULL PRIMARY KEY, holder VARCHAR(36) NOT NULL, until BIGINT NOT NULL)`
	sqlFirstLock  = `INSERT INTO foyer_migration_lock (id, holder, until) VALUES (1, '', 0) ON CONFLICT (id) DO NOTHING`
	sqlTakeLock   = `UPDATE foyer_migration_lock SET holder = $1, until = $2 WHERE id = 1 AND (until < $3 OR holder = $4)`
	sqlFreeLock   = `UPDATE foyer_migration_lock SET holder = '', until = 0 WHERE id = 1 AND holder = $1`
)

const (
	leaseTime  = 30 * time.Second
	leaseTries = 300
)

var errLeaseLost = errors.New("another node took the migrations over")

// lockCockroach leases a row, because CockroachDB has no advisory locks: taken
// for a while, prolonged at each step, free again when its holder died. A
// statement that takes longer than the lease lets another node in.
func (s *Store) lockCockroach(ctx context.Context) (step func(context.Context, func(context.Context, runner) error) error, release func(), err error) {
	release = func() {}
	db, holder := s.write.db, uuid.Must(uuid.NewV4()).String()
	for _, q := range []string{sqlCreateLock, sqlFirstLock} {
		err := s.retry(ctx, func() error { _, err := db.ExecContext(ctx, q); return err })
		if err != nil && classify(err) != uniqueViolation { // then another node creates it at this moment
			return nil, release, err
		}
	}
	take := func() (bool, error) {
		now := s.now()
		res, err := db.ExecContext(ctx, sqlTakeLock, holder, now.Add(leaseTime).UnixMicro(), now.UnixMicro(), holder)
		if err != nil {
			return false, err
		}
		n, err := res.RowsAffected()
		return n == 1, err
	}
	for tries := 0; ; tries++ {
		got, err := take()
		if err != nil && classify(err) != retryable {
			return nil, release, err
		}
		if got {
			break
		}
		if tries >= leaseTries {
			return nil, release, fail.Wrap(errors.New("another node is migrating"), fail.Unavailable, "storage_busy", "another node is migrating the database")
		}
		select {
		case <-ctx.Done():
			return nil, release, ctx.Err()
		case <-time.After(leaseTime / leaseTries):
		}
	}
	release = func() { _, _ = db.ExecContext(context.WithoutCancel(ctx), sqlFreeLock, holder) }
	step = func(ctx context.Context, fn func(context.Context, runner) error) error {
		return s.retry(ctx, func() error {
			got, err := take()
			if err == nil && !got {
				err = errLeaseLost
			}
			if err != nil {
				return err
			}
			return fn(ctx, db)
		})
	}
	return step, release, nil
}
