package persistence

import (
	"context"
	"database/sql"
	"math"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
)

const (
	messageColumns = `id, queue, lane, channel, template, locale, recipient, status, sealed, send_count, rev, due_at, last_error, created_at,
		updated_at, expires_at`

	sqlInsertMessage = `INSERT INTO messages (` + messageColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlSaveMessage   = `UPDATE messages SET status = ?, sealed = ?, send_count = ?, rev = ?, due_at = ?, last_error = ?,
		updated_at = ?, expires_at = ? WHERE id = ? AND rev = ?`
	sqlRemoveMessage = `DELETE FROM messages WHERE id = ? AND rev = ? AND status = 'queued'`
	sqlInsertAttempt = `INSERT INTO message_attempts (id, message_id, error, started_at, finished_at) VALUES (?, ?, ?, ?, ?)`

	sqlMessage  = `SELECT ` + messageColumns + ` FROM messages WHERE id = ?`
	sqlAttempts = `SELECT id, error, started_at, finished_at FROM message_attempts WHERE message_id = ? ORDER BY started_at DESC, id`

	// The first comparison is for the index, the second for those of one moment.
	sqlMessages = `SELECT ` + messageColumns + ` FROM messages
		WHERE queue = ? AND created_at <= ? AND (created_at < ? OR id < ?) AND channel <> 'none'`
	sqlMessagesOrder = ` ORDER BY created_at DESC, id DESC LIMIT ?`

	// What waits is what has a due_at. Count and minimum together, because the
	// minimum alone would tempt a planner to walk along the age of what was sent.
	// What was discarded is abandoned and wiped.
	sqlQueueStats = `SELECT w.waiting, w.oldest, (SELECT COUNT(*) FROM messages WHERE queue = ? AND status = 'abandoned' AND sealed IS NOT NULL),
		COALESCE((SELECT last_error FROM messages WHERE queue = ? AND due_at IS NOT NULL AND last_error <> '' ORDER BY updated_at DESC LIMIT 1),
			(SELECT last_error FROM messages WHERE queue = ? AND status = 'abandoned' AND sealed IS NOT NULL ORDER BY created_at DESC LIMIT 1))
		FROM (SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest FROM messages WHERE queue = ? AND due_at IS NOT NULL) w`
)

// InsertMessage writes a new message.
func (s *Store) InsertMessage(ctx context.Context, m *courier.Message) error {
	_, err := s.exec(ctx, sqlInsertMessage, m.ID.String(), m.Queue, free(m.Lane), m.Channel, m.Template, free(m.Locale), free(m.Recipient), string(m.Status),
		bytesOf(m.Sealed), m.SendCount, m.Rev, micros(m.DueAt), free(m.LastError), micros(m.CreatedAt), micros(m.UpdatedAt), micros(m.ExpiresAt))
	return wrap("insert a message", err)
}

// SaveMessage saves m, with an attempt where a is not nil, if the stored
// revision is still m.Rev-1, else it returns courier.ErrMoved. What waits behind
// m in its lane is put off with it.
func (s *Store) SaveMessage(ctx context.Context, m *courier.Message, a *courier.Attempt) error {
	moved := false
	err := s.Tx(ctx, func(ctx context.Context) error {
		c := s.unitOf(ctx).conn()
		was, err := s.placeOf(ctx, c, m)
		if err != nil {
			return err
		}
		n, err := c.exec(ctx, sqlSaveMessage, string(m.Status), bytesOf(m.Sealed), m.SendCount, m.Rev, micros(m.DueAt), free(m.LastError),
			micros(m.UpdatedAt), micros(m.ExpiresAt), m.ID.String(), m.Rev-1)
		if moved = n == 0; err != nil || moved {
			return err
		}
		if err := s.moveBehind(ctx, c, m, was); err != nil || a == nil {
			return err
		}
		_, err = c.exec(ctx, sqlInsertAttempt, a.ID.String(), m.ID.String(), free(a.Error), micros(a.StartedAt), micros(a.FinishedAt))
		return err
	})
	if err == nil && moved {
		return courier.ErrMoved
	}
	return wrap("save a message", err)
}

