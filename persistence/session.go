package persistence

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
)

const (
	sqlInsertSession = `INSERT INTO sessions (id, identity_id, active, aal, methods, device_id, ip, user_agent,
		issued_at, authenticated_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlInsertToken = `INSERT INTO session_tokens (hash, session_id) VALUES (?, ?)`

	sessionColumns = `SELECT s.id, s.active, s.aal, s.methods, s.device_id, s.ip, s.user_agent, s.issued_at,
		s.authenticated_at, s.expires_at, ` + personColumns
	sessionJoins = ` JOIN identities i ON i.id = s.identity_id LEFT JOIN addresses a ON a.identity_id = i.id`

	sqlSessionByToken = sessionColumns + ` FROM session_tokens t JOIN sessions s ON s.id = t.session_id` + sessionJoins +
		` WHERE t.hash = ?`
	sqlSession = sessionColumns + ` FROM sessions s` + sessionJoins + ` WHERE s.id = ?`

	// The page is cut before the joins, which make a row of each address.
	sqlSessions    = sessionColumns + ` FROM (SELECT * FROM sessions WHERE 1 = 1`
	sqlSessionsCut = ` ORDER BY issued_at DESC, id DESC LIMIT ? OFFSET ?) s` + sessionJoins + ` ORDER BY s.issued_at DESC, s.id DESC`
	sqlCount       = `SELECT COUNT(*) FROM sessions WHERE 1 = 1`
	whoseSessions  = ` AND identity_id = ?`
	exceptSession  = ` AND id <> ?`
	liveSessions   = ` AND active = ? AND expires_at > ?`
	endedSessions  = ` AND (active = ? OR expires_at <= ?)`
	sessionsBefore = ` AND issued_at <= ? AND (issued_at < ? OR id < ?)`
	sqlSessionIDs  = `SELECT id FROM sessions WHERE 1 = 1`
	sqlFew         = ` LIMIT ?`
	sqlEnding      = `SELECT id, identity_id, active, expires_at FROM sessions WHERE 1 = 1`
	activeSessions = ` AND active = ?`
	sqlEnd         = `UPDATE sessions SET active = ? WHERE active = ?`
	sqlDrop        = `DELETE FROM sessions WHERE 1 = 1`
	sqlExtend      = `UPDATE sessions SET expires_at = ? WHERE id = ? AND active = ? AND expires_at > ? AND expires_at < ? AND expires_at < ?`
	sqlReproven    = `UPDATE sessions SET aal = ?, methods = ?, ip = ?, user_agent = ?, authenticated_at = ?, expires_at = ?
		WHERE id = ? AND active = ? AND expires_at > ? AND authenticated_at = ?`
	sqlDropTokens = `DELETE FROM session_tokens WHERE session_id = ?`
)

// InsertSession writes a session and its first token's hash. It returns
// identity.ErrNotFound for an identity that is gone.
func (s *Store) InsertSession(ctx context.Context, v *session.Session, tokenHash []byte) error {
	methods, err := jsonOf(v.Methods, v.Methods == nil)
	if err != nil {
		return wrap("insert a session", err)
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		c := s.unitOf(ctx).conn()
		_, err := c.exec(ctx, sqlInsertSession, v.ID.String(), v.IdentityID.String(), v.Active, string(v.AAL), methods,
			optionalID(v.Device.ID), free(v.Device.IP), free(v.Device.UserAgent), micros(v.IssuedAt), micros(v.AuthenticatedAt), micros(v.ExpiresAt))
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, sqlInsertToken, tokenHash, v.ID.String())
		return err
	})
	if classify(err) == foreignKeyViolation {
		return identity.ErrNotFound
	}
	return wrap("insert a session", err)
}

// InsertToken gives a session one more token, or returns session.ErrNotFound.
func (s *Store) InsertToken(ctx context.Context, sessionID uuid.UUID, tokenHash []byte) error {
	_, err := s.exec(ctx, sqlInsertToken, tokenHash, sessionID.String())
	if classify(err) == foreignKeyViolation {
		return session.ErrNotFound
	}
	return wrap("insert a token", err)
}

// SessionByToken reads the session, its identity and the addresses in one
// SELECT, or returns session.ErrNotFound.
func (s *Store) SessionByToken(ctx context.Context, tokenHash []byte) (*session.Session, error) {
	return s.session(ctx, sqlSessionByToken, tokenHash)
}

// Session reads one by id, with its identity, or returns session.ErrNotFound.
func (s *Store) Session(ctx context.Context, id uuid.UUID) (*session.Session, error) {
	return s.session(ctx, sqlSession, id.String())
}

func (s *Store) session(ctx context.Context, query string, key any) (*session.Session, error) {
	var (
		v         *session.Session
		addresses []addressRow
	)
	err := s.view(ctx, func(ctx context.Context, c conn) error {
		v, addresses = nil, nil
		return c.query(ctx, query, []any{key}, func(rows *sql.Rows) error {
			next, a, err := scanSession(rows)
			if err != nil {
				return err
			}
			if v == nil {
				v = next
			}
			addresses = append(addresses, a)
			return nil
		})
	})
	if err != nil {
		return nil, wrap("read a session", err)
	}
	if v == nil {
		return nil, session.ErrNotFound
	}
	addAddresses(addresses, func(uuid.UUID) *identity.Identity { return v.Identity })
	return v, nil
}

// scanSession reads one row: the session with its identity, and one address.
func scanSession(rows *sql.Rows) (*session.Session, addressRow, error) {
	var (
		v                              session.Session
		aal                            string
		methods                        sql.NullString
		device                         uuid.NullUUID
		issued, authenticated, expires sql.NullInt64
	)
	i, a, err := scanPerson(rows, &v.ID, &v.Active, &aal, &methods, &device, &v.Device.IP, &v.Device.UserAgent, &issued, &authenticated, &expires)
	if err != nil {
		return nil, a, err
	}
	v.AAL, v.Device.ID = session.AAL(aal), device.UUID
	v.IssuedAt, v.AuthenticatedAt, v.ExpiresAt = timeOf(issued), timeOf(authenticated), timeOf(expires)
	v.Identity, v.IdentityID = i.identity(), i.ID
	if methods.Valid {
		err = json.Unmarshal([]byte(methods.String), &v.Methods)
	}
	return &v, a, err
}
