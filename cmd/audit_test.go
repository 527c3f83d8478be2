package cmd_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// lines are the records in the log with a message.
func lines(t *testing.T, env *enginetest.Env, message string) (found []map[string]any) {
	for line := range strings.Lines(env.Logs.String()) {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &one))
		if one["msg"] == message {
			delete(one, "time")
			found = append(found, one)
		}
	}
	return found
}

// stored are the bodies of the events that wait, oldest first.
func stored(t *testing.T, env *enginetest.Env, token string) (bodies []map[string]any) {
	var list []struct{ ID string }
	as(env, token).Get(env.AdminURL + "/admin/events").Decode(&list)
	for i := len(list) - 1; i >= 0; i-- {
		var one struct {
			Type    string
			Payload map[string]any
		}
		as(env, token).Get(env.AdminURL + "/admin/events/" + list[i].ID).Decode(&one)
		require.Equal(t, one.Type, one.Payload["type"])
		bodies = append(bodies, one.Payload)
	}
	return bodies
}

func listened() enginetest.Option {
	return enginetest.With("events.endpoints", []map[string]any{{"id": "all", "url": "http://127.0.0.1:1/", "types": []string{"*"}}})
}

// Every call that may change something leaves one record, in the log and as an
// event, and what it changes says who it was.
func TestEveryChangeIsRecorded(t *testing.T) {
	env := enginetest.New(t, asks(caller("crm", "identity", "session"), caller("ops", "events")), listened(), enginetest.WithVerification(), enginetest.WithRecovery())
	crm := as(env, tokenFor("crm"))
	req := outgoing(t, "POST", env.AdminURL+"/admin/identities", `{"schema_id":"default","traits":{"email":"ada@example.org"},"credentials":{"password":{"config":{"password":"a good long Passphrase 9"}}}}`)
	req.Header.Set("X-Request-Id", "of-the-create")
	id := crm.Do(req).JSON()["id"].(string)
	nobody := uuid.Must(uuid.NewV4()).String()
	app := env.Native()
	require.Equal(t, 200, app.SignIn("", enginetest.Credentials("ada@example.org")).Status)
	for _, call := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/identities", `{"schema_id":"default","traits":{"email":"ada@example.org"}}`, 409},
		{"POST", "/recovery/code", `{"identity_id":"` + id + `"}`, 201},
		{"POST", "/admin/codes", `{"identity_id":"` + id + `"}`, 201},
		{"POST", "/admin/sessions", `{"action":"disable","identities":["` + id + `"]}`, 200},
		{"DELETE", "/admin/sessions/" + nobody, "", 404},
		{"DELETE", "/admin/identities/" + id, "", 204},
		{"DELETE", "/admin/identities/secret@example.org", "", 404},
		{"GET", "/admin/identities", "", 200},
		{"PUT", "/admin/nowhere", "", 404},
	} {
		require.Equal(t, call.status, crm.Do(outgoing(t, call.method, env.AdminURL+call.path, call.body)).Status, "%s %s", call.method, call.path)
	}

	type told struct {
		method, route string
		status        float64
		errorID       any
		identities    any
		target        any
	}
	of := []any{id}
	expected := []told{
		{"POST", "/admin/identities", 201, nil, of, nil},
		{"POST", "/admin/identities", 409, "identity_exists", nil, nil},
		{"POST", "/admin/recovery/code", 201, nil, of, nil},
		{"POST", "/admin/codes", 201, nil, of, nil},
		{"POST", "/admin/sessions", 200, nil, of, nil},
		{"DELETE", "/admin/sessions/:id", 404, "session_not_found", nil, nobody},
		{"DELETE", "/admin/identities/:id", 204, nil, of, nil},
		{"DELETE", "/admin/identities/:id", 404, "identity_not_found", nil, nil},
	}
	logged := lines(t, env, "admin call")
	require.Len(t, logged, len(expected))
	require.Equal(t, "of-the-create", logged[0]["request_id"])
	var audited []map[string]any
	actors := map[string][]any{}
	for _, one := range stored(t, env, tokenFor("ops")) {
		data := one["data"].(map[string]any)
		if one["type"] == "admin.audited" {
			audited = append(audited, data)
			require.NotContains(t, data, "identity")
		} else {
			actors[one["type"].(string)] = append(actors[one["type"].(string)], data["actor"])
		}
	}
	require.Len(t, audited, len(expected))
	require.Equal(t, "of-the-create", audited[0]["request_id"])
	actor := map[string]any{"name": "crm", "by": "token"}
	for n, want := range expected {
		l, e := logged[n], audited[n]
		require.Equal(t, want, told{l["method"].(string), l["route"].(string), l["status"].(float64), l["error_id"], l["identities"], l["target"]}, "log %d", n)
		require.Equal(t, want, told{e["method"].(string), e["route"].(string), e["status"].(float64), e["error_id"], e["identities"], e["target"]}, "event %d", n)
		require.Equal(t, "crm", l["actor"])
		require.Equal(t, "token", l["by"])
		require.Equal(t, actor, e["actor"])
	}
	require.Equal(t, map[string][]any{
		"identity.created": {actor}, "identity.deleted": {actor}, "session.revoked": {actor},
		"session.issued": {nil}, // by the person
	}, actors)
	for _, secret := range []string{tokenFor("crm"), "Passphrase", "secret@example.org", "ada@example.org"} {
		require.NotContains(t, env.Logs.String(), secret)
	}
}

