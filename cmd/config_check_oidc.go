package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// oidc looks at the providers where they are offered.
func (c *checker) oidc() {
	self := c.cfg.SelfService
	if base := c.given.str(redirectKey); base != "" {
		c.webURL(redirectKey, base)
		c.sameCookies(redirectKey, base, "whoever comes back from a provider lacks the cookie that their flow is bound to")
	}
	if !self.OIDC.Enabled {
		return
	}
	if len(self.OIDC.Providers) == 0 {
		c.warn("%s: empty, so there is nobody to sign in by", providersKey)
		return
	}
	ids := map[string]bool{}
	for i, p := range self.OIDC.Providers {
		at := fmt.Sprintf("%s.%d", providersKey, i)
		if ids[strings.ToLower(p.ID)] {
			c.refuse(at+".id", "the id %q is taken by an earlier provider", p.ID)
		}
		ids[strings.ToLower(p.ID)] = true
		c.provider(at, p)
	}
	signsIn := func(list []Hook) bool {
		return slices.ContainsFunc(list, func(h Hook) bool { return h.Name == "session" })
	}
	if r := self.Registration; r.Enabled && !signsIn(r.After.Hooks) && !signsIn(r.After.Method["oidc"].Hooks) {
		c.warn("selfservice.flows.registration.after.oidc.hooks: session is missing, so people who sign up by a provider are not signed in, and are asked for it again")
	}
}

func (c *checker) provider(at string, p Provider) {
	switch {
	case p.MapperURL == "" && p.Mapping == nil:
		c.refuse(at+".mapping", "required, but missing: nothing says what becomes of the claims; set mapping, as in {traits: {email: email}}, or mapper_url")
	case p.MapperURL != "":
		c.source(at+".mapper_url", p.MapperURL)
		p.Mapper = "{}" // stands for it until it is fetched
	}
	for key, url := range map[string]string{"issuer_url": p.IssuerURL, "auth_url": p.AuthURL, "token_url": p.TokenURL, "userinfo_url": p.UserInfoURL} {
		c.notPlain(at+"."+key, url, "what a provider says over http can be exchanged on its way")
	}
	_, err := oidc.New(p.Settings, oidc.Deps{})
	c.below(at+".", err)
	c.credentials(at, p)
	if p.PKCE == oidc.PKCENever {
		c.warn("%s.pkce: never is asked for, so a code that is stolen on its way back can be used by the thief; auto is right for almost every provider", at)
	}
	if slices.Contains(p.AuthoritativeFor, "*") {
		c.warn("%s.authoritative_for: * believes this provider about every address, and whoever proves an unproved one there takes the account over that has it", at)
	}
}

// public are the kinds that know clients without a secret.
var public = []string{"auth0", "generic", "gitlab", "hydra", "jackson", "keycloak", "microsoft", "ory", "salesforce", "spotify", "vk", "x"}

func (c *checker) credentials(at string, p Provider) {
	switch {
	case p.Kind == "apple" && p.ClientSecret != "":
		c.warn("%s.client_secret: not read; Apple's secrets are made of apple_private_key", at)
	case p.Kind == "apple", p.ClientSecret != "":
	case slices.Contains(public, p.Kind):
		c.warn("%s.client_secret: missing, so the provider has to know %q as a public client", at, p.ClientID)
	default:
		c.refuse(at+".client_secret", "required, but missing: %s knows no clients without one", p.Kind)
	}
}
