package main

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// welcome shows who is signed in, or the two doors.
func (s *server) welcome(w http.ResponseWriter, r *http.Request) {
	var who session
	p := page{Title: "Welcome", Kind: "welcome"}
	fail := s.api.get(w, r, "/sessions/whoami", nil, &who)
	switch {
	case fail == nil:
		var out struct {
			URL string `json:"logout_url"`
		}
		if s.api.get(w, r, "/self-service/logout/browser", nil, &out) == nil && origin(out.URL) != "" {
			who.Logout = out.URL
		}
		p.Title, p.Body = "You are signed in", who
	case fail.Cause != nil:
		s.unreachable(w, fail)
		return
	case fail.Redirect != "":
		s.redirect(w, r, fail.Redirect, nil)
		return
	case fail.Code != http.StatusUnauthorized:
		s.problem(w, explain(fail))
		return
	}
	s.render(w, http.StatusOK, "welcome.html", p)
}

// session is whoami's answer, as far as the welcome page shows it.
type session struct {
	ExpiresAt       time.Time `json:"expires_at"`
	AuthenticatedAt time.Time `json:"authenticated_at"`
	Assurance       string    `json:"authenticator_assurance_level"`
	Methods         []struct {
		Method string `json:"method"`
	} `json:"authentication_methods"`
	Identity struct {
		ID        string         `json:"id"`
		Traits    map[string]any `json:"traits"`
		Addresses []struct {
			Value    string `json:"value"`
			Verified bool   `json:"verified"`
		} `json:"verifiable_addresses"`
	} `json:"identity"`
	Logout string `json:"-"`
}

type fact struct{ Name, Value string }

// Facts lists the traits with nested ones in place, named by their path.
func (s session) Facts() []fact { return facts("", s.Identity.Traits) }

func facts(prefix string, traits map[string]any) []fact {
	var list []fact
	names := make([]string, 0, len(traits))
	for name := range traits {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		label := prefix + human(name)
		switch v := traits[name].(type) {
		case nil:
		case map[string]any:
			list = append(list, facts(label+" › ", v)...)
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

// MethodNames says how the person proved who they are.
func (s session) MethodNames() string {
	var names []string
	for _, m := range s.Methods {
		names = append(names, title(m.Method))
	}
	return strings.Join(slices.Compact(names), ", ")
}

func when(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
