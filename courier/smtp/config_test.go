package smtp_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier/smtp"
	"github.com/foyer-id/foyer/internal/web"
)

func TestConfigIsRefusedByKey(t *testing.T) {
	cert, key := certificate(t, "client")
	for name, one := range map[string]struct {
		change func(*smtp.Config)
		key    string
		why    string
	}{
		"no URI":             {func(c *smtp.Config) { c.ConnectionURI = "" }, "connection_uri", "missing"},
		"other scheme":       {func(c *smtp.Config) { c.ConnectionURI = "http://localhost" }, "connection_uri", "smtp://"},
		"no host":            {func(c *smtp.Config) { c.ConnectionURI = "smtp://:25/" }, "connection_uri", "no host"},
		"no URL":             {func(c *smtp.Config) { c.ConnectionURI = "smtp://u:hidden%zz@localhost" }, "connection_uri", "percent-encoded"},
		"password in port":   {func(c *smtp.Config) { c.ConnectionURI = "smtp://u:hidden/x@localhost:25/" }, "connection_uri", "percent-encoded"},
		"port":               {func(c *smtp.Config) { c.ConnectionURI = "smtp://localhost:70000/" }, "connection_uri", "port"},
		"path":               {func(c *smtp.Config) { c.ConnectionURI = "smtp://localhost:25/inbox" }, "connection_uri", "path"},
		"parameter":          {func(c *smtp.Config) { c.ConnectionURI = "smtp://localhost/?legacy=true" }, "connection_uri", "query parameter that is none of"},
		"password in query":  {func(c *smtp.Config) { c.ConnectionURI = "smtp://u:12?hidden@localhost/" }, "connection_uri", "query parameter that is none of"},
		"in one given twice": {func(c *smtp.Config) { c.ConnectionURI = "smtp://u:12?hidden&hidden@localhost/" }, "connection_uri", "query parameter that is none of"},
		"legacy without TLS": {func(c *smtp.Config) { c.ConnectionURI = "smtp://localhost/?legacy_ssl=true" }, "connection_uri", "legacy_ssl is for smtps"},
		"parameter twice":    {func(c *smtp.Config) { c.ConnectionURI = "smtp://localhost/?auth=none&auth=none" }, "connection_uri", "twice"},
		"bool":               {func(c *smtp.Config) { c.ConnectionURI = "smtp://localhost/?skip_ssl_verify=yes" }, "connection_uri", "skip_ssl_verify"},
		"server_name":        {func(c *smtp.Config) { c.ConnectionURI = "smtp://localhost/?server_name=a%0Ab" }, "connection_uri", "server_name"},
		"auth":               {func(c *smtp.Config) { c.ConnectionURI = "smtp://u:hidden@localhost/?auth=ntlm" }, "connection_uri", "auth"},
		"auth without user":  {func(c *smtp.Config) { c.ConnectionURI = "smtp://localhost/?auth=login" }, "connection_uri", "auth=login"},
		"user with no auth":  {func(c *smtp.Config) { c.ConnectionURI = "smtp://u:hidden@localhost/?auth=none" }, "connection_uri", "auth=none"},
		"user alone":         {func(c *smtp.Config) { c.ConnectionURI = "smtp://u@localhost/" }, "connection_uri", "together"},
		"control in user":    {func(c *smtp.Config) { c.ConnectionURI = "smtp://u%0D%0A:hidden@localhost/" }, "connection_uri", "control"},
		"no from":            {func(c *smtp.Config) { c.FromAddress = "" }, "from_address", "@"},
		"from with name":     {func(c *smtp.Config) { c.FromAddress = "Me <me@example.org>" }, "from_address", "space"},
		"two from":           {func(c *smtp.Config) { c.FromAddress = "me@example.org,you@example.org" }, "from_address", "@"},
		"from beyond ASCII":  {func(c *smtp.Config) { c.FromAddress = "jörg@example.org" }, "from_address", "ASCII"},
		"name with a break":  {func(c *smtp.Config) { c.FromName = "a\r\nBcc: x@example.org" }, "from_name", "control"},
		"long name":          {func(c *smtp.Config) { c.FromName = strings.Repeat("a", 300) }, "from_name", "longer"},
		"local name":         {func(c *smtp.Config) { c.LocalName = "a b" }, "local_name", "host name"},
		"local with a break": {func(c *smtp.Config) { c.LocalName = "a\r\nMAIL" }, "local_name", "host name"},
		"certificate alone":  {func(c *smtp.Config) { c.ClientCertPath = cert }, "client_cert_path", "no key"},
		"key alone":          {func(c *smtp.Config) { c.ClientKeyPath = key }, "client_key_path", "no certificate"},
		"no such file":       {func(c *smtp.Config) { c.ClientCertPath, c.ClientKeyPath = "/nowhere.pem", key }, "client_cert_path", "nowhere"},
		"swapped":            {func(c *smtp.Config) { c.ClientCertPath, c.ClientKeyPath = key, cert }, "client_cert_path", "PEM"},
		"header value":       {func(c *smtp.Config) { c.Headers = map[string]string{"X-A": "b\nBcc: x@example.org"} }, "headers.X-A", "one line"},
		"header name":        {func(c *smtp.Config) { c.Headers = map[string]string{"X A": "b"} }, "headers.X A", "no name"},
		"header break":       {func(c *smtp.Config) { c.Headers = map[string]string{"X-A:\r\nBcc": "b"} }, "headers.X-A: Bcc", "no name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := smtp.New(config("localhost:25", plain, one.change))
			require.ErrorContains(t, err, "courier.smtp."+one.key+": ")
			require.ErrorContains(t, err, one.why)
			require.NotContains(t, err.Error(), "hidden")
			require.NotContains(t, err.Error(), "\n", "one thing is wrong")
		})
	}
	for _, header := range []string{
		"From", "to", "CC", "Bcc", "Subject", "Message-ID", "message-id", "Date", "MIME-Version", "Content-Type", "content-transfer-encoding",
		"Return-Path", "Received", "Resent-To", "Sender", "Auto-Submitted",
	} {
		_, err := smtp.New(config("localhost:25", plain, func(c *smtp.Config) { c.Headers = map[string]string{header: "x"} }))
		require.ErrorContains(t, err, "courier.smtp.headers."+header+": is written by", header)
	}
}

