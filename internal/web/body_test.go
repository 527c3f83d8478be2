package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	limit    = 1 << 20
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
)

func decode(contentType, body string) (*web.Body, error) {
	r := httptest.NewRequest("POST", "/?method=query&traits.email=query", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return web.Decode(httptest.NewRecorder(), r, limit)
}

func requireRefused(t *testing.T, err error, kind fail.Kind, id string) *fail.Error {
	t.Helper()
	e := fail.As(err)
	require.NotNil(t, e, "%v", err)
	require.Equal(t, id, e.ID, e.Reason)
	require.Equal(t, kind, e.Kind)
	require.NotEmpty(t, e.Reason)
	return e
}

func TestDecodeNestsDottedNames(t *testing.T) {
	want := map[string]any{
		"method": "password",
		"traits": map[string]any{"email": "a@b.c", "name": map[string]any{"first": "A", "last": "B"}},
	}
	for _, body := range []string{
		`{"method":"password","traits":{"email":"a@b.c","name":{"first":"A","last":"B"}}}`,
		`{"method":"password","traits.email":"a@b.c","traits.name.first":"A","traits.name.last":"B"}`,
		`{"traits.name":{"first":"A","last":"B"},"traits.email":"a@b.c","method":"password"}`,
	} {
		b, err := decode(typeJSON+"; charset=UTF-8", body)
		require.NoError(t, err)
		require.Equal(t, want, b.Fields)
		require.JSONEq(t, `{"traits":{"email":"a@b.c","name":{"first":"A","last":"B"}}}`, string(b.Canonical("method", "absent")))
		require.Equal(t, "password", b.Fields["method"], "Canonical must not change the body")
	}
}

func TestDecodeKeepsJSONAsItIs(t *testing.T) {
	b, err := decode(typeJSON, ` {"n":12345678901234567890,"f":1.50,"e":"","b":true,"z":null,"a":[1,[],{"x.y":"k"}],"o":{}} `)
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"n": json.Number("12345678901234567890"), "f": json.Number("1.50"), "e": "", "b": true, "z": nil,
		"a": []any{json.Number("1"), []any{}, map[string]any{"x.y": "k"}}, "o": map[string]any{},
	}, b.Fields)
}

func TestDecodeFormsKeepAllValues(t *testing.T) {
	want := map[string]any{
		"method": []string{"password"}, "csrf_token": []string{"a+b/c=="},
		"traits": map[string]any{"tags": []string{"x", "", "x"}, "name": map[string]any{"first": []string{"J\u00f6rg & S\u00f6hne"}}},
	}
	var multi bytes.Buffer
	for _, kv := range [][2]string{{"method", "password"}, {"traits.tags", "x"}, {"traits.name.first", "J\u00f6rg & S\u00f6hne"}, {"traits.tags", ""}, {"csrf_token", "a+b/c=="}, {"traits.tags", "x"}} {
		fmt.Fprintf(&multi, "--B\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", kv[0], kv[1])
	}
	multi.WriteString("--B--\r\n")
	for contentType, body := range map[string]string{
		typeForm:                          "method=password&&traits.tags=x&traits.name.first=J%C3%B6rg+%26+S%C3%B6hne&traits.tags&csrf_token=a%2Bb%2Fc%3D%3D&traits.tags=x",
		"multipart/form-data; boundary=B": multi.String(),
		"application/x-www-form-urlencoded; charset=utf-8": "method=password&traits.tags=x&traits.name.first=J%C3%B6rg+%26+S%C3%B6hne&traits.tags=&csrf_token=a%2Bb%2Fc%3D%3D&traits.tags=x",
	} {
		b, err := decode(contentType, body)
		require.NoError(t, err, contentType)
		require.Equal(t, want, b.Fields, contentType)
	}
}

func TestBodyLookups(t *testing.T) {
	b, err := decode(typeForm, "a=1&a=2&traits.x=3")
	require.NoError(t, err)
	require.Equal(t, "2", b.String("a"))
	require.Equal(t, "3", b.String("traits.x"))
	require.Empty(t, b.String("traits"))
	require.Empty(t, b.String("method"), "a query parameter is no field")
	require.Empty(t, b.String("a.b.c"))
	traits, ok := b.Object("traits")
	require.True(t, ok)
	require.Equal(t, map[string]any{"x": []string{"3"}}, traits)
	_, ok = b.Object("a")
	require.False(t, ok)

	b, err = decode(typeJSON, `{"a":"x","n":1,"l":["y"]}`)
	require.NoError(t, err)
	require.Equal(t, "x", b.String("a"))
	require.Empty(t, b.String("n"))
	require.Empty(t, b.String("l"))
}

