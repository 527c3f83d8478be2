package main

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// sent is what a page says besides the form once something was sent. The zero
// value says nothing.
type sent struct {
	Waiting   bool   // for a code to be typed, or a link to be opened
	Opened    bool   // a link was opened, and there is a button to press
	Elsewhere bool   // the code is shown, to be typed in another place
	Over      bool   // all is done, and the form leads on
	To        string // the address, as far as the form knows it
	Restart   string // where to begin with another address
	Later     string // where to go on without
	Inbox     string // where mails can be read while developing
}

func (s *server) sent(kind string, f flow, all []element) sent {
	has := func(is func(element) bool) bool { return slices.ContainsFunc(all, is) }
	switch {
	case f.State == "passed_challenge":
		return sent{Over: has(func(e element) bool { return e.Draw == "link" })}
	case f.State != "sent_email":
		return sent{}
	case !has(func(e element) bool { return e.Draw == "button" }):
		return sent{Elsewhere: true}
	case !has(element.field):
		return sent{Opened: true}
	}
	out := sent{Waiting: true, To: addressee(all), Inbox: s.Inbox}
	if has(element.OneTime) && !f.known() {
		out.Restart = "/" + kind
		if f.ReturnTo != "" {
			out.Restart += "?" + url.Values{"return_to": {f.ReturnTo}}.Encode()
		}
	}
	if kind == "verification" {
		out.Later = cmp.Or(f.ReturnTo, "/")
	}
	return out
}

// addressee is where the message went: what the button for another one holds,
// else the one thing, carried along unseen, that looks like an address.
func addressee(all []element) string {
	var unseen []string
	for _, e := range all {
		switch {
		case e.Submits && (e.Name == "email" || e.Name == "sms"):
			return e.Current
		case e.Draw == "hidden" && strings.Contains(e.Current, "@") && (e.Name == "identifier" || strings.HasPrefix(e.Name, "traits.")):
			unseen = append(unseen, e.Current)
		}
	}
	if len(unseen) == 1 {
		return unseen[0]
	}
	return ""
}

// backLast puts the button that leads back behind all others.
func backLast(all []element) []element {
	back := func(e element) bool { return e.Submits && e.Name == "screen" && e.Current == "previous" }
	at := slices.IndexFunc(all, back)
	if at < 0 {
		return all
	}
	return append(slices.Delete(slices.Clone(all), at, at+1), all[at])
}

// recovered tells settings of somebody who has just got their account back, and
// is asked for a new password.
func (f flow) recovered() bool {
	return slices.ContainsFunc(f.UI.Messages, func(m message) bool { return m.ID == 1060001 })
}

// passwordFirst compares forms so that one for a password stands before others.
func passwordFirst(a, b form) int {
	asks := func(f form) int {
		for _, s := range f.Sections {
			if slices.ContainsFunc(s.Fields, func(e element) bool { return e.Type == "password" }) {
				return 0
			}
		}
		return 1
	}
	return asks(a) - asks(b)
}

// heading names the page by what there is to do.
func (b *flowBody) heading(kind string) string {
	switch {
	case b.Linking:
		return "You have an account already"
	case b.Missing:
		return "Almost done"
	case kind == "login" && b.Second:
		return "One more proof"
	case kind == "login" && b.Known:
		return "Confirm that it is you"
	case kind == "login" && b.Waiting:
		return "Enter your code"
	case kind == "recovery" && b.Waiting:
		return "Check your messages"
	case kind == "verification" && b.Over:
		return "Your address is verified"
	case kind == "registration" && b.Waiting:
		return "Confirm your address"
	case kind == "registration" && b.Elsewhere:
		return "Your code to sign up"
	}
	return kinds[kind]
}

// begin chooses what has the focus where nothing is wrong: the code to be
// typed, told together with what the page says.
func (b *flowBody) begin(all []element) {
	i := slices.IndexFunc(all, element.OneTime)
	if i < 0 || len(b.Errors)+len(b.Wrong) > 0 {
		return
	}
	all[i].Focus = true
	if len(b.Notices) > 0 {
		all[i].Told = "said"
	}
}

// shipped are the languages the API speaks by itself.
var shipped = []string{"en", "de", "es", "fr"}

// reads is the language in which the API speaks to this browser, as far as the
// browser's own wishes tell: a flow does not say.
func reads(r *http.Request) string {
	best, most := shipped[0], 0.0
	for wish := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, weight, _ := strings.Cut(strings.TrimSpace(wish), ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(weight), "q="); ok {
			q, _ = strconv.ParseFloat(value, 64)
		}
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if q > most && slices.Contains(shipped, base) {
			best, most = base, q
		}
	}
	return best
}
