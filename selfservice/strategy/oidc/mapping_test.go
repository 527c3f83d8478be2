package oidc_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

func TestMapping(t *testing.T) {
	p := newMapped(t, oidc.Settings{Mapping: &oidc.Mapping{
		Traits: map[string]string{
			"email": "email", "name.first": "given_name", "name.last": "family_name", "name.of.middle": "middle_name",
			"age": "raw_claims.age", "department": "raw_claims.work.department", "roles": "raw_claims.https://acme.example/roles",
			"deep": "raw_claims.https://acme.example/app.id", "none": "raw_claims.nothing.here", "text": "raw_claims.age.of.it",
			"news": "email_verified", "gone": "nickname", "empty": "website",
		},
		MetadataPublic: map[string]string{"locale": "locale", "all.work": "raw_claims.work"},
		MetadataAdmin:  map[string]string{"gender": "gender"},
	}})
	claims := map[string]any{
		"email": "Jo@acme.example", "given_name": "Jo", "family_name": "Doe", "email_verified": false, "nickname": nil, "website": "", "locale": "de",
		"raw_claims": map[string]any{
			"age": json.Number("12345678901234567890"), "work": map[string]any{"department": "R&D"},
			"https://acme.example/roles": []any{"a"}, "https://acme.example/app": map[string]any{"id": "x"}, "nothing": nil,
		},
	}
	before, err := json.Marshal(claims)
	require.NoError(t, err)
	require.Equal(t, &oidc.Person{
		Traits: map[string]any{
			"email": "Jo@acme.example", "name": map[string]any{"first": "Jo", "last": "Doe"},
			"age": json.Number("12345678901234567890"), "department": "R&D", "roles": []any{"a"}, "news": false, "empty": "", "deep": "x",
		},
		MetadataPublic: json.RawMessage(`{"all":{"work":{"department":"R\u0026D"}},"locale":"de"}`),
	}, person(t, p, claims))
	after, err := json.Marshal(claims)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "claims stay as they are")
	require.Equal(t, &oidc.Person{Traits: map[string]any{}}, person(t, p, nil))
}

func TestMappingsThatCannotBeMeant(t *testing.T) {
	fine := map[string]string{"email": "email"}
	for want, m := range map[string]oidc.Mapping{
		"traits: needs at least one entry":               {MetadataPublic: fine},
		`traits.mail: there is no claim "e-mail"`:        {Traits: map[string]string{"mail": "e-mail"}},
		`traits.mail: there is no claim ""`:              {Traits: map[string]string{"mail": ""}},
		`traits.mail: there is no claim "Email"`:         {Traits: map[string]string{"mail": "Email"}},
		`traits.mail: there is no claim "email.address"`: {Traits: map[string]string{"mail": "email.address"}},
		`traits.all: there is no claim "raw_claims"`:     {Traits: map[string]string{"all": "raw_claims"}},
		`traits.all: there is no claim "raw_claims."`:    {Traits: map[string]string{"all": "raw_claims."}},
		`metadata_public.a: there is no claim "x"`:       {Traits: fine, MetadataPublic: map[string]string{"a": "x"}},
		`metadata_admin.a.b: there is no claim "y"`:      {Traits: fine, MetadataAdmin: map[string]string{"a.b": "y"}},
		`traits.name.first: lies within name`:            {Traits: map[string]string{"name": "name", "name.first": "given_name", "named": "name"}},
		`traits.a.b.c: lies within a`:                    {Traits: map[string]string{"a": "name", "a-b": "name", "a.b.c": "given_name"}},
		`metadata_admin.x.y: lies within x`:              {Traits: fine, MetadataAdmin: map[string]string{"x": "name", "x.y": "name"}},
		`traits..email: expected names joined by dots`:   {Traits: map[string]string{".email": "email"}},
		`traits.: expected names joined by dots`:         {Traits: map[string]string{"": "email", ".": "email"}},
		`traits.a..b: expected names joined by dots`:     {Traits: map[string]string{"a..b": "email"}},
		`metadata_public.a.: expected names`:             {Traits: fine, MetadataPublic: map[string]string{"a.": "email"}},
	} {
		_, err := oidc.New(settings(oidc.Settings{Mapping: &m}), oidc.Deps{})
		require.ErrorContains(t, err, "mapping."+want)
	}
	_, err := oidc.New(settings(oidc.Settings{Mapping: &oidc.Mapping{Traits: fine}, Mapper: "{}"}), oidc.Deps{})
	require.EqualError(t, err, "mapping: stands beside mapper_url, but only one of them can make a person")
	_, err = oidc.New(settings(oidc.Settings{Mapping: &oidc.Mapping{Traits: map[string]string{"name.first": "given_name", "name.last": "family_name", "names": "name"}}}), oidc.Deps{})
	require.NoError(t, err)
}
