package identity_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// Whatever way metadata comes, it is held to its schema, and what does not fit is
// told by where it is.
func TestMetadataIsHeldToItsSchema(t *testing.T) {
	env := enginetest.New(t, enginetest.WithMetadataSchemas(
		`{"type":"object","properties":{"plan":{"enum":["free","pro"]}},"required":["plan"]}`, `{"type":"array"}`))
	fits := with(with(person("ada@example.org"), "metadata_public", object{"plan": "pro"}), "metadata_admin", []any{})
	path := "/admin/identities/" + create(t, env, fits)["id"].(string)
	create(t, env, with(person("none@example.org"), "metadata_public", nil))
	before := env.Rows()
	refused := func(a *enginetest.Answer, pointers ...string) {
		t.Helper()
		require.Equal(t, http.StatusBadRequest, a.Status, "%s", a.Body)
		require.Equal(t, "metadata_invalid", a.ErrorID())
		list := a.JSON()["error"].(object)["details"].(object)["violations"].([]any)
		require.Len(t, list, len(pointers))
		for n, pointer := range pointers {
			require.Equal(t, pointer, list[n].(object)["path"])
		}
	}
	wrong := with(with(fits, "metadata_public", object{"plan": "gold"}), "metadata_admin", object{})
	refused(env.Admin("POST", "/admin/identities", with(wrong, "traits.email", "b@example.org")), "#/metadata_public/plan", "#/metadata_admin")
	refused(env.Admin("PUT", path, wrong), "#/metadata_public/plan", "#/metadata_admin")
	refused(env.Admin("PATCH", path, []any{step("replace", "/metadata_public", object{})}), "#/metadata_public/plan")
	refused(env.Admin("PATCH", path, []any{step("replace", "/metadata_admin", 7)}), "#/metadata_admin")
	result := batched(t, env, object{"create": with(wrong, "traits.email", "b@example.org")}, nil)[0].(object)
	require.Equal(t, "metadata_invalid", result["error"].(object)["id"])
	require.Empty(t, env.Rows().Since(before))

	// What was stored before the schema stays until somebody changes it.
	env.Exec(`UPDATE identities SET metadata_admin = '"old"'`)
	a := env.Admin("PATCH", path, []any{step("replace", "/metadata_public/plan", "free")})
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	require.Equal(t, "old", a.JSON()["metadata_admin"])
}
