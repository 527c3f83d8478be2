package web_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

var foreignOrigins = []string{
	"", "null", "NULL", "*", "https://evil.com", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.com",
	"https://app.example.com.", "https://evil-app.example.com", "https://evilapp.example.com", "https://example.com", "https://example.org",
	"https://evilexample.org", "https://eu.example.org.evil.com", "https://eu.example.org:444", "http://eu.example.org", "https://.example.org",
	"https://a..example.org", "https://*.example.org", "https://app.example.com/", "https://app.example.com/x", "https://app.example.com?x",
	"https://app.example.com?", "https://app.example.com#x", "https://user@app.example.com", "https://app.example.com@evil.com",
	"https://app.example.com\\@evil.com", "https://app.example.com%2eevil.com", "https://app.example.com%00.evil.com", "//app.example.com",
	"app.example.com", "https:app.example.com", "https:/app.example.com", "https://", "https", "javascript://app.example.com", "file://", "data:",
	"chrome-extension://app.example.com", "http://127.0.0.1", "http://127.0.0.1:4456", "http://127.0.0.1:44550", "https://127.0.0.1:4455",
	"http://localhost:4455", "http://[::1]:4455", "http://0x7f.1:4455", "https://app.example.com,https://evil.com", "https://evil.com https://app.example.com",
	"https://app.example.com https://evil.com", " https://app.example.com", "https://app.example.com\t", "https://\u0430pp.example.com",
	"https://app.example\u3002com", "https://eu.example.org\u200b", "https://app.example.com:0443", "https://app.example.com:", "https://app.example.com:x",
	"https://app.example.com:443:443", "https://xn--app.example.com", "https://appXexample.com", "https://app.exampleXcom", "https://app-example.com",
	"https://a.example.org.", "https://a.example.orgx", "https://aexample.org", "https://a.example.o", "ftp://app.example.com", "ws://app.example.com",
	"wss://app.example.com", "https://app.example.com/..", "https://app.example.com;evil.com", "https://app.example.com&evil.com", "https://app.example.com$",
	"https://app.example.com!", "https://app.example.com'", "https://app.example.com(", "https://app.example.com`", "https://app.example.com{", "https://app.example.com|",
}

func listedOrigins(t *testing.T) *web.Origins {
	o, err := web.NewOrigins("https://app.example.com/some/path", "https://*.example.org", "http://127.0.0.1:4455", "https://auth.example.com:443/")
	require.NoError(t, err)
	return o
}

var ownOrigins = []string{
	"https://app.example.com", "https://app.example.com:443", "https://eu.example.org", "https://a.b.example.org", "http://127.0.0.1:4455",
	"https://auth.example.com", "https://auth.example.com:443",
}

func TestOriginsCheck(t *testing.T) {
	o := listedOrigins(t)
	for _, origin := range ownOrigins {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site") // a listed origin may be another site
		require.NoError(t, o.Check(r), origin)
	}
	for _, origin := range foreignOrigins {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header["Origin"] = []string{origin}
		r.Header.Set("Sec-Fetch-Site", "same-origin") // does not outweigh the origin
		details := requireViolation(t, o.Check(r), "origin_not_listed")
		require.Equal(t, "selfservice.allowed_return_urls", details["config_key"])
	}
	r := httptest.NewRequest("POST", "/", nil)
	r.Header["Origin"] = []string{"https://app.example.com", "https://evil.com"}
	requireViolation(t, o.Check(r), "origin_not_listed")
}

func TestOriginsCheckWithoutOrigin(t *testing.T) {
	o := listedOrigins(t)
	require.NoError(t, o.Check(httptest.NewRequest("POST", "/", nil)), "an application on a server sends neither")
	for site, ok := range map[string]bool{"same-origin": true, "same-site": true, "none": true, "cross-site": false} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		if ok {
			require.NoError(t, o.Check(r), site)
		} else {
			requireViolation(t, o.Check(r), "fetch_site_cross")
		}
	}
}

func TestNewOriginsNamesEveryBadEntry(t *testing.T) {
	_, err := web.NewOrigins("https://fine.example.com", "https://*.com", "nonsense", "https://a*.example.com")
	require.ErrorContains(t, err, `"https://*.com"`)
	require.ErrorContains(t, err, `"nonsense"`)
	require.ErrorContains(t, err, `"https://a*.example.com"`)
	require.NotContains(t, err.Error(), "fine")
}
