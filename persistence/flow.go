package persistence

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/selfservice"
)

const (
	sqlInsertFlow = `INSERT INTO flows (id, kind, is_native, issued_at, state, binding, active, schema_id, journey, locale,
		return_to, request_url, form_values, problems, private_notes, refusals, rev, outcome, successor, expires_at, completed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpdateFlow = `UPDATE flows SET state = ?, binding = ?, active = ?, schema_id = ?, journey = ?, locale = ?,
		return_to = ?, request_url = ?, form_values = ?, problems = ?, private_notes = ?, refusals = ?, rev = ?, outcome = ?, successor = ?,
		expires_at = ?, completed = ? WHERE id = ? AND rev = ?`
	sqlFlow = `SELECT is_native, issued_at, state, binding, active, schema_id, journey, locale, return_to, request_url,
		form_values, problems, private_notes, refusals, rev, outcome, successor, expires_at FROM flows WHERE id = ? AND kind = ?`
)

// InsertFlow writes a new flow.
func (s *Store) InsertFlow(ctx context.Context, f *selfservice.Flow) error {
	changing, err := flowArgs(f)
	if err != nil {
		return wrap("insert a flow", err)
	}
	args := append([]any{f.ID.String(), string(f.Kind), f.Native, micros(f.IssuedAt)}, changing...)
	_, err = s.exec(ctx, sqlInsertFlow, args...)
	return wrap("insert a flow", err)
}

// UpdateFlow saves f where the stored revision is still f.Rev-1, else it
// returns selfservice.ErrStale. Id, kind, Native and IssuedAt never change.
func (s *Store) UpdateFlow(ctx context.Context, f *selfservice.Flow) error {
	args, err := flowArgs(f)
	if err != nil {
		return wrap("save a flow", err)
	}
	n, err := s.exec(ctx, sqlUpdateFlow, append(args, f.ID.String(), f.Rev-1)...)
	if err == nil && n == 0 {
		return selfservice.ErrStale
	}
	return wrap("save a flow", err)
}

// Flow reads one, or returns selfservice.ErrNoFlow.
func (s *Store) Flow(ctx context.Context, kind selfservice.Kind, id uuid.UUID) (*selfservice.Flow, error) {
	var f *selfservice.Flow
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		return c.query(ctx, sqlFlow, []any{id.String(), string(kind)}, func(rows *sql.Rows) (err error) {
			f, err = scanFlow(rows)
			return err
		})
	})
	if err != nil {
		return nil, wrap("read a flow", err)
	}
	if f == nil {
		return nil, selfservice.ErrNoFlow
	}
	f.ID, f.Kind = id, kind
	return f, nil
}

// flowArgs are the columns that change, in the order of the statements.
func flowArgs(f *selfservice.Flow) ([]any, error) {
	problems, err := jsonOf(f.Problems, f.Problems == nil)
	if err != nil {
		return nil, err
	}
	outcome, err := jsonOf(f.Outcome, f.Outcome == nil)
	if err != nil {
		return nil, err
	}
	return append(make([]any, 0, 24), string(f.State), bytesOf(f.Binding), f.Active, f.SchemaID, free(f.Journey), free(f.Locale),
		free(f.ReturnTo), free(f.RequestURL), jsonText(f.Values), problems, bytesOf(f.Private), f.Refusals, f.Rev, outcome,
		optionalID(f.Successor), micros(f.ExpiresAt), f.Completed()), nil
}

func scanFlow(rows *sql.Rows) (*selfservice.Flow, error) {
	var (
		f                         selfservice.Flow
		state                     string
		issued, expires           sql.NullInt64
		values, problems, outcome sql.NullString
		successor                 uuid.NullUUID
	)
	err := rows.Scan(&f.Native, &issued, &state, &f.Binding, &f.Active, &f.SchemaID, &f.Journey, &f.Locale, &f.ReturnTo,
		&f.RequestURL, &values, &problems, &f.Private, &f.Refusals, &f.Rev, &outcome, &successor, &expires)
	if err != nil {
		return nil, err
	}
	f.State, f.IssuedAt, f.ExpiresAt = selfservice.State(state), timeOf(issued), timeOf(expires)
	f.Values, f.Successor = rawOf(values), successor.UUID
	if problems.Valid {
		d := json.NewDecoder(strings.NewReader(problems.String))
		d.UseNumber() // a limit in a message has to read as it did
		if err := d.Decode(&f.Problems); err != nil {
			return nil, err
		}
	}
	if outcome.Valid {
		f.Outcome = &selfservice.Outcome{}
		if err := json.Unmarshal([]byte(outcome.String), f.Outcome); err != nil {
			return nil, err
		}
	}
	return &f, nil
}

// bytesOf keeps an untyped nil, which every driver takes for NULL.
func bytesOf(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}
