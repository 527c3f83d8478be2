package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func sending(body, media string) (http.ResponseWriter, *http.Request) {
	r := httptest.NewRequest("PATCH", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	return httptest.NewRecorder(), r
}

func TestDecodeEntries(t *testing.T) {
	entries := func(body string) ([]json.RawMessage, error) {
		w, r := sending(body, "application/json")
		return web.DecodeEntries(w, r, 1<<10, "list", 3)
	}
	got, err := entries(` {"list": [ {"a":1,"a":2} , null, "\ud800" ] } `)
	require.NoError(t, err, "what an entry is, is looked at later")
	require.Equal(t, []json.RawMessage{json.RawMessage(`{"a":1,"a":2}`), json.RawMessage(`null`), json.RawMessage(`"\ud800"`)}, got)
	for _, none := range []string{`{}`, `{"list":[]}`} {
		got, err = entries(none)
		require.NoError(t, err)
		require.Empty(t, got)
	}
	for body, id := range map[string]string{
		`{"list":[1,2,3,4]}`: "batch_too_large", `{"List":[]}`: "field_unknown", `{"list":[],"list":[]}`: "json_duplicate_key",
		`{"list":{}}`: "body_invalid", `{"list":null}`: "body_invalid", `[]`: "body_invalid", `7`: "body_invalid",
		`{"list":[1,]}`: "json_invalid", `{"list":[1]`: "json_invalid", `{"list":[1]} {}`: "json_invalid", `{"list":[{]}`: "json_invalid",
		`{1:2}`: "json_invalid", ``: "body_empty",
	} {
		_, err := entries(body)
		requireRefused(t, err, fail.BadRequest, id)
	}
	_, err = entries(`{"list":["` + strings.Repeat("x", 1<<10) + `"]}`)
	requireRefused(t, err, fail.TooLarge, "body_too_large")
}

func TestDecodeArray(t *testing.T) {
	array := func(body, media string) ([]any, error) {
		w, r := sending(body, media)
		return web.DecodeArray(w, r, 1<<20, "application/json-patch+json")
	}
	for _, media := range []string{"application/json", "application/json-patch+json; charset=utf-8"} {
		got, err := array(`[{"a":1.50},[]]`, media)
		require.NoError(t, err)
		require.Equal(t, []any{map[string]any{"a": json.Number("1.50")}, []any{}}, got)
	}
	for body, id := range map[string]string{
		`{}`: "body_invalid", `[{"a":1,"A":2}]`: "json_duplicate_key", `[1`: "json_invalid", `[1]x`: "json_invalid", `["\ud800"]`: "json_surrogate_invalid",
		"[\"\xff\"]": "json_utf8_invalid", `["\u0000"]`: "json_nul", `[1e999]`: "json_number_invalid",
		strings.Repeat("[", 100) + strings.Repeat("]", 100): "json_too_deep", "[" + strings.Repeat("1,", 3000) + "1]": "json_too_many_values",
	} {
		_, err := array(body, "application/json")
		requireRefused(t, err, fail.BadRequest, id)
	}
	for _, media := range []string{"", "text/plain", "application/json; charset=latin1", "application/merge-patch+json"} {
		_, err := array(`[]`, media)
		requireRefused(t, err, fail.BadRequest, "content_type_unsupported")
	}
}
