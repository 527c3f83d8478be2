package schema

import (
	"encoding/json"
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
			return numeric(s.field.Type, v), true
		}
	case []any:
		if s.field != nil && s.field.Array {
			out := make([]any, len(v))
			for i, item := range v {
				if word, ok := item.(string); ok {
					out[i] = numeric(s.field.Type, word)
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
				out = append(out, word(s.field.Type, v))
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
	return word(s.field.Type, last), true
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

// word reads one non-empty form value as the type t.
func word(t, v string) any {
	if t == "boolean" {
		switch v {
		case "true", "on", "1", "yes":
			return true
		case "false", "off", "0", "no":
			return false
		}
	}
	return numeric(t, v)
}

func numeric(t, v string) any {
	if (t == "number" || t == "integer") && isNumber(v) {
		return json.Number(v)
	}
	return v
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
