package oidc_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// settings completes s to a provider that can stand.
func settings(s oidc.Settings) oidc.Settings {
	s.ID, s.Kind, s.IssuerURL, s.ClientID, s.RedirectBase = "acme", "generic", "https://acme.example", "foyer", "https://foyer.example"
	return s
}

// newMapped returns a provider that makes people as s says.
func newMapped(t testing.TB, s oidc.Settings) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(settings(s), oidc.Deps{Evaluator: evaluator})
	require.NoError(t, err)
	return p
}

// mapperOf is Jsonnet that lists as verified what verified, Jsonnet too, says.
func mapperOf(verified string) oidc.Settings {
	return oidc.Settings{MapperName: "acme.jsonnet", Mapper: fmt.Sprintf(`
local claims = std.extVar('claims');
{ identity: { traits: { [name]: claims[name] for name in ['email', 'phone_number'] if name in claims }, verified_addresses: %s } }`, verified)}
}

const (
	listsClaim = `[{ via: 'email', value: claims.email }]`
	listsOther = `[{ via: 'email', value: 'owner@acme.example' }]`
	listsNone  = `[]`
)

func person(t testing.TB, p *oidc.Provider, claims map[string]any) *oidc.Person {
	t.Helper()
	made, err := p.Person(t.Context(), &oidc.Claims{Issuer: "https://acme.example", Subject: "1", Values: claims}, nil)
	require.NoError(t, err)
	return made
}

// Every value of the claim, whoever is declared authoritative, whatever the
// mapper lists: boolean true, of an authoritative provider, listed, or nothing.
func TestWhatAProviderProves(t *testing.T) {
	absent := struct{}{}
	proved := 0
	for domains, authoritative := range map[string]bool{``: false, `["other.example"]`: false, `["acme.example"]`: true, `["*"]`: true, `["other.example","ACME.example"]`: true} {
		for lists, listed := range map[string]bool{listsClaim: true, listsOther: false, listsNone: false, "null": false, "": true} {
			s := mapperOf(lists)
			if lists == "" { // a mapping lists nothing; the claim is enough
				s = oidc.Settings{Mapping: &oidc.Mapping{Traits: map[string]string{"email": "email"}}}
			}
			if domains != "" {
				require.NoError(t, json.Unmarshal([]byte(domains), &s.AuthoritativeFor))
			}
			p := newMapped(t, s)
			for _, verified := range []any{true, "true", 1, json.Number("1"), "false", false, nil, absent} {
				claims := map[string]any{"sub": "1", "email": "jo@acme.example", "email_verified": verified}
				if verified == absent {
					delete(claims, "email_verified")
				}
				made := person(t, p, claims)
				require.Equal(t, map[string]any{"email": "jo@acme.example"}, made.Traits)
				if verified == true && authoritative && listed {
					require.Equal(t, []oidc.Proved{{Via: "email", Value: "jo@acme.example"}}, made.Proved, "%s %s", domains, lists)
					proved++
					continue
				}
				require.Empty(t, made.Proved, "%v %s %s", verified, domains, lists)
			}
		}
	}
	require.Equal(t, 3*2, proved)
}

