package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/foyer-id/foyer/internal/web"
)

// Config is what the keys courier.smtp.* and clients.smtp.* say.
type Config struct {
	// ConnectionURI is smtp://user:password@host:port/ with STARTTLS, or smtps://
	// with TLS from the start; without a port 587 and 465. Its query knows
	// skip_ssl_verify and disable_starttls (true or false), server_name (whose
	// certificate is expected), and auth: auto (default), plain, login, xoauth2
	// (the password is the token), or none.
	ConnectionURI string
	FromAddress   string
	FromName      string
	Headers       map[string]string // added to every mail; none that the program writes itself
	// ClientCertPath and ClientKeyPath are PEM files: both or neither.
	ClientCertPath, ClientKeyPath string
	LocalName                     string        // said in EHLO; empty is localhost
	DisallowPrivate               bool          // refuse servers at private addresses, judged when dialled
	AllowLoopback                 bool          // with DisallowPrivate: but this machine is allowed
	Timeout                       time.Duration // of one mail from dialling to the last answer; zero is 30 s
	Connections                   int           // kept open between mails; zero is 4
}

// server is what a connection URI says.
type server struct {
	host, port     string
	tlsFirst       bool // smtps
	plain          bool // no STARTTLS
	skipVerify     bool
	name           string // of the certificate
	auth           string
	user, password string
}

// settings are the settings of a Sender, checked.
type settings struct {
	server    server
	from      mailbox
	fromName  string
	headers   map[string]string
	localName string
	tls       *tls.Config
}

// Faults lists the settings of c that cannot stand, by their keys below
// courier.smtp. It opens no file, and quotes nothing of the URI, which carries
// the password.
func (c Config) Faults() []*web.KeyError {
	_, faults := c.read()
	return faults
}

// read is c as a Sender needs it, without the certificate.
func (c Config) read() (s settings, faults []*web.KeyError) {
	refuse := func(key string, err error) {
		if err != nil {
			faults = append(faults, &web.KeyError{Key: key, Reason: err.Error()})
		}
	}
	srv, err := parseURI(c.ConnectionURI)
	refuse("connection_uri", err)
	from, err := parseMailbox(c.FromAddress)
	if err == nil && !from.ascii() {
		err = errors.New("the part before the @ has to be ASCII")
	}
	if err != nil {
		refuse("from_address", fmt.Errorf("expected one bare address like no-reply@example.com: %w", err))
	}
	refuse("from_name", checkText(c.FromName, 200))
	s = settings{server: srv, from: from, fromName: c.FromName, headers: c.Headers, localName: c.LocalName}
	if s.localName == "" {
		s.localName = "localhost"
	}
	if len(s.localName) > 255 || strings.ContainsFunc(s.localName, func(r rune) bool { return notInDomain(r) && !strings.ContainsRune("[]:_", r) }) {
		refuse("local_name", errors.New("expected a host name"))
	}
	switch {
	case c.ClientCertPath != "" && c.ClientKeyPath == "":
		refuse("client_cert_path", errors.New("has no key: client_key_path is missing"))
	case c.ClientKeyPath != "" && c.ClientCertPath == "":
		refuse("client_key_path", errors.New("has no certificate: client_cert_path is missing"))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		refuse("headers."+name, checkHeader(name, c.Headers[name]))
	}
	s.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: srv.name, InsecureSkipVerify: srv.skipVerify}
	return s, faults
}

// check reads c and the certificate, and names every key that is wrong.
func (c Config) check() (settings, error) {
	s, faults := c.read()
	var errs []error
	for _, f := range faults {
		errs = append(errs, fmt.Errorf("courier.smtp.%w", f))
	}
	if c.ClientCertPath != "" && c.ClientKeyPath != "" {
		pair, err := tls.LoadX509KeyPair(c.ClientCertPath, c.ClientKeyPath)
		if err != nil {
			errs = append(errs, fmt.Errorf("courier.smtp.client_cert_path: %w", err))
		}
		s.tls.Certificates = []tls.Certificate{pair}
	}
	return s, errors.Join(errs...)
}

