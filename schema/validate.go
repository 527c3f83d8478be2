package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ory/jsonschema/v3"
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

// rules is what Validate needs beside the compiled schema.
type rules struct {
	root     *node
	compiled *jsonschema.Schema
	patterns map[string]*regexp.Regexp
	rank     map[string]int // the order of fields, by their path with the prefix
	form     *shape
	fields   []Field
	emails   []Field // verified by email without saying that they are one
}

func newRules(s *Schema, root *node, compiled *jsonschema.Schema, patterns map[string]*regexp.Regexp) *rules {
	r := &rules{
		root: root, compiled: compiled, patterns: patterns, form: s.form,
		fields: s.Fields, rank: make(map[string]int, len(s.Fields)),
	}
	for i, f := range s.Fields {
		r.rank["traits."+f.Name] = i
		if f.VerificationVia == "email" && f.Format == "" {
			r.emails = append(r.emails, f)
		}
	}
	return r
}

// Validate returns everything that is wrong with the traits, in the order of
// the schema's fields, and nil where nothing is. Traits are JSON values with
// json.Number, as Coerce makes them; the caller bounds their size to 64 KiB.
// It never panics.
func (s *Schema) Validate(traits map[string]any) (found []Violation) {
	defer func() {
		if r := recover(); r != nil {
			found = []Violation{generic("", "schema", "cannot be validated")}
		}
	}()
	if _, reason := (&bounds{}).broken(traits, 1); reason != "" {
		path, reason := (&bounds{sorted: true}).broken(traits, 1)
		return []Violation{generic(s.rule.place(append([]string{"traits"}, path...)), "bounds", reason)}
	}
	doc := map[string]any{"traits": traits}
	err := s.rule.compiled.ValidateInterface(doc)
	if err == nil && s.rule.emails == nil {
		return nil
	}
	t := &translator{rules: s.rule, doc: doc}
	if err != nil {
		var failed *jsonschema.ValidationError
		if !errors.As(err, &failed) {
			return []Violation{generic("", "schema", "cannot be validated")}
		}
		t.collect(failed)
	}
	for _, f := range s.rule.emails {
		for _, value := range s.Read(traits, f) {
			if !IsEmail(value) {
				t.add("traits."+f.Name, "format:email", map[string]any{"value": clip(value)})
			}
		}
	}
	return t.ordered()
}

// bounds walks a value before the compiler's code sees it.
type bounds struct {
	values int
	sorted bool // costs time, and makes the first finding the same every time
}

// broken says why a value must not be validated, and where.
func (b *bounds) broken(v any, depth int) (path []string, reason string) {
	if b.values++; b.values > maxTraitValues {
		return nil, fmt.Sprintf("holds more than %d values", maxTraitValues)
	}
	if depth > maxTraitDepth {
		return nil, fmt.Sprintf("is nested deeper than %d levels", maxTraitDepth)
	}
	switch v := v.(type) {
	case nil, bool, string:
	case json.Number:
		if !isNumber(string(v)) {
			return nil, "is a number with too many digits"
		}
	case []any:
		for i, item := range v {
			if path, reason = b.broken(item, depth+1); reason != "" {
				return append([]string{strconv.Itoa(i)}, path...), reason
			}
		}
	case map[string]any:
		if b.sorted {
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if path, reason = b.broken(v[key], depth+1); reason != "" {
					return append([]string{key}, path...), reason
				}
			}
			return nil, ""
		}
		for _, item := range v {
			if _, reason = b.broken(item, depth+1); reason != "" {
				return nil, reason
			}
		}
	default:
		return nil, "is not a JSON value"
	}
	return nil, ""
}

// place turns the tokens of an instance pointer into a violation's path.
func (r *rules) place(tokens []string) string {
	path := clip(strings.Join(tokens, "."))
	if len(tokens) > 1 {
		if parent := strings.Join(tokens[:len(tokens)-1], "."); r.isArray(parent) {
			return parent
		}
	}
	return path
}

func (r *rules) isArray(path string) bool {
	i, ok := r.rank[path]
	return ok && r.fields[i].Array
}

func generic(path, keyword, reason string) Violation {
	return Violation{Path: path, Keyword: keyword, Context: map[string]any{"reason": reason}}
}
