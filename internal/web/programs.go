package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// ProgramsOnly keeps web pages away from an API that loopback alone protects:
// every page in a browser on this machine comes from loopback too. A request
// that a page made names its origin; one of a page whose name was bound to this
// address afterwards (DNS rebinding) names that host, while programs name an
// address, localhost, or the host of baseURL. On a unix socket, which no page
// reaches, the host says nothing.
//
// What lies at or below one of the paths in pages is for people too: it may be
// read by pages of its own origin, and opened by a link from another port.
func ProgramsOnly(baseURL string, unixSocket bool, pages ...string) Middleware {
	own := ""
	if u, err := url.Parse(baseURL); err == nil {
		own = u.Hostname()
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Origin") != "" || !byProgram(r) && !(lies(r.URL.Path, pages) && byReader(r)):
				WriteError(w, r, fail.New(fail.Forbidden, "admin_request_from_page",
					"The admin API is for programs: the request was made by a web page, as its header Origin or Sec-Fetch-Site says."))
			case !unixSocket && !addressed(r.Host, own):
				WriteError(w, r, fail.New(fail.Forbidden, "admin_host_unknown",
					"The admin API is called by an IP address, as localhost, or by the host of serve.admin.base_url."))
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

// byProgram reports whether r was made by a program, or typed by a person.
func byProgram(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "none"
}

// byReader reports whether r reads, for a page of our own or as a page of its
// own after a link on this site was followed; never for a foreign page to see.
func byReader(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	h := r.Header
	switch h.Get("Sec-Fetch-Site") {
	case "same-origin":
		return true
	case "same-site":
		return h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	}
	return false
}

// lies reports whether path is one of places or below it.
func lies(path string, places []string) bool {
	return slices.ContainsFunc(places, func(place string) bool { return path == place || strings.HasPrefix(path, place+"/") })
}

// addressed reports whether host, with or without a port, is an IP address,
// localhost, or own.
func addressed(host, own string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	return strings.EqualFold(host, "localhost") || own != "" && strings.EqualFold(host, own)
}
