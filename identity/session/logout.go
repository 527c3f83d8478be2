package session

import "encoding/hex"

// logoutPrefix marks a logout token.
const logoutPrefix = "ory_lo_"

// logoutSize is how much of a MAC a logout token holds, in bytes.
const logoutSize = 16

// LogoutToken returns what a browser proves with that a page of the
// application, not of somebody else, wants s to end. It is made of the session
// alone, so nothing is stored, and it is good as long as the session is.
func (m *Manager) LogoutToken(s *Session) string {
	return logoutPrefix + hex.EncodeToString(m.Ring.MAC(logoutPurpose, s.ID.Bytes())[:logoutSize])
}

// EndsBy reports whether token is a logout token of s. Only the exact string is.
func (m *Manager) EndsBy(s *Session, token string) bool {
	if len(token) != len(logoutPrefix)+2*logoutSize || token[:len(logoutPrefix)] != logoutPrefix {
		return false
	}
	part, err := hex.DecodeString(token[len(logoutPrefix):])
	exact := err == nil && hex.EncodeToString(part) == token[len(logoutPrefix):]
	return exact && m.Ring.VerifyPart(logoutPurpose, part, s.ID.Bytes())
}

const logoutPurpose = "logout"
