package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func write(t *testing.T, dir, name, body string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(body), 0o600))
	return path
}

// branded is a site with a file of brands, or the error that keeps it from starting.
func branded(t *testing.T, api *fakeAPI, file string, args ...string) (site, error) {
	t.Helper()
	path := write(t, t.TempDir(), "brands.json", file)
	c, err := readConfig(append([]string{"-public", api.URL, "-brands", path}, args...), func(string) (string, bool) { return "", false }, io.Discard)
	if err != nil {
		return site{}, err
	}
	handler, err := newServer(c)
	return site{t, handler}, err
}

// shows is the name in the title of a page asked for by a host name.
func (s site) shows(host, target string) (name string, page *html.Node) {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+host+target, nil))
	doc, err := html.Parse(w.Body)
	require.NoError(s.t, err)
	_, name, _ = strings.Cut(words(one(s.t, doc, "title")), " – ")
	return name, doc
}

const manyBrands = `{"name": "Usual", "footer": "All rights", "colors": {"accent": "#aa0000"}, "brands": [
	{"match": {"hosts": ["id.shop.example", "localhost:4455"], "return_to": ["https://app.example.org"]}, "name": "Shop",
	 "logo": "https://cdn.shop.example/logo.png", "font_size": 20, "colors": {"light": {"accent": "#00f", "background": "#fff8e7", "text": "#332200"}}},
	{"match": {"return_to": ["https://app.example.org/next", "https://shop.example/account"]}, "name": "Account", "footer": ""}]}`

func TestABrandIsChosen(t *testing.T) {
	s, err := branded(t, newFakeAPI(t), manyBrands)
	require.NoError(t, err)
	for where, want := range map[[2]string]string{
		{"127.0.0.1:4455", "/"}:                                                            "Usual",
		{"id.shop.example", "/"}:                                                           "Shop",
		{"ID.Shop.Example:8443", "/error"}:                                                 "Shop",
		{"localhost:4455", "/nothing"}:                                                     "Shop",
		{"localhost:4456", "/"}:                                                            "Usual",
		{"id.shop.example.evil.example", "/"}:                                              "Usual",
		{"sub.id.shop.example", "/"}:                                                       "Usual",
		{"127.0.0.1", "/registration?flow=fresh"}:                                          "Shop",    // leads to https://app.example.org/…
		{"127.0.0.1", "/verification?flow=sent"}:                                           "Account", // leads to https://app.example.org/next, which is closer
		{"id.shop.example", "/verification?flow=sent"}:                                     "Account",
		{"127.0.0.1", "/settings?flow=settings_refused"}:                                   "Account",
		{"127.0.0.1", "/settings?flow=settings"}:                                           "Usual",
		{"127.0.0.1", "/settings?flow=settings&return_to=https://shop.example/account"}:    "Usual", // anybody could send that
		{"127.0.0.1", "/?return_to=https://shop.example/account"}:                          "Usual",
		{"127.0.0.1", "/error?id=known&return_to=https%3A%2F%2Fshop.example%2Faccount%2F"}: "Usual",
	} {
		got, _ := s.shows(where[0], where[1])
		require.Equal(t, want, got, where)
	}
}

func TestForeignPlacesPickNoBrand(t *testing.T) {
	s := &server{brands: []*brand{{Name: "usual"}, {Name: "own", hosts: []string{"id.example"}, places: []*url.URL{place("https://shop.example/account/"), place("https://root.example")}}}}
	for returnTo, want := range map[string]string{
		"https://shop.example/account":                "own",
		"https://shop.example/account/":               "own",
		"https://SHOP.example/account/orders?a=b#c":   "own",
		"https://root.example":                        "own",
		"https://root.example/anything":               "own",
		"https://shop.example/account/../other":       "usual",
		"https://shop.example/accounts":               "usual",
		"https://shop.example/":                       "usual",
		"http://shop.example/account":                 "usual",
		"https://shop.example:8443/account":           "usual",
		"https://shop.example.evil.example/account":   "usual",
		"https://shop.example@evil.example/account":   "usual",
		"https://evil.example/https://shop.example/":  "usual",
		"https://root.example.evil.example":           "usual",
		"//shop.example/account":                      "usual",
		"/account":                                    "usual",
		"javascript:https://shop.example/account":     "usual",
		"https://shop.example\\@evil.example/account": "usual",
		"": "usual",
	} {
		require.Equal(t, want, s.brandOf("other.example", returnTo).Name, returnTo)
	}
	require.Equal(t, "own", s.brandOf("id.example", "https://evil.example/").Name, "then the host decides")
}

