package identity_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

func step(op, path string, value any) object { return object{"op": op, "path": path, "value": value} }

func TestPatch(t *testing.T) {
	env := enginetest.New(t)
	path, c := signedIn(t, env, "ada@example.org")
	patch := func(steps ...any) object {
		t.Helper()
		if steps == nil {
			steps = []any{}
		}
		a := env.Admin("PATCH", path, steps)
		require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
		require.Equal(t, a.JSON(), env.Admin("GET", path, nil).JSON())
		return a.JSON()
	}
	before := env.Admin("GET", path, nil).JSON()
	i := patch(step("replace", "/metadata_public", object{"a/b": []any{1}}), step("add", "/metadata_public/a~1b/-", 2.5), step("replace", "/external_id", "crm-7"),
		object{"op": "copy", "from": "/metadata_public/a~1b", "path": "/metadata_admin"}, step("test", "/id", before["id"]), step("add", "/traits/age", 36))
	require.Equal(t, object{"a/b": []any{1.0, 2.5}}, i["metadata_public"])
	require.Equal(t, []any{1.0, 2.5}, i["metadata_admin"])
	require.Equal(t, "crm-7", i["external_id"])
	require.Equal(t, 36.0, i["traits"].(object)["age"])
	require.Equal(t, before["credentials"].(object)["password"].(object)["identifiers"], i["credentials"].(object)["password"].(object)["identifiers"])
	i = patch(object{"op": "remove", "path": "/metadata_admin"}, object{"op": "remove", "path": "/external_id"}, step("replace", "/metadata_public", nil))
	require.NotContains(t, i, "metadata_admin")
	require.NotContains(t, i, "external_id")
	require.Nil(t, i["metadata_public"])
	require.True(t, c.SignedIn())

	proved := patch(step("replace", "/verifiable_addresses/0/verified", true))["verifiable_addresses"].([]any)[0].(object)
	require.Equal(t, []any{true, "completed"}, []any{proved["verified"], proved["status"]})
	require.NotNil(t, proved["verified_at"])
	again := patch(step("add", "/traits/age", 37))["verifiable_addresses"].([]any)[0].(object)
	require.Equal(t, proved["verified_at"], again["verified_at"])
	unproved := patch(step("replace", "/verifiable_addresses/0/verified", false))["verifiable_addresses"].([]any)[0].(object)
	require.Equal(t, []any{false, "pending", nil}, []any{unproved["verified"], unproved["status"], unproved["verified_at"]})

	patch(step("replace", "/credentials/password/config/hashed_password", argon2Hash))
	require.False(t, c.SignedIn(), "another password ends sessions")
	shown := env.Admin("GET", path+"?include_credential=password", nil)
	require.Contains(t, string(shown.Body), argon2Hash)
	require.Equal(t, "inactive", patch(step("replace", "/state", "inactive"))["state"])
	same := patch()
	require.Equal(t, []any{"inactive", 37.0}, []any{same["state"], same["traits"].(object)["age"]})
}

