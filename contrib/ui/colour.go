package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
)

type colour [3]float64 // red, green, blue, 0 to 255

var (
	black    = colour{0, 0, 0}
	white    = colour{255, 255, 255}
	paper    = colour{0xf1, 0xf4, 0xf3} // --page of the light theme
	darkCard = colour{0x1a, 0x22, 0x20} // --card of the dark theme
)

var hexColour = regexp.MustCompile(`^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// accentCSS turns one brand colour into the two the themes need, moved towards
// black or white just far enough that text in it, and text on it, is readable:
// WCAG AA asks for 4.5:1, and on dark a little more looks less muddy.
func accentCSS(hex string) (string, error) {
	if !hexColour.MatchString(hex) {
		return "", fmt.Errorf("accent %q is no colour of the form #rgb or #rrggbb", hex)
	}
	if len(hex) == 4 {
		hex = string([]byte{'#', hex[1], hex[1], hex[2], hex[2], hex[3], hex[3]})
	}
	var c colour
	for i := range c {
		n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		c[i] = float64(n)
	}
	return fmt.Sprintf(":root{--accent:%s}\n@media (prefers-color-scheme:dark){:root{--accent:%s}}\n",
		c.readable(paper, black, 4.5), c.readable(darkCard, white, 6)), nil
}

// readable moves c towards black or white until it stands out. On the way to
// white it first grows brighter, which keeps the hue.
func (c colour) readable(on, towards colour, ratio float64) colour {
	for c.contrast(on) < ratio {
		brighten := towards == white && slices.Max(c[:]) < 250 && slices.Max(c[:]) > 0
		for i, v := range c {
			if brighten {
				c[i] = min(math.Ceil(v*1.05), 255)
			} else {
				c[i] = math.Round(v + (towards[i]-v)*0.06)
				if c[i] == v && v != towards[i] {
					c[i] += math.Copysign(1, towards[i]-v)
				}
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
