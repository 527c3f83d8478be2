package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// identified returns a request that has an id and logs into the buffer.
func identified(t *testing.T, r *http.Request) (*http.Request, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.Header.Set("X-Request-ID", "req-1")
	var out *http.Request
	web.Identify(logger)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { out = r })).ServeHTTP(httptest.NewRecorder(), r)
	return out, &log
}

func TestJSON(t *testing.T) {
	w := httptest.NewRecorder()
	web.JSON(w, http.StatusCreated, map[string]string{"a": "<&>\u00e4"})
	require.Equal(t, http.StatusCreated, w.Code)
	require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	require.Equal(t, "{\"a\":\"<&>\u00e4\"}\n", w.Body.String())
	require.Equal(t, strconv.Itoa(w.Body.Len()), w.Header().Get("Content-Length"))

	w = httptest.NewRecorder()
	web.JSON(w, http.StatusOK, func() {})
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Equal(t, "internal_error", w.Header().Get("Ory-Error-Id"))
	require.True(t, json.Valid(w.Body.Bytes()))
	require.NotContains(t, w.Body.String(), "func")

	s := serve(false)
	s.router.Handle("GET", "/", func(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
		web.JSON(w, http.StatusOK, func() {})
		return nil
	})
	w = s.get("/")
	require.Equal(t, http.StatusInternalServerError, w.Code)
	id := w.Header().Get("X-Request-Id")
	require.Contains(t, w.Body.String(), id)
	require.Regexp(t, `"msg":"request refused","request_id":"`+id+`".*unsupported type: func`, s.log.String())

	w = httptest.NewRecorder()
	web.JSONBytes(w, http.StatusOK, []byte(`[]`))
	require.Equal(t, "[]", w.Body.String())
	require.Equal(t, "2", w.Header().Get("Content-Length"))
}

func TestWriteErrorEnvelope(t *testing.T) {
	r, _ := identified(t, httptest.NewRequest("GET", "/", nil))
	w := httptest.NewRecorder()
	e := fail.Wrap(errors.New("dial tcp 10.0.0.1: refused"), fail.Gone, "self_service_flow_expired", "It expired.")
	e.Details = map[string]any{"n": 1}
	e.Siblings = map[string]any{"use_flow_id": "x", "error": "must not win"}
	web.WriteError(w, r, fmt.Errorf("deep: %w", e))
	require.Equal(t, http.StatusGone, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, "self_service_flow_expired", w.Header().Get("Ory-Error-Id"))
	require.Empty(t, w.Header().Get("Retry-After"))
	require.JSONEq(t, `{"error":{"id":"self_service_flow_expired","code":410,"status":"Gone","request":"req-1","reason":"It expired.",
		"details":{"n":1},"message":"What was asked for is over."},"use_flow_id":"x"}`, w.Body.String())
}

func TestWriteErrorWhoseDetailsDoNotEncode(t *testing.T) {
	w := httptest.NewRecorder()
	e := fail.New(fail.Conflict, "taken", "It is taken.")
	e.Details = map[string]any{"f": func() {}}
	web.WriteError(w, httptest.NewRequest("GET", "/", nil), e)
	require.Equal(t, http.StatusConflict, w.Code)
	require.JSONEq(t, `{"error":{"id":"taken","code":409,"status":"Conflict","reason":"It is taken.","message":"The request conflicts with what is stored."}}`, w.Body.String())
}

func TestWriteErrorKeepsInternalsInside(t *testing.T) {
	r, log := identified(t, httptest.NewRequest("GET", "/?token=CANARY", nil))
	r.Header.Set("Cookie", "s=CANARY")
	w := httptest.NewRecorder()
	web.WriteError(w, r, errors.New(`pq: duplicate key "someone@example.com" ory_st_CANARY0123456789 Bearer CANARY at /srv/store.go:12`))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Equal(t, "internal_error", w.Header().Get("Ory-Error-Id"))
	for _, inside := range []string{"pq", "duplicate", "example.com", "store.go", "CANARY"} {
		require.NotContains(t, w.Body.String(), inside)
	}
	require.Contains(t, log.String(), "pq: duplicate key")
	require.Contains(t, log.String(), `"request_id":"req-1"`)
	for _, secret := range []string{"CANARY", "someone@", "example.com"} {
		require.NotContains(t, log.String(), secret)
	}
}

