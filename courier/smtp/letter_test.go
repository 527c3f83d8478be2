package smtp_test

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/smtp"
)

// parts decodes a multipart mail.
func parts(t *testing.T, m *mail.Message) (types, bodies []string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return types, bodies
		}
		require.NoError(t, err)
		require.Equal(t, "quoted-printable", p.Header.Get("Content-Transfer-Encoding"))
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		require.NoError(t, err)
		types, bodies = append(types, p.Header.Get("Content-Type")), append(bodies, string(body))
	}
}

func TestALetterAsMail(t *testing.T) {
	server := serve(t, &sink{}, false, nil)
	s := sender(t, server.addr, plain, func(c *smtp.Config) {
		c.Headers = map[string]string{"X-Set": "größe", "Reply-To": "help@example.org"}
	})
	l := letter()
	l.MessageID = uuid.FromStringOrNil("6e0e3f2a-6f0b-4a3a-9a63-1f1f4c1f0a11")
	l.Subject = "Bestätige deine Adresse, bitte – с уважением 你好"
	l.Text = "Grüße,\nhier ist dein Code: 123456\n.\n..\nFrom here\n"
	l.HTML = "<p>Grüße</p>\n"
	require.NoError(t, s.Send(t.Context(), l))
	require.NoError(t, s.Send(t.Context(), l))
	got := server.arrived()
	require.Len(t, got, 2)
	require.Equal(t, "no-reply@accounts.example.org", got[0].from)
	require.Equal(t, []string{"ada@example.com"}, got[0].to)

	m, err := mail.ReadMessage(strings.NewReader(got[0].data))
	require.NoError(t, err)
	var names []string
	for name := range m.Header {
		names = append(names, name)
		require.Len(t, m.Header[name], 1, name)
	}
	slices.Sort(names)
	require.Equal(t, []string{
		"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To",
		"X-Auto-Response-Suppress", "X-Set",
	}, names, "these headers and no other: no user agent")
	decode := func(name string) string {
		text, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		require.NoError(t, err)
		return text
	}
	require.Equal(t, l.Subject, decode("Subject"))
	require.Equal(t, "größe", decode("X-Set"))
	require.Equal(t, "<6e0e3f2a-6f0b-4a3a-9a63-1f1f4c1f0a11@accounts.example.org>", m.Header.Get("Message-Id"))
	require.Equal(t, "auto-generated", m.Header.Get("Auto-Submitted"))
	require.Equal(t, "All", m.Header.Get("X-Auto-Response-Suppress"))
	require.Equal(t, "<ada@example.com>", m.Header.Get("To"))
	from, err := m.Header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, []*mail.Address{{Name: "Bücher & Co", Address: "no-reply@accounts.example.org"}}, from)
	_, err = m.Header.Date()
	require.NoError(t, err)

	types, bodies := parts(t, m)
	require.Equal(t, []string{"text/plain; charset=UTF-8", "text/html; charset=UTF-8"}, types, "the better one last")
	require.Equal(t, []string{l.Text, l.HTML}, []string{strings.ReplaceAll(bodies[0], "\r\n", "\n"), strings.ReplaceAll(bodies[1], "\r\n", "\n")})
	for line := range strings.SplitSeq(got[0].data, "\r\n") {
		require.LessOrEqual(t, len(line), 78)
		require.NotRegexp(t, regexp.MustCompile(`[^ -~\t]`), line, "ASCII only")
	}
	host, err := os.Hostname()
	require.NoError(t, err)
	require.NotRegexp(t, `(?i)\b`+regexp.QuoteMeta(host)+`\b`, server.spoken(), "the machine's name stays here")
	require.Contains(t, server.spoken(), "EHLO accounts.example.org\r\n")
	require.NotContains(t, server.spoken(), "go-mail")

	again, err := mail.ReadMessage(strings.NewReader(got[1].data))
	require.NoError(t, err)
	require.Equal(t, m.Header.Get("Message-Id"), again.Header.Get("Message-Id"), "the same at every attempt")
}

func TestALetterOfTextAlone(t *testing.T) {
	server := serve(t, &sink{}, false, nil)
	s := sender(t, server.addr, plain, func(c *smtp.Config) { c.FromName = "" })
	l := letter()
	l.HTML = ""
	require.NoError(t, s.Send(t.Context(), l))
	m, err := mail.ReadMessage(strings.NewReader(server.arrived()[0].data))
	require.NoError(t, err)
	require.Equal(t, "text/plain; charset=UTF-8", m.Header.Get("Content-Type"))
	require.Equal(t, "<no-reply@accounts.example.org>", m.Header.Get("From"))
}

func TestALetterWithoutIDIsNotSent(t *testing.T) {
	server := serve(t, &sink{}, false, nil)
	l := letter()
	l.MessageID = uuid.Nil
	err := sender(t, server.addr, plain, nil).Send(t.Context(), l)
	require.True(t, courier.IsPermanent(err))
	require.Zero(t, server.conns.Load())
}

// Whatever a person calls himself, a mail has its recipient and its headers.
func TestHostileTextsAddNothing(t *testing.T) {
	server := serve(t, &sink{}, false, func(s *gosmtp.Server) { s.MaxLineLength = 1000 })
	s := sender(t, server.addr, plain, nil)
	all := corpus(t, "texts.txt", 100)
	require.GreaterOrEqual(t, len(all)+len(corpus(t, "recipients_refused.txt", 1)), 300)
	known := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To", "X-Auto-Response-Suppress"}
	for i, text := range all {
		l := letter()
		l.Subject, l.Text, l.HTML = text, text, "<p>"+text
		require.NoError(t, s.Send(t.Context(), l), "%q", text)
		got := server.arrived()
		require.Len(t, got, i+1, "%q", text)
		require.Equal(t, []string{"ada@example.com"}, got[i].to)
		m, err := mail.ReadMessage(strings.NewReader(got[i].data))
		require.NoError(t, err, "%q", text)
		for name, values := range m.Header {
			require.Contains(t, known, name, "%q", text)
			require.Len(t, values, 1)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		require.NoError(t, err)
		require.NotRegexp(t, `[\x00-\x1f\x7f]`, subject)
		_, bodies := parts(t, m)
		require.Len(t, bodies, 2, "%q", text)
		want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
		require.Equal(t, want, strings.ReplaceAll(bodies[0], "\r\n", "\n"), "the body arrives as it was")
	}
	require.EqualValues(t, len(all), server.rcpts.Load(), "no recipient more")
	require.EqualValues(t, len(all), server.froms.Load(), "and no mail more")
}