func TestABrandIsWornWhole(t *testing.T) {
	api := newFakeAPI(t)
	s, err := branded(t, api, manyBrands)
	require.NoError(t, err)
	_, doc := s.shows("id.shop.example", "/")
	one(t, doc, "link", "rel", "stylesheet", "href", "/brand1/style.css")
	one(t, doc, "img", "src", "https://cdn.shop.example/logo.png", "alt", "")
	require.Equal(t, "All rights", words(one(t, doc, "footer")), "what a brand leaves out is as usual")
	css := s.get("/brand1/style.css").Body.String()
	for _, want := range []string{"--accent:#0000ff", "--page:#fff8e7", "--ink:#332200", "html{font-size:125%}"} {
		require.Contains(t, css, want)
	}
	require.NotContains(t, s.get("/style.css").Body.String(), "font-size:125%")
	require.Contains(t, s.get("/style.css").Body.String(), ":root{--accent:#aa0000;")
	require.Contains(t, s.get("/brand2/style.css").Body.String(), ":root{--accent:#aa0000;", "no colours of its own: the usual ones")
	_, doc = s.shows("127.0.0.1", "/verification?flow=sent")
	require.Empty(t, find(doc, "footer"), "but an empty text is a text")

	policy := func(host string) string {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil))
		return w.Header().Get("Content-Security-Policy")
	}
	require.Contains(t, policy("id.shop.example"), "img-src 'self' data: "+api.URL+" https://cdn.shop.example;")
	require.NotContains(t, policy("127.0.0.1"), "cdn.shop.example", "only where it shows")
}

func TestFlagsStandAboveTheFile(t *testing.T) {
	s, err := branded(t, newFakeAPI(t), manyBrands, "-brand", "Flag", "-accent", "#006600")
	require.NoError(t, err)
	name, _ := s.shows("127.0.0.1", "/")
	require.Equal(t, "Flag", name)
	name, _ = s.shows("id.shop.example", "/")
	require.Equal(t, "Shop", name, "a brand's own words stand above all")
	require.Contains(t, s.get("/brand2/style.css").Body.String(), ":root{--accent:#006600;")
}

