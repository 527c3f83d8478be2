package cmd

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// effects says what of a given configuration is not in effect.
type effects struct {
	planned    []string  // harmless: listed
	protective []finding // somebody relies on it: stops the start
}

const notBuilt = "not built yet, and without it there is less protection than this file asks for; leave it out, or start with --dev"

// walk looks at what the operator wrote at path, not at defaults. Once a
// section is listed, what lies below is not listed again.
func (e *effects) walk(n *schemaNode, v any, path []string, listed bool) {
	if !says(v) {
		return
	}
	switch key := strings.Join(path, "."); {
	case n.Effect == effectProtective:
		e.protective = append(e.protective, finding{path: path, reason: notBuilt})
		return
	case n.Effect == effectPlanned && !listed:
		e.planned = append(e.planned, key)
		listed = true
	}
	switch v := v.(type) {
	case string:
		if slices.Contains(n.PlannedValues, v) {
			e.planned = append(e.planned, strings.Join(path, ".")+": "+v)
		}
	case map[string]any:
		for key, value := range v {
			if c := n.child(key); c != nil {
				e.walk(c, value, append(path[:len(path):len(path)], key), listed)
			}
		}
	case []any:
		for i, item := range v {
			here := append(path[:len(path):len(path)], strconv.Itoa(i))
			if path[len(path)-1] == "hooks" {
				e.hook(item, here, listed)
			} else if n.Items != nil {
				e.walk(n.Items, item, here, listed)
			}
		}
	}
}

// hook judges one entry of a list of hooks. A hook that may refuse protects.
func (e *effects) hook(item any, path []string, listed bool) {
	name, _ := follow(item, []string{"hook"}).(string)
	vetoes := follow(item, []string{"config", "can_interrupt"}) == true || follow(item, []string{"config", "response", "parse"}) == true
	switch {
	case builtHook(name, path):
	case name == "require_verified_address", name == "web_hook" && vetoes:
		e.protective = append(e.protective, finding{path: path, reason: "the hook " + name + " is " + notBuilt})
	case !listed:
		e.planned = append(e.planned, strings.Join(path, ".")+": "+name)
	}
}

// hooksAfter are the hooks that work after a flow, by flow and by the method
// that finished it. Every method that can finish the flow has an entry, besides
// everyMethod.
var hooksAfter = map[string]map[string][]string{
	"registration": {everyMethod: afterRegistration, "password": afterRegistration, "code": afterRegistration},
	"login":        {everyMethod: afterLogin, "password": afterLogin, "code": afterLogin},
	"settings":     {everyMethod: nil, "password": {"revoke_active_sessions"}, "profile": {"show_verification_ui"}},
	"recovery":     {everyMethod: {"revoke_active_sessions"}},
}

// everyMethod stands for the global list of a flow. It sorts before all methods.
const everyMethod = ""

var (
	afterRegistration = []string{"session", "show_verification_ui"}
	afterLogin        = []string{"revoke_active_sessions", "require_verified_address", "verification", "show_verification_ui"}
)

// builtHook reports whether the hook works where it stands.
func builtHook(name string, path []string) bool {
	at := strings.Join(path[:len(path)-1], ".")
	for flow, lists := range hooksAfter {
		for method, names := range lists {
			if at == afterKey(flow, method)+".hooks" {
				return slices.Contains(names, name)
			}
		}
	}
	return false
}

// says reports whether a value asks for anything. What is off or empty is
// just what a key that is not built yet amounts to.
func says(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		return v != "0"
	case []any:
		return len(v) > 0
	case map[string]any:
		for _, value := range v {
			if says(value) {
				return true
			}
		}
		return false
	}
	return true
}
