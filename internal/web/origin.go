package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/foyer-id/foyer/internal/fail"
)

// Origins is the list of sites whose pages may submit: the second check of
// browser submits beside CSRF. It is fixed once made.
type Origins struct {
	list []sitePattern
}

// NewOrigins lists the sites of urls; what follows the host is not looked at.
// A host may begin with "*.", which stands for one or more labels below a
// name that can be registered.
func NewOrigins(urls ...string) (*Origins, error) {
	o := &Origins{}
	var errs []error
	for _, raw := range urls {
		p, _, err := parsePattern(raw)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		o.list = append(o.list, p)
	}
	return o, errors.Join(errs...)
}

// Has reports whether origin, as a browser sends it, is listed.
func (o *Origins) Has(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return false
	}
	s, err := siteOf(u)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(o.list, func(p sitePattern) bool { return p.match(s) })
}

// Check refuses a browser's submit that comes from a page not on the list,
// with a *fail.Error security_csrf_violation. A request with neither Origin
// nor Sec-Fetch-Site comes from no browser's page and passes.
func (o *Origins) Check(r *http.Request) error {
	origins := r.Header["Origin"]
	switch {
	case len(origins) == 1 && o.Has(origins[0]):
		return nil
	case len(origins) == 1 && origins[0] == "null":
		return originViolation("The page that submitted hides its origin.",
			"A page with the referrer policy no-referrer or same-origin, a sandboxed frame or a file sends Origin: null; use strict-origin-when-cross-origin.")
	case len(origins) > 0:
		return originViolation(fmt.Sprintf("The origin %q is not among those that may submit.", Clip(origins[0])),
			"If the page is yours, list its URL.")
	}
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site == "cross-site" {
			return csrfViolation("fetch_site_cross", "The request comes from a page of another site.",
				"Submit from a page whose origin is listed, by a form or with fetch.", "selfservice.allowed_return_urls")
		}
	}
	return nil
}

func originViolation(reason, hint string) *fail.Error {
	return csrfViolation("origin_not_listed", reason, hint, "selfservice.allowed_return_urls")
}
