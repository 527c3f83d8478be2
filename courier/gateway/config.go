package gateway

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/foyer-id/foyer/courier"
)

// Config is a request_config of courier.http or courier.channels[].
type Config struct {
	URL     string
	Method  string            // POST, PUT or PATCH; empty is POST
	Headers map[string]string // Content-Type may be JSON (the default) or application/x-www-form-urlencoded
	Body    string            // Jsonnet, a function of ctx; empty for the built-in body
	Auth    Auth
}

// Auth says how the gateway knows us. The zero value is not at all.
type Auth struct {
	Type           string // "", "api_key" or "basic_auth"
	Name, Value    string // of an api_key
	In             string // "header" or "cookie", for an api_key
	User, Password string // of basic_auth
}

const form = "application/x-www-form-urlencoded"

// reserved are headers that belong to a single message or to the transport.
var reserved = []string{
	"Idempotency-Key", "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Trailer", "Te", "Expect",
	"Accept-Encoding", "Content-Encoding",
}

// Faults lists the settings of c that cannot stand, by their keys below
// request_config, and quotes neither the URL nor a value of a header or of Auth.
func (c Config) Faults() (faults []*courier.KeyError) {
	refuse := func(key, why string) { faults = append(faults, &courier.KeyError{Key: key, Reason: why}) }
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		refuse("url", "expected an absolute http or https URL")
	case u.User != nil:
		refuse("url", "must not hold a user name or password; auth is for them")
	}
	if !slices.Contains([]string{"", http.MethodPost, http.MethodPut, http.MethodPatch}, c.Method) {
		refuse("method", "expected POST, PUT or PATCH, which carry a message")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		value := c.Headers[name]
		switch key := http.CanonicalHeaderKey(name); {
		case !httpguts.ValidHeaderFieldName(name):
			refuse("headers."+name, "is no name of a header")
		case !httpguts.ValidHeaderFieldValue(value):
			refuse("headers."+name, "must be one line, without control characters")
		case slices.Contains(reserved, key):
			refuse("headers."+name, "is set for each message")
		case key == "Content-Type" && mediaType(value) == "":
			refuse("headers."+name, "is neither JSON nor "+form)
		}
	}
	c.Auth.check(refuse)
	return faults
}

func (a Auth) check(refuse func(key, why string)) {
	given := func(key, value string) bool {
		switch {
		case value == "":
			refuse(key, "required, but missing")
		case !httpguts.ValidHeaderFieldValue(value):
			refuse(key, "must be one line, without control characters")
		default:
			return true
		}
		return false
	}
	const name, value, in, user, password = "auth.config.name", "auth.config.value", "auth.config.in", "auth.config.user", "auth.config.password"
	switch a.Type {
	case "":
	case "basic_auth":
		if given(user, a.User) && strings.Contains(a.User, ":") {
			refuse(user, "must not have a colon")
		}
		given(password, a.Password)
	case "api_key":
		if a.In != "header" && a.In != "cookie" {
			refuse(in, "expected header or cookie")
		}
		if given(name, a.Name) && !httpguts.ValidHeaderFieldName(a.Name) {
			refuse(name, "is no name of a header or cookie")
		} else if a.In == "header" && slices.Contains(reserved, http.CanonicalHeaderKey(a.Name)) {
			refuse(name, "is that of a header set for each message")
		}
		if given(value, a.Value) && a.In == "cookie" && strings.ContainsAny(a.Value, "\";,\\ \t") {
			refuse(value, "has characters a cookie cannot have")
		}
	default:
		refuse("auth.type", "expected api_key or basic_auth")
	}
}

// set adds what a says to r.
func (a Auth) set(r *http.Request) {
	switch {
	case a.Type == "basic_auth":
		r.SetBasicAuth(a.User, a.Password)
	case a.Type == "api_key" && a.In == "cookie":
		r.AddCookie(&http.Cookie{Name: a.Name, Value: a.Value})
	case a.Type == "api_key":
		r.Header.Set(a.Name, a.Value)
	}
}

// mediaType returns "json" or form for a Content-Type, else "".
func mediaType(value string) string {
	switch kind, _, err := mime.ParseMediaType(value); {
	case err != nil:
		return ""
	case kind == form:
		return form
	case kind == "application/json", strings.HasSuffix(kind, "+json"):
		return "json"
	}
	return ""
}
