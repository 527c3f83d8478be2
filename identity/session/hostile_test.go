package session_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// Whatever stands in a parameter, a header or a body, nothing fails because of
// it, nobody is let in by it, and nothing of it becomes a header.
func TestHostileParameters(t *testing.T) {
	everywhere(t, func(t *testing.T, env *enginetest.Env) {
		token, ada := signUp(t, env, "ada@example.org")
		values := []string{
			"", "x", "\x00", "\xff", "'; DROP TABLE sessions; --", "../../", "%00", "-1", "1e9", "9223372036854775808", "null", "[]", "\u202e😀",
			"a\r\nSet-Cookie: x=y", strings.Repeat("A", 50_000), uuid.Nil.String(), "{" + ada + "}", "urn:uuid:" + strings.ToUpper(ada),
		}
		ask := func(public bool, route, place, value string) {
			h := env.App.Admin
			if public {
				h = env.App.Public
			}
			method, path, _ := strings.Cut(route, " ")
			to, body := url.URL{Path: path}, ""
			switch place {
			case "path":
				to.Path += value
			case "body":
				body = `{"action":"delete","sessions":["` + value + `"],"identities":[],"session_token":"` + value + `"}`
			case "":
			default:
				to.RawQuery = url.Values{place: {value}}.Encode()
			}
			r, err := http.NewRequestWithContext(t.Context(), method, to.String(), strings.NewReader(body))
			if err != nil { // no client can send it
				return
			}
			r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
			r.Header.Set("Content-Type", "application/json")
			if place == "" {
				for _, name := range []string{"X-Session-Token", "Authorization", "Cookie", "Accept", "X-Forwarded-For"} {
					r.Header[name] = []string{value}
				}
			} else if public {
				r.Header.Set("X-Session-Token", token)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			require.Less(t, w.Code, 500, "%s %s %.40q: %s", route, place, value, w.Body)
			if place == "" && public {
				require.NotEqual(t, 2, w.Code/100, "%s %.40q", route, value)
			}
			for name, lines := range w.Header() {
				require.False(t, strings.ContainsAny(strings.Join(lines, ""), "\r\n\x00"), "%s %s %.40q: %s", route, place, value, name)
			}
		}
		for _, value := range values {
			for _, place := range []string{"page", "per_page", "page_size", "page_token", "active", "expand", "tokenize_as", "token", "return_to", "path", "body", ""} {
				for _, route := range []string{"GET /sessions", "GET /sessions/whoami", "DELETE /sessions/", "GET /self-service/logout", "GET /self-service/logout/browser", "DELETE /self-service/logout/api"} {
					ask(true, route, place, value)
				}
				for _, route := range []string{"GET /admin/sessions", "POST /admin/sessions", "GET /admin/sessions/", "DELETE /admin/sessions/", "GET /admin/identities/" + ada + "/sessions", "DELETE /admin/identities/"} {
					if route != "DELETE /admin/identities/" || place == "path" && !strings.Contains(strings.ToLower(value), ada) {
						ask(false, route, place, value)
					}
				}
			}
		}
		require.Equal(t, ada, env.Native().Whoami(token).JSON()["identity"].(object)["id"], "nothing has changed")
		require.Len(t, ids(env.Admin("GET", "/admin/sessions", nil)), 1)
	})
}

// What operators may do is not to be had on the public port.
func TestAdminRoutesAreNotPublic(t *testing.T) {
	env := enginetest.New(t)
	token, ada := signUp(t, env, "ada@example.org")
	id := idOf(env, token)
	c := env.Native().As(token)
	for _, route := range []string{
		"GET /admin/sessions", "POST /admin/sessions", "GET /admin/sessions/" + id, "DELETE /admin/sessions/" + id, "PATCH /admin/sessions/" + id + "/extend",
		"GET /admin/identities/" + ada + "/sessions", "DELETE /admin/identities/" + ada + "/sessions", "GET //admin/sessions", "GET /sessions/../admin/sessions",
		"GET /identities/" + ada + "/sessions", "DELETE /identities/" + ada + "/sessions", "PATCH /sessions/" + id + "/extend",
	} {
		method, path, _ := strings.Cut(route, " ")
		require.Equal(t, http.StatusNotFound, c.Send(method, path).Status, route)
	}
	for _, route := range []string{"POST /sessions", "PATCH /sessions/" + id, "GET /sessions/" + id} {
		method, path, _ := strings.Cut(route, " ")
		require.Equal(t, http.StatusMethodNotAllowed, c.Send(method, path).Status, route)
	}
	require.Equal(t, id, idOf(env, token))
}
