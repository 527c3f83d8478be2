package cmd

import (
	"fmt"
	"maps"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	maxHookTime = 20 * time.Second // of one call that somebody waits for
	minHookTime = 10 * time.Millisecond
)

// maxHookTotal leaves half of the time that an answer may take to everything
// but hooks.
func maxHookTotal() time.Duration { return PublicTimeouts.Write / 2 }

// hooks looks at what comes before and after each flow. The global hooks run
// with those of each method, so what is among them need not be listed there
// again.
func (c *checker) hooks() {
	for _, flow := range flowNames {
		c.hookList(flow, before, map[string]bool{})
		global := map[string]bool{}
		c.hookList(flow, after(everyMethod), global)
		for _, method := range slices.Sorted(maps.Keys(hooksAfter[flow]))[1:] {
			c.hookList(flow, after(method), maps.Clone(global))
		}
	}
	for _, f := range c.cfg.SelfService.hooked() {
		c.crowded(section(f.flow, before), f.before)
		c.crowded(section(f.flow, after(everyMethod)), f.after.Hooks)
		for _, method := range slices.Sorted(maps.Keys(f.after.Method)) {
			if own := f.after.Method[method].Hooks; len(own) > 0 {
				c.crowded(section(f.flow, after(method)), f.after.Hooks, own)
			}
		}
	}
	c.unsigned()
}

// crowded warns of questions that together may take longer than a step has: the
// last ones are then not asked.
func (c *checker) crowded(at string, lists ...[]Hook) {
	var sum time.Duration
	for _, h := range slices.Concat(lists...) {
		if h.WebHook != nil && h.WebHook.Blocks() {
			sum += h.WebHook.Timeout
		}
	}
	if total := c.cfg.WebHooks.TotalTimeout; sum > total {
		c.warn("%s.hooks: what is asked may take %s together, and clients.web_hook.total_timeout leaves %s: where the first are slow, the last fail unasked", at, sum, total)
	}
}

func (c *checker) hookList(flow, moment string, seen map[string]bool) {
	list := section(flow, moment) + ".hooks"
	for i, one := range c.given.list(list) {
		at, name := fmt.Sprintf("%s.%d", list, i), one.str("hook")
		if seen[name] && name != "web_hook" {
			c.refuse(at+".hook", "the hook %q is listed twice", name)
		}
		seen[name] = true
		if why := needsVerification[name]; why != "" && !c.cfg.SelfService.Verification.Enabled {
			c.refuse(at+".hook", "needs selfservice.flows.verification.enabled: %s", why)
		}
		switch at += ".config"; name {
		case "web_hook":
			c.webHook(at, flow, moment, one)
		case "ip_range":
			c.ipRange(at, one)
		case "country":
			c.country(at, one)
		case "schedule":
			c.schedule(at, one)
		}
	}
}

var needsVerification = map[string]string{
	"show_verification_ui":     "there is no verification to show",
	"verify_new_address":       "there is no verification to prove it by",
	"verification":             "there is no verification to begin",
	"require_verified_address": "nobody could prove an address, so nobody could sign in",
}

func (c *checker) webHook(at, flow, moment string, one settings) {
	w := webHookOf(one)
	c.receiver(at+".id", w.ID)
	switch {
	case w.Ignore && w.Blocks():
		c.refuse(at+".response.ignore", "contradicts can_interrupt, response.parse and reserve, which need the answer")
	case w.FailOpen && !w.Blocks():
		c.refuse(at+".fail_open", "nothing fails where nobody waits for the answer; set can_interrupt, response.parse or reserve, or leave it out")
	case w.FailOpen && w.Reserve:
		c.refuse(at+".fail_open", "contradicts reserve: what nobody has held cannot be confirmed")
	case w.Reserve && moment == before:
		c.refuse(at+".reserve", "nothing is stored when a flow is opened that could be confirmed; it works in the after.hooks of every flow")
	}
	if !w.Blocks() && !w.Ignore && (moment == before || flow == "login") {
		c.warn("%s: it does not wait for the answer; set can_interrupt: true if it is to refuse", at)
	}
	c.call(at, one, "config", w.SigningSecrets)
	c.source(at+".body", w.BodyURL)
	c.bodyPaths(at+".body", w.BodyPaths)
	if _, err := hook.CompileCondition(w.Condition); w.Condition != "" && err != nil {
		c.refuse(at+".condition", "%s", strings.TrimPrefix(err.Error(), "condition:"))
	}
	c.hookTime(at+".timeout", w, one.at("config.timeout") != nil)
}

// receiver refuses a name that another receiver has: rows wait in order by it.
func (c *checker) receiver(at, id string) {
	if id == "" {
		return
	}
	if other := c.receivers[id]; other != "" {
		c.refuse(at, "the id %q is that of %s, too", id, strings.TrimSuffix(other, ".id"))
		return
	}
	c.receivers[id] = at
}

// bodyPaths refuses each path that cannot stand with those before it.
func (c *checker) bodyPaths(at string, paths []string) {
	var good []string
	for i, path := range paths {
		if _, err := hook.ParsePaths(append(good, path)); err != nil {
			c.refuse(fmt.Sprintf("%s.%d", at, i), "%s", err)
			continue
		}
		good = append(good, path)
	}
}

