package web_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/txn"
	"github.com/foyer-id/foyer/internal/web"
)

// canary is a server on loopback that counts the connections it gets.
func canary(t *testing.T, h http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s, &n
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func outbound(t *testing.T, c web.OutboundConfig) *web.Outbound {
	t.Helper()
	o, err := web.NewOutbound(c)
	require.NoError(t, err)
	return o
}

func TestOutboundLoopbackWhenAllowed(t *testing.T) {
	s, _ := canary(t, answer("hello"))
	for _, c := range []web.OutboundConfig{
		{AllowLoopback: true}, {Exceptions: []string{s.Listener.Addr().String()}}, {Exceptions: []string{"127.0.0.1"}}, {Exceptions: []string{s.URL + "/hook"}},
	} {
		b, err := outbound(t, c).Get(t.Context(), s.URL+"/hook/x")
		require.NoError(t, err)
		require.Equal(t, "hello", string(b))
	}
	o := outbound(t, web.OutboundConfig{AllowLoopback: true})
	_, err := o.Get(t.Context(), "http://10.255.255.1/")
	requireRefused(t, err, fail.Upstream, "outbound_refused")
	_, err = o.Get(t.Context(), "http://127.0.0.1:1/")
	requireRefused(t, err, fail.Upstream, "outbound_failed")
}

func TestOutboundPrivateNeverMeansMetadata(t *testing.T) {
	o := outbound(t, web.OutboundConfig{AllowPrivate: true, AllowLoopback: true})
	for _, host := range []string{"169.254.169.254", "100.100.100.200", "168.63.129.16", "0.0.0.0", "192.0.0.192"} {
		_, err := o.Get(t.Context(), "http://"+host+"/")
		requireRefused(t, err, fail.Upstream, "outbound_refused")
	}
}

func TestOutboundExceptionsAreExact(t *testing.T) {
	s, hits := canary(t, answer("inside"))
	o := outbound(t, web.OutboundConfig{Exceptions: []string{s.URL + "/hook", "127.0.0.1:1", "https://127.0.0.1", "inner.example.com"}})
	for _, path := range []string{"/", "/hooks", "/Hook", "/x/hook", "/hook/../x", "/hook/%2e%2e/x", "/hook%2f..%2fx"} {
		_, err := o.Get(t.Context(), s.URL+path)
		requireRefused(t, err, fail.Upstream, "outbound_refused")
	}
	require.Zero(t, hits.Load())
	for _, bad := range []string{"", "ftp://x", "inner.example.com/path", "http://", "in ner", "http://user@x", "*.example.com"} {
		_, err := web.NewOutbound(web.OutboundConfig{Exceptions: []string{bad}})
		require.ErrorContains(t, err, "clients.http.private_ip_exception_urls", bad)
	}
}

// A connection that speaks something else afterwards is bounded by nothing, so
// nobody goes on with it.
func TestOutboundSwitchesNoProtocol(t *testing.T) {
	ended := make(chan struct{})
	s, _ := canary(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"))
		_, _ = conn.Read(make([]byte, 1))
		close(ended)
	})
	_, err := outbound(t, web.OutboundConfig{AllowLoopback: true}).Get(t.Context(), s.URL)
	requireRefused(t, err, fail.Upstream, "outbound_failed")
	<-ended // and nobody keeps it
}

func TestOutboundBoundsAnswers(t *testing.T) {
	const most = 1000
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(make([]byte, 100*most))
		z.Close()
	}
	for name, h := range map[string]http.HandlerFunc{
		"announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(most+1))
			_, _ = w.Write(make([]byte, most+1))
		},
		"chunked": func(w http.ResponseWriter, _ *http.Request) {
			for range most + 1 {
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
			}
		},
		"compressed": bomb,
	} {
		s, _ := canary(t, h)
		_, err := outbound(t, web.OutboundConfig{AllowLoopback: true, MaxBytes: most}).Get(t.Context(), s.URL)
		requireRefused(t, err, fail.Upstream, "outbound_too_large")
		t.Log(name)

		// Whoever goes by the status alone has it, however long the rest is said to be.
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, nil)
		require.NoError(t, err)
		resp, err := outbound(t, web.OutboundConfig{AllowLoopback: true, MaxBytes: most}).Do(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		_, err = io.ReadAll(resp.Body)
		requireRefused(t, err, fail.Upstream, "outbound_too_large")
		require.NoError(t, resp.Body.Close())
	}
	s, _ := canary(t, answer(strings.Repeat("x", most)))
	b, err := outbound(t, web.OutboundConfig{AllowLoopback: true, MaxBytes: most}).Get(t.Context(), s.URL)
	require.NoError(t, err)
	require.Len(t, b, most)

	s, _ = canary(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Big", strings.Repeat("x", 1<<20))
	})
	_, err = outbound(t, web.OutboundConfig{AllowLoopback: true}).Get(t.Context(), s.URL)
	requireRefused(t, err, fail.Upstream, "outbound_failed")
}

func TestOutboundTimesOut(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := canary(t, h)
			_, err := outbound(t, web.OutboundConfig{AllowLoopback: true, Timeout: 50 * time.Millisecond}).Get(t.Context(), s.URL)
			requireRefused(t, err, fail.Upstream, "outbound_timeout")
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = outbound(t, web.OutboundConfig{AllowLoopback: true}).Get(ctx, s.URL)
			requireRefused(t, err, fail.Upstream, "outbound_timeout")
			ctx, cancel = context.WithCancel(t.Context())
			cancel()
			_, err = outbound(t, web.OutboundConfig{AllowLoopback: true}).Get(ctx, s.URL)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

func TestOutboundKeepsOutOfTransactions(t *testing.T) {
	s, hits := canary(t, answer("x"))
	_, err := outbound(t, web.OutboundConfig{AllowLoopback: true}).Get(txn.With(t.Context(), "open"), s.URL)
	require.ErrorContains(t, err, "transaction")
	require.Nil(t, fail.As(err), "a fault of ours, not an answer")
	require.Zero(t, hits.Load())
}

func TestOutboundErrorsDoNotQuoteTheURL(t *testing.T) {
	o := outbound(t, web.OutboundConfig{AllowLoopback: true})
	for _, target := range []string{"http://127.0.0.1:1/CANARY?key=CANARY", "http://10.0.0.1/CANARY", "gopher://CANARY", "http://127.0.0.1:1/\x00CANARY"} {
		_, err := o.Get(t.Context(), target)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "CANARY")
		var u *url.Error
		require.False(t, errors.As(err, &u))
	}
}
