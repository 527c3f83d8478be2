package identity_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// planted is the value every attempt tries to bring in.
const planted = "planted-7f3a"

// wanted are names whose value must come from nowhere but the program.
var wanted = []string{
	"id", "identity.id", "identity_id", "state", "identity.state", "schema_id", "identity.schema_id", "external_id",
	"metadata_admin", "metadata_admin.role", "metadata_public", "metadata_public.role", "verified", "verifiable_addresses",
	"verifiable_addresses.0.verified", "recovery_addresses", "credentials", "credentials.password.config.hashed_password",
	"credentials.password.identifiers", "roles", "role", "is_admin", "organization_id", "created_at", "session.aal",
	"session.active", "session_token", "aal", "traits.id", "traits.verified", "traits.email.verified", "traits.metadata_admin",
	"traits.role", "traits.__proto__.role", "traits.constructor.prototype", "Traits.email", "TRAITS.role", "flow.state", "outcome", "return_to",
}

// Whatever else comes along with a registration, in the body or the query, is
// refused or ignored: it is never stored.
func TestMassAssignment(t *testing.T) {
	env := enginetest.New(t)
	attempts, accepted := 0, 0
	for n, name := range wanted {
		for _, how := range []string{"json dotted", "json nested", "form", "query of the submit", "query of the opening"} {
			attempts++
			email := fmt.Sprintf("p%d-%s@example.org", n, strings.ReplaceAll(how, " ", "-"))
			c := env.Native()
			query := url.Values{name: {planted}}.Encode()
			opening := ""
			if how == "query of the opening" && name != "return_to" {
				opening = query
			}
			f := c.Open(opening)
			v := enginetest.Person(email)
			to := f.UI.Action
			var a *enginetest.Answer
			switch how {
			case "json dotted":
				a = c.Post(to, v.With(name, planted))
			case "json nested":
				nested := with(object{"method": "password", "password": "a good long Passphrase 9", "traits": object{"email": email}}, name, planted)
				raw, err := json.Marshal(nested)
				require.NoError(t, err)
				a = c.PostBody(to, "application/json", raw)
			case "form":
				form := url.Values{name: {planted}}
				for k, one := range v {
					form.Set(k, one.(string))
				}
				a = c.PostBody(to, "application/x-www-form-urlencoded", []byte(form.Encode()))
			case "query of the submit":
				a = c.Post(to+"&"+query, v)
			default:
				a = c.Post(to, v)
			}
			require.Less(t, a.Status, 500, "%s %s: %s", name, how, a.Body)
			if a.Status == http.StatusOK {
				accepted++
				require.NotContains(t, string(a.Body), planted, "%s by %s", name, how)
				i := a.JSON()["identity"].(map[string]any)
				require.Equal(t, "active", i["state"])
				require.Equal(t, "default", i["schema_id"])
				require.Nil(t, i["metadata_public"])
				require.Equal(t, map[string]any{"email": email}, i["traits"])
				require.Equal(t, false, i["verifiable_addresses"].([]any)[0].(map[string]any)["verified"])
			}
		}
	}
	require.GreaterOrEqual(t, attempts, 150)
	require.Equal(t, accepted, env.Identities(), "a refusal registers nobody")
	require.Greater(t, accepted, 50, "most are ignored, so the test looked at something")
	rows := env.Rows()
	for _, table := range []string{"identities", "identifiers", "credentials", "addresses", "sessions"} {
		for _, row := range rows[table] {
			require.NotContains(t, row, planted, table)
		}
	}
	for _, row := range rows["addresses"] {
		require.Regexp(t, "\x1f0\x1f(pending)?\x1f<nil>\x1f", row, "nothing is verified")
	}
}
