package ui

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

//go:embed messages/*.json
var languages embed.FS

// Shipped returns the catalogue that comes with the program.
func Shipped() (Catalogue, error) {
	files, err := languages.ReadDir("messages")
	if err != nil {
		return nil, err
	}
	c := Catalogue{}
	for _, f := range files {
		raw, err := languages.ReadFile(path.Join("messages", f.Name()))
		if err != nil {
			return nil, err
		}
		texts, err := parse(raw)
		if err != nil {
			return nil, fmt.Errorf("messages/%s: %w", f.Name(), err)
		}
		c[strings.TrimSuffix(f.Name(), ".json")] = texts
	}
	return c, nil
}

// fill replaces each {key} of text by the context's value of that name, once:
// what a value holds is never looked at again. A key the context lacks stays
// as it is, which shows the mistake.
func fill(text string, context map[string]any) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		key, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			if b.Len() == 0 {
				return text
			}
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(before)
		if value, ok := context[key]; ok {
			b.WriteString(display(value))
		} else {
			b.WriteString("{" + key + "}")
		}
		text = after
	}
}

// display writes a context value as people read it: lists with commas.
func display(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case []string:
		return strings.Join(v, ", ")
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = display(v[i])
		}
		return strings.Join(parts, ", ")
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
}
