package identity_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// matched sends a request on the condition that the identity is at a revision.
func matched(t *testing.T, env *enginetest.Env, method, path, tag string, body any) *enginetest.Answer {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	req := env.Native().Request(method, env.AdminURL+path, bytes.NewReader(raw))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("If-Match", tag)
	return env.Native().Do(req)
}

// signedIn is somebody with a password, at the path, and a client of theirs.
func signedIn(t *testing.T, env *enginetest.Env, email string) (path string, c *enginetest.Client) {
	t.Helper()
	c = env.Native()
	a := c.SignUp(enginetest.Person(email))
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	c.Adopt(a)
	require.True(t, c.SignedIn())
	return "/admin/identities/" + a.JSON()["identity"].(object)["id"].(string), c
}

// What is left out is cleared or stays, as the protocol has it.
func TestUpdate(t *testing.T) {
	env := enginetest.New(t)
	path, c := signedIn(t, env, "ada@example.org")
	full := object{
		"schema_id": "default", "external_id": "crm-7", "state": "active", "traits": object{"email": "ada@example.org", "age": 36},
		"metadata_public": object{"plan": "pro"}, "metadata_admin": []any{1}, "organization_id": nil, "region": nil,
		"credentials": object{"oidc": object{"config": object{"providers": []any{object{"provider": "op", "subject": "1"}}}}},
	}
	before := env.Admin("GET", path, nil)
	a := env.Admin("PUT", path, full)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	require.NotEqual(t, before.Header.Get("ETag"), a.Header.Get("ETag"))
	wanted := object{"external_id": "crm-7", "metadata_public": object{"plan": "pro"}, "metadata_admin": []any{1.0}, "traits": object{"email": "ada@example.org", "age": 36.0}}
	for name, want := range wanted {
		require.Equal(t, want, a.JSON()[name], name)
	}
	require.Len(t, a.JSON()["credentials"], 2, "the password stays")
	require.Equal(t, before.JSON()["verifiable_addresses"], a.JSON()["verifiable_addresses"])
	require.Equal(t, a.JSON(), env.Admin("GET", path, nil).JSON())
	require.True(t, c.SignedIn())

	bare := env.Admin("PUT", path, object{"traits": object{"email": "ada@example.org"}}).JSON()
	for _, gone := range []string{"external_id", "metadata_admin"} {
		require.NotContains(t, bare, gone)
	}
	require.Nil(t, bare["metadata_public"])
	require.Equal(t, []any{"default", "active"}, []any{bare["schema_id"], bare["state"]})
	require.Len(t, bare["credentials"], 2)

	moved := env.Admin("PUT", path, object{"traits": object{"email": "lovelace@example.org"}}).JSON()
	address := moved["verifiable_addresses"].([]any)
	require.Len(t, address, 1)
	require.Equal(t, []any{"lovelace@example.org", false}, []any{address[0].(object)["value"], address[0].(object)["verified"]})
	require.Equal(t, []any{"lovelace@example.org"}, moved["credentials"].(object)["password"].(object)["identifiers"])
	require.True(t, env.Native().Adopt(env.Native().SignIn("", enginetest.Credentials("lovelace@example.org"))) != nil)
}

func TestUpdateRefused(t *testing.T) {
	env := enginetest.New(t)
	path := "/admin/identities/" + create(t, env, person("ada@example.org"))["id"].(string)
	create(t, env, with(person("taken@example.org"), "external_id", "crm-1"))
	before := env.Rows()
	for name, one := range map[string]struct {
		body object
		told string
	}{
		"no traits":         {object{}, "400 traits_missing"},
		"wrong traits":      {person("nobody"), "400 traits_invalid"},
		"an unknown field":  {with(person("ada@example.org"), "id", "x"), "400 field_unknown"},
		"addresses":         {with(person("ada@example.org"), "verifiable_addresses", []any{}), "400 field_unknown"},
		"an unknown state":  {with(person("ada@example.org"), "state", "x"), "400 state_invalid"},
		"an unknown schema": {with(person("ada@example.org"), "schema_id", "x"), "400 identity_schema_unknown"},
		"a taken address":   {person("Taken@example.org"), "409 identity_exists"},
		"a taken id":        {with(person("ada@example.org"), "external_id", "crm-1"), "409 identity_exists"},
		"a wrong hash":      {with(person("ada@example.org"), "credentials.password.config.hashed_password", "x"), "400 password_hash_unsupported"},
	} {
		a := env.Admin("PUT", path, one.body)
		require.Equal(t, one.told, fmt.Sprint(a.Status, " ", a.ErrorID()), "%s: %s", name, a.Body)
	}
	require.Equal(t, "parameter_unknown", env.Admin("PUT", path+"?force=1", person("a@example.org")).ErrorID())
	require.Equal(t, "identity_not_found", env.Admin("PUT", "/admin/identities/x", person("a@example.org")).ErrorID())
	require.Equal(t, "identity_not_found", env.Admin("PUT", "/admin/identities/1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", person("a@example.org")).ErrorID())
	require.Empty(t, env.Rows().Since(before))
}