// A call about many names those that it changed, and no more than a hundred.
func TestACallAboutManyIsOneRecord(t *testing.T) {
	key := signingKey(t, "one")
	i := newIssuer(t, key)
	env := enginetest.New(t, byJWT(i, nil), listened())
	entry := func(n int) string {
		return fmt.Sprintf(`{"create":{"schema_id":"default","traits":{"email":"p%d@example.org"}}}`, n)
	}
	var entries []string
	for n := range 120 {
		entries = append(entries, entry(n))
	}
	entries = append(entries, entry(7), `{"create":{"schema_id":"none","traits":{}}}`)
	billing := as(env, signJWT(t, jose.ES256, key, "at+jwt", claims(env, i, "scope", "identity")))
	a := billing.Do(outgoing(t, "PATCH", env.AdminURL+"/identities", `{"identities":[`+strings.Join(entries, ",")+`]}`))
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	logged := lines(t, env, "admin call")
	require.Len(t, logged, 1)
	require.Equal(t, 120.0, logged[0]["count"])
	require.Len(t, logged[0]["identities"], 100)
	require.Equal(t, "billing", logged[0]["actor"])
	require.Equal(t, "jwt", logged[0]["by"])
	created, audited := 0, 0
	for _, one := range stored(t, env, tokenFor("ops")) {
		require.Equal(t, map[string]any{"name": "billing", "by": "jwt"}, one["data"].(map[string]any)["actor"])
		if one["type"] == "admin.audited" {
			audited++
		} else {
			created++
		}
	}
	require.Equal(t, 120, created)
	require.Equal(t, 1, audited)
}

// The actor stands in the commit of the change: what is rolled back has none, and
// an event that cannot be stored takes back no change, for the log has it.
func TestChangesAreRecordedEvenIfTheyFail(t *testing.T) {
	env := enginetest.New(t, listened())
	env.Exec("CREATE TRIGGER refuse BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'refused by the test'); END")
	body := map[string]any{"schema_id": "default", "traits": map[string]any{"email": "ada@example.org"}}
	require.Equal(t, 500, env.Admin("POST", "/admin/identities", body).Status)
	require.Zero(t, env.Identities(), "no change without its event")
	logged := lines(t, env, "admin call")
	require.Len(t, logged, 1)
	require.Equal(t, "internal_error", logged[0]["error_id"])
	require.Equal(t, "anyone", logged[0]["actor"])
	require.Len(t, lines(t, env, "the event of an admin call could not be stored; the log has it alone"), 1)
	env.Exec("DROP TRIGGER refuse")
	require.Equal(t, 201, env.Admin("POST", "/admin/identities", body).Status)
}

// Who is refused is in the log, but strangers do not fill it.
func TestRefusedCallsAreLoggedNowAndThen(t *testing.T) {
	env := enginetest.New(t, asks(caller("crm", "courier")))
	for range 200 {
		require.Equal(t, http.StatusUnauthorized, env.Native().Get(env.AdminURL+"/identities").Status)
	}
	logged := lines(t, env, "admin call refused")
	require.GreaterOrEqual(t, len(logged), 20)
	require.LessOrEqual(t, len(logged), 25)
	require.Equal(t, "127.0.0.1", logged[0]["peer"])
	require.Equal(t, "admin_unauthenticated", logged[0]["error_id"])
	env.Clock.Advance(time.Minute)
	require.Equal(t, http.StatusForbidden, as(env, tokenFor("crm")).Do(outgoing(t, "DELETE", env.AdminURL+"/identities/x", "")).Status)
	last := lines(t, env, "admin call refused")
	one := last[len(last)-1]
	require.Equal(t, "crm", one["actor"])
	require.Equal(t, "admin_scope_missing", one["error_id"])
	require.Greater(t, one["not_logged_before"], 150.0)
	require.Empty(t, lines(t, env, "admin call"))
}