// A spelling in other case is the same mailbox. One that Unicode makes the same
// need not be.
func TestSpellingsOfWhatIsProved(t *testing.T) {
	for _, c := range []struct{ claim, lists, want string }{
		{"Jo@Acme.Example", `claims.email`, "jo@acme.example"},
		{"Jo@Acme.Example", `"jo@acme.example"`, "jo@acme.example"},
		{"jo@acme.example", `"JO@ACME.EXAMPLE"`, "jo@acme.example"},
		{" jo@acme.example ", `claims.email`, "jo@acme.example"},
		{"jo@acme.example", `" jo@acme.example"`, "jo@acme.example"},
		{"jörg@acme.example", `claims.email`, "jörg@acme.example"},
		{"jörg@acme.example", `"jo\u0308rg@acme.example"`, "jörg@acme.example"},
		{"ke@acme.example", `"\u212ae@acme.example"`, "ke@acme.example"}, // the mapper may write as it likes
		{"\u212ae@acme.example", `claims.email`, ""},                     // Kelvin sign
		{"\u212ae@acme.example", `"ke@acme.example"`, ""},
		{"jo\u0308rg@acme.example", `claims.email`, ""},
		{"strauß@acme.example", `claims.email`, ""},
		{"strauß@acme.example", `"strauss@acme.example"`, ""},
		{"ﬁx@acme.example", `"fix@acme.example"`, ""},
		{"jo＠acme.example", `"jo@acme.example"`, ""},
		{"jo@acme．example", `"jo@acme.example"`, ""},
		{"jo@ａcme.example", `"jo@acme.example"`, ""},
		{"jo@acmе.example", `claims.email`, ""}, // Cyrillic е: another domain
		{"jo@acme.example\u200b", `"jo@acme.example"`, ""},
		{"jo@acme.example.", `claims.email`, ""},
		{"jo@sub.acme.example", `claims.email`, ""},
		{"jo@notacme.example", `claims.email`, ""},
		{"jo@acme.example@evil.example", `claims.email`, ""},
		{"jo@evil.example@acme.example", `claims.email`, ""},
		{`"jo@evil.example"@acme.example`, `claims.email`, ""},
		{"@acme.example", `claims.email`, ""},
		{"acme.example", `claims.email`, ""},
		{"jo@", `claims.email`, ""},
		{"", `"jo@acme.example"`, ""},
		{"eve@acme.example", `"jo@acme.example"`, ""},
	} {
		s := mapperOf(`[{ via: 'email', value: ` + c.lists + ` }]`)
		s.AuthoritativeFor = []string{"acme.example"}
		made := person(t, newMapped(t, s), map[string]any{"email": c.claim, "email_verified": true})
		var want []oidc.Proved
		if c.want != "" {
			want = []oidc.Proved{{Via: "email", Value: c.want}}
		}
		require.Equal(t, want, made.Proved, "%q listed as %s", c.claim, c.lists)
	}
}

func TestPhoneNumbersCountOnlyOfAProviderForAll(t *testing.T) {
	claims := map[string]any{"phone_number": "+49 151 2345 6789", "phone_number_verified": true}
	for domains, counts := range map[string]bool{"*": true, "acme.example": false, "": false} {
		for name, s := range map[string]oidc.Settings{
			"mapper":          mapperOf(`[{ via: 'sms', value: '+4915123456789' }]`),
			"mapping":         {Mapping: &oidc.Mapping{Traits: map[string]string{"phone_number": "phone_number"}}},
			"listed as email": mapperOf(`[{ via: 'email', value: claims.phone_number }]`),
			"another number":  mapperOf(`[{ via: 'sms', value: '+4915123456780' }]`),
		} {
			if domains != "" {
				s.AuthoritativeFor = []string{domains}
			}
			p := newMapped(t, s)
			var want []oidc.Proved
			if counts && (name == "mapper" || name == "mapping") {
				want = []oidc.Proved{{Via: "sms", Value: "+4915123456789"}}
			}
			require.Equal(t, want, person(t, p, claims).Proved, "%s %s", name, domains)
			for _, proof := range []any{"true", false, nil, 1} {
				require.Empty(t, person(t, p, map[string]any{"phone_number": claims["phone_number"], "phone_number_verified": proof}).Proved)
			}
			require.Empty(t, person(t, p, map[string]any{"phone_number": "0151 23456789", "phone_number_verified": true}).Proved)
			// The proof of one is none of the other.
			require.Empty(t, person(t, p, map[string]any{"phone_number": claims["phone_number"], "email_verified": true}).Proved)
		}
	}
}

func TestBothAddresses(t *testing.T) {
	s := mapperOf(`[{ via: 'sms', value: claims.phone_number }, { via: 'email', value: claims.email }, { via: 'email', value: 'eve@acme.example' }]`)
	s.AuthoritativeFor = []string{"*"}
	require.Equal(t, []oidc.Proved{{Via: "email", Value: "jo@acme.example"}, {Via: "sms", Value: "+4915123456789"}}, person(t, newMapped(t, s), map[string]any{
		"email": "jo@acme.example", "email_verified": true, "phone_number": "+4915123456789", "phone_number_verified": true,
	}).Proved)
}

func TestDomainsThatMatchNothingAreRefused(t *testing.T) {
	for _, d := range []string{"", "@acme.example", "jo@acme.example", "*.acme.example", " acme.example", "acme.example\t", "acme example", "straße.example"} {
		_, err := oidc.New(settings(oidc.Settings{
			Mapping: &oidc.Mapping{Traits: map[string]string{"email": "email"}}, AuthoritativeFor: []string{"other.example", d},
		}), oidc.Deps{})
		require.ErrorContains(t, err, "authoritative_for.1: ", "%q", d)
	}
}
