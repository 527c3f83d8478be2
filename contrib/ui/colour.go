package main

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type colour [3]float64 // red, green, blue, 0 to 255

var (
	black = colour{0, 0, 0}
	white = colour{255, 255, 255}
)

// WCAG 2.2 AA: contrast of text (1.4.3), and of the edges of fields (1.4.11).
const (
	textContrast = 4.5
	edgeContrast = 3
)

// colours are a brand's own, each #rgb or #rrggbb.
type colours struct {
	Accent string  `json:"accent"` // one for both themes, fitted to each
	Light  palette `json:"light"`
	Dark   palette `json:"dark"`
}

const usualAccent = "#1d6350"

// palette is taken as it is; what is empty is chosen to go with the rest.
type palette struct {
	Accent     string `json:"accent"`
	Background string `json:"background"`
	Text       string `json:"text"`
}

// theme holds every colour of the style sheet.
type theme struct {
	page, card, ink, soft, line, edge, accent colour
	said                                      map[string][2]colour // what a message is about: its colour and its ground
	dark                                      bool
}

var lightTheme = theme{page: hex("f1f4f3"), card: white, ink: hex("16211d"), soft: hex("51605a"), line: hex("d8e0dc"), edge: hex("75837d"),
	said: map[string][2]colour{"error": {hex("a8201a"), hex("fdf1ef")}, "good": {hex("17663b"), hex("ecf6ef")}, "info": {hex("22557f"), hex("edf4fa")}}}

var darkTheme = theme{page: hex("111716"), card: hex("1a2220"), ink: hex("e9efec"), soft: hex("a8b5b0"), line: hex("2f3a37"), edge: hex("778883"), dark: true,
	said: map[string][2]colour{"error": {hex("ffb3aa"), hex("351a18")}, "good": {hex("93dcae"), hex("142c1f")}, "info": {hex("a5cff2"), hex("152736")}}}

// css makes custom properties of the colours, and refuses those in which
// nobody could read. Errors begin with the key that is wrong.
func (c colours) css() (string, error) {
	accent, err := parse("accent", cmp.Or(c.Accent, usualAccent))
	if err != nil {
		return "", err
	}
	light, err := lightTheme.wearing(c.Light, *accent, "light")
	if err != nil {
		return "", err
	}
	dark, err := darkTheme.wearing(c.Dark, *accent, "dark")
	if err != nil {
		return "", err
	}
	return ":root{" + light.css() + "}\n@media (prefers-color-scheme:dark){:root{" + dark.css() + "}}\n", nil
}

func (t theme) css() string {
	list := fmt.Sprintf("--accent:%s;--page:%s;--card:%s;--ink:%s;--soft:%s;--line:%s;--edge:%s", t.accent, t.page, t.card, t.ink, t.soft, t.line, t.edge)
	for _, name := range []string{"error", "good", "info"} {
		list += fmt.Sprintf(";--%s:%s;--%s-bg:%s", name, t.said[name][0], name, t.said[name][1])
	}
	return list
}

// wearing is t in the colours of p. An accent for both themes is moved towards
// black or white just far enough that text in it, and text on it, is readable;
// on dark a little more looks less muddy.
func (t theme) wearing(p palette, accent colour, name string) (theme, error) {
	page, errPage := parse(name+".background", p.Background)
	ink, errInk := parse(name+".text", p.Text)
	own, errOwn := parse(name+".accent", p.Accent)
	for _, err := range []error{errPage, errInk, errOwn} {
		if err != nil {
			return t, err
		}
	}
	if page != nil || ink != nil {
		if err := t.ground(page, ink, name); err != nil {
			return t, err
		}
	}
	if own != nil {
		for _, on := range []colour{t.page, t.card} {
			if got := own.contrast(on); got < textContrast {
				return t, fmt.Errorf("%s.accent: %s on %s has a contrast of %.2f:1, and text in it needs %v:1", name, own, on, got, textContrast)
			}
		}
		t.accent = *own
		return t, nil
	}
	if t.dark {
		t.accent = accent.readable(white, 6, t.page, t.card)
	} else {
		t.accent = accent.readable(black, textContrast, t.page, t.card)
	}
	return t, nil
}

