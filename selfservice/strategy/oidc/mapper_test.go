package oidc_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

func TestMapper(t *testing.T) {
	p := newMapped(t, oidc.Settings{MapperName: "acme.jsonnet", Mapper: `
local claims = std.extVar('claims');
{
  identity: {
    traits: { email: claims.email, name: { first: claims.given_name }, age: claims.raw_claims.age },
    metadata_public: { roles: claims.raw_claims.roles },
    metadata_admin: claims.iss,
    region: 'eu',
  },
  beside: 'it',
}`})
	made := person(t, p, map[string]any{
		"iss": "https://acme.example", "email": "Jo@acme.example", "given_name": "Jo",
		"raw_claims": map[string]any{"age": json.Number("42"), "roles": []any{"a", "b"}},
	})
	require.Equal(t, &oidc.Person{
		Traits:         map[string]any{"email": "Jo@acme.example", "name": map[string]any{"first": "Jo"}, "age": json.Number("42")},
		MetadataPublic: json.RawMessage(`{"roles":["a","b"]}`),
		MetadataAdmin:  json.RawMessage(`"https://acme.example"`),
	}, made)
	p = newMapped(t, oidc.Settings{Mapper: `{ identity: { traits: {}, metadata_public: null, metadata_admin: null, verified_addresses: null, Metadata_Public: 1 } }`})
	require.Equal(t, &oidc.Person{Traits: map[string]any{}}, person(t, p, map[string]any{}), "null is none, and names are as they are")
}

// A mapper that brings somebody up to date sees who it is; credentials it does not.
func TestMapperSeesWhoSignsIn(t *testing.T) {
	p := newMapped(t, oidc.Settings{Mapper: `
local claims = std.extVar('claims'), identity = std.extVar('identity');
{
  identity: {
    traits: if identity == null then { email: claims.email } else identity.traits { name: claims.name },
    metadata_admin: if identity == null then 'new' else identity.metadata_admin + std.objectHas(identity, 'credentials'),
  },
}`})
	claims := map[string]any{"email": "new@acme.example", "name": "Jo"}
	made := person(t, p, claims)
	require.Equal(t, map[string]any{"email": "new@acme.example"}, made.Traits)
	require.JSONEq(t, `"new"`, string(made.MetadataAdmin))

	made, err := p.Person(t.Context(), &oidc.Claims{Values: claims}, &identity.Identity{
		Traits: json.RawMessage(`{"email":"old@acme.example"}`), MetadataPublic: json.RawMessage(`null`), MetadataAdmin: json.RawMessage(`"kept "`),
		Credentials: []identity.Credential{{Type: identity.CredentialPassword, Identifiers: []string{"old@acme.example"}}},
	})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"email": "old@acme.example", "name": "Jo"}, made.Traits)
	require.JSONEq(t, `"kept false"`, string(made.MetadataAdmin))
}

