package web_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// deaf accepts connections and, if it has a hello, says that once it has been
// told something; it neither reads nor says more.
func deaf(t *testing.T, hello string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			if hello != "" {
				_, _ = conn.Read(make([]byte, 1))
				_, _ = io.WriteString(conn, hello)
			}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range open {
			conn.Close()
		}
	})
	return l.Addr().String()
}

// dripping answers with a body of which a byte comes every few milliseconds.
func dripping(w http.ResponseWriter, r *http.Request) {
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-every.C:
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func TestOutboundEndsWithItsContext(t *testing.T) {
	const deadline, late = 60 * time.Millisecond, 50 * time.Millisecond
	drip, _ := canary(t, dripping)
	local := web.OutboundConfig{AllowLoopback: true}
	byProxy := local
	byProxy.Proxy = &url.URL{Scheme: "http", Host: deaf(t, "")}
	silentDNS := func(t *testing.T) string {
		held := make(chan struct{})
		resolve(t, func(string, bool) []netip.Addr { <-held; return nil })
		t.Cleanup(func() { close(held) }) // before the server is waited for
		return "http://slow.example.com/"
	}
	at := func(target string) func(*testing.T) string { return func(*testing.T) string { return target } }
	for name, phase := range map[string]struct {
		target func(*testing.T) string
		config web.OutboundConfig
		body   int
	}{
		"names":          {silentDNS, local, 0},
		"names by proxy": {silentDNS, byProxy, 0},
		"dial":           {func(t *testing.T) string { return "http://" + full(t) }, local, 0},
		"TLS":            {at("https://" + deaf(t, "")), local, 0},
		"CONNECT":        {at("https://127.0.0.1:1/"), byProxy, 0},
		"request":        {at("http://" + deaf(t, "")), local, 32 << 20},
		"answer":         {at("http://" + deaf(t, "")), local, 1},
		"headers":        {at("http://" + deaf(t, "HTTP/1.1 200 OK\r\nX-A: b\r\n")), local, 1},
		"only continue":  {at("http://" + deaf(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 3))), local, 1},
		"no body":        {at("http://" + deaf(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")), local, 1},
		"no end":         {at("http://" + deaf(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")), local, 1},
		"drips":          {at(drip.URL), local, 1},
	} {
		t.Run(name, func(t *testing.T) {
			target, o := phase.target(t), outbound(t, phase.config)
			best := time.Hour
			for range 5 { // a machine that is busy may be late itself
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				r, err := web.Call{URL: target}.Request(ctx, make([]byte, phase.body))
				require.NoError(t, err)
				resp, err := o.Do(r)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				took := time.Since(began)
				cancel()
				requireRefused(t, err, fail.Upstream, "outbound_timeout")
				require.GreaterOrEqual(t, took, deadline)
				if best = min(best, took); best < deadline+late {
					return
				}
			}
			require.Less(t, best, deadline+late)
		})
	}
}

// hangUp answers the first request of its first connection, reads the next one
// whole and closes, and answers all others. It returns the bodies it has read.
func hangUp(t *testing.T) (string, func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var bodies []string
	var conns atomic.Int64
	serve := func(conn net.Conn) {
		defer conn.Close()
		first, lines := conns.Add(1) == 1, bufio.NewReader(conn)
		for n := 1; ; n++ {
			r, err := http.ReadRequest(lines)
			if err != nil {
				return
			}
			b, _ := io.ReadAll(r.Body)
			mu.Lock()
			bodies = append(bodies, string(b))
			mu.Unlock()
			if first && n == 2 {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return "http://" + l.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return bodies
	}
}

func TestOutboundSendsAgainOnlyWhatMayBe(t *testing.T) {
	for name, one := range map[string]struct {
		method string
		key    bool
		stream bool // a body that cannot be read again
		want   []string
	}{
		"with a key":          {"POST", true, false, []string{"first", "second", "second"}},
		"without a key":       {"POST", false, false, []string{"first", "second"}},
		"PUT without a key":   {"PUT", false, false, []string{"first", "second"}},
		"what changes nought": {"GET", false, false, []string{"first", "second", "second"}},
		"a stream with a key": {"POST", true, true, []string{"first", "second"}},
	} {
		t.Run(name, func(t *testing.T) {
			target, bodies := hangUp(t)
			o := outbound(t, web.OutboundConfig{AllowLoopback: true, Timeout: 5 * time.Second})
			send := func(body string) error {
				r, err := web.Call{URL: target, Method: one.method}.Request(t.Context(), []byte(body))
				require.NoError(t, err)
				if one.key {
					r.Header.Set("Idempotency-Key", "k")
				}
				if one.stream {
					r.Body, r.GetBody = io.NopCloser(bytes.NewReader([]byte(body))), nil
				}
				resp, err := o.Do(r)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				_, err = io.ReadAll(resp.Body)
				return err
			}
			require.NoError(t, send("first"))
			err := send("second")
			if len(one.want) == 3 {
				require.NoError(t, err)
			} else {
				requireRefused(t, err, fail.Upstream, "outbound_failed")
			}
			require.Equal(t, one.want, bodies())
		})
	}
}
