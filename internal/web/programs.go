package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
)

// ProgramsOnly keeps web pages away from an API that loopback alone protects:
// every page in a browser on this machine comes from loopback too. A request
// that a page made names its origin; one of a page whose name was bound to this
// address afterwards (DNS rebinding) names that host, while programs name an
// address, localhost, or the host of baseURL. On a unix socket, which no page
// reaches, the host says nothing.
func ProgramsOnly(baseURL string, unixSocket bool) Middleware {
	own := ""
	if u, err := url.Parse(baseURL); err == nil {
		own = u.Hostname()
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			site := r.Header.Get("Sec-Fetch-Site")
			switch {
			case r.Header.Get("Origin") != "" || site != "" && site != "none":
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
