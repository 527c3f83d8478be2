package web

import (
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// CheckBinding returns nil if r comes from the browser that binding was made
// from, else a *fail.Error security_csrf_violation.
func (c *CSRF) CheckBinding(r *http.Request, binding []byte) error {
	secret := c.Secret(r)
	switch {
	case secret == nil:
		return csrfViolation("csrf_cookie_missing", "The request carries no CSRF cookie.",
			"Open the flow in the browser that uses it, and let the cookies of this API travel with the request.", "cookies.domain")
	case subtle.ConstantTimeCompare(Binding(secret), binding) != 1:
		return csrfViolation("csrf_other_browser", "The flow was opened by another browser, or its CSRF cookie has been renewed.",
			"Open a new flow in this browser.", "")
	}
	return nil
}

// CheckNative returns nil if r carries nothing that a browser would send, else
// a *fail.Error. Cookies that content delivery networks set are let through.
func CheckNative(r *http.Request) error {
	if r.Header.Get("Origin") != "" {
		return fail.New(fail.BadRequest, "security_native_flow_origin",
			"A flow opened at …/api must not be submitted by a browser: the request carries the header Origin. Use …/browser.")
	}
	for _, c := range r.Cookies() {
		if !strings.HasPrefix(c.Name, "__cf") && !strings.HasPrefix(c.Name, "_cf") && !strings.HasPrefix(c.Name, "cf_") {
			e := fail.New(fail.BadRequest, "security_native_flow_cookie",
				"A flow opened at …/api must not be submitted by a browser: the request carries cookies. Use …/browser.")
			e.Details = map[string]any{"found_cookie": c.Name}
			return e
		}
	}
	return nil
}