// RemoveMessage removes m if it is still queued at its revision, else it returns
// courier.ErrMoved.
func (s *Store) RemoveMessage(ctx context.Context, m *courier.Message) error {
	n, err := s.exec(ctx, sqlRemoveMessage, m.ID.String(), m.Rev)
	if err == nil && n == 0 {
		return courier.ErrMoved
	}
	return wrap("remove a message", err)
}

// Message reads one with its attempts, newest first, or returns courier.ErrNoMessage.
func (s *Store) Message(ctx context.Context, id uuid.UUID) (*courier.Message, []courier.Attempt, error) {
	var (
		found    []*courier.Message
		attempts []courier.Attempt
	)
	err := s.view(ctx, func(ctx context.Context, c conn) (err error) {
		attempts = nil
		if found, err = c.messages(ctx, sqlMessage, id.String()); err != nil || len(found) == 0 {
			return err
		}
		return c.query(ctx, sqlAttempts, []any{id.String()}, func(rows *sql.Rows) error {
			a := courier.Attempt{MessageID: id}
			var started, finished sql.NullInt64
			err := rows.Scan(&a.ID, &a.Error, &started, &finished)
			a.StartedAt, a.FinishedAt = timeOf(started), timeOf(finished)
			attempts = append(attempts, a)
			return err
		})
	})
	if err != nil {
		return nil, nil, wrap("read a message", err)
	}
	if len(found) == 0 {
		return nil, nil, courier.ErrNoMessage
	}
	return found[0], attempts, nil
}

// Messages reads a page, newest first, without those that go nowhere.
func (s *Store) Messages(ctx context.Context, q courier.Query) (page []*courier.Message, err error) {
	before, id := any(int64(math.MaxInt64)), uuid.Nil
	if !q.BeforeCreated.IsZero() {
		before, id = micros(q.BeforeCreated), q.BeforeID
	}
	f := filter{sqlMessages, []any{q.Queue, before, before, id.String()}}
	f.and("status = ?", string(q.Status), q.Status != "")
	f.and("recipient = ?", free(q.Recipient), q.Recipient != "")
	f.and("template = ?", q.Template, q.Template != "")
	f.and("lane = ?", free(q.Lane), q.Lane != "")
	f.and("created_at >= ?", micros(q.Since), !q.Since.IsZero())
	f.and("created_at < ?", micros(q.Until), !q.Until.IsZero())
	err = s.view(ctx, func(ctx context.Context, c conn) (err error) {
		page, err = c.messages(ctx, f.text+sqlMessagesOrder, append(f.args, q.Limit)...)
		return err
	})
	return page, wrap("list messages", err)
}

// QueueStats tells how a queue stands.
func (s *Store) QueueStats(ctx context.Context, queue string) (st courier.QueueStats, err error) {
	var (
		oldest    sql.NullInt64
		lastError sql.NullString
	)
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, sqlQueueStats, []any{queue, queue, queue, queue}, scanOne(&st.Waiting, &oldest, &st.Abandoned, &lastError))
	})
	st.Oldest, st.LastError = timeOf(oldest), lastError.String
	return st, wrap("look at the queue of messages", err)
}

func (c conn) messages(ctx context.Context, query string, args ...any) (list []*courier.Message, err error) {
	err = c.query(ctx, query, args, func(rows *sql.Rows) error {
		var (
			m                              courier.Message
			status                         string
			due, created, updated, expires sql.NullInt64
		)
		err := rows.Scan(&m.ID, &m.Queue, &m.Lane, &m.Channel, &m.Template, &m.Locale, &m.Recipient, &status, &m.Sealed, &m.SendCount, &m.Rev, &due,
			&m.LastError, &created, &updated, &expires)
		m.Status, m.DueAt = courier.Status(status), timeOf(due)
		m.CreatedAt, m.UpdatedAt, m.ExpiresAt = timeOf(created), timeOf(updated), timeOf(expires)
		list = append(list, &m)
		return err
	})
	return list, err
}
