package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofrs/uuid"
)

// Middleware wraps a handler.
type Middleware func(http.Handler) http.Handler

// Chain wraps h so that the first middleware sees a request first.
func Chain(h http.Handler, ms ...Middleware) http.Handler {
	for i := len(ms) - 1; i >= 0; i-- {
		h = ms[i](h)
	}
	return h
}

// Identify gives every request an id and a logger (see RequestID and Log): the
// client's X-Request-ID if it is 1 to 128 letters, digits, '_', '.' or '-',
// else a new UUID. The response carries it.
func Identify(log *slog.Logger) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := r.Header.Get("X-Request-Id")
			if !wellFormedID(id) {
				id = uuid.Must(uuid.NewV4()).String()
			}
			w.Header().Set("X-Request-Id", id)
			ctx := context.WithValue(r.Context(), scopeKey{}, &scope{requestID: id, log: log})
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

func wellFormedID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '-') {
			return false
		}
	}
	return true
}

// Recover turns a panic into a logged 500. If the response had begun, the
// connection is cut instead, so that half an answer never looks whole.
func Recover() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := record(w, r)
			defer func() {
				cause := recover()
				if cause == nil {
					return
				}
				if cause == http.ErrAbortHandler { //nolint:errorlint // it is what was panicked with, not an error that was returned
					panic(cause)
				}
				Log(r.Context()).Error("panic", "cause", Redact(fmt.Sprint(cause)), "stack", string(debug.Stack()))
				if rec.status != 0 {
					panic(http.ErrAbortHandler)
				}
				WriteError(rec, r, fmt.Errorf("panic: %v", cause))
			}()
			next.ServeHTTP(rec, r)
		})
	}
}

// AccessLog writes a line for each request to the request's logger: method,
// route, status, duration, bytes. Of the URL only the label of the route is
// logged, which holds nothing a client chose. skipHealth leaves out /health/ and
// /admin/health/.
func AccessLog(now func() time.Time, skipHealth bool) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if skipHealth && strings.HasPrefix(strings.TrimPrefix(r.URL.Path, "/admin"), "/health/") {
				next.ServeHTTP(w, r)
				return
			}
			start := now()
			rec := record(w, r)
			next.ServeHTTP(rec, r)
			ctx := r.Context()
			Log(ctx).LogAttrs(ctx, slog.LevelInfo, "request",
				slog.String("method", method(r.Method)), slog.String("route", rec.route), slog.Int("status", rec.final()),
				slog.Duration("duration", now().Sub(start)), slog.Int64("bytes", rec.bytes))
		})
	}
}

// method returns m if it is a known one, so that no client makes up labels.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "OTHER"
}

// Headers sets what every response carries: no caching, no sniffing,
// and of our URLs only the origin to other sites. (Not "no-referrer":
// it would make browsers send "Origin: null" with forms, which Origins refuses.)
// public adds Vary: Cookie.
func Headers(public bool) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
			if public {
				h.Add("Vary", "Cookie")
			}
			next.ServeHTTP(w, r)
		})
	}
}
