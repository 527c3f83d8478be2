package cmd_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

type person struct {
	ID, State  string
	ExternalID string `json:"external_id"`
	Traits     struct{ Email string }
	Public     any `json:"metadata_public"`
}

// registry is a program with two people, the second known as crm/7 elsewhere.
func registry(t *testing.T, options ...enginetest.Option) (env *enginetest.Env, ada, bob string) {
	env = enginetest.New(t, options...)
	t.Setenv("FOYER_ADMIN_URL", env.AdminURL)
	ada = happen(t, env, "ada")
	a := env.Admin("POST", "/admin/identities", map[string]any{
		"external_id": "crm/7", "traits": map[string]any{"email": "bob@example.org"}, "metadata_admin": map[string]any{"risk": "low"},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": "tide pool, seven herons"}}},
	})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	return env, ada, a.JSON()["id"].(string)
}

// people runs the command and decodes what it prints.
func people(t *testing.T, args ...string) (all []person) {
	t.Helper()
	status, out, errOut := run(append([]string{"identities", "list", "--format", "json"}, args...)...)
	require.Zero(t, status, errOut)
	require.NoError(t, json.Unmarshal([]byte(out), &all), out)
	return all
}

func TestIdentitiesList(t *testing.T) {
	_, ada, bob := registry(t)
	require.Len(t, people(t), 2)
	for args, want := range map[string]string{
		"--identifier BOB@example.org": bob, "--id " + ada: ada, "--id " + bob + "," + bob: bob,
	} {
		found := people(t, strings.Fields(args)...)
		require.Len(t, found, 1, args)
		require.Equal(t, want, found[0].ID)
	}
	require.Empty(t, people(t, "--identifier", "nobody@example.org"))
	require.Len(t, people(t, "--id", ada, "--id", bob, "--all"), 2)

	status, out, errOut := run("identities", "list")
	require.Zero(t, status)
	require.Empty(t, errOut)
	require.Regexp(t, `^ID +STATE +SCHEMA +EXTERNAL ID +WHO +CREATED\n`, out)
	require.Regexp(t, `(?m)^`+ada+` +active +\S+ +– +ada@example\.org +\S+ \S+Z$`, out)
	require.Regexp(t, `(?m)^`+bob+` +active +\S+ +crm/7 +bob@example\.org +\S+ \S+Z$`, out)
	require.Equal(t, 3, strings.Count(out, "\n"))

	_, out, errOut = run("identities", "list", "--page-size", "1")
	require.Equal(t, 2, strings.Count(out, "\n"))
	require.Equal(t, "There are more; --all lists them too.\n", errOut)
	_, whole, errOut := run("identities", "list", "--all", "--page-size", "1")
	require.Equal(t, 3, strings.Count(whole, "\n"))
	require.Empty(t, errOut)
	require.Len(t, people(t, "--all", "--page-size", "1"), 2, "one array of all pages")
}

func TestIdentitiesGet(t *testing.T) {
	env, ada, bob := registry(t)
	status, out, errOut := run("identities", "get", "--external-id", "crm/7")
	require.Zero(t, status, errOut)
	for _, line := range []string{
		`id +` + bob, `external id +crm/7`, `state +active`, `address +bob@example\.org, not verified`, `password +bob@example\.org`, `updated +\S+ \S+Z`, `etag +\d+`,
	} {
		require.Regexp(t, `(?m)^`+line+`$`, out)
	}
	require.Contains(t, out, "metadata_admin {\n  \"risk\": \"low\"\n}\n")
	require.NotContains(t, out, "metadata_public")
	require.NotContains(t, out, "argon2")

	status, out, errOut = run("identities", "get", bob, "--format", "json")
	require.Zero(t, status, errOut)
	require.JSONEq(t, string(env.Admin("GET", "/admin/identities/"+bob, nil).Body), out)

	const unknown = "7a1e4a0e-6b0c-4b7a-9a5e-3f1f3c1b2d4e"
	status, out, errOut = run("identities", "get", ada, unknown, "--external-id", "crm/7", "--external-id", "crm/8", "--format", "json")
	require.Equal(t, 1, status)
	d := json.NewDecoder(strings.NewReader(out))
	for _, id := range []string{ada, bob} {
		var one person
		require.NoError(t, d.Decode(&one))
		require.Equal(t, id, one.ID)
	}
	require.False(t, d.More())
	const none = ": identity_not_found (404): There is no identity with this id.\n"
	require.Equal(t, unknown+none+"crm/8"+none+"foyer: 2 of 4 were not shown\n", errOut)
}

