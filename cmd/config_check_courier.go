package cmd

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/http/httpguts"
)

// The bounds of a lease.
const (
	minLease = time.Second
	maxLease = 10 * time.Minute
)

// needsCourier refuses a configuration that has to send mail and cannot.
func (c *checker) needsCourier() {
	switch courier := c.cfg.Courier; {
	case courier.canMail() || courier.Inbox:
	case courier.Strategy == "http":
		c.refuse("courier.http.request_config", "required, but missing: mail has to leave somehow")
	default:
		c.refuse("courier.smtp.connection_uri", "required, but missing: mail has to leave somehow, as by smtps://user:password@mail.example.com:465/")
	}
}

func (c *checker) courier() {
	courier := c.cfg.Courier
	c.smtp(courier.SMTP)
	c.request("courier.http.request_config", c.given)
	if courier.Lease > maxLease {
		c.refuse("courier.lease", "must be at most %s", maxLease)
	} else if courier.Timeout >= courier.Lease {
		at := "courier.timeout"
		if c.given.at(at) == nil {
			at = "courier.lease"
		}
		c.refuse(at, "the timeout of one delivery, %s, has to be below the lease, %s, or two workers would send the same message", courier.Timeout, courier.Lease)
	}
}

// mailServer never quotes the URI: credentials are in it. What its query may
// hold is known to who connects.
func (c *checker) mailServer(key, uri string) {
	if uri == "" {
		return
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		c.refuse(key, "cannot be read; special characters of user and password have to be percent-encoded")
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		c.refuse(key, "expected smtp:// (with STARTTLS) or smtps:// (TLS from the beginning)")
	case u.Hostname() == "":
		c.refuse(key, "names no host")
	case u.Port() != "" && !isPort(u.Port()):
		c.refuse(key, "has a port that is none")
	case u.Path != "" && u.Path != "/", u.Fragment != "":
		c.refuse(key, "must not have a path or fragment; special characters of user and password have to be percent-encoded")
	}
}

func (c *checker) smtp(m SMTP) {
	const at = "courier.smtp."
	c.mailServer(at+"connection_uri", m.ConnectionURI)
	if from := c.given.str(at + "from_address"); from != "" {
		if a, err := mail.ParseAddress(from); err != nil || a.Name != "" || a.Address != from || hasControl(from) {
			c.refuse(at+"from_address", "expected one bare address like no-reply@example.com")
		}
	}
	if hasControl(c.given.str(at + "from_name")) {
		c.refuse(at+"from_name", "must be one line")
	}
	if strings.ContainsFunc(m.LocalName, unicode.IsSpace) || hasControl(m.LocalName) {
		c.refuse(at+"local_name", "expected a host name")
	}
	switch {
	case m.ClientCertPath != "" && m.ClientKeyPath == "":
		c.refuse(at+"client_cert_path", "has no key: client_key_path is missing")
	case m.ClientKeyPath != "" && m.ClientCertPath == "":
		c.refuse(at+"client_key_path", "has no certificate: client_cert_path is missing")
	}
	c.headers(at+"headers", m.Headers)
	for name := range m.Headers {
		if ownHeader(strings.ToLower(name)) {
			c.refuse(at+"headers."+name, "is written by the program itself")
		}
	}
}

// ownHeaders are those of a mail that say who gets it and what it is.
var ownHeaders = []string{
	"from", "sender", "to", "cc", "bcc", "subject", "date", "message-id", "mime-version", "return-path", "received",
	"auto-submitted", "x-auto-response-suppress",
}