func TestBadBrandsAreRefusedByTheirKey(t *testing.T) {
	api, dir := newFakeAPI(t), t.TempDir()
	write(t, dir, "head.html", "{{template \"nobody.html\"}}")
	for file, want := range map[string]string{
		`{"colors": {"accent": "red;}"}}`:                                         `colors: accent: "red;}" is no colour`,
		`{"colors": {"light": {"text": "#777"}}}`:                                 `colors: light.text: #777777 on #f1f4f3 has a contrast of 4.05:1`,
		`{"colors": {"light": {"background": "#444"}}}`:                           `colors: light.background: #16211d on #444444`,
		`{"colors": {"light": {"background": "#000", "text": "#fff"}}}`:           `colors: light.text: the text is #ffffff and the background #000000; dark`,
		`{"colors": {"dark": {"background": "#eee", "text": "#111"}}}`:            `colors: dark.text: the text is #111111`,
		`{"colors": {"dark": {"accent": "#003300"}}}`:                             `colors: dark.accent: #003300 on #111716`,
		`{"colors": {"lihgt": {}}}`:                                               `unknown field "lihgt"`,
		`{"font_size": "big"}`:                                                    `font_size`,
		`{"font_size": 40}`:                                                       `font_size: 40 is not from 14 to 24`,
		`{"logo": "none.png"}`:                                                    `logo: open none.png`,
		`{"logo": "javascript:alert(1)"}`:                                         `logo: open`,
		`{"templates": "/no/such/folder"}`:                                        `templates: open`,
		`{"templates": "` + dir + `"}`:                                            `no such template "nobody.html"`,
		"{\n\"name\":\n}":                                                         `brands.json:3: invalid character`,
		`{} {}`:                                                                   `something follows`,
		`{"brands": [{"name": "x"}]}`:                                             `brands[0].match: names neither`,
		`{"brands": [{"match": {"hosts": ["https://x"]}}]}`:                       `brands[0].match.hosts[0]: "https://x" is no host name`,
		`{"brands": [{"match": {"return_to": ["shop.example"]}}]}`:                `brands[0].match.return_to[0]: "shop.example" is no http`,
		`{"brands": [{"match": {"hosts": ["x"]}}, {"match": {"hosts": ["X"]}}]}`:  `brands[1].match.hosts[0]: "x" belongs to another brand`,
		`{"brands": [{"match": {"hosts": ["x"]}, "colors": {"accent": "blue"}}]}`: `brands[0].colors: accent: "blue"`,
		`{"brands": [{"match": {"host": ["x"]}}]}`:                                `brands[0]: json: unknown field "host"`,
		`{"brands": [{"match": {"return_to": ["https://x/a"]}}, {"match": {"return_to": ["https://x/a/"]}}]}`: `brands[1].match.return_to[0]: "https://x/a/" belongs`,
	} {
		_, err := branded(t, api, file)
		require.ErrorContains(t, err, want, file)
	}
	_, err := readConfig([]string{"-public", api.URL, "-brands", filepath.Join(dir, "none.json")}, func(string) (string, bool) { return "", false }, io.Discard)
	require.ErrorContains(t, err, "none.json")
	_, err = readConfig([]string{"-public", api.URL}, func(name string) (string, bool) { return "many", name == "FOYER_UI_FONT_SIZE" }, io.Discard)
	require.ErrorContains(t, err, "FOYER_UI_FONT_SIZE")
}

func TestTemplatesOfOneBrandAreItsOwn(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "foot.html", `</main><p id="own">{{.Footer}}</p></body></html>`)
	write(t, dir, "style.css", "p { color: inherit }")
	write(t, dir, "notes.txt", "{{")
	api := newFakeAPI(t)
	s, err := branded(t, api, `{"brands": [{"match": {"hosts": ["own.example"]}, "footer": "<b>&", "templates": "`+dir+`"}]}`)
	require.NoError(t, err)
	_, doc := s.shows("own.example", "/")
	require.Equal(t, "<b>&", words(one(t, doc, "p", "id", "own")), "escaped as everything is")
	require.Contains(t, s.get("/brand1/style.css").Body.String(), "p { color: inherit }")
	require.NotContains(t, s.get("/brand1/style.css").Body.String(), ".button")
	_, doc = s.shows("other.example", "/")
	require.Empty(t, find(doc, "p", "id", "own"))
	require.Contains(t, s.get("/style.css").Body.String(), ".button")
}

