package web

import (
	"net/http"
	"net/url"
	"slices"
)

// HookHeaders are the names of the headers of a request that hooks are told of
// where clients.web_hook.header_allowlist is not set.
func HookHeaders() []string {
	return []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Content-Length", "Content-Type", "Origin", "Priority", "Referer",
		"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User",
		"True-Client-Ip", "User-Agent",
	}
}

// credentialHeaders carry what signs a person or a proxy in, or proves that a
// browser owns a flow.
var credentialHeaders = []string{
	"Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie", "X-Csrf-Token", "X-Session-Cookie", "X-Session-Token", "X-Xsrf-Token",
}

// AllowedHeaders returns a copy of those headers of h, whose names are canonical,
// that allow names. Headers that carry credentials
// are never among them, and a Referer is cut before its query, in which the
// page may have been given a code; nil is no header.
func AllowedHeaders(h map[string][]string, allow []string) map[string][]string {
	out := map[string][]string{}
	for _, name := range allow {
		key := http.CanonicalHeaderKey(name)
		values := h[key]
		if len(values) == 0 || slices.Contains(credentialHeaders, key) {
			continue
		}
		if out[key] = slices.Clone(values); key == "Referer" {
			for n, value := range values {
				out[key][n] = withoutQuery(value)
			}
		}
	}
	return out
}

// withoutQuery is raw up to its query, without user info; what is no URL is
// empty.
func withoutQuery(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