func TestCanonicalDoesNotDependOnOrder(t *testing.T) {
	a, err := decode(typeJSON, `{"b":{"y":1,"x":[2,1]},"a":"1"}`)
	require.NoError(t, err)
	b, err := decode(typeJSON, `{"a":"1","b.x":[2,1],"b.y":1}`)
	require.NoError(t, err)
	c, err := decode(typeJSON, `{"a":"1","b.x":[1,2],"b.y":1}`)
	require.NoError(t, err)
	require.Equal(t, a.Canonical(), b.Canonical())
	require.NotEqual(t, a.Canonical(), c.Canonical())
}

func TestDecodeRefusals(t *testing.T) {
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":1,`, i)
		}
		return "{" + strings.TrimSuffix(b.String(), ",") + "}"
	}
	nested := func(depth int) string { return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth) }
	cases := []struct{ id, contentType, body string }{
		{"body_empty", typeJSON, ""},
		{"body_empty", typeForm, ""},
		{"content_type_unsupported", "", "{}"},
		{"content_type_unsupported", "text/plain", "{}"},
		{"content_type_unsupported", "application/json; charset=latin1", "{}"},
		{"content_type_unsupported", "application/jsonx", "{}"},
		{"content_type_unsupported", "application/json;;=", "{}"},
		{"content_type_unsupported", "text/plain, application/json", "{}"},
		{"json_invalid", typeJSON, "{"},
		{"json_invalid", typeJSON, `{"a":1`},
		{"json_invalid", typeJSON, `{"a"}`},
		{"json_invalid", typeJSON, `{"a":1,}`},
		{"json_invalid", typeJSON, `{a:1}`},
		{"json_invalid", typeJSON, `{1:1}`},
		{"json_invalid", typeJSON, `{"a":[1,]}`},
		{"json_invalid", typeJSON, `{"a":01}`},
		{"json_invalid", typeJSON, `{"a":NaN}`},
		{"json_invalid", typeJSON, `{"a":"` + "\n" + `"}`},
		{"json_invalid", typeJSON, `{"a":1}{}`},
		{"json_invalid", typeJSON, `{"a":1} x`},
		{"json_invalid", typeJSON, "\ufeff{}"},
		{"json_invalid", typeJSON, "   "},
		{"json_not_object", typeJSON, "[]"},
		{"json_not_object", typeJSON, `"x"`},
		{"json_not_object", typeJSON, "null"},
		{"json_too_deep", typeJSON, nested(web.MaxDepth + 1)},
		{"json_too_deep", typeJSON, `{"a":` + strings.Repeat("[", web.MaxDepth) + strings.Repeat("]", web.MaxDepth) + "}"},
		{"json_too_deep", typeJSON, `{"` + strings.Repeat("a.", web.MaxDepth) + `a":1}`},
		{"json_too_deep", typeJSON, `{"a.b":` + nested(web.MaxDepth-1) + `}`},
		{"json_too_many_keys", typeJSON, keys(web.MaxKeys + 1)},
		{"json_too_many_keys", typeJSON, `{"a":` + keys(200) + `,"b":` + keys(60) + `}`},
		{"json_too_many_values", typeJSON, `{"a":[` + strings.Repeat("1,", web.MaxValues) + `1]}`},
		{"json_duplicate_key", typeJSON, `{"a":1,"a":1}`},
		{"json_duplicate_key", typeJSON, `{"a":1,"A":2}`},
		{"json_duplicate_key", typeJSON, `{"k":1,"` + "\u212a" + `":2}`},
		{"json_duplicate_key", typeJSON, `{"stra\u017fe":1,"strase":2}`},
		{"json_duplicate_key", typeJSON, `{"\u00e4":1,"\u00c4":2}`},
		{"json_duplicate_key", typeJSON, `{"a":1,"\u0061":2}`},
		{"json_duplicate_key", typeJSON, `{"t":{"x":{"a":1,"A":1}}}`},
		{"json_duplicate_key", typeJSON, `{"t":[{"a":1,"a":1}]}`},
		{"json_duplicate_key", typeJSON, `{"t.a":1,"t":{"a":1}}`},
		{"json_duplicate_key", typeJSON, `{"t":{"a":1},"t.a":1}`},
		{"json_duplicate_key", typeJSON, `{"t":{"a":1},"t.b":1}`},
		{"json_duplicate_key", typeJSON, `{"t":{"a":1},"T.b":1}`},
		{"json_duplicate_key", typeJSON, `{"t.a":1,"T.b":1}`},
		{"json_duplicate_key", typeJSON, `{"t.a":1,"t.a":1}`},
		{"json_duplicate_key", typeJSON, `{"t.a":1,"t.A":1}`},
		{"json_duplicate_key", typeJSON, `{"t.a":1,"t.a.b":1}`},
		{"json_duplicate_key", typeJSON, `{"t.a.b":1,"t.a":1}`},
		{"json_duplicate_key", typeJSON, `{"t":1,"t.a":1}`},
		{"json_key_invalid", typeJSON, `{"":1}`},
		{"json_key_invalid", typeJSON, `{"a..b":1}`},
		{"json_key_invalid", typeJSON, `{".a":1}`},
		{"json_key_invalid", typeJSON, `{"a.":1}`},
		{"json_utf8_invalid", typeJSON, "{\"a\":\"\xff\"}"},
		{"json_utf8_invalid", typeJSON, "{\"\xc3\":1}"},
		{"json_utf8_invalid", typeJSON, "{\"a\":\"\xed\xa0\x80\"}"},
		{"json_nul", typeJSON, `{"a":"x\u0000y"}`},
		{"json_nul", typeJSON, `{"a\u0000":"x"}`},
		{"json_nul", typeJSON, `{"t":{"a":["\u0000"]}}`},
		{"json_number_invalid", typeJSON, `{"a":` + strings.Repeat("9", 200) + `}`},
		{"json_number_invalid", typeJSON, `{"a":1e999999999}`},
		{"json_number_invalid", typeJSON, `{"a":1E-999999999}`},
		{"json_number_invalid", typeJSON, `{"a":1e99999999999999999999}`},
		{"form_encoding_invalid", typeForm, "a=%"},
		{"form_encoding_invalid", typeForm, "a=%zz"},
		{"form_encoding_invalid", typeForm, "%1=a"},
		{"form_utf8_invalid", typeForm, "a=%ff"},
		{"form_utf8_invalid", typeForm, "%ff=a"},
		{"form_utf8_invalid", typeForm, "a=\xff"},
		{"form_nul", typeForm, "a=x%00"},
		{"form_nul", typeForm, "a%00=x"},
		{"form_duplicate_key", typeForm, "a=1&A=1"},
		{"form_duplicate_key", typeForm, "t=1&t.a=1"},
		{"form_duplicate_key", typeForm, "t.a=1&t=1"},
		{"form_duplicate_key", typeForm, "t.a=1&T.b=1"},
		{"form_key_invalid", typeForm, "=1"},
		{"form_key_invalid", typeForm, "a..b=1"},
		{"form_too_deep", typeForm, strings.Repeat("a.", web.MaxDepth) + "a=1"},
		{"form_too_many_keys", typeForm, func() string {
			var b strings.Builder
			for i := range web.MaxKeys + 1 {
				fmt.Fprintf(&b, "k%d=1&", i)
			}
			return b.String()
		}()},
		{"form_too_many_values", typeForm, strings.Repeat("a=1&", web.MaxFormValues+1)},
		{"form_invalid", "multipart/form-data", "--B--"},
		{"form_invalid", "multipart/form-data; boundary=B", "--X\r\n"},
		{"form_invalid", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"},
		{"form_invalid", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--B--\r\n"},
		{"form_invalid", "multipart/form-data; boundary=B", "--B\r\n\r\nx\r\n--B--\r\n"},
		{"form_file_unsupported", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"\"\r\n\r\nx\r\n--B--\r\n"},
		{"form_nul", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\x00\r\n--B--\r\n"},
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%d_%s", i, c.id), func(t *testing.T) {
			b, err := decode(c.contentType, c.body)
			require.Nil(t, b)
			e := requireRefused(t, err, fail.BadRequest, c.id)
			require.Less(t, len(e.Reason), 512)
			require.NotContains(t, e.Reason, "\x00")
		})
	}
}

