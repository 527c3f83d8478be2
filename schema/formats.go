package schema

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"github.com/ory/jsonschema/v3"
)

// registerFormats completes the compiler's table of formats. The table is
// global to the program; this is the one place that writes to it, before the
// first identity schema is compiled. Formats speak about strings alone: the
// compiler's own ones, which fail on any other value, are wrapped.
var registerFormats = sync.OnceFunc(func() {
	formats := map[string]func(string) bool{
		"email":       IsEmail,
		"email_loose": isLooseEmail,
		"tel":         isTel,
		"no-validate": func(string) bool { return true },
	}
	for name, own := range jsonschema.Formats {
		if formats[name] == nil {
			formats[name] = func(s string) bool { return own(s) }
		}
	}
	// Compiling a pattern costs memory in proportion to the counts in it.
	regex := formats["regex"]
	formats["regex"] = func(s string) bool { return len(s) <= maxPattern && regex(s) }
	for name, check := range formats {
		jsonschema.Formats[name] = func(v any) bool {
			s, ok := v.(string)
			return !ok || check(s)
		}
	}
})

// IsEmail reports whether s is an address as RFC 5321 transports it without
// quoting: a dot-atom of ASCII, "@", a host name. No display name, comment,
// address literal, control character or white space, nor what old mail servers
// took for a route ("!", "%") or mail programs for an encoded word ("=?").
func IsEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && len(s) <= 320 && len(local) <= 64 && isDotAtom(local) && isDomain(domain) && !strings.Contains(local, "=?")
}

func isDotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && !strings.ContainsRune(".#$&'*+/=?^_`{|}~-", rune(s[i])) {
			return false
		}
	}
	return true
}

func isDomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	label := ""
	for label = range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if !isAlphanumeric(label[i]) && label[i] != '-' {
				return false
			}
		}
	}
	return strings.Trim(label, "0123456789") != "" // the last label of an IP address
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isLooseEmail wants something on both sides of an "@" and nothing invisible.
func isLooseEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || utf8.RuneCountInString(s) > 320 || !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsGraphic(r) || unicode.Is(unicode.Cf, r)
	})
}

// isTel reports whether s is a valid phone number in international form: "+",
// the country code and the number, with spaces, dots, dashes or brackets
// between the digits and nothing else.
func isTel(s string) bool {
	if len(s) < 4 || len(s) > 40 || s[0] != '+' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !strings.ContainsRune("0123456789 .-()/", rune(s[i])) {
			return false
		}
	}
	n, err := phonenumbers.Parse(s, "")
	return err == nil && phonenumbers.IsValidNumber(n)
}
