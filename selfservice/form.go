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
	form := ui.Form{Method: "POST", Nodes: []ui.Node{ui.NewInput(ui.GroupDefault, ui.Input{
		Name: ui.NodeCSRF, Type: ui.InputHidden, Value: csrf, Required: true,
	})}}
	if !f.Completed() {
		for _, strategy := range e.Strategies {
			if m, ok := strategy.Methods()[f.Kind]; ok {
				form.Nodes = appendNew(form.Nodes, m.Form(f))
			}
		}
	}
	e.sort(f, form.Nodes)
	form.Localise(e.Messages, f.Locale)
	form.Place(f.Problems, e.Messages, f.Locale)
	return form
}

// appendNew adds nodes, leaving out fields another method has added already.
// Submits share their names and differ in their values.
func appendNew(nodes, more []ui.Node) []ui.Node {
	before := nodes
	for i := range more {
		if in := &more[i].Attributes; in.Type == ui.InputSubmit || !named(before, in.Name) {
			nodes = append(nodes, more[i])
		}
	}
	return nodes
}

func named(nodes []ui.Node, name string) bool {
	for i := range nodes {
		if nodes[i].Attributes.Name == name {
			return true
		}
	}
	return false
}

// sort puts nodes in the order of the wire: the CSRF token, then groups in the
// order of the kind, the groups default and password as one. Within a group
// the first trait, the password, the other traits as the schema has them, and
// what is pressed last.
func (e *Engine) sort(f *Flow, nodes []ui.Node) {
	groups := kinds[f.Kind].groups
	fields := e.schema(f).Fields
	rank := func(n ui.Node) [2]int {
		group := n.Group
		if group == ui.GroupPassword {
			group = ui.GroupDefault
		}
		return [2]int{slices.Index(groups, group), nameRank(n.Attributes, len(fields) > 0 && n.Attributes.Name == ui.TraitPrefix+fields[0].Name)}
	}
	slices.SortStableFunc(nodes, func(a, b ui.Node) int {
		if a.Attributes.Name == ui.NodeCSRF || b.Attributes.Name == ui.NodeCSRF {
			return cmp.Compare(nameRank(a.Attributes, false), nameRank(b.Attributes, false))
		}
		ra, rb := rank(a), rank(b)
		return slices.Compare(ra[:], rb[:])
	})
}

func nameRank(in ui.Input, firstTrait bool) int {
	switch {
	case in.Name == ui.NodeCSRF:
		return 0
	case firstTrait:
		return 1
	case in.Name == ui.NodePassword:
		return 2
	case strings.HasPrefix(in.Name, ui.TraitPrefix):
		return 3
	case in.Type == ui.InputSubmit:
		return 5
	}
	return 4
}
