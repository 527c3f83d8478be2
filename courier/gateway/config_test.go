package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier/gateway"
	"github.com/foyer-id/foyer/internal/web"
)

func TestConfigIsRefusedByKey(t *testing.T) {
	const hidden = "hidden"
	for name, one := range map[string]struct {
		change func(*gateway.Config)
		key    string
	}{
		"no URL":          {func(c *gateway.Config) { c.URL = "" }, "url"},
		"other scheme":    {func(c *gateway.Config) { c.URL = "ftp://gateway.example.net/" }, "url"},
		"no host":         {func(c *gateway.Config) { c.URL = "https:///send" }, "url"},
		"user in URL":     {func(c *gateway.Config) { c.URL = "https://ada:hidden@gateway.example.net/" }, "url"},
		"control in URL":  {func(c *gateway.Config) { c.URL = "https://gateway.example.net/\nhidden" }, "url"},
		"GET":             {func(c *gateway.Config) { c.Method = "GET" }, "method"},
		"lower case":      {func(c *gateway.Config) { c.Method = "post" }, "method"},
		"header name":     {func(c *gateway.Config) { c.Headers = map[string]string{"X A": hidden} }, "headers.X A"},
		"header value":    {func(c *gateway.Config) { c.Headers = map[string]string{"X-A": hidden + "\r\nX: y"} }, "headers.X-A"},
		"one key for all": {func(c *gateway.Config) { c.Headers = map[string]string{"idempotency-key": hidden} }, "headers.idempotency-key"},
		"host":            {func(c *gateway.Config) { c.Headers = map[string]string{"Host": hidden} }, "headers.Host"},
		"length":          {func(c *gateway.Config) { c.Headers = map[string]string{"Content-Length": "1"} }, "headers.Content-Length"},
		"content type":    {func(c *gateway.Config) { c.Headers = map[string]string{"Content-Type": "text/xml"} }, "headers.Content-Type"},
		"auth":            {func(c *gateway.Config) { c.Auth = web.Auth{Type: "digest"} }, "auth.type"},
		"basic alone":     {func(c *gateway.Config) { c.Auth = web.Auth{Type: "basic_auth", User: "a"} }, "auth.config.password"},
		"basic colon":     {func(c *gateway.Config) { c.Auth = web.Auth{Type: "basic_auth", User: "a:b", Password: hidden} }, "auth.config.user"},
		"nowhere":         {func(c *gateway.Config) { c.Auth = web.Auth{Type: "api_key", Name: "k", Value: hidden} }, "auth.config.in"},
		"no name":         {func(c *gateway.Config) { c.Auth = web.Auth{Type: "api_key", In: "header", Value: hidden} }, "auth.config.name"},
		"no value":        {func(c *gateway.Config) { c.Auth = web.Auth{Type: "api_key", In: "header", Name: "k"} }, "auth.config.value"},
		"reserved name": {func(c *gateway.Config) {
			c.Auth = web.Auth{Type: "api_key", In: "header", Name: "Idempotency-Key", Value: hidden}
		}, "auth.config.name"},
		"cookie value": {func(c *gateway.Config) {
			c.Auth = web.Auth{Type: "api_key", In: "cookie", Name: "k", Value: hidden + "; a=b"}
		}, "auth.config.value"},
		"no evaluator": {func(c *gateway.Config) { c.Body = "function(ctx) ctx" }, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			c := gateway.Config{Call: web.Call{URL: "https://gateway.example.net/send"}}
			one.change(&c)
			_, err := gateway.New(c, nil, nil)
			require.ErrorContains(t, err, "request_config."+one.key+": ")
			require.NotContains(t, err.Error(), hidden)
			require.NotContains(t, err.Error(), "\n", "one thing is wrong")
		})
	}
}

func TestConfigNamesAllThatIsWrong(t *testing.T) {
	_, err := gateway.New(gateway.Config{Call: web.Call{Method: "x", Auth: web.Auth{Type: "x"}}}, nil, nil)
	for _, key := range []string{"url", "method", "auth.type"} {
		require.ErrorContains(t, err, "request_config."+key+": ")
	}
	require.NotContains(t, err.Error(), "headers")
}
