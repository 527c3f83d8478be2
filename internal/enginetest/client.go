package enginetest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ClientKind is how a client behaves, as the wire tells them apart.
type ClientKind string

// The three clients: a browser that submits HTML forms, a single-page app, and
// a native app.
const (
	HTML   ClientKind = "html"
	JSON   ClientKind = "json"
	Native ClientKind = "native"
)

// Client is one person's browser or app. It never follows redirects.
type Client struct {
	Kind ClientKind
	Env  *Env
	HTTP *http.Client
	Head http.Header // sent with every request
}

// Browser returns a browser with no cookies yet.
func (e *Env) Browser() *Client { return e.client(HTML) }

// SPA returns a single-page app in a browser with no cookies yet.
func (e *Env) SPA() *Client { return e.client(JSON) }

// Native returns an app without cookies.
func (e *Env) Native() *Client { return e.client(Native) }

// Clients returns one of each kind.
func (e *Env) Clients() []*Client { return []*Client{e.Browser(), e.SPA(), e.Native()} }

func (e *Env) client(kind ClientKind) *Client {
	c := &Client{Kind: kind, Env: e, Head: http.Header{}, HTTP: &http.Client{
		Transport:     e.transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	e.t.Cleanup(c.HTTP.CloseIdleConnections)
	if kind != Native {
		jar, err := cookiejar.New(nil)
		require.NoError(e.t, err)
		c.HTTP.Jar = jar
	}
	c.Head.Set("Accept", "application/json")
	if kind == HTML {
		c.Head.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		c.Head.Set("Origin", "http://127.0.0.1:4455")
	}
	return c
}

// Answer is a response, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	env    *Env
}

// JSON decodes the body as an object.
func (a *Answer) JSON() map[string]any {
	var v map[string]any
	require.NoError(a.env.t, json.Unmarshal(a.Body, &v), "%d %s", a.Status, a.Body)
	return v
}

// Decode decodes the body.
func (a *Answer) Decode(into any) {
	require.NoError(a.env.t, json.Unmarshal(a.Body, into), "%d %s", a.Status, a.Body)
}

// ErrorID is the stable id of an error envelope, empty if it is none.
func (a *Answer) ErrorID() string {
	var v struct {
		Error struct {
			ID string `json:"id"`
		} `json:"error"`
	}
	_ = json.Unmarshal(a.Body, &v)
	return v.Error.ID
}

// Flow decodes the body as a flow.
func (a *Answer) Flow() *Flow {
	f := &Flow{}
	require.NoError(a.env.t, json.Unmarshal(a.Body, f), "%d %s", a.Status, a.Body)
	require.NotEmpty(a.env.t, f.ID, "%d %s", a.Status, a.Body)
	return f
}

// Location is where the answer sends a browser.
func (a *Answer) Location() *url.URL {
	u, err := url.Parse(a.Header.Get("Location"))
	require.NoError(a.env.t, err)
	return u
}

// Flow is a flow as a client reads it.
type Flow struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	State    string `json:"state"`
	IssuedAt string `json:"issued_at"`
	Schema   string `json:"identity_schema"`
	Request  string `json:"request_url"`
	ReturnTo string `json:"return_to"`
	// ExchangeCode is an app's half of what GET /sessions/token-exchange asks for.
	ExchangeCode string          `json:"session_token_exchange_code"`
	Active       string          `json:"active"`
	ExpiresAt    string          `json:"expires_at"`
	Transient    json.RawMessage `json:"transient_payload"`
	Foyer        struct {
		State string `json:"state"`
		Wait  string `json:"wait"`
	} `json:"foyer"`
	UI struct {
		Action   string    `json:"action"`
		Method   string    `json:"method"`
		Nodes    []Node    `json:"nodes"`
		Messages []Message `json:"messages"`
	} `json:"ui"`

	kind string
}

// Node is a part of a form.
type Node struct {
	Group      string `json:"group"`
	Attributes struct {
		Name  string `json:"name"`
		Type  string `json:"type"`
		Value any    `json:"value"`

		ID   string  `json:"id"`
		Href string  `json:"href"`
		Text Message `json:"text"`
	} `json:"attributes"`
	Meta struct {
		Label Message `json:"label"`
	} `json:"meta"`
	Messages []Message `json:"messages"`
}

// Message is a text with its id.
type Message struct {
	ID      int            `json:"id"`
	Text    string         `json:"text"`
	Type    string         `json:"type"`
	Context map[string]any `json:"context"`
}

