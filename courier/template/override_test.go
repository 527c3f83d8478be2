package template_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/template"
)

// write lays files out in a folder of overrides.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

func render(t *testing.T, r *template.Renderer, name, channel, locale string, d courier.Data) *courier.Letter {
	t.Helper()
	l, err := r.Render(message(name, channel, locale), d)
	require.NoError(t, err)
	return l
}

func TestEachPartFallsBackByItself(t *testing.T) {
	const name = "recovery_code_valid"
	dir := write(t, map[string]string{
		"recovery_code/valid/email.subject.gotmpl":              "any {{.Locale}}",
		"recovery_code/valid/email.subject.de.gotmpl":           "de",
		"recovery_code/valid/email.subject.de-AT.gotmpl":        "de-AT",
		"recovery_code/valid/email.body.plaintext.pt_BR.gotmpl": "código {{.RecoveryCode}}",
		"recovery_code/valid/email.body.es.gotmpl":              "<b>{{.RecoveryCode}}</b>",
		"recovery_code/valid/sms.body.gotmpl":                   "{{.RecoveryCode}} {{.VerificationCode}}",
	})
	r := renderer(t, template.Config{Folder: dir, Brand: acme()})
	require.Empty(t, r.Warnings())
	require.Equal(t, []string{"de", "de-AT", "en", "es", "fr", "pt-BR"}, r.Locales())
	for locale, subject := range map[string]string{
		"de-AT": "de-AT", "de-at": "de-AT", "de_AT": "de-AT", "de-AT-x-wien": "de-AT", "de-CH": "de", "de": "de", "fr-CA": "any fr-CA", "nl": "any nl", "": "any en", "?": "any en",
	} {
		require.Equal(t, subject, render(t, r, name, courier.Email, locale, template.Sample(name)).Subject, locale)
	}
	l := render(t, r, name, courier.Email, "de-AT", template.Sample(name))
	require.Contains(t, l.HTML, `<html lang="de"`)
	require.Contains(t, l.Text, "Code und Link sind 10\u00a0Minuten gültig.")
	require.Contains(t, render(t, r, name, courier.Email, "nl", template.Sample(name)).Text, "The code and the link are valid")
	require.Equal(t, "código 482915", render(t, r, name, courier.Email, "pt-BR", template.Sample(name)).Text)
	require.Contains(t, render(t, r, name, courier.Email, "pt", template.Sample(name)).Text, "The code and the link are valid")

	l = render(t, r, name, courier.Email, "es-MX", template.Sample(name))
	require.Equal(t, "<b>482915</b>", l.HTML)
	require.Contains(t, l.Text, "482915", "the shipped text stands beside an HTML of one's own")
	require.Contains(t, l.Text, "El código y el enlace son válidos")

	require.Equal(t, "482915 482915", strings.TrimSpace(render(t, r, name, courier.SMS, "de", template.Sample(name)).Text))
	require.Contains(t, render(t, r, "login_code_valid", courier.SMS, "de", template.Sample("login_code_valid")).Text, "ist Ihr Code", "other messages stay as they are")
}

func TestSourcesStandAboveTheFolder(t *testing.T) {
	dir := write(t, map[string]string{
		"login_code/valid/email.subject.gotmpl":    "folder",
		"login_code/valid/email.subject.de.gotmpl": "folder de",
	})
	r := renderer(t, template.Config{Folder: dir, Sources: []template.Source{{Template: "login_code_valid", Part: template.Subject, Text: "source"}}})
	require.Equal(t, "source", render(t, r, "login_code_valid", courier.Email, "en", template.Sample("login_code_valid")).Subject)
	require.Equal(t, "folder de", render(t, r, "login_code_valid", courier.Email, "de", template.Sample("login_code_valid")).Subject)
}

func TestOverridesSeeTheWiresVariables(t *testing.T) {
	text := `{{.To}}|{{.VerificationCode}}|{{.VerificationURL}}|{{.Identity.traits.name.first}}|{{$.Identity.traits.nothing.at.all}}|{{.Traits.email}}|` +
		`{{.TransientPayload.campaign}}|{{.RequestURL}}|{{.RequestURLDomain}}|{{.ExpiresInMinutes}}|{{if eq .ExpiresInMinutes 10}}ten{{end}}|` +
		`{{.OAuth2LoginRequest.Client.ClientName}}|{{.OAuth2LoginRequest.client.client_name}}|{{.Brand.Name}}|{{.Locale}}|{{.RecoveryCode}}|` +
		`{{range .Identity.nothing}}x{{else}}none{{end}}|{{with .Identity}}{{.schema_id}}{{end}}|{{(index .TransientPayload "nothing").more}}`
	r := renderer(t, template.Config{Brand: acme(), Sources: []template.Source{{Template: "verification_code_valid", Part: template.Text, Text: text}}})
	d := template.Sample("verification_code_valid")
	d["verification_url"] = "https://a.example/"
	require.Equal(t, "ada@example.org|482915|https://a.example/|Ada||ada@example.org|autumn|"+
		"https://accounts.example.org/self-service/registration/browser|accounts.example.org|10|ten|The Shop|The Shop|Acme & Söhne|de||none|default|",
		render(t, r, "verification_code_valid", courier.Email, "de", d).Text)
}

