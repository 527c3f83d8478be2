package schema

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/ory/jsonschema/v3"

	"github.com/foyer-id/foyer/internal/web"
)

// Bounds of the traits that are validated at all.
const (
	maxTraitDepth  = 32
	maxTraitValues = 5000
	maxViolations  = 200
)

// Violation is one way in which traits break their schema.
type Violation struct {
	// Path is dotted: "traits.email". It names the missing property for
	// "required", the object around it for "additionalProperties", the array for
	// an item of an array field, and is empty for the whole document.
	Path string
	// Keyword is the schema's keyword that is not met; "format:email",
	// "format:tel" and "format" for formats, "false" where nothing is allowed.
	Keyword string
	// Context holds what a message says: the limit and the actual value, or
	// {reason} where the keyword has nothing of its own to say.
	Context map[string]any
}

// Validate returns everything that is wrong with the traits, in the order of
// the schema's fields, and nil where nothing is. Traits are JSON values with
// json.Number, as Coerce makes them. It never panics.
func (s *Schema) Validate(traits map[string]any) (found []Violation) {
	defer func() {
		if r := recover(); r != nil {
			found = []Violation{generic("", "schema", "cannot be validated")}
		}
	}()
	if values := maxTraitValues; !bounded(traits, 1, &values) {
		return []Violation{generic("traits", "bounds", "are too many or too deeply nested values, or no JSON values")}
	}
	t := &translator{Schema: s, doc: map[string]any{"traits": traits}}
	if err := s.compiled.ValidateInterface(t.doc); err != nil {
		var failed *jsonschema.ValidationError
		if !errors.As(err, &failed) {
			return []Violation{generic("", "schema", "cannot be validated")}
		}
		t.collect(failed)
	}
	for _, f := range s.Fields {
		if f.VerificationVia != "email" || f.Format != "" {
			continue
		}
		for _, value := range s.Read(traits, f) {
			if !IsEmail(value) {
				t.add("traits."+f.Name, "format:email", map[string]any{"value": web.Clip(value)})
			}
		}
	}
	return t.ordered()
}

// bounded says whether the compiler's code can stand v. What web.Decode has
// read always is; traits may come from elsewhere, too.
func bounded(v any, depth int, values *int) bool {
	if *values--; *values < 0 || depth > maxTraitDepth {
		return false
	}
	switch v := v.(type) {
	case nil, bool, string:
		return true
	case json.Number:
		return isNumber(string(v))
	case []any:
		for _, item := range v {
			if !bounded(item, depth+1, values) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, item := range v {
			if !bounded(item, depth+1, values) {
				return false
			}
		}
		return true
	}
	return false
}

// place turns the tokens of an instance pointer into a violation's path.
func (s *Schema) place(tokens []string) string {
	if s.plain {
		return strings.TrimPrefix(web.Pointer(tokens...), "#")
	}
	path := web.Clip(strings.Join(tokens, "."))
	if len(tokens) > 1 {
		parent := strings.Join(tokens[:len(tokens)-1], ".")
		if i, ok := s.rank[parent]; ok && s.Fields[i].Array {
			return parent
		}
	}
	return path
}

func generic(path, keyword, reason string) Violation {
	return Violation{Path: path, Keyword: keyword, Context: map[string]any{"reason": reason}}
}
