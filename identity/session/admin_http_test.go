package session_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

type object = map[string]any

func TestAdminListsSessions(t *testing.T) {
	everywhere(t, func(t *testing.T, env *enginetest.Env) {
		made := env.Admin("POST", "/admin/identities", object{"traits": object{"email": "ada@example.org"}, "metadata_admin": "note"})
		require.Equal(t, http.StatusCreated, made.Status)
		ada := made.JSON()["id"].(string)
		var newest []string
		for range 5 {
			_, id := another(t, env, ada)
			newest = append([]string{id}, newest...)
		}
		require.Equal(t, http.StatusNoContent, env.Admin("DELETE", "/admin/sessions/"+newest[0], nil).Status)
		require.Equal(t, newest, ids(env.Admin("GET", "/admin/sessions", nil)))
		require.Equal(t, newest[1:], ids(env.Admin("GET", "/admin/sessions?active=true", nil)))
		require.Equal(t, newest[:1], ids(env.Admin("GET", "/admin/sessions?active=false", nil)))

		for query, want := range map[string][2]bool{
			"": {}, "?expand=": {}, "?expand=identity": {true, false}, "?expand=devices": {false, true}, "?expand=Identity,%20devices": {true, true},
			"?expand=identity&expand=devices": {true, true},
		} {
			var all []object
			env.Admin("GET", "/admin/sessions"+query, nil).Decode(&all)
			one := env.Admin("GET", "/admin/sessions/"+newest[2]+query, nil)
			require.Equal(t, http.StatusOK, one.Status)
			for _, s := range append(all, one.JSON()) {
				require.Equal(t, want[0], s["identity"] != nil, query)
				require.Equal(t, want[1], len(s["devices"].([]any)) == 1, query)
				if want[0] {
					require.Equal(t, "note", s["identity"].(object)["metadata_admin"], query)
					require.NotContains(t, s["identity"], "credentials")
				}
			}
		}

		var walked []string
		for next := "/admin/sessions?active=true&page_size=2"; next != ""; {
			a := env.Admin("GET", next, nil)
			walked = append(walked, ids(a)...)
			next = ""
			if m := regexp.MustCompile(`<([^>]*)>; rel="next"`).FindStringSubmatch(a.Header.Get("Link")); m != nil {
				next = m[1]
				require.NotContains(t, next, newest[2], "tokens are sealed")
			}
		}
		require.Equal(t, newest[1:], walked)

		for name, want := range map[string]string{
			"active=perhaps": "active_invalid", "expand=tokens": "expand_invalid", "page_size=0": "page_size_invalid", "page_size=1001": "page_size_invalid", "page=2": "pagination_unsupported",
			"page_token=" + newest[0]: "page_token_invalid",
		} {
			a := env.Admin("GET", "/admin/sessions?"+name, nil)
			require.Equal(t, http.StatusBadRequest, a.Status, name)
			require.Equal(t, want, a.ErrorID(), name)
		}
		require.Equal(t, "expand_invalid", env.Admin("GET", "/admin/sessions/"+newest[0]+"?expand=x", nil).ErrorID())
		for _, id := range []string{ada, "x", uuid.Nil.String()} {
			for _, one := range []string{"GET /", "DELETE /", "PATCH /extend"} {
				method, tail, _ := strings.Cut(one, " /")
				a := env.Admin(method, strings.TrimSuffix("/admin/sessions/"+id+"/"+tail, "/"), nil)
				require.Equal(t, http.StatusNotFound, a.Status, one+id)
				require.Equal(t, "session_not_found", a.ErrorID())
			}
		}
	})
}

// A page token is good for its list, its filter, and an hour.
func TestAdminPageTokens(t *testing.T) {
	env := enginetest.New(t)
	_, ada := signUp(t, env, "ada@example.org")
	another(t, env, ada)
	next := regexp.MustCompile(`page_token=([^>&]*)>; rel="next"`).FindStringSubmatch(env.Admin("GET", "/admin/sessions?page_size=1", nil).Header.Get("Link"))
	require.NotNil(t, next)
	use := func(query string) string { return env.Admin("GET", query+"page_token="+next[1], nil).ErrorID() }
	require.Empty(t, use("/admin/sessions?"))
	require.Equal(t, "page_token_invalid", use("/admin/sessions?active=true&"))
	require.Equal(t, "page_token_invalid", use("/admin/courier/messages?"))
	env.Clock.Advance(time.Hour)
	require.Equal(t, "page_token_expired", use("/admin/sessions?"))
}