func ownHeader(lower string) bool {
	return slices.Contains(ownHeaders, lower) || strings.HasPrefix(lower, "content-") || strings.HasPrefix(lower, "resent-")
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

// headers refuses what would break out of a header. It never quotes a value.
func (c *checker) headers(at string, headers map[string]string) {
	for name, value := range headers {
		if !httpguts.ValidHeaderFieldName(name) {
			c.refuse(at+"."+name, "is no name of a header")
		} else if !httpguts.ValidHeaderFieldValue(value) {
			c.refuse(at+"."+name, "must be one line")
		}
	}
}

// channels looks at what the operator has listed.
func (c *checker) channels() {
	seen := map[string]bool{}
	for i, ch := range c.given.list("courier.channels") {
		at := fmt.Sprintf("courier.channels.%d", i)
		id := ch.str("id")
		if seen[id] {
			c.refuse(at+".id", "the id %q is taken by an earlier channel", id)
		}
		seen[id] = true
		kind := ch.str("type")
		strategy := c.given.str("courier.delivery_strategy")
		switch {
		case kind == "smtp" && id == "sms":
			c.refuse(at+".type", "an SMS leaves by http")
		case kind != "smtp" && ch.at("request_config") == nil:
			c.refuse(at+".request_config", "required, but missing")
		case id == "email" && strategy != "" && strategy != c.cfg.Courier.Strategy:
			c.refuse(at+".type", "contradicts courier.delivery_strategy, which is %s", strategy)
		}
		c.request(at+".request_config", c.given)
	}
}

// request looks at a request the operator has written at a key of s. It never
// quotes the URL, in which there may be a token.
func (c *checker) request(at string, s settings) {
	if s.at(at) == nil {
		return
	}
	r := buildRequest(s, at)
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		c.refuse(at+".url", "expected an absolute http or https URL")
	case u.User != nil:
		c.refuse(at+".url", "must not hold a user name or password; auth is for them")
	}
	if r.Method != "" && !httpguts.ValidHeaderFieldName(r.Method) {
		c.refuse(at+".method", "expected a method like POST")
	}
	c.headers(at+".headers", r.Headers)
	c.source(at+".body", r.BodyURL)
	at += ".auth.config."
	switch r.Auth.Type {
	case "api_key":
		c.credential(at+"name", r.Auth.Name, true)
		c.credential(at+"value", r.Auth.Value, false)
	case "basic_auth":
		c.credential(at+"user", r.Auth.User, false)
		c.credential(at+"password", r.Auth.Password, false)
	}
}

// credential refuses a missing one, and one that would break out of a header.
func (c *checker) credential(at, text string, isName bool) {
	switch {
	case text == "":
		c.refuse(at, "required, but missing")
	case isName && !httpguts.ValidHeaderFieldName(text):
		c.refuse(at, "is no name of a header or cookie")
	case hasControl(text):
		c.refuse(at, "must be one line")
	}
}

// source refuses what cannot be fetched safely.
func (c *checker) source(at, from string) {
	if u, err := url.Parse(from); err == nil && strings.HasPrefix(u.Scheme, "http") {
		switch {
		case u.Hostname() == "":
			c.refuse(at, "expected an absolute URL")
		case u.User != nil:
			c.refuse(at, "must not hold a user name or password")
		}
	}
	c.notPlain(at, from, "what is fetched over http can be exchanged on its way")
}

// notPlain refuses http where a secret would travel or a lie could.
func (c *checker) notPlain(at, text, reason string) {
	if strings.HasPrefix(strings.ToLower(text), "http://") {
		c.floor(at, "%s", reason)
	}
}

func (c *checker) templates() {
	for _, t := range c.cfg.Courier.Templates {
		c.source(templateKey(t.Name, t.Valid, t.Part), t.URL)
	}
}

func (c *checker) brand() {
	b := c.cfg.Brand
	if hasControl(b.Name) {
		c.refuse("brand.name", "must be one line")
	}
	for key, text := range map[string]string{"brand.logo_url": b.LogoURL, "brand.support_url": b.SupportURL, "brand.sign_in_url": b.SignInURL} {
		if text == "" {
			continue
		}
		c.webURL(key, text)
	}
}

// courierFiles looks at the files that delivering begins with.
func (c *checker) courierFiles() {
	courier := c.cfg.Courier
	if folder := courier.TemplateFolder; folder != "" {
		if info, err := os.Stat(folder); err != nil {
			c.refuse("courier.template_override_path", "%s", errors.Unwrap(err))
		} else if !info.IsDir() {
			c.refuse("courier.template_override_path", "is no directory")
		}
	}
	if courier.SMTP.ClientCertPath == "" || courier.SMTP.ClientKeyPath == "" {
		return
	}
	var fault *tlsFault
	if _, err := (TLS{CertPath: courier.SMTP.ClientCertPath, KeyPath: courier.SMTP.ClientKeyPath}).config(); errors.As(err, &fault) {
		at := "courier.smtp.client_cert_path"
		if fault.key == "tls.key.path" {
			at = "courier.smtp.client_key_path"
		}
		c.refuse(at, "%s", fault.reason)
	}
}
