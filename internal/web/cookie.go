package web

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/seal"
)

// What browsers keep of a cookie at most.
const (
	maxCookieSize = 4096 // bytes of name and value
	maxCookieAge  = 400 * 24 * time.Hour
)

// CookieOptions are the attributes of a cookie; HttpOnly is always set.
type CookieOptions struct {
	Name       string
	Domain     string // "" keeps the cookie to the host that set it
	Path       string
	SameSite   http.SameSite
	Secure     bool
	Persistent bool // false: the cookie ends with the browser's session
}

// Validate tells an operator what browsers would refuse or ignore.
func (o CookieOptions) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("cookie %q: "+format, append([]any{o.Name}, args...)...))
	}
	if err := (&http.Cookie{Name: o.Name, Value: "v", Path: o.Path, Domain: o.Domain}).Valid(); err != nil {
		refuse("%w", err)
	}
	if o.Path != "" && !strings.HasPrefix(o.Path, "/") {
		refuse("the path %q does not begin with /", o.Path)
	}
	if o.SameSite == http.SameSiteNoneMode && !o.Secure {
		refuse("same_site None needs secure")
	}
	switch lower := strings.ToLower(o.Name); {
	case strings.HasPrefix(lower, "__host-"):
		if !strings.HasPrefix(o.Name, "__Host-") {
			refuse("the prefix must be spelt __Host-")
		}
		if !o.Secure || o.Path != "/" || o.Domain != "" {
			refuse("the prefix __Host- needs secure, path / and no domain")
		}
	case strings.HasPrefix(lower, "__secure-"):
		if !strings.HasPrefix(o.Name, "__Secure-") {
			refuse("the prefix must be spelt __Secure-")
		}
		if !o.Secure {
			refuse("the prefix __Secure- needs secure")
		}
	}
	return errors.Join(errs...)
}

// set puts the cookie on the response in place of an earlier one of the name.
func (o CookieOptions) set(w http.ResponseWriter, value string, maxAge int, expires time.Time) {
	c := http.Cookie{
		Name: o.Name, Value: value, Path: o.Path, Domain: o.Domain, Expires: expires, MaxAge: maxAge,
		Secure: o.Secure, HttpOnly: true, SameSite: o.SameSite,
	}
	line := c.String()
	h, prefix := w.Header(), o.Name+"="
	for i, have := range h["Set-Cookie"] {
		if strings.HasPrefix(have, prefix) {
			h["Set-Cookie"][i] = line
			return
		}
	}
	h["Set-Cookie"] = append(h["Set-Cookie"], line)
}

// SealedCookie keeps a session token in a browser, sealed so that it opens
// only here, under this cookie's name, and before it expires.
type SealedCookie struct {
	Options CookieOptions
	Ring    *seal.Ring
	Now     func() time.Time
}

type container struct {
	Token     string    `json:"session_token"`
	ExpiresAt time.Time `json:"expires_at"`
	Nonce     string    `json:"nonce"`
}

func (c *SealedCookie) purpose() string { return "cookie/" + c.Options.Name }

// Write sets the cookie to token until expires. It fails, and sets nothing, if
// that is past or the cookie would be too large for a browser to keep.
func (c *SealedCookie) Write(w http.ResponseWriter, token string, expires time.Time) error {
	left := expires.Sub(c.Now())
	if left < time.Second {
		return fmt.Errorf("web: cookie %s would expire at once", c.Options.Name)
	}
	plain, err := json.Marshal(container{Token: token, ExpiresAt: expires.UTC(), Nonce: rand.Text()[:8]})
	if err != nil {
		return err
	}
	value := c.Ring.SealString(c.purpose(), plain)
	if size := len(c.Options.Name) + len(value); size > maxCookieSize {
		return fmt.Errorf("web: cookie %s would have %d bytes, browsers keep %d", c.Options.Name, size, maxCookieSize)
	}
	if !c.Options.Persistent {
		c.Options.set(w, value, 0, time.Time{})
		return nil
	}
	if left > maxCookieAge {
		left, expires = maxCookieAge, c.Now().Add(maxCookieAge)
	}
	c.Options.set(w, value, int(left/time.Second), expires)
	return nil
}

// Read returns the token of the first cookie of the name that opens and has
// not expired, and when it will. A name in another case is another cookie.
func (c *SealedCookie) Read(r *http.Request) (token string, expires time.Time, ok bool) {
	for _, cookie := range r.CookiesNamed(c.Options.Name) {
		plain, err := c.Ring.OpenString(c.purpose(), cookie.Value)
		if err != nil {
			continue
		}
		var in container
		if json.Unmarshal(plain, &in) == nil && in.Token != "" && c.Now().Before(in.ExpiresAt) {
			return in.Token, in.ExpiresAt, true
		}
	}
	return "", time.Time{}, false
}

// Clear takes the cookie away from the browser.
func (c *SealedCookie) Clear(w http.ResponseWriter) {
	c.Options.set(w, "", -1, time.Unix(1, 0))
}
