package persistence

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// PurgeOptions say what is old enough to leave.
type PurgeOptions struct {
	Now time.Time
	// Batch bounds the rows removed from each table in one call; zero or more
	// than 100 means 100.
	Batch int
	// FlowGrace is how long a flow that was never completed stays after its
	// expiry, so that a late submit is led to a fresh one.
	FlowGrace time.Duration
	// SessionGrace is how long an expired session stays, for who looks back.
	SessionGrace time.Duration
}

const purgeBatch = 100

// purgeRule finds rows by an index and deletes them by primary key, asking
// again whether they are still to go.
type purgeRule struct{ find, drop string }

func ruleFor(table, condition string) purgeRule {
	return purgeRule{
		find: "SELECT id FROM " + table + " WHERE " + condition + " ORDER BY expires_at LIMIT ?",
		drop: "DELETE FROM " + table + " WHERE id IN (?" + strings.Repeat(", ?", purgeBatch-1) + ") AND " + condition,
	}
}

var (
	purgeCompleted = ruleFor("flows", "completed = ? AND expires_at <= ?")
	purgeErrors    = ruleFor("flow_errors", "expires_at <= ?")
	purgeSessions  = ruleFor("sessions", "expires_at <= ?")
)

// Purge removes one small batch of what has expired from each table and
// returns how many rows went. The caller repeats it while it removes anything.
func (s *Store) Purge(ctx context.Context, o PurgeOptions) (removed int, err error) {
	limit := o.Batch
	if limit <= 0 || limit > purgeBatch {
		limit = purgeBatch
	}
	for _, p := range []struct {
		rule purgeRule
		args []any
	}{
		{purgeCompleted, []any{true, o.Now.UnixMicro()}},
		{purgeCompleted, []any{false, o.Now.Add(-o.FlowGrace).UnixMicro()}},
		{purgeErrors, []any{o.Now.UnixMicro()}},
		{purgeSessions, []any{o.Now.Add(-o.SessionGrace).UnixMicro()}},
	} {
		n, err := s.purge(ctx, p.rule, p.args, limit)
		removed += n
		if err != nil {
			return removed, wrap("purge", err)
		}
	}
	return removed, nil
}

func (s *Store) purge(ctx context.Context, r purgeRule, condition []any, limit int) (int, error) {
	var ids []any
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		ids = nil
		return c.query(ctx, r.find, append(append([]any{}, condition...), limit), func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	for len(ids) < purgeBatch {
		ids = append(ids, ids[0])
	}
	n, err := s.exec(ctx, r.drop, append(ids, condition...)...)
	return int(n), err
}
