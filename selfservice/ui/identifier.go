package ui

import "github.com/foyer-id/foyer/schema"

// IdentifierField draws where people type what they sign in with. It is made
// once, when the program starts, and is safe for concurrent use.
type IdentifierField struct {
	nodes map[string]Node // by locale
}

// NewIdentifier prepares the field for identities of any of the schemas. Its
// label is the title of the trait that identifies, by password or by code; it
// is a general one where there are several such traits, or none with a title.
func NewIdentifier(schemas []*schema.Schema, c Catalogue) *IdentifierField {
	node := NewInput(GroupDefault, Input{Name: NodeIdentifier, Type: InputText, Required: true, Autocomplete: "username"})
	if title := identifierTitle(schemas); title != "" {
		node = node.Labelled(LabelTrait, map[string]any{"title": title, "name": NodeIdentifier})
	} else {
		node = node.Labelled(LabelIdentifier, nil)
	}
	f := &IdentifierField{nodes: map[string]Node{}}
	for locale := range c {
		form := Form{Nodes: []Node{node}}
		form.Localise(c, locale)
		f.nodes[locale] = form.Nodes[0]
	}
	return f
}

// Node returns the field, holding what was typed so far. A language nobody
// ships is the default one.
func (f *IdentifierField) Node(locale, typed string) Node {
	node, ok := f.nodes[locale]
	if !ok {
		node = f.nodes[DefaultLocale]
	}
	if typed != "" {
		in := *node.Input()
		in.Value = typed
		node.Attributes = &in
	}
	return node
}

// identifierTitle is the title of the only trait that identifies. The same
// trait in several schemas, by name and title, is one.
func identifierTitle(schemas []*schema.Schema) string {
	var only *schema.Field
	for _, s := range schemas {
		for i := range s.Fields {
			f := &s.Fields[i]
			switch {
			case !f.Identifier && !f.CodeIdentifier:
			case only == nil:
				only = f
			case only.Name != f.Name || only.Title != f.Title:
				return ""
			}
		}
	}
	if only == nil {
		return ""
	}
	return only.Title
}
