package enginetest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
)

// Next is what an answer tells a client to do.
type Next struct {
	Do  string `json:"do"`
	URL string `json:"url"`
}

// Next returns what the answer tells the client to do now.
func (a *Answer) Next() Next {
	var v struct {
		Foyer struct {
			Next Next `json:"next"`
		} `json:"foyer"`
	}
	require.NoError(a.env.t, json.Unmarshal(a.Body, &v), "%d %s", a.Status, a.Body)
	return v.Foyer.Next
}

var sessionToken = regexp.MustCompile(`"(?:ory_)?session_token":"(ory_st_[A-Za-z0-9]+)"`)

// Adopt lets a client go on with the session token in an answer, if it holds
// one, as an app does; browsers have their cookies.
func (c *Client) Adopt(a *Answer) *Answer {
	if token := sessionToken.FindSubmatch(a.Body); token != nil {
		c.Head.Set("X-Session-Token", string(token[1]))
	}
	return a
}

// Token is the session token that the client presents, empty for browsers.
func (c *Client) Token() string { return c.Head.Get("X-Session-Token") }

// SignUp registers and goes on with the session.
func (c *Client) SignUp(v Values) *Answer {
	c.Env.t.Helper()
	a := c.Adopt(c.Submit(c.OpenKind("registration", ""), v))
	require.Less(c.Env.t, a.Status, 400, "%s", a.Body)
	return a
}

// Credentials fills in a login for who registered with Person.
func Credentials(email string) Values {
	return Values{"method": "password", "identifier": email, "password": "a good long Passphrase 9"}
}

// SignIn opens a login, query as for Open, submits it and goes on with the
// session, if there is one.
func (c *Client) SignIn(query string, v Values) *Answer {
	c.Env.t.Helper()
	return c.Adopt(c.Submit(c.OpenKind("login", query), v))
}

// SignOut ends the session as this client does.
func (c *Client) SignOut() {
	c.Env.t.Helper()
	if c.Kind == Native {
		req := c.Request(http.MethodDelete, "/self-service/logout/api", strings.NewReader(`{"session_token":"`+c.Token()+`"}`))
		req.Header.Set("Content-Type", "application/json")
		require.Equal(c.Env.t, http.StatusNoContent, c.Do(req).Status)
		c.Head.Del("X-Session-Token")
		return
	}
	var link struct {
		URL string `json:"logout_url"`
	}
	require.NoError(c.Env.t, json.Unmarshal(c.Get("/self-service/logout/browser").Body, &link))
	require.Less(c.Env.t, c.Get(link.URL).Status, 400)
}

// SignedIn reports whether the client has a live session.
func (c *Client) SignedIn() bool {
	c.Env.t.Helper()
	return c.Whoami("").Status == http.StatusOK
}

// Arrive returns the flow of a kind that an answer leads to: shown by it, or
// where it sends the client.
func (c *Client) Arrive(kind string, a *Answer) *Flow {
	c.Env.t.Helper()
	if c.Kind == HTML {
		require.Equal(c.Env.t, http.StatusSeeOther, a.Status, "%s", a.Body)
		return c.ReadKind(kind, a.Location().Query().Get("flow"))
	}
	n := a.Next()
	if n.Do == "show_form" {
		return c.shown(kind, a)
	}
	require.Equal(c.Env.t, "go_to", n.Do, "%s", a.Body)
	u, err := url.Parse(n.URL)
	require.NoError(c.Env.t, err)
	require.Contains(c.Env.t, u.Path, kind, "%s", a.Body)
	return c.shown(kind, c.Get(n.URL))
}