// Node returns the node of that name, nil if there is none.
func (f *Flow) Node(name string) *Node {
	for i := range f.UI.Nodes {
		if f.UI.Nodes[i].Attributes.Name == name {
			return &f.UI.Nodes[i]
		}
	}
	return nil
}

// Value is the value of the node of that name, nil if there is none.
func (f *Flow) Value(name string) any {
	if n := f.Node(name); n != nil {
		return n.Attributes.Value
	}
	return nil
}

// IDs lists the ids of the messages on a node, or on the form for "".
func (f *Flow) IDs(node string) []int {
	messages := f.UI.Messages
	if node != "" {
		messages = nil
		if n := f.Node(node); n != nil {
			messages = n.Messages
		}
	}
	ids := []int{}
	for _, m := range messages {
		ids = append(ids, m.ID)
	}
	return ids
}

// Do sends a request as it is, with the client's headers where it has none.
func (c *Client) Do(req *http.Request) *Answer {
	c.Env.t.Helper()
	a, err := c.Try(req)
	require.NoError(c.Env.t, err)
	return a
}

// Try is Do for goroutines, which must not end the test.
func (c *Client) Try(req *http.Request) (*Answer, error) {
	for name, values := range c.Head {
		if _, ok := req.Header[name]; !ok {
			req.Header[name] = values
		}
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	return &Answer{Status: res.StatusCode, Header: res.Header, Body: body, env: c.Env}, nil
}

// Copy returns a client that holds the same cookies now and goes its own way
// from here on.
func (c *Client) Copy() *Client {
	out := c.Env.client(c.Kind)
	out.Head = c.Head.Clone()
	if c.HTTP.Jar != nil {
		at, err := url.Parse(c.Env.PublicURL)
		require.NoError(c.Env.t, err)
		out.HTTP.Jar.SetCookies(at, c.HTTP.Jar.Cookies(at))
	}
	return out
}

// Cookie returns the value of the cookie whose name begins with prefix, "" for
// none.
func (c *Client) Cookie(prefix string) string {
	for _, cookie := range c.Cookies() {
		if strings.HasPrefix(cookie.Name, prefix) {
			return cookie.Value
		}
	}
	return ""
}

// Cookies lists what the client would send to the public API.
func (c *Client) Cookies() []*http.Cookie {
	if c.HTTP.Jar == nil {
		return nil
	}
	at, err := url.Parse(c.Env.PublicURL)
	require.NoError(c.Env.t, err)
	return c.HTTP.Jar.Cookies(at)
}

// Get fetches a path of the public API, or a whole URL.
func (c *Client) Get(path string) *Answer {
	c.Env.t.Helper()
	return c.Do(c.Request(http.MethodGet, path, nil))
}

// Request makes a request for a path of the public API, or a whole URL.
func (c *Client) Request(method, path string, body io.Reader) *http.Request {
	if strings.HasPrefix(path, "/") {
		path = c.Env.PublicURL + path
	}
	req, err := http.NewRequest(method, path, body)
	require.NoError(c.Env.t, err)
	return req
}

// Open starts a registration the way this client does and returns its flow.
// query is appended as it is, for example "return_to=…".
func (c *Client) Open(query string) *Flow {
	c.Env.t.Helper()
	return c.OpenKind("registration", query)
}

// OpenKind is Open for any kind of flow.
func (c *Client) OpenKind(kind, query string) *Flow {
	c.Env.t.Helper()
	start := "/self-service/" + kind + "/browser?"
	if c.Kind == Native {
		start = "/self-service/" + kind + "/api?"
	}
	return c.shown(kind, c.Get(start+query))
}

// Follow opens a mailed link and returns the flow that it leads to.
func (c *Client) Follow(link string) *Flow {
	c.Env.t.Helper()
	u, err := url.Parse(link)
	require.NoError(c.Env.t, err)
	return c.shown(path.Base(u.Path), c.Get(link))
}

// shown is the flow that an answer holds, or sends a browser to.
func (c *Client) shown(kind string, a *Answer) *Flow {
	c.Env.t.Helper()
	if c.Kind != HTML {
		require.Contains(c.Env.t, []int{http.StatusOK, http.StatusBadRequest}, a.Status, "%s", a.Body)
		f := a.Flow()
		f.kind = kind
		return f
	}
	require.Equal(c.Env.t, http.StatusSeeOther, a.Status, "%s", a.Body)
	require.Contains(c.Env.t, a.Location().Path, kind, "%s", a.Location())
	return c.ReadKind(kind, a.Location().Query().Get("flow"))
}

// Read fetches a registration flow, which the page that draws it would do.
func (c *Client) Read(id string) *Flow {
	c.Env.t.Helper()
	return c.ReadKind("registration", id)
}

// ReadKind is Read for any kind of flow.
func (c *Client) ReadKind(kind, id string) *Flow {
	c.Env.t.Helper()
	req := c.Request(http.MethodGet, "/self-service/"+kind+"/flows?id="+id, nil)
	req.Header.Set("Accept", "application/json")
	a := c.Do(req)
	require.Equal(c.Env.t, http.StatusOK, a.Status, "%s", a.Body)
	f := a.Flow()
	f.kind = kind
	return f
}

// Say submits values and returns the flow that is shown next, whatever is
// wrong with it.
func (c *Client) Say(f *Flow, v Values) *Flow {
	c.Env.t.Helper()
	return c.shown(f.kind, c.Submit(f, v))
}

// Values are the fields of a submit: dotted name to string, number, bool or list.
type Values map[string]any

// Person fills in a valid registration for an address.
func Person(email string) Values {
	return Values{"method": "password", "traits.email": email, "password": "a good long Passphrase 9"}
}

// Without returns v lacking some fields.
func (v Values) Without(names ...string) Values {
	out := maps.Clone(v)
	for _, name := range names {
		delete(out, name)
	}
	return out
}

// With returns v with one more field.
func (v Values) With(name string, value any) Values {
	out := Values{name: value}
	for k, w := range v {
		if k != name {
			out[k] = w
		}
	}
	return out
}

// Submit sends values to a flow as this client does: as a form or as JSON, with
// the flow's CSRF token where there is one.
func (c *Client) Submit(f *Flow, v Values) *Answer {
	c.Env.t.Helper()
	return c.Post(f.UI.Action, f.Fill(v))
}

// Fill returns v with the flow's CSRF token, unless v brings one or the flow
// has none.
func (f *Flow) Fill(v Values) Values {
	token, ok := f.Value("csrf_token").(string)
	if _, brought := v["csrf_token"]; brought || !ok || token == "" {
		return v
	}
	return v.With("csrf_token", token)
}

// Post sends values to any URL, as a form or as JSON.
func (c *Client) Post(to string, v Values) *Answer {
	c.Env.t.Helper()
	contentType, body := c.Encode(v)
	return c.PostBody(to, contentType, body)
}

func (v Values) form(t testing.TB) url.Values {
	form := url.Values{}
	for name, value := range v {
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, one := range list {
			text, ok := one.(string)
			if !ok {
				raw, err := json.Marshal(one)
				require.NoError(t, err)
				text = string(raw)
			}
			form.Add(name, text)
		}
	}
	return form
}

// PostBody sends a body as it is.
func (c *Client) PostBody(to, contentType string, body []byte) *Answer {
	c.Env.t.Helper()
	req := c.Request(http.MethodPost, to, bytes.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	return c.Do(req)
}

// Encode returns values as this client would send them.
func (c *Client) Encode(v Values) (contentType string, body []byte) {
	if c.Kind == HTML {
		return "application/x-www-form-urlencoded", []byte(v.form(c.Env.t).Encode())
	}
	raw, err := json.Marshal(v)
	require.NoError(c.Env.t, err)
	return "application/json", raw
}

// Refused submits what must not pass and returns the flow with its messages.
func (c *Client) Refused(f *Flow, v Values) *Flow {
	c.Env.t.Helper()
	a := c.Submit(f, v)
	if c.Kind == HTML {
		require.Equal(c.Env.t, http.StatusSeeOther, a.Status, "%s", a.Body)
		return c.Read(a.Location().Query().Get("flow"))
	}
	require.Equal(c.Env.t, http.StatusBadRequest, a.Status, "%s", a.Body)
	return a.Flow()
}

// As returns a client that presents token as X-Session-Token.
func (c *Client) As(token string) *Client {
	out := c.Copy()
	out.Head.Set("X-Session-Token", token)
	return out
}

// Send sends a request without a body to a path of the public API, or a whole URL.
func (c *Client) Send(method, path string) *Answer {
	c.Env.t.Helper()
	return c.Do(c.Request(method, path, nil))
}

// Whoami asks who the client is; token is for native clients, "" for others.
func (c *Client) Whoami(token string) *Answer {
	c.Env.t.Helper()
	req := c.Request(http.MethodGet, "/sessions/whoami", nil)
	if token != "" {
		req.Header.Set("X-Session-Token", token)
	}
	return c.Do(req)
}
