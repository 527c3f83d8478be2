package template

import (
	"embed"
	"errors"
	"fmt"
	ht "html/template"
	"maps"
	"math"
	"slices"
	"strings"
	tt "text/template"

	"golang.org/x/text/language"
)

//go:embed layout/*.gotmpl
var layouts embed.FS

// mails writes what comes with the program: three layouts, filled from the
// texts of a language. Of a message's data it shows the code, the link and the
// validity, and nothing that a stranger may have typed.
type mails struct {
	texts map[string]texts
	html  *ht.Template
	text  *tt.Template
	sms   *tt.Template

	brand       Brand
	light, dark palette
}

// newMails expects a brand that was checked.
func newMails(b Brand) (*mails, error) {
	all, err := shipped()
	if err != nil {
		return nil, err
	}
	m := &mails{texts: all, brand: b, light: b.palette(), dark: b.darkPalette()}
	if m.html, err = ht.ParseFS(layouts, "layout/email.html.gotmpl"); err != nil {
		return nil, err
	}
	if m.text, err = tt.ParseFS(layouts, "layout/email.txt.gotmpl"); err != nil {
		return nil, err
	}
	m.sms, err = tt.ParseFS(layouts, "layout/sms.txt.gotmpl")
	return m, err
}

func (m *mails) locales() []string { return slices.Sorted(maps.Keys(m.texts)) }

// view is what the layouts show. Empty fields leave their place out.
type view struct {
	Lang, Subject, Preheader, Heading, Intro string
	CodeLabel, Code                          string
	LinkIntro, Button, URL                   string
	LinkNote, LinkFallback                   string
	Validity                                 string
	Notes                                    []string
	Brand, LogoURL, SupportURL, Help         string
	Footer                                   []string
	SMS                                      string
	Light, Dark                              palette
}

// view fills the texts of a message. It fails where the data lacks what the
// message is for.
func (m *mails) view(of message, d map[string]any, lang string) (*view, error) {
	t, b := m.texts[lang], m.brand
	own := t.Messages[of.name]
	code, url := oneLine(text(d[of.code])), text(d[of.url])
	minutes := minutesOf(d["expires_in_minutes"])
	if of.signIn {
		url = b.SignInURL
	}
	switch {
	case of.code != "" && code == "":
		return nil, fmt.Errorf("%s without a %s", of.name, of.code)
	case of.code == "" && of.url != "" && url == "":
		return nil, fmt.Errorf("%s without a %s", of.name, of.url)
	case minutes == 0 && (of.code != "" || of.url != ""):
		return nil, fmt.Errorf("%s without expires_in_minutes", of.name)
	}
	if url != "" {
		if _, err := link(url); err != nil {
			return nil, fmt.Errorf("%s: %w", of.name, err)
		}
	}
	values := map[string]string{"brand": b.Name, "code": code, "duration": t.duration(minutes)}
	say := func(text string) string { return fill(text, values) }
	v := &view{
		Lang: lang, Subject: say(own["subject"]), Preheader: say(own["preheader"]), Heading: say(own["heading"]), Intro: say(own["intro"]),
		Code: code, CodeLabel: say(t.Common["code_label"]), Button: say(own["button"]), URL: url, SMS: say(own["sms"]),
		LinkFallback: say(t.Common["link_fallback"]), LinkIntro: say(own["link_intro"]), Notes: []string{say(own["outro"])},
		Brand: b.Name, LogoURL: b.LogoURL, SupportURL: b.SupportURL, Help: say(t.Common["help"]), Light: m.light, Dark: m.dark,
	}
	if b.Footer != "" {
		v.Footer = strings.Split(b.Footer, "\n")
	}
	valid := "link_validity"
	switch {
	case of.code != "":
		valid = "code_validity"
		if url != "" {
			valid = "both_validity"
		}
		v.Notes = append([]string{say(t.Common["keep_code"])}, v.Notes...)
	case of.url != "":
		v.Notes = append([]string{say(t.Common["keep_link"])}, v.Notes...)
	}
	if of.url != "" {
		v.LinkNote = say(t.Common["link_note"])
	}
	if minutes > 0 {
		v.Validity = say(t.Common[valid])
	}
	return v, nil
}

// render writes one part.
func (m *mails) render(p Part, v *view) (string, error) {
	var b strings.Builder
	var err error
	switch p {
	case Subject:
		return oneLine(v.Subject), nil
	case HTML:
		err = m.html.Execute(&b, v)
	case Text:
		err = m.text.Execute(&b, v)
	case SMS:
		if v.SMS == "" {
			return "", errors.New("has no text for SMS")
		}
		err = m.sms.Execute(&b, v)
		// The alphabet of short messages has no such space; with it in, twice as
		// many would have to be sent.
		return strings.ReplaceAll(strings.TrimSpace(b.String()), "\u00a0", " "), err
	}
	return b.String(), err
}

func minutesOf(v any) int {
	if n, ok := v.(int64); ok && n > 0 && n < math.MaxInt32 {
		return int(n)
	}
	return 0
}

// chain lists locale and what stands in for it, the best first.
func chain(locale string) []string {
	var all []string
	if tag, err := language.Parse(locale); err == nil && tag != language.Und {
		locale = tag.String()
		for more := true; more; {
			all = append(all, locale)
			i := strings.LastIndexByte(locale, '-')
			if more = i > 0; more {
				locale = locale[:i]
			}
		}
	}
	return all
}
