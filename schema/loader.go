package schema

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/foyer-id/foyer/internal/web"
)

// Loader reads, checks and compiles identity schemas.
type Loader struct {
	Dir string // what relative paths start from; empty means the working directory

	// Fetch gets a remote schema. It has to guard itself against addresses it
	// must not call and to bound what it reads. Nil refuses remote schemas.
	Fetch func(ctx context.Context, url string) ([]byte, error)

	AllowHTTP bool // http:// URLs, for development
	AllowRef  bool // "$ref" inside schemas; they reach their own document only, always
}

// Problem is one thing wrong with one schema.
type Problem struct {
	Schema  string // its id
	URL     string // fit for printing
	Pointer string // into the document, "#" for all of it
	Reason  string
}

func (p Problem) String() string {
	return "identity schema \"" + p.Schema + "\" (" + p.URL + ") " + p.Pointer + ": " + p.Reason
}

// LoadError holds everything wrong with all schemas of one configuration.
type LoadError struct{ Problems []Problem }

// Error has a line for each problem.
func (e *LoadError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what is reported of one schema.
const maxProblems = 20

// Load returns the set of all sources, or a *LoadError that names everything
// wrong with any of them. Remote sources are fetched here and never again.
func (l *Loader) Load(ctx context.Context, defaultID string, sources []Source) (*Set, error) {
	set, failed := &Set{}, &LoadError{}
	seen := map[string]bool{}
	for _, source := range sources {
		s, problems := l.one(ctx, source)
		if source.ID == "" {
			problems = append(problems, problemAt{"#", "has no id"})
		} else if seen[source.ID] {
			problems = append(problems, problemAt{"#", "has the id of another schema"})
		}
		seen[source.ID] = true
		for _, p := range problems[:min(len(problems), maxProblems)] {
			failed.Problems = append(failed.Problems, Problem{source.ID, web.DisplayURL(source.URL), p.Pointer, p.Reason})
		}
		if len(problems) > 0 {
			continue
		}
		set.all = append(set.all, s)
		if s.ID == defaultID {
			set.def = s
		}
	}
	if !seen[defaultID] {
		failed.Problems = append(failed.Problems, Problem{defaultID, "no URL", "#", "is the default but not among the schemas"})
	}
	if len(failed.Problems) > 0 {
		return nil, failed
	}
	return set, nil
}

func (l *Loader) one(ctx context.Context, source Source) (*Schema, []problemAt) {
	raw, err := l.read(ctx, source.URL)
	if err != nil {
		return nil, []problemAt{{"#", "cannot be read: " + err.Error()}}
	}
	root, problem := parse(raw)
	if problem != nil {
		return nil, []problemAt{*problem}
	}
	c := &checker{root: root, allowRef: l.AllowRef}
	if c.document(); len(c.problems) > 0 {
		return nil, c.problems
	}
	compiled, problems := compile(ctx, root)
	if len(problems) > 0 {
		return nil, problems
	}
	public, admin, problems := l.metadata(ctx, source)
	if len(problems) > 0 {
		return nil, problems
	}
	b := &builder{checker: c, used: map[*node]bool{}}
	form := b.form()
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	s := &Schema{
		ID: source.ID, Selectable: source.Selectable, Public: public, Admin: admin, Raw: json.RawMessage(raw), Fields: b.fields,
		form: form, root: root, compiled: compiled, patterns: c.patterns, rank: make(map[string]int, len(b.fields)),
	}
	for i, f := range b.fields {
		s.rank["traits."+f.Name] = i
	}
	return s, nil
}
