package process

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Password is what every simulated person chooses.
const Password = "correct horse Battery 9"

// NewHTTP returns a client that keeps up to n connections and waits for
// timeout. It follows no redirects.
func NewHTTP(n int, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			MaxIdleConns: n, MaxIdleConnsPerHost: n, DisableCompression: true,
			DialContext: (&net.Dialer{Timeout: timeout}).DialContext,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Answer is a response of any of the APIs, with the parts that tools read.
type Answer struct {
	Status int         `json:"-"`
	Header http.Header `json:"-"`
	Raw    []byte      `json:"-"`
	// RetryAfter is when an overloaded server wants to be asked again; zero if it does not say.
	RetryAfter time.Duration `json:"-"`

	ID           string `json:"id"`    // of a flow or an identity
	State        string `json:"state"` // of a flow or an identity
	SessionToken string `json:"session_token"`
	Identity     struct {
		ID     string `json:"id"`
		Traits struct {
			Email string `json:"email"`
		} `json:"traits"`
	} `json:"identity"`
	Traits struct {
		Email string `json:"email"`
	} `json:"traits"`
	ContinueWith []struct {
		Action       string `json:"action"`
		SessionToken string `json:"ory_session_token"`
		Flow         struct {
			ID string `json:"id"`
		} `json:"flow"`
	} `json:"continue_with"`
	UI struct {
		Messages []Message `json:"messages"`
		Nodes    []struct {
			Messages []Message `json:"messages"`
		} `json:"nodes"`
	} `json:"ui"`
}

// Message is a text on a flow.
type Message struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

// Says reports whether the answer is a flow that carries the message, and no other.
func (a *Answer) Says(id int) bool {
	all := a.messages()
	return len(all) > 0 && !slices.ContainsFunc(all, func(m Message) bool { return m.ID != id })
}

func (a *Answer) messages() []Message {
	all := slices.Clone(a.UI.Messages)
	for _, n := range a.UI.Nodes {
		all = append(all, n.Messages...)
	}
	return all
}

// LeadsTo is the id of the flow of a kind that the answer leads to, empty for none.
func (a *Answer) LeadsTo(kind string) string {
	for _, next := range a.ContinueWith {
		if next.Action == "show_"+kind+"_ui" {
			return next.Flow.ID
		}
	}
	return ""
}

// Token is the session token that came with the answer, empty for none.
func (a *Answer) Token() string {
	for _, next := range a.ContinueWith {
		if next.SessionToken != "" {
			return next.SessionToken
		}
	}
	return a.SessionToken
}

// IDs lists the ids of an answer that is a list.
func (a *Answer) IDs() ([]string, error) {
	var list []struct {
		ID string `json:"id"`
	}
	err := json.Unmarshal(a.Raw, &list)
	ids := make([]string, len(list))
	for n, one := range list {
		ids[n] = one.ID
	}
	return ids, err
}

// String is the status and the messages, or the body's beginning.
func (a *Answer) String() string {
	if all := a.messages(); len(all) > 0 {
		return fmt.Sprintf("%d %+v", a.Status, all)
	}
	return fmt.Sprintf("%d %.300s", a.Status, a.Raw)
}

// Call sends a request with a JSON body, or without one for nil. sent, where
// given, is called once the whole request has been written.
func Call(c *http.Client, method, address, token string, body any, sent func()) (*Answer, error) {
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(raw)
	}
	ctx := context.Background()
	if sent != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err == nil {
				sent()
			}
		}})
	}
	req, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("X-Session-Token", token)
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return Read(res)
}

// Read reads a response to its end.
func Read(res *http.Response) (*Answer, error) {
	a := &Answer{Status: res.StatusCode, Header: res.Header}
	seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
	a.RetryAfter = time.Duration(seconds) * time.Second
	var err error
	if a.Raw, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(a.Raw, []byte("{")) {
		return a, json.Unmarshal(a.Raw, a)
	}
	return a, nil
}

// Open starts a registration as an app does and returns the flow's id.
func (p *Process) Open(c *http.Client) (string, error) { return p.OpenKind(c, "registration", "") }

// OpenKind starts a flow of a kind as an app does, signed in by token where there
// is one, and returns the flow's id.
func (p *Process) OpenKind(c *http.Client, kind, token string) (string, error) {
	a, err := Call(c, http.MethodGet, p.PublicURL+"/self-service/"+kind+"/api", token, nil, nil)
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK || a.ID == "" {
		return "", fmt.Errorf("open a %s: %s", kind, a)
	}
	return a.ID, nil
}

// Fields are what a form sends.
type Fields map[string]any

// Send submits fields to a flow of a kind. token is as in OpenKind, sent as in
// Call.
func (p *Process) Send(c *http.Client, kind, flow, token string, fields Fields, sent func()) (*Answer, error) {
	return Call(c, http.MethodPost, p.PublicURL+"/self-service/"+kind+"?flow="+flow, token, fields, sent)
}

// Submit registers an address with a flow. sent is as in Call.
func (p *Process) Submit(c *http.Client, flow, email string, sent func()) (*Answer, error) {
	return p.Send(c, "registration", flow, "", Fields{"method": "password", "password": Password, "traits": Fields{"email": email}}, sent)
}

// SignIn opens a login and submits an address and a password to it.
func (p *Process) SignIn(c *http.Client, email, password string) (*Answer, error) {
	flow, err := p.OpenKind(c, "login", "")
	if err != nil {
		return nil, err
	}
	return p.Send(c, "login", flow, "", Fields{"method": "password", "identifier": email, "password": password}, nil)
}

// Code reads the newest code that was sent to an address from the inbox of dev
// mode.
func (p *Process) Code(c *http.Client, email string) (string, error) {
	a, err := Call(c, http.MethodGet, p.AdminURL+"/admin/inbox/messages?recipient="+url.QueryEscape(email), "", nil, nil)
	if err != nil {
		return "", err
	}
	var mails []struct {
		Data struct {
			Verification string `json:"verification_code"`
			Recovery     string `json:"recovery_code"`
			Login        string `json:"login_code"`
		} `json:"data"`
	}
	code := ""
	if err := json.Unmarshal(a.Raw, &mails); err == nil && len(mails) > 0 {
		code = cmp.Or(mails[0].Data.Verification, mails[0].Data.Recovery, mails[0].Data.Login)
	}
	if code == "" {
		return "", fmt.Errorf("no code for %s: %s", email, a)
	}
	return code, nil
}

// Answer types a code into a flow of a kind.
func (p *Process) Answer(c *http.Client, kind, flow, code string) (*Answer, error) {
	return p.Send(c, kind, flow, "", Fields{"method": "code", "code": code}, nil)
}

// Whoami asks whose the token is.
func (p *Process) Whoami(c *http.Client, token string) (*Answer, error) {
	return Call(c, http.MethodGet, p.PublicURL+"/sessions/whoami", token, nil, nil)
}

// Identity reads an identity by the admin API.
func (p *Process) Identity(c *http.Client, id string) (*Answer, error) {
	return Call(c, http.MethodGet, p.AdminURL+"/admin/identities/"+id, "", nil, nil)
}
