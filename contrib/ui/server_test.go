package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func TestWithoutFlowTheAPIOpensOne(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api)
	for kind := range kinds {
		u := location(t, s.get("/"+kind+"?return_to=https%3A%2F%2Fapp.example.org%2F%3Fa%3Db&identity_schema=staff&login_hint=a%2Bb%40example.org&aal=aal2&refresh=true&locale=de&organization=&via="))
		require.Equal(t, api.URL+"/self-service/"+kind+"/browser", u.Scheme+"://"+u.Host+u.Path)
		require.Equal(t, "aal=aal2&identity_schema=staff&locale=de&login_hint=a%2Bb%40example.org&refresh=true&return_to=https%3A%2F%2Fapp.example.org%2F%3Fa%3Db", u.RawQuery)
	}
	require.Empty(t, api.queries, "opening is the browser's own call")
}

func TestCookiesTravelBothWays(t *testing.T) {
	api := newFakeAPI(t)
	w := newSite(t, api).get("/registration?flow=fresh&x=%26id%3Dother", "csrf_token_x=1", "s=2")
	require.Equal(t, "csrf_token_x=1; s=2", api.cookies[0])
	require.Equal(t, "/self-service/registration/flows?id=fresh", api.queries[0])
	require.Equal(t, []string{"csrf_token_x=1; Path=/; HttpOnly"}, w.Header()["Set-Cookie"])
}

func TestFlowsTheAPIRefuses(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api)
	for target, want := range map[string]string{
		"/registration?flow=csrf&return_to=x": "/registration?again=1&return_to=x",
		"/registration?flow=missing":          "/registration?again=1",
		"/registration?flow=expired":          "/registration?again=1&return_to=https%3A%2F%2Fapp.example.org%2F",
		"/registration?flow=replaced":         "/registration?again=1&flow=fresh",
		"/settings?flow=private":              "/login?" + url.Values{"again": {"1"}, "return_to": {api.URL + "/self-service/settings/browser"}}.Encode(),
		"/settings?flow=private&return_to=x":  "/login?" + url.Values{"again": {"1"}, "return_to": {api.URL + "/self-service/settings/browser?return_to=x"}}.Encode(),
		"/settings?flow=aal":                  api.URL + "/self-service/login/browser?aal=aal2",
	} {
		require.Equal(t, want, location(t, s.get(target)).String(), target)
	}
	w := s.get("/registration?flow=busy")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "7", w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), "Busy just now")
	require.Contains(t, w.Body.String(), api.requests[len(api.requests)-1], "the API's log and the page name one request")
	for id, why := range map[string]string{"page": "not the JSON expected", "huge": "larger than"} {
		log := logged(t)
		w = s.get("/registration?flow=" + id)
		require.Equal(t, http.StatusBadGateway, w.Code)
		request := api.requests[len(api.requests)-1]
		require.Contains(t, w.Body.String(), request)
		require.NotContains(t, w.Body.String(), why)
		require.Contains(t, log.String(), request)
		require.Contains(t, log.String(), why)
	}
	require.Equal(t, http.StatusUnauthorized, s.get("/login?flow=private").Code, "login must not send to login")
}

func TestLoopGuard(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api)

	// A browser that refuses cookies is told at its second visit.
	target := location(t, s.get("/registration?flow=csrf")).String()
	w := s.get(target)
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Contains(t, w.Body.String(), "not keeping our cookies")

	// One that keeps ours and not the API's gets a few attempts.
	cookie, restarts := "", 0
	for ; restarts < 10; restarts++ {
		w = s.get("/registration?flow=csrf", cookie)
		if w.Code != http.StatusSeeOther {
			break
		}
		cookie = strings.SplitN(w.Header().Get("Set-Cookie"), ";", 2)[0]
		u := location(t, s.get(w.Header().Get("Location"), cookie))
		require.Equal(t, "/self-service/registration/browser", u.Path)
		require.Empty(t, u.RawQuery, "the guard's own parameter stays here")
	}
	require.Equal(t, maxTries, restarts)
	require.Equal(t, http.StatusForbidden, w.Code)

	// A flow that opens ends the count.
	w = s.get("/registration?flow=fresh&again=1", cookie)
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, strings.Join(w.Header()["Set-Cookie"], "\n"), triesCookie+"=0; Path=/; Max-Age=0")

	r := httptest.NewRequest(http.MethodGet, "http://localhost:4455/registration?again=1", nil)
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	require.Contains(t, rec.Body.String(), "127.0.0.1", "two names of one machine are the usual cause")
}

