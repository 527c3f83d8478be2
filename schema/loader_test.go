package schema_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/schema"
)

func TestLoadFromEverySource(t *testing.T) {
	dir := t.TempDir()
	raw := []byte(property(`{"type":"string","title":"?>"}`))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub dir"), 0o755))
	for _, name := range []string{"x.json", "sub dir/x.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), raw, 0o644))
	}
	var fetched []string
	l := &schema.Loader{Dir: dir, AllowHTTP: true, Fetch: func(ctx context.Context, url string) ([]byte, error) {
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		require.Less(t, time.Until(deadline), time.Minute)
		fetched = append(fetched, url)
		return raw, nil
	}}
	urls := []string{
		"file://x.json", "file://./x.json", "file://sub dir/../x.json", "file://sub%20dir/x.json", "file://" + dir + "/x.json", "FILE://x.json",
		"x.json", "./sub dir/x.json", dir + "/x.json",
		"base64://" + base64.StdEncoding.EncodeToString(raw), "base64://" + base64.URLEncoding.EncodeToString(raw), "base64://" + base64.RawStdEncoding.EncodeToString(raw),
		"https://example.org/x.json", "http://example.org/x.json",
	}
	var sources []schema.Source
	for i, url := range urls {
		sources = append(sources, schema.Source{ID: string(rune('a' + i)), URL: url, Selectable: i%2 == 0})
	}
	set, err := l.Load(context.Background(), "c", sources)
	require.NoError(t, err)
	require.Len(t, set.All(), len(urls))
	for i, s := range set.All() {
		require.Equal(t, sources[i].ID, s.ID)
		require.Equal(t, sources[i].Selectable, s.Selectable)
		require.Equal(t, string(raw), string(s.Raw))
		require.Same(t, s, set.Get(s.ID))
	}
	require.Equal(t, "c", set.Default().ID)
	require.Nil(t, set.Get("unknown"))
	require.Equal(t, []string{"https://example.org/x.json", "http://example.org/x.json"}, fetched)
}

func TestLoadReportsEverythingTogether(t *testing.T) {
	dir := t.TempDir()
	write := func(name, raw string) { require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(raw), 0o644)) }
	write("good.json", property(`{"type":"string"}`))
	write("bad.json", property(`{"pattern":"(?=x)","ory.sh/kratos":{"verification":{"via":"fax"}}}`))
	write("syntax.json", "{\n  \"a\": tru\n}")
	l := &schema.Loader{Dir: dir, Fetch: func(context.Context, string) ([]byte, error) { return nil, errors.New("connection refused") }}
	set, err := l.Load(context.Background(), "default", []schema.Source{
		{ID: "good", URL: "file://good.json"}, {ID: "bad", URL: "file://bad.json"}, {ID: "bad", URL: "file://syntax.json"},
		{ID: "gone", URL: "file://gone.json"}, {ID: "dir", URL: "file://."}, {ID: "remote", URL: "https://user:secret@example.org/x"}, {ID: "plain", URL: "http://example.org/x"},
		{ID: "ftp", URL: "ftp://example.org/x"}, {ID: "b64", URL: "base64://%%%"}, {ID: "", URL: "file://good.json"},
	})
	require.Nil(t, set)
	var failed *schema.LoadError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, `identity schema "bad" (file://bad.json) #/properties/traits/properties/x/pattern: is no regular expression that Go understands (RE2): error parsing regexp: invalid or unsupported Perl syntax: `+"`(?=`"+`
identity schema "bad" (file://bad.json) #/properties/traits/properties/x/ory.sh~1kratos/verification/via: is not one of: email, sms
identity schema "bad" (file://syntax.json) #: is not valid JSON: line 2, column 11
identity schema "bad" (file://syntax.json) #: has the id of another schema
identity schema "gone" (file://gone.json) #: cannot be read: stat `+dir+`/gone.json: no such file or directory
identity schema "dir" (file://.) #: cannot be read: `+dir+` is not a regular file
identity schema "remote" (https://user:xxxxx@example.org/x) #: cannot be read: connection refused
identity schema "plain" (http://example.org/x) #: cannot be read: http:// is not allowed here, use https://
identity schema "ftp" (ftp://example.org/x) #: cannot be read: scheme "ftp" is not one of file, base64, https
identity schema "b64" (base64://… of 3 characters) #: cannot be read: is not valid base64
identity schema "" (file://good.json) #: has no id
identity schema "default" (no URL) #: is the default but not among the schemas`, failed.Error())
}

func TestLoadStopsAtWhatNeverEnds(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "big"), bytes.Repeat([]byte(" "), 3<<20), 0o644))
	endless := &schema.Loader{Dir: dir, Fetch: func(ctx context.Context, _ string) ([]byte, error) {
		return bytes.Repeat([]byte(" "), 3<<20), nil
	}}
	for url, reason := range map[string]string{
		"file:///dev/zero": "is not a regular file", "pipe": "is not a regular file",
		"big": "is larger than 1048576 bytes", "https://example.org": "is larger than 1048576 bytes",
		"base64://" + base64.StdEncoding.EncodeToString(make([]byte, 2<<20)): "is larger than 1048576 bytes",
	} {
		_, err := endless.Load(context.Background(), "s", []schema.Source{{ID: "s", URL: url}})
		require.ErrorContains(t, err, reason)
	}
}

func TestLoadRefusesWhatIsNotAllowed(t *testing.T) {
	source := func(raw string) []schema.Source {
		return []schema.Source{{ID: "s", URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(raw))}}
	}
	ref := `{"definitions":{"d":{"type":"string"}},"properties":{"traits":{"type":"object","properties":{"x":{"$ref":"#/definitions/d"}}}}}`
	_, err := (&schema.Loader{}).Load(context.Background(), "s", source(ref))
	require.ErrorContains(t, err, "#/properties/traits/properties/x/$ref: references are not allowed in identity schemas")
	_, err = (&schema.Loader{AllowRef: true}).Load(context.Background(), "s", source(ref))
	require.NoError(t, err)
	_, err = (&schema.Loader{}).Load(context.Background(), "s", []schema.Source{{ID: "s", URL: "https://example.org/x"}})
	require.ErrorContains(t, err, "remote sources are not allowed here")
	_, err = (&schema.Loader{}).Load(context.Background(), "s", nil)
	require.ErrorContains(t, err, "is the default but not among the schemas")
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mustLoad(b, person)
	}
}
