package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice"
)

// Person is what a provider's claims make of somebody, by the operator's mapper
// or mapping.
type Person struct {
	// Traits are not validated; numbers are json.Number. It is never nil.
	Traits map[string]any
	// MetadataPublic and MetadataAdmin are any JSON, nil where there is none.
	MetadataPublic, MetadataAdmin json.RawMessage
	// Proved is what the provider's word is enough for. An address that is not
	// here is to be proved by a code of our own, whatever the claims say.
	Proved []Proved
}

// Proved is an address that a provider proves to be the person's, canonical.
type Proved = selfservice.Proved

// Person makes a person of claims. current is who signed in, to be brought up to
// date; nil at sign-up. A mapper that fails, on purpose too, is a *fail.Error
// "oidc_mapper_failed".
func (p *Provider) Person(ctx context.Context, c *Claims, current *identity.Identity) (*Person, error) {
	vouched := p.settings.vouched(c.Values)
	if m := p.settings.Mapping; m != nil {
		person, err := m.person(c.Values)
		if err != nil {
			return nil, err
		}
		person.Proved = vouched
		return person, nil
	}
	m := mapper{evaluator: p.deps.Evaluator, name: p.settings.MapperName, source: p.settings.Mapper}
	person, listed, err := m.person(ctx, c.Values, current)
	if err != nil {
		return nil, err
	}
	for _, v := range vouched {
		if _, ok := listed[v]; ok {
			person.Proved = append(person.Proved, v)
		}
	}
	return person, nil
}

// vouched returns the addresses that the provider says are proved and that its
// word counts for.
func (s *Settings) vouched(claims map[string]any) (all []Proved) {
	for _, c := range []struct{ via, value, proof string }{
		{identity.ViaEmail, "email", "email_verified"},
		{identity.ViaSMS, "phone_number", "phone_number_verified"},
	} {
		value, _ := claims[c.value].(string)
		// Whatever else means yes to somebody, "true" and 1, is not boolean true.
		if proof, ok := claims[c.proof].(bool); !ok || !proof {
			continue
		}
		if canonical, ok := sameMailbox(c.via, value); ok && s.authoritative(canonical) {
			all = append(all, Proved{Via: c.via, Value: canonical})
		}
	}
	return all
}

// sameMailbox returns the canonical form of an address that a provider wrote, if
// that certainly names the same mailbox: the canonical form also unites spellings
// that differ in more than the case of ASCII letters ("ß" and "ss", "K" as the
// Kelvin sign), and whoever has one of those mailboxes has not proved the other.
func sameMailbox(via, written string) (canonical string, ok bool) {
	canonical, err := identity.Canonical(via, written)
	if err != nil {
		return "", false
	}
	if via == identity.ViaSMS {
		return canonical, true
	}
	local, domain, ok := strings.Cut(canonical, "@")
	if !ok || local == "" || domain == "" || strings.Contains(domain, "@") {
		return "", false
	}
	return canonical, asciiLower(strings.TrimSpace(written)) == canonical
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// authoritative reports whether the provider's word counts for an address. No
// domain stands for a phone number, so there it is all or none.
func (s *Settings) authoritative(canonical string) bool {
	_, domain, _ := strings.Cut(canonical, "@")
	return slices.ContainsFunc(s.AuthoritativeFor, func(d string) bool { return d == "*" || asciiLower(d) == domain })
}

// checkDomains refuses what no address could match, a mistake that nobody would
// notice.
func (s *Settings) checkDomains(refuse func(key, why string)) {
	for i, d := range s.AuthoritativeFor {
		_, ok := sameMailbox(identity.ViaEmail, "a@"+d)
		if d != "*" && (!ok || strings.ContainsFunc(d, func(r rune) bool { return r == '*' || unicode.IsSpace(r) })) {
			refuse(fmt.Sprintf("authoritative_for.%d", i), fmt.Sprintf(`expected a domain such as example.org, or "*", but not %q`, d))
		}
	}
}
