package smtp_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/courier/smtp"
)

// authority signs what the servers and clients of these tests show; the
// process trusts it alone.
var authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	dir  string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "smtp")
	if err != nil {
		log.Fatal(err)
	}
	authority.dir = dir
	authority.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, authority.key.Public(), authority.key)
	if err != nil {
		log.Fatal(err)
	}
	authority.cert, _ = x509.ParseCertificate(der)
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		log.Fatal(err)
	}
	os.Setenv("SSL_CERT_FILE", file)
	os.Setenv("SSL_CERT_DIR", dir)
	n := m.Run()
	os.RemoveAll(dir)
	os.Exit(n)
}

// certificate writes a pair for a name and returns its files.
func certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if name == "localhost" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.cert, private.Public(), authority.key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// arrived is a mail as a server got it.
type arrived struct {
	from string
	to   []string
	utf8 bool
	data string
	user string // who was signed in
}

// sink is a real mail server that keeps what it gets.
type sink struct {
	addr       string
	mechanisms []string
	onRcpt     func(to string) error
	onData     func() error

	mu    sync.Mutex
	mails []arrived
	wire  bytes.Buffer // both sides, as they spoke
	conns atomic.Int64
	froms atomic.Int64 // MAIL commands
	rcpts atomic.Int64 // RCPT commands
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wire.Write(p)
}

func (s *sink) arrived() []arrived {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

func (s *sink) spoken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wire.String()
}

// serve starts a server; with tlsFirst it speaks TLS from the start, else after
// STARTTLS.
func serve(t *testing.T, s *sink, tlsFirst bool, change func(*gosmtp.Server)) *sink {
	t.Helper()
	cert, key := certificate(t, "localhost")
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	srv := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) {
		s.conns.Add(1)
		return &session{sink: s}, nil
	}))
	srv.Domain, srv.TLSConfig, srv.Debug, srv.ErrorLog = "mail.example.net", &tls.Config{Certificates: []tls.Certificate{pair}}, s, log.New(io.Discard, "", 0)
	if change != nil {
		change(srv)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = l.Addr().String()
	if tlsFirst {
		l = tls.NewListener(l, srv.TLSConfig)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	return s
}

type session struct {
	sink *sink
	now  arrived
	user string
}

func (s *session) Reset()        { s.now = arrived{} }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, o *gosmtp.MailOptions) error {
	s.sink.froms.Add(1)
	s.now = arrived{from: from, utf8: o.UTF8, user: s.user}
	return nil
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.sink.rcpts.Add(1)
	if s.sink.onRcpt != nil {
		if err := s.sink.onRcpt(to); err != nil {
			return err
		}
	}
	s.now.to = append(s.now.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.sink.onData != nil {
		if err := s.sink.onData(); err != nil {
			return err
		}
	}
	s.now.data = string(b)
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.mails = append(s.sink.mails, s.now)
	return nil
}

func (s *session) AuthMechanisms() []string { return s.sink.mechanisms }

func (s *session) Auth(mech string) (sasl.Server, error) {
	check := func(user, secret string) error {
		if user != "user@example.org" || secret != "pass:w/rd" {
			return gosmtp.ErrAuthFailed
		}
		s.user = user + " by " + mech
		return nil
	}
	switch mech {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, pass string) error { return check(user, pass) }), nil
	case "LOGIN":
		return &login{check: check}, nil
	case "XOAUTH2":
		return &xoauth2{check: check}, nil
	}
	return nil, gosmtp.ErrAuthUnknownMechanism
}

// login is the server's side of LOGIN.
type login struct {
	check func(user, pass string) error
	step  int
	user  string
}

func (l *login) Next(b []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(b)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(b))
}

// xoauth2 is the server's side of XOAUTH2: a refusal is a challenge that the
// client answers with an empty line.
type xoauth2 struct {
	check   func(user, token string) error
	refused error
}

func (x *xoauth2) Next(b []byte) ([]byte, bool, error) {
	if x.refused != nil {
		return nil, true, x.refused
	}
	user, token, ok := strings.Cut(strings.TrimSuffix(string(b), "\x01\x01"), "\x01")
	if !ok {
		return nil, true, errors.New("malformed")
	}
	x.refused = x.check(strings.TrimPrefix(user, "user="), strings.TrimPrefix(token, "auth=Bearer "))
	if x.refused != nil {
		return []byte(`{"status":"401"}`), false, nil
	}
	return nil, true, nil
}

// script is a server of a few lines, for what no real one does. Each answer is
// given to the command that begins with its key; "." is the end of the message
// and "" the greeting. An answer "hang" is none, "drop" ends the connection.
type script struct {
	addr    string
	answers func(conn int64, command string) string

	conns    atomic.Int64
	ended    atomic.Int64 // messages whose final dot arrived
	mu       sync.Mutex
	commands []string
}

func play(t *testing.T, answers func(conn int64, command string) string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &script{addr: l.Addr().String(), answers: answers}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(ctx, c, s.conns.Add(1))
		}
	}()
	return s
}

func (s *script) talk(ctx context.Context, c net.Conn, n int64) {
	context.AfterFunc(ctx, func() { c.Close() })
	defer c.Close()
	r := bufio.NewReader(c)
	for command := ""; ; {
		answer := s.answers(n, command)
		switch answer {
		case "hang":
			<-ctx.Done()
			return
		case "drop":
			return
		}
		if _, err := io.WriteString(c, answer+"\r\n"); err != nil {
			return
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimRight(line, "\r\n")
			if command == "DATA" && strings.HasPrefix(answer, "354") && line != "." {
				continue
			}
			if line == "." {
				s.ended.Add(1)
			}
			command, _, _ = strings.Cut(line, " ")
			s.mu.Lock()
			s.commands = append(s.commands, line)
			s.mu.Unlock()
			break
		}
	}
}

// usual is what an obliging server says.
func usual(command string) string {
	switch command {
	case "":
		return "220 mail.example.net ready"
	case "DATA":
		return "354 go ahead"
	case "QUIT":
		return "221 bye"
	default:
		return "250 ok"
	}
}

// sender returns a Sender for a server at addr; uri is what surrounds it, for
// example "smtp://ADDR/?auth=none".
func sender(t *testing.T, addr, uri string, change func(*smtp.Config)) *smtp.Sender {
	t.Helper()
	s, err := smtp.New(config(addr, uri, change))
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func config(addr, uri string, change func(*smtp.Config)) smtp.Config {
	c := smtp.Config{
		ConnectionURI: strings.ReplaceAll(uri, "ADDR", addr), FromAddress: "no-reply@accounts.example.org",
		FromName: "Bücher & Co", LocalName: "accounts.example.org",
	}
	if change != nil {
		change(&c)
	}
	return c
}

const plain = "smtp://ADDR/?disable_starttls=true"

func withUser(scheme, password string) string {
	return scheme + "://" + url.UserPassword("user@example.org", password).String() + "@ADDR/"
}

func letter() *courier.Letter {
	return &courier.Letter{
		MessageID: uuid.Must(uuid.NewV4()), Channel: courier.Email, Recipient: "ada@example.com",
		Subject: "Please confirm", Text: "Your code is 123456.\n", HTML: "<p>Your code is <b>123456</b>.</p>\n",
	}
}
