package cmd

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
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
	endpoint, token, tokenFile, format string
	ca, cert, key                      string // files, empty for none

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

// flags adds what every command has that asks a server, to c and those below it.
func (a *adminClient) flags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&a.endpoint, "endpoint", "", "`URL` of the admin API, or unix:/path; else FOYER_ADMIN_URL, else "+defaultAdmin)
	f.StringVar(&a.token, "token", "", "bearer `TOKEN`, which lists of processes show; else --token-file, else FOYER_ADMIN_TOKEN")
	f.StringVar(&a.tokenFile, "token-file", "", "`FILE` with the token")
	f.StringVar(&a.cert, "client-cert", "", "`FILE` with the certificate to call with (PEM); needs --client-key")
	f.StringVar(&a.key, "client-key", "", "`FILE` with its private key (PEM)")
	f.StringVar(&a.ca, "ca", "", "`FILE` with the authorities (PEM) to believe the server's certificate by, in place of the system's")
	f.StringVar(&a.format, "format", "table", "`FORMAT`: table, or json for programs")
	complete(c, "format", "table", "json")
	complete(c, "endpoint")
	complete(c, "token")
	c.PersistentPreRunE = func(*cobra.Command, []string) error {
		if a.format != "table" && a.format != "json" {
			return misused("--format is %q and has to be table or json", a.format)
		}
		return errors.Join(a.readToken(), a.open())
	}
}

// complete says what a flag can be, nothing where that is anybody's guess.
func complete(c *cobra.Command, flag string, values ...string) {
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

func (a *adminClient) readToken() error {
	switch {
	case a.token != "" && a.tokenFile != "":
		return misused("either --token or --token-file")
	case a.tokenFile != "":
		raw, err := os.ReadFile(a.tokenFile)
		if err != nil {
			return fmt.Errorf("--token-file: %w", err)
		}
		if a.token = strings.TrimSpace(string(raw)); a.token == "" {
			return misused("--token-file: %s is empty", a.tokenFile)
		}
	default:
		a.token = cmp.Or(a.token, os.Getenv("FOYER_ADMIN_TOKEN"))
	}
	if strings.ContainsFunc(a.token, unicode.IsControl) {
		return misused("a token is one line")
	}
	return nil
}

// open reads where the API is, and what is shown there and believed.
func (a *adminClient) open() (err error) {
	direct := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if direct.TLSClientConfig, err = a.tls(); err != nil {
		return err
	}
	endpoint := cmp.Or(a.endpoint, os.Getenv("FOYER_ADMIN_URL"), defaultAdmin)
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
		return misused("--endpoint has to be an http or https URL, or unix:/path")
	}
	return nil
}

func (a *adminClient) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if (a.cert == "") != (a.key == "") {
		return nil, misused("--client-cert and --client-key go together")
	}
	if a.cert != "" {
		pair, err := tls.LoadX509KeyPair(a.cert, a.key)
		if err != nil {
			return nil, fmt.Errorf("--client-cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if a.ca != "" {
		raw, err := os.ReadFile(a.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(raw) {
			return nil, misused("--ca: %s has no certificate in PEM", a.ca)
		}
	}
	return c, nil
}

// adminError is a refusal as the admin API words it.
type adminError struct {
	status     int
	id, reason string
	violations []violation
}

// violation is what a schema has against one place of an identity.
type violation struct {
	Path    string          `json:"path"`
	Keyword string          `json:"keyword"`
	Context json.RawMessage `json:"context"`
}

func (e *adminError) Error() string {
	if e.id == "" {
		return fmt.Sprintf("the answer was %d and none of the admin API's; is that its address?", e.status)
	}
	text := fmt.Sprintf("%s (%d): %s", e.id, e.status, e.reason)
	for _, v := range e.violations {
		text += fmt.Sprintf("\n  %s: %s %s", v.Path, v.Keyword, v.Context)
	}
	return printable(text)
}

// ofOne reports whether e is about what was asked for, so that something else
// may well be answered.
func (e *adminError) ofOne() bool {
	return e.id != "" && e.status < 500 && e.status != http.StatusUnauthorized && e.status != http.StatusForbidden
}

// adminCall is a request; a nil body is none, and so is an empty ifMatch.
type adminCall struct {
	method, path string
	query        url.Values
	body         any
	ifMatch      string
}

// adminAnswer is what is beside the body: the page_token of the next page, if
// there is one, and which revision was shown.
type adminAnswer struct{ next, etag string }

// call asks and decodes the answer; into is nil where it has no body. A refusal is
// an *adminError.
func (a *adminClient) call(ctx context.Context, call adminCall, into any) (answer adminAnswer, err error) {
	req, err := a.request(ctx, call)
	if err != nil {
		return answer, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return answer, fmt.Errorf("the admin API did not answer: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAdminAnswer))
	if err != nil {
		return answer, fmt.Errorf("the admin API's answer broke off: %w", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return answer, refusalOf(resp.StatusCode, raw)
	}
	if into == nil && resp.StatusCode != http.StatusNoContent || into != nil && json.Unmarshal(raw, into) != nil {
		return answer, &adminError{status: resp.StatusCode}
	}
	return adminAnswer{next: nextPage(resp.Header.Get("Link")), etag: resp.Header.Get("ETag")}, nil
}

func (a *adminClient) request(ctx context.Context, call adminCall) (*http.Request, error) {
	to := a.base.JoinPath(call.path)
	to.RawQuery = call.query.Encode()
	var reader io.Reader
	if call.body != nil {
		raw, err := json.Marshal(call.body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, call.method, to.String(), reader)
	if err != nil {
		return nil, err
	}
	if call.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if call.ifMatch != "" {
		req.Header.Set("If-Match", call.ifMatch)
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
			Details struct {
				Violations []violation `json:"violations"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal(raw, &told) // what is none of ours has no id
	e := told.Error
	return &adminError{status: status, id: e.ID, reason: cmp.Or(e.Reason, e.Message), violations: e.Details.Violations}
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
