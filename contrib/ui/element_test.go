package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func TestFreshFlowIsDrawnAsTheAPIOrdersIt(t *testing.T) {
	api := newFakeAPI(t)
	doc, _ := newSite(t, api).page("/registration?flow=fresh")
	form := one(t, doc, "form")
	action, _ := attr(form, "action")
	require.Equal(t, api.URL+"/self-service/registration?flow=6c2ae96c-8486-42f0-91f9-f654eccd09fb", action)
	method, _ := attr(form, "method")
	require.Equal(t, "post", method)

	var names []string
	for _, n := range append(find(form, "input"), append(find(form, "select"), find(form, "button")...)...) {
		name, _ := attr(n, "name")
		names = append(names, name)
	}
	require.Equal(t, []string{"csrf_token", "traits.email", "password", "traits.name.first", "traits.name.last", "traits.age",
		"traits.newsletter", "traits.terms", "traits.terms", "traits.plan", "method"}, names)

	for _, input := range append(find(form, "input"), find(form, "select")...) {
		if kind, _ := attr(input, "type"); kind == "hidden" {
			continue
		}
		id, _ := attr(input, "id")
		require.NotEmpty(t, words(one(t, form, "label", "for", id)))
	}
	require.Equal(t, "csrf_token", func() string { n, _ := attr(one(t, form, "input", "value", "q0s/csrf+token=="), "name"); return n }())
	one(t, form, "input", "name", "traits.age", "type", "number", "step", "any")
	one(t, form, "button", "name", "method", "value", "password", "type", "submit")
	require.Empty(t, find(doc, "div", "role", "alert"))
	require.Empty(t, find(doc, "input", "aria-invalid", "*"))
	require.Empty(t, find(doc, "script"))
	require.Equal(t, "Create your account – Foyer", words(one(t, doc, "title")))
	one(t, doc, "html", "lang", "en")
}

func TestRefusalStandsBesideItsField(t *testing.T) {
	doc, body := newSite(t, newFakeAPI(t)).page("/registration?flow=refused")
	for name, message := range map[string]string{
		"traits.email":      `Error: "ada@example" is not a valid email address.`,
		"password":          "Error: The password must be at least 8 characters long, but got 3.",
		"traits.name.first": "Error: Property first is missing.",
		"traits.age":        "Error: Must be a number.",
	} {
		input := one(t, doc, "input", "name", name, "aria-invalid", "true")
		described, _ := attr(input, "aria-describedby")
		require.Equal(t, message, words(one(t, doc, "p", "id", described)))
	}
	terms := one(t, doc, "input", "name", "traits.terms", "type", "checkbox")
	described, _ := attr(terms, "aria-describedby")
	require.Equal(t, "Error: Must be accepted.", words(one(t, doc, "p", "id", described)))

	summary := one(t, doc, "div", "role", "alert")
	require.Contains(t, words(summary), "exists already")
	links := find(summary, "a")
	require.Len(t, links, 5)
	for _, link := range links {
		href, _ := attr(link, "href")
		require.Len(t, find(doc, "input", "id", strings.TrimPrefix(href, "#")), 1, href)
	}
	require.True(t, strings.HasPrefix(words(one(t, doc, "title")), "Please correct: "))

	one(t, doc, "input", "name", "traits.email", "value", "ada@example")
	one(t, doc, "input", "name", "traits.age", "value", "abc", "type", "text")
	one(t, doc, "option", "value", "team", "selected", "*")
	one(t, doc, "input", "name", "traits.newsletter", "checked", "*")
	require.Empty(t, find(doc, "input", "name", "traits.terms", "checked", "*"))
	require.Equal(t, 1, strings.Count(body, "autofocus"))
}

