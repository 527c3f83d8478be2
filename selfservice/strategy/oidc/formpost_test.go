package oidc_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// posted posts what a provider has the browser post, as it arrives from another
// site: with no cookies of ours.
func (h *house) posted(to *url.URL, values url.Values) *enginetest.Answer {
	h.t.Helper()
	c := h.Browser()
	req := c.Request(http.MethodPost, to.String(), bytes.NewReader([]byte(values.Encode())))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "https://provider.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	return c.Do(req)
}

// A provider that answers by a form has the browser come with its cookies the second
// time, and nobody else is let in by that.
func TestFormPost(t *testing.T) {
	h := newHouse(t, []setup{{id: "one", sim: opsim.Config{Alg: "ES256"}}})
	setups := []setup{{id: "one", keys: map[string]any{"auth_url": h.ops["one"].URL(opsim.Authorize) + "?response_mode=form_post"}}}
	h.run(setups)
	h.ops["one"].SetPerson(somebody("ada"))
	for _, kind := range []string{"registration", "login"} {
		c := h.Browser()
		to, _ := h.leave(c, c.OpenKind(kind, ""), "one")
		back := h.approve("one", to)
		require.True(t, back.Post)
		a := h.posted(back.To, back.Values)
		require.Equal(t, http.StatusSeeOther, a.Status, "%s", a.Body)
		require.Empty(t, a.Header.Values("Set-Cookie"))
		again := a.Location()
		require.Equal(t, back.To.Path, again.Path)
		require.Contains(t, []string{"", back.To.Host}, again.Host)
		require.Equal(t, back.Values, again.Query())
		require.Empty(t, h.ops["one"].Requests(opsim.Token)[map[string]int{"registration": 0, "login": 1}[kind]:], "nobody was asked yet")

		stranger := h.Browser()
		a = stranger.Get(again.RequestURI())
		require.NotEmpty(t, h.refusal(stranger, a))
		require.Empty(t, whose(stranger))
		c.Get(again.RequestURI())
		require.NotEmpty(t, whose(c))
	}
	require.Equal(t, 1, h.Identities())
}

// What is posted there leads nowhere else, and counts for nothing by itself.
func TestFormPostOfAnybody(t *testing.T) {
	h := newHouse(t, two)
	at, err := url.Parse(h.PublicURL + "/self-service/methods/oidc/callback/one")
	require.NoError(t, err)
	for _, values := range []url.Values{
		{}, {"state": {"x"}}, {"state": {"x\r\nSet-Cookie: a=b"}, "code": {"\r\n\r\n<script>"}}, {"state": {"a", "b"}},
		{"redirect_uri": {"https://attacker.example"}, "return_to": {"https://attacker.example"}},
	} {
		a := h.posted(at, values)
		if a.Status == http.StatusSeeOther && !strings.HasPrefix(a.Header.Get("Location"), "http://127.0.0.1:4455/error") {
			require.Equal(t, at.Path, a.Location().Path)
			require.Contains(t, []string{"", at.Host}, a.Location().Host)
		} else {
			require.NotEmpty(t, h.refusal(h.Browser(), a), "%d %s", a.Status, a.Body)
		}
		require.Empty(t, a.Header.Values("Set-Cookie"))
		c := h.Browser()
		require.NotEmpty(t, h.refusal(c, c.Get(a.Location().RequestURI())))
		require.Empty(t, whose(c))
	}
	a := h.posted(at, url.Values{"state": {strings.Repeat("x", 40<<10)}})
	require.NotEqual(t, at.Path, a.Location().Path, "too much")
	require.Zero(t, h.Identities())
}
