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
	messageColumns = `id, channel, template, locale, recipient, status, sealed, send_count, rev, due_at, last_error, created_at,
		updated_at, expires_at`

	sqlInsertMessage = `INSERT INTO messages (` + messageColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlSaveMessage   = `UPDATE messages SET status = ?, sealed = ?, send_count = ?, rev = ?, due_at = ?, last_error = ?,
		updated_at = ?, expires_at = ? WHERE id = ? AND rev = ?`
	sqlInsertAttempt = `INSERT INTO message_attempts (id, message_id, error, started_at, finished_at) VALUES (?, ?, ?, ?, ?)`

	sqlMessage  = `SELECT ` + messageColumns + ` FROM messages WHERE id = ?`
	sqlAttempts = `SELECT id, error, started_at, finished_at FROM message_attempts WHERE message_id = ? ORDER BY started_at DESC, id`

	// The first comparison is for the index, the second for those of one moment.
	sqlMessages      = `SELECT ` + messageColumns + ` FROM messages WHERE created_at <= ? AND (created_at < ? OR id < ?) AND channel <> 'none'`
	withStatus       = ` AND status = ?`
	withRecipient    = ` AND recipient = ?`
	sqlMessagesOrder = ` ORDER BY created_at DESC, id DESC LIMIT ?`

	// What waits is what has a due_at. Count and minimum together, because the
	// minimum alone would tempt a planner to walk along the age of what was sent.
	// What was discarded is abandoned and wiped.
	sqlQueueStats = `SELECT w.waiting, w.oldest, (SELECT COUNT(*) FROM messages WHERE status = 'abandoned' AND sealed IS NOT NULL),
		COALESCE((SELECT last_error FROM messages WHERE due_at IS NOT NULL AND last_error <> '' ORDER BY updated_at DESC LIMIT 1),
			(SELECT last_error FROM messages WHERE status = 'abandoned' AND sealed IS NOT NULL ORDER BY created_at DESC LIMIT 1))
		FROM (SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest FROM messages WHERE due_at IS NOT NULL) w`

	sqlAnyDue = `SELECT 1 FROM messages WHERE due_at <= ? LIMIT 1`
	sqlDue    = `SELECT ` + messageColumns + ` FROM messages WHERE due_at <= ? ORDER BY due_at LIMIT ?`
)

// claimAtOnce bounds a claim. The statement always has that many marks.
const claimAtOnce = 100

var sqlClaim = `UPDATE messages SET status = ?, send_count = send_count + 1, rev = rev + 1, due_at = ? WHERE id IN (?` +
	strings.Repeat(", ?", claimAtOnce-1) + `)`

// InsertMessage writes a new message.
func (s *Store) InsertMessage(ctx context.Context, m *courier.Message) error {
	_, err := s.exec(ctx, sqlInsertMessage, m.ID.String(), m.Channel, m.Template, free(m.Locale), free(m.Recipient), string(m.Status),
		bytesOf(m.Sealed), m.SendCount, m.Rev, micros(m.DueAt), free(m.LastError), micros(m.CreatedAt), micros(m.UpdatedAt), micros(m.ExpiresAt))
	return wrap("insert a message", err)
}

// SaveMessage saves m, with an attempt where a is not nil, if the stored
// revision is still m.Rev-1, else it returns courier.ErrMoved.
func (s *Store) SaveMessage(ctx context.Context, m *courier.Message, a *courier.Attempt) error {
	moved := false
	err := s.Tx(ctx, func(ctx context.Context) error {
		c := s.unitOf(ctx).conn()
		n, err := c.exec(ctx, sqlSaveMessage, string(m.Status), bytesOf(m.Sealed), m.SendCount, m.Rev, micros(m.DueAt), free(m.LastError),
			micros(m.UpdatedAt), micros(m.ExpiresAt), m.ID.String(), m.Rev-1)
		if moved = n == 0; err != nil || moved || a == nil {
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

// ClaimMessages takes up to n messages that are due, and never more than a
// hundred. It writes only where something is due. Claimers at once pass over
// what another is about to take, so none waits for another.
func (s *Store) ClaimMessages(ctx context.Context, now, until time.Time, n int) ([]*courier.Message, error) {
	due := false
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, sqlAnyDue, []any{micros(now)}, func(*sql.Rows) error { due = true; return nil })
	})
	if err != nil || !due || n < 1 {
		return nil, wrap("look for messages", err)
	}
	var claimed []*courier.Message
	err = s.Tx(ctx, func(ctx context.Context) (err error) {
		claimed, err = s.claim(ctx, now, until, min(n, claimAtOnce))
		return err
	})
	if err != nil {
		return nil, wrap("claim messages", err)
	}
	return claimed, nil
}

func (s *Store) claim(ctx context.Context, now, until time.Time, n int) (claimed []*courier.Message, err error) {
	c := s.unitOf(ctx).conn()
	if claimed, err = c.messages(ctx, s.locking(sqlDue, forTaking), micros(now), n); err != nil || len(claimed) == 0 {
		return nil, err
	}
	args := []any{string(courier.Processing), micros(until)}
	for n := range claimAtOnce {
		args = append(args, claimed[min(n, len(claimed)-1)].ID.String())
	}
	for _, m := range claimed {
		m.Status, m.DueAt = courier.Processing, timeOf(sql.NullInt64{Int64: until.UnixMicro(), Valid: true})
		m.SendCount++
		m.Rev++
	}
	_, err = c.exec(ctx, sqlClaim, args...)
	return claimed, err
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
	query, args := sqlMessages, []any{before, before, id.String()}
	if q.Status != "" {
		query, args = query+withStatus, append(args, string(q.Status))
	}
	if q.Recipient != "" {
		query, args = query+withRecipient, append(args, free(q.Recipient))
	}
	err = s.view(ctx, func(ctx context.Context, c conn) (err error) {
		page, err = c.messages(ctx, query+sqlMessagesOrder, append(args, q.Limit)...)
		return err
	})
	return page, wrap("list messages", err)
}

// QueueStats tells how the queue stands.
func (s *Store) QueueStats(ctx context.Context) (st courier.QueueStats, err error) {
	var (
		oldest    sql.NullInt64
		lastError sql.NullString
	)
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, sqlQueueStats, nil, scanOne(&st.Waiting, &oldest, &st.Abandoned, &lastError))
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
		err := rows.Scan(&m.ID, &m.Channel, &m.Template, &m.Locale, &m.Recipient, &status, &m.Sealed, &m.SendCount, &m.Rev, &due,
			&m.LastError, &created, &updated, &expires)
		m.Status, m.DueAt = courier.Status(status), timeOf(due)
		m.CreatedAt, m.UpdatedAt, m.ExpiresAt = timeOf(created), timeOf(updated), timeOf(expires)
		list = append(list, &m)
		return err
	})
	return list, err
}