func TestEveryNodeIsDrawnOnce(t *testing.T) {
	for _, name := range []string{"fresh", "refused", "nodes", "settings", "login", "lists", "lists_refused", "login_both", "login_refresh", "login_code", "recovery", "recovery_sent", "two_first", "two_second", "two_sent", "settings_refused",
		"providers", "login_providers", "providers_only", "answers_missing", "linking", "settings_providers"} {
		t.Run(name, func(t *testing.T) {
			api := newFakeAPI(t)
			doc, _ := newSite(t, api).page("/registration?flow=" + name)
			f := fixture(t, name)
			csrf := 0
			for i, n := range f.UI.Nodes {
				switch a := n.Attributes; {
				case n.Type == "script":
				case n.Type == "div":
					one(t, doc, "div", "id", a.ID)
				case a.Type == "hidden":
					csrf += len(find(doc, "input", "type", "hidden", "name", a.Name, "value", text(a.Value)))
				default:
					id := fmt.Sprintf("n%d", i)
					drawn := 0
					for _, tag := range []string{"input", "select", "button", "fieldset", "div", "a"} {
						drawn += len(find(doc, tag, "id", id))
					}
					require.Equal(t, 1, drawn, "node %d %s", i, a.Name)
				}
			}
			require.GreaterOrEqual(t, csrf, len(find(doc, "form")))
		})
	}
}

func TestEachNodeKind(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api)
	doc, body := s.page("/registration?flow=nodes")
	in := func(name string, pairs ...string) {
		t.Helper()
		one(t, doc, "input", append([]string{"name", name}, pairs...)...)
	}
	in("traits.text", "type", "text", "value", "kept", "required", "*", "pattern", ".*(?:^[a-z]+$).*", "maxlength", "40")
	in("traits.number", "type", "number", "value", "4.25", "step", "any")
	in("traits.email", "type", "email", "autocomplete", "email")
	in("traits.phone", "type", "tel", "autocomplete", "tel")
	in("traits.site", "type", "url", "autocomplete", "url")
	in("traits.born", "type", "date", "value", "1815-12-10")
	in("traits.seen", "type", "datetime-local", "value", "2026-01-02T03:04:05")
	in("traits.yes", "type", "checkbox", "value", "true", "checked", "*")
	in("traits.must", "type", "hidden", "value", "false")
	in("traits.must", "type", "checkbox", "value", "true")
	in("traits.locked", "disabled", "*", "value", "fixed")
	in("traits.odd", "type", "text")
	require.Empty(t, find(doc, "input", "name", "traits.yes", "type", "hidden"))

	size := one(t, doc, "select", "name", "traits.size")
	require.Len(t, find(size, "option"), 3, "an optional choice can be taken back")
	one(t, size, "option", "value", "m", "selected", "*")
	level := one(t, doc, "select", "name", "traits.level")
	require.Len(t, find(level, "option"), 2)
	one(t, level, "option", "value", "2", "selected", "*")

	var tags []string
	for _, n := range find(doc, "input", "name", "traits.tags") {
		value, _ := attr(n, "value")
		tags = append(tags, value)
	}
	require.Equal(t, []string{"one", "two", ""}, tags)
	require.Contains(t, body, "Home town name")
	require.NotContains(t, body, "must-never-show")

	require.Contains(t, body, "code-one")
	require.Contains(t, body, "code-two")
	one(t, doc, "img", "alt", "QR code", "width", "120")
	one(t, doc, "a", "href", "https://docs.example.org/")
	one(t, doc, "div", "id", "d1", "class", "widget", "data-key", "k1")
	one(t, doc, "script", "src", api.URL+"/.well-known/ory/webauthn.js", "integrity", "sha512-abc")
	require.NotContains(t, body, "evil.example")
	require.NotContains(t, body, "other.js")
	one(t, doc, "button", "type", "button", "data-click-runs", "oryPasskeyRegistration")
	require.Contains(t, s.get("/registration?flow=nodes").Header().Get("Content-Security-Policy"), "script-src 'self' "+api.URL)
}

// entries are label and value of every visible input of a name, in order; a
// checkbox that is ticked has a + in front.
func entries(t *testing.T, doc *html.Node, name string) (out []string) {
	for _, n := range find(doc, "input", "name", name) {
		kind, _ := attr(n, "type")
		value, _ := attr(n, "value")
		label, _ := attr(n, "aria-label")
		switch kind {
		case "hidden":
			continue
		case "checkbox":
			id, _ := attr(n, "id")
			label = words(one(t, doc, "label", "for", id))
			if _, ticked := attr(n, "checked"); ticked {
				label = "+" + label
			}
		}
		out = append(out, label+"="+value)
	}
	return out
}

