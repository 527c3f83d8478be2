package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxPlaces stops the walk through a file whose aliases multiply.
const maxPlaces = 50_000

// yamlPlaces finds where each key of a YAML document stands, and reports
// keys that are set twice and a second document, both of which a parser would
// pass over or report one at a time.
func yamlPlaces(name string, raw []byte) (map[string]place, []Problem) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, []Problem{syntaxProblem(name, raw, err, func(b []byte) error {
			return yaml.Unmarshal(b, &yaml.Node{})
		})}
	}
	w := &yamlWalk{name: name, places: map[string]place{"": {1, 1}}}
	if len(doc.Content) > 0 {
		root := doc.Content[0]
		if root.Kind != yaml.MappingNode && root.Tag != "!!null" {
			return nil, []Problem{{File: name, Line: root.Line, Column: root.Column, Reason: "a configuration is a mapping of keys to values"}}
		}
		w.walk(root, nil, 0)
	}
	if err := dec.Decode(&second); err == nil {
		w.problems = append(w.problems, Problem{File: name, Line: second.Line, Column: second.Column, Reason: "a second document in one file; give it with a -c of its own"})
	}
	return w.places, w.problems
}

type yamlWalk struct {
	name     string
	places   map[string]place
	problems []Problem
}

func (w *yamlWalk) walk(n *yaml.Node, path []string, depth int) {
	if depth > 100 || len(w.places) > maxPlaces {
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		w.walk(n.Alias, path, depth+1)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			w.set(item, append(path, strconv.Itoa(i)), depth)
		}
	case yaml.MappingNode:
		w.walkMapping(n, path, depth)
	}
}

func (w *yamlWalk) walkMapping(n *yaml.Node, path []string, depth int) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			w.walkMerge(value, path, depth)
			continue
		}
		if first, twice := seen[key.Value]; twice {
			w.problems = append(w.problems, Problem{
				File: w.name, Line: key.Line, Column: key.Column, Key: strings.Join(append(path, key.Value), "."),
				Reason: fmt.Sprintf("set twice, first on line %d", first),
			})
			continue
		}
		seen[key.Value] = key.Line
		here := append(path[:len(path):len(path)], key.Value)
		w.places[strings.Join(here, pathSep)] = place{key.Line, key.Column}
		w.walk(value, here, depth+1)
	}
}

// walkMerge enters "<<: *defaults"; a list of them is merged first to last.
func (w *yamlWalk) walkMerge(value *yaml.Node, path []string, depth int) {
	merged := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		merged = value.Content
	}
	for _, m := range merged {
		w.walk(m, path, depth+1)
	}
}

func (w *yamlWalk) set(item *yaml.Node, path []string, depth int) {
	here := append([]string(nil), path...)
	w.places[strings.Join(here, pathSep)] = place{item.Line, item.Column}
	w.walk(item, here, depth+1)
}

var jsonEscape = regexp.MustCompile(`\\(?:u[0-9a-fA-F]{4}|.)|\t`)

// jsonPlaces is yamlPlaces for JSON, which is YAML but for tabs between tokens
// and two kinds of escapes. Those are overwritten, which moves nothing.
func jsonPlaces(name string, raw []byte) (map[string]place, []Problem) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, []Problem{syntaxProblem(name, raw, err, func(b []byte) error { return json.Unmarshal(b, &v) })}
	}
	return yamlPlaces(name, jsonEscape.ReplaceAllFunc(raw, func(m []byte) []byte {
		surrogate := len(m) > 2 && bytes.IndexByte([]byte("dD"), m[2]) >= 0 && m[3] >= '8'
		if surrogate || m[0] == '\t' || m[1] == '/' {
			return bytes.Repeat([]byte(" "), len(m))
		}
		return m
	}))
}

// tomlPlaces finds the tables and keys of a TOML file by their lines. Keys
// inside of inline tables and lists are found by the line of the list.
func tomlPlaces(raw []byte) map[string]place {
	places := map[string]place{"": {1, 1}}
	counts := map[string]int{}
	var table []string
	for i, line := range strings.Split(string(raw), "\n") {
		text := strings.TrimSpace(line)
		at := place{i + 1, len(line) - len(strings.TrimLeft(line, " \t")) + 1}
		switch {
		case strings.HasPrefix(text, "[["):
			table = tomlKeys(strings.SplitN(text[2:], "]]", 2)[0])
			joined := strings.Join(table, pathSep)
			places[joined] = at
			table = append(table, strconv.Itoa(counts[joined]))
			counts[joined]++
		case strings.HasPrefix(text, "["):
			table = tomlKeys(strings.SplitN(text[1:], "]", 2)[0])
		case strings.HasPrefix(text, "#"), !strings.Contains(text, "="):
			continue
		default:
			keys := tomlKeys(strings.SplitN(text, "=", 2)[0])
			maps.Copy(places, tomlUpTo(table, keys, at))
			continue
		}
		maps.Copy(places, tomlUpTo(nil, table, at))
	}
	return places
}

// tomlUpTo places a dotted key and the tables it names on its way.
func tomlUpTo(table, keys []string, at place) map[string]place {
	out := map[string]place{}
	path := table[:len(table):len(table)]
	for _, k := range keys {
		path = append(path, k)
		out[strings.Join(path, pathSep)] = at
	}
	return out
}

func tomlKeys(dotted string) []string {
	keys := strings.Split(dotted, ".")
	for i, k := range keys {
		keys[i] = strings.Trim(strings.TrimSpace(k), `"'`)
	}
	return keys
}
