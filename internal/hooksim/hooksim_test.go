package hooksim_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/hooksim"
)

func start(t *testing.T) *hooksim.Receiver {
	t.Helper()
	r, err := hooksim.Start()
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// client follows no redirects, and unpacks nothing.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask posts, and reads at most 12 MiB within the time given.
func ask(c *http.Client, url string, within time.Duration) (status int, header http.Header, body []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"type":"test"}`))
	if err != nil {
		return 0, nil, nil, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 12<<20))
	return resp.StatusCode, resp.Header, body, err
}

func TestModes(t *testing.T) {
	r, c := start(t), client(t)
	require.GreaterOrEqual(t, len(hooksim.Modes), 16)
	const whole, endless = "whole", "endless"
	expected := map[string]struct {
		status int // 0: there is none
		body   string
		ends   string // whole, endless, or part of the error
	}{
		"ok": {200, `{}`, whole}, "ok_empty": {204, ``, whole}, "change": {200, `"identity"`, whole},
		"veto": {400, `#/traits/email`, whole}, "veto_form": {400, `"#/"`, whole},
		"error_500": {500, `{`, whole}, "error_500_html": {500, `<html>`, whole}, "error_503": {503, `{`, whole}, "forbidden_no_messages": {403, `{}`, whole},
		"redirect_302": {302, ``, whole}, "redirect_307": {307, ``, whole}, "html_200": {200, `<html>`, whole},
		"json_broken": {200, `{"messages":[`, whole}, "json_wrong_shape": {200, `["ada"]`, whole}, "huge_10mb": {200, `aaaa`, whole},
		"huge_endless": {200, `aaaa`, whole}, "hang_before_headers": {0, ``, endless}, "hang_mid_body": {200, `{"messages":[`, endless}, "drip": {200, `[ `, endless},
		"close_before_answer": {0, ``, "EOF"}, "close_mid_body": {200, `{"messages":[`, "unexpected EOF"}, "bad_content_length": {0, ``, "Content-Length"},
		"gzip_bomb": {200, ``, whole}, "not_there": {0, ``, "refused"}, "dns_fails": {0, ``, "receiver.invalid"}, "tls_garbage": {0, ``, "tls"},
	}
	require.Len(t, expected, len(hooksim.Modes))
	for _, mode := range hooksim.Modes {
		require.NotEmpty(t, mode.What)
		want, known := expected[mode.Name]
		require.True(t, known, mode.Name)
		within := 20 * time.Second
		if want.ends == endless {
			within = 300 * time.Millisecond
		}
		status, header, body, err := ask(c, r.URL(mode.Name)+"/x", within)
		require.Equal(t, want.status, status, "%s: %v", mode.Name, err)
		require.Contains(t, string(body), want.body, mode.Name)
		switch want.ends {
		case whole:
			require.NoError(t, err, mode.Name)
		case endless:
			require.ErrorIs(t, err, context.DeadlineExceeded, mode.Name)
		default:
			require.ErrorContains(t, err, want.ends, mode.Name)
			require.False(t, errors.Is(err, context.DeadlineExceeded), mode.Name)
		}
		switch mode.Name {
		case "redirect_302", "redirect_307":
			require.Equal(t, r.CanaryURL(), header.Get("Location"))
		case "huge_10mb":
			require.Len(t, body, 10<<20)
			require.True(t, json.Valid(body))
		case "huge_endless":
			require.Len(t, body, 12<<20, "as much as was asked for")
		case "gzip_bomb":
			require.Equal(t, "gzip", header.Get("Content-Encoding"))
			require.Less(t, len(body), 80<<10)
			unpacked, err := gzip.NewReader(bytes.NewReader(body))
			require.NoError(t, err)
			size, err := io.Copy(io.Discard, unpacked)
			require.NoError(t, err)
			require.EqualValues(t, 64<<20+len(`{"x":""}`), size)
		case "json_broken":
			require.False(t, json.Valid(body))
		case "error_503":
			require.Equal(t, "1", header.Get("Retry-After"))
		}
	}
	require.Zero(t, r.CanaryHits())
	require.Equal(t, len(hooksim.Modes)-3, r.Total(), "three are places where no call arrives")
	require.Panics(t, func() { r.URL("no_such_mode") })
}

func TestTheCanaryCounts(t *testing.T) {
	r := start(t)
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(r.CanaryURL(), "http://"), "/canary"))
	require.NoError(t, err)
	defer conn.Close()
	require.Eventually(t, func() bool { return r.CanaryHits() == 1 }, 10*time.Second, time.Millisecond, "a connection is enough")
	followed := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	_, _, _, err = ask(followed, r.URL("redirect_302"), 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, 2, r.CanaryHits())
}

