package template

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/language"
)

// Part is one part of a message, under the name of its file.
type Part string

// The parts of a message.
const (
	Subject Part = "email.subject"
	HTML    Part = "email.body"
	Text    Part = "email.body.plaintext"
	SMS     Part = "sms.body"
)

// parts begins with the longest names: one is the beginning of another.
var parts = []Part{Text, Subject, HTML, SMS}

// Source is the text of an override template.
type Source struct {
	Template string // template_type, for example verification_code_valid
	Part     Part
	Locale   string // BCP 47; empty for all languages
	Text     string
	From     string // where it stands, for messages: a file or a configuration key

	inFolder bool
}

// file is the name by which templates of the same part call each other.
func (s Source) file() string {
	if s.Locale == "" {
		return string(s.Part) + suffix
	}
	return string(s.Part) + "." + s.Locale + suffix
}

// checked refuses what could never be rendered, and puts the locale into its
// canonical form.
func (s Source) checked() (Source, error) {
	if s.From == "" {
		s.From = s.Template + "/" + s.file()
	}
	m, known := messageOf(s.Template)
	switch {
	case !known || m.name == Test:
		return s, fmt.Errorf("%s: there is no template %q to override", s.From, s.Template)
	case s.Part != Subject && s.Part != HTML && s.Part != Text && s.Part != SMS:
		return s, fmt.Errorf("%s: there is no part %q", s.From, s.Part)
	case len(s.Text) > MaxSource:
		return s, fmt.Errorf("%s: is larger than %d bytes", s.From, MaxSource)
	case s.Locale == "":
		return s, nil
	}
	tag, err := language.Parse(s.Locale)
	if err != nil {
		return s, fmt.Errorf("%s: %q is no language", s.From, s.Locale)
	}
	s.Locale = tag.String()
	return s, nil
}

const suffix = ".gotmpl"

// folder reads the overrides in a folder laid out as
// <name>/<valid|invalid>/<part>[.<language>].gotmpl, and lists the files that
// are none of them.
func folder(dir string) (sources []Source, unknown []string, err error) {
	if dir == "" {
		return nil, nil, nil
	}
	err = walk(dir, 0, func(path string) error {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		s, ok := sourceOf(filepath.ToSlash(rel))
		if !ok {
			unknown = append(unknown, path)
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, MaxSource+1)) // checked refuses the one more
		if err != nil {
			return err
		}
		s.Text, s.From, s.inFolder = string(raw), path, true
		sources = append(sources, s)
		return nil
	})
	return sources, unknown, err
}

// walk visits the files of a folder. It follows links, which mounted
// configuration consists of, and passes over what begins with a dot.
func walk(dir string, depth int, visit func(path string) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a link to nowhere
			err = visit(path)
		case err != nil:
		case !info.IsDir():
			err = visit(path)
		case depth < 3: // deeper than any template, so that a link to itself ends
			err = walk(path, depth+1, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sourceOf says which template a file in the folder is.
func sourceOf(rel string) (s Source, ok bool) {
	steps := strings.Split(rel, "/")
	if len(steps) != 3 || steps[1] != "valid" && steps[1] != "invalid" || !strings.HasSuffix(rel, suffix) {
		return s, false
	}
	base := strings.TrimSuffix(steps[2], suffix)
	for _, p := range parts {
		rest, found := strings.CutPrefix(base, string(p))
		if !found {
			continue
		}
		locale, dotted := strings.CutPrefix(rest, ".")
		if rest != "" && (!dotted || locale == "") {
			continue
		}
		s, err := Source{Template: steps[0] + "_" + steps[1], Part: p, Locale: locale, From: rel}.checked()
		return s, err == nil
	}
	return s, false
}
