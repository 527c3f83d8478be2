package smtp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/smtp"
)

const secret = "pass:w/rd"

func TestSigningInUnderTLS(t *testing.T) {
	for _, first := range []bool{true, false} {
		scheme := map[bool]string{true: "smtps", false: "smtp"}[first]
		for query, want := range map[string]struct {
			offered []string
			way     string
		}{
			"":              {[]string{"LOGIN", "PLAIN", "XOAUTH2"}, "PLAIN"},
			"?auth=auto":    {[]string{"LOGIN"}, "LOGIN"},
			"?auth=plain":   {[]string{"LOGIN", "PLAIN"}, "PLAIN"},
			"?auth=login":   {[]string{"PLAIN", "LOGIN"}, "LOGIN"},
			"?auth=xoauth2": {[]string{"PLAIN", "XOAUTH2"}, "XOAUTH2"},
		} {
			t.Run(scheme+query, func(t *testing.T) {
				server := serve(t, &sink{mechanisms: want.offered}, first, nil)
				s := sender(t, server.addr, withUser(scheme, secret)+query, nil)
				require.NoError(t, s.Send(t.Context(), letter()))
				require.Len(t, server.arrived(), 1)
				require.Equal(t, "user@example.org by "+want.way, server.arrived()[0].user)
			})
			t.Run(scheme+query+" refused", func(t *testing.T) {
				server := serve(t, &sink{mechanisms: want.offered}, first, nil)
				err := sender(t, server.addr, withUser(scheme, "wrong")+query, nil).Send(t.Context(), letter())
				require.EqualError(t, err, "signing in to the mail server: 535 5.7.8 Authentication failed")
				require.False(t, courier.IsPermanent(err), "an operator's mistake loses no mail")
				require.Zero(t, server.rcpts.Load())
			})
		}
	}
}

func TestWhatIsWantedAndNotOffered(t *testing.T) {
	server := serve(t, &sink{mechanisms: []string{"PLAIN"}}, true, nil)
	err := sender(t, server.addr, withUser("smtps", secret)+"?auth=xoauth2", nil).Send(t.Context(), letter())
	require.ErrorContains(t, err, "offers no way to sign in")
	require.False(t, courier.IsPermanent(err))
	require.NotContains(t, server.spoken(), "AUTH XOAUTH2")

	none := play(t, func(_ int64, command string) string { return usual(command) })
	require.NoError(t, sender(t, none.addr, withUser("smtp", secret)+"?disable_starttls=true", nil).Send(t.Context(), letter()),
		"a server that knows of no signing in")
	require.NotContains(t, strings.Join(none.commands, "\n"), "AUTH")
}

// The server is on this machine; its other address stands for another one.
func TestPasswordsDoNotTravelBare(t *testing.T) {
	address := ""
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			address = n.IP.String()
		}
	}
	for _, way := range []string{"plain", "login", "xoauth2", "auto"} {
		s := play(t, func(_ int64, command string) string {
			switch command {
			case "EHLO":
				return "250-hello\r\n250 AUTH PLAIN LOGIN XOAUTH2"
			case "AUTH":
				return "235 fine"
			}
			return usual(command)
		})
		uri := withUser("smtp", secret) + "?disable_starttls=true&auth=" + way
		if way != "login" { // whose two questions this server does not ask
			require.NoError(t, sender(t, s.addr, uri, nil).Send(t.Context(), letter()), "to this machine they may")
			require.Contains(t, strings.Join(s.commands, "\n"), "AUTH "+map[string]string{"plain": "PLAIN", "xoauth2": "XOAUTH2", "auto": "PLAIN"}[way])
		}
		if address == "" {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		require.NoError(t, err)
		t.Cleanup(func() { l.Close() })
		other := &script{answers: s.answers}
		go func() {
			if c, err := l.Accept(); err == nil {
				other.talk(t.Context(), c, 1)
			}
		}()
		err = sender(t, l.Addr().String(), uri, nil).Send(t.Context(), letter())
		require.ErrorContains(t, err, "not encrypted, so the password is not sent")
		require.False(t, courier.IsPermanent(err))
		other.mu.Lock()
		require.NotContains(t, strings.Join(other.commands, "\n"), "AUTH")
		other.mu.Unlock()
	}
}

func TestSTARTTLSIsRequired(t *testing.T) {
	s := play(t, func(_ int64, command string) string { return usual(command) })
	err := sender(t, s.addr, "smtp://ADDR/", nil).Send(t.Context(), letter())
	require.ErrorContains(t, err, "does not offer STARTTLS")
	require.False(t, courier.IsPermanent(err))
	require.NotContains(t, strings.Join(s.commands, "\n"), "MAIL")
}

// What a man in the middle puts behind the answer to STARTTLS is not believed.
func TestAnswersBeforeTLSAreForgotten(t *testing.T) {
	s := play(t, func(_ int64, command string) string {
		switch command {
		case "EHLO":
			return "250-hello\r\n250 STARTTLS"
		case "STARTTLS":
			return "220 go\r\n250-hello\r\n250 SMTPUTF8\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok"
		}
		return usual(command)
	})
	err := sender(t, s.addr, "smtp://ADDR/", nil).Send(t.Context(), letter())
	require.ErrorContains(t, err, "agreeing on TLS")
	require.Zero(t, s.ended.Load())
}

func TestCertificatesAreChecked(t *testing.T) {
	for _, first := range []bool{true, false} {
		scheme := map[bool]string{true: "smtps", false: "smtp"}[first]
		server := serve(t, &sink{}, first, nil)
		err := sender(t, server.addr, scheme+"://ADDR/?server_name=mail.example.org", nil).Send(t.Context(), letter())
		var name x509.HostnameError
		require.ErrorAs(t, err, &name)
		require.False(t, courier.IsPermanent(err))
		require.Empty(t, server.arrived())
		require.NoError(t, sender(t, server.addr, scheme+"://ADDR/?server_name=localhost", nil).Send(t.Context(), letter()))
		require.NoError(t, sender(t, server.addr, scheme+"://ADDR/?server_name=mail.example.org&skip_ssl_verify=true", nil).Send(t.Context(), letter()))
		require.Len(t, server.arrived(), 2)
	}
}

