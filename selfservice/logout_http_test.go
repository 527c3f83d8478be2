package selfservice_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

const logout = "/self-service/logout"

// signedIn registers somebody as the client does, and returns the token of an app.
func signedIn(t *testing.T, c *enginetest.Client, email string) string {
	t.Helper()
	a := c.Submit(c.Open(""), enginetest.Person(email))
	if c.Kind == enginetest.HTML {
		require.Equal(t, http.StatusSeeOther, a.Status, "%s", a.Body)
		return ""
	}
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	token, _ := a.JSON()["session_token"].(string)
	return token
}

// linkOf is the link that signs c out.
func linkOf(t *testing.T, c *enginetest.Client, query string) (link, token string) {
	t.Helper()
	req := c.Request(http.MethodGet, logout+"/browser"+query, nil)
	req.Header.Set("Accept", "application/json")
	a := c.Do(req)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	v := a.JSON()
	require.Len(t, v, 2)
	return v["logout_url"].(string), v["logout_token"].(string)
}

// A browser that follows its link is signed out, and holds nothing any more
// that it held.
func TestLogoutOfBrowsers(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		env := enginetest.New(t, enginetest.WithDSN(dsn))
		for _, c := range []*enginetest.Client{env.Browser(), env.SPA()} {
			signedIn(t, c, string(c.Kind)+"@example.org")
			kept, csrf := c.Copy(), c.Cookie("csrf_token")
			link, token := linkOf(t, c, "?return_to=")
			require.Regexp(t, `^ory_lo_[A-Za-z0-9]{32}$`, token)
			require.Equal(t, env.PublicURL+logout+"?token="+token, link)
			again, _ := linkOf(t, c, "")
			require.Equal(t, link, again)

			a := c.Get(link)
			if c.Kind == enginetest.HTML {
				require.Equal(t, http.StatusSeeOther, a.Status)
				require.Equal(t, "http://127.0.0.1:4455/", a.Header.Get("Location"))
			} else {
				require.Equal(t, http.StatusNoContent, a.Status)
				require.Empty(t, a.Body)
			}
			require.Empty(t, a.Header.Get("Clear-Site-Data"))
			require.Empty(t, c.Cookie("ory_kratos_session"))
			require.NotEqual(t, csrf, c.Cookie("csrf_token"))
			require.Equal(t, http.StatusUnauthorized, c.Whoami("").Status)
			require.Equal(t, http.StatusUnauthorized, kept.Whoami("").Status, "a kept cookie is of no use")
			c.Open("") // and a registration can be opened again
		}
	})
}

func TestWhereALogoutLeads(t *testing.T) {
	for _, one := range []struct {
		option   enginetest.Option
		returnTo string
		want     string // "" for refused
	}{
		{enginetest.With("log.level", "debug"), "", "http://127.0.0.1:4455/"},
		{enginetest.With("log.level", "debug"), "https://app.example.org/in/x?a=b#c", "https://app.example.org/in/x?a=b#c"},
		{enginetest.With("log.level", "debug"), "/home", "http://127.0.0.1:4455/home"},
		{enginetest.With("selfservice.flows.logout.after.default_browser_return_url", "https://bye.example.org/"), "", "https://bye.example.org/"},
		{enginetest.With("selfservice.flows.logout.after.default_browser_return_url", "https://bye.example.org/"), "/home", "http://127.0.0.1:4455/home"},
		{enginetest.With("log.level", "debug"), "https://evil.example.org/", ""},
		{enginetest.With("log.level", "debug"), "//evil.example.org", ""},
		{enginetest.With("log.level", "debug"), "javascript:alert(1)", ""},
	} {
		env := enginetest.New(t, one.option)
		for _, c := range []*enginetest.Client{env.Browser(), env.SPA()} {
			signedIn(t, c, string(c.Kind)+"@example.org")
			link, _ := linkOf(t, c, "")
			query := url.QueryEscape(one.returnTo)
			if one.want != "" {
				link, _ = linkOf(t, c, "?return_to="+query)
				require.Equal(t, one.returnTo != "", strings.HasPrefix(link, env.PublicURL+logout+"?return_to="+query+"&token="), link)
				if a := c.Get(link); c.Kind == enginetest.HTML {
					require.Equal(t, one.want, a.Header.Get("Location"))
				}
				require.Equal(t, http.StatusUnauthorized, c.Whoami("").Status)
				continue
			}
			for _, path := range []string{logout + "/browser?return_to=" + query, link + "&return_to=" + query} {
				a := c.Get(path)
				require.Equal(t, "self_service_flow_return_to_forbidden", told(t, c, a, http.StatusBadRequest))
				require.Empty(t, a.Header.Values("Set-Cookie"))
			}
			require.Equal(t, http.StatusOK, c.Whoami("").Status, "nobody was signed out")
		}
	}
}

// told is the id of an error as the client is told it: in the answer, or on
// the page for errors.
func told(t *testing.T, c *enginetest.Client, a *enginetest.Answer, status int) string {
	t.Helper()
	if c.Kind != enginetest.HTML {
		require.Equal(t, status, a.Status, "%s", a.Body)
		return a.ErrorID()
	}
	require.Equal(t, http.StatusSeeOther, a.Status, "%s", a.Body)
	require.Equal(t, "/error", a.Location().Path)
	e := c.Get("/self-service/errors?id=" + a.Location().Query().Get("id")).JSON()["error"].(map[string]any)
	require.EqualValues(t, status, e["code"])
	return e["id"].(string)
}

