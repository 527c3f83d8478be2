// Package schema knows identity schemas: it loads them, lists the form fields
// they describe, brings submitted values into their types and validates them.
//
// Everything that can go wrong with a schema goes wrong in Loader.Load, and is
// bounded there: size, depth, references, patterns. A *Schema that exists is
// immutable, safe for concurrent use, and never reads a file or the network.
package schema

import (
	"encoding/json"
	"regexp"

	"github.com/ory/jsonschema/v3"
)

// Schema is one compiled identity schema.
type Schema struct {
	ID         string
	Selectable bool            // people may choose it when they register
	Raw        json.RawMessage // the document as it was loaded; not to be modified
	Public     *Schema         // what metadata_public is held to; nil for nothing
	Admin      *Schema         // the same of metadata_admin
	Fields     []Field         // in the order of the document; not to be modified

	plain    bool // of any JSON: paths are pointers
	form     *shape
	root     *node
	compiled *jsonschema.Schema
	patterns map[string]*regexp.Regexp
	rank     map[string]int // of each field in Fields, by its path with the prefix
}

// Field is a trait a form can ask for: a scalar, or an array of scalars.
type Field struct {
	Name  string   // dotted, without the prefix "traits.": "name.first"
	Path  []string // Name in its parts
	Type  string   // string, number, integer or boolean; of the items where Array is set
	Array bool     // Type, Format, Pattern and Enum speak of the items

	Title    string
	Format   string
	Pattern  string // a Go regular expression, not anchored
	Enum     []any  // string, bool or json.Number; nil also where there are more than 500
	Disabled bool   // to be shown, not to be changed

	// Required says that no valid identity lacks the field. A field that its
	// parent demands is not required where the parent itself may be missing.
	Required bool

	// What the keyword "ory.sh/kratos" says the value is used for. A via is
	// "email", "sms", or empty where the field is no such address.
	Identifier      bool // signs in with a password
	CodeIdentifier  bool
	CodeVia         string
	VerificationVia string
	RecoveryVia     string
}

// Set holds the schemas of one configuration.
type Set struct {
	all []*Schema
	def *Schema
}

// Default returns the schema used where nobody names one. It is never nil.
func (s *Set) Default() *Schema { return s.def }

// All returns every schema in configured order. The slice is the set's own.
func (s *Set) All() []*Schema { return s.all }

// Get returns the schema with that id, or nil.
func (s *Set) Get(id string) *Schema {
	for _, one := range s.all {
		if one.ID == id {
			return one
		}
	}
	return nil
}

// Read returns the strings that traits hold at f: one for a scalar, several for
// an array, none where the value is absent or no string.
func (s *Schema) Read(traits map[string]any, f Field) []string {
	var value any = traits
	for _, key := range f.Path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[key]
	}
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var out []string
		for _, item := range value {
			if text, ok := item.(string); ok {
				out = append(out, text)
			}
		}
		return out
	}
	return nil
}
