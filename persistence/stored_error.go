package persistence

import (
	"context"
	"database/sql"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/selfservice"
)

const (
	sqlInsertError = `INSERT INTO flow_errors (id, error, created_at, expires_at) VALUES (?, ?, ?, ?)`
	sqlError       = `SELECT error, created_at, expires_at FROM flow_errors WHERE id = ?`
)

// InsertError keeps an error for the error page of a browser.
func (s *Store) InsertError(ctx context.Context, e *selfservice.StoredError) error {
	_, err := s.exec(ctx, sqlInsertError, e.ID.String(), jsonText(e.Error), micros(e.CreatedAt), micros(e.ExpiresAt))
	return wrap("insert a flow error", err)
}

// Error reads a stored error, or returns selfservice.ErrNoFlow.
func (s *Store) Error(ctx context.Context, id uuid.UUID) (*selfservice.StoredError, error) {
	e, found := selfservice.StoredError{ID: id}, false
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, sqlError, []any{id.String()}, func(rows *sql.Rows) error {
			var (
				raw              sql.NullString
				created, expires sql.NullInt64
			)
			if err := rows.Scan(&raw, &created, &expires); err != nil {
				return err
			}
			found = true
			e.Error, e.CreatedAt, e.ExpiresAt = rawOf(raw), timeOf(created), timeOf(expires)
			return nil
		})
	})
	if err != nil {
		return nil, wrap("read a flow error", err)
	}
	if !found {
		return nil, selfservice.ErrNoFlow
	}
	return &e, nil
}