func TestDecodeAcceptsWhatIsJustWithinTheLimits(t *testing.T) {
	for _, body := range []string{
		strings.Repeat(`{"a":`, web.MaxDepth) + "1" + strings.Repeat("}", web.MaxDepth),
		`{"` + strings.Repeat("a.", web.MaxDepth-1) + `a":1}`,
		`{"a":[` + strings.Repeat("1,", web.MaxValues-2) + `1]}`,
		`{"a":"` + strings.Repeat("x", limit-8) + `"}`,
		`{"a":-1.5e+400}`,
	} {
		_, err := decode(typeJSON, body)
		require.NoError(t, err)
	}
}

func TestDecodeNamesWhereItFails(t *testing.T) {
	_, err := decode(typeJSON, `{"a":1,"traits":{"name":{"first":"x","First":"y"}}}`)
	require.Equal(t, "traits.name.First", requireRefused(t, err, fail.BadRequest, "json_duplicate_key").Details["name"])
	_, err = decode(typeJSON, `{"a":tru}`)
	require.EqualValues(t, 5, requireRefused(t, err, fail.BadRequest, "json_invalid").Details["offset"])
}

func TestDecodeRefusesTwoContentTypes(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	r.Header["Content-Type"] = []string{typeJSON, typeForm}
	_, err := web.Decode(httptest.NewRecorder(), r, limit)
	requireRefused(t, err, fail.BadRequest, "content_type_unsupported")
}

