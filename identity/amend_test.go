package identity_test

import (
	"encoding/json"
	"testing"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
)

// Who is not stored yet stays who they are, and all that follows from their
// traits follows the new ones.
func TestAmendSomebodyDrafted(t *testing.T) {
	m := manager(t, twoAddresses)
	i := ada(t, m)
	i.Verifiable[0].Verified, i.Verifiable[0].Status, i.Verifiable[0].VerifiedAt = true, identity.AddressCompleted, noon
	before := i.Clone()

	moved, violations := m.Amend(i, m.Schemas.Default(), object{"email": "nobody", "work": work})
	require.False(t, moved)
	require.Equal(t, []string{"traits.email"}, []string{violations[0].Path})
	require.Equal(t, before, i, "as it was")

	moved, violations = m.Amend(i, m.Schemas.Default(), object{"email": home, "work": work, "name": "ada", "age": json.Number("36")})
	require.Empty(t, violations)
	require.False(t, moved)
	require.JSONEq(t, `{"email":"`+home+`","work":"`+work+`","name":"ada","age":36}`, string(i.Traits))
	before.Traits = i.Traits
	require.Equal(t, before, i, "but for the traits")

	moved, violations = m.Amend(i, m.Schemas.Default(), object{"email": home, "work": "ada@new.example.org", "name": "lovelace"})
	require.Empty(t, violations)
	require.True(t, moved)
	require.Equal(t, []any{before.ID, 0, 0}, []any{i.ID, i.Rev, i.Epoch}, "nothing was sent to who does not exist")
	require.Equal(t, []string{home, "ada@new.example.org"}, values(i.Verifiable))
	require.Equal(t, []string{home, "ada@new.example.org"}, values(i.Recovery))
	require.Equal(t, before.Verifiable[0], i.Verifiable[0], "what stays keeps its proof")
	require.False(t, i.Verifiable[1].Verified)
	require.NotContains(t, []uuid.UUID{before.Verifiable[1].ID, uuid.Nil}, i.Verifiable[1].ID)
	signsInBy := []string{"ada@home.example.org", "ada@new.example.org", "lovelace"}
	require.Equal(t, signsInBy, i.Identifiers())
	require.Equal(t, signsInBy, names(i, identity.CredentialPassword))
	require.Equal(t, []string{"ada@home.example.org"}, names(i, identity.CredentialCode))
	require.Equal(t, "hash", i.Password())

	moved, violations = m.Amend(i, m.Schemas.Default(), object{"email": "ada@new.example.org"})
	require.Empty(t, violations)
	require.True(t, moved)
	require.False(t, i.Verifiable[0].Verified, "a proof is of one address")
	require.Equal(t, []string{"ada@new.example.org"}, names(i, identity.CredentialCode))
}

// What was sent to a copy's addresses before they moved does not count.
func TestAmendACopy(t *testing.T) {
	m := manager(t, twoAddresses)
	old := ada(t, m)
	before := old.Clone()
	next := m.Copy(old)
	moved, violations := m.Amend(next, m.Schemas.Default(), object{"email": home, "work": work, "name": "ada", "age": json.Number("36")})
	require.Empty(t, violations)
	require.False(t, moved)
	require.Equal(t, old.Epoch, next.Epoch)
	moved, violations = m.Amend(next, m.Schemas.Default(), object{"email": home})
	require.Empty(t, violations)
	require.True(t, moved)
	require.Equal(t, []int{old.Epoch + 1, old.Rev + 1}, []int{next.Epoch, next.Rev})
	require.Equal(t, before, old, "the original is as it was")
}

// An operator may change what the person may only see; the person may not.
func TestAmendChangesWhatIsShownOnly(t *testing.T) {
	m := manager(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{"plan":{"type":"string","disableFormField":true}}}}}`)
	old, violations := m.Draft(m.Schemas.Default(), object{"plan": "free"})
	require.Empty(t, violations)
	next, _, violations := m.Revise(old, m.Schemas.Default(), object{"plan": "pro"})
	require.Empty(t, violations)
	require.JSONEq(t, `{"plan":"free"}`, string(next.Traits))
	_, violations = m.Amend(next, m.Schemas.Default(), object{"plan": "pro"})
	require.Empty(t, violations)
	require.JSONEq(t, `{"plan":"pro"}`, string(next.Traits))
}
