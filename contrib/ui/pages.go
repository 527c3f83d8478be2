package main

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// loadPages reads the built-in templates and style, and what a folder has in
// their place. Nothing outside the folder is read, wherever its links lead.
func loadPages(folder string) (*template.Template, []byte, error) {
	all, err := template.New("").Funcs(template.FuncMap{"when": when}).ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, nil, err
	}
	style, err := files.ReadFile("static/style.css")
	if err != nil || folder == "" {
		return all, style, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = root.Close() }()
	own, err := fs.Glob(root.FS(), "*.html")
	if err != nil {
		return nil, nil, err
	}
	for _, name := range own {
		if _, err := all.ParseFS(root.FS(), name); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", filepath.Join(folder, name), err)
		}
	}
	if css, err := root.ReadFile("style.css"); err == nil {
		style = css
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	return all, style, nil
}

// rehearse draws every page once, as on an ordinary day, so that a template
// that names what is not there is found at the start and not by a visitor.
func (s *server) rehearse(b *brand) error {
	said := func(kind string) *message { return &message{Text: "A sentence of the API.", Type: kind} }
	var f flow
	f.UI.Action, f.UI.Messages, f.ReturnTo = s.Public, []message{*said("info"), *said("error"), *said("success")}, s.Public
	for _, a := range []attributes{{Type: "hidden"}, {Type: "text", Required: true}, {Type: "checkbox"}, {Type: "text", Value: []any{"one"}}, {Type: "submit"}} {
		a.Name = "name"
		f.UI.Nodes = append(f.UI.Nodes, node{Type: "input", Group: "group", Attributes: a, Messages: []message{*said("error")}})
	}
	for _, kind := range []string{"text", "a", "img", "div"} {
		f.UI.Nodes = append(f.UI.Nodes, node{Type: kind, Group: "group", Attributes: attributes{Text: said("info"), Title: said("info"), Href: s.Public}})
	}
	now := time.Unix(0, 0)
	in := account{session: session{ID: "id", ExpiresAt: now, AuthenticatedAt: now, Assurance: "aal1"}, Logout: s.Public}
	in.Identity.Traits = map[string]any{"name": "A name long enough to be cut"}
	in.Others = []session{in.session}
	for name, list := range map[string][]page{
		"flow.html":    {s.flowPage("login", f, "en"), s.flowPage("settings", f, "en")},
		"welcome.html": {{Kind: "welcome", Title: "You are not signed in"}, {Kind: "welcome", Title: "You are signed in", Body: in}},
		"error.html":   {{Kind: "error", Title: "Something went wrong", Body: trouble{Title: "Something went wrong", Text: "Why.", Retry: "/", Reason: "why", Code: 500, Request: "id"}}},
	} {
		for _, p := range list {
			p.wear(b)
			p.Offers = func(string) bool { return true }
			if err := b.templates.ExecuteTemplate(io.Discard, name, p); err != nil {
				return err
			}
		}
	}
	return nil
}
