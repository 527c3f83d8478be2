package schema

import (
	"context"

	"github.com/foyer-id/foyer/internal/web"
)

// Source says where one schema comes from.
type Source struct {
	ID         string
	URL        string // see web.Resources; relative paths start at Loader.Dir
	Selectable bool

	// What metadata is held to; empty for nothing.
	MetadataPublicURL, MetadataAdminURL string
}

// read returns the bytes behind a URL, at most one more than maxBytes.
func (l *Loader) read(ctx context.Context, from string) ([]byte, error) {
	return web.Resources{Dir: l.Dir, Fetch: l.Fetch, AllowHTTP: l.AllowHTTP, MaxBytes: maxBytes}.Read(ctx, from)
}
