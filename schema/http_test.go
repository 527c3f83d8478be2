package schema_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/schema"
)

func handler(t *testing.T, n int) *schema.Handler {
	t.Helper()
	var sources []schema.Source
	for i := range n {
		sources = append(sources, schema.Source{
			ID: fmt.Sprintf("s/%d", i), URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(property(fmt.Sprintf(`{"title":"%d"}`, i)))),
		})
	}
	set, err := (&schema.Loader{}).Load(context.Background(), "s/0", sources)
	require.NoError(t, err)
	return &schema.Handler{Set: set}
}

func TestListSchemas(t *testing.T) {
	h := handler(t, 5)
	link := func(page, size int, rel string) string {
		return fmt.Sprintf(`</schemas?page=%[1]d&page_size=%[2]d&page_token=%[1]d&per_page=%[2]d>; rel="%[3]s"`, page, size, rel)
	}
	for query, want := range map[string]struct {
		ids  []int
		link string
	}{
		"":                          {[]int{0, 1, 2, 3, 4}, link(0, 250, "first") + "," + link(0, 250, "last")},
		"?page=0&per_page=2":        {[]int{0, 1}, link(0, 2, "first") + "," + link(1, 2, "next") + "," + link(2, 2, "last")},
		"?page_token=1&page_size=2": {[]int{2, 3}, link(0, 2, "first") + "," + link(2, 2, "next") + "," + link(0, 2, "prev") + "," + link(2, 2, "last")},
		"?page=2&per_page=2":        {[]int{4}, link(0, 2, "first") + "," + link(1, 2, "prev") + "," + link(2, 2, "last")},
		"?page=9&per_page=5":        {nil, link(0, 5, "first") + "," + link(0, 5, "prev") + "," + link(0, 5, "last")},
		"?page=-1&per_page=0":       {[]int{0, 1, 2, 3, 4}, link(0, 250, "first") + "," + link(0, 250, "last")},
		"?page=x&page_size=99999":   {[]int{0, 1, 2, 3, 4}, link(0, 1000, "first") + "," + link(0, 1000, "last")},
		"?page=9223372036854775807&per_page=9223372036854775807": {[]int{0, 1, 2, 3, 4}, link(0, 1000, "first") + "," + link(0, 1000, "last")},
	} {
		w := httptest.NewRecorder()
		require.NoError(t, h.List(w, httptest.NewRequest("GET", "/schemas"+query, nil)))
		require.Equal(t, 200, w.Code)
		require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
		require.Equal(t, "5", w.Header().Get("X-Total-Count"))
		require.Equal(t, want.link, w.Header().Get("Link"), query)
		items := []map[string]any{}
		for _, i := range want.ids {
			items = append(items, map[string]any{"id": fmt.Sprintf("s/%d", i), "schema": h.Set.All()[i].Raw})
		}
		body, err := json.Marshal(items)
		require.NoError(t, err)
		require.JSONEq(t, string(body), w.Body.String(), query)
	}
}

func TestGetSchema(t *testing.T) {
	h := handler(t, 2)
	for _, id := range []string{"s/1", base64.RawURLEncoding.EncodeToString([]byte("s/1")), base64.URLEncoding.EncodeToString([]byte("s/1"))} {
		w := httptest.NewRecorder()
		require.NoError(t, h.Get(w, nil, id))
		require.Equal(t, 200, w.Code)
		require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
		require.Equal(t, string(h.Set.Get("s/1").Raw), w.Body.String())
	}
	for _, id := range []string{"", "s", "s/2", "%%%", base64.RawURLEncoding.EncodeToString([]byte("s/2"))} {
		w := httptest.NewRecorder()
		err := fail.As(h.Get(w, nil, id))
		require.NotNil(t, err, id)
		require.Equal(t, fail.NotFound, err.Kind)
		require.Equal(t, "schema_not_found", err.ID)
		require.Zero(t, w.Body.Len())
	}
}
