package identity_test

import (
	"context"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/schema"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// manager drafts identities of one schema and stores none.
func manager(t *testing.T, text string) *identity.Manager {
	t.Helper()
	set, err := (&schema.Loader{}).Load(context.Background(), "default", []schema.Source{
		{ID: "default", URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(text))},
	})
	require.NoError(t, err)
	return &identity.Manager{Schemas: set, Now: func() time.Time { return noon }}
}

func TestDraft(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	i, violations := m.Draft(m.Schemas.Default(), object{"email": "Ada@Example.org", "name": object{"first": "<Ada> & co"}})
	require.Empty(t, violations)
	require.Equal(t, []string{"ada@example.org"}, i.Identifiers())
	require.Equal(t, identity.StateActive, i.State)
	require.Equal(t, `{"email":"Ada@Example.org","name":{"first":"<Ada> & co"}}`, string(i.Traits), "as typed")
	require.Equal(t, noon, i.CreatedAt)
	require.Len(t, i.Verifiable, 1)
	require.Len(t, i.Recovery, 1)
	a := i.Verifiable[0]
	require.Equal(t, "Ada@Example.org", a.Value, "mail goes to the spelling that was given")
	require.Equal(t, "ada@example.org", a.Canonical)
	require.Equal(t, "email", a.Via)
	require.Equal(t, "pending", a.Status)
	require.False(t, a.Verified)
	require.Empty(t, i.Recovery[0].Status)
	require.Empty(t, i.Credentials, "a credential is given, not drafted")
	i.SetPassword("hash")
	require.Equal(t, `{"hashed_password":"hash"}`, string(i.Credentials[0].Config))
	require.Equal(t, i.Identifiers(), i.Credentials[0].Identifiers)

	other, _ := m.Draft(m.Schemas.Default(), object{"email": "Ada@Example.org"})
	require.NotEqual(t, i.ID, other.ID)
	require.NotEqual(t, i.Verifiable[0].ID, other.Verifiable[0].ID)
}

// One mistake is told once, and a draft with one is none.
func TestDraftRefused(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	for email, keywords := range map[string][]string{
		"nobody":                {"format:email"},
		"":                      {"format:email", "minLength"},
		"ada@exam\u200bple.org": nil,
	} {
		i, violations := m.Draft(m.Schemas.Default(), object{"email": email})
		require.Nil(t, i)
		require.NotEmpty(t, violations)
		var got []string
		for _, v := range violations {
			require.Equal(t, "traits.email", v.Path)
			got = append(got, v.Keyword)
		}
		if keywords != nil {
			require.Equal(t, keywords, got)
		}
		require.NotContains(t, got[1:], "identifier", "the schema has said it")
	}
	free := manager(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{"name":{"type":"string","title":"Name","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}}}}}`)
	_, violations := free.Draft(free.Schemas.Default(), object{"name": "a\u200bb"})
	require.Len(t, violations, 1)
	require.Equal(t, "identifier", violations[0].Keyword)
	require.Equal(t, object{"reason": "contains invisible or control characters"}, violations[0].Context)
}

// Two traits with one value are one identifier and one address of each sort.
func TestDraftMergesEqualIdentifiers(t *testing.T) {
	const sort = `{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"},"recovery":{"via":"email"}}}`
	m := manager(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{"a":`+sort+`,"b":`+sort+`,"more":{"type":"array","items":`+sort+`}}}}}`)
	i, violations := m.Draft(m.Schemas.Default(), object{"a": "x@example.org", "b": "X@example.org", "more": []any{"x@EXAMPLE.org", "y@example.org"}})
	require.Empty(t, violations)
	require.Equal(t, []string{"x@example.org", "y@example.org"}, i.Identifiers())
	require.Len(t, i.Verifiable, 2)
	require.Len(t, i.Recovery, 2)
	require.Equal(t, []string{"x@example.org", "x@example.org", "x@example.org", "y@example.org"},
		identity.TypedIdentifiers(m.Schemas.Default(), object{"a": "x@example.org", "b": "X@example.org", "more": []any{"x@EXAMPLE.org", "y@example.org"}}))
}

func TestViews(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	i, _ := m.Draft(m.Schemas.Default(), object{"email": "ada@example.org"})
	i.SetPassword("planted")
	i.MetadataAdmin, i.MetadataPublic = []byte(`{"risk":"high"}`), []byte(`{"plan":"pro"}`)
	i.SchemaID = "a schema/1"
	v := identity.Viewer{PublicURL: "https://id.example.org"}
	public := v.Public(i)
	require.Nil(t, public.Credentials)
	require.Nil(t, public.MetadataAdmin)
	require.JSONEq(t, `{"plan":"pro"}`, string(public.MetadataPublic))
	require.Equal(t, "https://id.example.org/schemas/a%20schema%2F1", public.SchemaURL)
	require.Nil(t, public.Verifiable[0].VerifiedAt)
	admin := v.Admin(i)
	require.JSONEq(t, `{"risk":"high"}`, string(admin.MetadataAdmin))
	require.Equal(t, []string{"ada@example.org"}, admin.Credentials["password"].Identifiers)
	i.Verifiable[0].VerifiedAt = noon
	require.Equal(t, noon, *v.Public(i).Verifiable[0].VerifiedAt)
}
