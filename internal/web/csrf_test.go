package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

const public = "https://auth.example.com"

func csrf() *web.CSRF {
	return web.NewCSRF(public, web.CookieOptions{Path: "/", Secure: true, SameSite: http.SameSiteNoneMode})
}

func TestCSRFCookie(t *testing.T) {
	c := csrf()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	require.Nil(t, c.Secret(r))
	secret := c.Ensure(w, r)
	require.Len(t, secret, 32)

	cookie := only(t, w)
	sum := sha256.Sum256([]byte(public))
	require.Equal(t, "csrf_token_"+hex.EncodeToString(sum[:]), cookie.Name)
	require.Equal(t, base64.StdEncoding.EncodeToString(secret), cookie.Value)
	require.Equal(t, 31536000, cookie.MaxAge)
	require.True(t, cookie.HttpOnly && cookie.Secure)
	require.Equal(t, http.SameSiteNoneMode, cookie.SameSite)

	r.AddCookie(cookie)
	w = httptest.NewRecorder()
	require.Equal(t, secret, c.Ensure(w, r))
	require.Empty(t, w.Result().Cookies(), "a browser that has a secret keeps it")

	w = httptest.NewRecorder()
	require.NotEqual(t, secret, c.Rotate(w))
	require.Len(t, w.Result().Cookies(), 1)

	plain := web.NewCSRF(public, web.CookieOptions{Path: "/", SameSite: http.SameSiteNoneMode})
	w = httptest.NewRecorder()
	plain.Rotate(w)
	require.Equal(t, http.SameSiteLaxMode, only(t, w).SameSite)
}

func TestCSRFSecretIsStrict(t *testing.T) {
	c := csrf()
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	name := c.Cookie.Name + "="
	require.NotNil(t, c.Secret(withCookies(name+good)))
	require.NotNil(t, c.Secret(withCookies(name+"junk", name+good)))
	for _, bad := range []string{
		"", "junk", good[:43], good + "=", base64.StdEncoding.EncodeToString(make([]byte, 31)), base64.StdEncoding.EncodeToString(make([]byte, 33)),
		good[:42] + "d=", base64.RawStdEncoding.EncodeToString(make([]byte, 32)),
	} {
		require.Nil(t, c.Secret(withCookies(name+bad)), bad)
	}
	require.Nil(t, c.Secret(withCookies(strings.ToUpper(c.Cookie.Name)+"="+good)))
	require.Nil(t, c.Secret(withCookies("csrf_token="+good)))
}

// matches says whether Check takes token from the browser that has secret.
func matches(token string, secret []byte) bool {
	c := csrf()
	return c.Check(withCookies(c.Cookie.Name+"="+base64.StdEncoding.EncodeToString(secret)), token) == nil
}

func TestMaskAndMatch(t *testing.T) {
	secret, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	token := web.Mask(secret)
	require.Len(t, token, 88)
	require.NotEqual(t, token, web.Mask(secret), "every render shows another token")
	require.NotContains(t, token, base64.StdEncoding.EncodeToString(secret)[:40])
	require.True(t, matches(token, secret))
	require.True(t, matches(base64.StdEncoding.EncodeToString(secret), secret))
	require.False(t, matches(token, other))
	require.False(t, matches(base64.StdEncoding.EncodeToString(other), secret))
	for _, bad := range []string{
		"", "x", token[:87], token + "=", token[1:], " " + token, token + "\n", token[:87] + "\n", strings.ToLower(token),
		base64.StdEncoding.EncodeToString(make([]byte, 64)), base64.StdEncoding.EncodeToString(make([]byte, 32)), base64.URLEncoding.EncodeToString(make([]byte, 96)),
	} {
		require.False(t, matches(bad, secret), "%q", bad)
	}
	for _, short := range [][]byte{nil, {}, secret[:31], make([]byte, 33)} {
		require.False(t, matches(token, short))
		require.False(t, matches("", short))
	}
	require.False(t, matches(web.Mask(nil), nil), "no secret matches nothing")
	require.Len(t, web.Binding(secret), 32)
	require.NotEqual(t, web.Binding(secret), web.Binding(other))
}

