package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ory/jsonschema/v3"

	"github.com/foyer-id/foyer/internal/web"
)

// translator turns the compiler's error tree into violations. It takes the
// limits from the schema document and the values from the instance, through the
// pointers of each error, never out of its text.
type translator struct {
	*Schema
	doc   any
	found []Violation
}

func (t *translator) add(path, keyword string, context map[string]any) {
	t.found = append(t.found, Violation{Path: path, Keyword: keyword, Context: context})
}

// ordered returns what was found: in the order of the fields, then by path and
// keyword, without repetitions, bounded.
func (t *translator) ordered() []Violation {
	type sortable struct {
		Violation
		rank   int
		detail string
	}
	all := make([]sortable, len(t.found))
	for i, v := range t.found {
		rank, ok := t.rank[v.Path]
		if !ok {
			rank = len(t.rank)
		}
		all[i] = sortable{v, rank, fmt.Sprint(v.Context)}
	}
	compare := func(a, b sortable) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.Path, b.Path),
			strings.Compare(a.Keyword, b.Keyword), strings.Compare(a.detail, b.detail))
	}
	slices.SortFunc(all, compare)
	all = slices.CompactFunc(all, func(a, b sortable) bool { return compare(a, b) == 0 })
	var out []Violation
	for _, v := range all[:min(len(all), maxViolations)] {
		out = append(out, v.Violation)
	}
	return out
}

func (t *translator) collect(e *jsonschema.ValidationError) {
	switch {
	case e.Message == "anyOf failed" || e.Message == "oneOf failed":
		t.alternatives(e)
	case len(e.Causes) > 0 && e.Message != "contains failed":
		for _, cause := range e.Causes {
			t.collect(cause)
		}
	default:
		t.leaf(e)
	}
}

// alternatives reports the one branch that fits the kind of the value, or that
// none of several fits.
func (t *translator) alternatives(e *jsonschema.ValidationError) {
	var near []*jsonschema.ValidationError
	var reasons []string
	for _, branch := range e.Causes {
		sub := &translator{Schema: t.Schema, doc: t.doc}
		sub.collect(branch)
		path, misfit := t.path(e), false
		for _, v := range sub.ordered() {
			misfit = misfit || v.Path == path && (v.Keyword == "type" || v.Keyword == "const")
			reasons = append(reasons, v.describe(path))
		}
		if !misfit {
			near = append(near, branch)
		}
	}
	if len(near) == 1 {
		t.collect(near[0])
		return
	}
	keyword, _, _ := strings.Cut(e.Message, " ")
	slices.Sort(reasons)
	reasons = slices.Compact(reasons)
	t.add(t.path(e), keyword, map[string]any{"reason": web.Clip("fits none of the alternatives: " + strings.Join(reasons, "; "))})
}

func (t *translator) path(e *jsonschema.ValidationError) string {
	return t.place(tokens(e.InstancePtr))
}

func (t *translator) leaf(e *jsonschema.ValidationError) {
	if missing, ok := e.Context.(*jsonschema.ValidationErrorContextRequired); ok {
		for _, ptr := range missing.Missing {
			t.missing(tokens(ptr))
		}
		return
	}
	at := tokens(e.SchemaPtr)
	path := t.path(e)
	if namesChecked(at) {
		in := tokens(e.InstancePtr)
		name := web.Clip(in[len(in)-1])
		t.add(t.place(in[:len(in)-1]), "propertyNames", map[string]any{
			"reason": fmt.Sprintf("the property name %q is not allowed", name), "property": name,
		})
		return
	}
	if e.Message == "always fail" || len(at) == 0 {
		t.found = append(t.found, generic(path, "false", "is not allowed here"))
		return
	}
	if len(at) > 2 && at[len(at)-3] == "dependencies" && strings.HasPrefix(e.Message, "property ") {
		if name := t.root.at(e.SchemaPtr); name != nil && name.kind == text {
			t.missing(append(tokens(e.InstancePtr), name.text))
			return
		}
	}
	keyword := at[len(at)-1]
	if keyword == "additionalProperties" {
		t.unknown(e)
		return
	}
	name, context := t.context(keyword, e)
	if context == nil {
		t.found = append(t.found, generic(path, name, t.reason(keyword, e)))
		return
	}
	t.add(path, name, context)
}

