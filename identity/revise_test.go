package identity_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
)

// twoAddresses is a schema of people with two addresses, by the first of which
// they also sign in with codes, and a name.
const twoAddresses = `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
	"email": {"type": "string", "format": "email", "ory.sh/kratos": {
		"credentials": {"password": {"identifier": true}, "code": {"identifier": true, "via": "email"}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}},
	"work": {"type": "string", "format": "email", "ory.sh/kratos": {
		"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}},
	"name": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
	"age": {"type": "integer"}
}, "required": ["email"], "additionalProperties": false}}}`

const (
	home = "Ada@Home.example.org"
	work = "ada@work.example.org"
)

// ada is somebody as they are read: with credentials, their first address proved.
func ada(t *testing.T, m *identity.Manager) *identity.Identity {
	t.Helper()
	i, violations := m.Draft(m.Schemas.Default(), object{"email": home, "work": work, "name": "ada"})
	require.Empty(t, violations)
	require.True(t, i.SetPassword("hash"))
	return i
}

func values(list []identity.Address) (out []string) {
	for _, a := range list {
		out = append(out, a.Value)
	}
	return out
}

func names(i *identity.Identity, kind identity.CredentialType) []string {
	for _, c := range i.Credentials {
		if c.Type == kind {
			return c.Identifiers
		}
	}
	return nil
}

// What people sign in with and are reached by follows their traits; what stays
// keeps its proof, and what is new has none.
func TestRevise(t *testing.T) {
	m := manager(t, twoAddresses)
	old := ada(t, m)
	old.Prove("email", "ada@home.example.org")
	before := old.Clone()
	for name, row := range map[string]struct {
		traits         object
		moved          bool
		verifiable     []string
		passwords      []string
		codes          []string
		homeIsVerified bool
	}{
		"nothing":    {object{"email": home, "work": work, "name": "ada"}, false, []string{home, work}, []string{"ada@home.example.org", work, "ada"}, []string{"ada@home.example.org"}, true},
		"a detail":   {object{"email": home, "work": work, "name": "ada", "age": json.Number("36")}, false, []string{home, work}, []string{"ada@home.example.org", work, "ada"}, []string{"ada@home.example.org"}, true},
		"a spelling": {object{"email": "ada@home.example.org", "work": work, "name": "ada"}, false, []string{home, work}, []string{"ada@home.example.org", work, "ada"}, []string{"ada@home.example.org"}, true}, // a proof holds for where it came from
		"a name":     {object{"email": home, "work": work, "name": "lovelace"}, true, []string{home, work}, []string{"ada@home.example.org", work, "lovelace"}, []string{"ada@home.example.org"}, true},
		"one less":   {object{"email": home}, true, []string{home}, []string{"ada@home.example.org"}, []string{"ada@home.example.org"}, true},
		"another":    {object{"email": "ada@new.example.org", "work": work}, true, []string{"ada@new.example.org", work}, []string{"ada@new.example.org", work}, []string{"ada@new.example.org"}, false},
	} {
		next, moved, violations := m.Revise(old, m.Schemas.Default(), row.traits)
		require.Empty(t, violations, name)
		require.Equal(t, row.moved, moved, name)
		require.Equal(t, row.verifiable, values(next.Verifiable), name)
		require.Equal(t, row.verifiable, values(next.Recovery), name)
		require.Equal(t, row.passwords, names(next, identity.CredentialPassword), name)
		require.Equal(t, row.codes, names(next, identity.CredentialCode), name)
		require.Equal(t, row.homeIsVerified, next.Verifiable[0].Verified, name)
		require.Equal(t, "hash", next.Password(), name)
		require.Equal(t, old.Rev+1, next.Rev, name)
		epoch := old.Epoch
		if moved {
			epoch++
		}
		require.Equal(t, epoch, next.Epoch, name)
		require.Equal(t, before, old, "%s: the original is as it was", name)
	}
	next, _, violations := m.Revise(old, m.Schemas.Default(), object{"email": "nobody"})
	require.Nil(t, next)
	require.NotEmpty(t, violations)
}

