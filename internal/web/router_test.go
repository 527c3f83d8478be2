package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

// What is put around handlers sees the route as it was registered, HEAD as the GET
// it came with, and a route without a path for what is none.
func TestAroundEveryHandler(t *testing.T) {
	r := web.NewRouter()
	var seen []web.Route
	var statuses []int
	r.Around = func(route web.Route, next web.HandlerFunc) web.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request, p web.Params) error {
			seen = append(seen, route)
			web.BeforeAnswer(w, func(status int) { statuses = append(statuses, status) })
			return next(w, req, p)
		}
	}
	made := func(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusOK) // too late
		return nil
	}
	r.Handle(http.MethodGet, "/things/:id", made)
	r.HandleFirst(http.MethodGet, "/things/first", made)
	for _, one := range []string{"GET /things/x", "HEAD /things/x", "GET /things/first", "POST /things/x", "GET /nowhere"} {
		method, path, _ := strings.Cut(one, " ")
		r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	thing := web.Route{Method: http.MethodGet, Path: "/things/:id"}
	require.Equal(t, []web.Route{thing, thing, {Method: http.MethodGet, Path: "/things/first"}, {}, {}}, seen)
	require.Equal(t, []int{201, 201, 201, 405, 404}, statuses)
}