func TestModesBySwitch(t *testing.T) {
	r, c := start(t), client(t)
	is := func(want int, path string) {
		t.Helper()
		status, _, _, err := ask(c, r.URL("")+path, 10*time.Second)
		require.NoError(t, err)
		require.Equal(t, want, status)
	}
	is(200, "/crm")
	r.Set("veto")
	is(400, "/crm")
	is(204, "/ok_empty/crm") // the path decides
	r.SetFunc(func(call hooksim.Call) string {
		if bytes.Contains(call.Body, []byte("test")) && call.Path == "/down" {
			return "error_503"
		}
		return "ok"
	})
	is(503, "/down")
	is(200, "/up")
	r.Set("no_such_mode")
	is(501, "/crm")
	var modes []string
	for _, call := range r.Calls() {
		modes = append(modes, call.Mode)
		require.Equal(t, "POST", call.Method)
		require.Equal(t, `{"type":"test"}`, string(call.Body))
		require.WithinDuration(t, time.Now(), call.At, time.Minute)
	}
	require.Equal(t, []string{"ok", "veto", "ok_empty", "error_503", "ok", "no_such_mode"}, modes)
	r.Forget()
	require.Empty(t, r.Calls())
	require.Zero(t, r.Total())
}

func TestSignatures(t *testing.T) {
	const good, old, foreign = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	r, c := start(t), client(t)
	send := func(secret string) {
		at, body := time.Unix(1614265330, 0), `{"type":"test"}`
		req, err := http.NewRequest(http.MethodPost, r.URL("ok"), strings.NewReader(body))
		require.NoError(t, err)
		if secret != "" {
			w, err := standardwebhooks.NewWebhook(secret)
			require.NoError(t, err)
			signature, err := w.Sign("msg_1", at, []byte(body))
			require.NoError(t, err)
			req.Header = http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signature}}
		}
		resp, err := c.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
	}
	send("")
	require.Zero(t, r.BadSignatures(), "nobody asked for any")
	require.Error(t, r.Verify("whsec_%"))
	require.NoError(t, r.Verify(good, old))
	send(good)
	send(old)
	require.Zero(t, r.BadSignatures())
	send(foreign)
	send("")
	require.Equal(t, 2, r.BadSignatures())
	var signed []bool
	for _, call := range r.Calls() {
		signed = append(signed, call.Signed)
	}
	require.Equal(t, []bool{false, true, true, false, false}, signed)
}

// Whatever hangs ends with the receiver, and nothing of it is left.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	r, err := hooksim.Start()
	require.NoError(t, err)
	transport := &http.Transport{}
	c := &http.Client{Transport: transport}
	var all sync.WaitGroup
	for _, mode := range []string{"hang_before_headers", "hang_mid_body", "drip", "huge_endless", "ok"} {
		for range 4 {
			all.Go(func() {
				resp, err := c.Post(r.URL(mode), "application/json", strings.NewReader("{}"))
				if err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		}
	}
	silent, err := net.Dial("tcp", strings.Split(r.URL("tls_garbage"), "/")[2])
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.Total() == 20 }, 20*time.Second, time.Millisecond)
	r.Close()
	all.Wait()
	transport.CloseIdleConnections()
	_, err = io.Copy(io.Discard, silent)
	silent.Close()
	if err != nil {
		require.ErrorContains(t, err, "reset")
	}
	for begun := time.Now(); runtime.NumGoroutine() > before && time.Since(begun) < 10*time.Second; { // Eventually would be one more
		time.Sleep(time.Millisecond)
	}
	if left := runtime.NumGoroutine(); left > before {
		stacks := make([]byte, 1<<20)
		t.Fatalf("%d goroutines, %d before:\n%s", left, before, stacks[:runtime.Stack(stacks, true)])
	}
	_, err = c.Post(r.URL("ok"), "application/json", nil)
	require.Error(t, err)
}

// Memory stays bounded: of many large bodies the last are kept.
func TestOldCallsAreForgotten(t *testing.T) {
	r, c := start(t), client(t)
	large := bytes.Repeat([]byte("a"), 1<<20)
	for n := range 1100 {
		resp, err := c.Post(fmt.Sprintf("%s/%d", r.URL("ok"), n), "text/plain", bytes.NewReader(large[:65<<10]))
		require.NoError(t, err)
		resp.Body.Close()
	}
	calls := r.Calls()
	require.Equal(t, 1100, r.Total())
	require.Len(t, calls, 1024, "64 MiB of 64 KiB")
	require.Equal(t, "/ok/1099", calls[1023].Path)
	require.Len(t, calls[0].Body, 64<<10)
}