// ground sets background and text where they are not nil, and fits all that
// stands on the one and beside the other.
func (t *theme) ground(page, ink *colour, name string) error {
	key := name + ".background"
	if ink != nil {
		key, t.ink = name+".text", *ink
	}
	if page != nil {
		lift := 0.6
		if t.dark {
			lift = 0.04
		}
		t.page, t.card = *page, page.mix(white, lift)
	}
	if t.dark != (t.page.luminance() < t.ink.luminance()) {
		return fmt.Errorf("%s: the text is %s and the background %s; dark backgrounds belong to dark, light ones to light", key, t.ink, t.page)
	}
	for _, on := range []colour{t.page, t.card} {
		if got := t.ink.contrast(on); got < textContrast {
			return fmt.Errorf("%s: %s on %s has a contrast of %.2f:1, and text needs %v:1", key, t.ink, on, got, textContrast)
		}
	}
	t.soft = t.ink.mix(t.page, 0.35).readable(t.ink, textContrast, t.page, t.card)
	t.line = t.page.mix(t.ink, 0.14)
	t.edge = t.page.mix(t.ink, 0.4).readable(t.ink, edgeContrast, t.page, t.card)
	said := map[string][2]colour{}
	for about, pair := range t.said {
		on := t.card.mix(pair[0], 0.07)
		if t.ink.contrast(on) < textContrast {
			on = t.card
		}
		said[about] = [2]colour{pair[0].readable(t.ink, textContrast, t.page, t.card, on), on}
	}
	t.said = said
	return nil
}

var hexColour = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// parse reads a colour; nil means that none is given.
func parse(key, value string) (*colour, error) {
	if value == "" {
		return nil, nil
	}
	if !hexColour.MatchString(value) {
		return nil, fmt.Errorf("%s: %q is no colour of the form #rgb or #rrggbb", key, value)
	}
	c := hex(value[1:])
	return &c, nil
}

// hex reads digits known to be right.
func hex(digits string) (c colour) {
	if len(digits) == 3 {
		digits = strings.Join([]string{digits[:1], digits[:1], digits[1:2], digits[1:2], digits[2:], digits[2:]}, "")
	}
	for i := range c {
		n, _ := strconv.ParseUint(digits[2*i:2*i+2], 16, 8)
		c[i] = float64(n)
	}
	return c
}

// mix is c with a share of another colour.
func (c colour) mix(other colour, share float64) colour {
	for i, v := range c {
		c[i] = math.Round(v + (other[i]-v)*share)
	}
	return c
}

// readable moves c towards another colour until it stands out from all of on,
// or is there. On the way to white it first grows brighter, which keeps the hue.
func (c colour) readable(towards colour, ratio float64, on ...colour) colour {
	drowns := func(ground colour) bool { return c.contrast(ground) < ratio }
	for c != towards && slices.ContainsFunc(on, drowns) {
		brighten := towards == white && slices.Max(c[:]) < 250 && slices.Max(c[:]) > 0
		for i, v := range c {
			if brighten {
				c[i] = min(math.Ceil(v*1.05), 255)
				continue
			}
			c[i] = math.Round(v + (towards[i]-v)*0.06)
			if c[i] == v && v != towards[i] {
				c[i] += math.Copysign(1, towards[i]-v)
			}
		}
	}
	return c
}

func (c colour) contrast(other colour) float64 {
	a, b := c.luminance(), other.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

func (c colour) luminance() float64 {
	weight, sum := colour{0.2126, 0.7152, 0.0722}, 0.0
	for i, v := range c {
		v /= 255
		if v <= 0.04045 {
			sum += weight[i] * v / 12.92
		} else {
			sum += weight[i] * math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return sum
}

func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(c[0]), int(c[1]), int(c[2]))
}
