package persistence

import (
	"context"
	"database/sql"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
)

// Sessions reads a page, newest first, each with its identity.
func (s *Store) Sessions(ctx context.Context, q session.Query) (page []*session.Session, err error) {
	where, args := sessionsWhere(q)
	if !q.BeforeIssued.IsZero() {
		where, args = where+sessionsBefore, append(args, micros(q.BeforeIssued), micros(q.BeforeIssued), q.BeforeID.String())
	}
	args = append(args, q.Limit, q.Offset)
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		page = nil
		addresses := map[uuid.UUID][]addressRow{} // by session: several may be of one identity
		err := c.query(ctx, sqlSessions+where+sqlSessionsCut, args, func(rows *sql.Rows) error {
			v, a, err := scanSession(rows)
			if err != nil {
				return err
			}
			if len(page) == 0 || page[len(page)-1].ID != v.ID {
				page = append(page, v)
			}
			addresses[v.ID] = append(addresses[v.ID], a)
			return nil
		})
		for _, v := range page {
			addAddresses(addresses[v.ID], func(uuid.UUID) *identity.Identity { return v.Identity })
		}
		return err
	})
	return page, wrap("list sessions", err)
}

// CountSessions counts what q selects on all its pages.
func (s *Store) CountSessions(ctx context.Context, q session.Query) (n int, err error) {
	where, args := sessionsWhere(q)
	err = s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, sqlCount+where, args, scanOne(&n))
	})
	return n, wrap("count sessions", err)
}

// sessionsWhere is the condition of q without its page.
func sessionsWhere(q session.Query) (where string, args []any) {
	if q.Identity != uuid.Nil {
		where, args = where+whoseSessions, append(args, q.Identity.String())
	}
	if q.Except != uuid.Nil {
		where, args = where+exceptSession, append(args, q.Except.String())
	}
	switch {
	case q.Active == nil:
	case *q.Active:
		where, args = where+liveSessions, append(args, true, micros(q.Now))
	default:
		where, args = where+endedSessions, append(args, false, micros(q.Now))
	}
	return where, args
}
