package smtp

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// mailbox is one address, split, with its domain as it stands in the DNS.
type mailbox struct {
	local, domain string
}

func (m mailbox) String() string { return m.local + "@" + m.domain }

// ascii reports whether every server understands it; others need SMTPUTF8.
func (m mailbox) ascii() bool {
	return strings.IndexFunc(m.local, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// domains brings a domain into the form of the DNS.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

// parseMailbox reads a bare address of which no two programs think differently:
// atoms and dots, "@", a domain. Names, brackets, lists, comments, quoted local
// parts and addresses for domains are refused, and so are the marks by which
// old mail servers route around the domain: ! and %, and encoded words.
func parseMailbox(s string) (mailbox, error) {
	local, domain, ok := strings.Cut(s, "@")
	switch {
	case !utf8.ValidString(s):
		return mailbox{}, errors.New("the address is not UTF-8")
	case utf8.RuneCountInString(s) > 320 || len(local) > 64 || len(domain) > 255:
		return mailbox{}, errors.New("the address is too long")
	case !ok || strings.Contains(domain, "@"):
		return mailbox{}, errors.New("the address has not exactly one @")
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }):
		return mailbox{}, errors.New("the address has a space or a character that cannot be seen")
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" {
			return mailbox{}, errors.New("the part before the @ is empty or has a dot too many")
		}
		if strings.ContainsFunc(atom, notInAtom) {
			return mailbox{}, errors.New("the part before the @ has a character that is not accepted")
		}
	}
	if strings.Contains(local, "=?") {
		return mailbox{}, errors.New("the part before the @ looks like an encoded word")
	}
	ascii, err := domains.ToASCII(domain)
	if err != nil || ascii == "" || strings.HasSuffix(ascii, ".") || strings.ContainsFunc(ascii, notInDomain) {
		return mailbox{}, errors.New("the domain is not valid")
	}
	return mailbox{local: local, domain: ascii}, nil
}

func notInAtom(r rune) bool {
	return r < utf8.RuneSelf && !letterOrDigit(r) && !strings.ContainsRune("#$&'*+-/=?^_`{|}~", r)
}

func notInDomain(r rune) bool { return !letterOrDigit(r) && r != '-' && r != '.' }

func letterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}
