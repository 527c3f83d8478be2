package cmd

import (
	"slices"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/selfservice"
)

// rules are what an operator configures for each kind of flow. A change of
// addresses opens a verification of its own, before other hooks look for one.
func rules(c *Config, out *outbox, sessions *session.Manager) map[selfservice.Kind]*selfservice.Rules {
	r, l, v := c.SelfService.Registration, c.SelfService.Login, c.SelfService.Verification
	back, own := c.SelfService.Recovery, c.SelfService.Settings
	hooks := func(list []Hook) []selfservice.Hook { return out.hooks(list, sessions) }
	methodHooks := func(a After) map[string][]selfservice.Hook { return out.methodHooks(a, sessions) }
	var changed []selfservice.Hook
	if v.Enabled {
		changed = append(changed, hook.Verification())
	}
	// A change that was held back comes with the proof, and is told of there.
	proved := slices.Concat(v.After.Hooks, own.afterProfile("notify_previous_addresses"))
	return map[selfservice.Kind]*selfservice.Rules{
		selfservice.Registration: {
			Enabled:        r.Enabled,
			UIURL:          r.UIURL,
			Lifespan:       r.Lifespan,
			Before:         hooks(r.Before),
			ReturnTo:       r.After.ReturnURL,
			MethodReturnTo: methodReturns(r.After),
			After:          slices.Concat(changed, hooks(r.After.Hooks)),
			AfterMethod:    methodHooks(r.After),
			ProveFirst:     r.VerifyBeforeCreate,
			TwoSteps:       r.ProfileFirst,
		},
		selfservice.Login: {
			Enabled:        l.UIURL != "",
			UIURL:          l.UIURL,
			Lifespan:       l.Lifespan,
			Before:         hooks(l.Before),
			ReturnTo:       l.After.ReturnURL,
			MethodReturnTo: methodReturns(l.After),
			After:          hooks(l.After.Hooks),
			AfterMethod:    methodHooks(l.After),
			TwoSteps:       l.IdentifierFirst,
		},
		selfservice.Settings: {
			Enabled:        own.UIURL != "",
			UIURL:          own.UIURL,
			Lifespan:       own.Lifespan,
			Before:         hooks(own.Before),
			ReturnTo:       own.After.ReturnURL,
			MethodReturnTo: methodReturns(own.After),
			After:          slices.Concat(changed, hooks(own.After.Hooks)),
			AfterMethod:    methodHooks(own.After),
			Privileged:     own.PrivilegedMaxAge,
			HoldsBack:      len(own.afterProfile("verify_new_address")) > 0,
		},
		selfservice.Recovery: {
			Enabled:       back.Enabled,
			UIURL:         back.UIURL,
			Lifespan:      back.Lifespan,
			Before:        hooks(back.Before),
			ReturnTo:      back.After.ReturnURL,
			After:         hooks(back.After.Hooks),
			Use:           back.Use,
			NotifyUnknown: back.NotifyUnknown,
		},
		selfservice.Verification: {
			Enabled:       v.Enabled,
			UIURL:         v.UIURL,
			Lifespan:      v.Lifespan,
			Before:        hooks(v.Before),
			ReturnTo:      v.After.ReturnURL,
			After:         hooks(proved),
			Use:           v.Use,
			NotifyUnknown: v.NotifyUnknown,
		},
	}
}

func methodReturns(a After) map[string]string {
	to := map[string]string{}
	for method, after := range a.Method {
		to[method] = after.ReturnURL
	}
	return to
}

// afterProfile are the hooks of a name that follow a change of one's own traits.
func (s Settings) afterProfile(name string) []Hook {
	return slices.DeleteFunc(slices.Clone(s.After.Method["profile"].Hooks), func(h Hook) bool { return h.Name != name })
}
