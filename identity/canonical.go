package identity

import (
	"errors"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxIdentifier is the greatest length of an identifier, in characters.
const MaxIdentifier = 320

// Reasons an identifier is refused for.
var (
	errEmpty     = errors.New("is empty")
	errTooLong   = errors.New("is longer than 320 characters")
	errInvisible = errors.New("contains invisible or control characters")
	errPhone     = errors.New("is not a phone number with its country code")
)

// Canonical returns the one form in which an identifier is stored, compared,
// looked up and counted: trimmed, Unicode NFKC, case folded; a phone number in
// E.164. It is idempotent. Invisible characters are refused, not removed, so
// that nobody owns a name that looks like another's.
func Canonical(via, typed string) (string, error) {
	if via == ViaSMS {
		return canonicalPhone(typed)
	}
	s := strings.TrimSpace(Fold(strings.TrimSpace(typed)))
	switch {
	case s == "":
		return "", errEmpty
	case len(s) > MaxIdentifier && len([]rune(s)) > MaxIdentifier:
		return "", errTooLong
	case strings.ContainsFunc(s, invisible):
		return "", errInvisible
	}
	return s, nil
}

// CanonicalIdentifier is Canonical for what is typed to find a person, by whom
// nothing is known: a phone number where it begins with + and is one, else text.
func CanonicalIdentifier(typed string) (string, error) {
	if strings.HasPrefix(strings.TrimSpace(typed), "+") {
		if phone, err := Canonical(ViaSMS, typed); err == nil {
			return phone, nil
		}
	}
	return Canonical(ViaEmail, typed)
}

// Fold returns the one text that stands for all which differ from s in case,
// width or composition only: NFKC, case folded. It is idempotent.
func Fold(s string) string {
	// Folding can undo the normal form and the other way round; the second pass
	// makes the result stable.
	for range 2 {
		s = foldCase(norm.NFKC.String(s))
	}
	return norm.NFKC.String(s)
}

// foldCase is Unicode's case folding. The library leaves Cherokee as it is, whose
// small letters came late and so fold to the capitals.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 0xAB70 <= r && r <= 0xABBF:
			return r - 0xAB70 + 0x13A0
		case 0x13F8 <= r && r <= 0x13FD:
			return r - 8
		}
		return r
	}, cases.Fold().String(s))
}

func canonicalPhone(typed string) (string, error) {
	n, err := phonenumbers.Parse(strings.TrimSpace(typed), "")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", errPhone
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

// invisible reports characters that draw nothing or that steer how others are
// drawn: controls, format characters, private use, line separators, variation
// selectors and the blanks that Unicode counts as letters or symbols.
func invisible(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, unicode.ReplacementChar:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Variation_Selector)
}

// Channel tells by what messages reach a canonical identifier.
func Channel(canonical string) string {
	if strings.HasPrefix(canonical, "+") {
		if _, err := canonicalPhone(canonical); err == nil {
			return ViaSMS
		}
	}
	return ViaEmail
}
