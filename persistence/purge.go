package persistence

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"
)

// PurgeOptions say what is old enough to leave.
type PurgeOptions struct {
	Now time.Time
	// Batch bounds the rows removed from each table in one call, 1 to 10000;
	// zero means 100.
	Batch int
	// FlowGrace is how long a flow that was never completed stays after its
	// expiry, so that a late submit is led to a fresh one.
	FlowGrace time.Duration
}

// purgeChunk is how many rows one statement removes, so that none holds up
// SQLite's writer or locks for long.
const purgeChunk = 100

// purgeRule finds rows by an index and deletes them by primary key, asking
// again whether they are still to go.
type purgeRule struct {
	find, drop string
	binary     bool // the key is bytes, not text
}

func ruleFor(table, key, condition string) purgeRule {
	return purgeRule{
		binary: key != "id",
		find:   "SELECT " + key + " FROM " + table + " WHERE " + condition + " ORDER BY expires_at LIMIT ?",
		drop:   "DELETE FROM " + table + " WHERE " + key + " IN (?" + strings.Repeat(", ?", purgeChunk-1) + ") AND " + condition,
	}
}

var (
	purgeCompleted = ruleFor("flows", "id", "completed = ? AND expires_at <= ?")
	purgeErrors    = ruleFor("flow_errors", "id", "expires_at <= ?")
	purgeSessions  = ruleFor("sessions", "id", "expires_at <= ?")
	purgeMessages  = ruleFor("messages", "id", "expires_at <= ?")
	purgeBudgets   = ruleFor("budgets", "subject", "expires_at <= ?")
)

// Purge removes one batch of what has expired from each table. It returns how
// many rows went, and whether a table had a full batch: then there is more, and
// the caller repeats it at once.
func (s *Store) Purge(ctx context.Context, o PurgeOptions) (removed int, more bool, err error) {
	limit := cmp.Or(o.Batch, purgeChunk)
	for _, p := range []struct {
		rule purgeRule
		args []any
	}{
		{purgeCompleted, []any{true, o.Now.UnixMicro()}},
		{purgeCompleted, []any{false, o.Now.Add(-o.FlowGrace).UnixMicro()}},
		{purgeErrors, []any{o.Now.UnixMicro()}},
		{purgeSessions, []any{o.Now.UnixMicro()}},
		{purgeMessages, []any{o.Now.UnixMicro()}},
		{purgeBudgets, []any{o.Now.UnixMicro()}},
	} {
		ids, err := s.expired(ctx, p.rule, p.args, limit)
		n := 0
		if err == nil {
			n, err = s.drop(ctx, p.rule, p.args, ids)
		}
		removed += n
		if err != nil {
			return removed, false, wrap("purge", err)
		}
		// Where nothing went, another server is at it.
		more = more || n > 0 && len(ids) == limit
	}
	return removed, more, nil
}

func (s *Store) expired(ctx context.Context, r purgeRule, condition []any, limit int) (ids []any, err error) {
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		ids = nil
		return c.query(ctx, r.find, append(slices.Clone(condition), limit), func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			if r.binary {
				ids = append(ids, []byte(id))
			} else {
				ids = append(ids, id)
			}
			return err
		})
	})
	return ids, err
}

func (s *Store) drop(ctx context.Context, r purgeRule, condition, ids []any) (removed int, err error) {
	for chunk := range slices.Chunk(ids, purgeChunk) {
		args := slices.Clone(chunk)
		for len(args) < purgeChunk {
			args = append(args, args[0])
		}
		n, err := s.exec(ctx, r.drop, append(args, condition...)...)
		removed += int(n)
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}
