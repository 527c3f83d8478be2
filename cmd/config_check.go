package cmd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
)

// checker finds what the schema cannot: values that contradict each other, or
// that are dangerous.
type checker struct {
	cfg      *Config
	given    settings // what the operator wrote, without defaults
	findings []finding
	report   *Report

	receivers map[string]string // where each name of a web_hook or endpoint was given first
}

// refuse keeps the first reason of a key; the rest would follow from it.
func (c *checker) refuse(key, reason string, args ...any) {
	f := finding{path: strings.Split(key, "."), reason: fmt.Sprintf(reason, args...)}
	if !slices.ContainsFunc(c.findings, func(g finding) bool { return slices.Equal(f.path, g.path) }) {
		c.findings = append(c.findings, f)
	}
}

// ask refuses key for the reason its owner gives.
func (c *checker) ask(key string, owner error) {
	if owner != nil {
		c.refuse(key, "%s", strings.TrimPrefix(owner.Error(), strings.TrimRight(key, ".0123456789")+": "))
	}
}

// each refuses what an owner says of several keys, a line a key.
func (c *checker) each(owner error) {
	c.below("", owner)
}

// below is each for keys that begin with at.
func (c *checker) below(at string, owner error) {
	if owner == nil {
		return
	}
	for _, line := range strings.Split(owner.Error(), "\n") {
		key, reason, _ := strings.Cut(line, ": ")
		c.refuse(at+key, "%s", reason)
	}
}

// floor refuses what would be careless in production and useful on one's own machine.
func (c *checker) floor(key, reason string, args ...any) {
	if c.cfg.Dev {
		c.report.Lifted = append(c.report.Lifted, key+": "+fmt.Sprintf(reason, args...))
		return
	}
	c.refuse(key, reason+" (--dev allows it)", args...)
}

func (c *checker) warn(reason string, args ...any) {
	c.report.Warnings = append(c.report.Warnings, fmt.Sprintf(reason, args...))
}

func (c *checker) run() {
	c.dsn()
	c.endpoints()
	c.cors()
	c.cookies()
	c.durations()
	c.flows()
	c.hooks()
	c.proofs()
	c.proveFirst()
	c.returnURLs()
	c.identity()
	c.password()
	c.hashers()
	c.outgoing()
	c.code()
	c.link()
	c.oidc()
	c.courier()
	c.channels()
	c.templates()
	c.brand()
	c.tokenizers()
	c.webHooks()
	c.events()
}

func (c *checker) dsn() {
	_, local, err := persistence.DatabaseFile(c.cfg.DSN)
	c.ask("dsn", err)
	if err == nil && !local && len(c.cfg.Secrets.Default) == 0 {
		c.refuse("secrets.default", "required with this database, since every node needs the same: a list of strings of 16 characters or more; make one with: openssl rand -base64 32")
	}
	if c.cfg.Database.AllowUnsafe {
		c.warn("database.allow_unsafe_durability: acknowledged registrations may be lost in a crash")
	}
}

func (c *checker) endpoints() {
	c.endpoint("serve.public", c.cfg.Serve.Public.Endpoint)
	c.endpoint("serve.admin", c.cfg.Serve.Admin.Endpoint)
	c.admin()
	public, admin := c.cfg.Serve.Public, c.cfg.Serve.Admin
	if public.Port == admin.Port && public.Port != 0 && !strings.HasPrefix(public.Host+admin.Host, unixPrefix) {
		c.refuse("serve.admin.port", "is the public port, too")
	}
	if strings.HasPrefix(public.Host, unixPrefix) && public.Host == admin.Host {
		c.refuse("serve.admin.host", "is the public socket, too")
	}
	for i, text := range settings.strs(c.given, "serve.public.trusted_proxies") {
		key := fmt.Sprintf("serve.public.trusted_proxies.%d", i)
		prefix, err := parseProxy(text)
		switch {
		case err != nil:
			c.refuse(key, "expected an address or a range like 10.0.0.0/8")
		case prefix.Bits() == 0:
			c.refuse(key, "trusts everybody; then anyone can choose the address they are seen with")
		}
	}
}