func TestFreshListsHaveRoom(t *testing.T) {
	doc, _ := newSite(t, newFakeAPI(t)).page("/registration?flow=lists")
	require.Equal(t, []string{"Tags, entry 1="}, entries(t, doc, "traits.tags"))
	require.Equal(t, []string{"chess=chess", "choral singing=choral singing", "rowing=rowing"}, entries(t, doc, "traits.clubs"))
	require.Equal(t, []string{"Monday=1", "Tuesday=2", "3=3"}, entries(t, doc, "traits.days"))
	require.Equal(t, []string{"Lucky numbers, entry 1="}, entries(t, doc, "traits.numbers"))
	one(t, doc, "input", "name", "traits.badges", "type", "checkbox", "disabled", "*")
	one(t, doc, "input", "name", "traits.clubs", "type", "hidden", "value", "")
	require.Empty(t, find(doc, "input", "name", "traits.days", "type", "hidden"))
	var legends []string
	for _, n := range find(doc, "legend") {
		legends = append(legends, words(n))
	}
	require.Equal(t, []string{"Tags", "Clubs", "Days you have time optional", "Lucky numbers optional", "Badges"}, legends)
	require.Empty(t, find(doc, "select"))
	require.Empty(t, find(doc, "input", "aria-invalid", "*"))
	require.Empty(t, find(doc, "fieldset", "aria-describedby", "*"))
}

func TestRefusedListsKeepWhatWasTyped(t *testing.T) {
	doc, _ := newSite(t, newFakeAPI(t)).page("/registration?flow=lists_refused")
	require.Equal(t, []string{"Tags, entry 1=violin", "Tags, entry 2=", "Tags, entry 3="}, entries(t, doc, "traits.tags"))
	require.Equal(t, []string{"chess=chess", "choral singing=choral singing", "rowing=rowing"}, entries(t, doc, "traits.clubs"))
	require.Equal(t, []string{"+Monday=1", "Tuesday=2", "+3=3"}, entries(t, doc, "traits.days"))
	require.Equal(t, []string{"Lucky numbers, entry 1=7", "Lucky numbers, entry 2=eleven", "Lucky numbers, entry 3="}, entries(t, doc, "traits.numbers"))
	one(t, doc, "input", "name", "traits.badges", "type", "checkbox", "checked", "*", "disabled", "*")

	for name, message := range map[string]string{"traits.tags": "Error: Please choose at least 3 entries (now 1).", "traits.numbers": "Error: Must be a number."} {
		inputs := find(doc, "input", "name", name, "aria-invalid", "true")
		require.Len(t, inputs, 3, name)
		for _, input := range inputs {
			described, _ := attr(input, "aria-describedby")
			require.Equal(t, message, words(one(t, doc, "p", "id", described)))
		}
	}
	require.Len(t, find(doc, "input", "name", "traits.clubs", "aria-invalid", "true"), 3)
	group := one(t, doc, "fieldset", "aria-describedby", "*")
	require.Equal(t, "Clubs", words(one(t, group, "legend")))
	described, _ := attr(group, "aria-describedby")
	require.Equal(t, "Error: Please choose at least 1 entries (now 0).", words(one(t, group, "p", "id", described)))

	links := find(one(t, doc, "div", "role", "alert"), "a")
	require.Len(t, links, 3)
	for i, name := range []string{"traits.tags", "traits.clubs", "traits.numbers"} {
		href, _ := attr(links[i], "href")
		one(t, doc, "input", "id", strings.TrimPrefix(href, "#"), "name", name)
	}
}

func TestAListHasRoomWithinReason(t *testing.T) {
	for least, inputs := range map[any]int{json.Number("4"): 4, json.Number("1"): 2, json.Number("1000000"): maxEmpty, "many": 2, nil: 2} {
		n := node{Type: "input", Attributes: attributes{Type: "text", Value: []any{"one"}}, Messages: []message{{Type: "error", Context: map[string]any{"min_items": least}}}}
		require.Len(t, elements([]node{n}, "")[0].Values, inputs, "%v", least)
		n.Messages[0].Type = "info"
		require.Len(t, elements([]node{n}, "")[0].Values, 2, "%v", least)
	}
}