// Whatever fails names the place, in the mapper or in its result, and says
// nothing of the person.
func TestMapperFails(t *testing.T) {
	claims := map[string]any{"email": "secret@acme.example", "name": "Secretia", "picture": []any{"secret"}}
	for source, want := range map[string]string{
		`{ identity: `: "acme.jsonnet:1:13: ",
		"\n\n  { identity: { traits: { a: std.extVar('claims').phone_number } } }": "acme.jsonnet:3:30: Field does not exist: phone_number",
		`error 'no mail, no entry'`:                                                      "acme.jsonnet:1:1: no mail, no entry",
		`error 'we know no ' + std.extVar('claims').email`:                               "acme.jsonnet:1:1: we know no …",
		`std.extVar('claims').email + { a: 1 }.b`:                                        "acme.jsonnet:1:30: Field does not exist: b",
		`std.extVar('claim')`:                                                            "acme.jsonnet:1:1: Undefined external variable: claim",
		`local f(x) = f(x + 1) tailstrict; f(0)`:                                         "acme.jsonnet: the program recurses",
		`std.extVar('claims').email`:                                                     "acme.jsonnet: ",
		`[std.extVar('claims').email]`:                                                   "acme.jsonnet: ",
		`{}`:                                                                             "acme.jsonnet: the result's /identity is missing",
		`{ traits: std.extVar('claims') }`:                                               "/identity is missing",
		`{ Identity: { traits: {} } }`:                                                   "/identity is missing",
		`{ identity: null }`:                                                             "/identity is no object",
		`{ identity: std.extVar('claims').email }`:                                       "/identity is no object",
		`{ identity: {} }`:                                                               "/identity/traits is missing",
		`{ identity: { traits: null } }`:                                                 "/identity/traits is no object",
		`{ identity: { traits: std.extVar('claims').name } }`:                            "/identity/traits is no object",
		`{ identity: { traits: std.extVar('claims').picture } }`:                         "/identity/traits is no object",
		`{ identity: { traits: {}, verified_addresses: {} } }`:                           "/identity/verified_addresses is no list",
		`{ identity: { traits: {}, verified_addresses: 'secret' } }`:                     "/identity/verified_addresses is no list",
		`{ identity: { traits: {}, verified_addresses: [null] } }`:                       "/identity/verified_addresses/0 is no object",
		`{ identity: { traits: {}, verified_addresses: [std.extVar('claims').email] } }`: "/identity/verified_addresses/0 is no object",
		`{ identity: { traits: {}, verified_addresses: [{ via: 'email', value: 'a' }, { via: 'email' }] } }`:                      "/identity/verified_addresses/1/value is no text",
		`{ identity: { traits: {}, verified_addresses: [{ via: 'email', value: std.extVar('claims').picture }] } }`:               "/identity/verified_addresses/0/value is no text",
		`{ identity: { traits: {}, verified_addresses: [{ via: 'mail', value: std.extVar('claims').email }] } }`:                  `/identity/verified_addresses/0/via is neither "email" nor "sms"`,
		`{ identity: { traits: {}, verified_addresses: [{ value: std.extVar('claims').email }] } }`:                               `/identity/verified_addresses/0/via is neither`,
		`{ identity: { traits: {}, verified_addresses: [{ via: std.extVar('claims').email, value: 'a' }] } }`:                     `/identity/verified_addresses/0/via is neither`,
		`{ identity: { traits: {}, verified_addresses: [{ via: ['email'], value: 'a' }] } }`:                                      `/identity/verified_addresses/0/via is neither`,
		`{ identity: { traits: {}, verified_addresses: [{ VIA: 'email', VALUE: 'a', via: 'EMAIL' }] } }`:                          `/identity/verified_addresses/0/via is neither`,
		`{ identity: { traits: { a: std.extVar('claims').picture[7] } } }`:                                                        "acme.jsonnet:1:28: ",
		`{ identity: { traits: { assert std.length(std.extVar('claims').email) < 3 : 'too long', a: 1 } } }`:                      "too long",
		`local c = std.extVar('claims'); { identity: { traits: { [c.email]: error 'of ' + std.toString(c.picture) + c.name } } }`: "of …",
	} {
		p := newMapped(t, oidc.Settings{Mapper: source, MapperName: "acme.jsonnet"})
		made, err := p.Person(t.Context(), &oidc.Claims{Values: claims}, nil)
		require.Nil(t, made, source)
		refusal := fail.As(err)
		require.NotNil(t, refusal, source)
		require.Equal(t, "oidc_mapper_failed", refusal.ID)
		require.Equal(t, fail.Internal, refusal.Kind)
		require.ErrorContains(t, refusal.Err, want, source)
		require.NotContains(t, err.Error(), "ecret", source)
		require.NotContains(t, refusal.Reason, "acme", "where the mapper lies is not for clients")
	}
}

// An address that is none is no reason to refuse somebody, and proves nothing.
func TestMapperListsWhatIsNoAddress(t *testing.T) {
	s := mapperOf(`[{ via: 'email', value: '' }, { via: 'sms', value: 'x' }, { via: 'email', value: "a\u0000" }, { via: 'email', value: claims.email }]`)
	s.AuthoritativeFor = []string{"*"}
	made := person(t, newMapped(t, s), map[string]any{"email": "jo@acme.example", "email_verified": true})
	require.Equal(t, []oidc.Proved{{Via: "email", Value: "jo@acme.example"}}, made.Proved)
}
