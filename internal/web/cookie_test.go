package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

type clock struct{ t time.Time }

func (c *clock) Now() time.Time { return c.t }

func ring(t testing.TB, secrets ...string) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing("cookie", secrets...)
	require.NoError(t, err)
	return r
}

func sealedCookie(t testing.TB) (*web.SealedCookie, *clock) {
	c := &clock{t: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	return &web.SealedCookie{
		Options: web.CookieOptions{Name: "__Host-foyer", Path: "/", SameSite: http.SameSiteLaxMode, Secure: true, Persistent: true},
		Ring:    ring(t, "a secret of the first key"), Now: c.Now,
	}, c
}

func only(t testing.TB, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	cookies := w.Result().Cookies()
	require.Len(t, cookies, 1)
	return cookies[0]
}

func withCookies(pairs ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", strings.Join(pairs, "; "))
	return r
}

func TestSealedCookieRoundTrip(t *testing.T) {
	c, now := sealedCookie(t)
	w := httptest.NewRecorder()
	require.NoError(t, c.Write(w, "ory_st_token", now.t.Add(time.Hour)))
	got := only(t, w)
	require.True(t, got.HttpOnly && got.Secure)
	require.Equal(t, "/", got.Path)
	require.Empty(t, got.Domain)
	require.Equal(t, http.SameSiteLaxMode, got.SameSite)
	require.Equal(t, 3600, got.MaxAge)
	require.Equal(t, now.t.Add(time.Hour), got.Expires.UTC())
	require.NotContains(t, got.Value, "ory_st")

	plain, err := c.Ring.OpenString("cookie/__Host-foyer", got.Value)
	require.NoError(t, err)
	var in map[string]string
	require.NoError(t, json.Unmarshal(plain, &in))
	require.Equal(t, "ory_st_token", in["session_token"])
	require.Equal(t, "2026-01-02T04:04:05Z", in["expires_at"])
	require.Regexp(t, `^[A-Z2-7]{8}$`, in["nonce"])
	require.Len(t, in, 3)

	token, expires, ok := c.Read(withCookies("__Host-foyer=" + got.Value))
	require.True(t, ok)
	require.Equal(t, "ory_st_token", token)
	require.Equal(t, now.t.Add(time.Hour), expires)

	now.t = now.t.Add(time.Hour)
	_, _, ok = c.Read(withCookies("__Host-foyer=" + got.Value))
	require.False(t, ok, "expired")
}

func TestSealedCookieReadsOnlyItsOwn(t *testing.T) {
	c, now := sealedCookie(t)
	w := httptest.NewRecorder()
	require.NoError(t, c.Write(w, "T", now.t.Add(time.Hour)))
	value := only(t, w).Value

	for _, name := range []string{
		"__host-foyer", "__HOST-foyer", "__Host-Foyer", "__Host-foyer2", "_Host-foyer", "foyer", "__Secure-foyer", "__host-Foyer",
		"__hOST-foyer", "X__Host-foyer", "__Host-foyer.", "__Host_foyer",
	} {
		_, _, ok := c.Read(withCookies(name + "=" + value))
		require.False(t, ok, name)
	}
	first := "A"
	if value[0] == 'A' {
		first = "B"
	}
	for _, bad := range []string{"", "x", value[:len(value)-1], value + "A", first + value[1:], strings.ToLower(value), value + "="} {
		_, _, ok := c.Read(withCookies("__Host-foyer=" + bad))
		require.False(t, ok, bad)
	}
	_, _, ok := c.Read(withCookies("__Host-foyer=forged", "other=1", "__Host-foyer="+value, "__Host-foyer=forged"))
	require.True(t, ok, "a forged cookie does not hide the right one")

	other := *c
	other.Options.Name = "other"
	_, _, ok = other.Read(withCookies("other=" + value))
	require.False(t, ok, "sealed for another name")

	rotated := *c
	rotated.Ring = ring(t, "a secret of the second key", "a secret of the first key")
	_, _, ok = rotated.Read(withCookies("__Host-foyer=" + value))
	require.True(t, ok)
	rotated.Ring = ring(t, "a secret of the second key")
	_, _, ok = rotated.Read(withCookies("__Host-foyer=" + value))
	require.False(t, ok, "the key was removed")
}

func TestSealedCookieLimits(t *testing.T) {
	c, now := sealedCookie(t)
	w := httptest.NewRecorder()
	require.Error(t, c.Write(w, strings.Repeat("x", 4096), now.t.Add(time.Hour)))
	require.Error(t, c.Write(w, "T", now.t))
	require.Error(t, c.Write(w, "T", now.t.Add(-time.Hour)))
	require.Empty(t, w.Result().Cookies(), "what fails sets nothing")

	w = httptest.NewRecorder()
	require.NoError(t, c.Write(w, "T", now.t.AddDate(10, 0, 0)))
	require.Equal(t, 400*24*60*60, only(t, w).MaxAge)

	c.Options.Persistent = false
	w = httptest.NewRecorder()
	require.NoError(t, c.Write(w, "T", now.t.Add(time.Hour)))
	require.Zero(t, only(t, w).MaxAge)
	require.True(t, only(t, w).Expires.IsZero())
}

func TestSealedCookieClearAndReplace(t *testing.T) {
	c, now := sealedCookie(t)
	w := httptest.NewRecorder()
	require.NoError(t, c.Write(w, "T", now.t.Add(time.Hour)))
	c.Clear(w)
	got := only(t, w)
	require.Negative(t, got.MaxAge)
	require.Empty(t, got.Value)
	require.True(t, got.Secure && got.HttpOnly)
	require.Equal(t, "/", got.Path)
}

func TestCookieOptionsValidate(t *testing.T) {
	for _, o := range []web.CookieOptions{
		{Name: "foyer"}, {Name: "foyer", Path: "/x", Domain: "example.com"},
		{Name: "__Host-a", Secure: true, Path: "/"}, {Name: "__Secure-a", Secure: true, Domain: "example.com"},
		{Name: "a", SameSite: http.SameSiteNoneMode, Secure: true},
	} {
		require.NoError(t, o.Validate(), o.Name)
	}
	for _, o := range []web.CookieOptions{
		{}, {Name: "a b"}, {Name: "a;"}, {Name: "a=b"}, {Name: "a\r\n"}, {Name: "a", Path: "x"}, {Name: "a", Path: "/;x"}, {Name: "a", Domain: "ex ample"},
		{Name: "a", SameSite: http.SameSiteNoneMode},
		{Name: "__Host-a", Path: "/"}, {Name: "__Host-a", Secure: true}, {Name: "__Host-a", Secure: true, Path: "/", Domain: "example.com"},
		{Name: "__Host-a", Secure: true, Path: "/x"}, {Name: "__host-a", Secure: true, Path: "/"}, {Name: "__HOST-a", Secure: true, Path: "/"},
		{Name: "__Secure-a"}, {Name: "__secure-a", Secure: true},
	} {
		require.Error(t, o.Validate(), "%+v", o)
	}
}

func BenchmarkSealedCookieRead(b *testing.B) {
	c, now := sealedCookie(b)
	w := httptest.NewRecorder()
	require.NoError(b, c.Write(w, "ory_st_0123456789abcdefghijklmnopqrstuv", now.t.Add(time.Hour)))
	r := withCookies("csrf_token_x=y", "__Host-foyer="+only(b, w).Value)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := c.Read(r); !ok {
			b.Fatal("unread")
		}
	}
}