func TestDecodeBoundsTheBody(t *testing.T) {
	big := strings.Repeat(" ", limit) + "{}"
	_, err := decode(typeJSON, big)
	requireRefused(t, err, fail.TooLarge, "body_too_large")

	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(big))) // no length announced
	r.Header.Set("Content-Type", typeForm)
	require.EqualValues(t, -1, r.ContentLength)
	_, err = web.Decode(httptest.NewRecorder(), r, limit)
	requireRefused(t, err, fail.TooLarge, "body_too_large")

	unread := &countingReader{}
	r = httptest.NewRequest("POST", "/", unread)
	r.ContentLength = 5 << 20
	r.Header.Set("Content-Type", typeJSON)
	_, err = web.Decode(httptest.NewRecorder(), r, limit)
	requireRefused(t, err, fail.TooLarge, "body_too_large")
	require.Zero(t, unread.n, "a body announced as too large is not read")
}

type countingReader struct{ n int }

func (c *countingReader) Read(p []byte) (int, error) { c.n += len(p); return len(p), nil }

func TestDecodeTellsABrokenConnection(t *testing.T) {
	cut := errors.New("cut")
	r := httptest.NewRequest("POST", "/", iotest.ErrReader(cut))
	r.Header.Set("Content-Type", typeJSON)
	_, err := web.Decode(httptest.NewRecorder(), r, limit)
	requireRefused(t, err, fail.BadRequest, "body_unreadable")
	require.ErrorIs(t, err, cut)
}

// Hostile bodies must cost no more than a body at the limits: 50 ms of CPU and
// 8 MiB. The time allowed here is generous to machines under load.
func TestDecodeCostIsBounded(t *testing.T) {
	var hundredThousandKeys strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&hundredThousandKeys, `"%d":1,`, i)
	}
	long := strings.Repeat("k", 3900)
	var longKeys strings.Builder
	for i := range web.MaxKeys {
		fmt.Fprintf(&longKeys, `"%s%d":1,`, long, i)
	}
	deepNames := make([]string, web.MaxKeys)
	for i := range deepNames {
		deepNames[i] = fmt.Sprintf(`"n%d%s":1`, i, strings.Repeat(".a", web.MaxDepth-1))
	}
	bodies := map[string][2]string{
		"5 MB":            {typeJSON, `{"a":"` + strings.Repeat("x", 5<<20) + `"}`},
		"5 MB form":       {typeForm, "a=" + strings.Repeat("x", 5<<20)},
		"100k deep":       {typeJSON, `{"a":` + strings.Repeat("[", 100_000)},
		"100k deep names": {typeJSON, `{"a` + strings.Repeat(".a", 100_000) + `":1}`},
		"100k keys":       {typeJSON, "{" + hundredThousandKeys.String() + `"z":1}`},
		"100k form keys":  {typeForm, strings.NewReplacer(`"`, "", ":", "=", ",", "&").Replace(hundredThousandKeys.String())},
		"500k values":     {typeJSON, `{"a":[` + strings.Repeat("1,", 500_000) + `1]}`},
		"long number":     {typeJSON, `{"a":` + strings.Repeat("9", 1<<20-16) + `}`},
		"long alike keys": {typeJSON, "{" + longKeys.String() + `"z":1}`},
		"deep names":      {typeJSON, "{" + strings.Join(deepNames, ",") + "}"},
		"escapes":         {typeJSON, `{"a":"` + strings.Repeat(`\u00e4`, 174_000) + `"}`},
		"form escapes":    {typeForm, "a=" + strings.Repeat("%C3%A4", 174_000)},
		"parts":           {"multipart/form-data; boundary=B", strings.Repeat("--B\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", 20_000) + "--B--"},
		"part headers":    {"multipart/form-data; boundary=B", "--B\r\n" + strings.Repeat("a:b\r\n", 150_000) + "\r\n\r\n--B--"},
	}
	for name, c := range bodies {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			took := make([]time.Duration, 3)
			for i := range took {
				runtime.ReadMemStats(&before)
				start := time.Now()
				_, _ = decode(c[0], c[1])
				took[i] = time.Since(start)
				runtime.ReadMemStats(&after)
			}
			require.Less(t, slices.Min(took), 500*time.Millisecond)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
		})
	}
}

