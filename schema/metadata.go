package schema

import (
	"context"
	"errors"

	"github.com/ory/jsonschema/v3"

	"github.com/foyer-id/foyer/internal/web"
)

// document compiles a schema of plain JSON, which need be no object and makes no
// form; nil for no URL.
func (l *Loader) document(ctx context.Context, url string) (*Schema, []problemAt) {
	if url == "" {
		return nil, nil
	}
	raw, err := l.read(ctx, url)
	if err != nil {
		return nil, []problemAt{{"#", "cannot be read: " + err.Error()}}
	}
	root, problem := parse(raw)
	if problem != nil {
		return nil, []problemAt{*problem}
	}
	c := &checker{root: root, allowRef: l.AllowRef, plain: true}
	if c.document(); len(c.problems) > 0 {
		return nil, c.problems
	}
	compiled, problems := compile(ctx, root)
	if len(problems) > 0 {
		return nil, problems
	}
	return &Schema{Raw: raw, root: root, compiled: compiled, patterns: c.patterns, plain: true}, nil
}

// metadata loads what a source holds metadata to. Problems name which of both they
// are about by their pointer.
func (l *Loader) metadata(ctx context.Context, source Source) (public, admin *Schema, problems []problemAt) {
	public, problems = l.document(ctx, source.MetadataPublicURL)
	for n := range problems {
		problems[n].Pointer = "metadata_public_url " + problems[n].Pointer
	}
	admin, more := l.document(ctx, source.MetadataAdminURL)
	for _, p := range more {
		problems = append(problems, problemAt{"metadata_admin_url " + p.Pointer, p.Reason})
	}
	return public, admin, problems
}

// ValidateMetadata returns everything that is wrong with metadata, each with the
// JSON pointer as its path. Values that are nil are none and fit. Numbers are
// json.Number.
func (s *Schema) ValidateMetadata(public, admin any) []Violation {
	return append(s.Public.value("metadata_public", public), s.Admin.value("metadata_admin", admin)...)
}

// value validates one document, which lies under a name. A nil schema lets
// everything pass.
func (s *Schema) value(name string, value any) (found []Violation) {
	if s == nil || value == nil {
		return nil
	}
	at := web.Pointer(name)
	defer func() {
		if r := recover(); r != nil {
			found = []Violation{generic(at, "schema", "cannot be validated")}
		}
	}()
	if values := maxTraitValues; !bounded(value, 1, &values) {
		return []Violation{generic(at, "bounds", "are too many or too deeply nested values")}
	}
	err := s.compiled.ValidateInterface(value)
	if err == nil {
		return nil
	}
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return []Violation{generic(at, "schema", "cannot be validated")}
	}
	t := &translator{Schema: s, doc: value}
	t.collect(failed)
	found = t.ordered()
	for n := range found {
		found[n].Path = at + found[n].Path
	}
	return found
}
