// Package session is proof of authentication: issuing, reading and revoking.
//
// A session is a row; a token is a bearer secret that leads to it. Only the
// SHA-256 of a token is ever stored, and one session may have several tokens,
// because a client that lost an answer is given a fresh one.
package session

import (
	"errors"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity"
)

// ErrNotFound is returned where no live session belongs to a token or id.
var ErrNotFound = errors.New("session: not found")

// AAL is the authenticator assurance level of NIST SP 800-63B.
type AAL string

// The levels: none yet, one factor, two factors.
const (
	AAL0 AAL = "aal0"
	AAL1 AAL = "aal1"
	AAL2 AAL = "aal2"
)

// Session is one authentication of one identity on one device.
type Session struct {
	ID              uuid.UUID
	IdentityID      uuid.UUID
	Active          bool // the stored flag; a session past ExpiresAt is not active either
	AAL             AAL
	Methods         []Method
	Device          Device
	IssuedAt        time.Time
	AuthenticatedAt time.Time
	ExpiresAt       time.Time
	Identity        *identity.Identity // without credentials; nil where not loaded
}

// Method is one authentication that took part in a session. It is stored as JSON.
type Method struct {
	Method      string    `json:"method"`
	AAL         AAL       `json:"aal"`
	CompletedAt time.Time `json:"completed_at"`
	Provider    string    `json:"provider,omitempty"` // by its id here, where one has proved it
}

// Device is where a session was issued to. IP is the peer's, or what a listed proxy said.
type Device struct {
	ID        uuid.UUID
	IP        string
	UserAgent string
}

// Live reports whether the session counts at now.
func (s *Session) Live(now time.Time) bool { return s.Active && now.Before(s.ExpiresAt) }
