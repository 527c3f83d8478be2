package session_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

// manager works on the program's own store.
func manager(env *enginetest.Env) *session.Manager {
	return &session.Manager{Store: env.App.Store, Lifespan: 24 * time.Hour, Now: env.Clock.Now}
}

// another gives somebody one more session, as a login on another device would.
func another(t *testing.T, env *enginetest.Env, identity string) (token, id string) {
	t.Helper()
	s, token := manager(env).Plan(uuid.FromStringOrNil(identity), session.Method{Method: "password", AAL: session.AAL1}, session.Device{IP: "192.0.2.7", UserAgent: "another"})
	require.NoError(t, env.App.Store.InsertSession(t.Context(), s, session.Hash(token)))
	return token, s.ID.String()
}

// idOf is the id of the session that token leads to, "" for none.
func idOf(env *enginetest.Env, token string) string {
	a := env.Native().Whoami(token)
	if a.Status != http.StatusOK {
		return ""
	}
	return a.JSON()["id"].(string)
}

func ids(a *enginetest.Answer) (out []string) {
	var all []map[string]any
	a.Decode(&all)
	for _, one := range all {
		out = append(out, one["id"].(string))
	}
	return out
}

// everywhere runs fn on each database.
func everywhere(t *testing.T, fn func(t *testing.T, env *enginetest.Env)) {
	testdb.Each(t, func(t *testing.T, dsn string) { fn(t, enginetest.New(t, enginetest.WithDSN(dsn))) })
}

func TestOwnSessions(t *testing.T) {
	everywhere(t, func(t *testing.T, env *enginetest.Env) {
		token, ada := signUp(t, env, "ada@example.org")
		strange, _ := signUp(t, env, "eve@example.org")
		me := env.Native().As(token)
		a := me.Get("/sessions")
		require.Equal(t, http.StatusOK, a.Status)
		require.JSONEq(t, "[]", string(a.Body), "the current one is no other")
		require.Equal(t, "0", a.Header.Get("X-Total-Count"))

		second, secondID := another(t, env, ada)
		_, thirdID := another(t, env, ada)
		a = me.Get("/sessions")
		require.Equal(t, []string{thirdID, secondID}, ids(a), "newest first")
		require.Equal(t, "2", a.Header.Get("X-Total-Count"))
		var all []map[string]any
		a.Decode(&all)
		for _, one := range all {
			require.Equal(t, true, one["active"])
			require.Equal(t, "192.0.2.7", one["devices"].([]any)[0].(map[string]any)["ip_address"])
			who := one["identity"].(map[string]any)
			require.Equal(t, ada, who["id"])
			require.NotContains(t, who, "metadata_admin")
			require.NotContains(t, who, "credentials")
		}
		require.NotContains(t, string(a.Body), "ory_st_")

		// Somebody else's is neither seen nor ended, and not told from none.
		eve := env.Native().As(strange)
		for _, id := range []string{secondID, uuid.Must(uuid.NewV4()).String()} {
			require.Equal(t, http.StatusNoContent, eve.Send(http.MethodDelete, "/sessions/"+id).Status)
		}
		require.Equal(t, secondID, idOf(env, second))

		a = me.Send(http.MethodDelete, "/sessions/"+idOf(env, token))
		require.Equal(t, http.StatusBadRequest, a.Status)
		require.Equal(t, "session_is_current", a.ErrorID())
		require.Equal(t, "session_id_invalid", me.Send(http.MethodDelete, "/sessions/x").ErrorID())
		require.Equal(t, http.StatusNoContent, me.Send(http.MethodDelete, "/sessions/"+secondID).Status)
		require.Empty(t, idOf(env, second))
		require.Equal(t, []string{thirdID}, ids(me.Get("/sessions")))
		require.Equal(t, http.StatusNoContent, me.Send(http.MethodDelete, "/sessions/"+secondID).Status, "once more")

		_, fourthID := another(t, env, ada)
		require.Equal(t, []string{fourthID, thirdID}, ids(me.Get("/sessions")))
		a = me.Send(http.MethodDelete, "/sessions")
		require.Equal(t, http.StatusOK, a.Status)
		require.JSONEq(t, `{"count":2}`, string(a.Body))
		require.JSONEq(t, `{"count":0}`, string(me.Send(http.MethodDelete, "/sessions").Body))
		require.Empty(t, ids(me.Get("/sessions")))
		require.NotEmpty(t, idOf(env, token), "the own one is spared")
		require.NotEmpty(t, idOf(env, strange))
	})
}

// The current session is that of the cookie where there is one, and pages of
// browsers are told the same as apps.
func TestOwnSessionsOfABrowser(t *testing.T) {
	env := enginetest.New(t)
	b, ada := signUpBrowser(t, env, "ada@example.org")
	token, id := another(t, env, ada)
	require.Equal(t, []string{id}, ids(b.Get("/sessions")))
	require.JSONEq(t, `{"count":1}`, string(b.Send(http.MethodDelete, "/sessions").Body))
	require.Empty(t, idOf(env, token))
	require.Equal(t, http.StatusOK, b.Whoami("").Status)
}

func TestNobodysSessions(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		for _, one := range []string{
			"GET /sessions", "DELETE /sessions", "DELETE /sessions/" + uuid.Nil.String(), "DELETE /sessions/x",
			"GET /sessions/whoami", "DELETE /sessions/whoami",
		} {
			method, path, _ := strings.Cut(one, " ")
			a := c.Send(method, path)
			require.Equal(t, http.StatusUnauthorized, a.Status, one)
			require.Equal(t, "session_inactive", a.ErrorID(), one)
			require.Empty(t, a.Header.Get("Set-Cookie"), one)
		}
	}
}

func TestOwnSessionsByPage(t *testing.T) {
	env := enginetest.New(t)
	token, ada := signUp(t, env, "ada@example.org")
	me := env.Native().As(token)
	var newest []string
	for range 5 {
		_, id := another(t, env, ada)
		newest = append([]string{id}, newest...)
	}
	for query, want := range map[string][]string{
		"":                               newest,
		"?page=0&per_page=2":             newest[:2],
		"?page=1&per_page=2":             newest[2:4],
		"?page_token=2&page_size=2":      newest[4:],
		"?page=3&per_page=2":             nil, // who asks for the next until there is none comes to an end
		"?page=9&per_page=2":             nil,
		"?page=1&per_page=5":             nil,
		"?page=9223372036854775807":      nil,
		"?page=-1&per_page=x":            newest,
		"?page_size=0&page_token=ory_st": newest,
		"?page_size=9999999":             newest,
	} {
		a := me.Get("/sessions" + query)
		require.Equal(t, want, ids(a), query)
		require.Equal(t, "5", a.Header.Get("X-Total-Count"))
	}
	var walked []string
	next := "/sessions?per_page=2"
	for next != "" {
		a := me.Get(next)
		walked = append(walked, ids(a)...)
		link := a.Header.Get("Link")
		require.Contains(t, link, `rel="first"`)
		next = ""
		if m := regexp.MustCompile(`<([^>]*)>; rel="next"`).FindStringSubmatch(link); m != nil {
			next = m[1]
			u, err := url.Parse(next)
			require.NoError(t, err)
			for _, name := range []string{"page", "per_page", "page_token", "page_size"} {
				require.NotEmpty(t, u.Query().Get(name))
			}
		}
	}
	require.Equal(t, newest, walked)
}
