package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/http/httpguts"
)

// KeyError is what is wrong with one setting.
type KeyError struct {
	Key    string // of the configuration, below that of whatever is configured
	Reason string // quotes no credential
}

// Error is one line, although a key may be the name of a header as written.
func (e *KeyError) Error() string {
	return strings.Join(strings.FieldsFunc(e.Key, unicode.IsControl), " ") + ": " + e.Reason
}

// Call is a request as an operator configures it: all of it but its body.
type Call struct {
	URL     string            // absolute, http or https
	Method  string            // GET, POST, PUT, PATCH or DELETE; empty is POST
	Headers map[string]string // none that belong to a single call or to the connection
	Auth    Auth
}

// Auth says how the other side knows us. The zero value is not at all.
type Auth struct {
	Type           string // "", "api_key", "basic_auth" or "bearer"
	Name, Value    string // of an api_key
	In             string // "header" or "cookie", for an api_key
	User, Password string // of basic_auth
	Token          string // of bearer
}

var callMethods = []string{"", http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// reservedHeaders are those that belong to a single call or to the connection,
// so that no fixed value can be right.
var reservedHeaders = []string{
	"Idempotency-Key", "X-Idempotency-Key", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature",
	"Ory-Webhook-Request-Id", "Ory-Webhook-Trigger-Id", "Foyer-Reservation-Id", "Foyer-Reservation-Phase",
	"Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "Trailer", "Te", "Expect",
	"Accept-Encoding", "Content-Encoding",
}

// Faults lists the settings of c that cannot stand, by their keys (url, method,
// headers.X-Name, auth.type, auth.config.token), and quotes neither the URL nor
// a value of a header or of Auth.
func (c Call) Faults() (faults []*KeyError) {
	refuse := func(key, why string) { faults = append(faults, &KeyError{Key: key, Reason: why}) }
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		refuse("url", "expected an absolute http or https URL")
	case u.User != nil:
		refuse("url", "must not hold a user name or password; auth is for them")
	}
	if !slices.Contains(callMethods, c.Method) {
		refuse("method", "expected GET, POST, PUT, PATCH or DELETE")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			refuse("headers."+name, "is no name of a header")
		case !httpguts.ValidHeaderFieldValue(c.Headers[name]):
			refuse("headers."+name, "must be one line, without control characters")
		case slices.Contains(reservedHeaders, http.CanonicalHeaderKey(name)):
			refuse("headers."+name, "is set for each message")
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
	const name, value, in, user, password, token = "auth.config.name", "auth.config.value", "auth.config.in", "auth.config.user", "auth.config.password", "auth.config.token"
	switch a.Type {
	case "":
	case "basic_auth":
		if given(user, a.User) && strings.Contains(a.User, ":") {
			refuse(user, "must not have a colon")
		}
		given(password, a.Password)
	case "bearer":
		if given(token, a.Token) && strings.ContainsFunc(a.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			refuse(token, "must be ASCII without spaces")
		}
	case "api_key":
		if a.In != "header" && a.In != "cookie" {
			refuse(in, "expected header or cookie")
		}
		if given(name, a.Name) && !httpguts.ValidHeaderFieldName(a.Name) {
			refuse(name, "is no name of a header or cookie")
		} else if a.In == "header" && slices.Contains(reservedHeaders, http.CanonicalHeaderKey(a.Name)) {
			refuse(name, "is that of a header set for each message")
		}
		if given(value, a.Value) && a.In == "cookie" && strings.ContainsAny(a.Value, "\";,\\ \t") {
			refuse(value, "has characters a cookie cannot have")
		}
	default:
		refuse("auth.type", "expected api_key, basic_auth or bearer")
	}
}

// Request makes the request for one call. A nil body is none at all; any other
// goes as application/json unless Headers say otherwise, and can be read again,
// which is what sending a request again over a new connection needs. Of
// a Call without Faults there is always one; an error does not quote the URL.
func (c Call) Request(ctx context.Context, body []byte) (*http.Request, error) {
	method := c.Method
	if method == "" {
		method = http.MethodPost
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.URL, reader)
	if err != nil {
		return nil, errors.New("the method or the URL is not valid")
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("User-Agent", "")
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	switch {
	case c.Auth.Type == "basic_auth":
		r.SetBasicAuth(c.Auth.User, c.Auth.Password)
	case c.Auth.Type == "bearer":
		r.Header.Set("Authorization", "Bearer "+c.Auth.Token)
	case c.Auth.Type == "api_key" && c.Auth.In == "cookie":
		r.AddCookie(&http.Cookie{Name: c.Auth.Name, Value: c.Auth.Value})
	case c.Auth.Type == "api_key":
		r.Header.Set(c.Auth.Name, c.Auth.Value)
	}
	return r, nil
}
