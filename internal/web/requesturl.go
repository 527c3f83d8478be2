package web

import (
	"net/http"
	"strings"
)

const maxRequestURL = 2048 // bytes

// RequestURL returns the absolute URL of r for keeping and quoting: below
// publicURL, which is configured, whatever host the request claims. A query
// that would make it longer than 2048 bytes is left out, a longer path is cut.
func RequestURL(r *http.Request, publicURL string) string {
	u := strings.TrimRight(publicURL, "/") + escapeURL(r.URL.EscapedPath())
	if len(u) > maxRequestURL {
		return u[:maxRequestURL]
	}
	if query := escapeURL(r.URL.RawQuery); query != "" && len(u)+1+len(query) <= maxRequestURL {
		return u + "?" + query
	}
	return u
}