func TestSecurityHeaders(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api, func(c *config) { c.Forms = "https://accounts.example.com/x" })
	for _, target := range []string{"/", "/registration?flow=fresh", "/registration", "/error", "/nothing"} {
		h := s.get(target).Header()
		require.Equal(t, "no-store", h.Get("Cache-Control"), target)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), target)
		require.Equal(t, "strict-origin", h.Get("Referrer-Policy"), target)
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			require.Contains(t, policy, want, target)
		}
		require.NotContains(t, policy, "script-src", target)
		require.NotContains(t, policy, "unsafe", target)
	}
	require.Contains(t, s.get("/registration?flow=fresh").Header().Get("Content-Security-Policy"),
		"form-action 'self' "+api.URL+" https://app.example.org https://accounts.example.com")
}

func TestWelcome(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api)
	doc, _ := s.page("/")
	one(t, doc, "a", "href", "/registration")
	one(t, doc, "a", "href", "/login")

	api.signedIn = true
	doc, body := s.page("/")
	require.Equal(t, "You are signed in", words(one(t, doc, "h1")))
	said := words(doc)
	for _, want := range []string{"About you Born in 1815 E-mail ada@example.org Your name › Last Lovelace Given name Ada <i> Newsletter Yes Tags a, b",
		"Not verified yet", "22 November 2026, 11:12 UTC", "Signed in with Password", "9f425a8d-7efc-4768-8f23-7647a74fdf13"} {
		require.Contains(t, strings.ReplaceAll(said, "  ", " "), want)
	}
	require.NotContains(t, body, "<i>")
	require.NotContains(t, said, "Gone")
	require.NotContains(t, said, "Never said")
	one(t, doc, "a", "href", api.URL+"/self-service/logout?token=t")
}

func TestAFinishedFlowLeadsOn(t *testing.T) {
	doc, _ := newSite(t, newFakeAPI(t)).page("/verification?flow=done")
	require.Empty(t, find(doc, "button"))
	require.Equal(t, "Continue", words(one(t, doc, "a", "href", "https://app.example.org/next")))
	one(t, doc, "div", "role", "status", "class", "notice success")
}

// Who presses Back after all is done has made no mistake and finds a way on.
func TestACompletedFlowLeadsOn(t *testing.T) {
	doc, body := newSite(t, newFakeAPI(t)).page("/registration?flow=complete")
	require.Equal(t, "Continue", words(one(t, doc, "a", "href", "https://app.example.org/home")))
	require.Contains(t, words(one(t, doc, "div", "role", "status")), "already complete")
	require.Empty(t, find(doc, "form"))
	require.Empty(t, find(doc, "div", "role", "alert"))
	require.Empty(t, find(doc, "a", "href", "/login"))
	require.NotContains(t, body, "Please correct")
}

func TestNoLinkLeadsToAFlowThatIsOff(t *testing.T) {
	for kind, target := range map[string]string{"registration": "/", "login": "/registration?flow=fresh", "recovery": "/login?flow=login", "settings": "/"} {
		api := newFakeAPI(t)
		api.signedIn = kind == "settings"
		doc, _ := newSite(t, api).page(target)
		require.NotEmpty(t, find(doc, "a", "href", link(doc, kind)), kind)

		api.closed = kind
		s := newSite(t, api)
		before := len(api.queries)
		for range 3 {
			doc, _ = s.page(target)
			require.Empty(t, link(doc, kind), kind)
		}
		asked := 0
		for _, q := range api.queries[before:] {
			if strings.Contains(q, "/"+kind+"/flows?id="+noFlow) {
				asked++
			}
		}
		require.Equal(t, 1, asked, "the answer is remembered")
	}
}

// link is where the link to a kind of flow leads, empty if there is none.
func link(doc *html.Node, kind string) string {
	for _, a := range find(doc, "a", "href", "*") {
		if href, _ := attr(a, "href"); href == "/"+kind || strings.HasPrefix(href, "/"+kind+"?") {
			return href
		}
	}
	return ""
}

