package main

import (
	"cmp"
	"net/url"
	"slices"
)

// Other sites as ways in: their buttons, and what a page says around them. Which
// sites those are, only the API knows.

// Of the API's labels of buttons, those by which a page is another one: a label
// stays when a refusal takes the place of what the form says.
const (
	signInAndLink = 1010017
	confirmWith   = 1010018
	goOn          = 1040003 // the other site has said who it is, but not all that is asked
)

// inSight is how many fields a form has at most whose end is in sight.
const inSight = 4

// leaves reports whether pressing n leads to another site, and back from there.
func (n node) leaves() bool {
	a := n.Attributes
	return a.Type == "submit" && (n.Group == "oidc" || n.Group == "saml") && (a.Name == "provider" || a.Name == "link") && !n.labelled(goOn)
}

func (n node) labelled(ids ...int) bool {
	return n.Meta.Label != nil && slices.Contains(ids, n.Meta.Label.ID)
}

// ways is what a page says about other ways than its form. The zero value says
// nothing.
type ways struct {
	Linking bool   // who signs in links an account they have elsewhere
	Instead string // where one signs in without that
	Missing bool   // the other site has not said all that is asked
	Below   bool   // the form hides that there are other ways below it
}

func (s *server) ways(f flow) ways {
	has := func(labels ...int) bool {
		return slices.ContainsFunc(f.UI.Nodes, func(n node) bool { return n.labelled(labels...) })
	}
	w := ways{Missing: has(goOn), Linking: has(signInAndLink, confirmWith)}
	if !w.Linking {
		return w
	}
	w.Instead = flowBody{ReturnTo: f.ReturnTo}.Door("login")
	for _, m := range f.UI.Messages {
		context, _ := m.Context.(map[string]any)
		if to := text(context["new_login_url"]); origin(to) == origin(s.Public) {
			w.Instead = to
		}
	}
	return w
}

// offers marks where the form that begins a page ends, and what can be done
// instead of it begins: buttons alone, and not the one that leads back.
func (w *ways) offers(forms []form) {
	if len(forms) != 1 || len(forms[0].Sections) < 2 {
		return
	}
	form := forms[0].Sections[0]
	asks := len(form.Fields)
	for i := range forms[0].Sections[1:] {
		s := &forms[0].Sections[1+i]
		if asks > 0 && len(s.Fields) == 0 && slices.ContainsFunc(s.Buttons, func(e element) bool { return e.Submits && e.Name != "screen" }) {
			s.Or, w.Below = true, asks > inSight
			return
		}
	}
}

// leaving is what a page with buttons to other sites lets its forms lead to
// besides the usual: those sites are many, and any of them redirects on.
func (s *server) leaving(all []element) string {
	if !slices.ContainsFunc(all, func(e element) bool { return e.Leaves }) {
		return ""
	}
	u, err := url.Parse(s.Public)
	if err != nil {
		return ""
	}
	return cmp.Or(u.Scheme, "https") + ":" // "http:" means both
}
