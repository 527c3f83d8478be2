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
	vetoes := webHookOf(settings{item}).Blocks()
	switch {
	case builtHook(name, path):
	case name == "require_verified_address", name == "web_hook" && vetoes:
		e.protective = append(e.protective, finding{path: path, reason: "the hook " + name + " is " + notBuilt})
	case !listed:
		e.planned = append(e.planned, strings.Join(path, ".")+": "+name)
	}
}

// flowNames are the flows that have hooks, in the order of the documentation.
var flowNames = []string{"registration", "login", "settings", "recovery", "verification"}

// hooksBefore are the hooks that work before each flow.
var hooksBefore = []string{"web_hook", "ip_range", "country", "schedule"}

// hooksAfter are the hooks that work after a flow, by flow and by the method
// that finished it. Every method that can finish the flow has an entry, besides
// everyMethod.
var hooksAfter = map[string]map[string][]string{
	"registration": {everyMethod: afterRegistration, "password": afterRegistration, "code": afterRegistration, "oidc": afterRegistration},
	"login":        {everyMethod: afterLogin, "password": afterLogin, "code": afterLogin, "oidc": {"revoke_active_sessions", "require_verified_address", "web_hook"}},
	"settings": {
		everyMethod: {"web_hook"}, "password": {"web_hook", "revoke_active_sessions"}, "oidc": {"web_hook", "revoke_active_sessions"},
		"profile": {"web_hook", "show_verification_ui", "verify_new_address", "notify_previous_addresses"},
	},
	"recovery":     {everyMethod: {"web_hook", "revoke_active_sessions"}},
	"verification": {everyMethod: {"web_hook"}},
}

// everyMethod stands for the global list of a flow. It sorts before all methods.
const everyMethod = ""

var (
	afterRegistration = []string{"session", "web_hook", "show_verification_ui"}
	afterLogin        = []string{"revoke_active_sessions", "require_verified_address", "web_hook", "verification", "show_verification_ui"}
)

// A moment of a flow: before it, or after it by a method.
const before = "before"

func after(method string) string { return strings.TrimSuffix("after."+method, ".") }

// section is where a moment of a flow is configured.
func section(flow, moment string) string { return "selfservice.flows." + flow + "." + moment }

// hooksAt are the hooks that work at a moment of a flow.
func hooksAt(flow, moment string) []string {
	if moment == before {
		return hooksBefore
	}
	for method, names := range hooksAfter[flow] {
		if moment == after(method) {
			return names
		}
	}
	return nil
}

// builtHook reports whether the hook works where it stands.
func builtHook(name string, path []string) bool {
	n := len(path)
	return n > 4 && slices.Contains(hooksAt(path[2], strings.Join(path[3:n-2], ".")), name)
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
