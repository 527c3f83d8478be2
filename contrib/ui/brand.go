package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// look is how pages look, as an operator writes it: by flags, and for all
// brands by a file.
type look struct {
	Brand     string  `json:"name"`
	Logo      string  `json:"logo"` // an image file, or an http(s) URL
	Colours   colours `json:"colors"`
	FontSize  int     `json:"font_size"` // pixels where a browser's own is 16, which is what 0 means
	Footer    string  `json:"footer"`
	Templates string  `json:"templates"` // folder whose *.html and style.css replace the built-in ones
}

// entry is one of several brands. What it leaves out is as in the usual look,
// its colours all together.
type entry struct {
	look
	Match struct {
		Hosts    []string `json:"hosts"`     // of this UI, with or without port
		ReturnTo []string `json:"return_to"` // URLs; the places below them count too
	} `json:"match"`
}

// brandFile is the file that -brands names: the usual look, and other brands.
type brandFile struct {
	*look
	Brands []json.RawMessage `json:"brands"`
}

// readBrands reads the file into the usual look; the entries are read by
// ownLooks, once it is known what they have in common with it.
func readBrands(file string, usual *look) ([]json.RawMessage, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := brandFile{look: usual}
	if err := strictly(raw, &f); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("%s:%d: %w", file, 1+bytes.Count(raw[:min(int(syntax.Offset), len(raw))], []byte("\n")), err)
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return f.Brands, nil
}

func ownLooks(raw []json.RawMessage, usual look) ([]entry, error) {
	var list []entry
	for i, one := range raw {
		e := entry{look: usual}
		e.Colours = colours{}
		if err := strictly(one, &e); err != nil {
			return nil, fmt.Errorf("brands[%d]: %w", i, err)
		}
		e.Colours = cmp.Or(e.Colours, usual.Colours)
		list = append(list, e)
	}
	return list, nil
}

// strictly refuses keys that mean nothing: they are misspelt.
func strictly(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the last }")
	}
	return nil
}

// brand is a look made ready.
type brand struct {
	Name, Logo, Style, Footer string

	templates *template.Template
	hosts     []string // lower case
	places    []*url.URL
}

// dress makes a look ready, whose assets are served under the path at. Errors
// name keys that begin with prefix.
func (s *server) dress(l look, at, prefix string, mux *http.ServeMux) (*brand, error) {
	wrong := func(key string, err error) (*brand, error) { return nil, fmt.Errorf("%s%s: %w", prefix, key, err) }
	theme, err := l.Colours.css()
	if err != nil {
		return wrong("colors", err)
	}
	size, err := fontCSS(l.FontSize)
	if err != nil {
		return wrong("font_size", err)
	}
	b := &brand{Name: l.Brand, Footer: l.Footer, Style: at + "/style.css", Logo: "/favicon.svg"}
	var style []byte
	if b.templates, style, err = loadPages(l.Templates); err != nil {
		return wrong("templates", err)
	}
	mux.HandleFunc("GET "+b.Style, asset("text/css; charset=utf-8", append([]byte(theme+size), style...)))
	switch {
	case l.Logo == "":
	case origin(l.Logo) != "":
		b.Logo = l.Logo
	default:
		image, err := os.ReadFile(l.Logo)
		if err != nil {
			return wrong("logo", err)
		}
		b.Logo = at + "/logo"
		mux.HandleFunc("GET "+b.Logo, asset(mime.TypeByExtension(filepath.Ext(l.Logo)), image))
	}
	if err := s.rehearse(b); err != nil {
		return wrong("templates", err)
	}
	return b, nil
}

// fontCSS is relative to what a person has told the browser they can read.
func fontCSS(pixels int) (string, error) {
	if pixels == 0 {
		return "", nil
	}
	if pixels < 14 || pixels > 24 {
		return "", fmt.Errorf("%d is not from 14 to 24", pixels)
	}
	return fmt.Sprintf("html{font-size:%v%%}\n", float64(pixels)*100/16), nil
}

// matches reads what an entry is chosen by. No two brands may claim the same,
// or the order of a file would decide in silence.
func (b *brand) matches(e entry, prefix string, others []*brand) error {
	if len(e.Match.Hosts)+len(e.Match.ReturnTo) == 0 {
		return fmt.Errorf("%smatch: names neither hosts nor return_to, so that the brand would never show", prefix)
	}
	for i, host := range e.Match.Hosts {
		host = strings.ToLower(host)
		if host == "" || strings.ContainsAny(host, "/ *") {
			return fmt.Errorf("%smatch.hosts[%d]: %q is no host name", prefix, i, host)
		}
		if slices.ContainsFunc(others, func(o *brand) bool { return slices.Contains(o.hosts, host) }) {
			return fmt.Errorf("%smatch.hosts[%d]: %q belongs to another brand", prefix, i, host)
		}
		b.hosts = append(b.hosts, host)
	}
	for i, raw := range e.Match.ReturnTo {
		u := place(raw)
		if u == nil {
			return fmt.Errorf("%smatch.return_to[%d]: %q is no http or https URL", prefix, i, raw)
		}
		same := func(p *url.URL) bool { return *p == *u }
		if slices.ContainsFunc(others, func(o *brand) bool { return slices.ContainsFunc(o.places, same) }) {
			return fmt.Errorf("%smatch.return_to[%d]: %q belongs to another brand", prefix, i, raw)
		}
		b.places = append(b.places, u)
	}
	return nil
}

// place is scheme, host and clean path of an http(s) URL, nil for anything else.
func place(raw string) *url.URL {
	if origin(raw) == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: strings.TrimSuffix(path.Clean("/"+u.Path), "/")}
}

// covers reports whether u is p, or lies below it.
func covers(p, u *url.URL) bool {
	rest, below := strings.CutPrefix(u.Path, p.Path)
	return p.Scheme == u.Scheme && p.Host == u.Host && below && (rest == "" || rest[0] == '/')
}

// brandOf chooses by where a flow leads to, which the API has checked and a link
// to this page cannot choose; else by the name this UI was called by. Of several
// places the one closest to returnTo counts.
func (s *server) brandOf(host, returnTo string) *brand {
	chosen, longest := s.brands[0], -1
	if to := place(returnTo); to != nil {
		for _, b := range s.brands {
			for _, p := range b.places {
				if covers(p, to) && len(p.Path) > longest {
					chosen, longest = b, len(p.Path)
				}
			}
		}
	}
	if longest >= 0 {
		return chosen
	}
	host = strings.ToLower(host)
	bare := host
	if name, _, err := net.SplitHostPort(host); err == nil {
		bare = name
	}
	for _, name := range []string{host, bare} {
		for _, b := range s.brands {
			if slices.Contains(b.hosts, name) {
				return b
			}
		}
	}
	return chosen
}