// namesChecked says whether a schema pointer leads through propertyNames, where
// the value is a name and not what the instance pointer shows.
func namesChecked(at []string) bool {
	for i := 0; i < len(at); i++ {
		switch at[i] {
		case "properties", "patternProperties", "dependencies", "definitions", "$defs":
			i++
		case "propertyNames":
			return true
		}
	}
	return false
}

// missing reports an absent property; for an absent object, the fields in it
// that had to be there, since only those have a place in a form.
func (t *translator) missing(at []string) {
	s := t.form
	if len(at) > 0 && at[0] == "traits" {
		for _, key := range at[1:] {
			if s != nil {
				s = s.index[key]
			}
		}
	} else {
		s = nil
	}
	before := len(t.found)
	if s != nil && s.field == nil {
		t.missingIn(s, at)
	}
	if len(t.found) == before {
		t.add(t.place(at), "required", map[string]any{"property": web.Clip(at[len(at)-1])})
	}
}

func (t *translator) missingIn(s *shape, at []string) {
	for _, c := range s.children {
		switch below := append(slices.Clip(at), c.key); {
		case !c.demanded:
		case c.field == nil:
			t.missingIn(c, below)
		default:
			t.add(t.place(below), "required", map[string]any{"property": c.key})
		}
	}
}

// unknown reports every property of an object that its schema does not list.
func (t *translator) unknown(e *jsonschema.ValidationError) {
	value, _ := lookup(t.doc, tokens(e.InstancePtr)).(map[string]any)
	schema := t.root.at(strings.TrimSuffix(e.SchemaPtr, "/additionalProperties"))
	for name := range value {
		if schema.get("properties").get(name) == nil && !t.matches(schema.get("patternProperties"), name) {
			t.add(t.path(e), "additionalProperties", map[string]any{
				"reason": fmt.Sprintf("the property %q is not allowed", web.Clip(name)), "property": web.Clip(name),
			})
		}
	}
}

func (t *translator) matches(patterns *node, name string) bool {
	return patterns != nil && slices.ContainsFunc(patterns.keys, func(p string) bool { return t.patterns[p].MatchString(name) })
}

// context returns the name of the keyword to report and what a message about it
// says; nil for a keyword without a message of its own.
func (t *translator) context(keyword string, e *jsonschema.ValidationError) (string, map[string]any) {
	limit := t.root.at(e.SchemaPtr)
	value := lookup(t.doc, tokens(e.InstancePtr))
	switch value := value.(type) {
	case string:
		switch keyword {
		case "minLength":
			return keyword, pair(limit, "min_length", "actual_length", utf8.RuneCountInString(value))
		case "maxLength":
			return keyword, pair(limit, "max_length", "actual_length", utf8.RuneCountInString(value))
		case "pattern":
			return keyword, map[string]any{"pattern": limit.text}
		case "format":
			return format(limit, value)
		}
	case json.Number:
		switch keyword {
		case "minimum", "exclusiveMinimum":
			return keyword, pair(t.bound(limit, e, keyword), "minimum", "actual", value)
		case "maximum", "exclusiveMaximum":
			return keyword, pair(t.bound(limit, e, keyword), "maximum", "actual", value)
		case "multipleOf":
			return keyword, pair(limit, "base", "actual", value)
		}
	case []any:
		switch keyword {
		case "maxItems":
			return keyword, pair(limit, "max_items", "actual_items", len(value))
		case "minItems":
			return keyword, pair(limit, "min_items", "actual_items", len(value))
		case "uniqueItems":
			if i, ok := e.Context.(indices); ok {
				return keyword, map[string]any{"index_a": i.a, "index_b": i.b}
			}
		}
	}
	switch {
	case keyword == "type" && limit != nil:
		return keyword, map[string]any{"allowed_types": typesOf(limit), "actual_type": typeName(value)}
	case keyword == "const" && limit != nil:
		if expected, ok := limit.scalar(); ok {
			return keyword, map[string]any{"expected": expected}
		}
		return keyword, map[string]any{}
	}
	return keyword, nil
}

