package oidc

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mapping makes a person of claims without Jsonnet. Each of its maps leads from
// where a value goes to the claim it comes from, both dotted paths: traits
// {"name.first": "given_name"}. A claim that is absent or null is left out.
// Below raw_claims, names with dots in them are found as well, such as
// "raw_claims.https://example.org/roles".
type Mapping struct {
	Traits, MetadataPublic, MetadataAdmin map[string]string
}

// section is one of a Mapping's maps.
type section struct {
	key   string
	paths map[string]string
}

func (m *Mapping) sections() []section {
	return []section{{"traits", m.Traits}, {"metadata_public", m.MetadataPublic}, {"metadata_admin", m.MetadataAdmin}}
}

// check refuses a mapping that cannot be meant, by keys such as
// mapping.traits.name.first.
func (m *Mapping) check(refuse func(key, why string)) {
	if len(m.Traits) == 0 {
		refuse("mapping.traits", "needs at least one entry, such as email: email")
	}
	for _, s := range m.sections() {
		targets := slices.Sorted(maps.Keys(s.paths))
		for _, target := range targets {
			at := "mapping." + s.key + "." + target
			if slices.Contains(strings.Split(target, "."), "") {
				refuse(at, "expected names joined by dots, as in name.first")
			}
			for _, other := range targets {
				if target != "" && strings.HasPrefix(other, target+".") {
					refuse("mapping."+s.key+"."+other, "lies within "+target+", which has a value of its own")
				}
			}
			checkClaim(refuse, at, s.paths[target])
		}
	}
}

func checkClaim(refuse func(key, why string), key, path string) {
	if rest, raw := strings.CutPrefix(path, "raw_claims."); raw && rest != "" || slices.Contains(known, path) {
		return
	}
	refuse(key, fmt.Sprintf("there is no claim %q; whatever else a provider says is below raw_claims, as in raw_claims.department", path))
}

// person makes a person of claims. Proved is left to others.
func (m *Mapping) person(claims map[string]any) (*Person, error) {
	made := make([]map[string]any, 0, 3)
	for _, s := range m.sections() {
		object := map[string]any{}
		for target, path := range s.paths {
			if v := claim(claims, path); v != nil {
				put(object, strings.Split(target, "."), v)
			}
		}
		made = append(made, object)
	}
	p := &Person{Traits: made[0]}
	for _, metadata := range []struct {
		from map[string]any
		to   *json.RawMessage
	}{{made[1], &p.MetadataPublic}, {made[2], &p.MetadataAdmin}} {
		if len(metadata.from) == 0 {
			continue
		}
		raw, err := json.Marshal(metadata.from)
		if err != nil {
			return nil, err
		}
		*metadata.to = raw
	}
	return p, nil
}

// claim returns what lies at a path, nil for nothing. Names may have dots; the
// longest that there is counts.
func claim(v any, path string) any {
	object, _ := v.(map[string]any)
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		value, ok := object[path[:end]]
		switch {
		case ok && end == len(path):
			return value
		case ok:
			return claim(value, path[end+1:])
		}
	}
	return nil
}

// put sets what lies at a path, no beginning of which holds a value.
func put(object map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		next, ok := object[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[name] = next
		}
		object = next
	}
	object[path[len(path)-1]] = v
}