// Pressing Enter presses the first submit button of a form.
func TestEnterPressesTheButtonOfTheFields(t *testing.T) {
	s := newSite(t, newFakeAPI(t))
	doc, _ := s.page("/login?flow=login")
	first := find(one(t, doc, "form"), "button", "type", "submit")
	name, _ := attr(first[0], "value")
	require.Equal(t, "password", name, "not the provider, although the API names it first")
	_, free := attr(first[1], "formnovalidate")
	require.True(t, free)

	doc, _ = s.page("/settings?flow=settings")
	forms := find(doc, "form")
	require.Len(t, forms, 5, "one for each group: profile, password, connected accounts, security keys, authenticator app")
	require.Len(t, find(doc, "input", "name", "csrf_token"), 5)
	require.Len(t, find(forms[0], "button"), 1)
	one(t, forms[2], "button", "name", "link", "class", "button")
	keys := forms[3]
	one(t, keys, "input", "name", "webauthn_register", "type", "hidden")
	presses := find(keys, "button", "type", "submit")
	require.Len(t, presses, 2)
	_, dead := attr(presses[0], "disabled")
	require.True(t, dead, "Enter in the name of a new key must not remove an old one")
	one(t, doc, "div", "role", "status")
}

func TestIdentifierFirst(t *testing.T) {
	submit := func(group, name string) node {
		return node{Type: "input", Group: group, Attributes: attributes{Name: name, Type: "submit", Value: group}}
	}
	forms := arrange(elements([]node{submit("oidc", "provider"),
		{Type: "input", Group: "default", Attributes: attributes{Name: "who", Type: "text"}}, submit("identifier_first", "method")}, ""))
	require.Len(t, forms, 1)
	require.True(t, forms[0].Sections[0].Buttons[0].Primary)
	require.Equal(t, "identifier_first", forms[0].Sections[0].Buttons[0].Group)
	require.Equal(t, "oidc", forms[0].Sections[1].Buttons[0].Group)
}

func TestHostileValuesStayText(t *testing.T) {
	doc, body := newSite(t, newFakeAPI(t)).page("/registration?flow=hostile")
	require.Empty(t, find(doc, "script"))
	require.NotContains(t, body, "javascript:")
	require.NotContains(t, body, "data:text/html")
	x := `"><script>alert(1)</script>`
	one(t, doc, "input", "name", "traits.a"+x, "value", "V"+x)
	one(t, doc, "input", "type", "hidden", "name", "h"+x, "value", "H"+x)
	one(t, doc, "option", "value", "O"+x)
	one(t, doc, "div", "id", "d"+x, "data-ok", "D"+x)
	one(t, doc, "button", "value", "W"+x)
	for _, said := range []string{"L" + x, "M" + x, "C" + x, "B" + x} {
		require.Contains(t, words(doc), said)
	}
}

// The program must draw any field without knowing one.
func TestNoFieldNameIsKnown(t *testing.T) {
	templates, err := os.ReadDir("templates")
	require.NoError(t, err)
	paths := []string{"wire.go", "element.go", "form.go", "words.go", "flow.go"}
	for _, f := range templates {
		paths = append(paths, "templates/"+f.Name())
	}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, name := range []string{"csrf_token", `"identifier"`, `"method"}`, "traits.", "totp_code", `"provider"`, `"resend"`, `"screen"`} {
			require.NotContains(t, string(source), name, path)
		}
	}
}

func fixture(t *testing.T, name string) flow {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	var f flow
	require.NoError(t, json.Unmarshal(raw, &f))
	return f
}

// What the wire leaves open, or a newer API adds, must not cost the page.
func TestOddFlowsAreStillDrawn(t *testing.T) {
	for _, raw := range []string{
		`{"ui":{"nodes":null,"messages":null}}`,
		`{"ui":{"nodes":[{"type":"input","attributes":{"name":"a","type":"text","value":{"b":[1]}},"messages":null,"meta":{}}]}}`,
		`{"ui":{"nodes":[{"type":"text","attributes":{"text":{"text":"x","context":"none"}}},{"type":"div","attributes":{"data":{"n":1}}},{"type":"new"}]}}`,
		`{"ui":{"nodes":[{"type":"text","attributes":{"text":{"text":"x","context":{"secrets":["one",{"text":"two"},3]}}}}]}}`,
	} {
		var f flow
		require.NoError(t, json.Unmarshal([]byte(raw), &f), raw)
		require.Len(t, elements(f.UI.Nodes, "http://x"), len(f.UI.Nodes), raw)
		require.NotPanics(t, func() { arrange(elements(f.UI.Nodes, "http://x")) }, raw)
	}
	m := message{Context: map[string]any{"secrets": []any{"one", map[string]any{"text": "two"}}}}
	require.Equal(t, []string{"one", "two"}, m.Secrets())
}