// narrow reports whether only this machine can reach host.
func narrow(host string) bool {
	if strings.HasPrefix(host, unixPrefix) || host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

func (c *checker) endpoint(at string, e Endpoint) {
	if c.given.at(at+".base_url") != nil {
		c.webURL(at+".base_url", e.BaseURL)
	}
	if path, isUnix := strings.CutPrefix(e.Host, unixPrefix); isUnix && !filepath.IsAbs(path) {
		c.refuse(at+".host", "expected an absolute path, as in unix:/run/foyer.sock")
	} else if !isUnix && strings.ContainsAny(e.Host, "/ ") {
		c.refuse(at+".host", "expected an address or a host name, without scheme or path")
	}
	cert, key := e.TLS.CertPath != "" || e.TLS.CertBase64 != "", e.TLS.KeyPath != "" || e.TLS.KeyBase64 != ""
	switch {
	case cert && !key:
		c.refuse(at+".tls", "has a certificate but no key")
	case key && !cert:
		c.refuse(at+".tls", "has a key but no certificate")
	case e.TLS.CertPath != "" && e.TLS.CertBase64 != "", e.TLS.KeyPath != "" && e.TLS.KeyBase64 != "":
		c.refuse(at+".tls", "set path or base64, not both")
	}
}

// machine looks at the files that serving begins with.
func (c *checker) machine() {
	if file, _, err := persistence.DatabaseFile(c.cfg.DSN); err == nil && file != "" {
		c.ask("dsn", canHoldDatabase(file))
	}
	for at, e := range map[string]Endpoint{"serve.public": c.cfg.Serve.Public.Endpoint, "serve.admin": c.cfg.Serve.Admin.Endpoint} {
		refused := slices.ContainsFunc(c.findings, func(f finding) bool { return strings.Join(f.path, ".") == at+".tls" })
		var fault *tlsFault
		if _, err := e.TLS.config(); !refused && errors.As(err, &fault) {
			c.refuse(at+"."+fault.key, "%s", fault.reason)
		}
	}
	c.courierFiles()
}

// webURL refuses what is no absolute http(s) URL of one host.
func (c *checker) webURL(key, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Contains(u.Host, "*"):
		c.refuse(key, "expected an absolute http or https URL")
	case u.User != nil:
		c.refuse(key, "must not hold a user name or password")
	case u.RawQuery != "" && (strings.HasSuffix(key, "base_url") || key == redirectKey), u.Fragment != "":
		c.refuse(key, "must not have a query or fragment")
	default:
		_, err := web.NewOrigins(text)
		c.ask(key, err)
	}
}

func (c *checker) cors() {
	cors := c.cfg.Serve.Public.CORS
	if !cors.Enabled {
		return
	}
	const key = "serve.public.cors.allowed_origins"
	for i, origin := range cors.AllowedOrigins {
		if at := fmt.Sprintf("%s.%d", key, i); origin != "*" {
			_, err := web.NewOrigins(origin)
			c.ask(at, err)
		} else if _, _, err := web.NewCORS(cors.CORS); err != nil {
			c.floor(at, "%s", strings.TrimPrefix(err.Error(), "serve.public.cors: "))
		}
	}
}

func (c *checker) cookies() {
	base, err := url.Parse(c.cfg.Serve.Public.BaseURL)
	if err != nil {
		return
	}
	found := len(c.findings)
	c.cookie("cookies", c.cfg.Cookies, base)
	c.cookie("session.cookie", c.cfg.Session.Cookie, base)
	if len(c.findings) == found {
		c.ask("session.cookie.name", c.cfg.Session.Cookie.Validate())
	}
	if strings.HasPrefix(c.cfg.Session.Cookie.Name, "csrf_token") {
		c.refuse("session.cookie.name", "collides with the CSRF cookie")
	}
}

// cookie checks one scope. A session scope is checked only for what it does
// not share with the general one, or each mistake would be told twice.
func (c *checker) cookie(at string, scope web.CookieOptions, base *url.URL) {
	own := func(key string) bool { return at == "cookies" || c.given.at(at+"."+key) != nil }
	if own("domain") && scope.Domain != "" {
		c.cookieDomain(at+".domain", strings.TrimPrefix(scope.Domain, "."), base.Hostname())
	}
	if own("path") {
		c.ask(at+".path", web.CookieOptions{Name: at, Path: scope.Path}.Validate())
	}
	if own("secure") && !scope.Secure {
		c.floor(at+".secure", "cookies without Secure can be read on the wire")
	}
	if own("same_site") || own("secure") {
		c.ask(at+".same_site", web.CookieOptions{Name: at, SameSite: scope.SameSite, Secure: scope.Secure}.Validate())
	}
	if own("secure") && scope.Secure && base.Scheme == "http" {
		at := "serve.public.base_url"
		if c.cfg.Dev {
			c.warn("%s: browsers send Secure cookies back on https only; leave cookies.secure out with --dev", at)
		} else if c.given.at(at) != nil {
			c.refuse(at, "browsers send Secure cookies back on https only; use https, or --dev on one's own machine")
		}
	}
}

func (c *checker) cookieDomain(key, domain, host string) {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	switch {
	case domain == host:
	case net.ParseIP(domain) != nil || net.ParseIP(host) != nil, !strings.HasSuffix(host, "."+domain):
		c.refuse(key, "does not cover %q, the host of serve.public.base_url, so browsers would drop the cookies", host)
	case suffix == domain:
		c.refuse(key, "is a public suffix, under which anybody may register; browsers would drop the cookies")
	}
}

