package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/identity"
)

// events looks at who is told of what.
func (c *checker) events() {
	for i, one := range c.given.list("events.endpoints") {
		at := fmt.Sprintf("events.endpoints.%d", i)
		c.receiver(at+".id", one.str("id"))
		c.eventTypes(at+".types", one.strs("types"))
		secrets := one.strs("signing_secrets")
		c.call(at, one, "", secrets)
		if secrets == nil && c.cfg.Secrets.WebHook == nil {
			c.warn("%s: it is not signed, so its receiver cannot tell who calls; set secrets.web_hook or signing_secrets", at)
		}
	}
	c.eventTimes()
	if c.given.at("events") != nil && !c.storesCalls() {
		c.refuse("events", "says how events are delivered, but there are none: no endpoint, and no web_hook that is stored")
	}
}

// eventTypes refuses what never happens.
func (c *checker) eventTypes(at string, types []string) {
	known := []string{"*"}
	for _, e := range identity.EventTypes {
		kind, _, _ := strings.Cut(e.Name, ".")
		known = append(known, e.Name, kind+".*")
	}
	slices.Sort(known)
	known = slices.Compact(known)
	for i, name := range types {
		key := fmt.Sprintf("%s.%d", at, i)
		if !slices.Contains(known, name) {
			c.findings = append(c.findings, finding{
				path:   strings.Split(key, "."),
				reason: fmt.Sprintf("%q is no event; there are %s", name, strings.Join(known, ", ")), suggestion: nearest(name, known),
			})
		}
	}
}

func (c *checker) eventTimes() {
	const lease, timeout = "events.lease", "events.timeout"
	if e := c.cfg.Events; e.Lease > maxLease {
		c.refuse(lease, "must be at most %s", maxLease)
	} else if e.Timeout >= e.Lease {
		at := timeout
		if c.given.at(at) == nil {
			at = lease
		}
		c.refuse(at, "the timeout of one delivery, %s, has to be below the lease, %s, or two workers would deliver the same event", e.Timeout, e.Lease)
	}
}

// storesCalls reports whether anything is ever delivered from the store.
func (c *checker) storesCalls() bool {
	return len(c.cfg.Events.Endpoints) > 0 || slices.ContainsFunc(c.cfg.SelfService.everyHook(), func(h Hook) bool {
		return h.WebHook != nil && (!h.WebHook.Blocks() || h.WebHook.Reserve)
	})
}
