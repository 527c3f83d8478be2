package template_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/template"
)

func payloads(t testing.TB) (all []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "payloads.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &all))
	require.GreaterOrEqual(t, len(all), 200)
	return append(all, "\xff\xfe<b>", "\xc0\xbcscript\xc0\xbe") // what JSON cannot hold
}

// poisoned is a message's sample data with s in place of every text, keys of
// what people send included. The link holds it where a link can.
func poisoned(name, s string) courier.Data {
	d := poison(map[string]any(template.Sample(name)), s).(map[string]any)
	d["transient_payload"] = map[string]any{s: s, "campaign": s}
	d["identity"].(map[string]any)["traits"].(map[string]any)[s] = []any{s, map[string]any{s: s}}
	return d
}

func poison(v any, s string) any {
	switch v := v.(type) {
	case string:
		return s
	case map[string]any:
		for key, inner := range v {
			v[key] = poison(inner, s)
		}
	}
	return v
}

func TestShippedMessagesTakeDataForNothingElse(t *testing.T) {
	t.Parallel()
	r := renderer(t, template.Config{Brand: acme()})
	for _, name := range template.Names() {
		safe := template.Sample(name)
		want := render(t, r, name, courier.Email, "en", safe)
		page := structure(t, want.HTML)
		for _, s := range payloads(t) {
			hostile := poisoned(name, s)
			for key, value := range safe {
				// A code is never empty and a link always a link: without, there
				// is no message to look at.
				if strings.HasSuffix(key, "_code") && strings.TrimSpace(strings.Map(visible, s)) == "" {
					hostile[key] = value
				}
				if strings.HasSuffix(key, "_url") && key != "request_url" {
					hostile[key] = "https://a.example/?q=" + url.QueryEscape(s)
				}
			}
			got := render(t, r, name, courier.Email, "en", hostile)
			require.Equal(t, want.Subject, got.Subject)
			if got.HTML != want.HTML {
				require.Equal(t, page, structure(t, got.HTML), "%s: %q", name, s)
				inert(t, s, got)
			}
			require.Equal(t, strings.Count(want.Text, "\n"), strings.Count(got.Text, "\n"), "%s: %q", name, s)
			if slices.Contains(texting, name) {
				got := render(t, r, name, courier.SMS, "en", hostile)
				require.NotContains(t, got.Text, "\n")
				inert(t, s, got)
			}
		}
	}
}

func visible(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune("\ufeff\u2028\u2029", r) {
		return ' '
	}
	return r
}

// inert holds a letter to what no data may bring about.
func inert(t *testing.T, payload string, l *courier.Letter) {
	t.Helper()
	for _, s := range []string{l.Subject, l.Text, l.HTML} {
		require.NotContains(t, s, "EVALUATED", "%q", payload)
		require.NotContains(t, s, "1337", "%q", payload) // 7*191
		for _, r := range s {
			if r < ' ' && r != '\n' && r != '\t' || r > '~' && (unicode.Is(unicode.Bidi_Control, r) || unicode.IsControl(r)) {
				require.Fail(t, "a hidden character", "%q leaves %U", payload, r)
			}
		}
	}
	require.False(t, strings.ContainsFunc(l.Subject, unicode.IsControl), "%q in %q", payload, l.Subject)
}

// structure is a page without its texts and values: elements, names of
// attributes, comments. Links are told by their scheme.
func structure(t *testing.T, page string) (all []string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			require.True(t, errors.Is(z.Err(), io.EOF))
			return all
		case html.TextToken:
		default:
			token := z.Token()
			name := kind.String() + " "
			if kind != html.CommentToken {
				name += token.Data
			}
			for _, a := range token.Attr {
				name += " " + a.Key
				if a.Key == "href" || a.Key == "src" {
					name += "=" + scheme(t, a.Val)
				}
			}
			all = append(all, name)
		}
	}
}

func scheme(t *testing.T, raw string) string {
	t.Helper()
	before, _, found := strings.Cut(raw, ":")
	if !found || strings.ContainsAny(before, "/?#") {
		return "none"
	}
	require.Contains(t, []string{"http", "https", "mailto"}, strings.ToLower(strings.TrimSpace(before)), raw)
	return "none" // a link as good as none: it runs nothing
}

