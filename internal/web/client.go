package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
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
}

// Outbound is the only client that calls out. The address is judged when it is
// dialled, after names were resolved; redirects are not followed, proxies of
// the environment not used, answers bounded in time and size. Its refusals
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
// cannot be understood.
func NewOutbound(c OutboundConfig) (*Outbound, error) {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 64 << 10
	}
	o := &Outbound{maxBytes: c.MaxBytes, guarded: outboundClient(c.Timeout, Guard(c)), unguarded: outboundClient(c.Timeout, nil)}
	var errs []error
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

func outboundClient(timeout time.Duration, control func(network, address string, c syscall.RawConn) error) *http.Client {
	dialer := &net.Dialer{Timeout: timeout, Control: control}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true, TLSHandshakeTimeout: timeout, MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 8, MaxConnsPerHost: 64,
		},
	}
}

// metadataServices lists addresses that serve a cloud machine its secrets and that lie in
// public or merely private ranges; no setting but an exception reaches them.
var metadataServices = []netip.Prefix{
	netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("100.100.100.200/32"),
	netip.MustParsePrefix("fd00:ec2::/32"),
	netip.MustParsePrefix("fd20:ce::254/128"),
}

var errMetadataService = errors.New("the address is that of a metadata service")

// Guard returns the look at an address that is about to be dialled, as
// net.Dialer.Control, for what calls out by another protocol than HTTP. Only
// AllowPrivate and AllowLoopback of c count.
func Guard(c OutboundConfig) func(network, address string, _ syscall.RawConn) error {
	var v4, v6 []netip.Prefix
	if c.AllowPrivate {
		for _, p := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"} {
			v4 = append(v4, netip.MustParsePrefix(p))
		}
		v6 = append(v6, netip.MustParsePrefix("fc00::/7"))
	}
	if c.AllowLoopback {
		v4 = append(v4, netip.MustParsePrefix("127.0.0.0/8"))
		v6 = append(v6, netip.MustParsePrefix("::1/128"))
	}
	g := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	return func(network, address string, conn syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err == nil && contains(metadataServices, at.Addr().Unmap()) {
			return errMetadataService
		}
		return g.Safe(network, address, conn)
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

// Do sends req once and returns the answer, redirects included, whose body
// fails with outbound_too_large beyond the bound; the caller closes it. It
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
	if resp.ContentLength > o.maxBytes {
		resp.Body.Close()
		return nil, outboundError(fmt.Errorf("%s announced %d bytes", s.host, resp.ContentLength), "outbound_too_large")
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
