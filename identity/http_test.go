package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

type object = map[string]any

// person is the body that creates an identity.
func person(email string) object { return object{"traits": object{"email": email}} }

// with returns o with one more member; the name may be dotted.
func with(o object, name string, value any) object {
	out := object{}
	for k, v := range o {
		out[k] = v
	}
	head, rest, nested := strings.Cut(name, ".")
	if nested {
		inner, _ := out[head].(object)
		value = with(inner, rest, value)
	}
	out[head] = value
	return out
}

func create(t *testing.T, env *enginetest.Env, body object) object {
	t.Helper()
	a := env.Admin("POST", "/admin/identities", body)
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	return a.JSON()
}

const (
	argon2Hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$ixeoR79XqVvdiUZS67cVdNdzDzvNqRuzIM7Cv2Ar3Rg"
	bcryptHash = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
)

func TestCreate(t *testing.T) {
	env := enginetest.New(t)
	a := env.Admin("POST", "/admin/identities", object{
		"schema_id": "default", "external_id": "crm-7", "state": "inactive",
		"traits":          object{"email": "Ada@Example.org", "age": 20},
		"metadata_public": object{"plan": "pro"}, "metadata_admin": object{"risk": "low"},
		"credentials": object{"password": object{"config": object{"password": "a planted Passphrase 9"}}},
	})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	i := a.JSON()
	id := i["id"].(string)
	require.Equal(t, env.AdminURL+"/identities/"+id, a.Header.Get("Location"))
	require.Equal(t, "crm-7", i["external_id"])
	require.Equal(t, "inactive", i["state"])
	require.Equal(t, object{"email": "Ada@Example.org", "age": 20.0}, i["traits"])
	require.Equal(t, object{"plan": "pro"}, i["metadata_public"])
	require.Equal(t, object{"risk": "low"}, i["metadata_admin"])
	require.Equal(t, "Ada@Example.org", i["verifiable_addresses"].([]any)[0].(object)["value"])
	credential := i["credentials"].(object)["password"].(object)
	require.Equal(t, []any{"ada@example.org"}, credential["identifiers"])
	require.NotContains(t, credential, "config")
	require.NotContains(t, string(a.Body), "planted")
	require.NotContains(t, string(a.Body), "$argon2")

	// The Location leads to the same.
	got := env.Admin("GET", strings.TrimPrefix(a.Header.Get("Location"), env.AdminURL), nil)
	require.Equal(t, http.StatusOK, got.Status)
	require.Equal(t, i, got.JSON())
	rows := strings.Join(env.Rows()["credentials"], "\n")
	require.Contains(t, rows, "$argon2id$")
	require.NotContains(t, rows, "planted")
}

func TestCreateWithHash(t *testing.T) {
	env := enginetest.New(t)
	for n, hash := range []string{argon2Hash, bcryptHash, strings.Replace(bcryptHash, "$2a$", "$2b$", 1)} {
		create(t, env, with(person(fmt.Sprintf("h%d@example.org", n)), "credentials.password.config.hashed_password", hash))
		require.Contains(t, strings.Join(env.Rows()["credentials"], "\n"), hash)
	}
}

