package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The form stands first, and Enter in it never leads to another site.
func TestOtherSitesStandBelowTheForm(t *testing.T) {
	s := newSite(t, newFakeAPI(t))
	doc, _ := s.page("/registration?flow=providers")
	form := one(t, doc, "form")
	require.Equal(t, []string{"method=password", "provider=example", "provider=other", "provider=work"}, presses(form))
	require.Equal(t, "or", words(one(t, form, "p", "class", "or")))
	require.Equal(t, "Other ways are below", words(one(t, doc, "a", "href", "#ways")), "a long form hides them")
	ways := one(t, form, "div", "id", "ways", "tabindex", "-1")
	require.Equal(t, "or Sign up with Example Sign up with Another Site Sign up with Work", words(ways))
	require.Empty(t, find(ways, "button", "class", "button primary"))

	doc, _ = s.page("/login?flow=login_providers")
	require.Empty(t, find(doc, "a", "href", "#ways"), "a short one does not")

	doc, _ = s.page("/login?flow=providers_only")
	require.Equal(t, []string{"provider=example", "provider=other"}, presses(one(t, doc, "form")))
	require.Empty(t, find(doc, "p", "class", "or"), "there is nothing that they are instead of")
	require.Empty(t, find(doc, "button", "class", "button primary"), "no site before another")

	doc, _ = s.page("/registration?flow=two_second")
	require.Equal(t, "or Sign up with Example", words(one(t, doc, "div", "id", "ways")), "the way back is no other way")
}

func TestAnswersThatAreMissing(t *testing.T) {
	doc, _ := newSite(t, newFakeAPI(t)).page("/registration?flow=answers_missing")
	require.Equal(t, []string{"Almost done"}, headings(doc, "h1"))
	form := one(t, doc, "form")
	require.Equal(t, []string{"provider=example", "screen=previous"}, presses(form))
	require.Equal(t, "Continue", words(one(t, form, "button", "class", "button primary")))
	require.Empty(t, find(form, "use", "href", "#icon-leave"), "the other site is not asked again")
	require.Empty(t, find(form, "p", "class", "or"))
	one(t, form, "input", "name", "traits.email", "value", "ada@example.com")
	id, _ := attr(one(t, form, "input", "name", "traits.name.first", "aria-invalid", "true"), "aria-describedby")
	require.Contains(t, words(one(t, form, "p", "id", id)), "missing")
}

func TestSigningInToLink(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api)
	doc, _ := s.page("/login?flow=linking")
	require.Equal(t, []string{"You have an account already"}, headings(doc, "h1"))
	require.Contains(t, words(one(t, doc, "div", "role", "status")), "sign in to it once")
	form := one(t, doc, "form")
	require.Equal(t, []string{"method=password", "provider=other"}, presses(form))
	require.Equal(t, "Sign in and link", words(one(t, form, "button", "class", "button primary")))
	one(t, form, "input", "name", "identifier", "value", "ada@example.com")
	require.Equal(t, "Sign in without linking", words(one(t, doc, "a", "href", api.URL+"/self-service/login/browser?return_to=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc")))
	require.Empty(t, link(doc, "registration"))

	f := fixture(t, "linking")
	f.UI.Messages[0].Context = map[string]any{"new_login_url": "https://evil.example/"}
	body := (&server{config: config{Public: api.URL}}).flowPage("login", f, "en").Body.(flowBody)
	require.True(t, body.Linking)
	require.Equal(t, "/login?return_to=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc", body.Instead, "it leads to the API alone")

	f.UI.Messages = []message{{ID: 4000006, Type: "error"}}
	body = (&server{config: config{Public: api.URL}}).flowPage("login", f, "en").Body.(flowBody)
	require.True(t, body.Linking, "after a wrong password, too")
	require.Equal(t, "/login?return_to=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc", body.Instead)
}

func TestAccountsElsewhereInSettings(t *testing.T) {
	doc, _ := newSite(t, newFakeAPI(t)).page("/settings?flow=settings_providers")
	require.Equal(t, []string{"Profile", "Password", "Connected accounts"}, headings(doc, "h2"))
	form := find(doc, "form")[2]
	require.Equal(t, []string{"unlink=example", "link=other"}, presses(form))
	one(t, form, "input", "type", "hidden", "name", "csrf_token")
	require.Empty(t, find(form, "button", "class", "button primary"))
	require.Empty(t, find(form, "p", "class", "or"))
	require.Len(t, find(form, "use", "href", "#icon-leave"), 1, "to unlink leads nowhere")
}

