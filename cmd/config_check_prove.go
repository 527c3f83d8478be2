package cmd

import (
	"net"
	"net/url"
	"strings"
	"time"
)

// What is advisable for codes, and the most that is accepted. Six digits bear
// few guesses and little time.
const (
	goodCodeLife   = 10 * time.Minute
	maxCodeLife    = time.Hour
	maxSubmissions = 5
)

// proofs looks at what the flows need in which an address is proved.
func (c *checker) proofs() {
	if v := c.cfg.SelfService.Verification; v.Enabled {
		c.proof("selfservice.flows.verification", v.UIURL, v.Use)
	}
	if r := c.cfg.SelfService.Recovery; r.Enabled {
		c.proof("selfservice.flows.recovery", r.UIURL, r.Use)
	}
}

func (c *checker) proof(at, page, use string) {
	c.needsPage(at+".ui_url", page)
	switch {
	case use == "code" && !c.cfg.SelfService.Code.Enabled:
		c.refuse(at+".use", "is code, which selfservice.methods.code.enabled turns off")
	case use == "link" && !c.cfg.SelfService.Link.Enabled:
		c.refuse(at+".use", "is link, which needs selfservice.methods.link.enabled")
	}
	c.needsCourier()
}

// proveFirst looks at what holding a registration back needs. The key is the
// one the operator has set.
func (c *checker) proveFirst() {
	self := c.cfg.SelfService
	if !self.Registration.Enabled || !self.Registration.VerifyBeforeCreate {
		return
	}
	key := "selfservice.flows.registration.verify_before_create"
	if c.cfg.Security.MitigateEnumeration {
		key = "security.account_enumeration.mitigate"
	}
	switch {
	case !self.Verification.Enabled:
		c.refuse(key, "needs selfservice.flows.verification.enabled: nobody could prove an address")
	case !self.Code.Enabled:
		c.refuse(key, "needs selfservice.methods.code.enabled: whoever opens a mailed link elsewhere is shown a code")
	}
	c.needsCourier()
}

// code looks at the method of one-time codes.
func (c *checker) code() {
	const at = "selfservice.methods.code."
	if c.given.flag(at+"passwordless_enabled") && c.given.flag(at+"mfa_enabled") {
		c.refuse(at+"mfa_enabled", "contradicts passwordless_enabled: a code cannot be both factors")
	}
	code := c.cfg.SelfService.Code
	if c.given.flag(at + "passwordless_enabled") {
		if !code.Enabled {
			c.refuse(at+"passwordless_enabled", "needs selfservice.methods.code.enabled")
		}
		c.needsCourier()
	}
	if code.Lifespan > maxCodeLife {
		c.refuse(at+"config.lifespan", "must be at most %s: a code is short, so it may not live long", maxCodeLife)
	} else if code.Enabled && code.Lifespan > goodCodeLife {
		c.warn("%sconfig.lifespan: %s is more than is advisable for a code, which is %s", at, code.Lifespan, goodCodeLife)
	}
	if n := c.given.num(at + "config.max_submissions"); code.Enabled && n > maxSubmissions {
		c.warn("%sconfig.max_submissions: at most %d codes are evaluated in a flow, so %d counts as %d", at, maxSubmissions, n, maxSubmissions)
	}
}

// link looks at the method of mailed links.
func (c *checker) link() {
	const at = "selfservice.methods.link.config.base_url"
	if base := c.given.str(at); base != "" {
		c.webURL(at, base)
		c.notPlain(at, base, "a link that is opened over http can be read on its way")
		c.sameCookies(at, base, "whoever opens a link loses the cookie that submitting needs")
	}
}

// sameCookies refuses URLs that lead to a host whose cookies the public URL does
// not get, or the other way round: those of flows are set here and needed there.
func (c *checker) sameCookies(at, base, without string) {
	link, err := url.Parse(base)
	public, err2 := url.Parse(c.cfg.Serve.Public.BaseURL)
	if err != nil || err2 != nil {
		return // said already
	}
	domain := strings.ToLower(strings.TrimPrefix(c.cfg.Cookies.Domain, "."))
	covers := func(host string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain) && net.ParseIP(host) == nil
	}
	here, there := strings.ToLower(link.Hostname()), strings.ToLower(public.Hostname())
	if here != there && (domain == "" || !covers(here) || !covers(there)) {
		c.refuse(at, "%q is another host than the %q of serve.public.base_url, so %s; set cookies.domain to a domain of both, or leave it out", here, there, without)
	}
}