func TestCreateRefused(t *testing.T) {
	env := enginetest.New(t)
	create(t, env, with(person("taken@example.org"), "external_id", "crm-1"))
	before := env.Rows()
	const config = "credentials.password.config"
	for name, one := range map[string]struct {
		body object
		told string
	}{
		"no traits":                   {object{}, "400 traits_missing"},
		"traits null":                 {object{"traits": nil}, "400 traits_missing"},
		"traits a list":               {object{"traits": []any{}}, "400 body_invalid"},
		"traits that do not fit":      {person("nobody"), "400 traits_invalid"},
		"an unknown trait":            {with(person("a@example.org"), "traits.role", "admin"), "400 traits_invalid"},
		"an address with blanks":      {person(" a@example.org"), "400 traits_invalid"},
		"an unknown schema":           {with(person("a@example.org"), "schema_id", "nobody"), "400 identity_schema_unknown"},
		"a schema that is a number":   {with(person("a@example.org"), "schema_id", 7), "400 body_invalid"},
		"an unknown state":            {with(person("a@example.org"), "state", "banned"), "400 state_invalid"},
		"state in another case":       {with(person("a@example.org"), "state", "Active"), "400 state_invalid"},
		"state a number":              {with(person("a@example.org"), "state", 1), "400 body_invalid"},
		"an unknown field":            {with(person("a@example.org"), "role", "admin"), "400 field_unknown"},
		"a field in another case":     {with(person("a@example.org"), "State", "active"), "400 field_unknown"},
		"an unknown credential":       {with(person("a@example.org"), "credentials.magic.config", object{}), "400 field_unknown"},
		"a credential's case":         {with(person("a@example.org"), "credentials.Password.config.password", "a good long Passphrase 9"), "400 field_unknown"},
		"a configuration's case":      {with(person("a@example.org"), "credentials.password.config.PASSWORD", "a good long Passphrase 9"), "400 field_unknown"},
		"identifiers of one's own":    {with(person("a@example.org"), "credentials.password.identifiers", []any{"root"}), "400 field_unknown"},
		"credentials a list":          {with(person("a@example.org"), "credentials", []any{}), "400 body_invalid"},
		"a password that is a number": {with(person("a@example.org"), config+".password", 7), "400 body_invalid"},
		"no password":                 {with(person("a@example.org"), config, object{}), "400 credential_invalid"},
		"both forms of a password":    {with(person("a@example.org"), config, object{"password": "x", "hashed_password": argon2Hash}), "400 credential_invalid"},
		"a hash of nothing known":     {with(person("a@example.org"), config+".hashed_password", "$md17$x"), "400 password_hash_unsupported"},
		"a password where a hash is":  {with(person("a@example.org"), config+".hashed_password", "secret"), "400 password_hash_unsupported"},
		"a hash of 4 GiB":             {with(person("a@example.org"), config+".hashed_password", strings.Replace(argon2Hash, "m=19456", "m=4194304", 1)), "400 password_hash_unsupported"},
		"a hash of cost 31":           {with(person("a@example.org"), config+".hashed_password", strings.Replace(bcryptHash, "$10$", "$31$", 1)), "400 password_hash_unsupported"},
		"a taken identifier":          {person("taken@example.org"), "409 identity_exists"},
		"in another spelling":         {person("TAKEN@example.ORG"), "409 identity_exists"},
		"a taken external id":         {with(person("a@example.org"), "external_id", "crm-1"), "409 identity_exists"},
		"an id of one's own":          {with(person("a@example.org"), "id", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"), "400 field_unknown"},
		"an address of nobody":        {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "b@example.org", "via": "email", "verified": true}}), "400 address_unknown"},
		"an address of another kind":  {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "+41446681800", "via": "sms", "verified": true}}), "400 address_unknown"},
		"an address to recover by":    {with(person("a@example.org"), "recovery_addresses", []any{object{"value": "b@example.org", "via": "email"}}), "400 address_unknown"},
		"an address that is a string": {with(person("a@example.org"), "verifiable_addresses", []any{"a@example.org"}), "400 body_invalid"},
		"a proof that is a string":    {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "a@example.org", "via": "email", "verified": "true"}}), "400 body_invalid"},
		"an address without via":      {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "a@example.org"}}), "400 address_invalid"},
		"an address without value":    {with(person("a@example.org"), "verifiable_addresses", []any{object{"via": "email"}}), "400 address_invalid"},
		"an unknown status":           {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "a@example.org", "via": "email", "status": "done"}}), "400 address_invalid"},
		"completed and not verified":  {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "a@example.org", "via": "email", "status": "completed"}}), "400 address_invalid"},
		"a time of no proof":          {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "a@example.org", "via": "email", "verified_at": "2026-01-01T00:00:00Z"}}), "400 address_invalid"},
		"a time that is none":         {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "a@example.org", "via": "email", "verified": true, "verified_at": "soon"}}), "400 body_invalid"},
		"a field of an address":       {with(person("a@example.org"), "verifiable_addresses", []any{object{"value": "a@example.org", "via": "email", "epoch": 7}}), "400 field_unknown"},
		"a credential not built":      {with(person("a@example.org"), "credentials.totp.config", object{"totp_url": "otpauth://x"}), "400 credential_unsupported"},
		"a hook not built":            {with(person("a@example.org"), config+".use_password_migration_hook", true), "400 credential_unsupported"},
		"no account":                  {with(person("a@example.org"), "credentials.oidc.config.providers", []any{}), "400 credential_invalid"},
		"an account without subject":  {with(person("a@example.org"), "credentials.oidc.config.providers", []any{object{"provider": "op"}}), "400 credential_invalid"},
		"a provider with a colon":     {with(person("a@example.org"), "credentials.oidc.config.providers", []any{object{"provider": "o:p", "subject": "1"}}), "400 credential_invalid"},
		"a subject too long":          {with(person("a@example.org"), "credentials.oidc.config.providers", []any{object{"provider": "op", "subject": strings.Repeat("1", 1025)}}), "400 credential_invalid"},
		"a link without proof":        {with(person("a@example.org"), "credentials.oidc.config.providers", []any{object{"provider": "op", "subject": "1", "use_auto_link": true}}), "400 credential_unsupported"},
		"tokens of one's own":         {with(person("a@example.org"), "credentials.oidc.config.providers", []any{object{"provider": "op", "subject": "1", "tokens": "eA=="}}), "400 field_unknown"},
		"an organization":             {with(person("a@example.org"), "organization_id", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"), "400 field_unsupported"},
		"a region":                    {with(person("a@example.org"), "region", "eu-central"), "400 field_unsupported"},
	} {
		a := env.Admin("POST", "/admin/identities", one.body)
		require.Equal(t, one.told, fmt.Sprint(a.Status, " ", a.ErrorID()), "%s: %s", name, a.Body)
		if a.Status == http.StatusConflict {
			told := strings.ReplaceAll(string(a.Body), a.Header.Get("X-Request-Id"), "")
			require.NotRegexp(t, `[0-9a-f]{8}-[0-9a-f]{4}-4`, told, "the other's id is not told")
		}
	}
	require.Empty(t, env.Rows().Since(before))

	invalid := env.Admin("POST", "/admin/identities", object{"traits": object{"age": 1, "plan": "gold"}})
	list := invalid.JSON()["error"].(object)["details"].(object)["violations"].([]any)
	require.Len(t, list, 3, "all that is wrong at once")
	require.Equal(t, "traits.email", list[0].(object)["path"])
	require.Equal(t, "required", list[0].(object)["keyword"])

	for contentType, told := range map[string]string{"text/plain": "400 content_type_unsupported", "": "400 content_type_unsupported"} {
		c := env.Native()
		a := c.PostBody(env.AdminURL+"/admin/identities", contentType, []byte("{}"))
		require.Equal(t, told, fmt.Sprint(a.Status, " ", a.ErrorID()))
	}
}

