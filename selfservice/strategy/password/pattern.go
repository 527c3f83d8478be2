package password

import (
	"strings"
	"time"
	"unicode"
)

// The list's makers dropped what a strength meter recognises by its form. The
// commonest of it is recognised here: rows of keys and of the alphabet, short
// pieces repeated, and dates, all in ASCII. Up to these lengths data breaches
// are full of it.
const (
	minPattern  = 6  // of the whole; no policy allows less
	maxRepeated = 16 // of the whole
	maxPiece    = 4  // of what is repeated
)

var rows = []string{
	"01234567890123456789", "98765432109876543210", "1234567890-=", "!@#$%^&*()_+",
	"abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba",
	"qwertyuiop[]\\", "asdfghjkl;'", "zxcvbnm,./", "qwertzuiop", "yxcvbnm,.-", "azertyuiop", "qsdfghjklm",
	"poiuytrewq", "lkjhgfdsa", "mnbvcxz", "pouiztrewq",
}

// pattern tells whether a folded password has one of these forms.
func pattern(folded string) bool {
	beyondASCII := strings.ContainsFunc(folded, func(r rune) bool { return r > unicode.MaxASCII })
	return len(folded) >= minPattern && !beyondASCII && (inRow(folded) || repeated(folded) || date(folded))
}

func inRow(text string) bool {
	for _, row := range rows {
		if strings.Contains(row, text) {
			return true
		}
	}
	return false
}

func repeated(text string) bool {
	if len(text) > maxRepeated {
		return false
	}
	for piece := 1; piece <= maxPiece && 2*piece <= len(text); piece++ {
		// Whatever equals itself moved by one piece repeats that piece.
		if len(text)%piece == 0 && text[piece:] == text[:len(text)-piece] {
			return true
		}
	}
	return false
}

// date knows a day of the years 1900 to 2099 written in eight digits.
func date(text string) bool {
	if len(text) != 8 {
		return false
	}
	for _, layout := range []string{"02012006", "01022006", "20060102"} {
		if day, err := time.Parse(layout, text); err == nil && day.Year() >= 1900 && day.Year() < 2100 {
			return true
		}
	}
	return false
}
