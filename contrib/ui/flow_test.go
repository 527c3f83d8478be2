package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// presses lists the submit buttons of a form as name=value, in the order of the
// page: Enter presses the first.
func presses(form *html.Node) (out []string) {
	for _, b := range find(form, "button", "type", "submit") {
		name, _ := attr(b, "name")
		value, _ := attr(b, "value")
		out = append(out, name+"="+value)
	}
	return out
}

func headings(doc *html.Node, tag string) (out []string) {
	for _, h := range find(doc, tag) {
		out = append(out, words(h))
	}
	return out
}

func TestSignInByPasswordOrCode(t *testing.T) {
	doc, _ := newSite(t, newFakeAPI(t)).page("/login?flow=login_both")
	form := one(t, doc, "form")
	require.Equal(t, []string{"method=password", "method=code"}, presses(form), "one identifier serves both, and Enter signs in by what was typed last")
	require.Equal(t, []string{"Sign in"}, headings(doc, "h1"))
	require.Contains(t, words(one(t, doc, "div", "role", "alert")), "credentials are invalid")
	for text, href := range map[string]string{
		"Create an account": "/registration?return_to=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc", "Forgot your password?": "/recovery?return_to=https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc",
	} {
		require.Equal(t, text, words(one(t, doc, "a", "href", href)))
	}
}

func TestProvingItOnceMore(t *testing.T) {
	api := newFakeAPI(t)
	doc, _ := newSite(t, api).page("/login?flow=login_refresh")
	require.Equal(t, []string{"Confirm that it is you"}, headings(doc, "h1"))
	one(t, doc, "input", "type", "hidden", "name", "identifier", "value", "ada@example.org")
	require.Equal(t, "as ada@example.org", words(one(t, one(t, doc, "div", "class", "intro"), "p")), "who it is about")
	require.Equal(t, "Back to your account", words(one(t, doc, "p", "class", "aside")))
	require.Empty(t, link(doc, "registration"), "who is signed in has an account")

	doc, _ = newSite(t, api).page("/login?flow=login_code")
	require.Equal(t, []string{"Enter your code"}, headings(doc, "h1"))
	require.Contains(t, words(one(t, doc, "div", "class", "intro")), "Sent to ada@example.org")
	require.Equal(t, []string{"method=code", "resend=code"}, presses(one(t, doc, "form")))
	require.Equal(t, "Use another one", words(one(t, doc, "a", "href", "/login")))
}

func TestRecovering(t *testing.T) {
	s := newSite(t, newFakeAPI(t))
	doc, _ := s.page("/recovery?flow=recovery")
	require.Equal(t, []string{"Recover your account"}, headings(doc, "h1"))
	require.Equal(t, "Sign in", words(one(t, doc, "a", "href", "/login?return_to=https%3A%2F%2Fapp.example.org%2F")))

	doc, _ = s.page("/recovery?flow=recovery_sent")
	require.Equal(t, []string{"Check your messages"}, headings(doc, "h1"))
	require.Equal(t, []string{"method=code", "email=ada@example.org"}, presses(one(t, doc, "form")))
	one(t, doc, "input", "name", "code", "autofocus", "*", "autocomplete", "one-time-code")
	require.Equal(t, "Use another one", words(one(t, doc, "a", "href", "/recovery?return_to=https%3A%2F%2Fapp.example.org%2F")))
	require.Empty(t, link(doc, "login"))

	doc, body := s.page("/recovery?flow=recovery_passed")
	require.Equal(t, "Continue", words(one(t, doc, "a", "class", "button primary")))
	require.NotContains(t, body, "Please correct")
	require.Empty(t, find(doc, "form"))
}

func TestTwoSteps(t *testing.T) {
	s := newSite(t, newFakeAPI(t))
	doc, _ := s.page("/registration?flow=two_first")
	require.Equal(t, []string{"method=profile", "provider=example"}, presses(one(t, doc, "form")))

	doc, _ = s.page("/registration?flow=two_second")
	form := one(t, doc, "form")
	require.Equal(t, []string{"method=password", "provider=example", "method=code", "screen=previous"}, presses(form))
	one(t, form, "input", "type", "hidden", "name", "traits.email", "value", "ada@example.org")
	_, free := attr(one(t, form, "button", "name", "screen"), "formnovalidate")
	require.True(t, free, "to go back nothing must be filled in")

	doc, _ = s.page("/registration?flow=two_sent")
	form = one(t, doc, "form")
	require.Equal(t, []string{"method=code", "resend=code", "screen=credential-selection"}, presses(form))
	one(t, form, "input", "type", "hidden", "name", "traits.email")
	require.Equal(t, []string{"Confirm your address"}, headings(doc, "h1"))
}

