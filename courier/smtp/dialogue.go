package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gofrs/uuid"
	"github.com/wneessen/go-mail/log"
	mailsmtp "github.com/wneessen/go-mail/smtp"

	"github.com/foyer-id/foyer/courier"
)

// Dialogue sends a test mail to one address over a connection of its own and
// writes what both sides say to w: the server's lines after S:, ours after C:,
// remarks after *. Credentials are left out. The last line says in a sentence
// what came of it and, after a failure, which key to look at; the failure is
// returned, too.
func (s *Sender) Dialogue(ctx context.Context, to string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	t := &transcript{w: w}
	p, err := s.pack(&courier.Letter{
		MessageID: uuid.Must(uuid.NewV4()), Channel: courier.Email, Recipient: to, Subject: "Test mail",
		Text: "This mail was sent to see whether mail leaves. It did.\n",
	})
	if err != nil {
		t.say("* Not sent: %v. Give one plain address, for example someone@example.org.", err)
		return err
	}
	t.say("* Connecting to %s, port %s.", s.set.server.host, s.set.server.port)
	l, f := s.connect(ctx, t)
	if f == nil {
		_, f = l.deliver(ctx, p, t)
		if f == nil {
			l.close()
		}
		l.wire.tcp.Close()
	}
	if f == nil {
		t.say("* The server has accepted the mail to %s.", p.to)
		return nil
	}
	t.say("* Failed while %s. %s", f.Error(), s.hint(f))
	return f.verdict()
}

// hint says which key to look at.
func (s *Sender) hint(f *failure) string {
	const uri = "Look at courier.smtp.connection_uri: "
	var record tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var other x509.HostnameError
	switch {
	case errors.Is(f.cause, errPrivate):
		return "Look at clients.smtp.disallow_private_ip_ranges, or name a server at a public address."
	case errors.Is(f.cause, errNoSTARTTLS):
		return uri + "smtps:// if the port speaks TLS from the start, or ?disable_starttls=true for a server of this machine."
	case errors.As(f.cause, &record):
		return uri + "the port does not speak TLS from the start, so smtp:// may be right."
	case errors.As(f.cause, &unknown), errors.As(f.cause, &other):
		return uri + "the certificate is not the one expected; ?server_name= says whose it is, and the system's trust store whom to believe."
	case strings.Contains(f.cause.Error(), "remote error: tls:") && strings.Contains(f.cause.Error(), "certificate"):
		return "Look at courier.smtp.client_cert_path and client_key_path: the server is not content with the client's certificate, or with the lack of one."
	case errors.Is(f.cause, errBare):
		return uri + "without disable_starttls, or smtps://."
	case f.at != atAuth && f.aboutLogin():
		return uri + "the server wants us to encrypt or to sign in first, so leave out disable_starttls and give a user name and a password."
	}
	switch f.at {
	case atConnect:
		return uri + "host and port, and whether a firewall lets this machine out."
	case atGreeting:
		return uri + "a port that stays silent may want smtps://, and another may not be a mail server's."
	case atTLS:
		return uri + "smtp:// is TLS after STARTTLS, smtps:// TLS from the start."
	case atHello:
		return "Look at courier.smtp.local_name, which is how we introduce ourselves."
	case atAuth:
		return uri + "user name and password, percent-encoded, and ?auth= (plain, login, xoauth2)."
	case atMail:
		return "Look at courier.smtp.from_address: the server has to allow it as a sender, and the account in connection_uri has to be allowed to use it."
	case atRcpt:
		return "Look at the recipient, and at courier.smtp.connection_uri: whether this server sends to other domains for us."
	default:
		return "Look at courier.smtp.from_address and headers: the server has judged the mail itself."
	}
}

// transcript writes a conversation down. A nil one writes nothing.
type transcript struct {
	w io.Writer
}

// say writes a line; line breaks of what the server said begin further ones.
func (t *transcript) say(format string, args ...any) {
	if t == nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	mark := text[:strings.IndexByte(text, ' ')+1]
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r", ""), "\n") {
		if i > 0 {
			line = mark + line
		}
		fmt.Fprintln(t.w, oneLine(line, 1000))
	}
}

// answer writes down a refusal, which the library does not log.
func (t *transcript) answer(err error) {
	if answer := answered(err); answer != nil {
		t.say("S: %d %s", answer.Code, answer.Msg)
	}
}

// greeting returns what writes down the server's first lines, or nil.
func (t *transcript) greeting() func([]byte) {
	if t == nil {
		return nil
	}
	return func(b []byte) { t.say("S: %s", strings.TrimRight(string(b), "\r\n")) }
}

func (t *transcript) follow(c *mailsmtp.Client) {
	if t != nil {
		c.SetLogger(spoken{t})
		c.SetDebugLog(true)
	}
}

func (t *transcript) secured(state tls.ConnectionState) {
	if t == nil {
		return
	}
	t.say("* The connection is encrypted with %s.", tls.VersionName(state.Version))
	if len(state.PeerCertificates) > 0 {
		cert := state.PeerCertificates[0]
		names := append([]string{}, cert.DNSNames...)
		for _, ip := range cert.IPAddresses {
			names = append(names, ip.String())
		}
		t.say("* The server's certificate is for %s, issued by %s, valid until %s.",
			strings.Join(names, ", "), cert.Issuer.String(), cert.NotAfter.UTC().Format("2006-01-02"))
	}
}

// spoken takes the library's log of a conversation, in which it leaves out
// credentials.
type spoken struct{ t *transcript }

func (s spoken) Debugf(l log.Log) {
	mark := "S: "
	if l.Direction == log.DirClientToServer {
		mark = "C: "
	}
	s.t.say("%s", mark+fmt.Sprintf(l.Format, l.Messages...))
}

func (s spoken) Infof(l log.Log)  { s.Debugf(l) }
func (s spoken) Warnf(l log.Log)  { s.Debugf(l) }
func (s spoken) Errorf(l log.Log) { s.Debugf(l) }
