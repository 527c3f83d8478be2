package cmd

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// guard lets those call the admin API who may.
type guard struct {
	callers *web.Callers
	audit   *audit
}

// callers are those whom the configuration knows.
func callers(c *Config, outbound *web.Outbound, now func() time.Time) *web.Callers {
	auth := c.Serve.Admin.Auth
	known := &web.Callers{Open: !auth.Asks(), Certs: auth.Certs, Now: now}
	for _, t := range auth.Tokens {
		if sum, ok := t.sum(); ok { // the checker refuses what is none
			known.Tokens = append(known.Tokens, web.TokenCaller{Name: t.Name, Hash: sum, Scopes: t.Scopes})
		}
	}
	if auth.JWT != nil {
		known.JWT = web.NewJWTCallers(*auth.JWT, outbound.Get, now)
	}
	return known
}

// around is web.Router.Around. Who may call a route says accessTo; of what is no
// route only those are told who are known.
func (g *guard) around(route web.Route, next web.HandlerFunc) web.HandlerFunc {
	may := accessTo[route]
	if may.open {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request, p web.Params) error {
		caller, err := g.callers.Identify(r)
		if err != nil {
			if refusal := fail.As(err); refusal != nil && refusal.Kind == fail.Unauthenticated {
				w.Header().Set("WWW-Authenticate", challenge)
			}
			g.audit.refused(r, route, caller, err)
			return err
		}
		if scopes := may.needs(r); len(scopes) > 0 && !caller.May(scopes...) {
			err := scopeMissing(caller, scopes)
			w.Header().Set("WWW-Authenticate", challenge+`, error="insufficient_scope", scope="`+scopes[0]+`"`)
			g.audit.refused(r, route, caller, err)
			return err
		}
		r = r.WithContext(web.WithCaller(r.Context(), caller))
		if route.Path == "" || route.Method == http.MethodGet {
			return next(w, r, p)
		}
		return g.audit.keep(w, r, p, route, next)
	}
}

// challenge is what every 401 says, whatever was presented.
const challenge = `Bearer realm="foyer admin"`

func scopeMissing(c web.Caller, scopes []string) error {
	refusal := fail.New(fail.Forbidden, "admin_scope_missing",
		fmt.Sprintf("%q may not do this: it needs the scope %s.", c.Name, strings.Join(scopes, " or ")))
	refusal.Details = map[string]any{"scopes": scopes}
	return refusal
}