// Who has another password now, or is inactive, is signed in nowhere, and what was
// sent to them before leads nowhere.
func TestUpdateShutsOut(t *testing.T) {
	for name, one := range map[string]struct {
		change object
		out    bool
	}{
		"a password":      {object{"credentials": object{"password": object{"config": object{"password": "another long Passphrase 7"}}}}, true},
		"a hash":          {object{"credentials": object{"password": object{"config": object{"hashed_password": argon2Hash}}}}, true},
		"inactive":        {object{"state": "inactive"}, true},
		"another account": {object{"credentials": object{"oidc": object{"config": object{"providers": []any{object{"provider": "op", "subject": "1"}}}}}}, false},
		"metadata":        {object{"metadata_public": 7}, false},
	} {
		t.Run(name, func(t *testing.T) {
			env := enginetest.New(t, enginetest.WithRecovery())
			path, c := signedIn(t, env, "ada@example.org")
			lost := env.Native()
			f := lost.OpenKind("recovery", "")
			lost.Submit(f, enginetest.Values{"method": "code", "email": "ada@example.org"})
			env.Deliver()
			inbox := env.Inbox("ada@example.org")
			code := inbox[len(inbox)-1].Code()
			one.change["traits"] = object{"email": "ada@example.org"}
			a := env.Admin("PUT", path, one.change)
			require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
			require.Equal(t, !one.out, c.SignedIn())
			if one.change["state"] != nil {
				require.NotEqual(t, a.JSON()["created_at"], a.JSON()["state_changed_at"])
				require.Equal(t, http.StatusOK, env.Admin("PUT", path, object{"traits": object{"email": "ada@example.org"}, "state": "active"}).Status)
				require.False(t, c.SignedIn(), "sessions do not come back")
			}
			a = lost.Submit(lost.ReadKind("recovery", f.ID), enginetest.Values{"method": "code", "code": code})
			require.Equal(t, one.out, !bytes.Contains(a.Body, []byte("passed_challenge")) && a.Status == http.StatusOK, "%d %s", a.Status, a.Body)
		})
	}
}

func TestIfMatch(t *testing.T) {
	env := enginetest.New(t)
	made := env.Admin("POST", "/admin/identities", person("ada@example.org"))
	path := "/admin/identities/" + made.JSON()["id"].(string)
	old := made.Header.Get("ETag")
	require.Equal(t, old, env.Admin("GET", path, nil).Header.Get("ETag"))
	body := with(person("ada@example.org"), "metadata_admin", 1)
	a := matched(t, env, "PUT", path, old, body)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	current := a.Header.Get("ETag")
	require.NotEqual(t, old, current)
	patch := []any{object{"op": "replace", "path": "/metadata_admin", "value": 2}}
	for _, tag := range []string{old, "W/" + current, "1", `"x"`} {
		for method, body := range map[string]any{"PUT": with(person("ada@example.org"), "metadata_admin", 2), "PATCH": patch, "DELETE": nil} {
			a := matched(t, env, method, path, tag, body)
			require.Equal(t, "412 precondition_failed", fmt.Sprint(a.Status, " ", a.ErrorID()), "%s %s", method, tag)
		}
		a := matched(t, env, "DELETE", path+"/credentials/password", tag, nil)
		require.Equal(t, http.StatusPreconditionFailed, a.Status)
	}
	require.Equal(t, 1.0, env.Admin("GET", path, nil).JSON()["metadata_admin"])
	a = matched(t, env, "PATCH", path, old+", "+current, patch)
	require.Equal(t, http.StatusOK, a.Status)
	require.Equal(t, http.StatusNoContent, matched(t, env, "DELETE", path, a.Header.Get("ETag"), nil).Status)
	require.Equal(t, http.StatusNotFound, matched(t, env, "PUT", path, "*", body).Status)
}

// Of many changes at once each is either there afterwards, or was refused.
func TestConcurrentChanges(t *testing.T) {
	env := enginetest.New(t)
	path := "/admin/identities/" + create(t, env, with(person("ada@example.org"), "metadata_admin", object{"n": object{}}))["id"].(string)
	const clients = 12
	var wait sync.WaitGroup
	answers := make([]*enginetest.Answer, clients)
	for n := range clients {
		wait.Go(func() {
			answers[n] = env.Admin("PATCH", path, []any{object{"op": "add", "path": fmt.Sprintf("/metadata_admin/n/%d", n), "value": n}})
		})
	}
	wait.Wait()
	kept := env.Admin("GET", path, nil).JSON()["metadata_admin"].(object)["n"].(object)
	for n, a := range answers {
		if a.Status == http.StatusOK {
			require.Contains(t, kept, fmt.Sprint(n))
		} else {
			require.Equal(t, "409 identity_changed", fmt.Sprint(a.Status, " ", a.ErrorID()))
			require.NotContains(t, kept, fmt.Sprint(n))
		}
	}
	require.NotEmpty(t, kept)

	// Of replacements by who has read the same, one wins.
	tag := env.Admin("GET", path, nil).Header.Get("ETag")
	for n := range clients {
		wait.Go(func() {
			answers[n] = matched(t, env, "PUT", path, tag, with(person("ada@example.org"), "metadata_admin", n))
		})
	}
	wait.Wait()
	won := 0
	for n, a := range answers {
		if a.Status == http.StatusOK {
			won++
			require.Equal(t, float64(n), env.Admin("GET", path, nil).JSON()["metadata_admin"])
		} else {
			require.Equal(t, "412 precondition_failed", fmt.Sprint(a.Status, " ", a.ErrorID()), "%s", a.Body)
		}
	}
	require.Equal(t, 1, won)
}
