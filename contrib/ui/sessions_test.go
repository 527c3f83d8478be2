package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const elsewhere = "0b1c2d3e-0000-4000-8000-000000000002"

// post sends a form as a browser does; headers are name, value pairs.
func (s site) post(target string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://ui.example"+target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Cookie", "session=s")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestSessionsElsewhere(t *testing.T) {
	api := newFakeAPI(t)
	api.signedIn = true
	s := newSite(t, api)
	doc, _ := s.page("/")
	require.Contains(t, words(one(t, doc, "section", "id", "others")), "You are signed in nowhere else.")
	require.Empty(t, find(doc, "form"))
	require.Contains(t, words(doc), "This device Firefox on Linux, 127.0.0.1")

	api.others = true
	doc, body := s.page("/")
	form := one(t, doc, "form", "action", "/sessions/end", "method", "post")
	require.Contains(t, words(form), "Safari on iPhone , 192.0.2.7 Signed in 20 November 2026, 08:00 UTC with One-time code")
	require.Contains(t, words(form), "<b>odd</b> agent")
	require.NotContains(t, body, "<b>")
	require.Equal(t, "Sign out of Safari on iPhone, signed in 20 November 2026, 08:00 UTC", words(one(t, form, "button", "name", "id", "value", elsewhere)))
	require.Equal(t, "Sign out of all 2 other devices", words(one(t, form, "button", "name", "all")))
	require.Empty(t, api.ended, "looking ends nothing")

	for _, c := range []struct {
		form url.Values
		path string
	}{{url.Values{"id": {elsewhere}}, "/sessions/" + elsewhere}, {url.Values{"all": {"true"}}, "/sessions"}} {
		api.ended = nil
		w := s.post("/sessions/end", c.form, "Sec-Fetch-Site", "same-origin")
		require.Equal(t, "/#others", location(t, w).String())
		require.Equal(t, []string{c.path}, api.ended)
		require.Equal(t, "session=s", api.cookies[len(api.cookies)-1], "in the visitor's name")
	}

	api.expired = true
	require.Equal(t, "/", location(t, s.post("/sessions/end", url.Values{"all": {"true"}}, "Origin", "http://ui.example")).String())
	api.Close()
	require.Equal(t, http.StatusBadGateway, s.post("/sessions/end", url.Values{"all": {"true"}}, "Origin", "http://ui.example").Code)
}

func TestEndingSessionsInABrowser(t *testing.T) {
	api := newFakeAPI(t)
	api.signedIn, api.others = true, true
	ui := httptest.NewServer(newSite(t, api))
	defer ui.Close()
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<form action="`+ui.URL+`/sessions/end" method="post"><button name="all" value="true">win</button></form>`)
	}))
	defer foreign.Close()
	b := openTab(t)
	b.visit(ui.URL + "/")
	b.press("id=" + elsewhere)
	b.loaded()
	require.Equal(t, ui.URL+"/#others", b.eval("location.href"))
	b.press("all=true")
	b.loaded()
	require.Equal(t, []string{"/sessions/" + elsewhere, "/sessions"}, api.ended)

	b.visit(foreign.URL) // of the same site, even: only the port differs
	b.press("all=true")
	b.loaded()
	require.Equal(t, ui.URL+"/sessions/end", b.eval("location.href"))
	require.Equal(t, "We could not be sure this form came from you", b.eval(`document.querySelector("h1").textContent`))
	require.Len(t, api.ended, 2)
}

func TestOnlyOwnPagesEndSessions(t *testing.T) {
	api := newFakeAPI(t)
	api.signedIn, api.others = true, true
	s := newSite(t, api)
	all := url.Values{"all": {"true"}}
	for _, headers := range [][]string{
		{},
		{"Origin", "null"},
		{"Origin", "http://evil.example"},
		{"Origin", "http://ui.example.evil.example"},
		{"Origin", "http://ui.example:8080"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "cross-site", "Origin", "http://ui.example"},
		{"Referer", "http://ui.example/"},
	} {
		w := s.post("/sessions/end", all, headers...)
		require.Equal(t, http.StatusForbidden, w.Code, headers)
		require.Contains(t, w.Body.String(), "could not be sure")
	}
	for _, form := range []url.Values{{}, {"id": {""}}, {"id": {".."}}, {"id": {"whoami"}}, {"id": {elsewhere + "/"}}, {"id": {"../" + elsewhere[3:]}}, {"all": {strings.Repeat("x", 5<<10)}}} {
		require.Equal(t, http.StatusBadRequest, s.post("/sessions/end", form, "Sec-Fetch-Site", "same-origin").Code, form)
	}
	require.Empty(t, api.ended)
}

// Links, pictures and previews must be free to ask for anything.
func TestNothingChangesByGet(t *testing.T) {
	api := newFakeAPI(t)
	api.signedIn, api.others = true, true
	s := newSite(t, api)
	paths := []string{"/", "/?all=true&id=" + elsewhere, "/sessions/end", "/sessions/end?all=true", "/sessions/end?id=" + elsewhere, "/error?id=known"}
	for kind := range kinds {
		paths = append(paths, "/"+kind, "/"+kind+"?flow=login", "/"+kind+"/wait?flow=x&after=1")
	}
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r := httptest.NewRequest(method, path, nil)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			s.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	require.Empty(t, api.ended)
	for _, method := range api.methods {
		require.Equal(t, http.MethodGet, method)
	}
	for _, query := range api.queries {
		require.False(t, strings.HasPrefix(query, "/self-service/logout?"), "only the visitor follows that link")
	}
	require.Equal(t, http.StatusNotFound, s.get("/sessions/end?all=true").Code)
}

func TestDevicesAreNamedAsPeopleDo(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36":                        "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0":              "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                  "Safari on Mac",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36":                  "Chrome on Android",
		"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36":       "Samsung Internet on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
		"curl/8.5.0":            "curl/8.5.0",
		"":                      "Unknown device",
		strings.Repeat("ü", 70): strings.Repeat("ü", 60) + "…",
	} {
		require.Equal(t, want, device{UserAgent: agent}.String())
	}
}
