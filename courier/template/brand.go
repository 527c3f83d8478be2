package template

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Brand is who writes. The zero value is presentable.
type Brand struct {
	Name            string // empty means Foyer
	LogoURL         string // an image shown 40 pixels high in place of the name; empty for none
	Color           string // #rrggbb of button and links; empty for a blue
	BackgroundColor string // #rrggbb around the letter; empty for a light grey
	TextColor       string // #rrggbb; empty for nearly black, or nearly white where the background is dark
	Footer          string // lines below every mail, for example a postal address
	SupportURL      string // where people find help; empty for none
	SignInURL       string // where people sign in; empty for none
}

var hex = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// checked returns the brand without control characters and with its defaults,
// or says what is wrong with it.
func (b Brand) checked() (Brand, error) {
	b.Name = oneLine(b.Name)
	if b.Name == "" {
		b.Name = "Foyer"
	}
	b.Footer = strings.TrimSpace(clean(b.Footer))
	for name, c := range map[string]*string{"color": &b.Color, "background_color": &b.BackgroundColor, "text_color": &b.TextColor} {
		if *c != "" && !hex.MatchString(*c) {
			return b, fmt.Errorf("the brand's %s has to be written as #rrggbb, not %q", name, *c)
		}
	}
	for name, u := range map[string]*string{"logo_url": &b.LogoURL, "support_url": &b.SupportURL, "sign_in_url": &b.SignInURL} {
		if *u == "" {
			continue
		}
		checked, err := link(*u)
		if err != nil {
			return b, fmt.Errorf("the brand's %s: %w", name, err)
		}
		*u = checked
	}
	if b.Color == "" {
		b.Color = "#2450c8"
	}
	if b.BackgroundColor == "" {
		b.BackgroundColor = "#f3f4f7"
		if b.TextColor != "" && contrast(b.TextColor, "#ffffff") < readable {
			b.BackgroundColor = darkBack
		}
	}
	if b.TextColor == "" {
		b.TextColor = "#1b1c21"
		if dark(b.BackgroundColor) {
			b.TextColor = darkInk
		}
	}
	if p := b.palette(); contrast(p.Ink, p.Card) < readable {
		return b, fmt.Errorf("the brand's text_color %s can hardly be read on %s", p.Ink, p.Card)
	}
	return b, nil
}

// link returns an absolute http or https URL, or says why raw is none.
func link(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is no URL", raw)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", fmt.Errorf("%q is no absolute http or https URL", raw)
	case u.User != nil:
		return "", fmt.Errorf("%q names a user", u.Redacted())
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || strings.ContainsRune("<>\"`\\{}", r) || hidden(r) }):
		return "", fmt.Errorf("%q has characters that a URL has to escape", raw)
	}
	return raw, nil
}
