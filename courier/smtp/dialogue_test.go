package smtp_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/smtp"
)

func TestDialogueThatEndsWell(t *testing.T) {
	for _, first := range []bool{true, false} {
		scheme := map[bool]string{true: "smtps", false: "smtp"}[first]
		for _, way := range []string{"plain", "login", "xoauth2"} {
			server := serve(t, &sink{mechanisms: []string{"PLAIN", "LOGIN", "XOAUTH2"}}, first, nil)
			s := sender(t, server.addr, withUser(scheme, secret)+"?auth="+way, nil)
			var out bytes.Buffer
			require.NoError(t, s.Dialogue(t.Context(), "ada@example.com", &out))
			said := out.String()
			for _, line := range []string{
				"* Connecting to 127.0.0.1, port ", "S: 220 mail.example.net ESMTP Service Ready\n", "C: EHLO accounts.example.org\n",
				"* The connection is encrypted with TLS 1.3.\n", "* The server's certificate is for localhost, 127.0.0.1, issued by CN=Test authority, valid until ",
				"S: PIPELINING\n", "* Signing in by " + strings.ToUpper(way) + ".\n", "C: <SMTP auth data redacted>\n", "S: 235 ",
				"C: MAIL FROM:<no-reply@accounts.example.org>", "C: RCPT TO:<ada@example.com>\n", "S: 354 ", "C: (the message, ",
				"S: 250 2.0.0 OK: queued\n", "C: QUIT\n", "S: 221 ",
			} {
				require.Contains(t, said, line)
			}
			require.True(t, strings.HasSuffix(said, "\n* The server has accepted the mail to ada@example.com.\n"), said)
			require.Equal(t, !first, strings.Contains(said, "C: STARTTLS\nS: 220 "))
			for _, hidden := range []string{
				secret, "user@example.org", base64.StdEncoding.EncodeToString([]byte(secret)),
				base64.StdEncoding.EncodeToString([]byte("\x00user@example.org\x00" + secret)),
			} {
				require.NotContains(t, said, hidden)
			}
			require.Len(t, server.arrived(), 1)
			require.Contains(t, server.arrived()[0].data, "Subject: Test mail\r\n")
		}
	}
}

func TestDialogueSaysWhatToLookAt(t *testing.T) {
	pool := x509.NewCertPool()
	pool.AddCert(authority.cert)
	answers := func(at, answer string) func(t *testing.T) string {
		return func(t *testing.T) string {
			return play(t, func(_ int64, command string) string {
				if command == at {
					return answer
				}
				return usual(command)
			}).addr
		}
	}
	real := func(first bool, change func(*gosmtp.Server)) func(t *testing.T) string {
		return func(t *testing.T) string {
			return serve(t, &sink{mechanisms: []string{"PLAIN"}}, first, change).addr
		}
	}
	for name, one := range map[string]struct {
		server func(t *testing.T) string
		uri    string
		change func(*smtp.Config)
		says   []string
	}{
		"nobody there": {func(*testing.T) string { return "127.0.0.1:1" }, plain, nil, []string{"connecting", "connection_uri", "host and port"}},
		"private":      {real(false, nil), plain, func(c *smtp.Config) { c.DisallowPrivate = true }, []string{"clients.smtp.disallow_private_ip_ranges"}},
		"no STARTTLS":  {answers("x", ""), "smtp://ADDR/", nil, []string{"STARTTLS", "disable_starttls"}},
		"not TLS":      {real(false, nil), "smtps://ADDR/", nil, []string{"connection_uri", "smtp:// may be right"}},
		"TLS":          {real(true, nil), "smtp://ADDR/", nil, []string{"greeting", "smtps://"}},
		"silent":       {answers("", "hang"), plain, nil, []string{"no answer in time", "connection_uri", "smtps://"}},
		"certificate":  {real(false, nil), "smtp://ADDR/?server_name=mx.example.org", nil, []string{"certificate", "server_name"}},
		"ours": {real(true, func(s *gosmtp.Server) {
			s.TLSConfig.ClientCAs, s.TLSConfig.ClientAuth = pool, tls.RequireAndVerifyClientCert
		}), "smtps://ADDR/", nil, []string{"client_cert_path"}},
		"password":      {real(true, nil), withUser("smtps", "wrong"), nil, []string{"535 5.7.8", "user name and password", "connection_uri"}},
		"who are you":   {answers("EHLO", "drop"), plain, nil, []string{"local_name"}},
		"sign in first": {answers("MAIL", "530 5.7.0 Must issue STARTTLS first"), plain, nil, []string{"530 5.7.0", "disable_starttls", "connection_uri"}},
		"sender":        {answers("MAIL", "550 5.7.1 Not yours"), plain, nil, []string{"S: 550 5.7.1 Not yours", "from_address"}},
		"recipient":     {answers("RCPT", "550 5.7.1 Relaying denied"), plain, nil, []string{"S: 550 5.7.1 Relaying denied", "recipient"}},
		"message":       {answers(".", "554 5.7.1 Spam"), plain, nil, []string{"S: 554 5.7.1 Spam", "judged the mail"}},
		"control bytes": {answers("RCPT", "550 \x1b]0;x\x07no"), plain, nil, []string{"S: 550 ]0;x no"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := sender(t, one.server(t), one.uri, func(c *smtp.Config) {
				c.Timeout = 500 * time.Millisecond
				if one.change != nil {
					one.change(c)
				}
			})
			var out bytes.Buffer
			err := s.Dialogue(t.Context(), "ada@example.com", &out)
			require.Error(t, err)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			last := lines[len(lines)-1]
			require.True(t, strings.HasPrefix(last, "* Failed while "), last)
			for _, words := range one.says {
				require.Contains(t, out.String(), words)
			}
			require.Contains(t, last, "Look at ")
			require.NotContains(t, out.String(), "accepted the mail")
			require.NotRegexp(t, `[\x00-\x09\x0b-\x1f]`, out.String())
			require.NotContains(t, out.String(), "wrong")
		})
	}
}

func TestDialogueWithABadAddress(t *testing.T) {
	server := serve(t, &sink{}, false, nil)
	var out bytes.Buffer
	err := sender(t, server.addr, plain, nil).Dialogue(t.Context(), "a@example.com,b@example.com", &out)
	require.True(t, courier.IsPermanent(err))
	require.Regexp(t, `^\* Not sent: .+example\.org\.\n$`, out.String())
	require.Zero(t, server.conns.Load())
}