func TestLogoutThatIsRefused(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		stranger := env.SPA()
		signedIn(t, stranger, "stranger-"+string(c.Kind)+"@example.org")
		_, foreign := linkOf(t, stranger, "")
		for path, want := range map[string]string{
			logout + "/browser":               "401 session_inactive",
			logout + "?token=" + foreign:      "401 session_inactive",
			logout:                            "400 logout_token_missing",
			logout + "?token=":                "400 logout_token_missing",
			logout + "?token=&return_to=/bye": "400 logout_token_missing",
		} {
			require.Equal(t, want[4:], told(t, c, c.Get(path), map[string]int{"400": 400, "401": 401}[want[:3]]), path)
		}
		token := signedIn(t, c, string(c.Kind)+"@example.org")
		me := c
		if token != "" {
			me = c.As(token)
		}
		_, own := linkOf(t, me, "")
		for _, wrong := range []string{foreign, own + "0", own[:len(own)-1], strings.ToUpper(own), "ory_st_" + own[7:], "x"} {
			require.Equal(t, "logout_token_invalid", told(t, me, me.Get(logout+"?token="+wrong), http.StatusForbidden), wrong)
		}
		require.Equal(t, http.StatusOK, me.Whoami(token).Status)
		require.Equal(t, http.StatusOK, stranger.Whoami("").Status)
	}
}

// Only who follows the link is signed out: no machine that looks where it leads.
func TestLogoutLinkIsNotFetchedAhead(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range []*enginetest.Client{env.Browser(), env.SPA()} {
		signedIn(t, c, string(c.Kind)+"@example.org")
		link, _ := linkOf(t, c, "")
		for _, ahead := range []string{
			"HEAD ", "GET Sec-Purpose: prefetch", "GET Sec-Purpose: prefetch;prerender", "GET Sec-Purpose: prefetch;anonymous-client-ip",
			"GET Purpose: prefetch", "GET Purpose: Prefetch",
		} {
			method, header, _ := strings.Cut(ahead, " ")
			name, value, _ := strings.Cut(header, ": ")
			req := c.Request(method, link, nil)
			if name != "" {
				req.Header.Set(name, value)
			}
			a := c.Do(req)
			require.Equal(t, http.StatusBadRequest, a.Status, "%s: nothing a browser would show later", ahead)
			require.Equal(t, "logout_not_followed", a.Header.Get("Ory-Error-Id"), ahead)
			require.Empty(t, a.Header.Values("Set-Cookie"), ahead)
		}
		require.Equal(t, http.StatusOK, c.Whoami("").Status)
		c.Get(link)
		require.Equal(t, http.StatusUnauthorized, c.Whoami("").Status)
	}
}

func TestLogoutOfApps(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		env := enginetest.New(t, enginetest.WithDSN(dsn))
		c := env.Native()
		token, other := signedIn(t, c, "ada@example.org"), signedIn(t, c, "eve@example.org")
		end := func(contentType, body string) *enginetest.Answer {
			req := c.Request(http.MethodDelete, logout+"/api", strings.NewReader(body))
			if contentType != "" {
				req.Header.Set("Content-Type", contentType)
			}
			return c.Do(req)
		}
		for name, one := range map[string][3]string{
			"no body":       {"application/json", "", "400 body_empty"},
			"no type":       {"", `{"session_token":"` + token + `"}`, "400 content_type_unsupported"},
			"a form":        {"application/x-www-form-urlencoded", "session_token=" + token, "400 content_type_unsupported"},
			"no JSON":       {"application/json", "session_token", "400 json_invalid"},
			"no object":     {"application/json", `"` + token + `"`, "400 json_not_object"},
			"no token":      {"application/json", `{}`, "403 session_token_unknown"},
			"empty token":   {"application/json", `{"session_token":""}`, "403 session_token_unknown"},
			"unknown token": {"application/json", `{"session_token":"ory_st_` + strings.Repeat("x", 32) + `"}`, "403 session_token_unknown"},
			"no string":     {"application/json", `{"session_token":["` + token + `"]}`, "403 session_token_unknown"},
			"half a token":  {"application/json", `{"session_token":"` + token[:20] + `"}`, "403 session_token_unknown"},
		} {
			a := end(one[0], one[1])
			require.Equal(t, one[2], fmt.Sprint(a.Status, " ", a.ErrorID()), name)
		}
		require.Equal(t, http.StatusOK, c.Whoami(token).Status)
		a := end("application/json", `{"session_token":"`+token+`","more":1}`)
		require.Equal(t, http.StatusNoContent, a.Status)
		require.Empty(t, a.Body)
		require.Empty(t, a.Header.Values("Set-Cookie"))
		require.Equal(t, http.StatusUnauthorized, c.Whoami(token).Status)
		require.Equal(t, http.StatusOK, c.Whoami(other).Status)
		require.Equal(t, "session_token_unknown", end("application/json", `{"session_token":"`+token+`"}`).ErrorID(), "once more")
	})
}

// Browsers are asked to forget the site where the operator wants it, on https.
func TestLogoutClearsBrowserData(t *testing.T) {
	for base, want := range map[string]string{"https://auth.example.org": `"cache", "cookies", "storage"`, "http://127.0.0.1:4433": ""} {
		env := enginetest.New(t, enginetest.With("selfservice.flows.logout.clear_browser_data", true), enginetest.With("serve.public.base_url", base))
		c := env.Native()
		f := c.Open("")
		token := c.Post("/self-service/registration?flow="+f.ID, f.Fill(enginetest.Person("ada@example.org"))).JSON()["session_token"].(string)
		_, logoutToken := linkOf(t, c.As(token), "")
		r := httptest.NewRequest(http.MethodGet, logout+"?token="+logoutToken, nil)
		r.Header.Set("X-Session-Token", token)
		w := httptest.NewRecorder()
		env.App.Public.ServeHTTP(w, r)
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Equal(t, want, w.Header().Get("Clear-Site-Data"))
	}
}
