package identity_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// payloads are what a careless server would run, expand, choke on or follow.
var payloads = []string{
	"'", "''", "\"", "`", "\\", "' OR 1=1 --", "' OR '1'='1", "1; DROP TABLE identities; --", "'); DELETE FROM identities; --", "\" OR \"\"=\"",
	"' UNION SELECT config FROM credentials --", "x' AND (SELECT count(*) FROM identities) > 0 --", "1 OR 1=1", "-1", "0", "9223372036854775808", "1e9", "NaN",
	"%", "_", "%27%20OR%201%3D1", "*", "ids[]", "id ASC, traits", "$1", "?", ":id", "{{.}}", "${jndi:ldap://x}", "../../etc/passwd", "..%2f..%2f",
	"\x00", "a\x00b", "\xff\xfe", "\u202egro", "\u200b", "true", "null", "undefined", "[]", "{}", "<script>alert(1)</script>", "\r\nSet-Cookie: a=b", strings.Repeat("A", 5000),
}

// No parameter, wherever it stands, has an effect that it should not have, and none
// is our fault.
func TestHostileParameters(t *testing.T) {
	env := enginetest.New(t)
	id := create(t, env, with(with(person("ada@example.org"), "external_id", "crm-1"), "credentials.password.config.hashed_password", argon2Hash))["id"].(string)
	one := "/admin/identities/" + id
	before := env.Rows()
	asked := 0
	check := func(method, path string, body any) {
		asked++
		a := env.Admin(method, path, body)
		require.Less(t, a.Status, 500, "%s %q %v: %s", method, path, body, a.Body)
		require.NotContains(t, string(a.Body), argon2Hash, "%s %q", method, path)
		require.NotContains(t, a.Header, "Set-Cookie")
		if method != "GET" {
			require.GreaterOrEqual(t, a.Status, 400, "%s %q %v: %s", method, path, body, a.Body)
		}
		if a.Status == http.StatusOK && strings.Contains(path, "credentials_identifier=") {
			require.Equal(t, "[]\n", string(a.Body), path)
		}
	}
	for _, p := range payloads {
		q := url.QueryEscape(p)
		for _, name := range []string{
			"ids", "credentials_identifier", "preview_credentials_identifier_similar", "organization_id", "include_credential", "consistency",
			"page_size", "page_token", "page", "per_page",
		} {
			check("GET", "/admin/identities?"+name+"="+q, nil)
		}
		check("GET", "/admin/identities?"+q+"=1", nil)
		check("GET", one+"?include_credential="+q, nil)
		path := url.PathEscape(p)
		check("GET", "/admin/identities/by/external/"+path, nil)
		check("DELETE", one+"/credentials/"+path, nil)
		check("DELETE", one+"/credentials/oidc?identifier="+q, nil)
		if p == "*" || strings.Contains(p, "..") {
			continue // names nothing, or another route
		}
		for _, method := range []string{"GET", "DELETE"} {
			check(method, "/admin/identities/"+path, nil)
		}
		check("PUT", "/admin/identities/"+path, person("ada@example.org"))
		check("PATCH", one, []any{step("replace", p, 1)})
		check("PATCH", one, []any{step(p, "/metadata_public", 1)})
		check("PATCH", one, []any{step("replace", "/traits/"+p, 1)})
		check("PATCH", one, []any{object{"op": "copy", "from": p, "path": "/metadata_public"}})
		for _, field := range []string{"schema_id", "state", "credentials", "verifiable_addresses", "credentials.password.config.hashed_password", "organization_id"} {
			check("POST", "/admin/identities", with(person("b@example.org"), field, p))
		}
	}
	require.Greater(t, asked, 900)
	require.Empty(t, env.Rows().Since(before))
}