func TestFunctionsDoWhatPeopleKnow(t *testing.T) {
	for text, want := range map[string]string{
		`{{upper "aß"}} {{lower "AÄ"}} {{title "ada lovelace"}}`:                               "Aß aä Ada Lovelace",
		`{{trim "  a "}}{{trimAll "-" "--b-"}}{{trimPrefix "x" "xc"}}{{trimSuffix "x" "dx"}}`:  "abcd",
		`{{nospace " a b\tc "}} {{quote "a"}} {{squote "b"}} {{toString 7}}`:                   `abc "a" 'b' 7`,
		`{{"a,b" | replace "," ";"}} {{trunc 2 "äöü"}} {{trunc -2 "äöü"}} {{trunc 9 "ä"}}`:     "a;b äö öü ä",
		`{{contains "b" "abc"}} {{hasPrefix "a" "abc"}} {{hasSuffix "b" "abc"}}`:               "true true false",
		`{{default "x" ""}} {{default "x" "y"}} {{"" | default "z"}} {{coalesce "" 0 "c"}}`:    "x y z c",
		`{{ternary "yes" "no" true}} {{empty .To}} {{empty .RecoveryCode}}`:                    "yes false true",
		`{{list 1 2 3 | join "-"}} {{first (list "a" "b")}} {{last (list "a" "b")}}`:           "1-2-3 a b",
		`{{(split "." "a.b")._1}} {{splitList "," "x,y" | join "+"}}`:                          "b x+y",
		`{{$d := dict "k" "v"}}{{get $d "k"}} {{hasKey $d "x"}} {{$d.k}}`:                      "v false v",
		`{{int "7"}} {{add 1 2 3}} {{sub 5 "2"}} {{add .ExpiresInMinutes 1}} {{int nil}}`:      "7 6 3 11 0",
		`{{printf "%05.1f %s|%-4s|" 2.25 "a" "b"}} {{print "a" 1}} {{len "abc"}}`:              "002.2 a|b   | a1 3",
		`{{upper .Identity.missing}}{{join "," .Identity.missing}}{{trunc 3 .Identity.no.no}}`: "",
		`{{html "<"}} {{urlquery "a b"}} {{js "'"}}`:                                           `&lt; a+b \'`,
	} {
		r, err := template.New(template.Config{Sources: []template.Source{{Template: "login_code_valid", Part: template.Text, Text: "x" + text}}})
		require.NoError(t, err, text)
		require.Equal(t, "x"+want, render(t, r, "login_code_valid", courier.Email, "en", template.Sample("login_code_valid")).Text, text)
	}
}

func TestTemplatesOfAPartCallEachOther(t *testing.T) {
	dir := write(t, map[string]string{
		"recovery/valid/email.body.gotmpl":       `{{if eq .Identity.traits.lang "de"}}{{template "email.body.de-DE.gotmpl" .}}{{else}}{{template "inner" .RecoveryURL}}{{end}}{{define "inner"}}<a href="{{.}}">go</a>{{end}}`,
		"recovery/valid/email.body.de_DE.gotmpl": `{{define "inner"}}<a href="{{.}}">los</a>{{end}}{{template "inner" .RecoveryURL}}`,
	})
	r := renderer(t, template.Config{Folder: dir})
	d := template.Sample("recovery_valid")
	d["recovery_url"] = "https://a.example/?a=b&c=d"
	require.Equal(t, `<a href="https://a.example/?a=b&amp;c=d">go</a>`, render(t, r, "recovery_valid", courier.Email, "en", d).HTML)
	require.Equal(t, `<a href="https://a.example/?a=b&amp;c=d">los</a>`, render(t, r, "recovery_valid", courier.Email, "de-DE", d).HTML)
}

