package web_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

type server struct {
	http.Handler
	router *web.Router
	log    bytes.Buffer
	clock  clock
}

// serve builds the usual chain around a router.
func serve(skipHealth bool) *server {
	s := &server{router: web.NewRouter(), clock: clock{t: time.Unix(1_700_000_000, 0)}}
	log := slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.Handler = web.Chain(s.router, web.Identify(log), web.AccessLog(s.clock.Now, skipHealth), web.Recover(), web.Headers(true))
	return s
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *server) get(path string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest("GET", path, nil))
}

func TestRequestID(t *testing.T) {
	s := serve(false)
	var seen string
	s.router.Handle("GET", "/", func(w http.ResponseWriter, r *http.Request, _ web.Params) error {
		seen = web.RequestID(r.Context())
		return nil
	})
	for id, kept := range map[string]bool{
		"abc-DEF_1.2": true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false, "": false, "a b": false,
		"a\r\nSet-Cookie: x=y": false, "a\x00": false, "\u00e4": false, "a/b": false, "<script>": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Request-Id"] = []string{id}
		w := s.do(r)
		got := w.Header().Get("X-Request-ID")
		require.Equal(t, seen, got)
		if kept {
			require.Equal(t, id, got)
		} else {
			require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, got)
		}
	}
	require.Empty(t, web.RequestID(t.Context()))
	require.Equal(t, slog.Default(), web.Log(t.Context()))
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	s := serve(false)
	s.router.Handle("GET", "/boom", func(http.ResponseWriter, *http.Request, web.Params) error { panic("boom") })
	s.router.Handle("GET", "/fine", func(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
		web.JSON(w, 200, 1)
		return nil
	})
	for _, path := range []string{"/fine", "/boom", "/nothing"} {
		h := s.get(path).Header()
		require.Equal(t, "private, no-cache, no-store, must-revalidate", h.Get("Cache-Control"))
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "strict-origin-when-cross-origin", h.Get("Referrer-Policy"))
		require.Equal(t, []string{"Cookie"}, h.Values("Vary"))
	}
	w := httptest.NewRecorder()
	web.Chain(s.router, web.Headers(false)).ServeHTTP(w, httptest.NewRequest("GET", "/fine", nil))
	require.Empty(t, w.Header().Values("Vary"))
}

func TestRecover(t *testing.T) {
	s := serve(false)
	s.router.Handle("GET", "/boom", func(http.ResponseWriter, *http.Request, web.Params) error { panic("secret someone@example.com inside") })
	s.router.Handle("GET", "/half", func(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
		_, _ = w.Write([]byte("{"))
		panic("too late")
	})
	s.router.Handle("GET", "/abort", func(http.ResponseWriter, *http.Request, web.Params) error { panic(http.ErrAbortHandler) })

	w := s.get("/boom")
	require.Equal(t, 500, w.Code)
	require.Equal(t, "internal_error", w.Header().Get("Ory-Error-Id"))
	require.NotContains(t, w.Body.String(), "secret")
	require.NotContains(t, w.Body.String(), ".go")
	require.Contains(t, s.log.String(), "middleware_test.go", "the stack is logged")
	require.NotContains(t, s.log.String(), "someone@example.com")

	require.PanicsWithValue(t, http.ErrAbortHandler, func() { s.get("/half") })
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { s.get("/abort") })
}

func TestAccessLogKeepsQuiet(t *testing.T) {
	s := serve(true)
	s.router.Handle("POST", "/flows/:id", func(w http.ResponseWriter, r *http.Request, p web.Params) error {
		s.clock.t = s.clock.t.Add(3 * time.Millisecond)
		web.JSON(w, 201, p.ByName("id"))
		return nil
	})
	alive := func(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
		web.JSON(w, 200, 1)
		return nil
	}
	s.router.Handle("GET", "/health/alive", alive)
	s.router.Handle("GET", "/admin/health/alive", alive)
	r := httptest.NewRequest("POST", "/flows/CANARY-path?token=CANARY-query", strings.NewReader("CANARY-body"))
	r.Header.Set("Cookie", "a=CANARY-cookie")
	r.Header.Set("Authorization", "Bearer CANARY-token")
	r.Header.Set("X-Request-ID", "r1")
	s.do(r)
	require.NotContains(t, s.log.String(), "CANARY")
	var line map[string]any
	require.NoError(t, json.Unmarshal(s.log.Bytes(), &line))
	delete(line, "time")
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "request", "request_id": "r1", "method": "POST", "route": "/flows/:id",
		"status": 201.0, "bytes": 14.0, "duration": 3e6,
	}, line)

	s.log.Reset()
	s.get("/health/alive")
	s.get("/admin/health/alive")
	require.Empty(t, s.log.String())
	s.do(httptest.NewRequest("CANARY", "/CANARY", nil))
	require.NotContains(t, s.log.String(), "CANARY")
	require.Contains(t, s.log.String(), `"method":"OTHER","route":"unmatched","status":404`)
}

