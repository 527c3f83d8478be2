package identity_test

import (
	"encoding/json"
	"testing"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/enginetest"
)

func newID() uuid.UUID { return uuid.Must(uuid.NewV4()) }

func TestCloneIsAnIdentityOfItsOwn(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	fresh := func() *identity.Identity {
		i, violations := m.Draft(m.Schemas.Default(), object{"email": "ada@example.org"})
		require.Empty(t, violations)
		i.SetPassword("x")
		i.MetadataAdmin = json.RawMessage(`{"a":1}`)
		return i
	}
	i := fresh()
	c := i.Clone()
	require.Equal(t, i, c)
	require.Equal(t, i.Identifiers(), c.Identifiers())
	c.Verifiable[0].Verified, c.Recovery[0].Value = true, "changed"
	c.Credentials[0].Version = 9
	c.Credentials[0].Identifiers[0], c.Identifiers()[0] = "changed", "changed"
	c.Credentials[0].Config[0], c.Traits[0], c.MetadataAdmin[0] = 'x', 'x', 'x'
	c.Verifiable = append(c.Verifiable[:0], identity.Address{})
	require.False(t, i.Verifiable[0].Verified)
	require.Equal(t, "ada@example.org", i.Verifiable[0].Value)
	require.Equal(t, "ada@example.org", i.Recovery[0].Value)
	require.Zero(t, i.Credentials[0].Version)
	require.Equal(t, []string{"ada@example.org"}, i.Credentials[0].Identifiers)
	require.Equal(t, []string{"ada@example.org"}, i.Identifiers())
	require.Equal(t, "x", i.Password())
	require.JSONEq(t, `{"email":"ada@example.org"}`, string(i.Traits))
	require.JSONEq(t, `{"a":1}`, string(i.MetadataAdmin))

	bare := &identity.Identity{}
	require.Equal(t, bare, bare.Clone(), "what was not read stays unread")
	none := &identity.Identity{Credentials: []identity.Credential{}}
	require.NotNil(t, none.Clone().Credentials, "none is another thing than not read")
}

func TestWhatIsTypedToSignInSharesOneSpace(t *testing.T) {
	require.Equal(t, identity.SpaceLogin, identity.CredentialPassword.Space())
	require.Equal(t, identity.SpaceLogin, identity.CredentialCode.Space())
	require.Equal(t, "webauthn", identity.CredentialType("webauthn").Space())
}

// A draft says what its identifiers are even where it has none; what was read
// says nothing.
func TestDraftWithoutIdentifiersHasNone(t *testing.T) {
	m := manager(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{"name":{"type":"string"}}}}}`)
	i, violations := m.Draft(m.Schemas.Default(), object{"name": "Ada"})
	require.Empty(t, violations)
	require.NotNil(t, i.Identifiers())
	require.Empty(t, i.Identifiers())
	require.Nil(t, (&identity.Identity{}).Identifiers())
}
