package ui

import (
	"github.com/foyer-id/foyer/schema"
)

// Traits returns one node for each trait of s, in schema order, holding the
// values typed so far.
func Traits(s *schema.Schema, group string, values map[string]any) []Node {
	nodes := make([]Node, 0, len(s.Fields))
	for i := range s.Fields {
		nodes = append(nodes, trait(&s.Fields[i], group, lookUp(values, s.Fields[i].Path)))
	}
	return nodes
}

func trait(f *schema.Field, group string, value any) Node {
	in := Input{
		Name:     TraitPrefix + f.Name,
		Value:    value,
		Required: f.Required,
		Pattern:  f.Pattern,
		Disabled: f.Disabled,
	}
	in.Type, in.Autocomplete = inputType(f)
	for _, e := range f.Enum {
		in.Options = append(in.Options, Option{Value: e})
	}
	n := NewInput(group, in)
	if f.Title == "" {
		return n
	}
	return n.Labelled(LabelTrait, map[string]any{"title": f.Title, "name": in.Name})
}

func inputType(f *schema.Field) (kind, autocomplete string) {
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
	switch at.(type) {
	case map[string]any:
		return nil
	}
	return at
}
