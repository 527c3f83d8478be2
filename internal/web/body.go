package web

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/foyer-id/foyer/internal/fail"
)

// Limits of every body besides its size. They are checked while reading, so a
// body beyond one costs no more than a body at it.
const (
	MaxDepth      = 32   // objects and arrays inside each other, the body itself included
	MaxKeys       = 256  // names in the whole body
	MaxValues     = 2048 // values in a JSON body, array elements included
	MaxFormValues = 1024 // values in a form, repeated names included
)

// Body is a decoded request body. A dotted name at its top level stands for
// nested ones: "traits.name.first" and {"traits":{"name":{"first":…}}} decode
// to the same Fields, from JSON and from forms.
type Body struct {
	// Fields holds map[string]any, []any, string, bool, nil and json.Number
	// where the body was JSON; from a form every leaf is a []string with all
	// values of the name in their order.
	Fields map[string]any
}

// DecodeJSON is Decode for callers that send JSON and nothing else.
func DecodeJSON(w http.ResponseWriter, r *http.Request, limit int64) (*Body, error) {
	if media, _, err := contentType(r); err == nil && media != "application/json" {
		return nil, fail.New(fail.BadRequest, "content_type_unsupported", "The Content-Type must be application/json, in UTF-8.")
	}
	return Decode(w, r, limit)
}

// Decode reads the body of r, at most limit bytes of it. Query parameters are
// never looked at. All errors are *fail.Error: 413 body_too_large, else 400
// with an id for the reason; a cancelled request's read error is wrapped.
func Decode(w http.ResponseWriter, r *http.Request, limit int64) (*Body, error) {
	media, params, err := contentType(r)
	if err != nil {
		return nil, err
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, fail.New(fail.BadRequest, "content_encoding_unsupported", "The body is sent with a Content-Encoding; send it as it is.")
	}
	raw, err := readAll(w, r, limit)
	if err != nil {
		return nil, err
	}
	switch {
	case len(raw) == 0:
		return nil, fail.New(fail.BadRequest, "body_empty", "The request has no body.")
	case media == "application/json":
		return ParseJSON(raw)
	case media == "multipart/form-data":
		return decodeMultipart(raw, params["boundary"])
	default:
		return decodeForm(string(raw))
	}
}

func contentType(r *http.Request) (string, map[string]string, error) {
	refuse := func() (string, map[string]string, error) {
		return "", nil, fail.New(fail.BadRequest, "content_type_unsupported",
			"The Content-Type must be application/json, application/x-www-form-urlencoded or multipart/form-data, in UTF-8.")
	}
	lines := r.Header["Content-Type"]
	if len(lines) != 1 {
		return refuse()
	}
	media, params, err := mime.ParseMediaType(lines[0])
	if err != nil {
		return refuse()
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return refuse()
	}
	switch media {
	case "application/json", "application/x-www-form-urlencoded", "multipart/form-data":
		return media, params, nil
	}
	return refuse()
}

func readAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	// A declared length is only a claim: thousands of clients that promise a
	// megabyte and send nothing must not make the server reserve it. So the
	// buffer starts small and grows fourfold: 1.4 MiB for a body of one, where
	// io.ReadAll takes 2.2 and a bytes.Buffer 4.2.
	buf := make([]byte, 0, min(max(r.ContentLength+1, 512), 16<<10))
	body := http.MaxBytesReader(w, r.Body, limit)
	for {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(4*int64(cap(buf)), max(limit+1, int64(cap(buf))+512))), buf...)
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
			return nil, tooLarge(limit)
		}
		if err != nil {
			return nil, fail.Wrap(err, fail.BadRequest, "body_unreadable", "The request body ended before it was complete.")
		}
	}
}

func tooLarge(limit int64) error {
	e := fail.New(fail.TooLarge, "body_too_large", "The request body is larger than this endpoint accepts.")
	e.Details = map[string]any{"limit_bytes": limit}
	return e
}

// String returns the string at key, which may be dotted: the JSON string or
// the last form value. It is "" when there is none, or something else.
func (b *Body) String(key string) string {
	switch v := b.lookup(key).(type) {
	case string:
		return v
	case []string:
		if len(v) > 0 {
			return v[len(v)-1]
		}
	}
	return ""
}

// Object returns the object at key, which may be dotted. It is the body's
// own map, not a copy.
func (b *Body) Object(key string) (map[string]any, bool) {
	m, ok := b.lookup(key).(map[string]any)
	return m, ok
}

func (b *Body) lookup(key string) any {
	m := b.Fields
	for {
		name, rest, dotted := strings.Cut(key, ".")
		v := m[name]
		if !dotted {
			return v
		}
		next, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		m, key = next, rest
	}
}

// Canonical returns one and the same JSON for equal bodies, whatever order
// their names came in, without the top-level names in except. It holds what
// the body holds, secrets included: for digests, never for storing.
func (b *Body) Canonical(except ...string) []byte {
	fields := maps.Clone(b.Fields)
	for _, k := range except {
		delete(fields, k)
	}
	// Fields hold only what decoding made, which always encodes.
	out, _ := json.Marshal(fields)
	return out
}

// invalidUTF8 returns the offset of the first byte that is no UTF-8, or -1.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// Plain copies a value of a body into JSON values: of a form's repeated key
// the last value counts.
func Plain(v any) any {
	switch v := v.(type) {
	case []string:
		if len(v) == 0 {
			return ""
		}
		return v[len(v)-1]
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = Plain(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = Plain(item)
		}
		return out
	}
	return v
}
