package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

func ask(h http.Handler, method, origin string) http.Header {
	r := httptest.NewRequest(method, "/", nil)
	r.Header["Origin"] = []string{origin}
	if method == http.MethodOptions {
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "content-type,x-csrf-token")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Header()
}

var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

func TestCORSAllowsOnlyTheList(t *testing.T) {
	m, warnings, err := web.NewCORS(web.CORS{
		AllowedOrigins:   []string{"https://app.example.com", "https://*.example.org", "http://127.0.0.1:4455", "https://auth.example.com"},
		AllowCredentials: true,
	})
	require.NoError(t, err)
	require.Empty(t, warnings)
	h := web.Chain(ok, web.Headers(true), m)
	for _, method := range []string{"GET", "POST", "OPTIONS"} {
		for _, origin := range ownOrigins {
			got := ask(h, method, origin)
			require.Equal(t, origin, got.Get("Access-Control-Allow-Origin"), method)
			require.Equal(t, "true", got.Get("Access-Control-Allow-Credentials"))
			require.Contains(t, got.Values("Vary"), "Cookie")
			require.Contains(t, got.Values("Vary")[1], "Origin")
		}
		for _, origin := range foreignOrigins {
			got := ask(h, method, origin)
			require.Empty(t, got.Values("Access-Control-Allow-Origin"), "%s %q", method, origin)
			require.Empty(t, got.Values("Access-Control-Allow-Credentials"))
		}
	}
	require.Equal(t, "Content-Type", ask(h, "GET", "https://app.example.com").Get("Access-Control-Expose-Headers"))
	preflight := ask(h, "OPTIONS", "https://app.example.com")
	require.Equal(t, "POST", preflight.Get("Access-Control-Allow-Methods"))
	require.Equal(t, "content-type,x-csrf-token", preflight.Get("Access-Control-Allow-Headers"))
}

func TestCORSRefusesEverybodyWithCredentials(t *testing.T) {
	_, _, err := web.NewCORS(web.CORS{AllowCredentials: true})
	require.ErrorContains(t, err, "allow_credentials")

	m, warnings, err := web.NewCORS(web.CORS{AllowCredentials: true, AllowedOrigins: []string{"https://app.example.com", "*"}, Dev: true})
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	require.NotEqual(t, "https://evil.com", ask(m(ok), "GET", "https://evil.com").Get("Access-Control-Allow-Origin"),
		"an origin of its own beside credentials would open the account to it")

	m, warnings, err = web.NewCORS(web.CORS{})
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, "*", ask(m(ok), "GET", "https://evil.com").Get("Access-Control-Allow-Origin"))

	m, _, err = web.NewCORS(web.CORS{AllowedOrigins: []string{}, AllowCredentials: true})
	require.NoError(t, err)
	require.Empty(t, ask(m(ok), "GET", "https://app.example.com").Get("Access-Control-Allow-Origin"))
}

func TestCORSRefusesUnboundedWildcards(t *testing.T) {
	for _, origin := range []string{"https://*", "https://*.com", "https://*.co.uk", "http*://app.example.com", "https://app.example.*", "https://*example.com", "null", "app.example.com"} {
		_, _, err := web.NewCORS(web.CORS{AllowedOrigins: []string{origin}})
		require.ErrorContains(t, err, "serve.public.cors.allowed_origins", origin)
	}
}
