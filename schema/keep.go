package schema

import "maps"

// Keep returns traits with every field that may be shown but not changed as it
// is in present. Neither argument is changed.
func (s *Schema) Keep(traits, present map[string]any) map[string]any {
	return s.keep(traits, present, func(f Field) bool { return f.Disabled })
}

// KeepNames is Keep for every field that somebody signs in with or is reached at.
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
