package web

import (
	"context"
	"slices"
	"sync"

	"github.com/gofrs/uuid"
)

// Caller is who calls the admin API.
type Caller struct {
	Name   string   // as the operator calls them, or the issuer of their token
	By     string   // how they proved it: "token", "jwt" or "mtls"; "none" where nobody is asked
	Scopes []string // what they may do; "*" is everything
}

// Anyone is the caller where nobody is asked who they are.
var Anyone = Caller{Name: "anyone", By: "none", Scopes: []string{"*"}}

// May reports whether c has one of scopes. A scope holds its own reading part:
// who has "courier" has "courier.read".
func (c Caller) May(scopes ...string) bool {
	return slices.ContainsFunc(c.Scopes, func(has string) bool {
		return has == "*" || slices.Contains(scopes, has) || slices.Contains(scopes, has+".read")
	})
}

type callKey struct{}

// call is what is known of a request to the admin API.
type call struct {
	caller Caller

	mu    sync.Mutex
	about []uuid.UUID
	noted map[uuid.UUID]bool // those in about
}

// WithCaller returns ctx for a request that c makes.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callKey{}, &call{caller: c, noted: map[uuid.UUID]bool{}})
}

// CallerOf returns who calls the admin API in ctx; ok is false elsewhere, as in
// what people do by themselves.
func CallerOf(ctx context.Context) (c Caller, ok bool) {
	in, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return Caller{}, false
	}
	return in.caller, true
}

// Concern notes that a call of the admin API is about the identity with this id,
// for the record that is kept of it. Anywhere else it does nothing.
func Concern(ctx context.Context, id uuid.UUID) {
	in, ok := ctx.Value(callKey{}).(*call)
	if !ok || id == uuid.Nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.noted[id] {
		in.about, in.noted[id] = append(in.about, id), true
	}
}

// Concerned returns what Concern has noted, each once, in that order.
func Concerned(ctx context.Context) []uuid.UUID {
	in, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.about)
}
