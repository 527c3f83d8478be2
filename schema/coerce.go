package schema

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/web"
)

// Coerce brings submitted traits into the types of the schema and returns them
// as a new value, made of JSON values with json.Number. What does not fit is
// kept as it came, so that validation can say so; unknown names are kept too.
//
// Leaves of a form are []string, every value of a repeated key in order; one
// such leaf anywhere makes the whole input a form. In a form empty values of
// optional properties are dropped, with the objects that become empty by that,
// and a checkbox that was left out is false where its parent demands it. In
// JSON an empty string stays.
func (s *Schema) Coerce(traits map[string]any) map[string]any {
	return s.form.fill(traits, isForm(traits))
}

func isForm(v any) bool {
	switch v := v.(type) {
	case []string:
		return true
	case map[string]any:
		for _, member := range v {
			if isForm(member) {
				return true
			}
		}
	}
	return false
}

func (s *shape) fill(in map[string]any, form bool) map[string]any {
	out := make(map[string]any, len(in))
	for key, v := range in {
		c := s.index[key]
		if c == nil {
			out[key] = web.Plain(v)
		} else if v, keep := c.coerce(v, form); keep {
			out[key] = v
		}
	}
	if form && (s.required || len(out) > 0) {
		s.complete(out)
	}
	return out
}

// complete adds what a browser leaves out of a form: checkboxes that are not
// ticked, and objects that hold nothing else.
func (s *shape) complete(out map[string]any) {
	for _, c := range s.children {
		if _, there := out[c.key]; there || !c.demanded {
			continue
		}
		switch {
		case c.field == nil:
			out[c.key] = c.fill(nil, true)
		case c.field.Type == "boolean" && !c.field.Array:
			out[c.key] = false
		}
	}
}

// coerce returns the value to keep, or false for one to drop.
func (s *shape) coerce(v any, form bool) (any, bool) {
	switch v := v.(type) {
	case []string:
		return s.posted(v)
	case string:
		if s.field != nil && !s.field.Array {
			return s.field.read(v), true
		}
	case json.Number:
		if s.field != nil && s.field.Type == "integer" {
			return whole(v), true
		}
	case []any:
		if s.field != nil && s.field.Array {
			out := make([]any, len(v))
			for i, item := range v {
				if text, ok := item.(string); ok {
					out[i] = s.field.read(text)
				} else {
					out[i] = web.Plain(item)
				}
			}
			return out, true
		}
	case map[string]any:
		if s.field == nil {
			out := s.fill(v, form)
			return out, len(out) > 0 || !form || s.required
		}
	}
	return web.Plain(v), true
}

// posted coerces the values of one form key.
func (s *shape) posted(values []string) (any, bool) {
	if s.field != nil && s.field.Array {
		out := []any{}
		for _, v := range values {
			if v != "" {
				out = append(out, s.field.word(v))
			}
		}
		return out, len(out) > 0 || s.required
	}
	last := ""
	if len(values) > 0 {
		last = values[len(values)-1]
	}
	if s.field == nil {
		return last, last != ""
	}
	if last == "" {
		return "", s.required && s.field.Type == "string"
	}
	if s.field.Format == "date-time" {
		return instant(last), true
	}
	return s.field.word(last), true
}

// instant completes what a browser's datetime-local input posts, which has no
// zone and may have no seconds, to RFC 3339 in UTC.
func instant(v string) string {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.Format(time.RFC3339)
		}
	}
	return v
}

// word reads one non-empty form value.
func (f *Field) word(v string) any {
	if f.Type == "boolean" {
		switch v {
		case "true", "on", "1", "yes":
			return true
		case "false", "off", "0", "no":
			return false
		}
	}
	return f.read(v)
}

// read brings a text into the field's type. What somebody signs in with or is
// reached by has no blanks around it: keyboards of telephones add them.
func (f *Field) read(v string) any {
	switch {
	case f.Type == "number" && isNumber(v):
		return json.Number(v)
	case f.Type == "integer" && isNumber(v):
		return whole(json.Number(v))
	case f.Identifier || f.VerificationVia != "" || f.RecoveryVia != "":
		return strings.TrimSpace(v)
	}
	return v
}

// whole writes 20.0 and 2e1 as 20: they are integers to JSON schema, and not to
// the library. What is none stays as it is.
func whole(n json.Number) json.Number {
	const digits = 18
	if !strings.ContainsAny(n.String(), ".eE") {
		return n
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || !r.IsInt() || len(r.Num().String()) > digits {
		return n
	}
	return json.Number(r.Num().String())
}

// isNumber says whether s is a JSON number (RFC 8259) of a bearable size.
func isNumber(s string) bool {
	if s == "" || !web.BoundedNumber(s) {
		return false
	}
	if c := s[0]; c != '-' && (c < '0' || c > '9') {
		return false
	}
	last := s[len(s)-1]
	return last >= '0' && last <= '9' && json.Valid([]byte(s))
}
