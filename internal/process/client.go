package process

import (
	"bytes"
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
	Status int    `json:"-"`
	Raw    []byte `json:"-"`
	// RetryAfter is when an overloaded server wants to be asked again; zero if it does not say.
	RetryAfter time.Duration `json:"-"`

	ID           string `json:"id"` // of a flow or an identity
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
		Action string `json:"action"`
		Flow   struct {
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

// Verification is the id of the verification flow that the answer leads to,
// empty for none.
func (a *Answer) Verification() string {
	for _, next := range a.ContinueWith {
		if next.Action == "show_verification_ui" {
			return next.Flow.ID
		}
	}
	return ""
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
	a := &Answer{Status: res.StatusCode}
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
func (p *Process) Open(c *http.Client) (string, error) {
	a, err := Call(c, http.MethodGet, p.PublicURL+"/self-service/registration/api", "", nil, nil)
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK || a.ID == "" {
		return "", fmt.Errorf("open a registration: %s", a)
	}
	return a.ID, nil
}

// Submit registers an address with a flow. sent is as in Call.
func (p *Process) Submit(c *http.Client, flow, email string, sent func()) (*Answer, error) {
	body := map[string]any{"method": "password", "password": Password, "traits": map[string]any{"email": email}}
	return Call(c, http.MethodPost, p.PublicURL+"/self-service/registration?flow="+flow, "", body, sent)
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
			Code string `json:"verification_code"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.Raw, &mails); err != nil || len(mails) == 0 || mails[0].Data.Code == "" {
		return "", fmt.Errorf("no code for %s: %s", email, a)
	}
	return mails[0].Data.Code, nil
}

// Prove types a code into a verification.
func (p *Process) Prove(c *http.Client, flow, code string) (*Answer, error) {
	return Call(c, http.MethodPost, p.PublicURL+"/self-service/verification?flow="+flow, "", map[string]any{"method": "code", "code": code}, nil)
}

// Whoami asks whose the token is.
func (p *Process) Whoami(c *http.Client, token string) (*Answer, error) {
	return Call(c, http.MethodGet, p.PublicURL+"/sessions/whoami", token, nil, nil)
}

// Identity reads an identity by the admin API.
func (p *Process) Identity(c *http.Client, id string) (*Answer, error) {
	return Call(c, http.MethodGet, p.AdminURL+"/admin/identities/"+id, "", nil, nil)
}
