package smtp_test

import (
	"bufio"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
)

// corpus reads quoted strings, one a line.
func corpus(t *testing.T, name string, least int) (all []string) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			s, err := strconv.Unquote(line)
			require.NoError(t, err, line)
			all = append(all, s)
		}
	}
	require.NoError(t, lines.Err())
	require.GreaterOrEqual(t, len(all), least)
	return all
}

func TestHostileRecipientsAreRefusedForGood(t *testing.T) {
	server := serve(t, &sink{}, false, func(s *gosmtp.Server) { s.EnableSMTPUTF8 = true })
	s := sender(t, server.addr, plain, nil)
	for _, to := range corpus(t, "recipients_refused.txt", 200) {
		l := letter()
		l.Recipient = to
		err := s.Send(t.Context(), l)
		require.Error(t, err, "%q", to)
		require.True(t, courier.IsPermanent(err), "%q: %v", to, err)
		require.NotContains(t, err.Error(), "\n")
	}
	require.Zero(t, server.conns.Load(), "nothing was said to a server")
}

func TestOddRecipientsThatAreFine(t *testing.T) {
	server := serve(t, &sink{}, false, func(s *gosmtp.Server) { s.EnableSMTPUTF8 = true })
	s := sender(t, server.addr, plain, nil)
	for to, want := range map[string]string{
		"ada@example.com":                   "ada@example.com",
		"Ada.Lovelace+tag@Example.COM":      "Ada.Lovelace+tag@example.com",
		"o'hara@example.com":                "o'hara@example.com",
		"a=b_c-d/e{f}@example.com":          "a=b_c-d/e{f}@example.com",
		"root@localhost":                    "root@localhost",
		"info@bücher.example":               "info@xn--bcher-kva.example",
		"info@xn--bcher-kva.example":        "info@xn--bcher-kva.example",
		"jörg@bücher.example":               "jörg@xn--bcher-kva.example",
		"用户@例子.example":                     "用户@xn--fsqu00a.example",
		strings.Repeat("a", 64) + "@a.test": strings.Repeat("a", 64) + "@a.test",
	} {
		before := len(server.arrived())
		l := letter()
		l.Recipient = to
		require.NoError(t, s.Send(t.Context(), l), to)
		got := server.arrived()[before:]
		require.Len(t, got, 1)
		require.Equal(t, []string{want}, got[0].to)
		require.Equal(t, strings.ContainsAny(want, "ö用"), got[0].utf8, "SMTPUTF8 is asked for only where it is needed")
		m, err := mail.ReadMessage(strings.NewReader(got[0].data))
		require.NoError(t, err)
		header, err := m.Header.AddressList("To")
		require.NoError(t, err)
		require.Len(t, header, 1)
		require.Equal(t, want, header[0].Address)
	}
}

func TestAddressesBeyondASCIINeedTheServersConsent(t *testing.T) {
	server := serve(t, &sink{}, false, nil)
	s := sender(t, server.addr, plain, nil)
	l := letter()
	l.Recipient = "jörg@example.com"
	err := s.Send(t.Context(), l)
	require.ErrorContains(t, err, "does not take addresses beyond ASCII")
	require.True(t, courier.IsPermanent(err))
	require.NotContains(t, server.spoken(), "RCPT")
	require.NoError(t, s.Send(t.Context(), letter()))
	require.EqualValues(t, 1, server.conns.Load(), "the connection is as good as before")
}
