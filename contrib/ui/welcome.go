package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// welcome shows who is signed in, and where else, or the two doors.
func (s *server) welcome(w http.ResponseWriter, r *http.Request) {
	var who account
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
		if s.api.get(w, r, "/sessions", nil, &who.Others) != nil {
			who.Others = nil // the page is about more than them
		}
		who.Schema = s.traitsSchema(w, r, who.Identity.SchemaID)
		p.Title, p.Body = "You are signed in", who
	case fail.Cause != nil:
		s.unreachable(w, r, fail)
		return
	case fail.Redirect != "":
		s.redirect(w, r, fail.Redirect, nil)
		return
	case fail.Code != http.StatusUnauthorized:
		s.problem(w, r, explain(fail))
		return
	}
	s.render(w, r, http.StatusOK, "welcome.html", p)
}

// traitsSchema fetches the part of an identity schema that is about traits.
func (s *server) traitsSchema(w http.ResponseWriter, r *http.Request, id string) json.RawMessage {
	var whole struct {
		Properties struct {
			Traits json.RawMessage `json:"traits"`
		} `json:"properties"`
	}
	if id == "" || s.api.get(w, r, "/schemas/"+url.PathEscape(id), nil, &whole) != nil {
		return nil
	}
	return whole.Properties.Traits
}

// account is what the welcome page shows.
type account struct {
	session
	Others []session       // live ones on other devices
	Logout string          // the link that signs out; empty where there is none
	Schema json.RawMessage // of the traits; empty where it cannot be had
}

// session is one as the API shows it to its owner, as far as the page shows it.
type session struct {
	ID              string    `json:"id"`
	ExpiresAt       time.Time `json:"expires_at"`
	AuthenticatedAt time.Time `json:"authenticated_at"`
	Assurance       string    `json:"authenticator_assurance_level"`
	Methods         []struct {
		Method   string `json:"method"`
		Provider string `json:"provider"`
	} `json:"authentication_methods"`
	Identity struct {
		ID        string         `json:"id"`
		SchemaID  string         `json:"schema_id"`
		Traits    map[string]any `json:"traits"`
		Addresses []struct {
			Value    string `json:"value"`
			Verified bool   `json:"verified"`
		} `json:"verifiable_addresses"`
	} `json:"identity"`
	Devices []device `json:"devices"`
}

// Facts lists the traits as their schema names and orders them.
func (a account) Facts() []fact { return facts(a.Schema, "", a.Identity.Traits) }

// Device is the first one, from which the person signed in.
func (s session) Device() device {
	if len(s.Devices) == 0 {
		return device{}
	}
	return s.Devices[0]
}

// Unverified reports whether there is an address that is not verified yet.
func (s session) Unverified() bool {
	for _, a := range s.Identity.Addresses {
		if !a.Verified {
			return true
		}
	}
	return false
}

// MethodNames says how the person proved who they are.
func (s session) MethodNames() string {
	var names []string
	for _, m := range s.Methods {
		if m.Provider != "" {
			names = append(names, human(m.Provider))
			continue
		}
		names = append(names, title(m.Method))
	}
	return strings.Join(unique(names), ", ")
}

func when(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
