package cmd

import "github.com/foyer-id/foyer/internal/web"

func (c *checker) flows() {
	self := c.cfg.SelfService
	if self.Registration.Enabled {
		c.needsPage("selfservice.flows.registration.ui_url", self.Registration.UIURL)
	}
	c.needsPage("selfservice.flows.error.ui_url", self.ErrorUIURL)
	for key, text := range map[string]string{
		"selfservice.flows.login.ui_url": self.Login.UIURL, "selfservice.flows.settings.ui_url": self.Settings.UIURL,
	} {
		if text != "" {
			c.webURL(key, text)
		}
	}
	const style = "selfservice.flows.registration.style"
	if c.given.flag("selfservice.flows.registration.enable_legacy_one_step") && c.given.str(style) == "profile_first" {
		c.refuse(style, "contradicts enable_legacy_one_step, which is the old spelling of unified")
	}
	c.deadEnds()
}

// deadEnds warns of ways that people can begin and not finish.
func (c *checker) deadEnds() {
	self := c.cfg.SelfService
	if !self.Password.Enabled && !self.Code.Passwordless && !self.OIDC.offered() {
		if self.Registration.Enabled {
			c.warn("selfservice.methods.password.enabled: no method is left to register with")
		}
		if self.Login.UIURL != "" {
			c.warn("selfservice.methods.password.enabled: no method is left to sign in with")
		}
	}
	if self.Registration.Enabled && self.Login.UIURL == "" {
		c.warn("selfservice.flows.login.ui_url: missing, so people can register but not sign in")
	}
	if self.Recovery.Enabled && self.Settings.UIURL == "" {
		c.warn("selfservice.flows.settings.ui_url: missing, so whoever recovers an account cannot choose a new password")
	}
}

// needsPage refuses a missing page: there is no page of somebody else's to
// fall back to.
func (c *checker) needsPage(key, text string) {
	if text == "" {
		c.refuse(key, "required, but missing: browsers have to be sent somewhere")
		return
	}
	c.webURL(key, text)
}

func (c *checker) returnURLs() {
	self := c.cfg.SelfService
	urls := map[string]string{
		"selfservice.default_browser_return_url":                    self.DefaultReturnURL,
		"selfservice.flows.logout.after.default_browser_return_url": self.Logout.ReturnURL,
	}
	for flow, lists := range hooksAfter {
		for method := range lists {
			at := section(flow, after(method)) + returnKey
			urls[at] = c.given.str(at)
		}
	}
	for key, text := range urls {
		if text != "" {
			c.webURL(key, text)
		}
	}
	_, err := web.NewReturnTo(self.DefaultReturnURL, self.AllowedReturnURLs, c.cfg.Serve.Public.BaseURL)
	c.each(err)
}
