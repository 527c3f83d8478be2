package ui

import (
	"github.com/foyer-id/foyer/schema"
)

// TraitForm draws the traits of one schema in every language. All that does
// not depend on what was typed is made once, when the program starts.
type TraitForm struct {
	fields []schema.Field
	nodes  map[string][]Node // by locale, in schema order
}

// NewTraitForm prepares the nodes of s, which belong to group.
func NewTraitForm(s *schema.Schema, group string, c Catalogue) *TraitForm {
	t := &TraitForm{fields: s.Fields, nodes: map[string][]Node{}}
	for locale := range c {
		form := Form{Nodes: make([]Node, len(s.Fields))}
		for i := range s.Fields {
			form.Nodes[i] = trait(&s.Fields[i], group)
		}
		form.Localise(c, locale)
		t.nodes[locale] = form.Nodes
	}
	return t
}

// Nodes returns one node for each trait, holding the values typed so far.
func (t *TraitForm) Nodes(locale string, values map[string]any) []Node {
	prepared, ok := t.nodes[locale]
	if !ok {
		prepared = t.nodes[DefaultLocale]
	}
	// Room for what a method adds: a password, a button.
	nodes := append(make([]Node, 0, len(prepared)+4), prepared...)
	if len(values) > 0 {
		for i := range nodes {
			if value := lookUp(values, t.fields[i].Path); value != nil {
				in := *nodes[i].Input()
				in.Value = value
				nodes[i].Attributes = &in
			}
		}
	}
	return nodes
}

// Hidden returns a hidden node for each trait that has a value, so that a later
// step carries along what an earlier one asked for.
func (t *TraitForm) Hidden(group string, values map[string]any) (nodes []Node) {
	for i := range t.fields {
		if value := lookUp(values, t.fields[i].Path); value != nil {
			nodes = append(nodes, NewInput(group, Input{Name: TraitPrefix + t.fields[i].Name, Type: InputHidden, Value: value}))
		}
	}
	return nodes
}

func trait(f *schema.Field, group string) Node {
	in := Input{Name: TraitPrefix + f.Name, Required: f.Required, Pattern: f.Pattern, Disabled: f.Disabled}
	in.Type, in.Autocomplete = inputType(f)
	if f.Array {
		in.Value = []any{} // tells whoever draws it that there may be several
	}
	for _, e := range f.Enum {
		in.Options = append(in.Options, Option{Value: e})
	}
	n := NewInput(group, in)
	if f.Title == "" {
		return n
	}
	return n.Labelled(LabelTrait, map[string]any{"title": f.Title, "name": in.Name})
}

// inputType tells how a field is typed in. A list is text whatever it is made
// of: one field holds all of it, in clients that know no repetition.
func inputType(f *schema.Field) (kind, autocomplete string) {
	if f.Array {
		return InputText, ""
	}
	switch f.Type {
	case "boolean":
		return InputCheckbox, ""
	case "number", "integer":
		return InputNumber, ""
	}
	switch f.Format {
	case "email":
		return InputEmail, "email"
	case "tel":
		return InputTel, "tel"
	case "uri":
		return InputURL, "url"
	case "date":
		return InputDate, ""
	case "date-time":
		return InputDateTime, ""
	}
	return InputText, ""
}

// lookUp returns the value at path in nested objects, or nil.
func lookUp(values map[string]any, path []string) any {
	var at any = values
	for _, key := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[key]
	}
	if _, isObject := at.(map[string]any); isObject {
		return nil
	}
	return at
}
