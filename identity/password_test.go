package identity_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/enginetest"
)

func TestPasswordIsReplacedOnACopy(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	i, violations := m.Draft(m.Schemas.Default(), object{"email": "ada@example.org"})
	require.Empty(t, violations)
	require.Empty(t, i.Password())
	i.SetPassword("first")
	require.Equal(t, "first", i.Password())
	first := i.Credentials[0]
	require.Equal(t, identity.CredentialPassword, first.Type)
	require.Equal(t, []string{"ada@example.org"}, first.Identifiers)
	require.Equal(t, noon, first.CreatedAt)
	require.Zero(t, first.Version)

	next := i.Clone()
	next.UpdatedAt = noon.Add(time.Hour)
	next.SetPassword("second")
	require.Equal(t, "second", next.Password())
	require.Len(t, next.Credentials, 1)
	second := next.Credentials[0]
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, first.Identifiers, second.Identifiers)
	require.Equal(t, 1, second.Version)
	require.Equal(t, noon, second.CreatedAt)
	require.Equal(t, next.UpdatedAt, second.UpdatedAt)
	require.Equal(t, "first", i.Password(), "the original is as it was")
	require.Equal(t, first, i.Credentials[0])
}

// Who signed in by code alone signs in with the same names by password.
func TestPasswordOfAnIdentityThatHadNone(t *testing.T) {
	read := &identity.Identity{
		ID: newID(), CreatedAt: noon, UpdatedAt: noon.Add(time.Hour),
		Credentials: []identity.Credential{
			{Type: "webauthn", Identifiers: []string{"key-1"}}, {Type: identity.CredentialCode, Identifiers: []string{"ada@example.org"}},
		},
	}
	require.Empty(t, read.Password())
	read.SetPassword("x")
	require.Len(t, read.Credentials, 3)
	set := read.Credentials[2]
	require.Equal(t, []string{"ada@example.org"}, set.Identifiers)
	require.Equal(t, read.UpdatedAt, set.CreatedAt)
	require.Equal(t, "x", read.Password())
}

// Other identifiers come with another draft.
func TestPasswordFollowsTheIdentifiersOfADraft(t *testing.T) {
	m := manager(t, enginetest.PersonSchema)
	i, _ := m.Draft(m.Schemas.Default(), object{"email": "new@example.org"})
	i.Credentials = []identity.Credential{{ID: newID(), Type: identity.CredentialPassword, Identifiers: []string{"old@example.org"}}}
	i.SetPassword("x")
	require.Len(t, i.Credentials, 1)
	require.Equal(t, []string{"new@example.org"}, i.Credentials[0].Identifiers)
}

func TestPasswordThatCannotBeReadIsNone(t *testing.T) {
	for _, config := range []string{"", "null", "{", `{"hashed_password":1}`, `{"other":"x"}`} {
		i := &identity.Identity{Credentials: []identity.Credential{{Type: identity.CredentialPassword, Config: []byte(config)}}}
		require.Empty(t, i.Password(), config)
	}
}