func parseURI(raw string) (server, error) {
	if raw == "" {
		return server{}, errors.New("required, but missing")
	}
	// The cause is left out: it may quote the password.
	u, err := url.Parse(raw)
	if err != nil {
		return server{}, errors.New("cannot be read; special characters of user and password have to be percent-encoded")
	}
	s := server{host: u.Hostname(), port: u.Port(), tlsFirst: u.Scheme == "smtps", auth: "auto"}
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return server{}, errors.New("expected smtp:// (with STARTTLS) or smtps:// (TLS from the beginning)")
	case s.host == "" || u.Opaque != "":
		return server{}, errors.New("names no host")
	case strings.Trim(u.Path, "/") != "" || u.Fragment != "":
		return server{}, errors.New("must not have a path or fragment; special characters of user and password have to be percent-encoded")
	}
	if s.port == "" {
		s.port = map[bool]string{true: "465", false: "587"}[s.tlsFirst]
	}
	if n, err := strconv.ParseUint(s.port, 10, 16); err != nil || n == 0 {
		return server{}, errors.New("has a port that is none")
	}
	s.name = s.host
	if err := s.query(u); err != nil {
		return server{}, err
	}
	return s, s.credentials(u.User)
}

func (s *server) query(u *url.URL) error {
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("its query cannot be read")
	}
	for key, values := range q {
		value := values[0]
		switch key {
		case "skip_ssl_verify":
			s.skipVerify, err = parseBool(key, value)
		case "disable_starttls":
			s.plain, err = parseBool(key, value)
		case "legacy_ssl": // another word for the scheme smtps, in many a kratos.yml
			var legacy bool
			if legacy, err = parseBool(key, value); legacy && u.Scheme != "smtps" {
				err = errors.New("legacy_ssl is for smtps://")
			}
		case "server_name":
			if s.name = value; value == "" || strings.ContainsFunc(value, notInDomain) && net.ParseIP(value) == nil {
				err = errors.New("server_name is no host name")
			}
		case "auth":
			if s.auth = value; !slices.Contains([]string{"auto", "plain", "login", "xoauth2", "none"}, value) {
				err = errors.New("auth is none of auto, plain, login, xoauth2, none")
			}
		default:
			// It is not quoted: it may be the rest of a password that is not escaped.
			err = errors.New("has a query parameter that is none of skip_ssl_verify, disable_starttls, server_name, auth, legacy_ssl")
		}
		if err == nil && len(values) != 1 {
			err = fmt.Errorf("%s is given twice", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseBool(key, value string) (bool, error) {
	if value != "true" && value != "false" {
		return false, fmt.Errorf("%s is neither true nor false", key)
	}
	return value == "true", nil
}

func (s *server) credentials(user *url.Userinfo) error {
	if user != nil {
		s.user = user.Username()
		s.password, _ = user.Password()
	}
	switch {
	case strings.ContainsFunc(s.user+s.password, unicode.IsControl):
		return errors.New("user name or password has a control character")
	case (s.user == "") != (s.password == ""):
		return errors.New("user name and password belong together")
	case s.user == "" && s.auth != "auto" && s.auth != "none":
		return fmt.Errorf("auth=%s needs a user name and a password", s.auth)
	case s.user != "" && s.auth == "none":
		return errors.New("auth=none has no use for a user name")
	}
	return nil
}

// ours are headers the program writes, or that would change where a mail goes.
var ours = []string{
	"from", "sender", "to", "cc", "bcc", "subject", "message-id", "date", "mime-version", "return-path", "received",
	"auto-submitted", "x-auto-response-suppress",
}

func checkHeader(name, value string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > 76 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }):
		return errors.New("is no name of a header")
	case slices.Contains(ours, lower) || strings.HasPrefix(lower, "content-") || strings.HasPrefix(lower, "resent-"):
		return errors.New("is written by the program itself")
	}
	return checkText(value, 900)
}

func checkText(s string, most int) error {
	switch {
	case len(s) > most:
		return fmt.Errorf("is longer than %d bytes", most)
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("must be one line, without control characters")
	}
	return nil
}