func TestRouterRefusesInJSON(t *testing.T) {
	s := serve(false)
	h := func(w http.ResponseWriter, _ *http.Request, _ web.Params) error { web.JSON(w, 200, 1); return nil }
	s.router.Handle("GET", "/a", h)
	s.router.Handle("POST", "/a", h)
	s.router.Handle("GET", "/a/:id", h)
	s.router.Handle("DELETE", "/b", h)

	for _, path := range []string{"/nothing", "/a/", "/A", "//a", "/a/../a", "/a/x/y", "/%61%2f"} {
		w := s.get(path)
		require.Equal(t, 404, w.Code, path)
		require.Equal(t, "route_not_found", w.Header().Get("Ory-Error-Id"), path)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		require.Empty(t, w.Header().Get("Location"), "no redirect to a similar path")
	}
	for _, c := range [][3]string{{"PUT", "/a", "GET, HEAD, POST"}, {"OPTIONS", "/a", "GET, HEAD, POST"}, {"GET", "/b", "DELETE"}, {"HEAD", "/b", "DELETE"}} {
		w := s.do(httptest.NewRequest(c[0], c[1], nil))
		require.Equal(t, 405, w.Code)
		require.Equal(t, c[2], w.Header().Get("Allow"))
		require.Equal(t, "method_not_allowed", w.Header().Get("Ory-Error-Id"))
	}
}

func TestRouterPutsOnePathFirst(t *testing.T) {
	s := serve(false)
	say := func(what string) web.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request, p web.Params) error {
			web.JSON(w, 200, what+p.ByName("id"))
			return nil
		}
	}
	s.router.Handle("DELETE", "/a/:id", say("one of "))
	s.router.HandleFirst("DELETE", "/a/first", say("first"))
	for path, want := range map[string]string{"/a/first": "first", "/a/second": "one of second", "/a/First": "one of First"} {
		require.Equal(t, `"`+want+"\"\n", s.do(httptest.NewRequest("DELETE", path, nil)).Body.String())
	}
	require.Equal(t, 405, s.get("/a/first").Code)
	require.Equal(t, []web.Route{{Method: "DELETE", Path: "/a/:id"}, {Method: "DELETE", Path: "/a/first"}}, s.router.Routes())
}

func TestRouterPutsPathsUnderOneFirst(t *testing.T) {
	s := serve(false)
	say := func(what string) web.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request, p web.Params) error {
			web.JSON(w, 200, what+p.ByName("id"))
			return nil
		}
	}
	s.router.Handle("GET", "/a/:id", say("one of "))
	s.router.Handle("GET", "/a/:id/b", say("b of "))
	s.router.HandleFirst("GET", "/a/by/:id", say("under "))
	for path, want := range map[string]string{"/a/x": "one of x", "/a/x/b": "b of x", "/a/by/b": "under b", "/a/by/c/d%2Fe/": "under c/d/e/", "/a/by": "one of by"} {
		require.Equal(t, `"`+want+"\"\n", s.get(path).Body.String())
		require.Equal(t, 200, s.do(httptest.NewRequest("HEAD", path, nil)).Code)
	}
	require.Equal(t, 404, s.get("/a/by/").Code)
	require.Equal(t, 404, s.do(httptest.NewRequest("DELETE", "/a/by/c", nil)).Code)
	require.Contains(t, s.router.Routes(), web.Route{Method: "GET", Path: "/a/by/:id"})
}

func TestRouterAnswersHeadLikeGet(t *testing.T) {
	s := serve(false)
	s.router.Handle("GET", "/a", func(w http.ResponseWriter, _ *http.Request, _ web.Params) error { web.JSON(w, 200, "body"); return nil })
	w := s.do(httptest.NewRequest("HEAD", "/a", nil))
	require.Equal(t, 200, w.Code)
	require.Empty(t, w.Body.String())
	require.Equal(t, s.get("/a").Header().Get("Content-Length"), w.Header().Get("Content-Length"))
}

func TestRouterObserver(t *testing.T) {
	type seen struct {
		route, method string
		status        int
		d             time.Duration
	}
	var all []seen
	s := serve(false)
	s.router.Now = s.clock.Now
	s.router.Observe = func(route, method string, status int, d time.Duration) {
		all = append(all, seen{route, method, status, d})
	}
	s.router.Handle("GET", "/a/:id", func(w http.ResponseWriter, _ *http.Request, p web.Params) error {
		s.clock.t = s.clock.t.Add(time.Second)
		if p.ByName("id") == "panic" {
			panic("x")
		}
		return fail.New(fail.Conflict, "taken", p.ByName("id"))
	})
	s.router.Handle("GET", "/silent", func(http.ResponseWriter, *http.Request, web.Params) error { return nil })
	require.Equal(t, 409, s.get("/a/1").Code)
	require.Equal(t, 500, s.get("/a/panic").Code)
	require.Equal(t, 200, s.get("/silent").Code)
	require.Equal(t, 404, s.do(httptest.NewRequest("MADEUP", "/x", nil)).Code)
	require.Equal(t, []seen{
		{"/a/:id", "GET", 409, time.Second}, {"/a/:id", "GET", 500, time.Second}, {"/silent", "GET", 200, 0}, {"unmatched", "OTHER", 404, 0},
	}, all)
}

func BenchmarkChain(b *testing.B) {
	router := web.NewRouter()
	body := []byte(`{}`)
	router.Handle("GET", "/sessions/whoami", func(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
		web.JSONBytes(w, 200, body)
		return nil
	})
	h := web.Chain(router, web.Identify(slog.New(slog.DiscardHandler)), web.AccessLog(time.Now, true), web.Recover(), web.Headers(true))
	r := httptest.NewRequest("GET", "/sessions/whoami", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
