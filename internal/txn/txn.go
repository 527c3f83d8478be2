// Package txn marks a context that carries an open transaction, so that slow
// things (hashing, calling out) can refuse to run inside one.
package txn

import "context"

type key struct{}

// With returns a context whose open transaction is handle.
func With(ctx context.Context, handle any) context.Context {
	return context.WithValue(ctx, key{}, handle)
}

// Handle returns the open transaction of ctx, or nil.
func Handle(ctx context.Context) any { return ctx.Value(key{}) }
