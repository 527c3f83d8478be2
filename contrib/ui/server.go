package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"embed"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"
)

//go:embed templates/*.html static
var files embed.FS

// kinds are the flows and the headings of their pages.
var kinds = map[string]string{
	"registration": "Create your account",
	"login":        "Sign in",
	"verification": "Verify your address",
	"recovery":     "Recover your account",
	"settings":     "Account settings",
}

type server struct {
	config
	api    *client
	brands []*brand // the usual one first
	doors  doors
}

// page is what every template receives.
type page struct {
	Brand, Logo, Style, Footer string
	Kind, Title                string
	Problem                    bool // the title says so too, for those who hear it first
	Body                       any
	Offers                     func(kind string) bool // whether a link to that flow leads anywhere

	returnTo    string // where the page's flow leads, as the API has it
	formTargets []string
	scripts     bool // the API's own may run, besides ours
	live        bool // ours may run, and ask this server
}

// wear puts the page into the clothes of a brand.
func (p *page) wear(b *brand) { p.Brand, p.Logo, p.Style, p.Footer = b.Name, b.Logo, b.Style, b.Footer }

// newServer reads templates, styles and logos once and returns the whole site.
func newServer(c config) (http.Handler, error) {
	s := &server{config: c, api: newClient(c.Internal)}
	mux := http.NewServeMux()
	if err := s.dressAll(mux); err != nil {
		return nil, err
	}
	for name, kind := range map[string]string{"favicon.svg": "image/svg+xml", "triggers.js": "text/javascript; charset=utf-8", "live.js": "text/javascript; charset=utf-8"} {
		body, _ := files.ReadFile("static/" + name)
		mux.HandleFunc("GET /"+name, asset(kind, body))
	}
	for kind := range kinds {
		mux.HandleFunc("GET /"+kind, func(w http.ResponseWriter, r *http.Request) { s.flow(w, r, kind) })
		mux.HandleFunc("GET /"+kind+"/wait", func(w http.ResponseWriter, r *http.Request) { s.wait(w, r, kind) })
	}
	mux.HandleFunc("GET /{$}", s.welcome)
	mux.HandleFunc("POST /sessions/end", s.endSessions)
	mux.HandleFunc("GET /error", s.stored)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, trouble{Title: "There is no page here", Text: "The address may be mistyped, or the page may have moved.", Code: http.StatusNotFound})
	})
	return mux, nil
}

// dressAll makes all brands ready, each with its assets under a path of its own.
func (s *server) dressAll(mux *http.ServeMux) error {
	usual, err := s.dress(s.look, "", "", mux)
	if err != nil {
		return err
	}
	s.brands = []*brand{usual}
	for i, e := range s.Brands {
		prefix := fmt.Sprintf("brands[%d].", i)
		b, err := s.dress(e.look, fmt.Sprintf("/brand%d", i+1), prefix, mux)
		if err == nil {
			err = b.matches(e, prefix, s.brands)
		}
		if err != nil {
			return err
		}
		s.brands = append(s.brands, b)
	}
	return nil
}

func asset(kind string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("X-Content-Type-Options", "nosniff")
		// A logo may be an SVG that somebody opens by its own address.
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
		_, _ = w.Write(body)
	}
}

func (s *server) redirect(w http.ResponseWriter, r *http.Request, target string, query url.Values) {
	s.headers(w, page{})
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// render writes nothing until the whole page is made: a template that fails
// half way leaves no half page behind.
func (s *server) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	b := s.brandOf(r.Host, p.returnTo)
	p.wear(b)
	p.Offers = func(kind string) bool { return s.doors.open(r.Context(), s.api, kind) }
	var out bytes.Buffer
	if err := b.templates.ExecuteTemplate(&out, name, p); err != nil {
		id := rand.Text()
		log.Printf("request %s: %v", id, err)
		http.Error(w, "This page could not be shown. If you ask for help, please mention the request "+id+".", http.StatusInternalServerError)
		return
	}
	s.headers(w, p)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

// headers sets the page's security policy. Browsers apply form-action to the
// redirects after a post too, hence 'self', the flow's return_to (the API has
// checked it) and what -form-targets adds.
func (s *server) headers(w http.ResponseWriter, p page) {
	public := origin(s.Public)
	targets := append([]string{"'self'", public}, p.formTargets...)
	for _, t := range strings.Fields(s.Forms) {
		targets = append(targets, cmp.Or(origin(t), t))
	}
	policy := "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'self'; img-src 'self' data: " + public
	if logo := origin(p.Logo); logo != "" {
		policy += " " + logo
	}
	policy += "; form-action " + strings.Join(unique(targets), " ")
	switch {
	case p.scripts:
		policy += "; script-src 'self' " + public
	case p.live:
		policy += "; script-src 'self'"
	}
	if p.live {
		policy += "; connect-src 'self'"
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: that would make the browser post forms with "Origin: null".
	h.Set("Referrer-Policy", "strict-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}
