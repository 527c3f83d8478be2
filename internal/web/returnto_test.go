package web_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func returnTo(t testing.TB) *web.ReturnTo {
	t.Helper()
	list, err := web.NewReturnTo("https://app.example.com/welcome", []string{
		"https://app.example.com/app", "https://portal.example.com", "https://*.apps.example.net/in", "https://*.example.org",
		"http://127.0.0.1:4455", "http://localhost:3000/", "https://xn--mnchen-3ya.example/", "https://shop.example.com:8443/cart/",
		"myapp://callback/done", "http://[2001:db8::1]:8080",
	}, "https://auth.example.com/kratos/")
	require.NoError(t, err)
	return list
}

func TestReturnToRefusesWhatIsNotOnTheList(t *testing.T) {
	list := returnTo(t)
	for _, raw := range corpus(t, "return_to_refused.txt", 400) {
		got, err := list.Check(raw)
		require.Error(t, err, "%q became %q", raw, got)
		require.Empty(t, got)
		e := fail.As(err)
		require.Equal(t, "self_service_flow_return_to_forbidden", e.ID)
		require.Equal(t, fail.BadRequest, e.Kind)
		require.Contains(t, e.Reason, "selfservice.allowed_return_urls")
	}
}

func TestReturnToAllowsWhatIsOnTheList(t *testing.T) {
	list := returnTo(t)
	for _, raw := range corpus(t, "return_to_allowed.txt", 50) {
		got, err := list.Check(raw)
		require.NoError(t, err, "%q", raw)
		again, err := list.Check(got)
		require.NoError(t, err, "the answer to %q is not itself allowed", raw)
		require.Equal(t, got, again)
		u, err := url.Parse(got)
		require.NoError(t, err)
		require.NotEmpty(t, u.Host, "%q is not absolute", got)
	}
}

func TestReturnToCompletesRelativeTargets(t *testing.T) {
	list := returnTo(t)
	got, err := list.Check("/app/x?y=1")
	require.NoError(t, err)
	require.Equal(t, "https://app.example.com/app/x?y=1", got)

	got, err = list.Check("")
	require.NoError(t, err)
	require.Equal(t, "https://app.example.com/welcome", got)
	require.Equal(t, "https://app.example.com/welcome", list.Default())
}

func TestReturnToRefusesListsThatListTooMuch(t *testing.T) {
	for _, entry := range []string{
		"https://*.com", "https://*.co.uk", "https://*.github.io", "https://*.localhost", "https://*", "https://*.*.example.com",
		"https://app.*.com", "https://*example.com", "https://*.10.0.0.1", "*", "/app", "example.com", "//example.com",
		"javascript://x", "data://x", "https://user@example.com", "https://example.com:0", "https://example.com/a/../b",
		"https://exa mple.com", "https://", "https:///app", "https://m\u00fcnchen.example",
	} {
		_, err := web.NewReturnTo("https://app.example.com", []string{"https://fine.example.com", entry}, "https://auth.example.com")
		require.ErrorContains(t, err, "selfservice.allowed_return_urls.1", "%q", entry)
	}
	_, err := web.NewReturnTo("/relative", nil, "nothing")
	require.ErrorContains(t, err, "default_browser_return_url")
	require.ErrorContains(t, err, "base_url")
}

func FuzzReturnTo(f *testing.F) {
	for _, name := range []string{"return_to_refused.txt", "return_to_allowed.txt"} {
		for _, raw := range corpus(f, name, 1) {
			f.Add(raw)
		}
	}
	list := returnTo(f)
	prefixes := []string{
		"https://app.example.com/app", "https://app.example.com:443/app", "https://app.example.com/welcome", "https://app.example.com:443/welcome",
		"https://portal.example.com", "http://127.0.0.1:4455", "http://localhost:3000", "https://xn--mnchen-3ya.example",
		"https://shop.example.com:8443/cart", "myapp://callback/done", "http://[2001:", "https://auth.example.com",
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := list.Check(raw)
		if err != nil {
			return
		}
		require.NotContains(t, got, "\\")
		for _, c := range []byte(got) {
			require.Greater(t, c, byte(' '), "%q", got)
		}
		w := httptest.NewRecorder()
		web.Redirect(w, httptest.NewRequest("GET", "/", nil), got)
		location := w.Header().Get("Location")
		for _, p := range prefixes {
			if strings.HasPrefix(location, p) {
				return
			}
		}
		u, err := url.Parse(location)
		require.NoError(t, err)
		host := u.Hostname()
		require.True(t, u.Scheme == "https" && (strings.HasSuffix(host, ".example.org") || strings.HasSuffix(host, ".apps.example.net")), "%q led to %q", raw, location)
	})
}
