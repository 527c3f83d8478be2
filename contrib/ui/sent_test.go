package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func has(doc *html.Node, tag string, pairs ...string) bool { return len(find(doc, tag, pairs...)) > 0 }

func TestWaitingForACode(t *testing.T) {
	s := newSite(t, newFakeAPI(t), func(c *config) { c.Inbox = "http://127.0.0.1:4434/admin/inbox" })
	doc, _ := s.page("/verification?flow=sent")
	code := one(t, doc, "input", "name", "code")
	for name, want := range map[string]string{"type": "text", "inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": "", "aria-describedby": "said"} {
		got, ok := attr(code, name)
		require.True(t, ok, name)
		require.Equal(t, want, got, name)
	}
	_, cut := attr(code, "maxlength")
	require.False(t, cut, "a pasted \"123 456\" is longer than six")
	require.Equal(t, "Sent to ada@example.org", words(one(t, doc, "div", "class", "intro"))[len("Verify your address "):])
	require.True(t, has(doc, "div", "id", "said", "role", "status"))
	one(t, doc, "a", "href", "/verification?return_to=https%3A%2F%2Fapp.example.org%2Fnext%3Fa%3Db")
	require.Equal(t, "Do this later", words(one(t, doc, "a", "href", "https://app.example.org/next?a=b")))
	require.Equal(t, "inbox", words(one(t, doc, "a", "href", "http://127.0.0.1:4434/admin/inbox", "rel", "noopener")))

	resend := one(t, doc, "button", "name", "email", "value", "ada@example.org", "type", "submit")
	_, disabled := attr(resend, "disabled")
	require.False(t, disabled, "without scripts it simply works")
	note := one(t, doc, "p", "data-seconds", "*")
	described, _ := attr(resend, "aria-describedby")
	id, _ := attr(note, "id")
	require.Equal(t, described, id)
	require.Regexp(t, `^Available in (49|50) seconds \.$`, words(note))
	one(t, doc, "script", "src", "/live.js", "data-wait", "/verification/wait?after=3&flow=6c2ae96c-8486-42f0-91f9-f654eccd09fb")

	doc, _ = s.page("/registration?flow=draft")
	require.Contains(t, words(doc), "Confirm your address Sent to ada@example.org")
	one(t, doc, "a", "href", "/registration")
	require.False(t, has(doc, "p", "data-seconds", "*"), "the minute has passed")
	require.False(t, has(doc, "script"))
	require.NotContains(t, words(doc), "Do this later", "there is nobody yet to do it later")

	doc, _ = s.page("/verification?flow=link")
	require.True(t, has(doc, "script", "data-wait", "*"))
	require.True(t, has(doc, "input", "name", "email", "value", "ada@example.org"))
	require.NotContains(t, words(doc), "Sent to")
}

func TestAnOpenedLink(t *testing.T) {
	s := newSite(t, newFakeAPI(t), func(c *config) { c.Inbox = "http://127.0.0.1:4434/" })
	doc, body := s.page("/verification?flow=followed")
	one(t, doc, "input", "type", "hidden", "name", "token", "value", "t0ken")
	require.Equal(t, "Confirm this address", words(one(t, doc, "button", "class", "button primary")))
	require.Contains(t, words(doc), "You have opened the link from the message.")
	require.NotContains(t, body, "inbox")
	require.NotContains(t, body, "Do this later")

	doc, body = s.page("/registration?flow=elsewhere")
	require.Contains(t, words(doc), "Your code to sign up")
	require.Equal(t, "123456", words(one(t, doc, "strong", "class", "code")))
	require.Contains(t, words(doc), "from <b>Mozilla</b> (192.0.2.7)")
	require.NotContains(t, body, "<b>")
	require.False(t, has(doc, "button"))
	require.False(t, has(doc, "script"))

	doc, body = s.page("/verification?flow=passed")
	require.Contains(t, words(doc), "Your address is verified")
	require.Equal(t, "Continue", words(one(t, doc, "a", "class", "button primary", "href", "https://app.example.org/next")))
	require.True(t, has(doc, "div", "role", "status", "tabindex", "-1", "autofocus", ""))
	require.Equal(t, 1, strings.Count(body, "autofocus"))
}

