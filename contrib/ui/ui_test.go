package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// fakeAPI answers as the wire says: a flow's id is the name of a file in
// testdata, or of one of the failures below.
type fakeAPI struct {
	*httptest.Server
	signedIn bool
	closed   string   // a kind of flow that is switched off
	cookies  []string // Cookie headers seen
	queries  []string // path?query seen
	requests []string // X-Request-Id headers seen
	others   bool     // there are sessions on other devices
	methods  []string // of all requests
	ended    []string // what was deleted
	expired  bool     // and refuses to be
}

func newFakeAPI(t *testing.T) *fakeAPI {
	api := &fakeAPI{}
	api.Server = httptest.NewServer(api)
	t.Cleanup(api.Close)
	return api
}

func (api *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	api.cookies = append(api.cookies, r.Header.Get("Cookie"))
	api.methods = append(api.methods, r.Method)
	api.queries = append(api.queries, r.URL.String())
	api.requests = append(api.requests, r.Header.Get("X-Request-Id"))
	refuse := func(code int, body string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
	id := r.URL.Query().Get("id")
	switch {
	case r.URL.Path == "/sessions/whoami" && api.signedIn:
		api.file(w, "whoami")
	case r.URL.Path == "/self-service/logout/browser" && api.signedIn:
		refuse(200, `{"logout_url":"`+api.URL+`/self-service/logout?token=t","logout_token":"t"}`)
	case r.Method == http.MethodDelete:
		if api.expired {
			refuse(401, `{"error":{"id":"session_inactive","code":401,"message":"m"}}`)
			return
		}
		api.ended = append(api.ended, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/sessions" && api.signedIn && api.others:
		api.file(w, "sessions")
	case r.URL.Path == "/sessions" && api.signedIn:
		refuse(200, `[]`)
	case r.URL.Path == "/sessions/whoami":
		refuse(401, `{"error":{"code":401,"message":"no session"}}`)
	case r.URL.Path == "/schemas/default":
		api.file(w, "schema")
	case api.closed != "" && strings.HasPrefix(r.URL.Path, "/self-service/"+api.closed+"/"):
		refuse(400, `{"error":{"id":"self_service_flow_disabled","code":400,"message":"m"}}`)
	case r.URL.Path == "/self-service/errors" && id == "known":
		refuse(200, `{"id":"known","error":{"id":"security_csrf_violation","code":403,"status":"Forbidden","reason":"the <b>cookie</b> was absent","message":"m","request":"req-7"}}`)
	case strings.HasSuffix(r.URL.Path, "/flows") && r.URL.Query().Has("after"):
		api.file(w, "sent") // nothing has moved
	case strings.HasSuffix(r.URL.Path, "/flows"):
		switch id {
		case "csrf":
			refuse(403, `{"error":{"id":"security_csrf_violation","code":403,"message":"m"}}`)
		case "aal":
			refuse(403, `{"error":{"id":"session_aal2_required","code":403,"message":"m"},"redirect_browser_to":"`+api.URL+`/self-service/login/browser?aal=aal2"}`)
		case "expired":
			refuse(410, `{"error":{"id":"self_service_flow_expired","code":410,"message":"m","details":{"return_to":"https://app.example.org/"}}}`)
		case "replaced":
			refuse(410, `{"error":{"id":"self_service_flow_expired","code":410,"message":"m"},"use_flow_id":"fresh"}`)
		case "private":
			refuse(401, `{"error":{"id":"session_inactive","code":401,"message":"m"}}`)
		case "busy":
			w.Header().Set("Retry-After", "7")
			refuse(503, `{"error":{"id":"overloaded","code":503,"message":"m","reason":"try later"}}`)
		case "page":
			refuse(200, "<html>not json</html>")
		case "huge":
			_, _ = io.WriteString(w, `{"id":"`+strings.Repeat("x", maxAnswer)+`"}`)
		default:
			w.Header().Add("Set-Cookie", "csrf_token_x=1; Path=/; HttpOnly")
			api.file(w, id)
		}
	default:
		refuse(404, `{"error":{"code":404,"message":"unknown"}}`)
	}
}

func (api *fakeAPI) file(w http.ResponseWriter, name string) {
	body, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"code":404,"message":"unknown"}}`)
		return
	}
	soon := time.Now().Add(50 * time.Second).Format(time.RFC3339)
	_, _ = strings.NewReplacer("{{public}}", api.URL, "{{soon}}", soon).WriteString(w, string(body))
}

// logged returns what the program logs while the test runs.
func logged(t *testing.T) *bytes.Buffer {
	var out bytes.Buffer
	log.SetOutput(&out)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return &out
}

// site is the UI in front of a fake API, asked as a browser asks it.
type site struct {
	t *testing.T
	http.Handler
}

func newSite(t *testing.T, api *fakeAPI, change ...func(*config)) site {
	c, err := readConfig([]string{"-public", api.URL}, func(string) (string, bool) { return "", false }, io.Discard)
	require.NoError(t, err)
	for _, f := range change {
		f(&c)
	}
	handler, err := newServer(c)
	require.NoError(t, err)
	return site{t, handler}
}

func (s site) get(target string, cookies ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if len(cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s site) page(target string) (*html.Node, string) {
	s.t.Helper()
	w := s.get(target)
	require.Equal(s.t, http.StatusOK, w.Code, w.Body.String())
	doc, err := html.Parse(strings.NewReader(w.Body.String()))
	require.NoError(s.t, err)
	return doc, w.Body.String()
}

// find returns the elements of that tag whose attributes have all the values
// given as name, value pairs; a value of "*" asks for presence only.
func find(n *html.Node, tag string, pairs ...string) []*html.Node {
	var found []*html.Node
	if n.Type == html.ElementNode && n.Data == tag {
		fits := true
		for i := 0; i < len(pairs); i += 2 {
			value, ok := attr(n, pairs[i])
			fits = fits && ok && (pairs[i+1] == "*" || value == pairs[i+1])
		}
		if fits {
			found = append(found, n)
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		found = append(found, find(c, tag, pairs...)...)
	}
	return found
}

func one(t *testing.T, n *html.Node, tag string, pairs ...string) *html.Node {
	t.Helper()
	found := find(n, tag, pairs...)
	require.Len(t, found, 1, "%s %v", tag, pairs)
	return found[0]
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// words is the text of n, parts separated by one blank.
func words(n *html.Node) string {
	var parts []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			parts = append(parts, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(parts, " ")
}

func location(t *testing.T, w *httptest.ResponseRecorder) *url.URL {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, w.Code, w.Body.String())
	u, err := url.Parse(w.Header().Get("Location"))
	require.NoError(t, err)
	return u
}
