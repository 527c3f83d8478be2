package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// fact is one trait as a person knows it.
type fact struct{ Name, Value string }

// facts lists traits by the titles and in the order of their JSON schema. What
// the schema gives no title is named by its path; what it does not know comes
// last, by name.
func facts(schema json.RawMessage, prefix string, traits map[string]any) []fact {
	var about struct {
		Properties json.RawMessage `json:"properties"`
	}
	_ = json.Unmarshal(schema, &about) // without a schema everything is unknown to it
	names, properties := members(about.Properties)
	for _, name := range slices.Sorted(maps.Keys(traits)) {
		if _, ok := properties[name]; !ok {
			names = append(names, name)
		}
	}
	var list []fact
	for _, name := range names {
		var own struct {
			Title string `json:"title"`
		}
		_ = json.Unmarshal(properties[name], &own)
		label := cmp.Or(own.Title, prefix+human(name))
		switch v := traits[name].(type) {
		case nil:
		case map[string]any:
			list = append(list, facts(properties[name], label+" › ", v)...)
		case []any:
			parts := make([]string, len(v))
			for i := range v {
				parts[i] = text(v[i])
			}
			list = append(list, fact{label, strings.Join(parts, ", ")})
		case bool:
			list = append(list, fact{label, map[bool]string{true: "Yes", false: "No"}[v]})
		default:
			list = append(list, fact{label, text(v)})
		}
	}
	return list
}

// members reads a JSON object in the order it was written in.
func members(raw json.RawMessage) (names []string, values map[string]json.RawMessage) {
	values = map[string]json.RawMessage{}
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, values
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			break
		}
		key := name.(string) // a decoder lets nothing else stand there
		if _, twice := values[key]; !twice {
			names = append(names, key)
		}
		values[key] = value
	}
	return names, values
}
