package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/rs/cors"
)

// CORS says which pages of other origins may read answers. Nil lists mean the
// defaults; an empty one means none.
type CORS struct {
	AllowedOrigins     []string // "*", or URLs whose host may begin with "*."; default "*"
	AllowedMethods     []string // default POST, GET, PUT, PATCH, DELETE
	AllowedHeaders     []string // default Authorization, Content-Type, Max-Age, X-Session-Token, X-XSRF-TOKEN, X-CSRF-TOKEN
	ExposedHeaders     []string // default Content-Type
	AllowCredentials   bool
	MaxAge             int // seconds a browser may keep the answer of a preflight
	OptionsPassthrough bool
	Dev                bool // what is refused otherwise is only warned of
}

// NewCORS returns the middleware for c and, with Dev, what would be refused
// without. "*" is refused beside credentials: every page could act as the
// person. The origin "null" is never allowed but by "*".
func NewCORS(c CORS) (Middleware, []string, error) {
	c = c.withDefaults()
	var warnings []string
	opts := cors.Options{
		AllowedMethods: c.AllowedMethods, AllowedHeaders: c.AllowedHeaders, ExposedHeaders: c.ExposedHeaders,
		AllowCredentials: c.AllowCredentials, MaxAge: c.MaxAge, OptionsPassthrough: c.OptionsPassthrough,
	}
	if slices.Contains(c.AllowedOrigins, "*") {
		if c.AllowCredentials {
			const why = `serve.public.cors: allowed_origins "*" together with allow_credentials lets every page act as the person; list the origins`
			if !c.Dev {
				return nil, nil, errors.New(why)
			}
			warnings = append(warnings, why+" (browsers will send no cookies until you do)")
		}
		opts.AllowedOrigins = []string{"*"}
		return cors.New(opts).Handler, warnings, nil
	}
	origins, err := NewOrigins(c.AllowedOrigins...)
	if err != nil {
		return nil, nil, fmt.Errorf("serve.public.cors.allowed_origins: %w", err)
	}
	opts.AllowOriginVaryRequestFunc = func(_ *http.Request, origin string) (bool, []string) { return origins.Has(origin), nil }
	return cors.New(opts).Handler, warnings, nil
}

func (c CORS) withDefaults() CORS {
	fill := func(list *[]string, values ...string) {
		if *list == nil {
			*list = values
		}
	}
	fill(&c.AllowedOrigins, "*")
	fill(&c.AllowedMethods, "POST", "GET", "PUT", "PATCH", "DELETE")
	fill(&c.AllowedHeaders, "Authorization", "Content-Type", "Max-Age", "X-Session-Token", "X-XSRF-TOKEN", "X-CSRF-TOKEN")
	fill(&c.ExposedHeaders, "Content-Type")
	return c
}