func TestBrokenTemplatesStopTheStart(t *testing.T) {
	for name, c := range map[string]struct{ file, body, want string }{
		"not closed":       {"flow.html", "<p>\n{{if .Body}}", "flow.html:2"},
		"no such function": {"node.html", "\n\n{{shout .Caption}}", "node.html:3"},
		"no such field":    {"welcome.html", "<p>\n{{.Nope}}</p>", "welcome.html:2"},
		"deep in a list":   {"node.html", "{{.Nope}}", "node.html:1"},
		"of a trouble":     {"error.html", "{{.Body.Nope}}", "error.html:1"},
		"no safe place":    {"foot.html", "\n<a {{if .Brand}}href=\"{{end}}>", "foot.html:2"},
	} {
		dir := t.TempDir()
		write(t, dir, c.file, c.body)
		_, err := branded(t, newFakeAPI(t), `{"templates": "`+dir+`"}`)
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestNothingOutsideTheFolderIsRead(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, outside, "secret.html", "</main>the secret</body></html>")
	write(t, outside, "secret.css", "/* the secret */")
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret.html"), filepath.Join(dir, "foot.html")))
	_, err := branded(t, newFakeAPI(t), `{"templates": "`+dir+`"}`)
	require.ErrorContains(t, err, "foot.html")
	require.NoError(t, os.Remove(filepath.Join(dir, "foot.html")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret.css"), filepath.Join(dir, "style.css")))
	_, err = branded(t, newFakeAPI(t), `{"templates": "`+dir+`"}`)
	require.ErrorContains(t, err, "style.css")

	// A mounted ConfigMap is full of links that stay inside.
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "..data"), 0o700))
	write(t, filepath.Join(dir, "..data"), "foot.html", "</main>the foot</body></html>")
	require.NoError(t, os.Symlink("..data/foot.html", filepath.Join(dir, "foot.html")))
	s, err := branded(t, newFakeAPI(t), `{"templates": "`+dir+`"}`)
	require.NoError(t, err)
	_, body := s.page("/")
	require.Contains(t, body, "the foot")
}

// What the README shows must start.
func TestTheExampleOfTheREADME(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(readme), "```json\n")
	require.True(t, found)
	example, _, _ := strings.Cut(rest, "```")
	s, err := branded(t, newFakeAPI(t), strings.Replace(example, "shop-templates", t.TempDir(), 1))
	require.NoError(t, err)
	name, _ := s.shows("id.shop.example", "/")
	require.Equal(t, "Shop", name)
	name, doc := s.shows("127.0.0.1", "/")
	require.Equal(t, "Example", name)
	one(t, doc, "img", "src", "https://cdn.example.org/logo.svg")

	flags := flag.NewFlagSet("", flag.ContinueOnError)
	new(config).flags(flags)
	flags.VisitAll(func(f *flag.Flag) {
		name := "-" + f.Name
		if theme, rest, _ := strings.Cut(f.Name, "-"); theme == "dark" {
			name = "-light-" + rest
		}
		require.Contains(t, string(readme), "`"+name+"`")
	})
}

// Whatever two colours a brand takes, all that goes with them can be read.
func TestEveryColourOfAThemeIsReadable(t *testing.T) {
	require.InDelta(t, 21, black.contrast(white), 0.01)
	tried := 0
	for _, base := range []theme{lightTheme, darkTheme} {
		for _, page := range []string{"", "#ffffff", "#fff8e7", "#cfe8ff", "#000", "#101040", "#3a0a0a", "#888"} {
			for _, ink := range []string{"", "#000", "#333", "#5a1a1a", "#fff", "#cde"} {
				for _, accent := range []string{"000000", "ffffff", "ffcc00", "1d6350", "ff0000", "0000ff", "808080"} {
					th, err := base.wearing(palette{Background: page, Text: ink}, hex(accent), "x")
					if err != nil {
						continue
					}
					tried++
					what := fmt.Sprintf("dark=%v page=%s ink=%s accent=%s", base.dark, page, ink, accent)
					for _, on := range []colour{th.page, th.card} {
						for name, c := range map[string]colour{"ink": th.ink, "soft": th.soft, "accent": th.accent, "error": th.said["error"][0], "good": th.said["good"][0], "info": th.said["info"][0]} {
							require.GreaterOrEqual(t, c.contrast(on), textContrast, "%s: %s", what, name)
						}
						require.GreaterOrEqual(t, th.edge.contrast(on), float64(edgeContrast), what)
					}
					for about, pair := range th.said {
						require.GreaterOrEqual(t, pair[0].contrast(pair[1]), textContrast, "%s: %s", what, about)
						require.GreaterOrEqual(t, th.ink.contrast(pair[1]), textContrast, "%s: %s", what, about)
					}
				}
			}
		}
	}
	require.Greater(t, tried, 200, "not all are refused")
}