func TestProve(t *testing.T) {
	m := manager(t, twoAddresses)
	i := ada(t, m)
	i.UpdatedAt = noon.Add(time.Hour)
	require.True(t, i.Prove("email", "ada@home.example.org"))
	require.Equal(t, []any{true, identity.AddressCompleted, i.UpdatedAt}, []any{i.Verifiable[0].Verified, i.Verifiable[0].Status, i.Verifiable[0].VerifiedAt})
	require.False(t, i.Verifiable[1].Verified)
	i.UpdatedAt = noon.Add(2 * time.Hour)
	require.False(t, i.Prove("email", "ada@home.example.org"), "again")
	require.Equal(t, noon.Add(time.Hour), i.Verifiable[0].VerifiedAt)
	require.False(t, i.Prove("sms", "ada@home.example.org"), "of another kind")
	require.False(t, i.Prove("email", "nobody@example.org"))
	require.Equal(t, 4, i.Epoch, "every one makes void what was sent before")
}

// Who proves an address first leaves nobody else a way in.
func TestExpel(t *testing.T) {
	m := manager(t, twoAddresses)
	i := m.Copy(ada(t, m))
	require.True(t, i.Prove("email", "ada@home.example.org"))
	traits := string(i.Traits)
	require.Equal(t, []string{work}, i.Expel("email", "ada@home.example.org"))
	require.Equal(t, []string{home}, values(i.Verifiable))
	require.Equal(t, []string{home}, values(i.Recovery))
	require.Empty(t, i.Password())
	require.Equal(t, []string{"ada@home.example.org", "ada"}, names(i, identity.CredentialPassword))
	require.Equal(t, []string{"ada@home.example.org"}, names(i, identity.CredentialCode))
	require.ElementsMatch(t, []string{"ada@home.example.org", "ada"}, i.Identifiers())
	require.Equal(t, traits, string(i.Traits))
	require.True(t, m.Holds(i, "email", work), "the trait stays")
	require.False(t, m.Holds(i, "email", "nobody@example.org"))
	require.False(t, m.Holds(i, "sms", work))

	next := m.Copy(i)
	require.True(t, next.SetPassword("mine"))
	require.Equal(t, []string{"ada@home.example.org", "ada"}, names(next, identity.CredentialPassword), "what led to somebody else does not come back")

	i = m.Copy(ada(t, m))
	i.Credentials = append(i.Credentials, identity.Credential{Type: "oidc", Identifiers: []string{"google:1"}})
	require.Equal(t, []string{home, work}, i.Expel("sms", "+4930901820"), "nothing of theirs")
	require.Empty(t, i.Verifiable)
	require.Equal(t, []string{"ada"}, i.Identifiers())
	require.Len(t, i.Credentials, 1)
}

// One that nobody proved opens an account only as long as none was proved.
func TestUsable(t *testing.T) {
	m := manager(t, twoAddresses)
	i := ada(t, m)
	require.True(t, i.Usable(&i.Verifiable[0]))
	require.True(t, i.Usable(&i.Recovery[1]))
	i.Prove("email", work)
	require.False(t, i.Usable(&i.Verifiable[0]))
	require.False(t, i.Usable(&i.Recovery[0]))
	require.True(t, i.Usable(&i.Verifiable[1]))
	require.True(t, i.Usable(&i.Recovery[1]))
}

// Who never had anything to sign in with gets it by their traits.
func TestPasswordOfWhoNeverHadAny(t *testing.T) {
	m := manager(t, `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
		"name": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}}}}}`)
	i, _ := m.Draft(m.Schemas.Default(), object{"name": "Ada"})
	read := &identity.Identity{ID: i.ID, SchemaID: i.SchemaID, Traits: i.Traits}
	next := m.Copy(read)
	require.True(t, next.SetPassword("mine"))
	require.Equal(t, []string{"ada"}, names(next, identity.CredentialPassword))
	require.Equal(t, []string{"ada"}, next.Identifiers(), "reserved with it")
	require.False(t, m.Copy(&identity.Identity{SchemaID: i.SchemaID, Traits: []byte(`{}`)}).SetPassword("mine"), "nothing to type beside it")
}