func TestBrokenOverridesStopTheStart(t *testing.T) {
	for text, says := range map[string]string{
		"a\n{{.To":                 ":2: unclosed action",
		"a\n\n{{nothing .To}}":     `:3: function "nothing" not defined`,
		"{{.Tow}}":                 "there is no .Tow; there are Brand, ChangedAt, ExpiresInMinutes",
		"\n{{$.Verificationcode}}": ":2:3: executing",
		"{{env \"HOME\"}}":         `function "env" not defined`,
		"{{now}}":                  `function "now" not defined`,
		"{{repeat 9 \"a\"}}":       `function "repeat" not defined`,
		"a{{if .RecoveryURL}}\n{{template \"x\"}}{{end}}": `:2:11: template "x" not defined`,
		"{{.To.String \"x\"}}":                            "can't give argument to non-function",
		"{{\"\"}}":                                        "writes nothing",
		"":                                                "writes nothing",
		"{{int .To}}":                                     `"ada@example.org" is no whole number`,
		"{{call .To}}":                                    "non-function .To of type string",
	} {
		for _, part := range []template.Part{template.Subject, template.Text, template.HTML, template.SMS} {
			file := "verification_code/valid/" + string(part) + ".gotmpl"
			dir := write(t, map[string]string{file: text})
			_, err := template.New(template.Config{Folder: dir})
			require.ErrorContains(t, err, says, "%q", text)
			require.ErrorContains(t, err, "template verification_code_valid, "+string(part)+": "+filepath.Join(dir, file), "%q", text)
		}
	}
	for text, says := range map[string]string{
		"<a href={{.VerificationURL}} title='{{if .To}}'>{{end}}": "branches end in different contexts",
		"<script>{{.To}}": "ends in a non-text context",
	} {
		dir := write(t, map[string]string{"verification_code/valid/email.body.gotmpl": text})
		_, err := template.New(template.Config{Folder: dir})
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, err, filepath.Join(dir, "verification_code/valid/email.body.gotmpl"))
	}
	for _, s := range []template.Source{
		{Template: "nothing", Part: template.Text, Text: "a", From: "key"},
		{Template: "test", Part: template.Text, Text: "a", From: "key"},
		{Template: "login_code_valid", Part: "email.header", Text: "a", From: "key"},
		{Template: "login_code_valid", Part: template.Text, Locale: "x y", Text: "a", From: "key"},
		{Template: "login_code_valid", Part: template.Text, Text: strings.Repeat("a", 256<<10+1), From: "key"},
	} {
		_, err := template.New(template.Config{Sources: []template.Source{s}})
		require.ErrorContains(t, err, "key: ")
	}
	_, err := template.New(template.Config{Folder: filepath.Join(t.TempDir(), "missing")})
	require.ErrorContains(t, err, "missing")
}

func TestAllBrokenOverridesAreNamedAtOnce(t *testing.T) {
	dir := write(t, map[string]string{"login_code/valid/email.body.gotmpl": "{{", "login_code/valid/sms.body.fr.gotmpl": "{{"})
	_, err := template.New(template.Config{Folder: dir})
	require.ErrorContains(t, err, "email.body.gotmpl:1:")
	require.ErrorContains(t, err, "sms.body.fr.gotmpl:1:")
}

func TestFilesThatAreNoTemplatesAreNamed(t *testing.T) {
	files := []string{
		"readme.md", "login_code/valid/email.body.html", "login_code/email.body.gotmpl", "login_code/valid/email.footer.gotmpl", "login_code/valid/email.body.klingonisch.gotmpl",
		"login_code/invalid/email.body.gotmpl", "test/valid/email.body.gotmpl", "login_code/valid/email.bodyde.gotmpl", "login_code/valid/email.body..gotmpl", "a/b/c/d.gotmpl",
	}
	all := map[string]string{".git/x": "", "login_code/valid/.email.body.gotmpl.swp": "", "login_code/valid/email.body.gotmpl": "fine"}
	for _, f := range files {
		all[f] = "{{"
	}
	dir := write(t, all)
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "login_code", "loop")))
	r := renderer(t, template.Config{Folder: dir})
	said := strings.Join(r.Warnings(), "\n")
	for _, f := range files {
		require.Contains(t, said, filepath.Join(dir, f)+" is no template")
	}
	require.NotContains(t, said, ".git")
	require.NotContains(t, said, ".swp")
	require.NotContains(t, said, filepath.Join(dir, "login_code/valid/email.body.gotmpl"), "the good one is none of them")
}

func TestWhatFailsOnlyLaterIsReplacedByWhatIsShipped(t *testing.T) {
	var mu sync.Mutex
	var heard []error
	r := renderer(t, template.Config{
		Sources: []template.Source{{Template: "login_code_valid", Part: template.Subject, Text: "{{int .LoginCode}}", From: "courier.templates.x"}},
		Failed: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, err)
		},
	})
	require.Equal(t, "482915", render(t, r, "login_code_valid", courier.Email, "en", template.Sample("login_code_valid")).Subject)
	require.Empty(t, heard)
	d := template.Sample("login_code_valid")
	d["login_code"] = "abc"
	require.Equal(t, "Sign in to Foyer", render(t, r, "login_code_valid", courier.Email, "en", d).Subject)
	require.Len(t, heard, 1)
	require.ErrorContains(t, heard[0], "template login_code_valid, email.subject: courier.templates.x:1:2: executing")
	require.NotContains(t, heard[0].Error(), "abc", "a code is not for logs")
}

func TestOneOverrideServesManyAtOnce(t *testing.T) {
	r := renderer(t, template.Config{Sources: []template.Source{{Template: "login_code_valid", Part: template.HTML, Text: "<p>{{range 100}}{{$.LoginCode}}{{end}}</p>"}}})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			code := strings.Repeat(string(rune('0'+i)), 6)
			for range 20 {
				d := template.Sample("login_code_valid")
				d["login_code"] = code
				l, err := r.Render(message("login_code_valid", courier.Email, "fr"), d)
				if err != nil || l.HTML != "<p>"+strings.Repeat(code, 100)+"</p>" {
					t.Errorf("%v, %v", l, err)
				}
			}
		})
	}
	all.Wait()
}