// A link that is none is refused, whoever wrote it: the button would lead
// anywhere.
func TestLinksThatAreNoneAreRefused(t *testing.T) {
	r := renderer(t, template.Config{})
	for _, bad := range []string{
		"javascript:alert(1)", "//evil.example", "https:evil.example", "data:text/html,x", "https://a.example@evil.example/", "https://evil.example/ x", "https://evil.example/\"><b>",
		"https://evil.example/\r\nX: y", "x", "https://evil.example/{{.}}",
	} {
		for name, key := range map[string]string{"verification_valid": "verification_url", "recovery_valid": "recovery_url"} {
			d := template.Sample(name)
			d[key] = bad
			_, err := r.Render(message(name, courier.Email, "en"), d)
			require.ErrorContains(t, err, name, "%q", bad)
		}
	}
}

func everywhere() []template.Source {
	value := `{{.To}}{{.LoginCode}}{{.Identity.traits.name.first}}{{.Traits.email}}{{.TransientPayload.campaign}}{{.RequestURL}}{{.OAuth2LoginRequest.client.client_name}}`
	page := `<html><head><title>{{.To}}</title><style>p{color:{{.To}}}</style></head><body><p title="{{.Traits.email}}" data-x='{{.To}}'>` + value +
		`</p><a href="{{.To}}">x</a><a href="https://a.example/{{.RequestURL}}?q={{.TransientPayload.campaign}}">y</a><img alt={{.To}} src="{{.RequestURL}}">` +
		`<b onclick="f({{.To}})" style="width:{{.To}}">z</b><script>var a = {{.To}}, b = "{{.To}}", c = {{.Identity}}, d = {{.TransientPayload}};</script>` +
		`{{range $k, $v := .TransientPayload}}<i title="{{$k}}">{{$v}}</i>{{end}}<textarea>{{upper .To}}{{printf "%s|%v" .To .Traits.email}}{{list .To .To | join ", "}}</textarea></body></html>`
	return []template.Source{
		{Template: "login_code_valid", Part: template.HTML, Text: page}, {Template: "login_code_valid", Part: template.Text, Text: value + "{{.Identity}}"},
		{Template: "login_code_valid", Part: template.Subject, Text: "A {{.To}} {{trunc 50 .Traits.email}} {{.TransientPayload.campaign | trunc 50}}"},
	}
}

func TestOverridesTakeDataForNothingElse(t *testing.T) {
	r := renderer(t, template.Config{Sources: everywhere(), Failed: func(err error) { require.ErrorContains(t, err, "writes too much") }})
	safe := poisoned("login_code_valid", "x")
	want := structure(t, render(t, r, "login_code_valid", courier.Email, "en", safe).HTML)
	for _, s := range payloads(t) {
		d := poisoned("login_code_valid", s)
		if strings.Map(visible, s) != s || strings.ToValidUTF8(s, "") != s {
			// Keys may fall together once they are cleaned, and rows with them.
			d["transient_payload"] = map[string]any{"x": s, "campaign": s}
		}
		got := render(t, r, "login_code_valid", courier.Email, "en", d)
		require.Equal(t, want, structure(t, got.HTML), "%q", s)
		inert(t, s, got)
		if len(s) < 1000 {
			require.Equal(t, "A", strings.Fields(got.Subject)[0])
		}
	}
}

func TestOnlyTheCodeTheLinkAndTheValidityAreShown(t *testing.T) {
	r := renderer(t, template.Config{Brand: acme()})
	for _, name := range template.Names() {
		d := poisoned(name, "STRANGER")
		for key, value := range template.Sample(name) {
			if strings.HasSuffix(key, "_code") || strings.HasSuffix(key, "_url") && key != "request_url" {
				d[key] = value
			}
		}
		l := render(t, r, name, courier.Email, "es", d)
		for _, s := range []string{l.Subject, l.Text, l.HTML} {
			require.NotContains(t, s, "STRANGER", name)
		}
	}
}

func FuzzTemplateData(f *testing.F) {
	r, err := template.New(template.Config{Brand: acme(), Sources: everywhere()})
	require.NoError(f, err)
	for i, s := range payloads(f) {
		f.Add(s, payloads(f)[(i*7)%200], i)
	}
	f.Fuzz(func(t *testing.T, a, b string, minutes int) {
		for _, name := range []string{"login_code_valid", "registration_code_valid", "recovery_valid"} {
			d := poisoned(name, a)
			d["traits"], d["expires_in_minutes"], d["login_code"] = map[string]any{b: a, "email": b}, minutes, b
			d["recovery_url"] = b
			l, err := r.Render(message(name, courier.Email, b), d)
			if err != nil {
				continue
			}
			structure(t, l.HTML)
			for _, r := range l.Subject {
				require.False(t, unicode.IsControl(r))
			}
			require.LessOrEqual(t, len(l.HTML), 256<<10)
		}
	})
}
