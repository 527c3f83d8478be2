package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// useProxy lets o call by c.Proxy alone; guard judges the targets of o.guarded.
func (o *Outbound) useProxy(c OutboundConfig, guard control) error {
	p := c.Proxy
	schemes := []string{"http", "https", "socks5", "socks5h"}
	if !slices.Contains(schemes, p.Scheme) || p.Hostname() == "" || strings.Trim(p.Path, "/") != "" || p.RawQuery != "" {
		return errors.New("clients.http.proxy_url: expected an http, https or socks5 URL without a path")
	}
	o.guarded, o.unguarded = outboundClient(c, nil), outboundClient(c, nil)
	for client, choose := range map[*http.Client]func(*http.Request) (*url.URL, error){o.guarded: judgedProxy(p, guard), o.unguarded: http.ProxyURL(p)} {
		transport := client.Transport.(*http.Transport)
		transport.Proxy, transport.DialContext = choose, dialProxy(c.Timeout, transport.DialContext)
	}
	return nil
}

// judgedProxy chooses p for each request whose target stands before guard.
func judgedProxy(p *url.URL, guard control) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		s, err := siteOf(r.URL)
		if err != nil {
			return nil, err
		}
		addrs, err := net.DefaultResolver.LookupNetIP(r.Context(), "ip", s.host)
		if err != nil {
			return nil, err
		}
		for _, addr := range addrs {
			addr, network := addr.Unmap(), "tcp6"
			if addr.Is4() {
				network = "tcp4"
			}
			if err := guard(network, net.JoinHostPort(addr.String(), s.port), nil); err != nil {
				return nil, err
			}
		}
		return p, nil
	}
}

// dialProxy closes a connection on which a proxy says nothing for as long as a
// call may take. The transport would wait a minute for the answer to CONNECT,
// whatever became of the call.
func dialProxy(timeout time.Duration, dial func(ctx context.Context, network, address string) (net.Conn, error)) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &silentConn{Conn: conn, close: time.AfterFunc(timeout, func() { conn.Close() })}, nil
	}
}

// silentConn is closed by a timer until the other side says something.
type silentConn struct {
	net.Conn
	close *time.Timer
}

func (c *silentConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.close.Stop()
	}
	return n, err
}

func (c *silentConn) Close() error {
	c.close.Stop()
	return c.Conn.Close()
}
