package persistence

import (
	"context"
	"database/sql"
	"math"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
)

const (
	// What is sent or abandoned and still has what it says.
	replayable = ` AND status IN ('sent', 'abandoned') AND sealed IS NOT NULL AND channel <> 'none'`

	// The first comparison is for the index, the second for those of one moment.
	sqlReplayable      = `SELECT id, created_at FROM messages WHERE queue = ? AND created_at >= ? AND (created_at > ? OR id > ?)` + replayable
	sqlReplayableOrder = ` ORDER BY created_at, id LIMIT ?`
)

var sqlRequeue = `UPDATE messages SET status = 'queued', due_at = ?, send_count = 0, rev = rev + 1, last_error = '', updated_at = ?,
	expires_at = NULL WHERE id IN ` + someMessages + replayable

// Requeue makes what q selects queued again, in chunks that hold up SQLite's
// writer, and others by their locks, for a moment only. It returns how many
// messages that is, also beside an error.
func (s *Store) Requeue(ctx context.Context, q courier.RequeueQuery, now time.Time) (requeued int, err error) {
	from, after, due := int64(math.MinInt64), uuid.Nil.String(), micros(now)
	if !q.Since.IsZero() {
		from = q.Since.UnixMicro()
	}
	for {
		f := filter{sqlReplayable, []any{q.Queue, from, from, after}}
		f.and("created_at < ?", micros(q.Until), !q.Until.IsZero())
		f.and("status = ?", string(q.Status), q.Status != "")
		f.and("template = ?", q.Template, q.Template != "")
		f.and("recipient = ?", free(q.Recipient), q.Recipient != "")
		var ids []any
		err := s.view(ctx, func(ctx context.Context, c conn) error {
			ids = nil
			return c.query(ctx, f.text+sqlReplayableOrder, append(f.args, claimAtOnce), func(rows *sql.Rows) error {
				err := rows.Scan(&after, &from)
				ids = append(ids, after)
				return err
			})
		})
		if err != nil || len(ids) == 0 {
			return requeued, wrap("look for messages to queue anew", err)
		}
		full := len(ids) == claimAtOnce
		n, err := s.exec(ctx, sqlRequeue, append([]any{due, due}, filled(ids)...)...)
		requeued += int(n)
		if err != nil || !full {
			return requeued, wrap("queue messages anew", err)
		}
	}
}

// filter is a statement with its arguments, to be narrowed.
type filter struct {
	text string
	args []any
}

// and adds a condition with one mark, where it is given.
func (f *filter) and(condition string, value any, given bool) {
	if given {
		f.text, f.args = f.text+" AND "+condition, append(f.args, value)
	}
}

// without leaves out what has one of some texts in a column.
func (f *filter) without(column string, texts []string) {
	if len(texts) == 0 {
		return
	}
	f.text += " AND " + column + " NOT IN (?" + strings.Repeat(", ?", len(texts)-1) + ")"
	for _, one := range texts {
		f.args = append(f.args, free(one))
	}
}
