package cmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// envValue is one environment variable that names a key.
type envValue struct {
	name, text string
	path       []string
	node       *schemaNode
}

// envValues finds the variables that name a key: its path in upper case with
// "_" between and inside of names, an index for an entry of a list. Shorter
// paths come first, so a whole list can be set and then one of its entries.
// Empty ones count as not set. Names that almost are a key's are warned about.
func envValues(root *schemaNode, environ []string) (out []envValue, warnings []string) {
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		if text == "" || name == "VERSION" {
			continue // VERSION is commonly set for other reasons
		}
		if path, node := matchEnv(root, name, nil); node != nil {
			out = append(out, envValue{name, text, path, node})
		} else if nearly := nearlyEnv(root, name); nearly != "" {
			warnings = append(warnings, fmt.Sprintf("environment variable %s names no key; did you mean %q?", name, nearly))
		}
	}
	slices.SortStableFunc(out, func(a, b envValue) int {
		return cmp.Or(cmp.Compare(len(a.path), len(b.path)), compareIndexed(a.path, b.path))
	})
	slices.Sort(warnings)
	return out, warnings
}

// compareIndexed orders paths so that entry 2 comes before entry 10.
func compareIndexed(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		i, errX := strconv.Atoi(x)
		j, errY := strconv.Atoi(y)
		if errX == nil && errY == nil {
			return cmp.Compare(i, j)
		}
		return cmp.Compare(x, y)
	})
}

// matchEnv resolves a variable's name from node downwards. Names of keys hold
// underscores themselves, so every split is tried.
func matchEnv(node *schemaNode, rest string, path []string) (found []string, leaf *schemaNode) {
	here := func(key string) []string { return append(path[:len(path):len(path)], key) }
	if node.Items != nil {
		digits, after, more := strings.Cut(rest, "_")
		if !isIndex(digits) {
			return nil, nil
		}
		if more {
			return matchEnv(node.Items, after, here(digits))
		}
		if settable(node.Items) {
			return here(digits), node.Items
		}
		return nil, nil
	}
	for _, key := range node.keys() {
		child, upper := node.Properties[key], envName(key)
		if rest == upper && settable(child) {
			return here(key), child
		}
		if after, below := strings.CutPrefix(rest, upper+"_"); below {
			if found, leaf := matchEnv(child, after, here(key)); leaf != nil {
				return found, leaf
			}
		}
	}
	return nil, nil
}

func isIndex(text string) bool {
	i, err := strconv.Atoi(text)
	return err == nil && i >= 0 && strconv.Itoa(i) == text
}

// maxEnvName bounds the names that are compared with those of keys.
const maxEnvName = 128

// nearlyEnv is the variable of a key below a section that name was probably
// meant to be, or "". It is stricter than nearest: other programs' variables
// share words with ours.
func nearlyEnv(root *schemaNode, name string) string {
	if len(name) > maxEnvName || !strings.Contains(name, "_") {
		return ""
	}
	best, bestDist := "", 1+max(1, min(len(name)/8, 3))
	consider := func(candidate string) {
		if diff := len(candidate) - len(name); diff >= bestDist || -diff >= bestDist || !strings.Contains(candidate, "_") {
			return
		}
		if d := editDistance(name, candidate); d < bestDist {
			best, bestDist = candidate, d
		}
	}
	indices := slices.DeleteFunc(strings.Split(name, "_"), func(word string) bool { return !isIndex(word) })
	root.eachEnv("", indices[:min(len(indices), 3)], consider)
	return best
}

// eachEnv calls do with every variable that sets something at or below n; of
// lists, with the entries of indices.
func (n *schemaNode) eachEnv(name string, indices []string, do func(string)) {
	if name != "" && settable(n) {
		do(name)
	}
	below := func(word string, child *schemaNode) {
		child.eachEnv(strings.TrimPrefix(name+"_"+word, "_"), indices, do)
	}
	for _, key := range n.keys() {
		below(envName(key), n.Properties[key])
	}
	if n.Items != nil {
		for _, i := range indices {
			below(i, n.Items)
		}
	}
}

func envName(key string) string {
	return strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// settable reports whether a node takes a value from one variable. Sections do
// not, unless a word may stand in their place: LOG or SESSION are set on many
// machines for other reasons.
func settable(n *schemaNode) bool { return len(n.Properties) == 0 || n.is("string") }

// applyEnv puts the values onto doc and returns which paths they set, and
// what could not be put.
func applyEnv(doc map[string]any, values []envValue) (set map[string]string, problems []Problem) {
	set = map[string]string{}
	for _, v := range values {
		if err := put(doc, v.path, v.decode()); err != nil {
			problems = append(problems, Problem{File: envFile(v.name), Key: strings.Join(v.path, "."), Reason: err.Error()})
			continue
		}
		set[strings.Join(v.path, pathSep)] = v.name
	}
	return set, problems
}

func envFile(name string) string { return "environment variable " + name }

// decode reads the text as what the key holds. What cannot be read stays a
// string, which the schema then refuses with the right words.
func (v envValue) decode() any {
	text := strings.TrimSpace(v.text)
	switch {
	case v.node.is("string") && len(v.node.Type) == 1:
		return v.text
	case v.node.is("boolean"):
		if b, err := strconv.ParseBool(strings.ToLower(text)); err == nil {
			return b
		}
	case v.node.is("integer"), v.node.is("number"):
		if _, err := strconv.ParseFloat(text, 64); err == nil && json.Valid([]byte(text)) {
			return json.Number(text)
		}
	case v.node.is("array") && v.node.Items.is("string") && !strings.HasPrefix(text, "["):
		list := []any{}
		for _, one := range strings.Split(text, ",") {
			if one = strings.TrimSpace(one); one != "" {
				list = append(list, one)
			}
		}
		return list
	default:
		dec := json.NewDecoder(bytes.NewReader([]byte(text)))
		dec.UseNumber()
		var out any
		if dec.Decode(&out) == nil && !dec.More() {
			return out
		}
	}
	return v.text
}

// put sets one value inside of doc, making sections on the way. A list is
// changed in the one entry, or grown by the next.
func put(doc map[string]any, path []string, value any) error {
	_, err := putAt(doc, path, value)
	return err
}

func putAt(at any, path []string, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	i, notIndex := strconv.Atoi(path[0])
	switch v := at.(type) {
	case map[string]any:
		child, err := putAt(v[path[0]], path[1:], value)
		if err != nil {
			return nil, err
		}
		v[path[0]] = child
		return v, nil
	case []any:
		if notIndex != nil || i > len(v) {
			return nil, fmt.Errorf("the list has %d entries; the next is number %d", len(v), len(v))
		}
		if i == len(v) {
			v = append(v, nil)
		}
		child, err := putAt(v[i], path[1:], value)
		if err != nil {
			return nil, err
		}
		v[i] = child
		return v, nil
	case nil:
		if notIndex == nil {
			return putAt([]any{}, path, value)
		}
		return putAt(map[string]any{}, path, value)
	}
	return nil, fmt.Errorf("a value is set above it, so nothing can be set below")
}
