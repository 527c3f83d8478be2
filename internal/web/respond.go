package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
)

// statusClientGone is answered, to nobody but the log, when the client hung up.
const statusClientGone = 499

// outcomes gives each kind its status and the sentence every client can show.
var outcomes = map[fail.Kind]struct {
	status  int
	message string
}{
	fail.Internal:         {http.StatusInternalServerError, "Something went wrong on our side."},
	fail.BadRequest:       {http.StatusBadRequest, "The request is not acceptable as it was sent."},
	fail.Unauthenticated:  {http.StatusUnauthorized, "The request needs a valid session or credential."},
	fail.Forbidden:        {http.StatusForbidden, "The request is not allowed."},
	fail.NotFound:         {http.StatusNotFound, "What was asked for does not exist."},
	fail.MethodNotAllowed: {http.StatusMethodNotAllowed, "This address does not answer that method."},
	fail.Conflict:         {http.StatusConflict, "The request conflicts with what is stored."},
	fail.Gone:             {http.StatusGone, "What was asked for is over."},
	fail.Outdated:         {http.StatusPreconditionFailed, "The request is about an older version of what is stored."},
	fail.TooLarge:         {http.StatusRequestEntityTooLarge, "The request is too large."},
	fail.Navigate:         {http.StatusUnprocessableEntity, "The browser has to go elsewhere to continue."},
	fail.TooMany:          {http.StatusTooManyRequests, "Too many requests; try again a little later."},
	fail.Upstream:         {http.StatusBadGateway, "A service this one depends on did not answer properly."},
	fail.Unavailable:      {http.StatusServiceUnavailable, "The service is busy; try again a little later."},
	fail.Timeout:          {http.StatusGatewayTimeout, "A service this one depends on did not answer in time."},
}

const (
	jsonType  = "application/json; charset=utf-8"
	errorType = "application/json"
	htmlType  = "text/html; charset=utf-8"
)

// JSON answers with v encoded. A v that does not encode is answered as an
// internal error.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := encode(v)
	if err != nil {
		r := new(http.Request)
		if rec, ok := w.(*recorder); ok {
			r = rec.request
		}
		WriteError(w, r, fmt.Errorf("encode a response: %w", err))
		return
	}
	write(w, status, jsonType, body)
}

// JSONBytes answers with b, which is JSON already.
func JSONBytes(w http.ResponseWriter, status int, b []byte) {
	write(w, status, jsonType, b)
}

func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return buf.Bytes(), err
}

func write(w http.ResponseWriter, status int, contentType string, b []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that is gone cannot be told
}

// Envelope shapes err for a client: the status, the object under "error", and
// what stands beside it. Whatever is no *fail.Error becomes "internal_error"
// without a trace of its text.
func Envelope(err error, requestID string) (status int, inner, siblings map[string]any) {
	e := fail.As(err)
	if e == nil {
		e = &fail.Error{ID: "internal_error"}
	}
	o, ok := outcomes[e.Kind]
	if !ok {
		o = outcomes[fail.Internal]
	}
	inner = map[string]any{"code": o.status, "status": http.StatusText(o.status), "message": o.message}
	if e.ID != "" {
		inner["id"] = e.ID
	}
	if requestID != "" {
		inner["request"] = requestID
	}
	if e.Reason != "" {
		inner["reason"] = e.Reason
	}
	if len(e.Details) > 0 {
		inner["details"] = e.Details
	}
	return o.status, inner, e.Siblings
}

// WriteError answers with the error envelope and logs err: a fault of ours as an
// error, one of others we depend on or of load as a warning, the client's at
// debug level. An error of a request whose client hung up is answered 499 and
// is nobody's fault.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	status, inner, siblings := Envelope(err, RequestID(ctx))
	if errors.Is(ctx.Err(), context.Canceled) && (fail.As(err) == nil || errors.Is(err, context.Canceled)) {
		status, siblings = statusClientGone, nil
		inner = map[string]any{"id": "client_gone", "code": status, "status": "Client Closed Request", "message": "The client hung up."}
	}
	LogError(ctx, status, inner, err)

	h := w.Header()
	id, _ := inner["id"].(string)
	h.Set("Ory-Error-Id", id)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(RetrySeconds(fail.As(err))))
	}
	whole := map[string]any{}
	maps.Copy(whole, siblings)
	whole["error"] = inner
	body, encErr := encode(whole)
	if encErr != nil {
		Log(ctx).Error("an error did not encode", "error", encErr)
		delete(inner, "details")
		body, _ = encode(map[string]any{"error": inner})
	}
	write(w, status, errorType, body)
}

// RetrySeconds is the value of Retry-After for e, which may be nil: whole
// seconds, at least one.
func RetrySeconds(e *fail.Error) int {
	if e == nil {
		return 1
	}
	return max(1, int((e.RetryAfter+time.Second-1)/time.Second))
}

// LogError writes a refusal to the request's logger: what the client was told,
// and the cause without what may identify a person. The arguments are those of
// Envelope. WriteError does so itself.
func LogError(ctx context.Context, status int, inner map[string]any, err error) {
	level := slog.LevelDebug
	switch {
	case status == http.StatusInternalServerError:
		level = slog.LevelError
	case status > http.StatusInternalServerError:
		level = slog.LevelWarn
	}
	log := Log(ctx)
	if log.Enabled(ctx, level) {
		log.LogAttrs(ctx, level, "request refused",
			slog.Int("status", status), slog.Any("error_id", inner["id"]), slog.String("cause", Redact(err.Error())))
	}
}

// Redirect answers 303 to target, which the caller has checked or built from
// configuration. Bytes that have no place in a header are percent-encoded.
func Redirect(w http.ResponseWriter, _ *http.Request, target string) {
	target = escapeURL(target)
	w.Header().Set("Location", target)
	write(w, http.StatusSeeOther, htmlType, []byte(`<a href="`+html.EscapeString(target)+"\">See Other</a>.\n"))
}

// escapeURL percent-encodes what may not stand in a URL: control characters,
// spaces, backslashes, quotes and everything beyond ASCII.
func escapeURL(s string) string {
	var out strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`\"<>`, c) >= 0 {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}
