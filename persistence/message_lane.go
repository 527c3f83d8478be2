package persistence

import (
	"context"
	"database/sql"
	"strings"

	"github.com/foyer-id/foyer/courier"
)

// laneStatements are those that go by the order within a lane. What waits in a
// lane is what has a due_at: queued, or processing.
type laneStatements struct {
	claimable     string // from what can be claimed
	crowded       string // which of some that are claimed are not first, or not alone, in their lane
	place, behind string // where a message stands, and what follows it
}

// On SQLite the order is that of the rowids.
var byNumber, byRow = lanesBy("seq"), lanesBy("rowid")

func (s *Store) lanes() *laneStatements {
	if s.src.dialect == dialectSQLite {
		return byRow
	}
	return byNumber
}

// The conditions repeat those of the index messages_queue_lane, so that every
// planner sees that it serves.
const inTheLane = `(SELECT 1 FROM messages o WHERE o.queue = messages.queue AND o.lane = messages.lane AND o.lane <> '' AND o.due_at IS NOT NULL`

// lanesBy writes the statements for an order. A claim that ran out holds up what
// is behind it, but not what has come before it since.
func lanesBy(seq string) *laneStatements {
	q := strings.NewReplacer("SEQ", seq)
	claimable := q.Replace(` FROM messages WHERE queue = ? AND due_at <= ? AND (lane = '' OR
		NOT EXISTS ` + inTheLane + ` AND o.status = 'queued' AND o.SEQ < messages.SEQ) AND
		NOT EXISTS ` + inTheLane + ` AND o.status = 'processing' AND o.SEQ <> messages.SEQ AND (o.SEQ < messages.SEQ OR o.due_at > ?)))`)
	return &laneStatements{
		claimable: claimable,
		// The first mark is the moment after which a claim holds. The question is asked
		// beside the id, not as a condition: a planner whose statistics are of an empty
		// queue would join all that waits, and a claim that takes longer than the worker
		// waits is lost until it runs out. What is older and waits counts as well: it may
		// be what another claim of the lane has given back a moment ago.
		crowded: q.Replace(`SELECT id, EXISTS ` + inTheLane + ` AND (o.status = 'processing' AND o.due_at > ? AND o.id <> messages.id
			OR o.status = 'queued' AND o.SEQ < messages.SEQ)) FROM messages WHERE id IN ` + someMessages),
		place: q.Replace(`SELECT SEQ, due_at FROM messages WHERE id = ?`),
		behind: q.Replace(`UPDATE messages SET due_at = ? WHERE queue = ? AND lane = ? AND lane <> '' AND due_at IS NOT NULL
			AND status = 'queued' AND SEQ > ? AND (due_at < ? OR due_at = ?)`),
	}
}

// place is where a message stands in its lane, and when it was due.
type place struct{ seq, due sql.NullInt64 }

// placeOf reads it before m is saved, where saving m can move what is behind it:
// with what was delivered nothing is put off.
func (s *Store) placeOf(ctx context.Context, c conn, m *courier.Message) (was place, err error) {
	if m.Lane == "" || m.Status == courier.Sent {
		return was, nil
	}
	return was, c.query(ctx, s.lanes().place, []any{m.ID.String()}, scanOne(&was.seq, &was.due))
}

// moveBehind has what waits behind m in its lane due with it, or where m waits
// no more what was put off with it at once. No claim then looks at what it could
// not take. What is due later by itself stays so.
func (s *Store) moveBehind(ctx context.Context, c conn, m *courier.Message, was place) error {
	if !was.seq.Valid {
		return nil
	}
	due, earlier := micros(m.DueAt), micros(m.DueAt)
	if m.DueAt.IsZero() {
		due, earlier = micros(m.UpdatedAt), nil
	}
	_, err := c.exec(ctx, s.lanes().behind, due, m.Queue, free(m.Lane), was.seq.Int64, earlier, was.due)
	return err
}
