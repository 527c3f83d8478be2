package web

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Resources reads what a configuration refers to by URL: file://path or a plain
// path, base64://…, https://… and, where it is allowed, http://….
type Resources struct {
	Dir string // what relative paths ("file://./x.json" is one) start from; empty means the working directory
	// Fetch gets a remote resource. It has to guard itself against addresses it
	// must not call and to bound what it reads. Nil refuses remote ones.
	Fetch     func(ctx context.Context, url string) ([]byte, error)
	AllowHTTP bool // http:// URLs, for development
	MaxBytes  int  // of one resource
}

const resourceTimeout = 10 * time.Second

// Read returns the bytes behind a URL, at most one more than MaxBytes.
func (r Resources) Read(ctx context.Context, from string) ([]byte, error) {
	scheme, rest, ok := strings.Cut(from, "://")
	if !ok {
		return r.file(from)
	}
	switch strings.ToLower(scheme) {
	case "file":
		if path, err := url.PathUnescape(rest); err == nil {
			rest = path
		}
		return r.file(rest)
	case "base64":
		return r.decode(rest)
	case "http":
		if !r.AllowHTTP {
			return nil, errors.New("http:// is not allowed here, use https://")
		}
		return r.fetch(ctx, from)
	case "https":
		return r.fetch(ctx, from)
	}
	return nil, fmt.Errorf("scheme %q is not one of file, base64, https", scheme)
}

func (r Resources) fetch(ctx context.Context, from string) ([]byte, error) {
	if r.Fetch == nil {
		return nil, errors.New("remote sources are not allowed here")
	}
	ctx, cancel := context.WithTimeout(ctx, resourceTimeout)
	defer cancel()
	return r.Fetch(ctx, from)
}

func (r Resources) file(path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Dir, path)
	}
	// A device or a pipe would never end, and opening a pipe can block.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(r.MaxBytes)+1))
}

func (r Resources) decode(text string) ([]byte, error) {
	if len(text) > base64.StdEncoding.EncodedLen(r.MaxBytes) {
		return nil, fmt.Errorf("is larger than %d bytes", r.MaxBytes)
	}
	text = strings.TrimRight(text, "=")
	if raw, err := base64.RawStdEncoding.DecodeString(text); err == nil {
		return raw, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("is not valid base64")
	}
	return raw, nil
}

// DisplayURL shortens the URL of a resource for messages and takes passwords
// out of it.
func DisplayURL(from string) string {
	if data, ok := strings.CutPrefix(from, "base64://"); ok {
		return fmt.Sprintf("base64://… of %d characters", len(data))
	}
	if u, err := url.Parse(from); err == nil && u.User != nil {
		from = u.Redacted()
	}
	return Clip(from)
}
