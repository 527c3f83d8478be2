package cmd

import (
	"net/http"
	"strings"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice"
)

// rooms are the parts of the program that answer requests.
type rooms struct {
	flows       *selfservice.HTTP
	activations *selfservice.AdminHTTP
	logout      *selfservice.Logout
	sessions    *session.HTTP
	everybody   *session.AdminHTTP
	schemas     *schema.Handler
	people      *identity.HTTP
	messages    *courier.HTTP
	events      *hook.AdminHTTP
	hasher      *hash.Hasher
	guard       *guard
}

// route gives the two listeners their routes. They share none but health and
// schemas, so nothing administrative can be reached through the public one.
func (a *App) route(in rooms) error {
	metrics := newMetrics(a.ground, in.hasher, a.Worker, a.Events)
	health := &health{store: a.Store, revision: a.Config.Revision, reloads: &a.ground.reloads, queues: []watched{
		{name: "courier", what: "messages", queue: a.Worker.Courier}, {name: "events", what: "events", queue: a.Events.Courier},
	}}

	public := a.router(metrics)
	in.flows.Mount(public)
	in.logout.Mount(public)
	in.sessions.Mount(public)
	in.schemas.Mount(public, "")
	public.Handle(http.MethodGet, "/health/alive", health.alive)
	public.Handle(http.MethodGet, "/health/ready", health.readyPublic)

	admin := a.router(metrics)
	admin.Around = in.guard.around
	in.people.Mount(admin)
	in.everybody.Mount(admin)
	in.activations.Mount(admin)
	in.messages.Mount(admin)
	in.events.Mount(admin)
	in.schemas.Mount(admin, "/admin")
	admin.Handle(http.MethodGet, "/admin/health/alive", health.alive)
	admin.Handle(http.MethodGet, "/admin/health/ready", health.ready)
	admin.Handle(http.MethodGet, "/admin/health/config", health.config)
	admin.Handle(http.MethodGet, "/admin/version", version)
	admin.Handle(http.MethodGet, "/admin/openapi.json", openAPI)
	admin.Handle(http.MethodGet, "/admin/metrics/prometheus", metrics.serve)

	if err := unguarded(admin.Routes()); err != nil {
		return err
	}
	a.Routes = append(public.Routes(), admin.Routes()...)
	around := a.middleware(a.Config.Serve.Public.Endpoint, true)
	if c := a.Config.Serve.Public.CORS; c.Enabled {
		c.Dev = a.Config.Dev
		cross, _, err := web.NewCORS(c.CORS) // what it warns of, the configuration's report has said
		if err != nil {
			return err
		}
		around = append(around, cross)
	}
	a.Public = web.Chain(public, around...)
	operator := a.Config.Serve.Admin
	var pages []string
	if a.Config.Dev {
		pages = []string{courier.InboxPath}
	}
	around = append(a.middleware(operator.Endpoint, false), web.ProgramsOnly(operator.BaseURL, strings.HasPrefix(operator.Host, unixPrefix), pages...))
	a.Admin = web.Chain(underAdmin(a.Config.Serve.Public.BaseURL, admin), around...)
	return nil
}

func (a *App) router(m *metrics) *web.Router {
	r := web.NewRouter()
	r.Now, r.Observe = a.options.Now, m.observe
	return r
}

func (a *App) middleware(e Endpoint, public bool) []web.Middleware {
	return []web.Middleware{
		web.Identify(a.options.Log),
		web.AccessLog(a.options.Now, !e.HealthLog),
		web.Recover(),
		web.Headers(public),
	}
}

// underAdmin lets the admin API be called with and without its prefix, and
// sends who mistook the port to the public one.
func underAdmin(publicURL string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/self-service/"):
			http.Redirect(w, r, publicURL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
			return
		case r.URL.Path != "/admin" && !strings.HasPrefix(r.URL.Path, "/admin/"):
			r.URL.Path = "/admin" + r.URL.Path
		}
		next.ServeHTTP(w, r)
	})
}
