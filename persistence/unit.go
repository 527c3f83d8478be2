package persistence

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gobuffalo/pop/v6"

	"github.com/foyer-id/foyer/internal/txn"
)

var errUnitOver = errors.New("persistence: the transaction of this context is over")

// unit is one unit of work: what a caller's function does in one transaction.
// A nil unit is the absence of one.
type unit struct {
	s    *Store
	tx   *pop.Connection // nil on SQLite
	over atomic.Bool

	unprepared []string // statements that ran unprepared, for the next unit's sake

	// failed is the first error of a statement, or of a nested Tx. Engines
	// disagree about what may follow one, so here nothing may, and the unit
	// rolls back even if its function swallows the error.
	failed error
}

func (u *unit) conn() conn { return conn{h: u.s.write, unit: u} }

func (u *unit) usable() error {
	switch {
	case u == nil:
		return nil
	case u.over.Load():
		return errUnitOver
	}
	return u.failed
}

func (u *unit) note(err error) error {
	if u != nil && err != nil && u.failed == nil {
		u.failed = err
	}
	return err
}

// call runs fn and returns the error the unit ends with.
func (u *unit) call(ctx context.Context, fn func(context.Context, *unit) error) error {
	err := fn(ctx, u)
	if err == nil {
		err = u.failed
	}
	return err
}

// unitOf returns the open unit of this store in ctx, or nil.
func (s *Store) unitOf(ctx context.Context) *unit {
	if u, ok := txn.Handle(ctx).(*unit); ok && u.s == s {
		return u
	}
	return nil
}