func (c *checker) hookTime(key string, w WebHook, given bool) {
	switch total := c.cfg.WebHooks.TotalTimeout; {
	case w.Timeout < minHookTime:
		c.refuse(key, "must be at least %s", minHookTime)
	case w.Timeout > maxHookTime:
		c.refuse(key, "must be at most %s", maxHookTime)
	case given && !w.Blocks():
		c.warn("%s: nobody waits for this call, so events.timeout holds, which is %s", key, c.cfg.Events.Timeout)
	case given && w.Timeout > total:
		c.refuse(key, "is longer than clients.web_hook.total_timeout, which is %s", total)
	}
}

// call looks at an outgoing request that the operator has written at a key of
// s, which is at on the whole, and at what signs it.
func (c *checker) call(at string, s settings, key string, secrets []string) {
	call := buildCall(s, key)
	for _, fault := range call.Faults() {
		c.refuse(at+"."+fault.Key, "%s", fault.Reason)
	}
	if u, err := url.Parse(call.URL); err == nil && u.Scheme == "http" && !c.cfg.Dev {
		c.warn("%s.url: what is sent over http can be read on its way, and its answer exchanged", at)
	}
	c.signingSecrets(at+".signing_secrets", secrets)
}

// signingSecrets refuses what the receivers' libraries could not decode.
func (c *checker) signingSecrets(at string, secrets []string) {
	for i, secret := range secrets {
		if _, err := hook.ParseSigner([]string{secret}); err != nil {
			c.refuse(fmt.Sprintf("%s.%d", at, i), "expected whsec_ and the base64 of 24 to 64 bytes; make one with: echo whsec_$(openssl rand -base64 32)")
		}
	}
}

// unsigned warns of calls whose receivers cannot tell who calls.
func (c *checker) unsigned() {
	for _, h := range c.cfg.SelfService.everyHook() {
		if h.WebHook != nil && h.WebHook.SigningSecrets == nil {
			c.warn("secrets.web_hook: missing, so web hooks without signing_secrets are not signed")
			return
		}
	}
}

func (c *checker) ipRange(at string, one settings) {
	denied := map[string]bool{}
	for _, list := range []string{"deny", "allow"} {
		for i, text := range one.strs("config." + list) {
			key := fmt.Sprintf("%s.%s.%d", at, list, i)
			p, err := parseProxy(text)
			switch {
			case err != nil:
				c.refuse(key, "expected an address or a range like 10.0.0.0/8")
			case denied[p.String()] && list == "allow":
				c.refuse(key, "is denied, too")
			}
			denied[p.String()] = true
		}
	}
	c.decides(at, one)
}

func (c *checker) country(at string, one settings) {
	var denied []string
	for _, list := range []string{"deny", "allow"} {
		for i, text := range one.strs("config." + list) {
			key, code := fmt.Sprintf("%s.%s.%d", at, list, i), strings.ToUpper(text)
			switch {
			case !isCountry(code):
				c.refuse(key, "%q is no country; expected a code of two letters (ISO 3166-1), as in DE", text)
			case slices.Contains(denied, code) && list == "allow":
				c.refuse(key, "is denied, too")
			}
			denied = append(denied, code)
		}
	}
	c.decides(at, one)
	if name := one.str("config.header"); name != "" && !tellable(textproto.CanonicalMIMEHeaderKey(name)) {
		c.refuse(at+".header", "names no country")
	}
	if len(c.cfg.Serve.Public.TrustedProxies) == 0 {
		c.refuse(at, "serve.public.trusted_proxies is empty, and the header counts only where a proxy of yours has set it")
	}
}

// isCountry reports whether a code is a country's, or what proxies write where
// they know none (XX) or see Tor (T1).
func isCountry(code string) bool {
	if code == "XX" || code == "T1" {
		return true
	}
	region, err := language.ParseRegion(code)
	return err == nil && len(code) == 2 && region.IsCountry() && region.Canonicalize().String() == code
}

// decides refuses a list of nobody.
func (c *checker) decides(at string, one settings) {
	if len(one.strs("config.allow"))+len(one.strs("config.deny")) == 0 {
		c.refuse(at, "needs allow or deny, with at least one entry")
	}
}

func (c *checker) schedule(at string, one settings) {
	s := buildSchedule(one)
	if s.From == s.To && s.From < 24*time.Hour {
		c.refuse(at+".to", "is the same as from, which leaves no time; leave both out for the whole day")
	}
	if s.Location == nil || s.TimeZone == "Local" {
		c.refuse(at+".time_zone", "%q is no time zone; expected a name like Europe/Berlin", s.TimeZone)
	}
}

// tellable reports whether hooks may be told of a header: of those that a
// person proves by who they are, none is.
func tellable(name string) bool {
	return len(web.AllowedHeaders(map[string][]string{name: {"x"}}, []string{name})) > 0
}

// webHooks looks at what all web hooks share.
func (c *checker) webHooks() {
	const at = "clients.web_hook."
	for i, name := range c.given.strs(at + "header_allowlist") {
		if !tellable(textproto.CanonicalMIMEHeaderKey(name)) {
			c.refuse(fmt.Sprintf("%sheader_allowlist.%d", at, i), "%s is never told: whoever has it could act as the person", name)
		}
	}
	if most := maxHookTotal(); c.cfg.WebHooks.TotalTimeout > most {
		c.refuse(at+"total_timeout", "must be at most %s, half of the time after which the server gives up on an answer", most)
	}
	c.signingSecrets("secrets.web_hook", c.cfg.Secrets.WebHook)
}
