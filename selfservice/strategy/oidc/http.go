package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// Do sends a request through the guarded client, as web.Outbound.Do does: it
// follows no redirects, and bounds the answer in time and size.
type Do func(*http.Request) (*http.Response, error)

// RoundTrip lets libraries use it.
func (d Do) RoundTrip(r *http.Request) (*http.Response, error) { return d(r) }

// through is ctx with the client that the oauth2 library takes.
func (d Do) through(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport: d, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

// status is an answer other than 2xx.
type status struct {
	host string
	code int
}

func (s *status) Error() string { return fmt.Sprintf("%s answered %d", s.host, s.code) }

// withheld says that err is an answer that the token is not good for something,
// and not a matter of the moment.
func withheld(err error) bool {
	refused := (*status)(nil)
	return errors.As(err, &refused) && refused.code/100 == 4 && refused.code != http.StatusTooManyRequests && refused.code != http.StatusRequestTimeout
}

// get is fetch of a document anybody may read, or with an access token one of its
// person.
func (d Do) get(ctx context.Context, at, token string) ([]byte, error) {
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return d.fetch(ctx, http.MethodGet, at, header, "")
}

// getWith is get with an access token in a header as the provider wants it.
func (d Do) getWith(ctx context.Context, at, header, value string) ([]byte, error) {
	return d.fetch(ctx, http.MethodGet, at, http.Header{http.CanonicalHeaderKey(header): {value}}, "")
}

// postJSON is fetch by POST of JSON.
func (d Do) postJSON(ctx context.Context, at string, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return d.fetch(ctx, http.MethodPost, at, http.Header{"Content-Type": {"application/json"}}, string(raw))
}

// post is fetch by POST of a form.
func (d Do) post(ctx context.Context, at string, header http.Header, form url.Values) ([]byte, error) {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d.fetch(ctx, http.MethodPost, at, header, form.Encode())
}

// fetch returns the body of a 2xx answer; any other is a *status. Its errors
// quote no more of the URL than the host.
func (d Do) fetch(ctx context.Context, method, at string, header http.Header, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("a URL of the provider is not valid")
	}
	r.Header = header
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	answer, err := d(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, &status{r.URL.Host, answer.StatusCode}
	}
	return io.ReadAll(answer.Body)
}
