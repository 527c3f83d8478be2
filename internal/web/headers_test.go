package web_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

func TestHooksAreToldListedHeaders(t *testing.T) {
	const hidden = "hidden"
	secret := []string{"Cookie", "Authorization", "Proxy-Authorization", "X-Session-Token", "X-Session-Cookie", "Set-Cookie", "X-CSRF-Token", "X-XSRF-Token"}
	h := http.Header{"User-Agent": {"a"}, "Accept": {"b", "c"}, "X-Own": {"d"}, "Empty": {}}
	for _, name := range secret {
		h.Set(name, hidden)
	}
	require.Equal(t, map[string][]string{"User-Agent": {"a"}, "Accept": {"b", "c"}}, web.AllowedHeaders(h, web.HookHeaders()))
	all := []string{"user-agent", "X-OWN", "x-missing", "empty", "*"}
	for _, name := range secret {
		all = append(all, name, http.CanonicalHeaderKey(name), "x-session-TOKEN", "cookie", "AUTHORIZATION")
	}
	got := web.AllowedHeaders(h, all)
	require.Equal(t, map[string][]string{"User-Agent": {"a"}, "X-Own": {"d"}}, got, "listed or not")
	got["User-Agent"][0] = "changed"
	require.Equal(t, "a", h.Get("User-Agent"), "a copy")
	require.Equal(t, map[string][]string{}, web.AllowedHeaders(h, nil))
	require.Equal(t, map[string][]string{}, web.AllowedHeaders(nil, all))
	for _, name := range secret {
		require.NotContains(t, web.HookHeaders(), name)
	}
}

func TestHooksAreNotToldTheQueryOfAReferer(t *testing.T) {
	for referer, want := range map[string]string{
		"https://www.example.com/a/b?code=123456&flow=x#token=y": "https://www.example.com/a/b",
		"https://ada:hidden@www.example.com/":                    "https://www.example.com/",
		"https://www.example.com":                                "https://www.example.com",
		"https://www.example.com/?":                              "https://www.example.com/",
		"http://[::1?code=1":                                     "",
	} {
		h := http.Header{"Referer": {referer}}
		require.Equal(t, []string{want}, web.AllowedHeaders(h, web.HookHeaders())["Referer"], referer)
		require.Equal(t, referer, h.Get("Referer"))
	}
}
