// Package template writes letters: it turns a message's data into subject,
// text, HTML or SMS, in the reader's language and the brand's colours.
// Whatever it cannot write stops New, not a delivery; data is never anything
// but data, neither markup nor template; and one letter costs bounded work.
package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/foyer-id/foyer/courier"
)

// Config is what a Renderer is made from.
type Config struct {
	// Folder holds overrides, as
	// <name>/<valid|invalid>/<part>[.<language>].gotmpl; empty for none.
	Folder string
	// Sources are further overrides. At the same language they stand above
	// those of the folder.
	Sources []Source
	Brand   Brand
	// Failed hears of an override that could not be rendered, although it
	// could with sample data; the next best part is taken instead. The error
	// tells where it failed and quotes no data. Nil for nobody.
	Failed func(error)
}

// Renderer implements courier.Renderer. It is safe for concurrent use.
type Renderer struct {
	brand     Brand
	mails     *mails
	overrides map[string]map[Part]map[string][]*guarded // by template, part, locale; the first that works counts
	failed    func(error)
	warnings  []string
}

var _ courier.Renderer = (*Renderer)(nil)

// New parses every template and renders it in every language with sample data.
// The error of one that cannot be rendered says which, file, line and reason.
func New(c Config) (*Renderer, error) {
	brand, err := c.Brand.checked()
	if err != nil {
		return nil, err
	}
	shipped, err := newMails(brand)
	if err != nil {
		return nil, err
	}
	r := &Renderer{brand: brand, mails: shipped, failed: c.Failed, overrides: map[string]map[Part]map[string][]*guarded{}}
	found, unknown, err := folder(c.Folder)
	if err != nil {
		return nil, fmt.Errorf("folder of templates: %w", err)
	}
	for _, file := range unknown {
		r.warnings = append(r.warnings, file+" is no template and is not used")
	}
	var problems []error
	for _, s := range append(slices.Clone(c.Sources), found...) {
		if err := r.override(s, found); err != nil {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return r, r.rehearse()
}

// override takes a template on, once it has been rendered.
func (r *Renderer) override(s Source, folder []Source) error {
	s, err := s.checked()
	if err != nil {
		return err
	}
	var others []Source
	for _, o := range folder {
		if s.inFolder && o.Template == s.Template && o.Part == s.Part && o.From != s.From {
			others = append(others, o)
		}
	}
	g, err := guard(s, others)
	if err == nil {
		err = r.try(g)
	}
	if err != nil {
		if !strings.Contains(err.Error(), s.From) {
			err = fmt.Errorf("%s: %w", s.From, err)
		}
		return fmt.Errorf("template %s, %s: %w", s.Template, s.Part, err)
	}
	if r.overrides[s.Template] == nil {
		r.overrides[s.Template] = map[Part]map[string][]*guarded{}
	}
	if r.overrides[s.Template][s.Part] == nil {
		r.overrides[s.Template][s.Part] = map[string][]*guarded{}
	}
	r.overrides[s.Template][s.Part][s.Locale] = append(r.overrides[s.Template][s.Part][s.Locale], g)
	return nil
}

// try renders an override with everything that data may hold, and with hardly
// anything.
func (r *Renderer) try(g *guarded) error {
	locales := []string{g.source.Locale}
	if g.source.Locale == "" {
		locales = r.mails.locales()
	}
	for _, locale := range locales {
		for _, sample := range []courier.Data{Sample(g.source.Template), bare(g.source.Template)} {
			d, err := plain(sample)
			if err != nil {
				return err
			}
			if _, err := g.execute(named(d, r.brand, locale)); err != nil {
				return err
			}
		}
	}
	return nil
}

// rehearse renders everything that comes with the program.
func (r *Renderer) rehearse() error {
	for _, m := range messages {
		for _, lang := range r.mails.locales() {
			for _, sample := range []courier.Data{Sample(m.name), bare(m.name)} {
				for _, channel := range m.channels() {
					if _, err := r.Render(&courier.Message{Channel: channel, Template: m.name, Locale: lang}, sample); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// Render implements courier.Renderer. A language that is not there is replaced
// by the next best, each part by itself: an override for de-AT, for de, for all
// languages, then what is shipped for de, then for English. An override of the
// HTML alone thus leaves the shipped text beside it, which holds the same code
// and link.
func (r *Renderer) Render(m *courier.Message, d courier.Data) (*courier.Letter, error) {
	of, known := messageOf(m.Template)
	if !known {
		return nil, fmt.Errorf("there is no template %q", m.Template)
	}
	data, err := plain(d)
	if err != nil {
		return nil, err
	}
	l := &courier.Letter{MessageID: m.ID, Channel: m.Channel, Template: m.Template, Recipient: m.Recipient, Data: d}
	w := &writing{Renderer: r, message: of, data: data, chain: chain(m.Locale)}
	switch m.Channel {
	case courier.SMS:
		l.Text = w.part(SMS)
	case courier.Email:
		l.Subject, l.HTML, l.Text = w.part(Subject), w.part(HTML), w.part(Text)
	default:
		return nil, fmt.Errorf("nothing is written for the channel %q", m.Channel)
	}
	return l, w.err
}

// writing is one letter being written.
type writing struct {
	*Renderer
	message message
	data    map[string]any
	chain   []string
	shipped *view // nil until a part needs it
	err     error
}

func (w *writing) part(p Part) string {
	if w.err != nil {
		return ""
	}
	if own := w.overrides[w.message.name][p]; own != nil {
		locale := w.lang()
		if len(w.chain) > 0 {
			locale = w.chain[0]
		}
		for _, l := range append(slices.Clone(w.chain), "") {
			for _, g := range own[l] {
				out, err := g.execute(named(w.data, w.brand, locale))
				if err == nil {
					return out
				}
				if w.failed != nil {
					w.failed(fmt.Errorf("template %s, %s: %s", w.message.name, p, place(err)))
				}
			}
		}
	}
	var out string
	if w.shipped == nil {
		w.shipped, w.err = w.mails.view(w.message, w.data, w.lang())
	}
	if w.err == nil {
		if out, w.err = w.mails.render(p, w.shipped); w.err != nil {
			w.err = fmt.Errorf("template %s, %s: %w", w.message.name, p, w.err)
		}
	}
	return out
}

// lang is the shipped language that comes nearest.
func (w *writing) lang() string {
	for _, l := range w.chain {
		if _, ok := w.mails.texts[l]; ok {
			return l
		}
	}
	return fallback
}

// Warnings lists files in the folder of overrides that are no templates.
func (r *Renderer) Warnings() []string { return r.warnings }

// Locales lists the languages that anything is written in, sorted: those that
// come with the program, and those that overrides bring.
func (r *Renderer) Locales() []string {
	all := r.mails.locales()
	for _, parts := range r.overrides {
		for _, locales := range parts {
			all = slices.AppendSeq(all, maps.Keys(locales))
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(locale string) bool { return locale == "" })
}
