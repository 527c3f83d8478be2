package gateway

import (
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/internal/web"
)

// Config is a request_config of courier.http or courier.channels[].
type Config struct {
	web.Call        // by POST, PUT or PATCH; Content-Type may be JSON (the default) or application/x-www-form-urlencoded
	Body     string // Jsonnet, a function of ctx; empty for the built-in body
}

const form = "application/x-www-form-urlencoded"

// Faults lists the settings of c that cannot stand, by their keys below
// request_config, and quotes neither the URL nor a value of a header or of Auth.
func (c Config) Faults() []*web.KeyError {
	const method = "method"
	faults := slices.DeleteFunc(c.Call.Faults(), func(f *web.KeyError) bool { return f.Key == method })
	if !slices.Contains([]string{"", http.MethodPost, http.MethodPut, http.MethodPatch}, c.Method) {
		faults = append(faults, &web.KeyError{Key: method, Reason: "expected POST, PUT or PATCH, which carry a message"})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if http.CanonicalHeaderKey(name) == "Content-Type" && mediaType(c.Headers[name]) == "" {
			faults = append(faults, &web.KeyError{Key: "headers." + name, Reason: "is neither JSON nor " + form})
		}
	}
	return faults
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
