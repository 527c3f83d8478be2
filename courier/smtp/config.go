package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
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

// check reads c and names every key that is wrong. No error quotes the URI,
// which carries the password.
func (c Config) check() (settings, error) {
	var errs []error
	wrong := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("courier.smtp.%s: %w", key, err))
		}
	}
	srv, err := parseURI(c.ConnectionURI)
	wrong("connection_uri", err)
	from, err := parseMailbox(c.FromAddress)
	if err == nil && !from.ascii() {
		err = errors.New("the part before the @ has to be ASCII")
	}
	wrong("from_address", err)
	wrong("from_name", checkText(c.FromName, 200))
	wrong("headers", checkHeaders(c.Headers))
	s := settings{server: srv, from: from, fromName: c.FromName, headers: c.Headers, localName: c.LocalName}
	if s.localName == "" {
		s.localName = "localhost"
	}
	if len(s.localName) > 255 || strings.ContainsFunc(s.localName, func(r rune) bool { return notInDomain(r) && !strings.ContainsRune("[]:_", r) }) {
		wrong("local_name", errors.New("it is no host name"))
	}
	s.tls = &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: srv.name,
		InsecureSkipVerify: srv.skipVerify,
	}
	switch {
	case (c.ClientCertPath == "") != (c.ClientKeyPath == ""):
		wrong("client_cert_path", errors.New("client_cert_path and client_key_path belong together"))
	case c.ClientCertPath != "":
		pair, err := tls.LoadX509KeyPair(c.ClientCertPath, c.ClientKeyPath)
		wrong("client_cert_path", err)
		s.tls.Certificates = []tls.Certificate{pair}
	}
	return s, errors.Join(errs...)
}

func parseURI(raw string) (server, error) {
	if raw == "" {
		return server{}, errors.New("it is missing")
	}
	// The cause is left out: it may quote the password.
	u, err := url.Parse(raw)
	if err != nil {
		return server{}, errors.New("it is no URL: what is special in a user name or password has to be percent-encoded")
	}
	s := server{host: u.Hostname(), port: u.Port(), tlsFirst: u.Scheme == "smtps", auth: "auto"}
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return server{}, errors.New("it does not begin with smtp:// or smtps://")
	case s.host == "" || u.Opaque != "":
		return server{}, errors.New("it names no host")
	case strings.Trim(u.Path, "/") != "" || u.Fragment != "":
		return server{}, errors.New("it has a path or a fragment")
	}
	if s.port == "" {
		s.port = map[bool]string{true: "465", false: "587"}[s.tlsFirst]
	}
	if n, err := strconv.ParseUint(s.port, 10, 16); err != nil || n == 0 {
		return server{}, errors.New("its port is not valid")
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
		if len(values) != 1 {
			return fmt.Errorf("%s is given twice", key)
		}
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
			err = fmt.Errorf("the query parameter %q is not known", key)
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

func checkHeaders(headers map[string]string) error {
	for name, value := range headers {
		lower := strings.ToLower(name)
		switch {
		case name == "" || len(name) > 76 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }):
			return fmt.Errorf("%q is no name of a header", name)
		case slices.Contains(ours, lower) || strings.HasPrefix(lower, "content-") || strings.HasPrefix(lower, "resent-"):
			return fmt.Errorf("%s is written by the program alone", name)
		}
		if err := checkText(value, 900); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkText(s string, most int) error {
	switch {
	case len(s) > most:
		return fmt.Errorf("it is longer than %d bytes", most)
	case strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("it has a control character")
	}
	return nil
}
