package identity_test

import (
	"flag"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

// batched sends entries and returns what became of each.
func batched(t *testing.T, env *enginetest.Env, entries ...any) (results []any) {
	t.Helper()
	a := env.Admin("PATCH", "/admin/identities", object{"identities": entries})
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	results = a.JSON()["identities"].([]any)
	require.Len(t, results, len(entries))
	return results
}

func TestBatch(t *testing.T) {
	env := enginetest.New(t)
	create(t, env, person("taken@example.org"))
	patch := uuid.Must(uuid.NewV4()).String()
	const hashed = "credentials.password.config.hashed_password"
	created := object{"create": with(person("a@example.org"), hashed, argon2Hash), "patch_id": patch}
	wrong := map[string]any{
		"409 identity_exists":           object{"create": person("TAKEN@example.org"), "patch_id": patch},
		"400 json_not_object":           "a string",
		"400 body_invalid":              object{"create": []any{}},
		"400 field_unknown":             object{"create": person("x@example.org"), "delete": "all"},
		"400 traits_missing":            object{"create": object{}},
		"400 traits_invalid":            object{"create": person("nobody")},
		"400 patch_id_invalid":          object{"create": person("x@example.org"), "patch_id": "1"},
		"400 password_hash_unsupported": object{"create": with(person("x@example.org"), hashed, "plain")},
		"400 state_invalid":             object{"create": with(person("x@example.org"), "state", "gone")},
		"400 json_nul":                  object{"create": person("x@example.org\x00")},
		"400 password_too_long":         object{"create": with(person("x@example.org"), "credentials.password.config.password", strings.Repeat("x", 2000))},
	}
	var told []string
	entries := []any{created, nil, object{}, object{"patch_id": patch}}
	for id, entry := range wrong {
		told, entries = append(told, id), append(entries, entry)
	}
	entries = append(entries, object{"create": person("b@example.org")}, object{"create": person("B@example.org")})
	results := batched(t, env, entries...)
	first := results[0].(object)
	require.Equal(t, []any{"create", patch}, []any{first["action"], first["patch_id"]})
	require.Equal(t, []any{nil, nil, nil}, results[1:4])
	for n, id := range told {
		result := results[4+n].(object)
		require.Equal(t, "error", result["action"])
		require.NotContains(t, result, "identity")
		problem := result["error"].(object)
		require.Equal(t, id, fmt.Sprint(problem["code"], " ", problem["id"]))
		require.NotEmpty(t, problem["message"])
	}
	last := results[len(results)-2].(object)
	require.Equal(t, "create", last["action"], "of two that want a name, the first has it")
	require.Equal(t, "identity_exists", results[len(results)-1].(object)["error"].(object)["id"])
	require.Equal(t, 3, env.Identities())
	got := env.Admin("GET", "/admin/identities/"+first["identity"].(string)+"?include_credential=password", nil)
	require.Contains(t, string(got.Body), argon2Hash)
}

// In a batch the pointer to what is wrong begins at the batch.
func TestBatchTellsWhere(t *testing.T) {
	env := enginetest.New(t)
	results := batched(t, env, nil, object{"create": with(person("x@example.org"), "credentials.password.config.password", 7)})
	require.Equal(t, "#/identities/1/create/credentials/password/config/password", results[1].(object)["error"].(object)["details"].(object)["pointer"])
}

func TestBatchRefused(t *testing.T) {
	env := enginetest.New(t)
	many := func(n int, entry object) (entries []any) {
		for range n {
			entries = append(entries, entry)
		}
		return entries
	}
	plain := object{"create": with(person("x@example.org"), "credentials.password.config.password", "a good long Passphrase 9")}
	for name, one := range map[string]struct {
		body any
		told string
	}{
		"too many":              {object{"identities": many(1001, object{})}, "400 batch_too_large"},
		"too many passwords":    {object{"identities": many(201, plain)}, "400 batch_passwords_too_many"},
		"a list":                {[]any{}, "400 body_invalid"},
		"no list":               {object{"identities": object{}}, "400 body_invalid"},
		"another field":         {object{"identities": []any{}, "dry_run": true}, "400 field_unknown"},
		"the field's other way": {object{"Identities": []any{}}, "400 field_unknown"},
		"too much":              {object{"identities": []any{strings.Repeat("x", 5<<20)}}, "413 body_too_large"},
	} {
		a := env.Admin("PATCH", "/admin/identities", one.body)
		require.Equal(t, one.told, fmt.Sprint(a.Status, " ", a.ErrorID()), name)
	}
	for body, told := range map[string]string{
		"": "body_empty", `{"identities":[{]}`: "json_invalid", `{"identities":[]}x`: "json_invalid", `{"identities":[],"identities":[]}`: "json_duplicate_key",
		`{"identities":[`: "json_invalid", `{"identities":[]`: "json_invalid",
		`{"identities":[` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `]}`: "json_invalid",
	} {
		c := env.Native()
		req := c.Request("PATCH", env.AdminURL+"/admin/identities", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		a := c.Do(req)
		require.Equal(t, "400 "+told, fmt.Sprint(a.Status, " ", a.ErrorID()), body[:min(len(body), 40)])
	}
	require.Equal(t, "content_type_unsupported", env.Admin("PATCH", "/admin/identities", nil).ErrorID())
	require.Equal(t, "parameter_unknown", env.Admin("PATCH", "/admin/identities?dry_run=1", object{"identities": []any{}}).ErrorID())
	require.Zero(t, env.Identities())
	require.Equal(t, []any{}, env.Admin("PATCH", "/admin/identities", object{"identities": []any{}}).JSON()["identities"])
}

var figures = flag.Bool("figures", false, "measure batches on every database there is")

// A batch of the greatest size, with hashes that were made elsewhere.
func TestBatchOfAThousand(t *testing.T) {
	databases := map[string]func(testing.TB) string{"sqlite": testdb.SQLite}
	if *figures {
		databases["postgres"], databases["mysql"] = testdb.Postgres, testdb.MySQL
	}
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			env := enginetest.New(t, enginetest.WithDSN(fresh(t)))
			for round := range 3 {
				var entries []any
				for n := range 1000 {
					entries = append(entries, object{"create": with(person(fmt.Sprintf("p%d-%d@example.org", round, n)), "credentials.password.config.hashed_password", argon2Hash), "patch_id": uuid.Must(uuid.NewV4()).String()})
				}
				stats := env.App.Store.Stats()
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				began := time.Now()
				results := batched(t, env, entries...)
				took := time.Since(began)
				runtime.ReadMemStats(&after)
				for n, r := range results {
					require.Equal(t, "create", r.(object)["action"])
					require.Equal(t, entries[n].(object)["patch_id"], r.(object)["patch_id"])
				}
				now := env.App.Store.Stats()
				t.Logf("%s: 1,000 creates in %s, %.0f a second; %d units in %d commits; heap +%.1f MiB, allocated %.0f MiB, client included",
					name, took.Round(time.Millisecond), 1000/took.Seconds(), now.Units-stats.Units, now.Commits-stats.Commits,
					float64(int64(after.HeapInuse)-int64(before.HeapInuse))/(1<<20), float64(after.TotalAlloc-before.TotalAlloc)/(1<<20))
				if name == "sqlite" {
					require.Less(t, now.Commits-stats.Commits, uint64(500), "creates share commits")
				}
				if !*figures {
					break
				}
			}
		})
	}
}
