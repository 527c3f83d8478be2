package session_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

// served asks a server without a connection between.
func served(h http.Handler, method, path, token string, body any) *httptest.ResponseRecorder {
	var raw []byte
	if body != nil {
		raw, _ = json.Marshal(body)
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(raw))
	r.Host = "localhost"
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("X-Session-Token", token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// On each database 1,000 sessions are ended at one server, in every way there
// is, and asked for at another at once: none is accepted after its end was
// confirmed.
func TestRevocationIsInForceEverywhere(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		a := enginetest.New(t, enginetest.WithDSN(dsn))
		b := enginetest.New(t, enginetest.WithDSN(dsn))
		_, ada := signUp(t, a, "ada@example.org")
		_, eve := signUp(t, a, "eve@example.org")
		owner := uuid.FromStringOrNil(ada)
		ways := []func(s *session.Session, token string) int{
			func(_ *session.Session, token string) int {
				return served(a.App.Public, "DELETE", "/self-service/logout/api", "", map[string]string{"session_token": token}).Code
			},
			func(s *session.Session, token string) int {
				return served(a.App.Public, "GET", "/self-service/logout?token="+manage(a).LogoutToken(s), token, nil).Code - http.StatusSeeOther + 204
			},
			func(s *session.Session, _ string) int {
				return served(a.App.Admin, "DELETE", "/admin/sessions/"+s.ID.String(), "", nil).Code
			},
			func(s *session.Session, _ string) int {
				order := map[string]any{"action": "disable", "sessions": []string{s.ID.String()}}
				return served(a.App.Admin, "POST", "/admin/sessions", "", order).Code - http.StatusOK + 204
			},
			func(s *session.Session, _ string) int {
				order := map[string]any{"action": "delete", "sessions": []string{s.ID.String()}}
				return served(a.App.Admin, "POST", "/admin/sessions", "", order).Code - http.StatusOK + 204
			},
			func(s *session.Session, _ string) int {
				mine, token := manager(a).Plan(owner, session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
				if a.App.Store.InsertSession(t.Context(), mine, session.Hash(token)) != nil {
					return 0
				}
				return served(a.App.Public, "DELETE", "/sessions/"+s.ID.String(), token, nil).Code
			},
		}
		var wg sync.WaitGroup
		const workers, each = 8, 125
		for worker := range workers {
			wg.Go(func() {
				for n := range each {
					s, token := manager(a).Plan(owner, session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
					if err := a.App.Store.InsertSession(t.Context(), s, session.Hash(token)); err != nil {
						t.Error(err)
						return
					}
					if n%10 == 0 && served(b.App.Public, "GET", "/sessions/whoami", token, nil).Code != http.StatusOK {
						t.Error("the session does not hold to begin with")
					}
					way := (worker + n) % len(ways)
					if status := ways[way](s, token); status != http.StatusNoContent {
						t.Errorf("way %d: not confirmed, %d", way, status)
					}
					if status := served(b.App.Public, "GET", "/sessions/whoami", token, nil).Code; status != http.StatusUnauthorized {
						t.Errorf("way %d: %d after the confirmation", way, status)
					}
				}
			})
		}
		wg.Wait()

		// And those that end many at once.
		for _, path := range []string{"", ada, eve} {
			first, _ := another(t, a, ada)
			second, _ := another(t, a, ada)
			third, _ := another(t, a, eve)
			switch path {
			case ada:
				require.Equal(t, http.StatusNoContent, a.Admin("DELETE", "/admin/identities/"+ada+"/sessions", nil).Status)
			case eve:
				require.Equal(t, http.StatusNoContent, a.Admin("DELETE", "/admin/identities/"+ada, nil).Status)
			default:
				require.Equal(t, http.StatusOK, a.Native().As(first).Send("DELETE", "/sessions").Status)
				require.NotEmpty(t, idOf(b, first))
				require.Equal(t, http.StatusOK, a.Admin("POST", "/admin/sessions", object{"action": "disable", "identities": []string{ada}}).Status)
			}
			require.Empty(t, idOf(b, first))
			require.Empty(t, idOf(b, second))
			require.NotEmpty(t, idOf(b, third))
		}
	})
}

// manage makes the logout tokens that env would.
func manage(env *enginetest.Env) *session.Manager {
	m := manager(env)
	m.Ring = cookieRing
	return m
}

// What the store could not do is not confirmed.
func TestRevocationThatFailsIsNotConfirmed(t *testing.T) {
	env := enginetest.New(t)
	token, ada := signUp(t, env, "ada@example.org")
	_, other := another(t, env, ada)
	s, err := manager(env).ByToken(t.Context(), token)
	require.NoError(t, err)
	env.Exec(`CREATE TRIGGER no_end BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
	env.Exec(`CREATE TRIGGER no_delete BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
	order := func(action string) map[string]any {
		return map[string]any{"action": action, "identities": []string{ada}}
	}
	everyone := map[string]any{"action": "disable", "identities": []string{"*"}}
	for what, w := range map[string]*httptest.ResponseRecorder{
		"others":  served(env.App.Public, "DELETE", "/sessions", token, nil),
		"another": served(env.App.Public, "DELETE", "/sessions/"+other, token, nil),
		"api":     served(env.App.Public, "DELETE", "/self-service/logout/api", "", map[string]string{"session_token": token}),
		"browser": served(env.App.Public, "GET", "/self-service/logout?token="+manage(env).LogoutToken(s), token, nil),
		"one":     served(env.App.Admin, "DELETE", "/admin/sessions/"+other, "", nil),
		"of one":  served(env.App.Admin, "DELETE", "/admin/identities/"+ada+"/sessions", "", nil),
		"disable": served(env.App.Admin, "POST", "/admin/sessions", "", order("disable")),
		"delete":  served(env.App.Admin, "POST", "/admin/sessions", "", order("delete")),
		"all":     served(env.App.Admin, "POST", "/admin/sessions", "", everyone),
	} {
		if what == "browser" { // sent to the page for errors
			require.Contains(t, w.Header().Get("Location"), "/error?id=", what)
		} else {
			require.Equal(t, http.StatusInternalServerError, w.Code, what)
		}
		require.Empty(t, w.Header().Values("Set-Cookie"), what)
	}
	require.NotEmpty(t, idOf(env, token), "it holds still, and nobody was told otherwise")
}

// Whatever else happens to a session while it is ended, it has ended then.
func TestEndingWinsEveryRace(t *testing.T) {
	everywhere(t, func(t *testing.T, env *enginetest.Env) {
		_, ada := signUp(t, env, "ada@example.org")
		m := manager(env)
		for round := range 40 {
			first, id := another(t, env, ada)
			s, err := m.ByToken(t.Context(), first)
			require.NoError(t, err)
			next, second := m.Replan(s, session.Method{Method: "password", AAL: session.AAL1}, session.Device{})
			_, third, err := m.Renew(t.Context(), s.ID)
			require.NoError(t, err)
			env.Clock.Advance(time.Minute)
			var (
				wg        sync.WaitGroup
				statuses  [5]int
				unnoticed error
			)
			for n, do := range []func() int{
				func() int { return served(env.App.Admin, "PATCH", "/admin/sessions/"+id+"/extend", "", nil).Code },
				func() int { return served(env.App.Admin, "DELETE", "/admin/sessions/"+id, "", nil).Code },
				func() int {
					return served(env.App.Public, "DELETE", "/self-service/logout/api", "", map[string]string{"session_token": third}).Code
				},
				func() int {
					return served(env.App.Public, "GET", "/self-service/logout?token="+manage(env).LogoutToken(s), first, nil).Code
				},
				func() int {
					unnoticed = env.App.Store.Reauthenticate(t.Context(), next, s.AuthenticatedAt, session.Hash(second))
					return 0
				},
			} {
				wg.Go(func() { statuses[n] = do() })
			}
			wg.Wait()
			require.Contains(t, []int{200, 404}, statuses[0], round)
			require.Equal(t, 204, statuses[1], round)
			require.Contains(t, []int{204, 403}, statuses[2], round)
			require.Equal(t, http.StatusSeeOther, statuses[3], round)
			if unnoticed != nil {
				require.ErrorIs(t, unnoticed, session.ErrNotFound)
			}
			for _, token := range []string{first, second, third} {
				require.Equal(t, http.StatusUnauthorized, served(env.App.Public, "GET", "/sessions/whoami", token, nil).Code, round)
			}
		}
	})
}
