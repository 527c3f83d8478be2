package identity_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// What another system knows of an address is taken over, and what it does not know
// stays as it is for somebody new.
func TestCreateWithProvedAddress(t *testing.T) {
	env := enginetest.New(t)
	for name, one := range map[string]struct{ claim, want object }{
		"proved":    {object{"verified": true}, object{"verified": true, "status": "completed", "verified_at": "now"}},
		"then":      {object{"verified": true, "status": "pending", "verified_at": "2020-02-03T04:05:06.5+01:00"}, object{"verified": true, "status": "completed", "verified_at": "2020-02-03T03:05:06.5Z"}},
		"sent":      {object{"verified": false, "status": "sent"}, object{"verified": false, "status": "sent", "verified_at": nil}},
		"nothing":   {object{"verified_at": nil, "id": "x", "created_at": "x"}, object{"verified": false, "status": "pending", "verified_at": nil}},
		"canonical": {object{"value": "CANONICAL@example.org", "verified": true, "verified_at": "2020-01-01T00:00:00Z"}, object{"verified": true, "status": "completed", "verified_at": "2020-01-01T00:00:00Z"}},
	} {
		claim := object{"value": name + "@example.org", "via": "email"}
		for k, v := range one.claim {
			claim[k] = v
		}
		body := with(person(name+"@example.org"), "verifiable_addresses", []any{claim})
		i := create(t, env, with(body, "recovery_addresses", []any{object{"value": name + "@example.org", "via": "email"}}))
		got := i["verifiable_addresses"].([]any)
		require.Len(t, got, 1, name)
		for k, v := range one.want {
			if v == "now" {
				v = i["created_at"]
			}
			require.Equal(t, v, got[0].(object)[k], "%s: %s", name, k)
		}
		require.Equal(t, name+"@example.org", got[0].(object)["value"], "as the traits spell it")
		require.NotEqual(t, "x", got[0].(object)["id"])
		require.Len(t, i["recovery_addresses"], 1)
	}
}

// Who is brought along with an account signs in by it, and nobody else does.
func TestCreateWithAccount(t *testing.T) {
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	env := enginetest.New(t, enginetest.WithProvider("op", op, nil))
	accounts := []any{object{"provider": "op", "subject": "crm|7", "use_auto_link": false, "organization": nil}, object{"provider": "other", "subject": "7"}}
	i := create(t, env, with(person("ada@example.org"), "credentials.oidc.config.providers", accounts))
	require.Equal(t, []any{"op:crm|7", "other:7"}, i["credentials"].(object)["oidc"].(object)["identifiers"])
	a := env.Admin("POST", "/admin/identities", with(person("bob@example.org"), "credentials.oidc.config.providers", accounts[:1]))
	require.Equal(t, "identity_exists", a.ErrorID())

	op.SetPerson(opsim.Person{"sub": "crm|7", "email": "somebody@else.example"})
	c := env.Browser()
	c.Visit(op, c.Submit(c.OpenKind("login", ""), enginetest.Values{"provider": "op"}))
	require.Equal(t, i["id"], c.Whoami("").JSON()["identity"].(object)["id"])
	require.Equal(t, 1, env.Identities())
}

// What is wrong is told by where it is.
func TestCreateTellsWhere(t *testing.T) {
	env := enginetest.New(t)
	for pointer, body := range map[string]object{
		"#/credentials/oidc/config/providers/1/subject": with(person("a@example.org"), "credentials.oidc.config.providers", []any{object{"provider": "op", "subject": "1"}, object{"provider": "op", "subject": 7}}),
		"#/credentials/password/config/pass~1word":      with(person("a@example.org"), "credentials.password.config", object{"pass/word": "x"}),
		"#/verifiable_addresses/0/value":                with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "b@example.org", "via": "email"}}),
		"#/state":                                       with(person("a@example.org"), "state", "x"),
	} {
		a := env.Admin("POST", "/admin/identities", body)
		require.Equal(t, pointer, a.JSON()["error"].(object)["details"].(object)["pointer"], "%s", a.Body)
	}
}
