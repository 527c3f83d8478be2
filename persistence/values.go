package persistence

import (
	"database/sql"
	"encoding/json"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/uuid"
)

// micros is how a time is stored; the zero time is NULL.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func timeOf(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

// optionalID is how an id is stored that may be missing: NULL for Nil.
func optionalID(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return id.String()
}

// jsonText is how JSON is stored, byte for byte: NULL for nil.
func jsonText(raw []byte) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

// jsonOf encodes v, or returns NULL where absent says so.
func jsonOf(v any, absent bool) (any, error) {
	if absent {
		return nil, nil
	}
	raw, err := json.Marshal(v)
	return string(raw), err
}

// free is how free text from a header is stored: PostgreSQL refuses NUL and
// text that is no UTF-8, and no engine should answer differently than another.
func free(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// rawOf gives NULL back as nil.
func rawOf(s sql.NullString) json.RawMessage {
	if !s.Valid {
		return nil
	}
	return json.RawMessage(s.String)
}

const (
	forUpdate = " FOR UPDATE"
	forTaking = " FOR UPDATE SKIP LOCKED" // without what another has locked
)

// locking is a SELECT that locks what it reads until the end of the unit.
// SQLite's one writer has nobody to lock out.
func (s *Store) locking(query, how string) string {
	if s.src.dialect == dialectSQLite {
		return query
	}
	return query + how
}

func fileURI(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}