func TestAdminSessionsOfAnIdentity(t *testing.T) {
	everywhere(t, func(t *testing.T, env *enginetest.Env) {
		first, ada := signUp(t, env, "ada@example.org")
		strange, eve := signUp(t, env, "eve@example.org")
		_, secondID := another(t, env, ada)
		firstID := idOf(env, first)
		path := "/admin/identities/" + ada + "/sessions"
		a := env.Admin("GET", path, nil)
		require.Equal(t, []string{secondID, firstID}, ids(a))
		require.Equal(t, "2", a.Header.Get("X-Total-Count"))
		require.Contains(t, string(a.Body), "metadata_public")
		require.Contains(t, string(a.Body), "192.0.2.7")
		require.Equal(t, []string{firstID}, ids(env.Admin("GET", path+"?page=1&per_page=1", nil)))
		require.Contains(t, env.Admin("GET", path+"?active=true&page=1&per_page=1", nil).Header.Get("Link"), "active=true")
		env.Admin("DELETE", "/admin/sessions/"+firstID, nil)
		require.Equal(t, []string{secondID}, ids(env.Admin("GET", path+"?active=true", nil)))
		require.Equal(t, []string{firstID}, ids(env.Admin("GET", path+"?active=false", nil)))
		require.Equal(t, "active_invalid", env.Admin("GET", path+"?active=2", nil).ErrorID())

		require.Equal(t, http.StatusNoContent, env.Admin("DELETE", path, nil).Status)
		require.Empty(t, ids(env.Admin("GET", path, nil)), "the rows are gone")
		for _, id := range []string{ada, uuid.Must(uuid.NewV4()).String()} {
			a := env.Admin("DELETE", "/admin/identities/"+id+"/sessions", nil)
			require.Equal(t, http.StatusNotFound, a.Status)
			require.Equal(t, "session_not_found", a.ErrorID())
		}
		for _, method := range []string{"GET", "DELETE"} {
			a := env.Admin(method, "/admin/identities/x/sessions", nil)
			require.Equal(t, http.StatusBadRequest, a.Status)
			require.Equal(t, "identity_id_invalid", a.ErrorID())
		}
		require.Equal(t, http.StatusOK, env.Native().Whoami(strange).Status, "%s is left alone", eve)
	})
}

func TestAdminExtendsSessions(t *testing.T) {
	env := enginetest.New(t, enginetest.With("session.lifespan", "10h"), enginetest.With("session.earliest_possible_extend", "1h"))
	b, _ := signUpBrowser(t, env, "ada@example.org")
	s := b.Whoami("").JSON()
	id, first := s["id"].(string), s["expires_at"].(string)
	extend := func() (ends string) {
		a := env.Admin("PATCH", "/admin/sessions/"+id+"/extend", nil)
		require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
		require.Equal(t, id, a.JSON()["id"])
		require.Contains(t, a.JSON()["identity"], "traits")
		return a.JSON()["expires_at"].(string)
	}
	require.Equal(t, first, extend(), "too early")
	a := b.Whoami("")
	require.Empty(t, a.Header.Get("Set-Cookie"), "the cookie says the same")

	env.Clock.Advance(9*time.Hour + time.Minute)
	second := extend()
	require.Greater(t, second, first)
	a = b.Whoami("")
	require.Equal(t, second, a.JSON()["expires_at"])
	require.Contains(t, a.Header.Get("Set-Cookie"), cookieName+"=", "the cookie lives on with its session")
	require.Empty(t, b.Whoami("").Header.Get("Set-Cookie"), "once")
	require.Equal(t, second, extend(), "too early again")
	env.Clock.Advance(time.Hour)
	require.Equal(t, http.StatusOK, b.Whoami("").Status, "the old cookie would be over")

	env.Clock.Advance(10 * time.Hour)
	a = env.Admin("PATCH", "/admin/sessions/"+id+"/extend", nil)
	require.Equal(t, http.StatusNotFound, a.Status, "what is over stays so")
	require.Equal(t, http.StatusUnauthorized, b.Whoami("").Status)
}

