package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
)

const (
	secretSize = 32
	csrfMaxAge = 365 * 24 * 60 * 60 // seconds
)

// CSRF is the first of two independent checks on submits of browsers: a secret
// in a cookie, and a token in the form that only who knows the secret can
// make. Origins is the second.
type CSRF struct {
	Cookie CookieOptions
}

// NewCSRF returns the check for the server at publicURL, which names the
// cookie: servers on one host but different ports keep theirs apart. Of o,
// Name and Persistent are not used, and SameSite only if it is Secure.
func NewCSRF(publicURL string, o CookieOptions) *CSRF {
	sum := sha256.Sum256([]byte(publicURL))
	o.Name = "csrf_token_" + hex.EncodeToString(sum[:])
	if !o.Secure {
		o.SameSite = http.SameSiteLaxMode
	}
	return &CSRF{Cookie: o}
}

// Secret returns the 32-byte secret of the browser, nil if it has none.
func (c *CSRF) Secret(r *http.Request) []byte {
	for _, cookie := range r.CookiesNamed(c.Cookie.Name) {
		if secret := decodeExactly(cookie.Value, secretSize); secret != nil {
			return secret
		}
	}
	return nil
}

// Ensure returns the browser's secret; if it has none, it is given one.
func (c *CSRF) Ensure(w http.ResponseWriter, r *http.Request) []byte {
	if secret := c.Secret(r); secret != nil {
		return secret
	}
	return c.Rotate(w)
}

// Rotate gives the browser a new secret. Every token of the old one is void.
func (c *CSRF) Rotate(w http.ResponseWriter) []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret)
	c.Give(w, secret)
	return secret
}

// Give is Rotate with a secret of the caller's, 32 bytes that nobody can guess.
func (c *CSRF) Give(w http.ResponseWriter, secret []byte) {
	c.Cookie.set(w, base64.StdEncoding.EncodeToString(secret), csrfMaxAge, time.Time{})
}

// Check returns nil if token was made from the secret of the browser that
// sent r, else a *fail.Error security_csrf_violation that says what to mend.
func (c *CSRF) Check(r *http.Request, token string) error {
	secret := c.Secret(r)
	switch {
	case secret == nil:
		hint := "Serve the page and this API from the same site, and open the flow in the browser that submits it."
		if m := r.Header.Get("Sec-Fetch-Mode"); m == "cors" || m == "same-origin" {
			hint = "Send the request with credentials included, so that cookies travel with it."
		}
		return csrfViolation("csrf_cookie_missing", "The request carries no CSRF cookie.", hint, "cookies.domain")
	case token == "":
		return csrfViolation("csrf_token_missing", "The request carries no CSRF token.",
			"Send the value of the flow's node csrf_token in the field csrf_token.", "")
	case !matches(token, secret):
		return csrfViolation("csrf_token_mismatch", "The CSRF token does not belong to the CSRF cookie.",
			"Use the token of a flow fetched with the same cookie jar; another tab may have renewed the cookie.", "cookies.domain")
	}
	return nil
}

// csrfViolation is a refusal whose details tell machine and person which check
// failed and, where one helps, which key of the configuration to look at.
func csrfViolation(code, reason, hint, configKey string) *fail.Error {
	e := fail.New(fail.Forbidden, "security_csrf_violation", reason)
	e.Details = map[string]any{
		"reject_reason": code,
		"hint":          hint,
		"docs":          "https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html",
	}
	if configKey != "" {
		e.Details["config_key"] = configKey
	}
	return e
}

// Mask returns a token for secret, another one at every call, so that a page's
// compressed size tells nothing about the secret.
func Mask(secret []byte) string {
	var b [2 * secretSize]byte
	rand.Read(b[:secretSize])
	subtle.XORBytes(b[secretSize:], b[:secretSize], secret)
	return base64.StdEncoding.EncodeToString(b[:])
}

// matches reports in constant time whether token was made by Mask from secret,
// or is the secret itself in base64.
func matches(token string, secret []byte) bool {
	if b := decodeExactly(token, 2*secretSize); b != nil {
		subtle.XORBytes(b[secretSize:], b[:secretSize], b[secretSize:])
		return subtle.ConstantTimeCompare(b[secretSize:], secret) == 1
	}
	b := decodeExactly(token, secretSize)
	return b != nil && subtle.ConstantTimeCompare(b, secret) == 1
}

// Binding returns what a flow may store to know the browser again: it tells
// nothing about the secret.
func Binding(secret []byte) []byte {
	sum := sha256.Sum256(secret)
	return sum[:]
}

var strictBase64 = base64.StdEncoding.Strict()

// decodeExactly returns the n bytes that s is the one right encoding of, or nil.
func decodeExactly(s string, n int) []byte {
	if len(s) != base64.StdEncoding.EncodedLen(n) {
		return nil
	}
	b, err := strictBase64.DecodeString(s)
	if err != nil || len(b) != n {
		return nil
	}
	return b
}
