package schema_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/schema"
)

func inline(text string) string {
	return "base64://" + base64.StdEncoding.EncodeToString([]byte(text))
}

const anyTraits = `{"type":"object","properties":{"traits":{"type":"object","properties":{"email":{"type":"string"}}}}}`

func TestMetadataIsHeldToItsSchema(t *testing.T) {
	l := &schema.Loader{AllowRef: true}
	set, err := l.Load(t.Context(), "a", []schema.Source{
		{ID: "a", URL: inline(anyTraits), MetadataPublicURL: inline(`{"definitions":{"plan":{"enum":["free","pro"]}},"type":"object","required":["plan"],
			"properties":{"plan":{"$ref":"#/definitions/plan"},"a/b":{"type":"array","items":{"type":"integer","maximum":9}}},"additionalProperties":false}`)},
		{ID: "b", URL: inline(anyTraits), MetadataAdminURL: inline(`{"type":["integer","null"]}`)},
	})
	require.NoError(t, err)
	s := set.Get("a")
	require.Empty(t, s.ValidateMetadata(nil, nil), "there may be none")
	require.Empty(t, s.ValidateMetadata(map[string]any{"plan": "pro", "a/b": []any{json.Number("9")}}, "anything"))
	for path, value := range map[string]any{
		"#/metadata_public/plan":     map[string]any{"plan": "gold"},
		"#/metadata_public/plan ":    map[string]any{},
		"#/metadata_public/a~1b/1":   map[string]any{"plan": "pro", "a/b": []any{json.Number("1"), json.Number("10")}},
		"#/metadata_public":          map[string]any{"plan": "pro", "role": "admin"},
		"#/metadata_public ":         []any{},
		"#/metadata_public  ":        "text",
		"#/metadata_public/a~1b/0  ": map[string]any{"plan": "pro", "a/b": []any{"1"}},
	} {
		found := s.ValidateMetadata(value, nil)
		require.Len(t, found, 1, path)
		require.Equal(t, strings.TrimSpace(path), found[0].Path)
	}
	require.Empty(t, set.Get("b").ValidateMetadata("anything", json.Number("7")))
	require.Equal(t, "#/metadata_admin", set.Get("b").ValidateMetadata(nil, "7")[0].Path)
	deep := any("x")
	for range 100 {
		deep = []any{deep}
	}
	require.Equal(t, "bounds", set.Get("b").ValidateMetadata(nil, deep)[0].Keyword)
}

// A schema of metadata that could not be used is told at start, with which it is.
func TestMetadataSchemasAreChecked(t *testing.T) {
	for doc, want := range map[string]string{
		`{"type":"nothing"}`: "metadata_admin_url #/type",
		`[]`:                 "metadata_admin_url #",
		`{`:                  "metadata_admin_url #",
		`{"pattern":"("}`:    "metadata_admin_url #/pattern",
		`{"$ref":"http://169.254.169.254/schema"}`: "metadata_admin_url #/$ref",
	} {
		l := &schema.Loader{AllowRef: true}
		_, err := l.Load(t.Context(), "a", []schema.Source{{ID: "a", URL: inline(anyTraits), MetadataAdminURL: inline(doc)}})
		var failed *schema.LoadError
		require.ErrorAs(t, err, &failed, doc)
		require.Equal(t, want, failed.Problems[0].Pointer, "%s", err)
	}
	_, err := (&schema.Loader{}).Load(t.Context(), "a", []schema.Source{{ID: "a", URL: inline(anyTraits), MetadataPublicURL: "file:///nowhere"}})
	require.ErrorContains(t, err, "metadata_public_url #: cannot be read")
}