func TestIdentitiesPatch(t *testing.T) {
	env, ada, _ := registry(t)
	now := func() (p person) {
		require.NoError(t, json.Unmarshal(env.Admin("GET", "/admin/identities/"+ada, nil).Body, &p))
		return p
	}
	etag := func() string { return env.Admin("GET", "/admin/identities/"+ada, nil).Header.Get("ETag") }
	patch := func(args ...string) (int, string, string) {
		return run(append([]string{"identities", "patch", ada}, args...)...)
	}
	status, out, errOut := patch("--set", "state=inactive", "--set", `metadata_public:={"plan": "pro", "seats": [1, 2]}`)
	require.Zero(t, status, errOut)
	require.Regexp(t, `(?m)^state +inactive$`, out)
	require.Equal(t, "inactive", now().State)

	status, out, errOut = patch("--set", "/metadata_public/a.b~1c=1=2", "--set", "metadata_public.seats.0:=7", "--set", "traits.email=ada@example.com", "--format", "json")
	require.Zero(t, status, errOut)
	require.JSONEq(t, string(env.Admin("GET", "/admin/identities/"+ada, nil).Body), out)
	require.Equal(t, map[string]any{"plan": "pro", "seats": []any{7.0, 2.0}, "a.b/c": "1=2"}, now().Public)
	require.Equal(t, "ada@example.com", now().Traits.Email)

	old := etag()
	typed(t, `[{"op": "test", "path": "/metadata_public/plan", "value": "pro"}, {"op": "remove", "path": "/metadata_public"}]`)
	status, _, errOut = patch("--op", "-", "--op", `{"op": "replace", "path": "/state", "value": "active"}`, "--set", "external_id=crm/1", "--if-match", strings.Trim(old, `"`))
	require.Zero(t, status, errOut)
	require.Equal(t, person{ID: ada, State: "active", ExternalID: "crm/1", Traits: now().Traits}, now())

	before := etag()
	for want, args := range map[string][]string{
		"1 foyer: precondition_failed (412)":          {"--set", "state=inactive", "--if-match", old},
		"1 foyer: patch_failed (400)":                 {"--op", `[{"op": "replace", "path": "/state", "value": "inactive"}, {"op": "test", "path": "/external_id", "value": "crm/2"}]`},
		"1 foyer: patch_path_protected (400)":         {"--set", "id=x"},
		"1 foyer: patch_path_unknown (400)":           {"--set", "nothing=x"},
		"1 foyer: traits_invalid (400)":               {"--set", "traits.email:=7"},
		"2 foyer: there is nothing to change":         {},
		"2 foyer: --op is neither":                    {"--op", `{"op": `},
		"2 foyer: --op is neither an operation":       {"--op", `"state"`},
		`2 foyer: --set "state" has to be NAME=TEXT`:  {"--set", "state"},
		`2 foyer: --set "=x" has to be`:               {"--set", "=x"},
		"2 foyer: --set state:= is followed":          {"--set", "state:=inactive"},
		`1 foyer: identity_exists (409)`:              {"--set", "traits.email=bob@example.org"},
		`2 foyer: accepts 1 arg(s), received 2`:       {"another", "--set", "state=inactive"},
		"2 foyer: --op is neither an operation nor a": {"--op", "-"}, // all that was typed has been read
	} {
		status, out, errOut := patch(args...)
		require.Empty(t, out)
		require.Contains(t, fmt.Sprint(status, " ", errOut), want)
	}
	require.Equal(t, before, etag(), "nothing of it was done")
	_, _, errOut = patch("--set", "traits.email:=7")
	require.Contains(t, errOut, "\n  traits.email: type {")
}

func TestIdentitiesDelete(t *testing.T) {
	_, ada, bob := registry(t)
	typed(t, "y\n")
	status, out, errOut := run("identities", "delete", ada)
	require.Equal(t, 2, status, "a file is nobody to ask")
	require.Empty(t, out)
	require.Contains(t, errOut, "--yes")
	require.Len(t, people(t), 2)

	status, out, errOut = run("identities", "delete", "--yes", ada, "x", bob)
	require.Equal(t, 1, status)
	require.Equal(t, "deleted "+ada+"\ndeleted "+bob+"\n", out)
	require.Equal(t, "x: identity_not_found (404): There is no identity with this id.\nfoyer: 1 of 3 were not deleted\n", errOut)
	require.Empty(t, people(t))
}

func TestIdentitiesRefuse(t *testing.T) {
	_, ada, bob := registry(t)
	refused(t, "identities", map[string]string{
		"list --id x":                          "1 foyer: ids_invalid (400)",
		"list --id " + ada + " --identifier x": "1 foyer: filters_conflict (400)",
		"list --page-size 501":                 "1 foyer: page_size_invalid (400)",
		"list --page-size 0":                   "1 foyer: page_size_invalid (400)",
		"get x":                                "1 foyer: identity_not_found (404)",
		"get":                                  "2 name identities",
		"get .":                                `2 "." is no id`,
		"get --external-id ..":                 `2 ".." is no id`,
		"patch .. --set state=inactive":        `2 ".." is no id`,
		"delete":                               "2 requires at least 1 arg",
		"delete . --yes":                       `2 "." is no id`,
		"delete " + ada + " --yes --endpoint http://127.0.0.1:1": "1 the admin API did not answer",
	})
	require.ElementsMatch(t, []string{ada, bob}, []string{people(t)[0].ID, people(t)[1].ID})
}