// bound resolves draft-04, where an exclusive limit is a flag beside the limit.
func (t *translator) bound(limit *node, e *jsonschema.ValidationError, keyword string) *node {
	if limit == nil || limit.kind != boolean {
		return limit
	}
	beside := map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}[keyword]
	return t.root.at(strings.TrimSuffix(e.SchemaPtr, keyword) + beside)
}

func pair(limit *node, limitName, actualName string, actual any) map[string]any {
	if limit == nil || limit.kind != number {
		return nil
	}
	var bound any = json.Number(limit.text)
	if n, err := strconv.Atoi(limit.text); err == nil {
		bound = n
	}
	return map[string]any{limitName: bound, actualName: actual}
}

func format(limit *node, value string) (string, map[string]any) {
	switch limit.text {
	case "email", "email_loose":
		return "format:email", map[string]any{"value": web.Clip(value)}
	case "tel":
		return "format:tel", map[string]any{"value": web.Clip(value)}
	}
	return "format", nil
}

func typesOf(n *node) []string {
	if n.kind == text {
		return []string{n.text}
	}
	var out []string
	for _, v := range n.vals {
		out = append(out, v.text)
	}
	return out
}

func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

// reason says what is wrong where the keyword has no message of its own.
func (t *translator) reason(keyword string, e *jsonschema.ValidationError) string {
	limit := t.root.at(e.SchemaPtr)
	switch keyword {
	case "enum":
		return "is none of the allowed values" + options(limit)
	case "format":
		return fmt.Sprintf("is no valid value of the format %q", web.Clip(limit.text))
	case "not":
		return "is a value that is not allowed"
	case "oneOf":
		return "fits more than one of the alternatives"
	case "contains":
		return "lacks an item that is asked for"
	case "minProperties":
		return "has fewer than " + limit.text + " properties"
	case "maxProperties":
		return "has more than " + limit.text + " properties"
	case "additionalItems":
		return "has more items than are allowed"
	case "contentEncoding", "contentMediaType":
		return "is not encoded as " + web.Clip(limit.text)
	}
	return "is not allowed: " + keyword
}

// options lists the values of a short enum.
func options(n *node) string {
	if n == nil || len(n.vals) > 20 {
		return ""
	}
	var all []string
	for _, v := range n.vals {
		value, ok := v.scalar()
		if !ok {
			return ""
		}
		all = append(all, fmt.Sprint(value))
	}
	return web.Clip(": " + strings.Join(all, ", "))
}

// describe is a violation as a part of the sentence about alternatives, seen
// from the value at path.
func (v Violation) describe(path string) string {
	what := strings.TrimPrefix(strings.TrimPrefix(v.Path, path), ".")
	if what != "" {
		what += " "
	}
	if reason, ok := v.Context["reason"].(string); ok {
		return what + reason
	}
	switch v.Keyword {
	case "required":
		return what + "is missing"
	case "format:email":
		return what + "is no valid e-mail address"
	case "format:tel":
		return what + "is no valid phone number"
	case "type":
		return what + fmt.Sprintf("is not of the type %s", strings.Join(v.Context["allowed_types"].([]string), " or "))
	}
	return what + "does not meet " + v.Keyword
}

// lookup returns the value at a path of unescaped tokens, or nil.
func lookup(v any, at []string) any {
	for _, token := range at {
		switch container := v.(type) {
		case map[string]any:
			v = container[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(container) {
				return nil
			}
			v = container[i]
		default:
			return nil
		}
	}
	return v
}
