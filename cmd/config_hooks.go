package cmd

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/foyer-id/foyer/internal/web"
)

// Hook is one entry of a list of hooks that is in effect. Of the four settings
// the one of its name is there; other hooks have none.
type Hook struct {
	Name string
	Key  string // where it is configured, below selfservice.flows, without "hooks": "registration.after.password.2"

	Recipients string // of notify_previous_addresses

	WebHook  *WebHook
	IPRange  *IPRange
	Country  *Country
	Schedule *Schedule
}

// IPRange is who may open a flow, by address: whom Deny does not name, and
// Allow does where it is not empty.
type IPRange struct {
	Allow, Deny []netip.Prefix // masked
}

// Country is IPRange by the country that a proxy names in a header.
type Country struct {
	Header      string   // canonical
	Allow, Deny []string // ISO 3166-1 alpha-2, upper case
}

// Schedule is when a flow may be opened: on Days between From and To, both
// since midnight by the clocks of Location. A To before From is of the next day.
type Schedule struct {
	Days     []time.Weekday // never empty
	From, To time.Duration  // never equal; To is at most 24 hours
	TimeZone string         // the name of Location
	Location *time.Location `json:"-"`
}

// WebHook is a call to another system. Printed or encoded, it hides its
// credentials.
type WebHook struct {
	ID   string // as configured, "" for none
	Name string // ID, or what is made of place, method and URL; of no other web hook, and the same after others were moved

	Call      web.Call
	BodyURL   string   // of the Jsonnet that makes the body, not yet fetched; "" for BodyPaths or no body
	BodyPaths []string // what the body holds, as in identity.traits.email
	Condition string   // an expression; "" for always

	CanInterrupt bool // the answer may refuse
	Reserve      bool // called in two phases
	Ignore       bool // of the answer nothing is read
	Parse        bool // the answer may change the person
	FailOpen     bool // without an answer the flow goes on; only where Blocks

	Timeout        time.Duration // of one call where Blocks, at most maxHookTime; Events.Timeout is of those in store
	SigningSecrets []string      // its own, or else those of all; nil for no signature
}

// Blocks reports whether the flow waits for the answer. Any other web hook is
// stored with the change.
func (w WebHook) Blocks() bool { return w.CanInterrupt || w.Reserve || w.Parse }

// WebHooks is what all web hooks share. The secrets that most of them sign with
// are among Secrets.
type WebHooks struct {
	HeaderAllowlist []string      // headers of the person's request that hooks are told of; canonical
	TotalTimeout    time.Duration // of all that one step waits for, together
}

// MarshalJSON hides the credentials.
func (w WebHook) MarshalJSON() ([]byte, error) {
	type plain WebHook
	w.Call, w.BodyURL, w.SigningSecrets = hideCall(w.Call), redactURI(w.BodyURL), hideEach(w.SigningSecrets)
	return json.Marshal(plain(w))
}

// String is MarshalJSON's text.
func (w WebHook) String() string { return jsonText(w) }

// GoString is String, for %#v.
func (w WebHook) GoString() string { return w.String() }

func hideCall(c web.Call) web.Call {
	c.URL, c.Headers, c.Auth = redactURI(c.URL), hideValues(c.Headers), web.Auth(Auth(c.Auth).hide())
	return c
}

func hideEach(secrets []string) []string {
	var out []string
	for range secrets {
		out = append(out, hidden)
	}
	return out
}

// around is what hooks there are before and after a flow.
type around struct {
	flow   string
	before []Hook
	after  After
}

// hooked is every flow with its hooks, in the order of flowNames.
func (s SelfService) hooked() []around {
	return []around{
		{"registration", s.Registration.Before, s.Registration.After},
		{"login", s.Login.Before, s.Login.After},
		{"settings", s.Settings.Before, s.Settings.After},
		{"recovery", s.Recovery.Before, s.Recovery.After},
		{"verification", s.Verification.Before, s.Verification.After},
	}
}

// everyHook lists the hooks in effect, in the order of flowNames.
func (s SelfService) everyHook() []Hook {
	var list []Hook
	for _, f := range s.hooked() {
		list = append(append(list, f.before...), f.after.Hooks...)
		for _, method := range slices.Sorted(maps.Keys(f.after.Method)) {
			list = append(list, f.after.Method[method].Hooks...)
		}
	}
	return list
}