func TestWriteErrorRetryAfter(t *testing.T) {
	for _, c := range []struct {
		kind fail.Kind
		wait time.Duration
		want string
	}{
		{fail.Unavailable, 0, "1"}, {fail.Unavailable, time.Millisecond, "1"}, {fail.TooMany, 1500 * time.Millisecond, "2"},
		{fail.TooMany, time.Minute, "60"}, {fail.Conflict, time.Minute, ""}, {fail.Unavailable, -time.Hour, "1"},
	} {
		w := httptest.NewRecorder()
		web.WriteError(w, httptest.NewRequest("GET", "/", nil), &fail.Error{Kind: c.kind, ID: "overloaded", RetryAfter: c.wait})
		require.Equal(t, c.want, w.Header().Get("Retry-After"))
	}
	require.Equal(t, 1, web.RetrySeconds(nil))
}

func TestWriteErrorClientGone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r, log := identified(t, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	cancel()
	w := httptest.NewRecorder()
	web.WriteError(w, r, fmt.Errorf("store: %w", context.Canceled))
	require.Equal(t, 499, w.Code)
	require.Equal(t, "client_gone", w.Header().Get("Ory-Error-Id"))
	require.NotContains(t, log.String(), `"level":"ERROR"`)

	w = httptest.NewRecorder()
	web.WriteError(w, r, fail.New(fail.NotFound, "x", "y"))
	require.Equal(t, http.StatusNotFound, w.Code, "a decision stands, read or not")

	w = httptest.NewRecorder()
	web.WriteError(w, httptest.NewRequest("GET", "/", nil), context.Canceled)
	require.Equal(t, http.StatusInternalServerError, w.Code, "somebody else's cancellation is ours to explain")
}

func TestStatusOfEveryKind(t *testing.T) {
	want := map[fail.Kind]int{
		fail.Internal: 500, fail.BadRequest: 400, fail.Unauthenticated: 401, fail.Forbidden: 403, fail.NotFound: 404, fail.MethodNotAllowed: 405,
		fail.Conflict: 409, fail.Gone: 410, fail.Outdated: 412, fail.TooLarge: 413, fail.Navigate: 422, fail.TooMany: 429, fail.Upstream: 502, fail.Unavailable: 503, fail.Timeout: 504,
		fail.Kind(99): 500,
	}
	for kind, status := range want {
		got, inner, _ := web.Envelope(fail.New(kind, "x", ""), "")
		require.Equal(t, status, got)
		require.Equal(t, status, inner["code"])
		require.NotEmpty(t, inner["message"])
		require.NotEmpty(t, inner["status"])
		require.NotContains(t, inner, "reason")
		require.NotContains(t, inner, "request")
	}
}

func TestRedirect(t *testing.T) {
	for target, want := range map[string]string{
		"https://a.example/x?y=1&z=%20#f":              "https://a.example/x?y=1&z=%20#f",
		"https://a.example/\r\nSet-Cookie: a=b":        "https://a.example/%0D%0ASet-Cookie:%20a=b",
		"https://a.example/\u00e4\\\"<script>\x00\x7f": "https://a.example/%C3%A4%5C%22%3Cscript%3E%00%7F",
	} {
		w := httptest.NewRecorder()
		web.Redirect(w, httptest.NewRequest("POST", "/", nil), target)
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Equal(t, want, w.Header().Get("Location"))
		require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
		require.NotContains(t, w.Body.String(), "<script")
		require.NotContains(t, w.Header(), "Set-Cookie")
	}
}