// A credential needs something to sign in with.
func TestCreateWithoutIdentifier(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(`{"type":"object","properties":{"traits":{"type":"object","properties":{"nick":{"type":"string"}}}}}`))
	body := object{"traits": object{"nick": "ada"}}
	create(t, env, body)
	a := env.Admin("POST", "/admin/identities", with(body, "credentials.password.config.password", "a good long Passphrase 9"))
	require.Equal(t, "identifier_missing", a.ErrorID())
	require.Equal(t, 1, env.Identities())
}

func TestGetAndDelete(t *testing.T) {
	env := enginetest.New(t)
	i := create(t, env, with(person("ada@example.org"), "credentials.password.config.password", "a good long Passphrase 9"))
	other := create(t, env, person("grace@example.org"))
	path := "/admin/identities/" + i["id"].(string)
	require.Equal(t, i, env.Admin("GET", path, nil).JSON())
	require.Equal(t, i, env.Admin("GET", "/identities/"+i["id"].(string), nil).JSON(), "with and without the prefix")

	for _, id := range []string{"abc", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "00000000-0000-0000-0000-000000000000", "%27%3B--", "*"} {
		for _, method := range []string{"GET", "DELETE"} {
			a := env.Admin(method, "/admin/identities/"+id, nil)
			require.Equal(t, "404 identity_not_found", fmt.Sprint(a.Status, " ", a.ErrorID()), id)
		}
	}
	require.Equal(t, 2, env.Identities())

	before := env.Rows()
	a := env.Admin("DELETE", path, nil)
	require.Equal(t, http.StatusNoContent, a.Status)
	require.Empty(t, a.Body)
	require.Equal(t, "addresses-2 credentials-1 identifiers-1 identities-1", env.Rows().Since(before))
	require.Equal(t, http.StatusNotFound, env.Admin("DELETE", path, nil).Status)
	require.Equal(t, http.StatusNotFound, env.Admin("GET", path, nil).Status)
	require.Equal(t, other, env.Admin("GET", "/admin/identities/"+other["id"].(string), nil).JSON())
	create(t, env, person("ada@example.org")) // the name is free again

	require.Equal(t, http.StatusMethodNotAllowed, env.Admin("DELETE", "/admin/identities", nil).Status)
}

var next = regexp.MustCompile(`<([^>]+)>; rel="next"`)

