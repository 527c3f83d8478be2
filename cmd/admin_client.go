package cmd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// adminClient calls the admin API of a running server for a command.
type adminClient struct {
	endpoint, token, format string

	base *url.URL
	http *http.Client
}

// adminTimeout is longer than a server works on an answer.
var adminTimeout = AdminTimeouts.Write + 10*time.Second

const (
	defaultAdmin = "http://127.0.0.1:4434"
	// maxAdminAnswer bounds what is read of an answer, in bytes.
	maxAdminAnswer = 256 << 20
)

// flags adds what every command has that asks a server.
func (a *adminClient) flags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&a.endpoint, "endpoint", "", "`URL` of the admin API, or unix:/path; else FOYER_ADMIN_URL, else "+defaultAdmin)
	f.StringVar(&a.token, "token", "", "bearer `TOKEN` by serve.admin.auth, or for a proxy in front of it; else FOYER_ADMIN_TOKEN, which no list of processes shows")
	f.StringVar(&a.format, "format", "table", "table, or json for programs")
	c.PersistentPreRunE = func(*cobra.Command, []string) error {
		a.endpoint = cmp.Or(a.endpoint, os.Getenv("FOYER_ADMIN_URL"), defaultAdmin)
		a.token = cmp.Or(a.token, os.Getenv("FOYER_ADMIN_TOKEN"))
		if a.format != "table" && a.format != "json" {
			return fmt.Errorf("--format is %q and has to be table or json", a.format)
		}
		return a.open()
	}
}

// open reads where the API is.
func (a *adminClient) open() (err error) {
	direct := &http.Transport{Proxy: http.ProxyFromEnvironment}
	endpoint := a.endpoint
	if socket, ok := strings.CutPrefix(endpoint, unixPrefix); ok {
		endpoint, direct.Proxy = "http://localhost", nil
		direct.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
	}
	// No redirect is followed: the API sends none, and the token is for it alone.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a.http = &http.Client{Timeout: adminTimeout, Transport: direct, CheckRedirect: stay}
	a.base, err = url.Parse(endpoint)
	if err != nil || a.base.Scheme != "http" && a.base.Scheme != "https" || a.base.Host == "" {
		return errors.New("--endpoint has to be an http or https URL, or unix:/path")
	}
	return nil
}

// adminError is a refusal as the admin API words it.
type adminError struct {
	status     int
	id, reason string
}

func (e *adminError) Error() string {
	if e.id == "" {
		return fmt.Sprintf("the answer was %d and none of the admin API's; is that its address?", e.status)
	}
	return printable(fmt.Sprintf("%s (%d): %s", e.id, e.status, e.reason))
}

// call asks and decodes the answer; a nil body is none. A refusal is an
// *adminError. It returns the page_token of the next page, if there is one.
func (a *adminClient) call(ctx context.Context, method, path string, query url.Values, body, into any) (next string, err error) {
	req, err := a.request(ctx, method, path, query, body)
	if err != nil {
		return "", err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("the admin API did not answer: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAdminAnswer))
	if err != nil {
		return "", fmt.Errorf("the admin API's answer broke off: %w", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return "", refusalOf(resp.StatusCode, raw)
	}
	if json.Unmarshal(raw, into) != nil {
		return "", &adminError{status: resp.StatusCode}
	}
	return nextPage(resp.Header.Get("Link")), nil
}

func (a *adminClient) request(ctx context.Context, method, path string, query url.Values, body any) (*http.Request, error) {
	to := a.base.JoinPath(path)
	to.RawQuery = query.Encode()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), reader)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	return req, nil
}

func refusalOf(status int, raw []byte) error {
	var told struct {
		Error struct {
			ID      string `json:"id"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(raw, &told) // what is none of ours has no id
	return &adminError{status: status, id: told.Error.ID, reason: cmp.Or(told.Error.Reason, told.Error.Message)}
}

var nextLink = regexp.MustCompile(`<([^>]*)>; *rel="next"`)

// nextPage is the page_token of the next page by a header Link, empty for none.
func nextPage(link string) string {
	m := nextLink.FindStringSubmatch(link)
	if m == nil {
		return ""
	}
	u, err := url.Parse(m[1])
	if err != nil {
		return ""
	}
	return u.Query().Get("page_token")
}

// printable is text as a terminal may show it: what came from elsewhere must not
// move the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
