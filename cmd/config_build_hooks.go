package cmd

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a schedule's time zone is known wherever this runs

	"github.com/foyer-id/foyer/selfservice"
)

// What settings of hooks are where they are left out: the schema's defaults do
// not reach below the name of a hook.
const (
	countryHeader   = "CF-IPCountry"
	dayBegins       = "00:00"
	dayEnds         = "24:00"
	hookTimeout     = 5 * time.Second
	defaultTimeZone = "UTC"
)

// buildHooks reads those hooks of a moment that are in effect.
func buildHooks(s settings, flow, moment string) (list []Hook) {
	for i, one := range s.list(section(flow, moment) + ".hooks") {
		h := Hook{Name: one.str("hook"), Key: fmt.Sprintf("%s.%s.%d", flow, moment, i)}
		if !slices.Contains(hooksAt(flow, moment), h.Name) {
			continue
		}
		switch h.Name {
		case "web_hook":
			w := webHookOf(one)
			if w.SigningSecrets == nil {
				w.SigningSecrets = s.strs("secrets.web_hook")
			}
			h.WebHook = &w
		case "notify_previous_addresses":
			h.Recipients = cmp.Or(one.str("config.recipients"), string(selfservice.ToRemoved))
		case "ip_range":
			h.IPRange = &IPRange{Allow: prefixes(one, "config.allow"), Deny: prefixes(one, "config.deny")}
		case "country":
			h.Country = &Country{
				Header: textproto.CanonicalMIMEHeaderKey(cmp.Or(one.str("config.header"), countryHeader)),
				Allow:  countries(one, "config.allow"), Deny: countries(one, "config.deny"),
			}
		case "schedule":
			h.Schedule = buildSchedule(one)
		}
		list = append(list, h)
	}
	return list
}

// webHookOf reads an entry of a list of hooks.
func webHookOf(one settings) WebHook {
	const at = "config."
	w := WebHook{
		ID: one.str(at + "id"), Call: buildCall(one, "config"), Condition: one.str(at + "condition"),
		BodyURL: one.str(at + "body"), BodyPaths: one.strs(at + "body"),
		CanInterrupt: one.flag(at + "can_interrupt"), Reserve: one.flag(at + "reserve"), FailOpen: one.flag(at + "fail_open"),
		Ignore: one.flag(at + "response.ignore"), Parse: one.flag(at + "response.parse"),
		Timeout: hookTimeout, SigningSecrets: one.strs(at + "signing_secrets"),
	}
	if one.at(at+"timeout") != nil {
		w.Timeout = one.dur(at + "timeout")
	}
	return w
}

// nameWebHooks names them so that a name survives a change of positions: what
// is in store under it is never sent to another receiver.
func nameWebHooks(hooks []Hook) {
	taken := map[string]bool{}
	for _, h := range hooks {
		if h.WebHook != nil {
			taken[h.WebHook.ID] = true
		}
	}
	for _, h := range hooks {
		w := h.WebHook
		if w == nil {
			continue
		}
		if w.Name = w.ID; w.Name != "" {
			continue
		}
		sum := sha256.Sum256([]byte(w.Call.Method + " " + w.Call.URL))
		place := h.Key[:strings.LastIndexByte(h.Key, '.')+1]
		base := place + hex.EncodeToString(sum[:4])
		w.Name = base
		for n := 2; taken[w.Name]; n++ {
			w.Name = fmt.Sprintf("%s.%d", base, n)
		}
		taken[w.Name] = true
	}
}

func prefixes(one settings, key string) (list []netip.Prefix) {
	for _, text := range one.strs(key) {
		if p, err := parseProxy(text); err == nil {
			list = append(list, p)
		}
	}
	return list
}

func countries(one settings, key string) (list []string) {
	for _, code := range one.strs(key) {
		list = append(list, strings.ToUpper(code))
	}
	return list
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func buildSchedule(one settings) *Schedule {
	const at = "config."
	s := &Schedule{
		From: sinceMidnight(cmp.Or(one.str(at+"from"), dayBegins)), To: sinceMidnight(cmp.Or(one.str(at+"to"), dayEnds)),
		TimeZone: cmp.Or(one.str(at+"time_zone"), defaultTimeZone),
	}
	days := one.strs(at + "days")
	for i, name := range weekdays {
		if len(days) == 0 || slices.Contains(days, name) {
			s.Days = append(s.Days, time.Weekday(i))
		}
	}
	s.Location, _ = time.LoadLocation(s.TimeZone) // the checker refuses what is none
	return s
}

// sinceMidnight reads a time of day as the schema allows it.
func sinceMidnight(text string) time.Duration {
	d, _ := time.ParseDuration(strings.Replace(text, ":", "h", 1) + "m")
	return d
}

func buildWebHooks(s settings) WebHooks {
	const at = "clients.web_hook."
	w := WebHooks{TotalTimeout: s.dur(at + "total_timeout")}
	for _, name := range s.strs(at + "header_allowlist") {
		w.HeaderAllowlist = append(w.HeaderAllowlist, textproto.CanonicalMIMEHeaderKey(name))
	}
	return w
}

func buildEvents(s settings, secrets []string) Events {
	const at = "events."
	e := Events{
		Retries: s.num(at + "retries"), PullCount: s.num(at + "worker.pull_count"), PullWait: s.dur(at + "worker.pull_wait"),
		Lease: s.dur(at + "lease"), Timeout: s.dur(at + "timeout"), Retention: s.dur(at + "retention"),
	}
	for _, one := range s.list(at + "endpoints") {
		to := EventEndpoint{ID: one.str("id"), Call: buildCall(one, ""), Types: one.strs("types"), SigningSecrets: one.strs("signing_secrets")}
		if to.SigningSecrets == nil {
			to.SigningSecrets = secrets
		}
		e.Endpoints = append(e.Endpoints, to)
	}
	return e
}
