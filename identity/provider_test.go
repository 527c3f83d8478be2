package identity_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/enginetest"
)

var (
	google = identity.Link{Provider: "google", Issuer: "https://accounts.google.com", Subject: "AbC", Tokens: []byte("sealed\x00")}
	github = identity.Link{Provider: "github", Subject: "7"}
)

func TestLinksOfSomebodyDrafted(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	i, violations := m.Draft(m.Schemas.Default(), object{"email": "ada@example.org"})
	require.Empty(t, violations)
	require.Empty(t, i.Links())
	i.SetLink(google)
	i.SetLink(github)
	require.Equal(t, []identity.Link{google, github}, i.Links())
	require.Len(t, i.Credentials, 1)
	c := i.Credentials[0]
	require.Equal(t, identity.CredentialOIDC, c.Type)
	require.Equal(t, "oidc", c.Type.Space())
	require.Equal(t, []string{"google:AbC", "github:7"}, c.Identifiers)
	require.JSONEq(t, `{"providers":[
		{"provider":"google","issuer":"https://accounts.google.com","subject":"AbC","tokens":"c2VhbGVkAA=="},{"provider":"github","subject":"7"}]}`, string(c.Config))
	require.True(t, i.SignsIn(identity.CredentialOIDC, identity.LinkName("google", "AbC")))
	require.False(t, i.SignsIn(identity.CredentialOIDC, identity.LinkName("google", "abc")), "another subject")
	require.False(t, i.SignsIn(identity.CredentialPassword, "google:AbC"))
	require.Equal(t, []string{"ada@example.org"}, i.Identifiers(), "an account is nothing to type")
	require.True(t, i.SetPassword("hash"))
	require.Equal(t, []string{"ada@example.org"}, names(i, identity.CredentialPassword))
	require.Equal(t, []identity.Link{google, github}, i.Links())
}

func TestLinksOfACopy(t *testing.T) {
	m := manager(t, twoAddresses)
	old := ada(t, m)
	old.SetLink(google)
	before := old.Clone()
	m.Now = func() time.Time { return noon.Add(time.Hour) }

	next := m.Copy(old)
	fresh, second := google, google
	fresh.Tokens, fresh.Issuer, second.Subject = nil, "https://other.example.org", "abc"
	next.SetLink(fresh)
	next.SetLink(second)
	require.Equal(t, []identity.Link{fresh, second}, next.Links(), "the one of the same account is replaced")
	require.Equal(t, []string{"google:AbC", "google:abc"}, names(next, identity.CredentialOIDC))
	was, is := old.Credentials[len(old.Credentials)-1], next.Credentials[len(next.Credentials)-1]
	require.Equal(t, []any{was.ID, was.CreatedAt, was.Version + 2, next.UpdatedAt}, []any{is.ID, is.CreatedAt, is.Version, is.UpdatedAt})
	require.Equal(t, before, old, "the original is as it was")

	next.SetLink(github)
	require.False(t, next.Unlink("gitlab"))
	require.True(t, next.Unlink("google"), "both of them")
	require.Equal(t, []identity.Link{github}, next.Links())
	require.Equal(t, []string{"github:7"}, names(next, identity.CredentialOIDC))
	require.True(t, next.Unlink("github"))
	require.False(t, next.Unlink("github"))
	require.Equal(t, old.Credentials[:len(old.Credentials)-1], next.Credentials, "others stay")
	require.Equal(t, before, old)
}

// An empty list of credentials is saved; nil would leave them as they are.
func TestTheOnlyLinkIsTakenAway(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	i, _ := m.Draft(m.Schemas.Default(), object{"email": "ada@example.org"})
	i.SetLink(google)
	next := m.Copy(i)
	require.True(t, next.Unlink("google"))
	require.NotNil(t, next.Credentials)
	require.Empty(t, next.Credentials)
	require.Empty(t, next.Links())
	require.False(t, m.Copy(next).Unlink("google"))
}

func TestExpelTakesLinks(t *testing.T) {
	m := manager(t, twoAddresses)
	old := ada(t, m)
	old.SetLink(google)
	i := m.Copy(old)
	i.Expel("email", "ada@home.example.org")
	require.Empty(t, i.Links())
	require.False(t, i.SignsIn(identity.CredentialOIDC, "google:AbC"))
	i.SetLink(github)
	require.Equal(t, []identity.Link{github}, i.Links(), "nothing of it comes back")
}

// Other traits are nothing to an account with a provider.
func TestLinksStayWithOtherTraits(t *testing.T) {
	m := manager(t, twoAddresses)
	old := ada(t, m)
	old.SetLink(google)
	next, _, violations := m.Revise(old, m.Schemas.Default(), object{"email": "ada@new.example.org"})
	require.Empty(t, violations)
	require.Equal(t, old.Links(), next.Links())
}

func TestALinkThatCannotBeReadIsNone(t *testing.T) {
	for _, config := range []string{``, `null`, `[]`, `{"providers":7}`, `{`} {
		i := &identity.Identity{Credentials: []identity.Credential{{Type: identity.CredentialOIDC, Config: json.RawMessage(config)}}}
		require.Empty(t, i.Links(), config)
		require.False(t, i.Unlink("google"), config)
	}
}

func TestTokensNeverLeave(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	i, _ := m.Draft(m.Schemas.Default(), object{"email": "ada@example.org"})
	i.SetLink(google)
	v := identity.Viewer{PublicURL: "http://127.0.0.1"}
	admin, err := json.Marshal(v.Admin(i))
	require.NoError(t, err)
	require.Contains(t, string(admin), `"type":"oidc","identifiers":["google:AbC"]`)
	public, err := json.Marshal(v.Public(i))
	require.NoError(t, err)
	require.NotContains(t, string(public), "google")
	for _, out := range []string{string(admin), string(public)} {
		require.NotContains(t, out, "c2VhbGVk")
		require.NotContains(t, out, "tokens")
		require.NotContains(t, out, "providers")
	}
}

// heard is a store that notes what changed.
type heard struct {
	identity.Store
	changed []any
}

func (h *heard) Tx(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }
func (h *heard) UpdateIdentity(context.Context, *identity.Identity) error     { return nil }
func (h *heard) Record(_ context.Context, e identity.Event) error {
	h.changed = append(h.changed, e.Facts["changed"])
	return nil
}

func TestALinkIsAChange(t *testing.T) {
	m := manager(t, twoAddresses)
	h := &heard{}
	m.Store, m.Events = h, h
	old := ada(t, m)
	linked := m.Copy(old)
	linked.SetLink(google)
	require.NoError(t, m.Update(t.Context(), old, linked))
	free := m.Copy(linked)
	free.Unlink("google")
	require.NoError(t, m.Update(t.Context(), linked, free))
	require.Equal(t, []any{[]string{"credentials.oidc"}, []string{"credentials.oidc"}}, h.changed)
}
