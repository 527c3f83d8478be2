package schema

import (
	"maps"
	"strings"
)

// Keep returns traits with every field that may be shown but not changed as it
// is in present, and with what no form has a field for, where traits do not say
// otherwise. Neither argument is changed.
func (s *Schema) Keep(traits, present map[string]any) map[string]any {
	traits = s.keep(traits, present, func(f Field) bool { return f.Disabled })
	return s.keepUndrawn(traits, present, "")
}

// keepUndrawn does it for what stands below prefix, which ends in a dot.
func (s *Schema) keepUndrawn(traits, present map[string]any, prefix string) map[string]any {
	for key, value := range present {
		sent, wasSent := traits[key]
		drawn, partly := s.drawn(prefix + key)
		inner, isObject := value.(map[string]any)
		sentInner, sentObject := sent.(map[string]any)
		switch {
		case drawn:
		case partly && isObject && (sentObject || !wasSent):
			if kept := s.keepUndrawn(sentInner, inner, prefix+key+"."); len(kept) > 0 {
				traits = with(traits, []string{key}, kept)
			}
		case !partly && !wasSent:
			traits = with(traits, []string{key}, value)
		}
	}
	return traits
}

// drawn reports whether a form has a field for what has this dotted name, or for
// parts of it.
func (s *Schema) drawn(name string) (whole, partly bool) {
	for _, f := range s.Fields {
		if f.Name == name {
			return true, false
		}
		partly = partly || strings.HasPrefix(f.Name, name+".")
	}
	return false, partly
}

// KeepNames returns traits with every field that somebody signs in with or is
// reached at as it is in present. Neither argument is changed.
func (s *Schema) KeepNames(traits, present map[string]any) map[string]any {
	return s.keep(traits, present, func(f Field) bool {
		return f.Identifier || f.CodeIdentifier || f.VerificationVia != "" || f.RecoveryVia != ""
	})
}

func (s *Schema) keep(traits, present map[string]any, which func(Field) bool) map[string]any {
	for _, f := range s.Fields {
		if which(f) {
			traits = with(traits, f.Path, at(present, f.Path))
		}
	}
	return traits
}

// with returns a copy of object with another value at path, nil for none.
func with(object map[string]any, path []string, value any) map[string]any {
	inner, isObject := object[path[0]].(map[string]any)
	if len(path) > 1 {
		if !isObject && value == nil {
			return object
		}
		value = with(inner, path[1:], value)
	}
	out := maps.Clone(object)
	if out == nil {
		out = map[string]any{}
	}
	if value == nil {
		delete(out, path[0])
	} else {
		out[path[0]] = value
	}
	return out
}

func at(object map[string]any, path []string) any {
	inner, isObject := object[path[0]].(map[string]any)
	if len(path) > 1 && isObject {
		return at(inner, path[1:])
	}
	if len(path) > 1 {
		return nil
	}
	return object[path[0]]
}
