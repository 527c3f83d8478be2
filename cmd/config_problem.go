package cmd

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Problem is one thing wrong with the configuration, and where.
type Problem struct {
	File         string // as given with -c, or "environment variable NAME"; "" when nothing in particular is at fault
	Line, Column int    // counted from 1; 0 when unknown
	Key          string // path of the key, joined with dots; "" for the file as a whole
	Reason       string
	Suggestion   string // the nearest right key or value, or ""
}

// String is the problem on one line, as compilers write them.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Reason)
	if p.Suggestion != "" {
		fmt.Fprintf(&b, "; did you mean %q?", p.Suggestion)
	}
	return b.String()
}

// Problems is every problem found in one Load, in the order of the files. It
// is never empty.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Report is what an operator should know about a configuration that is fine.
type Report struct {
	Warnings    []string
	NotInEffect []string // keys that are accepted and not built yet, sorted
	Files       []string // on this machine, that the configuration refers to
	Lifted      []string // floors that --dev lifts for this configuration
}

// Log writes the report, one record a finding and one for all keys that are
// not in effect.
func (r *Report) Log(log *slog.Logger) {
	for _, l := range r.Lifted {
		log.Warn("allowed because of --dev, never do this in production", "finding", l)
	}
	for _, w := range r.Warnings {
		log.Warn(w)
	}
	if len(r.NotInEffect) > 0 {
		log.Warn("accepted, not in effect", "keys", r.NotInEffect)
	}
}

// sortProblems orders by place and drops what is said twice in the same words.
func sortProblems(ps []Problem, files []string) []Problem {
	rank := func(file string) int {
		if i := slices.Index(files, file); i >= 0 {
			return i
		}
		return len(files)
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(rank(a.File), rank(b.File)), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Key, b.Key), cmp.Compare(a.Reason, b.Reason),
		)
	})
	return slices.Compact(ps)
}
