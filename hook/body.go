package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

// Evaluator evaluates Jsonnet; *jsonnet.Pool is one.
type Evaluator interface {
	Evaluate(ctx context.Context, program jsonnet.Program) (json.RawMessage, error)
}

// Body says what a hook is sent. The zero value sends none.
type Body struct {
	// Name stands in errors of Source, where a file's name would.
	Name string
	// Source is Jsonnet: a function of ctx, or a value.
	Source string
	// Paths are looked up in ctx where there is no Source; ParsePaths makes them.
	Paths [][]string
}

const maxPaths = 64

// aName is a step of a path. A header's is as in request_headers.X-Country.
var aName = regexp.MustCompile(`^[A-Za-z0-9_$@-]+$`)

// ParsePaths reads paths into ctx such as identity.traits.email. An error names
// the path that is wrong: one that is empty, begins with what ctx does not have,
// is given twice, or lies within another that sends it anyway.
func ParsePaths(paths []string) ([][]string, error) {
	if len(paths) == 0 || len(paths) > maxPaths {
		return nil, fmt.Errorf("there are %d paths, but must be 1 to %d", len(paths), maxPaths)
	}
	all := make([][]string, 0, len(paths))
	for _, path := range paths {
		steps := strings.Split(path, ".")
		if slices.ContainsFunc(steps, func(s string) bool { return !aName.MatchString(s) }) {
			return nil, fmt.Errorf("%q is no path: names are joined by dots, as in identity.traits.email", path)
		}
		if _, known := variables[steps[0]]; !known {
			return nil, fmt.Errorf("%q begins with what ctx does not have: it has flow, identity, session, request_headers, request_method, request_url and request_cookies", path)
		}
		for i, other := range all {
			if n := min(len(other), len(steps)); slices.Equal(other[:n], steps[:n]) {
				return nil, fmt.Errorf("%q and %q: one sends the other as well", paths[i], path)
			}
		}
		all = append(all, steps)
	}
	return all, nil
}

// Make returns the JSON that a hook is sent, nil for no body. Values of env may
// be whatever encoding/json can marshal. cancelled means that the program calls
// `error "cancel"`: the hook is not called, and that is no failure.
//
// Paths make an object with just what they name; what is absent is left out,
// and so is what lies within a list. Numbers stay as they are written; Jsonnet
// makes float64 of them. An error of Jsonnet is *jsonnet.Error, with file and
// line, or wraps a sentinel of its package.
func (b Body) Make(ctx context.Context, evaluator Evaluator, env map[string]any) (raw []byte, cancelled bool, err error) {
	switch {
	case b.Source != "":
		raw, err = evaluator.Evaluate(ctx, jsonnet.Program{Name: b.Name, Source: b.Source, Args: map[string]any{"ctx": env}})
		if fault := (*jsonnet.Error)(nil); errors.As(err, &fault) && fault.Reason == "cancel" {
			return nil, true, nil
		}
		return raw, false, err
	case len(b.Paths) > 0:
		raw, err = b.pick(env)
	}
	return raw, false, err
}

// pick makes the object that Paths describe.
func (b Body) pick(env map[string]any) ([]byte, error) {
	from, picked := map[string]any{}, map[string]any{}
	for _, path := range b.Paths {
		given, ok := env[path[0]]
		if _, read := from[path[0]]; !ok || read {
			continue
		}
		v, err := plain(path[0], given)
		if err != nil {
			return nil, err
		}
		from[path[0]] = v
	}
	for _, path := range b.Paths {
		if v, ok := lookUp(from, path); ok {
			put(picked, path, v)
		}
	}
	return json.Marshal(picked)
}

// lookUp returns what lies at path, and whether there is something: null is.
func lookUp(v any, path []string) (any, bool) {
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = object[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// put sets what lies at path, no beginning of which holds a value yet.
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
