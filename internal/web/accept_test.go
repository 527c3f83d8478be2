package web_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

func TestWantsJSON(t *testing.T) {
	cases := map[string]bool{
		"": false, "*/*": false, "text/html": false, "text/*": false, "application/json": true, "application/*": true,
		"Application/JSON; charset=utf-8": true, "application/json, text/plain, */*": true, "text/html, application/json": false,
		"application/json, text/html": false, "application/json, */*;q=0.1": true, "text/html;q=0.5, application/json": true,
		"text/html, application/json;q=0.9": false, "application/json;q=0": false, "application/json;q=0, */*": false,
		"text/html;q=0, */*": true, "text/html;q=0.1, */*;q=0.5": true, "text/*;q=0.3, application/json;q=0.3": true,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": false,
		"application/json;q=2": false, "application/json;q=x": false, "application/json;q=NaN": false, "application/json;v=1;q=0.5, text/html;q=0.4": true,
		"image/png": false, "application/jsonp": false, ",,,": false, ";": false,
	}
	for accept, want := range cases {
		r := httptest.NewRequest("GET", "/", nil)
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		require.Equal(t, want, web.WantsJSON(r), "%q", accept)
		require.Equal(t, want, web.IsJSON(r), "%q", accept)
		r.Header.Set("Content-Type", "application/json")
		require.Equal(t, want, web.WantsJSON(r), "the type of the body does not count: %q", accept)
		require.True(t, web.IsJSON(r), "%q", accept)
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		require.Equal(t, want, web.IsJSON(r), "only the exact type counts: %q", accept)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Accept"] = []string{"text/html;q=0.2", "application/json"}
	require.True(t, web.WantsJSON(r), "lines of a header add up")
}