func (c *checker) durations() {
	for key, least := range map[string]time.Duration{
		"selfservice.flows.registration.lifespan":               time.Second,
		"selfservice.flows.login.lifespan":                      time.Second,
		"selfservice.flows.settings.lifespan":                   time.Second,
		"selfservice.flows.verification.lifespan":               time.Second,
		"selfservice.flows.recovery.lifespan":                   time.Second,
		"selfservice.flows.settings.privileged_session_max_age": time.Second,
		"selfservice.methods.code.config.lifespan":              time.Second,
		"selfservice.methods.link.config.lifespan":              time.Second,
		"session.lifespan":                                      time.Minute,
		"session.earliest_possible_extend":                      time.Second,
		"feature_flags.cacheable_sessions_max_age":              time.Second,
		"courier.worker.pull_wait":                              10 * time.Millisecond,
		"courier.lease":                                         minLease,
		"courier.timeout":                                       10 * time.Millisecond,
		"courier.retention":                                     0,
		"events.worker.pull_wait":                               10 * time.Millisecond,
		"events.lease":                                          minLease,
		"events.timeout":                                        minHookTime,
		"events.retention":                                      0,
		"clients.web_hook.total_timeout":                        minHookTime,
		"hashers.max_wait":                                      time.Millisecond,
		"database.cleanup.sleep.tables":                         0,
		"database.cleanup.older_than":                           0,
	} {
		text := c.given.str(key)
		if text == "" {
			continue // the default is fine, or the schema has refused it
		}
		if d, err := time.ParseDuration(text); err != nil {
			c.refuse(key, "is longer than 292 years, and more cannot be counted")
		} else if d < least {
			c.refuse(key, "must be at least %s", least)
		}
	}
}

func (c *checker) identity() {
	ids := map[string]bool{}
	for i, schema := range c.cfg.Identity.Schemas {
		at := fmt.Sprintf("identity.schemas.%d.", i)
		if ids[schema.ID] {
			c.refuse(at+"id", "the id %q is taken by an earlier schema", schema.ID)
		}
		ids[schema.ID] = true
		for key, url := range map[string]string{"url": schema.URL, "metadata_public_url": schema.MetadataPublicURL, "metadata_admin_url": schema.MetadataAdminURL} {
			if strings.HasPrefix(url, "http://") {
				c.floor(at+key, "a schema fetched over http can be exchanged on its way")
			}
		}
	}
	if def := c.cfg.Identity.DefaultSchemaID; len(ids) > 0 && !ids[def] {
		known := make([]string, 0, len(ids))
		for _, s := range c.cfg.Identity.Schemas {
			known = append(known, s.ID)
		}
		slices.Sort(known)
		c.findings = append(c.findings, finding{
			path:   []string{"identity", "default_schema_id"},
			reason: fmt.Sprintf("%q is none of the ids in identity.schemas", def), suggestion: nearest(def, known),
		})
	}
}

func (c *checker) password() {
	const flag, alias = "feature_flags.password_profile_registration_node_group", "selfservice.methods.password.config.password_profile_registration_node_group"
	if a, b := c.given.str(flag), c.given.str(alias); a != "" && b != "" && a != b {
		c.refuse(alias, "contradicts %s, of which it is an alias", flag)
	}
	p := c.cfg.SelfService.Password
	if p.MaxBytes > 0 && p.MinLength > p.MaxBytes {
		c.refuse("selfservice.methods.password.config.min_password_length", "bcrypt reads %d bytes at most", p.MaxBytes)
	}
	if strings.ContainsAny(p.PwnedHost, "/ @?#") {
		c.refuse("selfservice.methods.password.config.haveibeenpwned_host", "expected a host, without scheme or path")
	}
}

// hashers asks the hasher itself, whose floors these are.
func (c *checker) hashers() {
	if a := c.cfg.Hashers.Argon2; a.Iterations == 0 || a.Parallelism == 0 {
		return // the schema has said what is wrong; the rest would follow from it
	}
	for _, fault := range c.cfg.Hashers.Faults() {
		c.refuse(fault.Key, "%s", fault.Reason)
	}
}

func (c *checker) outgoing() {
	for i, exempt := range c.cfg.Outbound.Exceptions {
		_, err := web.NewOutbound(web.OutboundConfig{Exceptions: []string{exempt}})
		c.ask(fmt.Sprintf("clients.http.private_ip_exception_urls.%d", i), err)
	}
	if p := c.cfg.Outbound.Proxy; p != nil {
		_, err := web.NewOutbound(web.OutboundConfig{Proxy: p})
		c.ask(proxyKey, err)
	} else if c.given.str(proxyKey) != "" {
		c.refuse(proxyKey, "expected an absolute URL")
	}
	if c.cfg.Outbound.AllowPrivate {
		c.warn("clients.http.disallow_private_ip_ranges is false: outgoing calls may reach private addresses")
	}
}