// What a patch may not touch is refused by name, and so is what is not there.
func TestPatchRefused(t *testing.T) {
	env := enginetest.New(t)
	create(t, env, with(person("taken@example.org"), "external_id", "crm-1"))
	path := "/admin/identities/" + create(t, env, with(with(person("ada@example.org"), "credentials.password.config.hashed_password", argon2Hash),
		"credentials.oidc.config.providers", []any{object{"provider": "op", "subject": "1"}}))["id"].(string)
	before := env.Rows()
	for told, steps := range map[string][]any{
		"patch_path_protected": {
			step("replace", "/id", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"), step("add", "/stateChangedAt", "x"), step("replace", "/state_changed_at", "x"),
			step("replace", "/credentials", object{}), object{"op": "remove", "path": "/credentials"}, step("replace", "/credentials/oidc/config", object{}),
			step("add", "/credentials/oidc/identifiers/-", "op:2"), step("add", "/credentials/saml", object{}), step("add", "/credentials/code/config", object{}),
			step("replace", "/created_at", "x"), step("replace", "/schema_url", "x"), step("add", "/organization_id", "x"), step("replace", "/region", "eu"),
			step("replace", "", object{"traits": object{}}), step("add", "/recovery_addresses/-", object{}), object{"op": "remove", "path": "/verifiable_addresses/0"},
			step("replace", "/verifiable_addresses/0/value", "b@example.org"), step("replace", "/verifiable_addresses/0/id", "x"), step("add", "/verifiable_addresses/-", object{}),
			object{"op": "move", "from": "/id", "path": "/external_id"}, object{"op": "copy", "from": "/credentials/password/config/hashed_password", "path": "/metadata_public"},
			object{"op": "copy", "from": "", "path": "/metadata_public"}, step("replace", "/credentials/password/identifiers", []any{"root"}), step("replace", "/credentials/password/version", 9),
		},
		"patch_path_unknown": {
			step("add", "/role", "admin"), step("add", "/Traits/age", 1), step("add", "/traits.age", 1), step("add", "traits/age", 1), step("test", "/nothing", nil),
			step("add", "/epoch", 1), step("replace", "/credentials~1password", 1), step("add", "//", 1), step("replace", "#/traits", 1),
		},
		"patch_failed": {
			step("replace", "/traits/nobody", 1), object{"op": "remove", "path": "/metadata_public/a"}, step("test", "/traits/email", "b@example.org"),
			step("add", "/metadata_public/a/b", 1), step("replace", "/verifiable_addresses/7/verified", true), step("replace", "/verifiable_addresses/-1/verified", true),
			step("test", "/credentials/oidc/config", object{}), step("test", "/credentials/oidc/config/providers/0/subject", "1"),
		},
		"patch_invalid": {
			"replace", object{}, object{"op": "merge", "path": "/traits", "value": 1}, object{"op": "add", "path": "/metadata_public"}, object{"op": "move", "path": "/metadata_public"},
			object{"op": "remove", "path": "/metadata_public", "value": 1}, object{"op": "add", "path": "/metadata_public", "value": 1, "from": "/traits"},
		},
		"field_unknown":             {object{"op": "remove", "path": "/metadata_public", "force": true}, step("replace", "/credentials/password/config", object{"hash": "x"})},
		"body_invalid":              {object{"op": 1, "path": "/traits", "value": 1}, step("replace", "/state", 7), step("replace", "/credentials/password", 7), step("replace", "/verifiable_addresses/0/verified", "true")},
		"traits_invalid":            {step("replace", "/traits/email", "nobody"), step("add", "/traits/role", "admin"), object{"op": "remove", "path": "/traits/email"}},
		"traits_missing":            {object{"op": "remove", "path": "/traits"}, step("replace", "/traits", nil)},
		"state_invalid":             {step("replace", "/state", "gone")},
		"identity_schema_unknown":   {step("replace", "/schema_id", "none")},
		"credential_invalid":        {step("replace", "/credentials/password/type", "oidc"), object{"op": "remove", "path": "/credentials/password/config"}, step("replace", "/credentials/password/config", nil)},
		"password_hash_unsupported": {step("replace", "/credentials/password/config/hashed_password", "$2a$31$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy")},
		"address_invalid":           {step("replace", "/verifiable_addresses/0/status", "completed"), step("replace", "/verifiable_addresses/0/status", "x")},
		"identity_exists":           {step("replace", "/external_id", "crm-1"), step("replace", "/traits/email", "TAKEN@example.org")},
	} {
		for _, one := range steps {
			a := env.Admin("PATCH", path, []any{step("add", "/metadata_admin", "changed"), one})
			require.Equal(t, told, a.ErrorID(), "%v: %s", one, a.Body)
			require.Equal(t, told == "identity_exists", a.Status == http.StatusConflict)
		}
	}
	grow := []any{step("replace", "/metadata_admin", object{"a": strings.Repeat("x", 10_000)})}
	for n := range 20 {
		grow = append(grow, object{"op": "copy", "from": "/metadata_admin", "path": fmt.Sprintf("/metadata_admin/%d", n)})
	}
	require.Equal(t, "patch_failed", env.Admin("PATCH", path, grow).ErrorID(), "what is copied adds up")
	require.Equal(t, "body_invalid", env.Admin("PATCH", path, object{}).ErrorID())
	require.Equal(t, "identity_not_found", env.Admin("PATCH", "/admin/identities/x", []any{}).ErrorID())
	require.Empty(t, env.Rows().Since(before))
}

func TestDeleteCredential(t *testing.T) {
	env := enginetest.New(t)
	path, c := signedIn(t, env, "ada@example.org")
	told := func(credential string) string {
		a := env.Admin("DELETE", path+"/credentials/"+credential, nil)
		return fmt.Sprint(a.Status, " ", a.ErrorID())
	}
	for credential, want := range map[string]string{
		"password": "400 credential_last", "oidc": "400 credential_identifier_missing", "oidc?identifier=op:1": "404 credential_not_found",
		"totp": "404 credential_not_found", "webauthn": "404 credential_not_found", "code": "400 credential_not_removable", "passkey": "400 credential_not_removable",
		"magic": "400 credential_type_unknown", "Password": "400 credential_type_unknown", "password?identifier=x": "400 parameter_unknown", "oidc?subject=1": "400 parameter_unknown",
	} {
		require.Equal(t, want, told(credential), credential)
	}
	require.True(t, c.SignedIn())
	accounts := []any{object{"provider": "op", "subject": "1"}, object{"provider": "op", "subject": "2:x"}}
	require.Equal(t, 200, env.Admin("PUT", path, with(person("ada@example.org"), "credentials.oidc.config.providers", accounts)).Status)
	require.True(t, c.SignedIn())
	require.Equal(t, "204 ", told("oidc?identifier=op:2:x"))
	require.False(t, c.SignedIn())
	require.Equal(t, "404 credential_not_found", told("oidc?identifier=op:2:x"))
	require.Equal(t, "204 ", told("password"))
	require.Equal(t, "404 credential_not_found", told("password"))
	require.Equal(t, "400 credential_last", told("oidc?identifier=op:1"))
	list, _ := listed(t, env, "credentials_identifier=op:2:x")
	require.Empty(t, list, "the name is free again")
	list, _ = listed(t, env, "credentials_identifier=op:1")
	require.Len(t, list, 1)
	list, _ = listed(t, env, "credentials_identifier=ada@example.org")
	require.Len(t, list, 1, "the address stays theirs")
	require.NotContains(t, list[0]["credentials"], "password")

	// With an account left, a patch takes the password as well.
	other, _ := signedIn(t, env, "bob@example.org")
	removal := []any{object{"op": "remove", "path": "/credentials/password"}}
	require.Equal(t, "credential_last", env.Admin("PATCH", other, removal).ErrorID())
	require.Equal(t, 200, env.Admin("PUT", other, with(person("bob@example.org"), "credentials.oidc.config.providers", []any{object{"provider": "op", "subject": "3"}})).Status)
	require.NotContains(t, env.Admin("PATCH", other, removal).JSON()["credentials"], "password")
	require.Equal(t, "identity_not_found", env.Admin("DELETE", "/admin/identities/x/credentials/password", nil).ErrorID())
}
