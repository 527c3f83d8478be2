package smtp

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"time"

	mailsmtp "github.com/wneessen/go-mail/smtp"
)

// maxHeard bounds what a server may say during one mail.
const maxHeard = 1 << 20

// link is one connection, signed in and ready for a mail.
type link struct {
	client *mailsmtp.Client
	wire   *wire
	idle   *time.Timer // closes it; runs while it is kept for the next mail
}

// wire is the connection below the conversation: TCP, or TLS from the start.
type wire struct {
	net.Conn
	tcp   net.Conn
	left  int          // bytes the server may still say
	heard func([]byte) // told what comes in; nil for nobody
}

func (w *wire) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, errTooMuch
	}
	n, err := w.Conn.Read(p)
	w.left -= n
	if w.heard != nil {
		w.heard(p[:n])
	}
	return n, err
}

// watch ends whatever waits on the wire when ctx ends. Where stop returns
// false, it has, and the connection is of no further use.
func (w *wire) watch(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = w.tcp.SetDeadline(time.Unix(1, 0)) })
}

// connect opens a connection and signs in.
func (s *Sender) connect(ctx context.Context, t *transcript) (*link, *failure) {
	srv := s.set.server
	conn, err := s.dialer.DialContext(ctx, "tcp", net.JoinHostPort(srv.host, srv.port))
	if err != nil {
		return nil, failed(ctx, atConnect, err)
	}
	l := &link{wire: &wire{Conn: conn, tcp: conn, left: maxHeard}}
	stop := l.wire.watch(ctx)
	f := s.introduce(ctx, l, t)
	if !stop() && f == nil {
		f = failed(ctx, atHello, ctx.Err())
	}
	if f != nil {
		conn.Close()
		return nil, f
	}
	return l, nil
}

func (s *Sender) introduce(ctx context.Context, l *link, t *transcript) *failure {
	srv := s.set.server
	if srv.tlsFirst {
		secure := tls.Client(l.wire.tcp, s.set.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return failed(ctx, atTLS, err)
		}
		l.wire.Conn = secure
		t.secured(secure.ConnectionState())
	}
	var err error
	l.wire.heard = t.greeting()
	l.client, err = mailsmtp.NewClient(l.wire, srv.host)
	l.wire.heard = nil
	if err != nil {
		return failed(ctx, atGreeting, err)
	}
	t.follow(l.client)
	if err := l.client.Hello(s.set.localName); err != nil {
		t.answer(err)
		return failed(ctx, atHello, err)
	}
	if !srv.tlsFirst && !srv.plain {
		if ok, _ := l.client.Extension("STARTTLS"); !ok {
			return failed(ctx, atTLS, errNoSTARTTLS)
		}
		if err := l.client.StartTLS(s.set.tls); err != nil {
			t.answer(err)
			return failed(ctx, atTLS, err)
		}
		if state, ok := l.client.TLSConnectionState(); ok {
			t.secured(state)
		}
	}
	if err := s.signIn(l, t); err != nil {
		return failed(ctx, atAuth, err)
	}
	return nil
}

// signIn gives the credentials, never over a connection others can read: one
// that is neither encrypted nor of this machine. Where the way is left open and
// the server knows of no signing in, it is left out.
func (s *Sender) signIn(l *link, t *transcript) error {
	srv := s.set.server
	if srv.user == "" {
		return nil
	}
	offered, mechanisms := l.client.Extension("AUTH")
	if !offered && srv.auth == "auto" {
		return nil
	}
	way := choose(srv.auth, strings.Fields(strings.ToUpper(mechanisms)))
	if way == "" {
		return errNoMech
	}
	if remote, ok := l.wire.tcp.RemoteAddr().(*net.TCPAddr); srv.plain && !srv.tlsFirst && (!ok || !remote.IP.IsLoopback()) {
		return errBare
	}
	t.say("* Signing in by %s.", way)
	switch way {
	case "PLAIN":
		return l.client.Auth(mailsmtp.PlainAuth("", srv.user, srv.password, srv.host, true))
	case "LOGIN":
		return l.client.Auth(mailsmtp.LoginAuth(srv.user, srv.password, srv.host, true))
	default:
		return l.client.Auth(mailsmtp.XOAuth2Auth(srv.user, srv.password))
	}
}

// choose picks a mechanism among those offered, or returns "".
func choose(auth string, offered []string) string {
	wanted := []string{strings.ToUpper(auth)}
	if auth == "auto" {
		wanted = []string{"PLAIN", "LOGIN", "XOAUTH2"}
	}
	for _, w := range wanted {
		if slices.Contains(offered, w) {
			return w
		}
	}
	return ""
}

// deliver hands p over. It reports besides whether the connection may carry
// another mail.
func (l *link) deliver(ctx context.Context, p *parcel, t *transcript) (sound bool, f *failure) {
	l.wire.left = maxHeard
	stop := l.wire.watch(ctx)
	f = l.hand(ctx, p, t)
	sound = f == nil || !f.broken()
	if sound && f != nil && f.at != atEnd {
		sound = l.client.Reset() == nil
	}
	return stop() && sound, f
}

func (l *link) hand(ctx context.Context, p *parcel, t *transcript) *failure {
	fails := func(at step, err error) *failure {
		t.answer(err)
		return failed(ctx, at, err)
	}
	if ok, _ := l.client.Extension("SMTPUTF8"); !ok && !p.to.ascii() {
		return fails(atRcpt, errNoUTF8)
	}
	l.client.SkipSMTPUTF8(p.to.ascii())
	if err := l.client.Mail("<" + p.from.String() + ">"); err != nil {
		return fails(atMail, err)
	}
	if err := l.client.Rcpt("<" + p.to.String() + ">"); err != nil {
		return fails(atRcpt, err)
	}
	w, err := l.client.Data()
	if err != nil {
		return fails(atData, err)
	}
	t.say("C: (the message, %d bytes)", len(p.content))
	if _, err := w.Write(p.content); err != nil {
		// Closing w would send the dot, and with it half a message.
		return fails(atContent, err)
	}
	if err := w.Close(); err != nil {
		return fails(atEnd, err)
	}
	if d, ok := w.(*mailsmtp.DataCloser); ok {
		t.say("S: 250 %s", d.ServerResponse())
	}
	return nil
}

// close says good-bye and does not wait long for an answer.
func (l *link) close() {
	patience := time.AfterFunc(2*time.Second, func() { l.wire.tcp.Close() })
	defer patience.Stop()
	_ = l.client.Quit()
	l.wire.tcp.Close()
}
