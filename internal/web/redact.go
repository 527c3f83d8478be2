package web

import "regexp"

// secretive matches what a cause from a deep layer may quote and a log must
// not keep: mail addresses, our tokens, and cookie or authorization values.
var secretive = regexp.MustCompile(`[^\s'"<>()=,;:]+@[^\s'"<>(),;:]+|ory_(?:st|lo)_[A-Za-z0-9]+|foyer_at_[A-Za-z0-9_-]+|(?i:bearer\s+|csrf_token[_=a-z0-9]*=)[^\s'";,]+`)

// Redact is s as a log may keep it: cut after 2048 bytes, with "[redacted]" in
// place of mail addresses, tokens, and cookie or authorization values.
func Redact(s string) string {
	const most = 2048
	if len(s) > most {
		s = s[:most]
	}
	return secretive.ReplaceAllString(s, "[redacted]")
}
