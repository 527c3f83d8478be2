package cmd

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/web"
)

// The scopes of the admin API. Who has one that is written here without .read has
// what it reads as well.
const (
	identityScope     = "identity"
	registrationScope = "identity_self_registration" // for an application that registers people itself
	sessionScope      = "session"
	courierScope      = "courier"
	eventsScope       = "events"
	schemaScope       = "schema"
	configScope       = "config"
	metricsScope      = "metrics"

	reading = ".read"
)

// access is who may call a route: whoever has one of scopes; with none anybody
// who is known, and with open everybody.
type access struct {
	open   bool
	scopes []string

	parameter string   // of the query, that asks for more; "" for none
	more      []string // the scopes that it takes then, instead
}

// needs are the scopes of which a request takes one; none for every known caller.
func (a access) needs(r *http.Request) []string {
	if a.parameter != "" && r.URL.Query().Has(a.parameter) {
		return a.more
	}
	return a.scopes
}

// besides says which scopes it takes where the query has parameter.
func (a access) besides(parameter string, scopes ...string) access {
	a.parameter, a.more = parameter, scopes
	return a
}

// showing is the parameter by which hashes and tokens of people are shown.
const showing = "include_credential"

func with(scopes ...string) access { return access{scopes: scopes} }

var (
	everybody = access{open: true}
	known     = access{}
)

// accessTo is the one place that says who may call which route of the admin API.
var accessTo = map[web.Route]access{
	{Method: http.MethodGet, Path: "/admin/health/alive"}: everybody,

	{Method: http.MethodGet, Path: "/admin/health/ready"}:       known,
	{Method: http.MethodGet, Path: "/admin/version"}:            known,
	{Method: http.MethodGet, Path: "/admin/openapi.json"}:       known,
	{Method: http.MethodGet, Path: "/admin/health/config"}:      with(configScope + reading),
	{Method: http.MethodGet, Path: "/admin/metrics/prometheus"}: with(metricsScope + reading),

	{Method: http.MethodGet, Path: "/admin/identities"}:                          with(identityScope+reading).besides(showing, identityScope),
	{Method: http.MethodPost, Path: "/admin/identities"}:                         with(identityScope, registrationScope),
	{Method: http.MethodPatch, Path: "/admin/identities"}:                        with(identityScope),
	{Method: http.MethodGet, Path: "/admin/identities/:id"}:                      with(identityScope+reading).besides(showing, identityScope),
	{Method: http.MethodPut, Path: "/admin/identities/:id"}:                      with(identityScope),
	{Method: http.MethodPatch, Path: "/admin/identities/:id"}:                    with(identityScope),
	{Method: http.MethodDelete, Path: "/admin/identities/:id"}:                   with(identityScope),
	{Method: http.MethodDelete, Path: "/admin/identities/:id/credentials/:type"}: with(identityScope),
	{Method: http.MethodGet, Path: "/admin/identities/by/external/:externalID"}:  with(identityScope+reading).besides(showing, identityScope),

	{Method: http.MethodPost, Path: "/admin/recovery/code"}: with(identityScope),
	{Method: http.MethodPost, Path: "/admin/recovery/link"}: with(identityScope),
	{Method: http.MethodPost, Path: "/admin/codes"}:         with(identityScope, registrationScope),
	{Method: http.MethodPost, Path: "/admin/activations"}:   with(identityScope, registrationScope),

	{Method: http.MethodGet, Path: "/admin/identities/:id/sessions"}:    with(sessionScope + reading),
	{Method: http.MethodDelete, Path: "/admin/identities/:id/sessions"}: with(sessionScope),
	{Method: http.MethodGet, Path: "/admin/sessions"}:                   with(sessionScope + reading),
	{Method: http.MethodPost, Path: "/admin/sessions"}:                  with(sessionScope),
	{Method: http.MethodGet, Path: "/admin/sessions/:id"}:               with(sessionScope + reading),
	{Method: http.MethodDelete, Path: "/admin/sessions/:id"}:            with(sessionScope),
	{Method: http.MethodPatch, Path: "/admin/sessions/:id/extend"}:      with(sessionScope),

	{Method: http.MethodGet, Path: "/admin/courier/messages"}:              with(courierScope + reading),
	{Method: http.MethodGet, Path: "/admin/courier/messages/:id"}:          with(courierScope + reading),
	{Method: http.MethodPost, Path: "/admin/courier/messages/:id/resend"}:  with(courierScope),
	{Method: http.MethodPost, Path: "/admin/courier/messages/:id/discard"}: with(courierScope),

	{Method: http.MethodGet, Path: courier.InboxPath}:                        with(courierScope + reading),
	{Method: http.MethodGet, Path: courier.InboxPath + "/messages"}:          with(courierScope + reading),
	{Method: http.MethodGet, Path: courier.InboxPath + "/messages/:id/html"}: with(courierScope + reading),

	{Method: http.MethodGet, Path: "/admin/events"}:              with(eventsScope + reading),
	{Method: http.MethodGet, Path: "/admin/events/:id"}:          with(eventsScope + reading),
	{Method: http.MethodPost, Path: "/admin/events/:id/replay"}:  with(eventsScope),
	{Method: http.MethodPost, Path: "/admin/events/:id/discard"}: with(eventsScope),
	{Method: http.MethodPost, Path: "/admin/event-replays"}:      with(eventsScope),

	{Method: http.MethodGet, Path: "/admin/schemas"}:     with(schemaScope + reading),
	{Method: http.MethodGet, Path: "/admin/schemas/:id"}: with(schemaScope + reading),
}

// scopeNames are all there are, sorted.
func scopeNames() []string {
	all := map[string]bool{}
	for _, a := range accessTo {
		for _, s := range a.scopes {
			all[s] = true
		}
	}
	for _, s := range []string{identityScope, sessionScope, courierScope, eventsScope, schemaScope, configScope, metricsScope} {
		all[s] = true // some have nothing but what they read
	}
	return slices.Sorted(maps.Keys(all))
}

// unguarded is an error for the first route that accessTo does not know.
func unguarded(routes []web.Route) error {
	for _, r := range routes {
		if _, ok := accessTo[r]; !ok {
			return fmt.Errorf("%s %s: nothing says who may call it; accessTo in cmd/scopes.go has to", r.Method, r.Path)
		}
	}
	return nil
}
