package persistence

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/foyer-id/foyer/internal/txn"
)

const (
	unitTimeout = 15 * time.Second // of one attempt, on a server
	viewTimeout = 5 * time.Second  // of a read, on a server, with all attempts
	pingTimeout = 3 * time.Second  // of what readiness asks
	retryFor    = 3 * time.Second
	maxEnded    = 64 // ended connections met in a row: every pool has come round
)

// Tx runs fn in one transaction and commits it, durably, before it returns
// nil. A nested call joins; its error rolls the whole transaction back even if
// the outer function swallows it, and so does the error of a statement.
//
// fn runs to its end once it has begun: the context it gets is not cancelled
// with ctx. It may run more than once, and on SQLite in another goroutine, so
// it must be quick, must use the context it is given for every call to the
// store, and must not wait for other callers of it.
func (s *Store) Tx(ctx context.Context, fn func(context.Context) error) error {
	if u := s.unitOf(ctx); u != nil {
		if err := u.usable(); err != nil {
			return err
		}
		return u.note(fn(ctx))
	}
	return s.unit(ctx, false, func(ctx context.Context, u *unit) error {
		return fn(txn.With(ctx, u))
	})
}

// unit runs fn as one unit of work. A single one holds at most one writing
// statement, which undoes itself when it fails.
func (s *Store) unit(ctx context.Context, single bool, fn func(context.Context, *unit) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.batch != nil {
		return engineError(s.batch.do(ctx, single, fn))
	}
	return engineError(s.retry(ctx, func() error { return s.serverUnit(ctx, fn) }))
}

// engineError makes a refusal of an engine's error that fn passed on as it
// was. What fn returned of its own stays what it is.
func engineError(err error) error {
	switch classify(err) {
	case retryable, busy, unreachable, storageFailure:
		return wrap("transaction", err)
	}
	return err
}

// exec runs one writing statement, in the open unit or by itself.
func (s *Store) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	if u := s.unitOf(ctx); u != nil {
		return u.conn().exec(ctx, query, args...)
	}
	if s.batch != nil {
		err = s.unit(ctx, true, func(ctx context.Context, u *unit) error {
			n, err = u.conn().exec(ctx, query, args...)
			return err
		})
		return n, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = s.retry(ctx, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unitTimeout)
		defer cancel()
		if n, err = s.write.conn().exec(ctx, query, args...); terminated(err) {
			return unavailable(err) // it commits by itself, so it may have been carried out
		}
		return err
	})
	if err == nil {
		s.units.Add(1)
		s.commits.Add(1)
	}
	return n, err
}

// view runs fn, which only reads, on the open unit or on the pool for readers.
// It may run fn again.
func (s *Store) view(ctx context.Context, fn func(context.Context, conn) error) error {
	if u := s.unitOf(ctx); u != nil {
		return fn(ctx, u.conn())
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.read == nil {
		return s.unit(ctx, true, func(ctx context.Context, u *unit) error { return fn(ctx, u.conn()) })
	}
	if s.batch != nil {
		// A read of a local file is over before a cancellation could matter,
		// and watching for one costs a goroutine for each statement.
		return s.unlessClosed(fn(context.WithoutCancel(ctx), s.read.conn()))
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.hooks.viewTimeout, viewTimeout))
	defer cancel()
	return s.retry(ctx, func() error { return fn(ctx, s.read.conn()) })
}

// serverUnit makes one attempt. It must not use up the error: retry looks at it.
func (s *Store) serverUnit(ctx context.Context, fn func(context.Context, *unit) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unitTimeout)
	defer cancel()
	c, err := s.write.pop.NewTransactionContextOptions(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	u := &unit{s: s, tx: c}
	committed := false
	defer func() {
		u.over.Store(true)
		if !committed {
			_ = c.TX.Rollback()
		}
		// Not before: a second connection, asked for while holding the first,
		// lets a full pool wait for itself.
		for _, query := range u.unprepared {
			_, _ = s.write.stmt(ctx, query)
		}
	}()
	if err := u.call(ctx, fn); err != nil {
		if u.failed != nil && (terminated(u.failed) || classify(err) != retryable && classify(u.failed) == retryable) {
			return u.failed
		}
		return err
	}
	committed = true
	if err := c.TX.Commit(); err != nil {
		if classify(err) == retryable || errors.Is(err, pgx.ErrTxCommitRollback) {
			return err
		}
		// Whether it was committed is not known: whoever repeats the deed
		// finds out by the unique keys and the flow's revision.
		return unavailable(err)
	}
	s.units.Add(1)
	s.commits.Add(1)
	return nil
}

// retry repeats what the engine undid because of others, with growing random
// pauses, and at once what met a connection that the server had ended.
func (s *Store) retry(ctx context.Context, attempt func() error) error {
	var waited time.Duration
	ended := 0
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := attempt()
		if terminated(err) && ended < maxEnded && ctx.Err() == nil {
			ended++
			s.retries.Add(1)
			continue
		}
		if classify(err) != retryable {
			return s.unlessClosed(err)
		}
		d := pause/2 + rand.N(pause)
		if waited += d; waited > retryFor {
			return storageBusy(err)
		}
		s.retries.Add(1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
		}
	}
}

func (h *handle) conn() conn { return conn{h: h} }
