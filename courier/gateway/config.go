package gateway

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
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

// check returns all that is wrong with c, each with its key below
// request_config, and never a value of a header or of Auth.
func (c Config) check() error {
	var errs []error
	wrong := func(key, why string) { errs = append(errs, fmt.Errorf("request_config.%s: %s", key, why)) }
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		wrong("url", "it is no http or https URL")
	case u.User != nil:
		wrong("url", "user name and password belong into auth")
	}
	if !slices.Contains([]string{"", http.MethodPost, http.MethodPut, http.MethodPatch}, c.Method) {
		wrong("method", "it is none of POST, PUT, PATCH, which carry a message")
	}
	for name, value := range c.Headers {
		switch key := http.CanonicalHeaderKey(name); {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
			wrong("headers", fmt.Sprintf("%q has a name or a value that no header can have", name))
		case slices.Contains(reserved, key):
			wrong("headers", name+" is set for each message")
		case key == "Content-Type" && mediaType(value) == "":
			wrong("headers", "Content-Type is neither JSON nor "+form)
		}
	}
	if err := c.Auth.check(); err != nil {
		wrong("auth", err.Error())
	}
	return errors.Join(errs...)
}

func (a Auth) check() error {
	switch a.Type {
	case "":
		return nil
	case "basic_auth":
		if a.User == "" && a.Password == "" || strings.Contains(a.User, ":") {
			return errors.New("basic_auth needs a user, without a colon, and a password")
		}
		return nil
	case "api_key":
		switch {
		case a.In != "header" && a.In != "cookie":
			return errors.New("in is neither header nor cookie")
		case !httpguts.ValidHeaderFieldName(a.Name) || !httpguts.ValidHeaderFieldValue(a.Value) || a.Value == "":
			return errors.New("name or value is missing, or has characters it cannot have")
		case a.In == "header" && slices.Contains(reserved, http.CanonicalHeaderKey(a.Name)):
			return errors.New("name is that of a header set for each message")
		case a.In == "cookie" && strings.ContainsAny(a.Value, "\";,\\ \t"):
			return errors.New("value has characters a cookie cannot have")
		}
		return nil
	}
	return errors.New("type is neither api_key nor basic_auth")
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
