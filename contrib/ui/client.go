package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	callTimeout = 10 * time.Second
	maxAnswer   = 2 << 20
)

// client calls the API on behalf of one browser: it hands that browser's
// cookies up and the API's cookies back down.
type client struct {
	base string
	http *http.Client
}

func newClient(base string) *client {
	return &client{base: base, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// failure is an answer other than 2xx, or none at all.
type failure struct {
	URL      string
	Cause    error // set when there was no usable answer
	Retry    string
	Redirect string // where the API wants the browser to go instead
	NextFlow string // id of the flow that took the place of this one
	apiError
}

// apiError is the inner object of the API's error envelope.
type apiError struct {
	ID      string `json:"id"`
	Code    int    `json:"code"`
	Status  string `json:"status"`
	Request string `json:"request"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Details any    `json:"details"`
}

// returnTo is where an expired flow would have led.
func (e apiError) returnTo() string {
	details, _ := e.Details.(map[string]any)
	target, _ := details["return_to"].(string)
	return target
}

// get fetches path into out, in the name of the browser that sent r. The API's
// cookies are set on w, whatever the answer is.
func (c *client) get(w http.ResponseWriter, r *http.Request, path string, query url.Values, out any) *failure {
	return c.send(w, r, http.MethodGet, path, query, out)
}

// send is get by any method. A nil out leaves the answer unread.
func (c *client) send(w http.ResponseWriter, r *http.Request, method, path string, query url.Values, out any) *failure {
	header := http.Header{}
	for _, name := range []string{"Cookie", "Accept-Language", "User-Agent"} {
		header[name] = r.Header[name]
	}
	cookies, fail := c.call(r.Context(), method, header, path, query, out)
	for _, cookie := range cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	return fail
}

// fetch is call with GET.
func (c *client) fetch(ctx context.Context, header http.Header, path string, query url.Values, out any) (cookies []string, _ *failure) {
	return c.call(ctx, http.MethodGet, header, path, query, out)
}

// call asks the API, reads the answer into out unless that is nil, and returns
// the cookies that came along. It takes callTimeout at most where ctx sets no
// time. The API logs the call under the id that a failure carries. The header
// becomes its own.
func (c *client) call(ctx context.Context, method string, header http.Header, path string, query url.Values, out any) (cookies []string, _ *failure) {
	if _, set := ctx.Deadline(); !set {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	f := &failure{URL: c.base + path, apiError: apiError{Request: rand.Text()}}
	broken := func(err error) ([]string, *failure) {
		f.Cause = err
		return cookies, f
	}
	target := f.URL
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return broken(err)
	}
	req.Header = header
	header.Set("Accept", "application/json")
	header.Set("X-Request-Id", f.Request)
	res, err := c.http.Do(req)
	if err != nil {
		return broken(err)
	}
	defer func() { _ = res.Body.Close() }()
	cookies = res.Header["Set-Cookie"]
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("answer is larger than %d bytes", maxAnswer)
	}
	if err != nil {
		return broken(err)
	}
	if res.StatusCode/100 != 2 {
		f.Code, f.Retry = res.StatusCode, res.Header.Get("Retry-After")
		f.decode(body)
		return cookies, f
	}
	if out == nil {
		return cookies, nil
	}
	// Numbers keep the digits they were sent with.
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(out); err != nil {
		return broken(fmt.Errorf("answer is not the JSON expected: %w", err))
	}
	return cookies, nil
}

// decode reads an error envelope; an answer of another shape leaves f with its
// status and request alone.
func (f *failure) decode(body []byte) {
	code, request := f.Code, f.Request
	var envelope struct {
		Error      apiError `json:"error"`
		Redirect   string   `json:"redirect_browser_to"`
		NextFlowID string   `json:"use_flow_id"`
	}
	if json.Unmarshal(body, &envelope) == nil {
		f.apiError, f.NextFlow = envelope.Error, envelope.NextFlowID
		if origin(envelope.Redirect) != "" {
			f.Redirect = envelope.Redirect
		}
	}
	f.Code, f.Request = code, cmp.Or(f.Request, request)
}
