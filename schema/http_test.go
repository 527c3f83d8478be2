package schema_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
)

// handler serves n schemas, below no prefix and below /admin.
func handler(t *testing.T, n int) (*schema.Set, func(path string) *httptest.ResponseRecorder) {
	t.Helper()
	var sources []schema.Source
	for i := range n {
		sources = append(sources, schema.Source{
			ID: fmt.Sprintf("s-%d", i), URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(property(fmt.Sprintf(`{"title":"%d"}`, i)))),
		})
	}
	set, err := (&schema.Loader{}).Load(context.Background(), "s-0", sources)
	require.NoError(t, err)
	router := web.NewRouter()
	(&schema.Handler{Set: set}).Mount(router, "")
	(&schema.Handler{Set: set}).Mount(router, "/admin")
	return set, func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
}

func TestListSchemas(t *testing.T) {
	set, get := handler(t, 5)
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
		"?page=9223372036854775807&per_page=9223372036854775807": {nil, link(0, 1000, "first") + "," + link(0, 1000, "prev") + "," + link(0, 1000, "last")},
	} {
		w := get("/schemas" + query)
		require.Equal(t, 200, w.Code)
		require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
		require.Equal(t, "5", w.Header().Get("X-Total-Count"))
		require.Equal(t, want.link, w.Header().Get("Link"), query)
		items := []map[string]any{}
		for _, i := range want.ids {
			items = append(items, map[string]any{"id": fmt.Sprintf("s-%d", i), "schema": set.All()[i].Raw})
		}
		body, err := json.Marshal(items)
		require.NoError(t, err)
		require.JSONEq(t, string(body), w.Body.String(), query)
	}
}

func TestListSchemasLinksToWhereItIs(t *testing.T) {
	_, get := handler(t, 1)
	require.Contains(t, get("/admin/schemas").Header().Get("Link"), "</admin/schemas?")
}

func TestGetSchema(t *testing.T) {
	set, get := handler(t, 2)
	for _, id := range []string{"s-1", base64.RawURLEncoding.EncodeToString([]byte("s-1")), base64.URLEncoding.EncodeToString([]byte("s-1"))} {
		for _, prefix := range []string{"", "/admin"} {
			w := get(prefix + "/schemas/" + id)
			require.Equal(t, 200, w.Code)
			require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
			require.Equal(t, string(set.Get("s-1").Raw), w.Body.String())
		}
	}
	for _, id := range []string{"s", "s-2", "%25%25", base64.RawURLEncoding.EncodeToString([]byte("s-2"))} {
		w := get("/schemas/" + id)
		require.Equal(t, 404, w.Code, id)
		require.Equal(t, "schema_not_found", w.Header().Get("Ory-Error-Id"))
	}
}
