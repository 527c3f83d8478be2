package process

import (
	"context"
	"io"
	"log"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// MailServer is a real mail server on a port of this machine that keeps, of
// what it has accepted, the envelope. It is safe for concurrent use.
type MailServer struct {
	server *smtp.Server
	uri    string
	ctx    context.Context // until it is closed
	cancel context.CancelFunc
	judge  func(ctx context.Context, to string) error
	under  atomic.Int64

	mu    sync.Mutex
	mails []Mail
}

// Mail is a mail that was accepted. It was told to the client afterwards, if
// that was still there.
type Mail struct {
	To, MessageID string
	Began, At     time.Time // of its first command; of its acceptance
}

// NewMailServer starts a server. judge says for each recipient whether the mail
// will be taken, and may take its time, at most until ctx ends; nil takes all
// at once.
func NewMailServer(judge func(ctx context.Context, to string) error) (*MailServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &MailServer{judge: judge, uri: "smtp://" + l.Addr().String() + "/?disable_starttls=true"}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{s: s}, nil }))
	s.server.Domain, s.server.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

// URI is what a Process has to be given to send here.
func (s *MailServer) URI() string { return s.uri }

// Busy is how many mails are under way: begun, and neither accepted nor refused.
func (s *MailServer) Busy() int { return int(s.under.Load()) }

// Mails lists what was accepted so far, the first one first.
func (s *MailServer) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Count is the length of Mails.
func (s *MailServer) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

// Close ends the server and what is under way.
func (s *MailServer) Close() {
	s.cancel()
	_ = s.server.Close()
}

// RefuseMail is what a judge returns: the code and words of the server.
func RefuseMail(code int, words string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: words}
}

type mailSession struct {
	s     *MailServer
	to    string
	began time.Time
	on    bool // counted as under way
}

func (m *mailSession) Mail(string, *smtp.MailOptions) error {
	m.Reset()
	m.on, m.began = true, time.Now()
	m.s.under.Add(1)
	return nil
}

func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.to = to
	if m.s.judge == nil {
		return nil
	}
	return m.s.judge(m.s.ctx, to)
}

func (m *mailSession) Data(r io.Reader) error {
	letter, err := mail.ReadMessage(r)
	if err == nil {
		_, err = io.Copy(io.Discard, letter.Body)
	}
	if err != nil {
		return err
	}
	m.s.mu.Lock()
	m.s.mails = append(m.s.mails, Mail{To: m.to, MessageID: strings.Trim(letter.Header.Get("Message-ID"), "<>"), Began: m.began, At: time.Now()})
	m.s.mu.Unlock()
	m.Reset()
	return nil
}

func (m *mailSession) Reset() {
	if m.on {
		m.on = false
		m.s.under.Add(-1)
	}
	m.to = ""
}

func (m *mailSession) Logout() error {
	m.Reset()
	return nil
}
