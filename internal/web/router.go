package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/foyer-id/foyer/internal/fail"
)

// Params are the named parts of a matched path.
type Params httprouter.Params

// ByName returns the part called name, "" if the route has none.
func (p Params) ByName(name string) string { return httprouter.Params(p).ByName(name) }

// HandlerFunc answers a request or returns why it did not; having returned an
// error it must not have written anything.
type HandlerFunc func(w http.ResponseWriter, r *http.Request, p Params) error

// Router finds the handler of a path. It never redirects to a similar path and
// never answers OPTIONS by itself; what it does not know it refuses in JSON.
// Fields are set before the first request.
type Router struct {
	// Observe, if not nil, is told of every answered request: the route as it
	// was registered ("unmatched" for 404 and 405), never the path itself.
	Observe func(route, method string, status int, d time.Duration)
	// Now is the clock of Observe and needed with it.
	Now func() time.Time
	// Around, if not nil, is put around every handler. Those that refuse what is no
	// route have a Route without a path.
	Around func(route Route, h HandlerFunc) HandlerFunc

	tree    *httprouter.Router
	special map[Route]httprouter.Handle
	under   []under
	routes  []Route
}

// Route is one address as it was registered.
type Route struct{ Method, Path string }

// NewRouter returns a router without routes.
func NewRouter() *Router {
	r := &Router{tree: httprouter.New(), special: map[Route]httprouter.Handle{}}
	r.tree.RedirectTrailingSlash = false
	r.tree.RedirectFixedPath = false
	r.tree.HandleOPTIONS = false
	r.tree.NotFound = r.miss(fail.New(fail.NotFound, "route_not_found", "There is nothing at this address."))
	r.tree.MethodNotAllowed = r.miss(fail.New(fail.MethodNotAllowed, "method_not_allowed", "This address does not answer this method; the header Allow lists those it does."))
	return r
}

// Handle registers h for a path like "/schemas/:id". A GET route answers HEAD
// too, without a body. It panics on a path that collides with an earlier one.
func (r *Router) Handle(method, path string, h HandlerFunc) {
	route := Route{Method: method, Path: path}
	handle := r.handle(route, h)
	r.tree.Handle(method, path, handle)
	r.routes = append(r.routes, route)
	if method == http.MethodGet {
		r.tree.Handle(http.MethodHead, path, handle)
	}
}

// HandleFirst registers h for one path that a path with a named part, which
// Handle has registered or will, would answer too. A path that ends in a named
// part itself stands for all that begin so: the part is the rest, slashes and all.
func (r *Router) HandleFirst(method, path string, h HandlerFunc) {
	route := Route{Method: method, Path: path}
	handle := r.handle(route, h)
	r.routes = append(r.routes, route)
	if prefix, name, ok := strings.Cut(path, ":"); ok {
		r.under = append(r.under, under{method, prefix, name, handle})
		return
	}
	r.special[route] = handle
}

// under are the paths that begin with prefix.
type under struct {
	method, prefix, name string
	handle               httprouter.Handle
}

func (u under) answers(req *http.Request) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(req.URL.Path, u.prefix)
	return rest, ok && rest != "" && (req.Method == u.method || req.Method == http.MethodHead && u.method == http.MethodGet)
}

func (r *Router) handle(route Route, h HandlerFunc) httprouter.Handle {
	return func(w http.ResponseWriter, req *http.Request, ps httprouter.Params) {
		r.serve(w, req, route, Params(ps), h)
	}
}

// Routes lists what was registered, in that order. The HEAD that comes with a
// GET is not listed.
func (r *Router) Routes() []Route { return slices.Clone(r.routes) }

func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rec := record(w, req)
	if h, ok := r.special[Route{Method: req.Method, Path: req.URL.Path}]; ok {
		h(rec, req, nil)
		return
	}
	for _, u := range r.under {
		if rest, ok := u.answers(req); ok {
			u.handle(rec, req, httprouter.Params{{Key: u.name, Value: rest}})
			return
		}
	}
	r.tree.ServeHTTP(rec, req)
}

func (r *Router) miss(refusal *fail.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if allow := w.Header().Get("Allow"); allow != "" {
			// The library names OPTIONS always, though nobody here answers it.
			w.Header().Set("Allow", strings.TrimPrefix(strings.ReplaceAll(", "+allow, ", OPTIONS", ""), ", "))
		}
		r.serve(w, req, Route{}, nil, func(http.ResponseWriter, *http.Request, Params) error { return refusal })
	})
}

func (r *Router) serve(w http.ResponseWriter, req *http.Request, route Route, ps Params, h HandlerFunc) {
	rec := record(w, req)
	rec.route = route.Path
	if rec.route == "" {
		rec.route = "unmatched"
	}
	if r.Around != nil {
		h = r.Around(route, h)
	}
	if r.Observe != nil {
		start := r.Now()
		defer func() {
			status := rec.final()
			if rec.status == 0 && rec.panicking {
				status = http.StatusInternalServerError
			}
			r.Observe(rec.route, method(req.Method), status, r.Now().Sub(start))
		}()
	}
	rec.panicking = true
	if err := h(rec, req, ps); err != nil {
		WriteError(rec, req, err)
	}
	rec.panicking = false
}