// Whatever is accepted is JSON for the standard decoder as well, which reads
// the same values from it.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, `{"a.b":1,"a.c":[{"x":null}]}`, `{"a":{"b":"\ud800"}}`, `{"a":1,"A":2}`, `{"a":1}x`, `{"a":"\u0000"}`,
		`{"\u212a":1,"k":1}`, "{\"a\":\"\xff\"}", `[[[[`, `{"a":1e400}`, `{"a":[1,2,]}`, `{"a"::1}`, `{"a" 1}`, `{,}`, `{"x":{"a.b":1,"a":{"b":2}}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b, err := decode(typeJSON, body)
		if err != nil {
			requireRefused(t, err, fail.As(err).Kind, fail.As(err).ID)
			return
		}
		require.True(t, json.Valid([]byte(body)), "%q", body)
		if again, err := decode(typeJSON, string(b.Canonical())); err == nil {
			require.Equal(t, b.Canonical(), again.Canonical())
		} else {
			require.NotEmpty(t, b.Fields)
			requireRefused(t, err, fail.As(err).Kind, fail.As(err).ID)
		}
		for key := range b.Fields {
			require.NotContains(t, key, ".")
		}
		if strings.Contains(body, ".") {
			return
		}
		var std map[string]any
		dec := json.NewDecoder(strings.NewReader(body))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&std))
		require.Equal(t, std, b.Fields)
	})
}

func FuzzDecodeForm(f *testing.F) {
	for _, s := range []string{"a=1", "a=1&a=2&b.c=3", "a=%", "a=%00", "%ff", "=", "&&&", "a;b=c", "a.b=1&a=2", "a+b=c+d", "A=1&a=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b, err := decode(typeForm, body)
		if err != nil {
			requireRefused(t, err, fail.As(err).Kind, fail.As(err).ID)
			return
		}
		requireLeaves(t, b.Fields, 1)
		require.True(t, json.Valid(b.Canonical()))
	})
}

func requireLeaves(t *testing.T, m map[string]any, depth int) {
	require.LessOrEqual(t, depth, web.MaxDepth)
	for k, v := range m {
		require.NotContains(t, k, ".")
		require.NotEmpty(t, k)
		if inner, ok := v.(map[string]any); ok {
			requireLeaves(t, inner, depth+1)
			continue
		}
		require.NotEmpty(t, v.([]string))
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, c := range map[string][2]string{
		"json": {typeJSON, `{"method":"password","csrf_token":"` + strings.Repeat("a", 88) + `","password":"correct horse battery","traits":{"email":"someone@example.com","name":{"first":"Some","last":"One"}}}`},
		"form": {typeForm, "method=password&csrf_token=" + strings.Repeat("a", 88) + "&password=correct+horse+battery&traits.email=someone%40example.com&traits.name.first=Some&traits.name.last=One"},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("POST", "/", http.NoBody)
			r.Header.Set("Content-Type", c[0])
			r.ContentLength = int64(len(c[1]))
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				r.Body = io.NopCloser(strings.NewReader(c[1]))
				if _, err := web.Decode(w, r, limit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
