package schema

import (
	"slices"
	"strings"

	"github.com/foyer-id/foyer/internal/web"
)

// shape is the part of a schema that a form can fill in, as a tree: objects
// inside, fields at the leaves.
type shape struct {
	key      string
	required bool // in every valid identity
	demanded bool // by the parent, wherever that one is present
	field    *Field
	children []*shape // of an object
	index    map[string]*shape
}

// part is one of the schemas that speak about the same value. An optional one
// holds under conditions only: it comes from anyOf, oneOf, then, else or
// dependencies.
type part struct {
	n        *node
	optional bool
}

// builder lists the fields of a checked document.
type builder struct {
	*checker
	fields []Field
	used   map[*node]bool // nodes whose extension became part of a field
}

func (b *builder) form() *shape {
	var parts []part
	b.expand(b.follow(b.root).get("properties").get("traits"), false, &parts)
	form := &shape{required: true}
	b.object(form, parts, nil)
	if len(b.fields) > maxProperties {
		b.refuse("#", "has more than %d form fields", maxProperties)
	}
	for n, ptr := range b.live {
		if !b.used[n] && len(b.uses[n].values) > 0 {
			b.refuse(ptr, "has no effect here: it belongs on a string, or on the items of an array of strings, among the traits")
		}
	}
	slices.SortFunc(b.problems, func(x, y problemAt) int { return strings.Compare(x.Pointer, y.Pointer) })
	return form
}

// expand lists every schema that speaks about the same value as n. The order is
// that of the document, as far as it decides which properties come first.
func (b *builder) expand(n *node, optional bool, out *[]part) {
	if n = b.follow(n); n == nil || n.kind != object {
		return
	}
	if n.get("properties") == nil {
		*out = append(*out, part{n, optional})
	}
	for i, key := range n.keys {
		v := n.vals[i]
		switch key {
		case "properties":
			*out = append(*out, part{n, optional})
		case "allOf", "anyOf", "oneOf":
			for _, item := range v.vals {
				b.expand(item, optional || key != "allOf", out)
			}
		case "then", "else":
			b.expand(v, true, out)
		case "dependencies":
			for _, item := range v.vals {
				b.expand(item, true, out)
			}
		}
	}
}

func (b *builder) object(s *shape, parts []part, path []string) {
	var order []string
	members, required := map[string][]part{}, map[string]bool{}
	for _, p := range parts {
		if !p.optional {
			for _, name := range p.n.strings("required") {
				required[name] = true
			}
		}
		properties := p.n.get("properties")
		if properties == nil {
			continue
		}
		for i, name := range properties.keys {
			found := members[name]
			if b.expand(properties.vals[i], p.optional, &found); found == nil {
				continue
			}
			if members[name] == nil {
				order = append(order, name)
			}
			members[name] = found
		}
	}
	s.index = make(map[string]*shape, len(order))
	for _, name := range order {
		if name == "" || strings.Contains(name, ".") {
			b.refuse("#/properties/traits", "the property %q cannot be named in a form, because its name is empty or holds a dot", web.Clip(name))
			continue
		}
		c := &shape{key: name, demanded: required[name], required: s.required && required[name]}
		if b.member(c, members[name], append(slices.Clip(path), name)) {
			s.children = append(s.children, c)
			s.index[name] = c
		}
	}
}

// member fills s and says whether it is, or holds, a field.
func (b *builder) member(s *shape, parts []part, path []string) bool {
	switch t := typeOf(parts); t {
	case "object":
		b.object(s, parts, path)
		return len(s.children) > 0
	case "":
		return false
	case "array":
		var items []part
		for _, p := range parts {
			b.expand(p.n.get("items"), p.optional, &items)
		}
		if t = typeOf(items); t == "" || t == "object" || t == "array" {
			return false
		}
		return b.leaf(s, Field{Array: true, Type: t, Title: firstOf(parts, "title")}, parts, items, path)
	default:
		return b.leaf(s, Field{Type: t}, parts, parts, path)
	}
}

