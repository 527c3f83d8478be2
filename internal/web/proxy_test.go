package web_test

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func parsed(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u
}

// forwarder is a proxy that sends every tunnel to one place, and answers other
// requests itself.
func forwarder(t *testing.T, to string) (*httptest.Server, *atomic.Value) {
	t.Helper()
	var asked atomic.Value
	s, _ := canary(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization"))
		if r.Method != http.MethodConnect {
			_, _ = io.WriteString(w, "by proxy")
			return
		}
		there, err := net.Dial("tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer there.Close()
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer here.Close()
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, here) }()
		_, _ = io.Copy(here, there)
	})
	return s, &asked
}

func TestOutboundByAProxy(t *testing.T) {
	resolve(t, func(name string, _ bool) []netip.Addr {
		if name == "inside.example.com." {
			return addresses("10.0.0.1", "8.8.8.8")
		}
		return addresses("8.8.8.8", "2606:4700::1111")
	})
	hello := make(chan []byte, 1)
	target, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer target.Close()
	go func() {
		for {
			conn, err := target.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 1)
			_, _ = conn.Read(b)
			hello <- b
			conn.Close()
		}
	}()
	proxy, asked := forwarder(t, target.Addr().String())
	at := parsed(t, proxy.URL)
	at.User = url.UserPassword("ada", "CANARY")
	o := outbound(t, web.OutboundConfig{Proxy: at, Exceptions: []string{"inside.example.com:8080"}})

	b, err := o.Get(t.Context(), "http://public.example.com/x")
	require.NoError(t, err, "the proxy lies on loopback, which only targets may not")
	require.Equal(t, "by proxy", string(b))
	want := " Basic " + base64.StdEncoding.EncodeToString([]byte("ada:CANARY"))
	require.Equal(t, "GET http://public.example.com/x"+want, asked.Load())

	_, err = o.Get(t.Context(), "https://public.example.com/x")
	requireRefused(t, err, fail.Upstream, "outbound_failed")
	require.Equal(t, "CONNECT public.example.com:443"+want, asked.Load())
	require.Equal(t, []byte{0x16}, <-hello, "TLS is spoken through the tunnel, not with the proxy")

	asked.Store("nothing")
	for _, inside := range []string{"http://inside.example.com/", "https://inside.example.com/", "http://127.0.0.1/", "http://[fd00::1]/", "http://169.254.169.254/"} {
		_, err = o.Get(t.Context(), inside)
		requireRefused(t, err, fail.Upstream, "outbound_refused")
	}
	require.Equal(t, "nothing", asked.Load())
	b, err = o.Get(t.Context(), "http://inside.example.com:8080/")
	require.NoError(t, err, "an exception")
	require.Equal(t, "by proxy", string(b))
}

func TestOutboundByAProxyThatFails(t *testing.T) {
	resolve(t, func(string, bool) []netip.Addr { return addresses("8.8.8.8") })
	refusing, _ := canary(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	for _, at := range []string{refusing.URL, "http://ada:CANARY@127.0.0.1:1", "socks5://ada:CANARY@127.0.0.1:1"} {
		_, err := outbound(t, web.OutboundConfig{Proxy: parsed(t, at)}).Get(t.Context(), "https://public.example.com/CANARY")
		requireRefused(t, err, fail.Upstream, "outbound_failed")
		require.NotContains(t, err.Error(), "CANARY")
	}
	silent, _ := canary(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := outbound(t, web.OutboundConfig{Proxy: parsed(t, silent.URL), Timeout: 50 * time.Millisecond}).Get(t.Context(), "https://public.example.com/")
	requireRefused(t, err, fail.Upstream, "outbound_timeout")
}

func TestOutboundProxyIsRefusedByKey(t *testing.T) {
	for _, bad := range []string{"ftp://CANARY@x", "proxy.example.com:3128", "http://", "//CANARY", "http://x/CANARY", "http://x?CANARY", "file:///CANARY"} {
		_, err := web.NewOutbound(web.OutboundConfig{Proxy: parsed(t, bad)})
		require.ErrorContains(t, err, "clients.http.proxy_url: ", bad)
		require.NotContains(t, err.Error(), "CANARY")
	}
	for _, good := range []string{"http://proxy.internal:3128", "https://ada:pw@10.0.0.1/", "socks5://127.0.0.1:1080", "socks5h://proxy.internal"} {
		_, err := web.NewOutbound(web.OutboundConfig{Proxy: parsed(t, good)})
		require.NoError(t, err, good)
	}
}
