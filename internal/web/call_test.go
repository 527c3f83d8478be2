package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

func TestCallsAreRefusedByKey(t *testing.T) {
	const hidden = "hidden"
	bearer := func(token string) func(*web.Call) {
		return func(c *web.Call) { c.Auth = web.Auth{Type: "bearer", Token: token} }
	}
	header := func(name, value string) func(*web.Call) {
		return func(c *web.Call) { c.Headers = map[string]string{name: value} }
	}
	for name, one := range map[string]struct {
		change func(*web.Call)
		key    string
	}{
		"no URL":         {func(c *web.Call) { c.URL = "" }, "url"},
		"relative":       {func(c *web.Call) { c.URL = "/" + hidden }, "url"},
		"other scheme":   {func(c *web.Call) { c.URL = "file://x/" + hidden }, "url"},
		"user in URL":    {func(c *web.Call) { c.URL = "https://ada:hidden@hooks.example.net/" }, "url"},
		"HEAD":           {func(c *web.Call) { c.Method = "HEAD" }, "method"},
		"CONNECT":        {func(c *web.Call) { c.Method = "CONNECT" }, "method"},
		"lower case":     {func(c *web.Call) { c.Method = "post" }, "method"},
		"header name":    {header("X:A", hidden), "headers.X:A"},
		"header value":   {header("X-A", hidden+"\nX: y"), "headers.X-A"},
		"id":             {header("webhook-id", hidden), "headers.webhook-id"},
		"timestamp":      {header("Webhook-Timestamp", hidden), "headers.Webhook-Timestamp"},
		"signature":      {header("WEBHOOK-SIGNATURE", hidden), "headers.WEBHOOK-SIGNATURE"},
		"request id":     {header("Ory-Webhook-Request-ID", hidden), "headers.Ory-Webhook-Request-ID"},
		"trigger id":     {header("Ory-Webhook-Trigger-ID", hidden), "headers.Ory-Webhook-Trigger-ID"},
		"idempotency":    {header("Idempotency-Key", hidden), "headers.Idempotency-Key"},
		"host":           {header("host", hidden), "headers.host"},
		"other auth":     {func(c *web.Call) { c.Auth.Type = hidden }, "auth.type"},
		"no token":       {bearer(""), "auth.config.token"},
		"token of two":   {bearer(hidden + " " + hidden), "auth.config.token"},
		"token of lines": {bearer(hidden + "\r\nX: y"), "auth.config.token"},
		"reserved key": {func(c *web.Call) {
			c.Auth = web.Auth{Type: "api_key", In: "header", Name: "Webhook-Signature", Value: hidden}
		}, "auth.config.name"},
	} {
		t.Run(name, func(t *testing.T) {
			c := web.Call{URL: "https://hooks.example.net/", Method: "POST"}
			require.Empty(t, c.Faults())
			one.change(&c)
			faults := c.Faults()
			require.Len(t, faults, 1)
			require.Equal(t, one.key, faults[0].Key)
			require.NotContains(t, faults[0].Reason, hidden)
		})
	}
	require.Equal(t, "headers.X A: x", (&web.KeyError{Key: "headers.X\r\nA", Reason: "x"}).Error(), "one line")
}

func TestCallsBecomeRequests(t *testing.T) {
	for _, method := range []string{"", "GET", "POST", "PUT", "PATCH", "DELETE"} {
		c := web.Call{URL: "https://hooks.example.net/a?b=c", Method: method, Headers: map[string]string{"x-own": "1"}}
		require.Empty(t, c.Faults(), method)
		r, err := c.Request(t.Context(), []byte(`{}`))
		require.NoError(t, err)
		if method == "" {
			method = "POST"
		}
		require.Equal(t, method, r.Method)
		require.Equal(t, "https://hooks.example.net/a?b=c", r.URL.String())
		require.Equal(t, http.Header{"Content-Type": {"application/json"}, "User-Agent": {""}, "X-Own": {"1"}}, r.Header)
		require.EqualValues(t, 2, r.ContentLength)
		for range 2 {
			again, err := r.GetBody()
			require.NoError(t, err)
			b, err := io.ReadAll(again)
			require.NoError(t, err)
			require.Equal(t, "{}", string(b))
		}
	}
	r, err := web.Call{URL: "https://hooks.example.net/"}.Request(t.Context(), nil)
	require.NoError(t, err)
	require.Nil(t, r.Body)
	require.Empty(t, r.Header.Values("Content-Type"), "there is nothing it could be of")
	r, err = web.Call{URL: "https://hooks.example.net/", Headers: map[string]string{"content-type": "application/vnd.x+json"}}.Request(t.Context(), []byte{})
	require.NoError(t, err)
	require.Equal(t, []string{"application/vnd.x+json"}, r.Header.Values("Content-Type"))
	_, err = web.Call{URL: "https://hooks.example.net/\x00hidden"}.Request(t.Context(), nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hidden")
}

func TestCallsSayWhoTheyAreOf(t *testing.T) {
	for auth, want := range map[web.Auth][2]string{
		{}: {"Authorization", ""},
		{Type: "basic_auth", User: "ada", Password: "p:w"}:                           {"Authorization", "Basic YWRhOnA6dw=="},
		{Type: "bearer", Token: "t.o-k_e~n=="}:                                       {"Authorization", "Bearer t.o-k_e~n=="},
		{Type: "api_key", In: "header", Name: "x-key", Value: "a b"}:                 {"X-Key", "a b"},
		{Type: "api_key", In: "cookie", Name: "key", Value: "k"}:                     {"Cookie", "key=k"},
		{Type: "api_key", In: "header", Name: "Authorization", Value: "Token other"}: {"Authorization", "Token other"},
	} {
		c := web.Call{URL: "https://hooks.example.net/", Headers: map[string]string{"Authorization-Not": "x"}, Auth: auth}
		require.Empty(t, c.Faults())
		r, err := c.Request(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, want[1], strings.Join(r.Header.Values(want[0]), ","), auth)
	}
}
