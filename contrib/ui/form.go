package main

import "slices"

// form is one HTML form: sections of fields followed by their buttons.
type form struct {
	Hidden   []element
	Sections []section
	Block    bool // Enter in a field must press no button
}

type section struct {
	Title   string
	Fields  []element
	Buttons []element
	Or      bool // it begins what can be done instead of the section above
}

// group is what arrange must know about the nodes of one group.
type group struct {
	name                     string
	first                    int // place of its first node
	fields, buttons, submits int
}

// shared tells groups that belong to every form: "default", and those that
// bring no button of their own.
func (g group) shared() bool { return g.name == "default" || g.buttons == 0 }

// survey counts what each group brings, in order of appearance, and finds the
// place of the first field.
func survey(all []element) (groups []group, firstField int) {
	firstField = len(all)
	for i, e := range all {
		at := slices.IndexFunc(groups, func(g group) bool { return g.name == e.Group })
		if at < 0 {
			at = len(groups)
			groups = append(groups, group{name: e.Group, first: i})
		}
		g := &groups[at]
		if e.field() {
			g.fields++
			firstField = min(firstField, i)
		}
		if e.Draw == "button" {
			g.buttons++
		}
		if e.Submits {
			g.submits++
		}
	}
	return groups, firstField
}

// leader chooses the group whose button the page is about: the first that has
// fields and a button; else the first whose button follows the shared fields
// (other ways in, such as providers, come before them); else the first.
func leader(groups []group, firstField int) string {
	for _, leads := range []func(group) bool{
		func(g group) bool { return g.fields > 0 && g.submits > 0 },
		func(g group) bool { return g.submits > 0 && g.first > firstField },
		func(group) bool { return true },
	} {
		if i := slices.IndexFunc(groups, func(g group) bool { return !g.shared() && leads(g) }); i >= 0 {
			return groups[i].name
		}
	}
	return ""
}

// arrange puts elements into forms.
//
// The leading group stands with the shared nodes, in the API's order. Buttons
// of other groups follow in sections of their own, in the same form, because
// they may need what was typed above. Where other groups bring fields too, each
// group is about something of its own and gets a form (each with the shared
// hidden inputs), unless the shared nodes hold fields: those belong to every
// group, so then all is one form.
func arrange(all []element) []form {
	groups, firstField := survey(all)
	lead := leader(groups, firstField)
	var first, sharedHidden []element
	byGroup := map[string][]element{}
	together, asking := false, 0
	for _, g := range groups {
		together = together || g.shared() && g.fields > 0
		if !g.shared() && g.fields > 0 {
			asking++
		}
	}
	for _, e := range all {
		shared := groups[slices.IndexFunc(groups, func(g group) bool { return g.name == e.Group })].shared()
		switch {
		case shared || e.Group == lead:
			first = append(first, e)
		default:
			byGroup[e.Group] = append(byGroup[e.Group], e)
		}
		if shared && e.Draw == "hidden" {
			sharedHidden = append(sharedHidden, e)
		}
	}
	forms := make([]form, 1)
	forms[0].add(title(lead), first)
	for _, g := range groups {
		switch {
		case g.shared() || g.name == lead:
		case together || asking < 2:
			forms[0].add(title(g.name), byGroup[g.name])
		default:
			own := form{Hidden: slices.Clone(sharedHidden)}
			own.add(title(g.name), byGroup[g.name])
			for i := range own.Sections[0].Buttons {
				own.Sections[0].Buttons[i].Primary = own.Sections[0].Buttons[i].Primary && g.fields > 0
			}
			forms = append(forms, own)
		}
	}
	return forms
}

// add appends a section. Pressing Enter in a field presses the form's first
// submit button, so that must be the one that follows the fields (a "remove"
// in front of them must not be it), or none.
func (f *form) add(title string, members []element) {
	s := section{Title: title}
	primary := -1
	for _, e := range members {
		switch {
		case e.Draw == "hidden":
			f.Hidden = append(f.Hidden, e)
		case e.Draw == "button":
			s.Buttons = append(s.Buttons, e)
			if primary < 0 && e.Submits {
				primary = len(s.Buttons) - 1
			}
		default:
			s.Fields = append(s.Fields, e)
			if e.field() {
				primary = -1
			}
		}
	}
	leads := len(f.Sections) == 0
	sites := 0
	for _, e := range s.Buttons {
		if e.Leaves {
			sites++
		}
	}
	if leads && primary >= 0 && (sites < 2 || !s.Buttons[primary].Leaves) { // no site before another
		b := s.Buttons[primary]
		b.Primary = true
		s.Buttons = slices.Insert(slices.Delete(s.Buttons, primary, primary+1), 0, b)
	}
	if leads {
		f.Block = primary < 0 && slices.ContainsFunc(s.Fields, element.field)
	}
	if i := slices.IndexFunc(s.Fields, func(e element) bool { return e.Draw == "link" }); leads && len(s.Buttons) == 0 && i >= 0 {
		s.Fields[i].Primary = true
	}
	if len(s.Fields)+len(s.Buttons) > 0 {
		f.Sections = append(f.Sections, s)
	}
}
