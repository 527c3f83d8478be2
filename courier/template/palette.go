package template

import (
	"fmt"
	"math"
	"strconv"
)

// palette is every colour of a letter, as #rrggbb.
type palette struct {
	Back, Card, Well, Line string // behind the letter, the letter, the code's box, borders
	Ink, Soft              string // text and lesser text
	Link, Button, Label    string // Label is the button's text
}

const (
	darkBack = "#141519"
	darkInk  = "#ececf1"
	readable = 4.5 // the contrast that WCAG 2 asks of text
)

// palette derives all colours of the brand, so that text can be read whatever
// colours it has.
func (b Brand) palette() palette {
	card := "#ffffff"
	if dark(b.BackgroundColor) {
		card = mix(b.BackgroundColor, "#ffffff", 0.06)
	}
	return shades(b.BackgroundColor, card, b.TextColor, b.Color)
}

// darkPalette is for programs that show mail in dark colours. A brand that is
// dark anyway stays as it is.
func (b Brand) darkPalette() palette {
	if dark(b.BackgroundColor) {
		return b.palette()
	}
	return shades(darkBack, "#202126", darkInk, b.Color)
}

func shades(back, card, ink, color string) palette {
	p := palette{Back: back, Card: card, Ink: ink, Well: mix(card, ink, 0.05), Line: mix(card, ink, 0.14), Soft: legible(mix(card, ink, 0.66), card, ink)}
	// Lesser text and links stand on the page as well as on the card.
	p.Soft = legible(p.Soft, back, ink)
	p.Link = legible(legible(color, card, ink), back, ink)
	if p.Button = color; contrast(color, card) < 1.5 {
		p.Button = ink // one could not see where the button ends
	}
	p.Label = "#ffffff"
	if contrast(p.Label, p.Button) < readable && contrast("#000000", p.Button) > contrast(p.Label, p.Button) {
		p.Label = "#000000"
	}
	return p
}

// legible moves color towards ink until it can be read on ground.
func legible(color, ground, ink string) string {
	for share := 0.0; share < 1; share += 0.05 {
		if c := mix(color, ink, share); contrast(c, ground) >= readable {
			return c
		}
	}
	return ink
}

func dark(color string) bool { return luminance(color) < 0.18 }

// mix is a with that share of b in it.
func mix(a, b string, share float64) string {
	x, y := channels(a), channels(b)
	for i := range x {
		x[i] = math.Round(x[i] + (y[i]-x[i])*share)
	}
	return fmt.Sprintf("#%02x%02x%02x", int(x[0]), int(x[1]), int(x[2]))
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

// luminance is WCAG's relative luminance, 0 for black and 1 for white.
func luminance(color string) float64 {
	c := channels(color)
	for i := range c {
		c[i] /= 255
		if c[i] <= 0.04045 {
			c[i] /= 12.92
		} else {
			c[i] = math.Pow((c[i]+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
}

// channels expects a colour that checked has let pass.
func channels(color string) (c [3]float64) {
	for i := range c {
		n, _ := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		c[i] = float64(n)
	}
	return c
}
