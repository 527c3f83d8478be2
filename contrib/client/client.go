// Package client takes a person through every journey of Foyer in one loop. It
// knows no kind of flow and looks at no status: an answer says under foyer.next
// what to do, and a form says what it asks.
//
// It is an example to copy from, and what the tests here drive the program with.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Client is one person's app, single-page app or browser.
type Client struct {
	API string // base URL of the public API
	// HTTP has a cookie jar, or where it has none, this is an app, which presents
	// Token. Redirects are for it to follow as far as the API itself goes: see
	// Within.
	HTTP  *http.Client
	Token string // session token of an app; Go takes it from answers
	// HTML posts forms and is sent from page to page, as browsers are, instead of
	// asking for JSON. Its pages are named after the kind of flow they draw.
	HTML bool
}

// Values are what a person says to a form, or what is sent of it, by name of field.
type Values map[string]any

// Within is for http.Client.CheckRedirect: it follows redirects that stay at api.
func Within(api string) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), api+"/") {
			return nil
		}
		return http.ErrUseLastResponse
	}
}

// Go opens a flow, at a path of the API or a whole URL, and does what the answers
// say until nothing more is to do, or the person has to go to another site. Of every
// form fill says how it is answered; where it has nothing to say, nil, Go stops there.
// It returns the last answer, and an *Error with it where that says nothing of how to
// go on. From another site a browser comes back by itself, to a URL that Go goes on
// from; that of an app, to the app, which goes on from Exchange.
func (c *Client) Go(ctx context.Context, open string, fill func(*Answer) Values) (*Answer, error) {
	next := Next{Method: http.MethodGet, URL: open}
	var form Values
	for {
		a, err := c.send(ctx, next, form)
		if err != nil {
			return nil, err
		}
		next, form = a.Foyer.Next, nil
		switch next.Do {
		case "go_to", "poll":
		case "show_form":
			said := fill(a)
			if said == nil {
				return a, nil
			}
			form = a.Fill(said)
		case "done", "browse": // a browser is for others to open
			return a, nil
		default:
			return a, &a.Error
		}
	}
}

// Exchange is where an app goes on whose browser came home: flow is what the app had
// opened, and home the URL that it was opened with.
func Exchange(flow *Answer, home *url.URL) string {
	codes := url.Values{"init_code": {flow.ExchangeCode}, "return_to_code": {home.Query().Get("code")}}
	return "/sessions/token-exchange?" + codes.Encode()
}

// Fill is what is sent by who answers the form with said: what they say, and what
// the form holds by itself and for the method they choose.
func (a *Answer) Fill(said Values) Values {
	out := maps.Clone(said)
	for _, n := range a.UI.Nodes {
		field := n.Attributes
		_, told := said[field.Name]
		if !told && field.Value != nil && field.Type != "submit" && (n.Group == "default" || n.Group == said["method"]) {
			out[field.Name] = field.Value
		}
	}
	return out
}

// send makes one request and reads the answer, for a browser that of the page it
// is sent to.
func (c *Client) send(ctx context.Context, next Next, form Values) (*Answer, error) {
	if strings.HasPrefix(next.URL, "/") {
		next.URL = c.API + next.URL
	}
	contentType, body := c.encode(form)
	req, err := http.NewRequestWithContext(ctx, next.Method, next.URL, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if c.HTML {
		req.Header.Set("Accept", "text/html")
	}
	if form != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if c.Token != "" {
		req.Header.Set("X-Session-Token", c.Token)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	a := &Answer{}
	if page, err := res.Location(); err == nil {
		return c.page(ctx, page)
	}
	if a.Raw, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(a.Raw, a); err != nil {
		return nil, fmt.Errorf("%s %s: %s: %w", next.Method, next.URL, res.Status, err)
	}
	if c.HTTP.Jar == nil {
		c.Token = cmp.Or(a.SessionToken, a.Foyer.SessionToken, c.Token)
	}
	return a, nil
}

// page reads what a page draws: its flow, or an error. Any other page is where
// the person wanted to go.
func (c *Client) page(ctx context.Context, at *url.URL) (*Answer, error) {
	kind, read := path.Base(at.Path), Next{Method: http.MethodGet}
	switch q := at.Query(); {
	case q.Get("flow") != "":
		read.URL = "/self-service/" + kind + "/flows?id=" + q.Get("flow")
	case kind == "error":
		read.URL = "/self-service/errors?id=" + q.Get("id")
	default:
		a := &Answer{}
		a.Foyer.Next = Next{Do: "done", URL: at.String()}
		return a, nil
	}
	return c.send(ctx, read, nil)
}

func (c *Client) encode(form Values) (contentType string, body io.Reader) {
	if !c.HTML {
		raw, _ := json.Marshal(form) // came as JSON, or from code that would not compile
		return "application/json", bytes.NewReader(raw)
	}
	fields := url.Values{}
	for name, value := range form {
		list, many := value.([]any)
		if !many {
			list = []any{value}
		}
		for _, one := range list {
			fields.Add(name, fmt.Sprint(one))
		}
	}
	return "application/x-www-form-urlencoded", strings.NewReader(fields.Encode())
}
