package smtp_test

import (
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
)

func TestWhatAServerAnswers(t *testing.T) {
	for name, one := range map[string]struct {
		at, answer string
		final      bool
		text       string
	}{
		"no such user":        {"RCPT", "550 5.1.1 No such user here", true, "naming the recipient: 550 5.1.1 No such user here"},
		"several lines":       {"RCPT", "550-5.1.1 No such user\r\n550 5.1.1 See https://example.net/", true, "550 5.1.1 No such user 5.1.1 See https://example.net/"},
		"greylisted":          {"RCPT", "451 4.7.1 Come back later", false, "naming the recipient: 451 4.7.1 Come back later"},
		"box is full":         {"RCPT", "452 4.2.2 Mailbox full", false, "452 4.2.2"},
		"box is full forever": {"RCPT", "552 5.2.2 Mailbox full", true, "552 5.2.2"},
		"no syntax":           {"RCPT", "501 5.1.3 Bad recipient", true, "501 5.1.3"},
		"sender refused":      {"MAIL", "550 5.7.1 Not your address", true, "naming the sender: 550 5.7.1 Not your address"},
		"sender for now":      {"MAIL", "421 4.7.0 Too many", false, "naming the sender: 421 4.7.0 Too many"},
		"not signed in":       {"MAIL", "530 5.7.0 Authentication required", false, "530 5.7.0"},
		"not signed in, too":  {"MAIL", "502 5.7.0 Please authenticate first", false, "502 5.7.0"},
		"out of turn":         {"DATA", "503 5.5.1 Bad sequence", false, "503 5.5.1"},
		"no data":             {"DATA", "554 5.5.1 No valid recipients", true, "announcing the message: 554 5.5.1"},
		"no data now":         {"DATA", "451 4.3.0 Disk", false, "announcing the message: 451 4.3.0"},
		"spam":                {".", "554 5.7.1 Looks like spam", true, "waiting for the message to be accepted: 554 5.7.1 Looks like spam"},
		"too large":           {".", "552 5.3.4 Too large", true, "552 5.3.4"},
		"later":               {".", "451 4.3.0 Queue is full", false, "waiting for the message to be accepted: 451 4.3.0"},
		"shutting down":       {".", "421 4.3.2 Shutting down", false, "421 4.3.2"},
		"reply lost":          {".", "drop", false, "waiting for the message to be accepted: "},
		"no greeting":         {"", "554 5.7.1 Not you", false, "waiting for the mail server's greeting: 554 5.7.1 Not you"},
		"busy":                {"", "421 4.3.2 Busy", false, "421 4.3.2"},
		"no SMTP":             {"", "HTTP/1.1 400 Bad Request", false, "greeting"},
		"hostile words":       {"RCPT", "550 \x1b[2J\x00 no", true, "550 [2J no"},
		"no number":           {"RCPT", "what?", false, "naming the recipient: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := play(t, func(_ int64, command string) string {
				if command == one.at {
					return one.answer
				}
				return usual(command)
			})
			err := sender(t, s.addr, plain, nil).Send(t.Context(), letter())
			require.ErrorContains(t, err, one.text)
			require.Equal(t, one.final, courier.IsPermanent(err), "%v", err)
			require.NotRegexp(t, `[\x00-\x1f]`, err.Error())
			require.EqualValues(t, 1, s.conns.Load(), "one attempt is one attempt")
			require.LessOrEqual(t, s.ended.Load(), int64(1))
			if one.at != "." {
				require.Zero(t, s.ended.Load())
			}
		})
	}
	t.Run("EHLO and HELO", func(t *testing.T) {
		s := play(t, func(_ int64, command string) string {
			if command == "EHLO" || command == "HELO" {
				return "550 5.7.1 I do not know you"
			}
			return usual(command)
		})
		err := sender(t, s.addr, plain, nil).Send(t.Context(), letter())
		require.ErrorContains(t, err, "introducing ourselves to the mail server: ")
		require.ErrorContains(t, err, "550 5.7.1 I do not know you")
		require.False(t, courier.IsPermanent(err))
	})
}

func TestWordsOfAServerAreBounded(t *testing.T) {
	s := play(t, func(_ int64, command string) string {
		if command == "RCPT" {
			return "550 " + strings.Repeat("x", 5000)
		}
		return usual(command)
	})
	err := sender(t, s.addr, plain, nil).Send(t.Context(), letter())
	require.True(t, courier.IsPermanent(err))
	require.Less(t, len(err.Error()), 600)
}

// One recipient that is refused is nobody else's trouble.
func TestARefusalLeavesTheConnectionUsable(t *testing.T) {
	server := &sink{onRcpt: func(to string) error {
		switch to {
		case "gone@example.com":
			return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
		case "grey@example.com":
			return &gosmtp.SMTPError{Code: 451, EnhancedCode: gosmtp.EnhancedCode{4, 7, 1}, Message: "Later"}
		}
		return nil
	}}
	serve(t, server, false, nil)
	s := sender(t, server.addr, plain, nil)
	for _, to := range []string{"gone@example.com", "ada@example.com", "grey@example.com", "bob@example.com"} {
		l := letter()
		l.Recipient = to
		err := s.Send(t.Context(), l)
		require.Equal(t, to == "gone@example.com", courier.IsPermanent(err), to)
		require.Equal(t, strings.HasPrefix(to, "g"), err != nil)
	}
	got := server.arrived()
	require.Len(t, got, 2)
	require.Equal(t, []string{"ada@example.com"}, got[0].to)
	require.Equal(t, []string{"bob@example.com"}, got[1].to)
	require.EqualValues(t, 1, server.conns.Load())
}