// A page that sends nobody away lets its forms lead no further for that.
func TestWhereFormsLeadFromButtonsToOtherSites(t *testing.T) {
	api := newFakeAPI(t)
	targets := func(public, flow string) []string {
		f := fixture(t, flow)
		s := &server{config: config{Public: public}}
		w := httptest.NewRecorder()
		s.headers(w, s.flowPage("registration", f, "en"))
		_, rest, _ := strings.Cut(w.Header().Get("Content-Security-Policy"), "form-action ")
		rest, _, _ = strings.Cut(rest, ";")
		return strings.Fields(rest)
	}
	for flow, leaves := range map[string]bool{"providers": true, "login_providers": true, "linking": true, "settings_providers": true, "answers_missing": false, "fresh": false, "login_both": false} {
		require.Equal(t, leaves, slices.Contains(targets("https://id.example.org", flow), "https:"), flow)
		require.NotContains(t, targets("https://id.example.org", flow), "http:", flow)
		require.Equal(t, leaves, slices.Contains(targets(api.URL, flow), "http:"), flow)
	}
}

// A post that the API answers by leading to another site arrives there.
func TestLeavingForAnotherSite(t *testing.T) {
	api := newFakeAPI(t)
	ui := httptest.NewServer(newSite(t, api))
	defer ui.Close()
	var came []string
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/authorize" {
			came = append(came, r.URL.RawQuery)
		}
	}))
	defer site.Close()
	inner := api.Config.Handler
	api.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			inner.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, strings.Replace(site.URL, "127.0.0.1", "localhost", 1)+"/authorize?by="+r.FormValue("provider")+r.FormValue("link"), http.StatusSeeOther)
	})
	b := openTab(t)
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	for _, c := range [][2]string{{"/registration?flow=providers", "provider=other"}, {"/login?flow=linking", "provider=other"}, {"/settings?flow=settings_providers", "link=other"}} {
		b.visit(ui.URL + c[0])
		b.press(c[1])
		b.loaded()
	}
	require.Equal(t, []string{"by=other", "by=other", "by=other"}, came)
}

// On a phone the fields of a login with many sites are all in sight.
func TestTheFormIsSeenFirst(t *testing.T) {
	ui := httptest.NewServer(newSite(t, newFakeAPI(t)))
	defer ui.Close()
	b := openTab(t)
	b.screen(390, 664, "light") // what an iPhone 14 leaves between its bars
	b.visit(ui.URL + "/login?flow=login_providers")
	require.Equal(t, "true", b.eval(`document.querySelector("button.primary").getBoundingClientRect().bottom < innerHeight`))
	require.Equal(t, "true", b.eval(`document.querySelector("#ways button").getBoundingClientRect().bottom < innerHeight`), "and that there are other ways")
	b.eval(`document.querySelector("button.primary").focus()`)
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9})
	}
	b.focuses("value", "example")
	require.Equal(t, "solid 3px", b.eval(`(s => s.outlineStyle + " " + s.outlineWidth)(getComputedStyle(document.activeElement))`), "where the keyboard is can be seen")
	if shots := os.Getenv("FOYER_UI_SHOTS"); shots != "" {
		b.shoot(filepath.Join(shots, "providers-focus.png"))
	}
	b.visit(ui.URL + "/registration?flow=providers")
	require.Equal(t, "true", b.eval(`document.querySelector("[href='#ways']").getBoundingClientRect().bottom < innerHeight`))
	b.eval(`document.querySelector("[href='#ways']").click()`)
	require.Equal(t, "true", b.eval(`document.querySelector("#ways button").getBoundingClientRect().bottom < innerHeight`))
}

func TestMethodsOfASessionNameTheSite(t *testing.T) {
	var in session
	require.NoError(t, json.Unmarshal([]byte(`{"authentication_methods":[{"method":"password"},{"method":"oidc","provider":"the_museum"},{"method":"oidc"}]}`), &in))
	require.Equal(t, "Password, The museum, Connected accounts", in.MethodNames())
}

func TestTroubleWithAnotherSiteInPlainWords(t *testing.T) {
	listed, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	for _, id := range []string{"oidc_provider_unavailable", "oidc_provider_unknown", "oidc_state_invalid"} {
		require.Contains(t, string(listed), "`"+id+"`")
		told := explain(&failure{apiError: apiError{ID: id, Code: http.StatusBadGateway}})
		require.NotEqual(t, "Something went wrong", told.Title, id)
	}
}
