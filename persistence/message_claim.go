package persistence

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
)

// claimAtOnce bounds a claim. The statement always has that many marks.
const claimAtOnce = 100

// giveBackTime bounds how long what is not to be delivered is given back, also
// where the time to claim it is over.
const giveBackTime = 5 * time.Second

// someMessages is as many marks.
var someMessages = `(?` + strings.Repeat(", ?", claimAtOnce-1) + `)`

var sqlClaim = `UPDATE messages SET status = ?, send_count = send_count + 1, rev = rev + 1, due_at = ? WHERE id IN ` + someMessages

// ClaimMessages takes up to n messages that are due, and never more than a
// hundred. It writes only where something can be claimed. Claimers at once pass
// over what another is about to take, so none waits for another.
func (s *Store) ClaimMessages(ctx context.Context, queue string, now, until time.Time, n int, except ...string) ([]*courier.Message, error) {
	due, at := false, micros(now)
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		f := filter{s.lanes().claimable, []any{queue, at, at}}
		f.without("recipient", except)
		return c.query(ctx, "SELECT 1"+f.text+" LIMIT 1", f.args, func(*sql.Rows) error { due = true; return nil })
	})
	if err != nil || !due || n < 1 {
		return nil, wrap("look for messages", err)
	}
	var claimed []*courier.Message
	err = s.Tx(ctx, func(ctx context.Context) (err error) {
		claimed, err = s.claim(ctx, queue, now, until, min(n, claimAtOnce), except)
		return err
	})
	if err != nil {
		return nil, wrap("claim messages", err)
	}
	if s.batch == nil && s.unitOf(ctx) == nil {
		claimed, err = s.giveWay(ctx, claimed, now)
	}
	return claimed, wrap("claim messages", err)
}

func (s *Store) claim(ctx context.Context, queue string, now, until time.Time, n int, except []string) (claimed []*courier.Message, err error) {
	c, at := s.unitOf(ctx).conn(), micros(now)
	f := filter{`SELECT ` + messageColumns + s.lanes().claimable, []any{queue, at, at}}
	f.without("recipient", except)
	if claimed, err = c.messages(ctx, s.locking(f.text+" ORDER BY due_at LIMIT ?", forTaking), append(f.args, n)...); err != nil || len(claimed) == 0 {
		return nil, err
	}
	args := append([]any{string(courier.Processing), micros(until)}, filled(idsOf(claimed))...)
	for _, m := range claimed {
		m.Status, m.DueAt = courier.Processing, timeOf(sql.NullInt64{Int64: until.UnixMicro(), Valid: true})
		m.SendCount++
		m.Rev++
	}
	_, err = c.exec(ctx, sqlClaim, args...)
	return claimed, err
}

func idsOf(list []*courier.Message) (ids []any) {
	for _, m := range list {
		ids = append(ids, m.ID.String())
	}
	return ids
}

// filled is as many ids as there are marks, the last one repeated.
func filled(ids []any) []any {
	return append(ids, slices.Repeat(ids[len(ids)-1:], claimAtOnce-len(ids))...)
}

// giveWay gives back what was claimed while another message of its lane was, by
// somebody who could not see it, or while an older one waits: two transactions that
// add to one lane may be committed in another order than they counted in, and a
// claim may see what is committed while it looks. Both claims are committed when it
// looks, so at least one of the claimers sees the other, or that it has given way.
// Where it cannot
// look it gives back all that have lanes, else they would wait for the claim to
// run out. Beside an error it returns those that can be delivered nevertheless.
func (s *Store) giveWay(ctx context.Context, claimed []*courier.Message, now time.Time) (kept []*courier.Message, err error) {
	inLanes := slices.DeleteFunc(slices.Clone(claimed), func(m *courier.Message) bool { return m.Lane == "" })
	if len(inLanes) == 0 {
		return claimed, nil
	}
	crowded := map[uuid.UUID]bool{}
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, s.lanes().crowded, append([]any{micros(now)}, filled(idsOf(inLanes))...), func(rows *sql.Rows) error {
			var id uuid.UUID
			var not bool
			err := rows.Scan(&id, &not)
			crowded[id] = not
			return err
		})
	})
	if err != nil {
		for _, m := range inLanes {
			crowded[m.ID] = true // for all that is known
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime)
	defer cancel()
	for _, m := range claimed {
		if !crowded[m.ID] {
			kept = append(kept, m)
			continue
		}
		m.Status, m.DueAt = courier.Queued, now
		m.SendCount--
		m.Rev++
		err = errors.Join(err, s.SaveMessage(ctx, m, nil))
	}
	return kept, err
}