// Page after page, everybody is met once, whoever comes and goes meanwhile.
func TestPages(t *testing.T) {
	env := enginetest.New(t)
	const people = 1000
	m := manager(t, enginetest.PersonSchema)
	for n := range people {
		i, violations := m.Draft(m.Schemas.Default(), object{"email": fmt.Sprintf("p%04d@example.org", n)})
		require.Empty(t, violations)
		require.NoError(t, env.App.Store.InsertIdentity(context.Background(), i))
	}
	for size, pages := range map[int]int{7: 143, 250: 4, 333: 4, 500: 2} {
		seen, visited := map[string]bool{}, 0
		path := fmt.Sprintf("/admin/identities?page_size=%d", size)
		for path != "" {
			a := env.Admin("GET", path, nil)
			require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
			var list []object
			require.NoError(t, json.Unmarshal(a.Body, &list))
			require.LessOrEqual(t, len(list), size)
			for _, i := range list {
				id := i["id"].(string)
				require.False(t, seen[id], "met twice")
				seen[id] = true
				require.NotContains(t, i, "credentials")
			}
			visited++
			link := a.Header.Get("Link")
			require.Contains(t, link, `rel="first"`)
			path = ""
			if m := next.FindStringSubmatch(link); m != nil {
				path = m[1]
				require.True(t, strings.HasPrefix(path, "/admin/identities?"), path)
			}
		}
		require.Len(t, seen, people, "with pages of %d", size)
		require.Equal(t, pages, visited)
	}
	// The default, and the older name of the size.
	var list []object
	require.NoError(t, json.Unmarshal(env.Admin("GET", "/admin/identities", nil).Body, &list))
	require.Len(t, list, 250)
	require.NoError(t, json.Unmarshal(env.Admin("GET", "/admin/identities?per_page=3", nil).Body, &list))
	require.Len(t, list, 3)
	for query, told := range map[string]string{
		"page_size=0": "page_size_invalid", "page_size=501": "page_size_invalid", "page_size=-1": "page_size_invalid", "page_size=x": "page_size_invalid",
		"page_size=99999999999999999999": "page_size_invalid", "page_token=x": "page_token_invalid",
	} {
		a := env.Admin("GET", "/admin/identities?"+query, nil)
		require.Equal(t, "400 "+told, fmt.Sprint(a.Status, " ", a.ErrorID()), query)
	}
}

// A person is found by any spelling of what they sign in with, and nobody else.
func TestFindByIdentifier(t *testing.T) {
	const schema = `{"type":"object","properties":{"traits":{"type":"object","properties":{
	  "name":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
	  "phone":{"type":"string","format":"tel","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}}}}}`
	env := enginetest.New(t, enginetest.WithSchema(schema))
	i := create(t, env, object{"traits": object{"name": "Straße-7", "phone": "+41 44 668 18 00"}, "credentials": object{"password": object{"config": object{"password": "a good long Passphrase 9"}}}})
	create(t, env, object{"traits": object{"name": "strasse-8"}, "credentials": object{"password": object{"config": object{"password": "a good long Passphrase 9"}}}})
	find := func(typed string) []object {
		var list []object
		a := env.Admin("GET", "/admin/identities?credentials_identifier="+url.QueryEscape(typed), nil)
		require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
		require.NoError(t, json.Unmarshal(a.Body, &list))
		return list
	}
	for _, typed := range []string{"Straße-7", "straße-7", "STRASSE-7", " strasse-7 ", "ｓtrasse-７", "+41446681800", "+41 (0)44 668 18 00", "＋41446681800"} {
		list := find(typed)
		require.Len(t, list, 1, typed)
		require.Equal(t, i["id"], list[0]["id"], typed)
	}
	for _, typed := range []string{"strasse", "strasse-", "%", "_", "' OR 1=1 --", "strasse-7\u200b", "0446681800", "nobody"} {
		require.Empty(t, find(typed), typed)
	}
	require.Len(t, find(""), 2, "an empty parameter counts as absent")

	env.Exec(`INSERT INTO identifiers (space, value, identity_id) VALUES ('oidc', 'git:AbC|1', ?), ('oidc', 'git:Ⅷ', ?)`, i["id"], i["id"])
	for _, account := range []string{"git:AbC|1", "git:Ⅷ"} {
		require.Len(t, find(account), 1, account)
	}
	for _, other := range []string{"git:abc|1", " git:AbC|1", "git:viii", "git:AbC|1\x00", "git:\xff", "AbC|1", ":"} {
		require.Empty(t, find(other), other)
	}
}

// Whoever could sign in with a name owns it, before there is a password too.
func TestIdentifierWithoutCredential(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(`{"type":"object","properties":{"traits":{"type":"object","properties":{
	  "username":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}},"required":["username"],"additionalProperties":false}}}`))
	named := func(name string) object { return object{"traits": object{"username": name}} }
	require.Equal(t, 201, env.Admin("POST", "/admin/identities", named("Ada")).Status)
	require.Equal(t, 409, env.Admin("POST", "/admin/identities", named("ADA")).Status)
	c := env.Native()
	a := c.Submit(c.Open(""), enginetest.Values{"method": "password", "traits.username": "ada", "password": "a good long Passphrase 9"})
	require.Equal(t, []int{4000007}, a.Flow().IDs(""))
	require.Equal(t, 1, env.Identities())
	require.Contains(t, string(env.Admin("GET", "/admin/identities?credentials_identifier=aDa", nil).Body), `"Ada"`)
}

// The admin API reads JSON and nothing else.
func TestCreateReadsJSONOnly(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	a := c.PostBody(env.AdminURL+"/admin/identities", "application/x-www-form-urlencoded", []byte("schema_id=default&traits.email=a@example.org"))
	require.Equal(t, "content_type_unsupported", a.ErrorID())
	require.Zero(t, env.Identities())
}
