package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/txn"
)

// OutboundConfig says where the client may go. The zero value allows public
// addresses only.
type OutboundConfig struct {
	AllowPrivate  bool          // RFC 1918, CGNAT and unique local addresses
	AllowLoopback bool          // this machine
	Exceptions    []string      // hosts ("idp.internal", with port or without) or URL prefixes reached whatever their address
	Timeout       time.Duration // of a whole call, body included; zero is 10 seconds
	MaxBytes      int64         // of an answer's body; zero is 64 KiB
	// Conns are those to one host at once, for which calls wait; zero is 64, below
	// zero any number.
	Conns int

	// Proxy carries all calls (http, https or socks5, with user info if it asks
	// for some) and is dialled wherever it lies; nil is none, whatever the
	// environment says. Targets are judged as without one: names are resolved
	// here, and a target is refused if any of its addresses is. Where the proxy
	// resolves a name again it may get another answer, which only rules of its
	// own can refuse.
	Proxy *url.URL
}

// Outbound is the only client that calls out. The address is judged when it is
// dialled, after names were resolved; redirects are not followed, proxies of
// the environment not used, answers bounded in time and size. A call ends with
// its context, in whatever phase. Its refusals
// (outbound_refused, outbound_failed, outbound_timeout, outbound_too_large)
// do not tell an open port from a closed one. Safe for concurrent use.
type Outbound struct {
	guarded, unguarded *http.Client
	exceptions         []exception
	maxBytes           int64
}

// exception is a place reached without a look at its address; without a
// scheme it is a host, without a port a host at any.
type exception struct {
	scheme, host, port, path string
}

// NewOutbound returns the client for c, or an error naming each exception that
// cannot be understood, and the proxy without quoting it.
func NewOutbound(c OutboundConfig) (*Outbound, error) {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 64 << 10
	}
	if c.Conns == 0 {
		c.Conns = 64
	}
	o := &Outbound{maxBytes: c.MaxBytes, guarded: outboundClient(c, Guard(c)), unguarded: outboundClient(c, nil)}
	var errs []error
	if c.Proxy != nil {
		if err := o.useProxy(c, Guard(c)); err != nil {
			errs = append(errs, err)
		}
	}
	for _, raw := range c.Exceptions {
		e, err := parseException(raw)
		if err != nil {
			errs = append(errs, fmt.Errorf("clients.http.private_ip_exception_urls: %q: %w", raw, err))
		}
		o.exceptions = append(o.exceptions, e)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return o, nil
}

func parseException(raw string) (exception, error) {
	full := raw
	if !strings.Contains(raw, "://") {
		full = "any://" + raw
	}
	u, err := url.Parse(full)
	if err != nil {
		return exception{}, errors.New("it is neither a host nor a URL")
	}
	s, err := siteOf(u)
	if err != nil {
		return exception{}, err
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if s.scheme == "any" {
		s.scheme = ""
	}
	if why := ambiguousPath(path); why != "" || s.scheme == "" && path != "" || s.scheme != "" && s.scheme != "http" && s.scheme != "https" {
		return exception{}, errors.New("it is neither a host nor an http URL")
	}
	return exception{scheme: s.scheme, host: s.host, port: s.port, path: path}, nil
}

func (e exception) covers(s site, path string) bool {
	if e.host != s.host || e.port != "" && e.port != s.port || e.scheme != "" && e.scheme != s.scheme {
		return false
	}
	rest, ok := strings.CutPrefix(path, e.path)
	return ok && (rest == "" || rest[0] == '/')
}

func outboundClient(c OutboundConfig, control control) *http.Client {
	dialer := &net.Dialer{Timeout: c.Timeout, Control: control}
	return &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true, TLSHandshakeTimeout: c.Timeout, MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 8, MaxConnsPerHost: max(0, c.Conns),
		},
	}
}

// Get returns the body of a 200 answer of url; any other status is
// outbound_failed.
func (o *Outbound) Get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, outboundError(errors.New("the URL is not valid"), "outbound_refused")
	}
	resp, err := o.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, outboundError(fmt.Errorf("%s answered %d", req.URL.Host, resp.StatusCode), "outbound_failed")
	}
	return io.ReadAll(resp.Body)
}

// Do sends req and returns the answer, redirects included, whose body fails
// with outbound_too_large beyond the bound; the caller closes it. It is sent
// once, except where a kept connection turns out to be closed: again over a new
// one if nothing of it was written, or if it has an Idempotency-Key or its
// method changes nothing, and if it has a GetBody, as Call.Request makes it. Do
// refuses to run while req's context carries an open transaction, which would
// be held for as long as a stranger likes.
func (o *Outbound) Do(req *http.Request) (*http.Response, error) {
	if txn.Handle(req.Context()) != nil {
		return nil, errors.New("web: a call out was attempted inside a transaction")
	}
	s, err := siteOf(req.URL)
	if err != nil || s.scheme != "http" && s.scheme != "https" {
		return nil, outboundError(errors.New("the URL is not plain http or https"), "outbound_refused")
	}
	client := o.guarded
	if path := req.URL.EscapedPath(); ambiguousPath(path) == "" {
		for _, e := range o.exceptions {
			if e.covers(s, path) {
				client = o.unguarded
			}
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, explainOutbound(req.Context(), err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body.Close() // nothing bounds such a connection any more
		return nil, outboundError(errors.New("the answer switches protocols, which nobody asked for"), "outbound_failed")
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, ctx: req.Context(), left: o.maxBytes}
	return resp, nil
}

// boundedBody is a body of which at most left bytes are delivered.
type boundedBody struct {
	io.ReadCloser
	ctx  context.Context
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, b.left = int(b.left), 0
		return n, outboundError(errors.New("the answer is longer than allowed"), "outbound_too_large")
	}
	b.left -= int64(n)
	if err != nil && err != io.EOF { //nolint:errorlint // a wrapped one is a failure
		err = explainOutbound(b.ctx, err)
	}
	return n, err
}

// explainOutbound gives err its id. A *url.Error quotes the URL, which may
// carry a secret of the operator, so only its cause is kept.
func explainOutbound(ctx context.Context, err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		timeout := u.Timeout()
		err = u.Err
		if timeout {
			return outboundError(err, "outbound_timeout")
		}
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, errMetadataService), errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedNetwork), errors.Is(err, ssrf.ErrInvalidHostPort):
		return outboundError(err, "outbound_refused")
	}
	if t := net.Error(nil); errors.As(err, &t) && t.Timeout() {
		return outboundError(err, "outbound_timeout")
	}
	return outboundError(err, "outbound_failed")
}

var outboundReasons = map[string]string{
	"outbound_refused":   "A service this one depends on lies where calls are not allowed to go.",
	"outbound_failed":    "A service this one depends on could not be reached or did not answer properly.",
	"outbound_timeout":   "A service this one depends on did not answer in time.",
	"outbound_too_large": "A service this one depends on answered with more than is accepted.",
}

func outboundError(err error, id string) error {
	return fail.Wrap(err, fail.Upstream, id, outboundReasons[id])
}