func TestSettingsAreOneFormForEachGroup(t *testing.T) {
	doc, body := newSite(t, newFakeAPI(t)).page("/settings?flow=settings_refused")
	require.Equal(t, []string{"Profile", "Password"}, headings(doc, "h2"))
	forms := find(doc, "form")
	require.Len(t, forms, 2)
	for i, want := range []string{"method=profile", "method=password"} {
		require.Equal(t, []string{want}, presses(forms[i]))
		one(t, forms[i], "input", "type", "hidden", "name", "csrf_token")
		one(t, forms[i], "button", "class", "button primary")
	}
	require.Empty(t, find(forms[1], "input", "name", "traits.email"))
	wrong := one(t, forms[1], "input", "name", "password", "aria-invalid", "true")
	id, _ := attr(wrong, "id")
	require.Equal(t, "Password", words(one(t, one(t, doc, "div", "role", "alert", "autofocus", "*"), "a", "href", "#"+id)))
	require.NotContains(t, body, "breached")
	require.Equal(t, "/", func() string { h, _ := attr(one(t, one(t, doc, "p", "class", "aside"), "a"), "href"); return h }())
}

// Every button of every form does what it says, by a click and by Enter, with
// and without JavaScript.
func TestPressingButtons(t *testing.T) {
	api := newFakeAPI(t)
	ui := httptest.NewServer(newSite(t, api))
	defer ui.Close()
	inner := api.Config.Handler
	var posted []string
	api.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			inner.ServeHTTP(w, r)
			return
		}
		_ = r.ParseForm()
		posted = nil
		for name, values := range r.PostForm { // of several, the last counts
			posted = append(posted, name+"="+values[len(values)-1])
		}
		slices.Sort(posted)
		http.Redirect(w, r, ui.URL+"/error", http.StatusSeeOther)
	})
	b := openTab(t)
	for _, scripts := range []bool{true, false} {
		b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": !scripts})
		for _, c := range []struct {
			page, press string   // a button by name=value, or a field to press Enter in
			all         int      // how many values arrive
			want        []string // the telling ones, besides the CSRF token
		}{
			{"/registration?flow=two_first", "traits.name.first", 4, []string{"method=profile"}},
			{"/registration?flow=two_second", "password", 5, []string{"method=password", "traits.email=ada@example.org"}},
			{"/registration?flow=two_second", "screen=previous", 5, []string{"screen=previous", "traits.email=ada@example.org"}},
			{"/registration?flow=two_second", "method=code", 5, []string{"method=code", "traits.email=ada@example.org"}},
			{"/registration?flow=two_sent", "code", 5, []string{"method=code", "traits.email=ada@example.org"}},
			{"/registration?flow=two_sent", "resend=code", 6, []string{"method=code", "resend=code", "traits.email=ada@example.org"}},
			{"/registration?flow=two_sent", "screen=credential-selection", 6, []string{"screen=credential-selection", "traits.email=ada@example.org"}},
			{"/login?flow=login_both", "identifier", 4, []string{"method=password"}},
			{"/login?flow=login_both", "method=code", 4, []string{"method=code"}},
			{"/recovery?flow=recovery_sent", "code", 3, []string{"method=code"}},
			{"/recovery?flow=recovery_sent", "email=ada@example.org", 4, []string{"email=ada@example.org"}},
			{"/settings?flow=settings_refused", "traits.name.first", 4, []string{"method=profile", "traits.email=ada@example.org"}},
			{"/settings?flow=settings_refused", "method=password", 3, []string{"method=password"}},
		} {
			b.visit(ui.URL + c.page)
			b.press(c.press)
			b.loaded()
			require.Equal(t, ui.URL+"/error", b.eval("location.href"), c)
			require.Subset(t, posted, append(c.want, "csrf_token=q0s/csrf+token=="), c)
			require.Len(t, posted, c.all, c)
		}
	}
}

func TestWhoIsBackIsAskedForAPasswordFirst(t *testing.T) {
	order := func(f flow) (titles []string) {
		for _, form := range (&server{}).flowPage("settings", f, "en").Body.(flowBody).Forms {
			titles = append(titles, form.Sections[0].Title)
		}
		return titles
	}
	f := fixture(t, "settings")
	usual := order(f)
	require.Equal(t, "Profile", usual[0])
	f.UI.Messages = append(f.UI.Messages, message{ID: 1060001, Type: "success"})
	back := order(f)
	require.Equal(t, "Password", back[0])
	require.Equal(t, "Profile", back[1], "the others stay in order")
	require.ElementsMatch(t, usual, back)
}

func TestTheButtonBackComesLast(t *testing.T) {
	press := func(group, name, value string) node {
		return node{Type: "input", Group: group, Attributes: attributes{Name: name, Type: "submit", Value: value}}
	}
	all := backLast(elements([]node{press("identifier_first", "screen", "previous"), press("code", "method", "code"), press("oidc", "provider", "x")}, ""))
	var names []string
	for _, e := range all {
		names = append(names, e.Current)
	}
	require.Equal(t, []string{"code", "x", "previous"}, names)
}