func TestStoredErrors(t *testing.T) {
	s := newSite(t, newFakeAPI(t))
	w := s.get("/error?id=known")
	require.Equal(t, http.StatusForbidden, w.Code)
	for _, want := range []string{"We could not be sure this form came from you", "the &lt;b&gt;cookie&lt;/b&gt; was absent", "security_csrf_violation", "403", "req-7", `href="/"`} {
		require.Contains(t, w.Body.String(), want)
	}
	require.Equal(t, http.StatusForbidden, s.get("/error?error=known").Code)
	require.Equal(t, http.StatusNotFound, s.get("/error?id=gone").Code)
	require.Equal(t, http.StatusNotFound, s.get("/error").Code)
}

func TestAPIDown(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api, func(c *config) { c.Public = "http://accounts.example.org" })
	api.Close()
	for target, call := range map[string]string{"/": "/sessions/whoami", "/registration?flow=fresh": "/self-service/registration/flows", "/error?id=known": "/self-service/errors"} {
		log := logged(t)
		w := s.get(target)
		require.Equal(t, http.StatusBadGateway, w.Code)
		for _, inner := range []string{api.URL, strings.TrimPrefix(api.URL, "http://"), call, "refused"} {
			require.NotContains(t, w.Body.String(), inner, "how this program reaches the API is nobody's business")
		}
		found := regexp.MustCompile("^[0-9/]+ [0-9:]+ request ([A-Z2-7]{26}): " + regexp.QuoteMeta(api.URL+call) + ": dial .* refused\n$").FindStringSubmatch(log.String())
		require.NotNil(t, found, log.String())
		require.Contains(t, w.Body.String(), found[1])
	}
	require.Equal(t, http.StatusOK, s.get("/health").Code, "this program is up, whatever the API is")
}

func TestATemplateThatFailsTellsTheLogAlone(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "welcome.html"), []byte(`half a page {{slice .Title 0 10}}`), 0o600))
	log := logged(t)
	w := newSite(t, newFakeAPI(t), func(c *config) { c.Templates = dir }).get("/")
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.NotContains(t, w.Body.String(), "half")
	require.NotContains(t, w.Body.String(), "out of range")
	require.Contains(t, log.String(), "out of range")
	found := regexp.MustCompile("the request ([A-Z2-7]{26})[.]").FindStringSubmatch(w.Body.String())
	require.NotNil(t, found)
	require.Contains(t, log.String(), found[1])
}

func TestActionElsewhereIsAMistakeOfSetup(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api, func(c *config) { c.Public = "http://localhost:4433" })
	w := s.get("/registration?flow=fresh")
	require.Equal(t, http.StatusBadGateway, w.Code)
	require.Contains(t, w.Body.String(), "not set up correctly")
	require.NotContains(t, w.Body.String(), "<form")
}

func TestBrand(t *testing.T) {
	dir := t.TempDir()
	write := func(name, body string) string { return write(t, dir, name, body) }
	write("foot.html", `</main><p>our own foot of {{.Brand}}</p></body></html>`)
	logo := write("logo.svg", "<svg/>")
	s := newSite(t, newFakeAPI(t), func(c *config) {
		c.Brand, c.Logo, c.Colours.Accent, c.Templates = "Acme & Sons", logo, "#fc0", dir
	})
	_, body := s.page("/registration?flow=fresh")
	require.Contains(t, body, "our own foot of Acme &amp; Sons")
	require.Contains(t, body, `src="/logo"`)
	require.Equal(t, "image/svg+xml", s.get("/logo").Header().Get("Content-Type"))
	require.Contains(t, s.get("/style.css").Body.String(), ":root{--accent:#")
}

func TestConfig(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"FOYER_UI_PUBLIC": "https://id.example.org/", "FOYER_UI_PUBLIC_INTERNAL": "http://api:4433", "FOYER_UI_BRAND": "Env"}[name]
		return v, ok
	}
	c, err := readConfig([]string{"-brand", "Flag"}, env, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "https://id.example.org", c.Public)
	require.Equal(t, "http://api:4433", c.Internal)
	require.Equal(t, "Flag", c.Brand)
	require.Equal(t, "127.0.0.1:4455", c.Listen)
	_, err = readConfig([]string{"-form-targets", "https://a.example evil;"}, env, io.Discard)
	require.ErrorContains(t, err, "evil;")
	_, err = readConfig([]string{"-inbox", "127.0.0.1:4434/admin/inbox"}, env, io.Discard)
	require.ErrorContains(t, err, "no http or https URL")
	_, err = readConfig([]string{"-public", "127.0.0.1:4433"}, env, io.Discard)
	require.ErrorContains(t, err, "no http or https URL")
}
