package cmd

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"
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

// smtp asks the sender. Where no server is named, the settings that nobody has
// written are nobody's.
func (c *checker) smtp(m SMTP) {
	const at = "courier.smtp."
	for _, fault := range smtpConfig(c.cfg).Faults() {
		if c.given.at(at+fault.Key) != nil || m.ConnectionURI != "" {
			c.refuse(at+fault.Key, "%s", fault.Reason)
		}
	}
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

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

// request asks the gateway about a request the operator has written at a key
// of s.
func (c *checker) request(at string, s settings) {
	if s.at(at) == nil {
		return
	}
	r := buildRequest(s, at)
	for _, fault := range r.config().Faults() {
		c.refuse(at+"."+fault.Key, "%s", fault.Reason)
	}
	c.source(at+".body", r.BodyURL)
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
		c.source(t.key(), t.URL)
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