// leaf makes s the field f. The own parts describe the value itself, values
// describe the scalar: the items of an array, otherwise the same.
func (b *builder) leaf(s *shape, f Field, own, values []part, path []string) bool {
	f.Path, f.Name, f.Required = path, strings.Join(path, "."), s.required
	if f.Title == "" {
		f.Title = firstOf(values, "title")
	}
	for _, p := range binding(values) {
		f.constrain(p.n)
	}
	if f.Format == "" {
		f.Format = agreed(values, "format")
	}
	where := ""
	for _, p := range slices.Concat(own, values) {
		f.Disabled = f.Disabled || !p.optional && isTrue(p.n.get("disableFormField"))
		if use, ok := b.uses[p.n]; ok && len(use.values) > 0 {
			where = use.ptr
			b.used[p.n] = true
			if conflict := use.addTo(&f); conflict != "" {
				b.refuse(use.ptr, "gives %s another value than an alternative for the same property does", conflict)
			}
		}
	}
	if where != "" && f.Type != "string" {
		b.refuse(where, "belongs on a string, not on a value of the type %s", f.Type)
	}
	if reason := f.address(); reason != "" {
		b.refuse(where, "%s", reason)
	}
	b.fields = append(b.fields, f)
	s.field = &f
	return true
}

// binding returns the parts whose limits a form may state: those that hold
// always, or the only one there is.
func binding(parts []part) []part {
	var always []part
	for _, p := range parts {
		if !p.optional {
			always = append(always, p)
		}
	}
	if always == nil && len(parts) == 1 {
		return parts
	}
	return always
}

func (f *Field) constrain(n *node) {
	if f.Format == "" {
		f.Format = n.str("format")
	}
	if f.Pattern == "" {
		f.Pattern = n.str("pattern")
	}
	if f.Enum == nil && len(n.list("enum")) <= maxOptions {
		for _, item := range n.list("enum") {
			if v, ok := item.scalar(); ok && v != nil {
				f.Enum = append(f.Enum, v)
			}
		}
	}
}

// firstOf returns a string keyword's first value, unconditional parts first.
func firstOf(parts []part, key string) string {
	for _, optional := range []bool{false, true} {
		for _, p := range parts {
			if v := p.n.str(key); v != "" && p.optional == optional {
				return v
			}
		}
	}
	return ""
}

// agreed returns a string keyword's value where all alternatives that have it
// have the same one.
func agreed(parts []part, key string) string {
	value := ""
	for _, p := range parts {
		v := p.n.str(key)
		if v != "" && value != "" && v != value {
			return ""
		}
		if v != "" {
			value = v
		}
	}
	return value
}

func isTrue(n *node) bool { return n != nil && n.kind == boolean && n.flag }

// typeOf returns the one type of a value: object, array, a scalar type, or ""
// where no form field can hold it.
func typeOf(parts []part) string {
	for _, optional := range []bool{false, true} {
		for _, p := range parts {
			if p.optional == optional && p.n.get("type") != nil {
				return one(p.n.get("type"))
			}
		}
	}
	for _, p := range parts {
		if t := inferred(p.n); t != "" {
			return t
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "string"
}

func one(t *node) string {
	types := []string{t.text}
	if t.kind == array {
		types = nil
		for _, v := range t.vals {
			types = append(types, v.text)
		}
	}
	if len(types) > 2 {
		return ""
	}
	types = slices.DeleteFunc(types, func(t string) bool { return t == "null" })
	switch {
	case len(types) == 1:
		return types[0]
	case len(types) == 0 || slices.Contains(types, "object") || slices.Contains(types, "array"):
		return ""
	case slices.Contains(types, "string"):
		return "string"
	case slices.Contains(types, "number"):
		return "number"
	}
	return types[0]
}

// inferred guesses the type from the other keywords.
func inferred(n *node) string {
	for i, key := range n.keys {
		switch key {
		case "properties":
			return "object"
		case "items":
			return "array"
		case "pattern", "minLength", "maxLength", "format":
			return "string"
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf":
			return "number"
		case "const":
			return kindNames[n.vals[i].kind]
		case "enum":
			if len(n.vals[i].vals) > 0 {
				return kindNames[n.vals[i].vals[0].kind]
			}
		}
	}
	return ""
}