func TestAdminExtendsSessionsAtAnyTime(t *testing.T) {
	env := enginetest.New(t, enginetest.With("feature_flags.faster_session_extend", true))
	token, _ := signUp(t, env, "ada@example.org")
	before := env.Native().Whoami(token).JSON()
	a := env.Admin("PATCH", "/admin/sessions/"+before["id"].(string)+"/extend", nil)
	require.Equal(t, http.StatusNoContent, a.Status)
	require.Empty(t, a.Body)
	require.Greater(t, env.Native().Whoami(token).JSON()["expires_at"], before["expires_at"])
	env.Admin("DELETE", "/admin/sessions/"+before["id"].(string), nil)
	require.Equal(t, http.StatusNotFound, env.Admin("PATCH", "/admin/sessions/"+before["id"].(string)+"/extend", nil).Status)
	require.Equal(t, http.StatusUnauthorized, env.Native().Whoami(token).Status)
}

func TestAdminEndsManySessions(t *testing.T) {
	everywhere(t, func(t *testing.T, env *enginetest.Env) {
		first, ada := signUp(t, env, "ada@example.org")
		strange, eve := signUp(t, env, "eve@example.org")
		second, secondID := another(t, env, ada)
		third, _ := another(t, env, ada)
		manage := func(body object) *enginetest.Answer {
			a := env.Admin("POST", "/admin/sessions", body)
			require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
			return a
		}
		live := func() (all []bool) {
			for _, token := range []string{first, second, third, strange} {
				all = append(all, idOf(env, token) != "")
			}
			return all
		}
		unknown := uuid.Must(uuid.NewV4()).String()
		require.JSONEq(t, `{"processed":1,"more":false}`, string(manage(object{"action": "disable", "sessions": []string{secondID, unknown}}).Body))
		require.Equal(t, []bool{true, false, true, true}, live())
		require.JSONEq(t, `{"processed":2,"more":false}`, string(manage(object{"action": "disable", "identities": []string{ada, unknown}}).Body))
		require.Equal(t, []bool{false, false, false, true}, live())
		require.Len(t, ids(env.Admin("GET", "/admin/sessions", nil)), 4, "disabled ones are kept")
		require.JSONEq(t, `{"processed":3,"more":false}`, string(manage(object{"action": "delete", "identities": []string{ada}}).Body))
		require.Len(t, ids(env.Admin("GET", "/admin/sessions", nil)), 1)
		require.JSONEq(t, `{"processed":1,"more":false}`, string(manage(object{"action": "disable", "sessions": []string{"*"}}).Body))
		require.Equal(t, []bool{false, false, false, false}, live())
		require.JSONEq(t, `{"processed":1,"more":false}`, string(manage(object{"action": "delete", "identities": []string{"*"}}).Body))
		require.Empty(t, ids(env.Admin("GET", "/admin/sessions", nil)), "of %s", eve)
	})
}

func TestAdminIsToldWhatIsWrongWithAnOrder(t *testing.T) {
	env := enginetest.New(t)
	token, ada := signUp(t, env, "ada@example.org")
	many := make([]string, 501)
	for n := range many {
		many[n] = ada
	}
	for name, one := range map[string]struct {
		body object
		want string
	}{
		"no action":       {object{"identities": []string{ada}}, "session_action_invalid"},
		"unknown action":  {object{"action": "Disable", "identities": []string{ada}}, "session_action_invalid"},
		"no list":         {object{"action": "delete"}, "session_selection_invalid"},
		"empty lists":     {object{"action": "delete", "identities": []string{}, "sessions": []string{}}, "session_selection_invalid"},
		"both lists":      {object{"action": "delete", "identities": []string{ada}, "sessions": []string{ada}}, "session_selection_invalid"},
		"no id":           {object{"action": "delete", "identities": []string{ada, "x"}}, "session_selection_invalid"},
		"* among ids":     {object{"action": "delete", "identities": []string{ada, "*"}}, "session_selection_invalid"},
		"too many":        {object{"action": "delete", "identities": many}, "session_selection_invalid"},
		"unknown field":   {object{"action": "delete", "identities": []string{ada}, "dry_run": true}, "field_unknown"},
		"no list of ids":  {object{"action": "delete", "identities": ada}, "body_invalid"},
		"nothing at all":  {object{}, "session_action_invalid"},
		"* that is alone": {object{"action": "delete", "identities": "*"}, "body_invalid"},
	} {
		a := env.Admin("POST", "/admin/sessions", one.body)
		require.Equal(t, http.StatusBadRequest, a.Status, name)
		require.Equal(t, one.want, a.ErrorID(), name)
	}
	require.Equal(t, http.StatusBadRequest, env.Admin("POST", "/admin/sessions", nil).Status, "no body")
	require.Equal(t, http.StatusOK, env.Native().Whoami(token).Status, "nothing has changed")
}
