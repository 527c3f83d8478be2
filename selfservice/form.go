package selfservice

import (
	"cmp"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/selfservice/ui"
)

// Form renders f: a pure function of the flow, the schema, the methods and the
// language. csrf is the masked token of the browser asking; empty for native
// clients.
func (e *Engine) Form(f *Flow, csrf string) ui.Form {
	if f.Completed() && kinds[f.Kind].stays {
		return e.endForm(f)
	}
	form := ui.Form{Method: "POST", Nodes: []ui.Node{ui.NewInput(ui.GroupDefault, ui.Input{
		Name: ui.NodeCSRF, Type: ui.InputHidden, Value: csrf, Required: true,
	})}}
	if !f.Completed() {
		for _, strategy := range e.Strategies {
			if m, ok := strategy.Methods()[f.Kind]; ok && !f.excludes(strategy.ID()) {
				form.Nodes = appendNew(form.Nodes, m.Form(f))
			}
		}
	}
	e.sort(f, form.Nodes)
	e.say(&form, f)
	return form
}

// endForm is what is left of a flow that stays to be seen: where to go on.
func (e *Engine) endForm(f *Flow) ui.Form {
	to := e.destination(f)
	form := ui.Form{Action: to, Method: "GET", Nodes: []ui.Node{ui.NewAnchor(f.Active, ui.NodeContinue, to, ui.LabelContinue)}}
	e.say(&form, f)
	return form
}

// say puts the form into words: labels, and either what is wrong or how things stand.
func (e *Engine) say(form *ui.Form, f *Flow) {
	form.Localise(e.Messages, f.Locale)
	form.Place(f.Problems, e.Messages, f.Locale)
	if len(f.Problems) > 0 {
		return
	}
	for _, told := range kinds[f.Kind].says(f) {
		form.Messages = append(form.Messages, e.Messages.Message(f.Locale, told.ID, told.Context))
	}
}

// appendNew adds nodes, leaving out fields another method has added already.
// Submits share their names and differ in their values.
func appendNew(nodes, more []ui.Node) []ui.Node {
	before := nodes
	for i := range more {
		if in := more[i].Input(); in == nil || in.Type == ui.InputSubmit || !named(before, in.Name) {
			nodes = append(nodes, more[i])
		}
	}
	return nodes
}

func named(nodes []ui.Node, name string) bool {
	for i := range nodes {
		if nodes[i].Name() == name {
			return true
		}
	}
	return false
}

// sort puts nodes in the order of the wire: the CSRF token, then groups in the
// order of the kind, the groups default and password as one where it does not
// tell them apart. Within a group the first trait, the password, the other
// traits as the schema has them, and what is pressed last.
func (e *Engine) sort(f *Flow, nodes []ui.Node) {
	groups := kinds[f.Kind].groups
	if groups == nil {
		return
	}
	first := ""
	if fields := e.schema(f).Fields; len(fields) > 0 {
		first = ui.TraitPrefix + fields[0].Name
	}
	rank := func(n *ui.Node) [2]int {
		group := n.Group
		if group == ui.GroupPassword && !slices.Contains(groups, group) {
			group = ui.GroupDefault
		}
		return [2]int{slices.Index(groups, group), nameRank(n, first)}
	}
	slices.SortStableFunc(nodes, func(a, b ui.Node) int {
		if a.Name() == ui.NodeCSRF || b.Name() == ui.NodeCSRF {
			return cmp.Compare(nameRank(&a, first), nameRank(&b, first))
		}
		ra, rb := rank(&a), rank(&b)
		return slices.Compare(ra[:], rb[:])
	})
}

func nameRank(n *ui.Node, firstTrait string) int {
	name, in := n.Name(), n.Input()
	switch {
	case name == ui.NodeCSRF:
		return 0
	case in == nil:
		return 4
	case name == firstTrait, name == ui.NodeIdentifier:
		return 1
	case name == ui.NodePassword:
		return 2
	case strings.HasPrefix(name, ui.TraitPrefix):
		return 3
	case in.Type == ui.InputSubmit:
		return 5
	}
	return 4
}