func TestCSRFCheckNamesTheFailedCheck(t *testing.T) {
	c := csrf()
	secret := bytes.Repeat([]byte{9}, 32)
	with := withCookies(c.Cookie.Name + "=" + base64.StdEncoding.EncodeToString(secret))
	without := httptest.NewRequest("POST", "/", nil)

	require.NoError(t, c.Check(with, web.Mask(secret)))
	requireViolation(t, c.Check(without, web.Mask(secret)), "csrf_cookie_missing")
	requireViolation(t, c.Check(with, ""), "csrf_token_missing")
	requireViolation(t, c.Check(with, web.Mask(make([]byte, 32))), "csrf_token_mismatch")

	plainHint := requireViolation(t, c.Check(without, ""), "csrf_cookie_missing")["hint"]
	without.Header.Set("Sec-Fetch-Mode", "cors")
	require.NotEqual(t, plainHint, requireViolation(t, c.Check(without, ""), "csrf_cookie_missing")["hint"])
}

func TestCheckBinding(t *testing.T) {
	c := csrf()
	secret := bytes.Repeat([]byte{9}, 32)
	with := withCookies(c.Cookie.Name + "=" + base64.StdEncoding.EncodeToString(secret))
	require.NoError(t, c.CheckBinding(with, web.Binding(secret)))
	requireViolation(t, c.CheckBinding(with, web.Binding(make([]byte, 32))), "csrf_other_browser")
	requireViolation(t, c.CheckBinding(with, nil), "csrf_other_browser")
	requireViolation(t, c.CheckBinding(httptest.NewRequest("GET", "/", nil), nil), "csrf_cookie_missing")
}

func TestCheckNative(t *testing.T) {
	require.NoError(t, web.CheckNative(httptest.NewRequest("POST", "/", nil)))
	require.NoError(t, web.CheckNative(withCookies("__cf_bm=x", "_cfuvid=y", "cf_clearance=z")))
	requireRefused(t, web.CheckNative(withCookies("__cf_bm=x", "a=b")), fail.BadRequest, "security_native_flow_cookie")
	for _, origin := range []string{"https://app.example.com", "null"} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Origin", origin)
		requireRefused(t, web.CheckNative(r), fail.BadRequest, "security_native_flow_origin")
	}
}

func requireViolation(t *testing.T, err error, code string) map[string]any {
	t.Helper()
	e := requireRefused(t, err, fail.Forbidden, "security_csrf_violation")
	require.Equal(t, code, e.Details["reject_reason"])
	require.NotEmpty(t, e.Details["hint"])
	return e.Details
}

func FuzzUnmask(f *testing.F) {
	secret := bytes.Repeat([]byte{3}, 32)
	f.Add(web.Mask(secret))
	f.Add(base64.StdEncoding.EncodeToString(secret))
	f.Add("")
	f.Add(strings.Repeat("A", 88))
	f.Add(strings.Repeat("A", 86) + "==")
	f.Fuzz(func(t *testing.T, token string) {
		if !matches(token, secret) {
			return
		}
		b, err := base64.StdEncoding.Strict().DecodeString(token)
		require.NoError(t, err)
		require.Equal(t, token, base64.StdEncoding.EncodeToString(b), "a token has one spelling")
		if len(b) == 64 {
			for i := range 32 {
				b[i] ^= b[32+i]
			}
			b = b[:32]
		}
		require.Equal(t, secret, b)
	})
}

func BenchmarkMask(b *testing.B) {
	secret := bytes.Repeat([]byte{3}, 32)
	b.ReportAllocs()
	for b.Loop() {
		web.Mask(secret)
	}
}
