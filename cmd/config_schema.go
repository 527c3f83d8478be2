package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ory/jsonschema/v3"

	"github.com/foyer-id/foyer"
)

// What a schema node's x-foyer may say. It holds for what lies below, too.
const (
	effectBuilt      = "built"
	effectPlanned    = "planned"
	effectProtective = "planned-protective"
)

// schemaNode is one key of the published configuration schema, with what the
// validator has no use for: defaults, and whether the key is in effect.
type schemaNode struct {
	Ref           string                 `json:"$ref"`
	Type          schemaTypes            `json:"type"`
	Properties    map[string]*schemaNode `json:"properties"`
	Items         *schemaNode            `json:"items"`
	Additional    schemaAdditional       `json:"additionalProperties"`
	Default       any                    `json:"default"`
	Enum          []any                  `json:"enum"`
	Expect        string                 `json:"x-foyer-expect"`
	Effect        string                 `json:"x-foyer"`
	PlannedValues []string               `json:"x-foyer-planned-values"`
}

// schemaTypes is "type", which is one name or several; none allows anything.
type schemaTypes []string

func (t *schemaTypes) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = schemaTypes{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// schemaAdditional is "additionalProperties": a schema of the values, or nil.
type schemaAdditional struct{ values *schemaNode }

func (a *schemaAdditional) UnmarshalJSON(b []byte) error {
	var open bool
	if json.Unmarshal(b, &open) == nil {
		return nil
	}
	return json.Unmarshal(b, &a.values)
}

// configSchema is the published schema in the three shapes it is needed in.
type configSchema struct {
	root     *schemaNode
	raw      any
	compiled *jsonschema.Schema
}

var loadSchema = sync.OnceValues(func() (*configSchema, error) {
	text, err := foyer.Schemas.ReadFile(".schema/config.schema.json")
	if err != nil {
		return nil, err
	}
	s := &configSchema{root: &schemaNode{}}
	var defs struct {
		Definitions map[string]*schemaNode `json:"definitions"`
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	if err := errors.Join(dec.Decode(s.root), json.Unmarshal(text, &s.raw), json.Unmarshal(text, &defs)); err != nil {
		return nil, err
	}
	s.root = s.root.resolved(defs.Definitions, effectBuilt)
	s.compiled, err = jsonschema.CompileString(context.Background(), "config.schema.json", string(text))
	return s, err
})

// resolved is n with its references replaced and its effect handed down. The
// schema's references form no cycle.
func (n *schemaNode) resolved(defs map[string]*schemaNode, effect string) *schemaNode {
	out := *n
	if n.Ref != "" {
		out = *defs[strings.TrimPrefix(n.Ref, "#/definitions/")]
		out.Default = n.Default
		out.Effect = n.Effect
	}
	if out.Effect == "" {
		out.Effect = effect
	}
	properties := map[string]*schemaNode{}
	for name, p := range out.Properties {
		properties[name] = p.resolved(defs, out.Effect)
	}
	out.Properties = properties
	if out.Items != nil {
		out.Items = out.Items.resolved(defs, out.Effect)
	}
	if out.Additional.values != nil {
		out.Additional.values = out.Additional.values.resolved(defs, out.Effect)
	}
	return &out
}

// keys are the names a node knows, sorted.
func (n *schemaNode) keys() []string { return slices.Sorted(maps.Keys(n.Properties)) }

// is reports whether a value of the type may stand here.
func (n *schemaNode) is(kind string) bool { return slices.Contains(n.Type, kind) }

// child is the node of a key or an index, or nil.
func (n *schemaNode) child(key string) *schemaNode {
	if p, ok := n.Properties[key]; ok {
		return p
	}
	if n.Items != nil {
		return n.Items
	}
	return n.Additional.values
}

// withDefaults fills in what is left out. The result shares nothing with v.
func (n *schemaNode) withDefaults(v any) any {
	switch v := v.(type) {
	case nil:
		if n.Default != nil {
			return normal(n.Default)
		}
		if filled := n.withDefaults(map[string]any{}).(map[string]any); len(filled) > 0 {
			return filled
		}
		return nil
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			if c := n.child(key); c != nil {
				value = c.withDefaults(value)
			}
			out[key] = value
		}
		for key, p := range n.Properties {
			if _, given := out[key]; given {
				continue
			}
			if d := p.withDefaults(nil); d != nil {
				out[key] = d
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
			if n.Items != nil {
				out[i] = n.Items.withDefaults(v[i])
			}
		}
		return out
	}
	return v
}

// withoutNulls drops known keys that have no value, as a section has whose
// lines are all commented out. Unknown keys stay, to be refused.
func (n *schemaNode) withoutNulls(v map[string]any) {
	for key, value := range v {
		c := n.child(key)
		if c == nil {
			continue
		}
		switch value := value.(type) {
		case nil:
			delete(v, key)
		case map[string]any:
			c.withoutNulls(value)
		case []any:
			for _, item := range value {
				if item, ok := item.(map[string]any); ok && c.Items != nil {
					c.Items.withoutNulls(item)
				}
			}
		}
	}
}

// normal copies what any of the parsers makes into the values the validator
// knows: maps, lists, strings, booleans and json.Number. It cannot fail;
// infinities and dates become strings.
func normal(v any) any {
	switch v := v.(type) {
	case nil, bool, string, json.Number:
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = normal(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = normal(v[i])
		}
		return out
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	dec := json.NewDecoder(strings.NewReader(string(encoded)))
	dec.UseNumber()
	var out any
	if dec.Decode(&out) != nil {
		return fmt.Sprint(v)
	}
	return out
}

// finding is a problem before it has a place.
type finding struct {
	path               []string
	reason, suggestion string
}

// validate checks doc and returns what is wrong, one finding a leaf.
func (s *configSchema) validate(doc any) []finding {
	err := s.compiled.ValidateInterface(doc)
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []finding{{reason: err.Error()}}
	}
	return s.leaves(invalid, doc)
}

func (s *configSchema) leaves(e *jsonschema.ValidationError, doc any) []finding {
	var out []finding
	for _, cause := range e.Causes {
		out = append(out, s.leaves(cause, doc)...)
	}
	if len(e.Causes) > 0 {
		return out
	}
	path := pointer(e.InstancePtr)
	schemaPath := pointer(e.SchemaPtr)
	keyword := ""
	if len(schemaPath) > 0 {
		keyword, schemaPath = schemaPath[len(schemaPath)-1], schemaPath[:len(schemaPath)-1]
	}
	rule, _ := follow(s.raw, schemaPath).(map[string]any)
	switch keyword {
	case "required":
		missing, _ := e.Context.(*jsonschema.ValidationErrorContextRequired)
		for _, p := range missing.Missing {
			out = append(out, finding{path: pointer(p), reason: "required, but missing"})
		}
		return out
	case "additionalProperties":
		return s.unknownKeys(path, rule, follow(doc, path))
	}
	reason, suggestion := explain(keyword, rule, follow(doc, path), e.Message)
	if path != nil && path[len(path)-1] == "hook" && keyword == "enum" {
		reason, suggestion = s.explainHook(path, rule, follow(doc, path))
	}
	return []finding{{path, reason, suggestion}}
}

// explain says in plain words which rule a value broke. Values are quoted only
// where the rule is a list of names: elsewhere they may be secret.
func explain(keyword string, rule map[string]any, value any, otherwise string) (reason, suggestion string) {
	switch keyword {
	case "enum":
		names := stringsOf(rule["enum"])
		word, isString := value.(string)
		if !isString {
			return "expected one of " + strings.Join(names, ", "), ""
		}
		return fmt.Sprintf("%q is none of %s", word, strings.Join(names, ", ")), nearest(word, names)
	case "pattern":
		if expect, ok := rule["x-foyer-expect"].(string); ok {
			return "expected " + expect, ""
		}
	case "format":
		return "expected an absolute URL", ""
	case "minLength":
		if value == "" {
			return "must not be empty", ""
		}
	case "minItems":
		return "needs at least one entry", ""
	}
	return otherwise, ""
}

// unknownKeys names each key that the rule does not know, with the sibling
// that was meant, or else the one place where a key of that name belongs.
func (s *configSchema) unknownKeys(path []string, rule map[string]any, value any) []finding {
	known, _ := rule["properties"].(map[string]any)
	object, _ := value.(map[string]any)
	var out []finding
	for key := range object {
		if _, ok := known[key]; ok {
			continue
		}
		f := finding{path: append(path[:len(path):len(path)], key), reason: "unknown key"}
		f.suggestion = nearest(key, slices.Sorted(maps.Keys(known)))
		if f.suggestion == "" {
			if at := s.root.find(key, nil); len(at) == 1 {
				f.suggestion = at[0]
			}
		}
		out = append(out, f)
	}
	return out
}

// find lists where a key of this name belongs.
func (n *schemaNode) find(key string, path []string) []string {
	var out []string
	for _, name := range n.keys() {
		here := append(path[:len(path):len(path)], name)
		if name == key {
			out = append(out, strings.Join(here, "."))
		}
		out = append(out, n.Properties[name].find(key, here)...)
	}
	return out
}

// explainHook tells a hook that works elsewhere from one that does not exist.
func (s *configSchema) explainHook(path []string, rule map[string]any, value any) (reason, suggestion string) {
	name, _ := value.(string)
	at := strings.Join(path[:max(0, len(path)-2)], ".")
	lists := s.root.hookLists("")
	var known, where []string
	for _, list := range slices.Sorted(maps.Keys(lists)) {
		known = append(known, lists[list]...)
		flow, _, _ := strings.Cut(list, ".after.")
		all := flow + ".after.hooks" // of all methods, which need not be named then
		if slices.Contains(lists[list], name) && (list == all || !slices.Contains(lists[all], name)) {
			where = append(where, strings.TrimPrefix(list, flowsKey))
		}
	}
	here := strings.Join(stringsOf(rule["enum"]), ", ")
	if len(where) > 0 {
		return fmt.Sprintf("the hook %q cannot work in %s, but in %s; here there may be %s", name, at, strings.Join(where, ", "), here), ""
	}
	slices.Sort(known)
	return fmt.Sprintf("no hook is called %q; there may be %s", name, here), nearest(name, slices.Compact(known))
}

const flowsKey = "selfservice.flows."

// hookLists are the names that each list of hooks at or below n may hold, by
// its key. Lists that are not in effect as a whole are left out.
func (n *schemaNode) hookLists(key string) map[string][]string {
	lists := map[string][]string{}
	if strings.HasSuffix(key, ".hooks") && n.Items != nil && n.Effect == effectBuilt {
		lists[key] = stringsOf(n.Items.Properties["hook"].Enum)
	}
	for name, child := range n.Properties {
		maps.Copy(lists, child.hookLists(strings.TrimPrefix(key+"."+name, ".")))
	}
	return lists
}

// pointer splits a JSON pointer as the validator writes it, "#/a/b".
func pointer(p string) []string {
	p = strings.TrimPrefix(strings.TrimPrefix(p, "#"), "/")
	if p == "" {
		return nil
	}
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
	}
	return parts
}

// follow returns what lies at path inside of v, or nil.
func follow(v any, path []string) any {
	for _, key := range path {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

// stringsOf are the strings in a list, which may be no list at all.
func stringsOf(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