func TestClientCertificates(t *testing.T) {
	pool := x509.NewCertPool()
	pool.AddCert(authority.cert)
	cert, key := certificate(t, "client")
	for _, first := range []bool{true, false} {
		uri := map[bool]string{true: "smtps://ADDR/", false: "smtp://ADDR/"}[first]
		server := serve(t, &sink{}, first, func(s *gosmtp.Server) {
			s.TLSConfig.ClientCAs, s.TLSConfig.ClientAuth = pool, tls.RequireAndVerifyClientCert
		})
		err := sender(t, server.addr, uri, nil).Send(t.Context(), letter())
		require.ErrorContains(t, err, "certificate required")
		require.False(t, courier.IsPermanent(err))
		require.Empty(t, server.arrived())
		with := func(c *smtp.Config) { c.ClientCertPath, c.ClientKeyPath = cert, key }
		require.NoError(t, sender(t, server.addr, uri, with).Send(t.Context(), letter()))
		require.Len(t, server.arrived(), 1)
	}
}

func TestTLSOfTheWrongKind(t *testing.T) {
	starttls := serve(t, &sink{}, false, nil)
	err := sender(t, starttls.addr, "smtps://ADDR/", nil).Send(t.Context(), letter())
	require.ErrorContains(t, err, "agreeing on TLS")
	require.False(t, courier.IsPermanent(err))
}

func TestPrivateServersAreRefusedWhenSaid(t *testing.T) {
	server := serve(t, &sink{}, false, nil)
	_, port, err := net.SplitHostPort(server.addr)
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"} {
		err := sender(t, host+":"+port, plain, func(c *smtp.Config) { c.DisallowPrivate = true }).Send(t.Context(), letter())
		require.ErrorContains(t, err, "clients.smtp.disallow_private_ip_ranges", host)
		require.False(t, courier.IsPermanent(err))
	}
	for _, host := range []string{"10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"} {
		err := sender(t, host+":25", plain, func(c *smtp.Config) { c.DisallowPrivate, c.AllowLoopback = true, true }).Send(t.Context(), letter())
		require.ErrorContains(t, err, "clients.smtp.disallow_private_ip_ranges", host)
	}
	require.Zero(t, server.conns.Load())
	require.NoError(t, sender(t, server.addr, plain, func(c *smtp.Config) { c.DisallowPrivate, c.AllowLoopback = true, true }).Send(t.Context(), letter()))
}

func TestAServerThatHangs(t *testing.T) {
	for _, at := range []string{"", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "."} {
		name := at
		if at == "" {
			name = "greeting"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, func(_ int64, command string) string {
				switch {
				case command == at:
					return "hang"
				case command == "EHLO" && at == "STARTTLS":
					return "250-hello\r\n250 STARTTLS"
				case command == "EHLO" && at == "AUTH":
					return "250-hello\r\n250 AUTH PLAIN"
				}
				return usual(command)
			})
			uri := withUser("smtp", secret) + "?disable_starttls=" + fmt.Sprint(at != "STARTTLS")
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			err := sender(t, s.addr, uri, nil).Send(ctx, letter())
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "no answer in time")
			require.False(t, courier.IsPermanent(err))
			require.EqualValues(t, 1, s.conns.Load(), "and it was tried once")

			err = sender(t, s.addr, uri, func(c *smtp.Config) { c.Timeout = 100 * time.Millisecond }).Send(t.Context(), letter())
			require.ErrorIs(t, err, context.DeadlineExceeded, "its own deadline does the same")

			ctx, cancel = context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			err = sender(t, s.addr, uri, nil).Send(ctx, letter())
			require.ErrorIs(t, err, context.Canceled)
		})
	}
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		s := play(t, func(int64, string) string { return "hang" })
		err := sender(t, s.addr, "smtps://ADDR/", func(c *smtp.Config) { c.Timeout = 100 * time.Millisecond }).Send(t.Context(), letter())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "agreeing on TLS")
	})
}

func TestAServerThatTalksWithoutAnEnd(t *testing.T) {
	for _, at := range []string{"", "EHLO", "MAIL", "RCPT", "."} {
		s := play(t, func(_ int64, command string) string {
			if command == at {
				return strings.Repeat("250-"+strings.Repeat("x", 1000)+"\r\n", 3000)
			}
			return usual(command)
		})
		err := sender(t, s.addr, plain, nil).Send(t.Context(), letter())
		require.ErrorContains(t, err, "talks without an end", at)
		require.Less(t, len(err.Error()), 700)
		require.False(t, courier.IsPermanent(err))
	}
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	err = sender(t, addr, plain, nil).Send(t.Context(), letter())
	require.ErrorContains(t, err, "connecting to the mail server: ")
	require.False(t, courier.IsPermanent(err))
	require.False(t, errors.Is(err, context.DeadlineExceeded))
}

func TestALongLivedConnectionMayHearMuchInAll(t *testing.T) {
	s := play(t, func(_ int64, command string) string {
		if command == "MAIL" {
			return strings.Repeat("250-"+strings.Repeat("x", 1000)+"\r\n", 300) + "250 ok"
		}
		return usual(command)
	})
	to := sender(t, s.addr, plain, nil)
	for range 5 {
		require.NoError(t, to.Send(t.Context(), letter()))
	}
	require.EqualValues(t, 1, s.conns.Load())
}