func TestLivePagesAskThisServerAlone(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api)
	policy := s.get("/verification?flow=sent").Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "; script-src 'self'; connect-src 'self'")
	require.NotContains(t, s.get("/verification?flow=passed").Header().Get("Content-Security-Policy"), "connect-src")
}

// waitingAPI answers what waits with one answer, and keeps the request.
func waitingAPI(t *testing.T, status int, body string) (site, **http.Request) {
	var seen *http.Request
	api := &fakeAPI{}
	api.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.Header().Set("Set-Cookie", "x=y")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "{{public}}", api.URL))
	}))
	t.Cleanup(api.Close)
	return newSite(t, api), &seen
}

func TestWaiting(t *testing.T) {
	ask := func(s site) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/verification/wait?flow=f%26x&after=3&id=other", nil)
		r.Header = http.Header{"Cookie": {"a=b; c=d"}, "Authorization": {"Bearer t"}, "X-Session-Token": {"t"}, "Accept-Language": {"de"}, "User-Agent": {"browser"}, "X-Forwarded-For": {"192.0.2.1"}}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	s, seen := waitingAPI(t, 200, `{"id":"f","state":"sent_email","foyer":{"wait":"{{public}}/self-service/verification/flows?id=f&after=4"},"ui":{"nodes":[]}}`)
	w := ask(s)
	require.JSONEq(t, `{"moved":false,"again":"/verification/wait?after=4&flow=f"}`, w.Body.String())
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Empty(t, w.Header()["Set-Cookie"], "to wait changes nothing")
	require.Equal(t, "/self-service/verification/flows?after=3&id=f%26x", (*seen).URL.String())
	require.Equal(t, "a=b; c=d", (*seen).Header.Get("Cookie"))
	for _, name := range []string{"Authorization", "X-Session-Token", "Accept-Language", "X-Forwarded-For"} {
		require.Empty(t, (*seen).Header.Get(name), name)
	}
	require.NotEqual(t, "browser", (*seen).UserAgent())

	for status, body := range map[int]string{200: `{"id":"f","state":"passed_challenge","ui":{"nodes":[],"messages":[{"text":"secret"}]}}`, 403: `{}`, 404: `{}`} {
		s, _ = waitingAPI(t, status, body)
		w = ask(s)
		require.Equal(t, http.StatusOK, w.Code)
		require.JSONEq(t, `{"moved":true}`, w.Body.String(), "the page has to look for itself: %d", status)
	}
	s, _ = waitingAPI(t, 410, `{}`)
	require.JSONEq(t, `{"moved":false}`, ask(s).Body.String(), "nothing to wait for, and nothing to show")
	for _, status := range []int{429, 500, 503} {
		s, _ = waitingAPI(t, status, `{}`)
		w = ask(s)
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Equal(t, "7", w.Header().Get("Retry-After"))
	}
	s, _ = waitingAPI(t, 200, `{"id":"f","state":"sent_email","foyer":{"wait":"https://evil.example/?after=4"}}`)
	require.JSONEq(t, `{"moved":true}`, ask(s).Body.String())
}

func TestLanguageOfWhatTheAPISays(t *testing.T) {
	s := newSite(t, newFakeAPI(t))
	for wish, want := range map[string]string{"": "en", "de-AT,de;q=0.9,en;q=0.5": "de", "it, fr;q=0.3, es; q=0.7": "es", "*": "en", "xx;q=a": "en", "de;q=0,fr;q=0.1": "fr", "EN-gb,de": "en"} {
		r := httptest.NewRequest(http.MethodGet, "/verification?flow=sent", nil)
		r.Header.Set("Accept-Language", wish)
		require.Equal(t, want, reads(r), wish)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		doc, err := html.Parse(w.Body)
		require.NoError(t, err)
		one(t, doc, "form", "lang", want)
		one(t, doc, "div", "id", "said", "lang", want)
		one(t, doc, "html", "lang", "en")
	}
}

func TestSecondsUntil(t *testing.T) {
	at := func(v any) *message { return &message{Context: map[string]any{"available_at": v}} }
	require.Zero(t, secondsUntil(nil))
	require.Zero(t, secondsUntil(&message{}))
	require.Zero(t, secondsUntil(at("soon")))
	require.Zero(t, secondsUntil(at(time.Now().Add(-time.Second).Format(time.RFC3339Nano))))
	require.Equal(t, 90, secondsUntil(at(time.Now().Add(90*time.Second).Format(time.RFC3339Nano))))
}
