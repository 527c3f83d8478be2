package schema

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

	"github.com/foyer-id/foyer/internal/web"
)

// Source says where one schema comes from.
type Source struct {
	ID string
	// URL is file://path, a plain path, base64://…, https://… or, where the
	// loader allows it, http://…. A relative path ("file://./x.json" is one)
	// starts at Loader.Dir.
	URL        string
	Selectable bool
}

const fetchTimeout = 10 * time.Second

// read returns the bytes behind a URL, at most one more than maxBytes.
func (l *Loader) read(ctx context.Context, from string) ([]byte, error) {
	scheme, rest, ok := strings.Cut(from, "://")
	if !ok {
		return l.file(from)
	}
	switch strings.ToLower(scheme) {
	case "file":
		if path, err := url.PathUnescape(rest); err == nil {
			rest = path
		}
		return l.file(rest)
	case "base64":
		return decode(rest)
	case "http":
		if !l.AllowHTTP {
			return nil, errors.New("http:// is not allowed here, use https://")
		}
		return l.fetch(ctx, from)
	case "https":
		return l.fetch(ctx, from)
	}
	return nil, fmt.Errorf("scheme %q is not one of file, base64, https", scheme)
}

func (l *Loader) fetch(ctx context.Context, from string) ([]byte, error) {
	if l.Fetch == nil {
		return nil, errors.New("remote schemas are not allowed here")
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	return l.Fetch(ctx, from)
}

func (l *Loader) file(path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.Dir, path)
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
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

func decode(text string) ([]byte, error) {
	if len(text) > base64.StdEncoding.EncodedLen(maxBytes) {
		return nil, errors.New(tooLarge.Reason)
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

// display shortens a URL for messages and takes passwords out of it.
func display(from string) string {
	if data, ok := strings.CutPrefix(from, "base64://"); ok {
		return fmt.Sprintf("base64://… of %d characters", len(data))
	}
	if u, err := url.Parse(from); err == nil && u.User != nil {
		from = u.Redacted()
	}
	return web.Clip(from)
}
