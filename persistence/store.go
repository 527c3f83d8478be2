package persistence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobuffalo/pop/v6"

	"github.com/foyer-id/foyer/internal/fail"
)

// Options say where the data is and how careful to be.
type Options struct {
	DSN string
	// Dev lifts the refusal of unsafe durability settings, for work on one's
	// own machine, and lets an in-memory database pass without a warning.
	Dev bool
	// AllowUnsafe lifts that refusal with a warning.
	AllowUnsafe bool
	Now         func() time.Time
	Log         *slog.Logger // nil for none

	hooks hooks
}

// hooks are for tests.
type hooks struct {
	driver string // another name than that of the dialect's driver; empty for that
	// afterStatement is called between a statement of a migration and its note
	// in the journal.
	afterStatement func(migration string, statement int) error
	viewTimeout    time.Duration // another limit than the constant; zero for that
}

// Store implements selfservice.Store, identity.Store, session.Store and
// courier.Store.
type Store struct {
	src   source
	write *handle
	read  *handle  // nil where the writer's one connection is the database
	batch *batcher // nil on a server
	now   func() time.Time
	log   *slog.Logger

	units, commits, retries atomic.Uint64
	failure                 atomic.Pointer[error]

	hooks hooks

	closing sync.Once
	closed  atomic.Bool
}

// Stats count since Open.
type Stats struct {
	Units   uint64 // units of work committed
	Commits uint64 // commits, each a flush to the disk; fewer than Units on SQLite
	Retries uint64 // attempts repeated after a serialisation failure or deadlock
}

// Open connects and checks that what is committed will be durable. The caller
// has to run Migrate, and to Close the store.
func Open(ctx context.Context, o Options) (*Store, error) {
	src, err := parseDSN(o.DSN)
	if err != nil {
		return nil, err
	}
	s := &Store{src: src, hooks: o.hooks, now: o.Now, log: o.Log}
	if s.now == nil {
		return nil, errors.New("persistence: Options.Now is not set")
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if src.dialect == dialectSQLite {
		err = s.openSQLite()
	} else {
		err = s.openServer()
	}
	if err == nil {
		err = s.Ping(ctx)
	}
	if err == nil {
		err = s.refuseUnsafe(ctx, o)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) openSQLite() (err error) {
	src := s.src
	database := "file::memory:"
	if !src.memory() {
		if err := src.createFile(); err != nil {
			return err
		}
		database = fileURI(src.path)
	}
	s.write, err = openHandle(&pop.ConnectionDetails{
		Dialect: dialectSQLite, Driver: s.hooks.driver, Database: database, RawOptions: src.sqliteOptions(false), Pool: 1, IdlePool: 1,
	})
	if err != nil {
		return fmt.Errorf("open the SQLite database: %w", err)
	}
	// Opened before the readers, so that the file is in WAL mode when they come.
	if err := s.write.db.Ping(); err != nil {
		return wrap("open "+src.path, err)
	}
	if !src.memory() {
		n := src.pool.max
		if n == 0 {
			n = 4
		}
		s.read, err = openHandle(&pop.ConnectionDetails{
			Dialect: dialectSQLite, Driver: s.hooks.driver, Database: database, RawOptions: src.sqliteOptions(true), Pool: n, IdlePool: n,
		})
		if err != nil {
			return fmt.Errorf("open the SQLite database: %w", err)
		}
	}
	s.batch = newBatcher(s)
	return nil
}

func (s *Store) openServer() (err error) {
	src := s.src
	d := &pop.ConnectionDetails{
		Dialect: src.dialect, Driver: s.hooks.driver, URL: src.url, Pool: src.pool.max, IdlePool: src.pool.idle,
		ConnMaxLifetime: src.pool.lifetime, ConnMaxIdleTime: src.pool.idleFor,
	}
	if d.Pool == 0 {
		d.Pool = 16
	}
	if d.IdlePool == 0 || d.IdlePool > d.Pool {
		d.IdlePool = d.Pool
	}
	if s.write, err = openHandle(d); err != nil {
		if classify(err) == unreachable {
			return unavailable(err)
		}
		return fmt.Errorf("open the %s database: %w", src.dialect, err)
	}
	s.read = s.write
	return nil
}

// Close answers the units that wait, then closes every connection. Whatever is
// asked of the store afterwards is refused with storage_unavailable; a second
// Close does nothing.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		s.closed.Store(true)
		if s.batch != nil {
			s.batch.close()
		}
		if s.read != nil && s.read != s.write {
			err = s.read.close()
		}
		if s.write != nil {
			err = errors.Join(err, s.write.close())
		}
	})
	return err
}

// unlessClosed tells an error apart that is due to Close, which database/sql
// has no code for.
func (s *Store) unlessClosed(err error) error {
	if err != nil && s.closed.Load() && fail.As(err) == nil {
		return unavailable(err)
	}
	return err
}

// Ping asks the database for a sign of life, and waits three seconds for it.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, "SELECT 1", nil, scanNothing)
	})
	return wrap("ping", err)
}

// Dialect names the engine: sqlite3, postgres, mysql or cockroach.
func (s *Store) Dialect() string { return s.src.dialect }

// Stats returns the counters.
func (s *Store) Stats() Stats {
	return Stats{Units: s.units.Load(), Commits: s.commits.Load(), Retries: s.retries.Load()}
}

// Broken says why the store takes no more changes, or returns nil. Once a
// flush has failed nobody knows what the disk holds, so it stays broken until
// the program is started again.
func (s *Store) Broken() error {
	if e := s.failure.Load(); e != nil {
		return *e
	}
	return nil
}

func (s *Store) breakOn(err error) {
	if classify(err) != storageFailure {
		return
	}
	if s.failure.CompareAndSwap(nil, &err) {
		s.log.Error("the storage has failed; no more changes are taken until a restart", "error", err)
	}
}
