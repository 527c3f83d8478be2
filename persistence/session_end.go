package persistence

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity/session"
)

// ExtendSession moves the end of a session that lives at now to until, where it
// would come before both before and until.
func (s *Store) ExtendSession(ctx context.Context, id uuid.UUID, now, before, until time.Time) error {
	_, err := s.exec(ctx, sqlExtend, micros(until), id.String(), true, micros(now), micros(before), micros(until))
	return wrap("extend a session", err)
}

// Reauthenticate saves v and puts one token in place of all it had, if it lives
// at v.AuthenticatedAt and was last authenticated at seen, else it returns
// session.ErrNotFound.
func (s *Store) Reauthenticate(ctx context.Context, v *session.Session, seen time.Time, tokenHash []byte) error {
	methods, err := jsonOf(v.Methods, v.Methods == nil)
	if err != nil {
		return wrap("authenticate a session again", err)
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		c := s.unitOf(ctx).conn()
		n, err := c.exec(ctx, sqlReproven, string(v.AAL), methods, free(v.Device.IP), free(v.Device.UserAgent),
			micros(v.AuthenticatedAt), micros(v.ExpiresAt), v.ID.String(), true, micros(v.AuthenticatedAt), micros(seen))
		if err == nil && n == 0 {
			err = session.ErrNotFound
		}
		if err == nil {
			_, err = c.exec(ctx, sqlDropTokens, v.ID.String())
		}
		if err == nil {
			_, err = c.exec(ctx, sqlInsertToken, tokenHash, v.ID.String())
		}
		return err
	})
	return wrap("authenticate a session again", err)
}

const (
	// endAtOnce is how many ids one statement ends the sessions of, so that none
	// holds up SQLite's writer or locks for long.
	endAtOnce = 100
	// endOfAll is how many sessions one call ends where everybody's are to end.
	endOfAll = 5000
)

// EndSessions disables or deletes what sel selects and returns how many
// sessions that were. What it was given by id ends in one commit.
func (s *Store) EndSessions(ctx context.Context, sel session.Selection) (n int, more bool, err error) {
	column, ids := "id", sel.Sessions
	switch {
	case sel.Everybody:
		return s.endAll(ctx, sel)
	case len(ids) == 0:
		column, ids = "identity_id", sel.Identities
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		n = 0
		for chunk := range slices.Chunk(ids, endAtOnce) {
			k, err := s.endSome(ctx, sel, column, chunk)
			if n += k; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		n = 0
	}
	return n, false, wrap("end sessions", err)
}

// endAll ends as many as one call should, a commit a hundred.
func (s *Store) endAll(ctx context.Context, sel session.Selection) (n int, more bool, err error) {
	query, args := sqlSessionIDs, []any{}
	if !sel.Delete {
		query, args = query+activeSessions, append(args, true)
	}
	var ids []uuid.UUID
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		ids = nil
		return c.query(ctx, query+sqlFew, append(args, endOfAll+1), func(rows *sql.Rows) error {
			var id uuid.UUID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	more = len(ids) > endOfAll
	for chunk := range slices.Chunk(ids[:min(len(ids), endOfAll)], endAtOnce) {
		if err != nil {
			break
		}
		var k int
		k, err = s.endSome(ctx, sel, "id", chunk)
		n += k
	}
	return n, more && err == nil, wrap("end sessions", err)
}

// endSome ends the sessions with at most endAtOnce ids in column.
func (s *Store) endSome(ctx context.Context, sel session.Selection, column string, ids []uuid.UUID) (int, error) {
	if sel.Ended != nil {
		return s.endTelling(ctx, sel, column, ids)
	}
	query, args := sqlEnd, []any{false, true}
	if sel.Delete {
		query, args = sqlDrop, nil
	}
	query, args = selected(query, args, sel, column, ids)
	n, err := s.exec(ctx, query, args...)
	return int(n), err
}

// endTelling is endSome in a transaction of its own, with whoever is told.
func (s *Store) endTelling(ctx context.Context, sel session.Selection, column string, ids []uuid.UUID) (n int, err error) {
	err = s.Tx(ctx, func(ctx context.Context) error {
		n = 0
		found, ended, err := s.ending(ctx, sel, column, ids)
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(found, endAtOnce) {
			k, err := s.endSome(ctx, session.Selection{Delete: sel.Delete}, "id", chunk)
			if n += k; err != nil {
				return err
			}
		}
		if len(ended) == 0 {
			return nil
		}
		return sel.Ended(ctx, ended)
	})
	return n, err
}

// ending locks what is to end, and tells which of it is still active.
func (s *Store) ending(ctx context.Context, sel session.Selection, column string, ids []uuid.UUID) (found []uuid.UUID, ended []session.Ended, err error) {
	query, args := sqlEnding, []any{}
	if !sel.Delete {
		query, args = query+activeSessions, append(args, true)
	}
	query, args = selected(query, args, sel, column, ids)
	err = s.unitOf(ctx).conn().query(ctx, s.locking(query, forUpdate), args, func(rows *sql.Rows) error {
		var (
			e       session.Ended
			active  bool
			expires sql.NullInt64
		)
		if err := rows.Scan(&e.ID, &e.IdentityID, &active, &expires); err != nil {
			return err
		}
		found = append(found, e.ID)
		if e.ExpiresAt = timeOf(expires); active {
			ended = append(ended, e)
		}
		return nil
	})
	return found, ended, err
}

// selected adds to a statement which sessions it is about.
func selected(query string, args []any, sel session.Selection, column string, ids []uuid.UUID) (string, []any) {
	// One mark or endAtOnce, so that there are few texts.
	marks := 1
	if len(ids) > 1 {
		marks = endAtOnce
	}
	query += " AND " + column + " IN (?" + strings.Repeat(", ?", marks-1) + ")"
	for i := range marks {
		args = append(args, ids[min(i, len(ids)-1)].String())
	}
	if sel.Owner != uuid.Nil {
		query, args = query+whoseSessions, append(args, sel.Owner.String())
	}
	if sel.Spare != uuid.Nil {
		query, args = query+exceptSession, append(args, sel.Spare.String())
	}
	return query, args
}
