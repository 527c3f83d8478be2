package web

import (
	"context"
	"log/slog"
)

type scopeKey struct{}

// scope is what a request carries through its context.
type scope struct {
	requestID string
	log       *slog.Logger
}

// RequestID returns the id under which the request of ctx is logged and
// answered, or "" outside a request.
func RequestID(ctx context.Context) string {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return s.requestID
	}
	return ""
}

// Log returns the logger of the request of ctx, which names the request in
// every line; outside a request it is slog.Default().
func Log(ctx context.Context) *slog.Logger {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok {
		return slog.Default()
	}
	return s.log.With("request_id", s.requestID)
}