func TestConfigNamesAllThatIsWrong(t *testing.T) {
	_, err := smtp.New(smtp.Config{ConnectionURI: "x", FromName: "\x00"})
	require.ErrorContains(t, err, "courier.smtp.connection_uri")
	require.ErrorContains(t, err, "courier.smtp.from_address")
	require.ErrorContains(t, err, "courier.smtp.from_name")
	require.NotContains(t, err.Error(), "courier.smtp.headers")
}

// The settings can be judged before there are files, as on another machine.
func TestFaultsNeedNoFile(t *testing.T) {
	c := config("", "smtp://mail", func(c *smtp.Config) { c.ClientCertPath, c.ClientKeyPath = "/nowhere.pem", "/nowhere.key" })
	require.Empty(t, c.Faults())
	c.FromName = "a\nb"
	require.Equal(t, []*web.KeyError{{Key: "from_name", Reason: "must be one line, without control characters"}}, c.Faults())
}

func TestConfigThatIsFine(t *testing.T) {
	cert, key := certificate(t, "client")
	for _, uri := range []string{
		"smtp://localhost", "smtp://localhost:25", "smtps://u:p@localhost/", "smtps://u:p@[::1]:465/?skip_ssl_verify=true",
		"smtp://u%40example.org:p%2F%3A@mail.example.org:587/?server_name=mx.example.org&auth=xoauth2",
		"smtps://localhost/?disable_starttls=true", "smtps://test:test@mailslurper:1025/?skip_ssl_verify=true&legacy_ssl=true", "smtp://localhost/?auth=none&disable_starttls=false",
	} {
		_, err := smtp.New(config("", uri, func(c *smtp.Config) {
			c.ClientCertPath, c.ClientKeyPath = cert, key
			c.Headers = map[string]string{"X-SES-CONFIGURATION-SET": "accounts", "Reply-To": "help@example.org"}
			c.LocalName = ""
		}))
		require.NoError(t, err, uri)
	}
}
