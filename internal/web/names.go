package web

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/foyer-id/foyer/internal/fail"
)

// branch is an object under construction. names remembers what was given under
// its case-folded form, so that no two readers of the body can take different
// values for the same name.
type branch struct {
	fields   map[string]any
	names    map[string]bool
	branches map[string]*branch // those that dotted names made
}

func newBranch() *branch {
	return &branch{fields: map[string]any{}, names: map[string]bool{}}
}

// place finds where the possibly dotted name belongs, makes the branches on
// the way, and takes the name. depth is how many objects surround the value.
// format is the prefix of the error ids.
func (b *branch) place(format, name string) (at *branch, leaf string, depth int, err error) {
	at, depth = b, 1
	for rest := name; ; depth++ {
		part, after, dotted := strings.Cut(rest, ".")
		if part == "" {
			return nil, "", 0, refuseName(format, "key_invalid", name, "has an empty part")
		}
		if !dotted {
			if !at.take(part) {
				return nil, "", 0, refuseName(format, "duplicate_key", name, "is given twice, in one or another spelling")
			}
			return at, part, depth, nil
		}
		if depth == MaxDepth {
			return nil, "", 0, refuseName(format, "too_deep", name, fmt.Sprintf("lies deeper than %d levels", MaxDepth))
		}
		next := at.branches[part]
		if next == nil {
			if !at.take(part) {
				return nil, "", 0, refuseName(format, "duplicate_key", name, "collides with another name of the body")
			}
			next = newBranch()
			if at.branches == nil {
				at.branches = map[string]*branch{}
			}
			at.branches[part] = next
			at.fields[part] = next.fields
		}
		at, rest = next, after
	}
}

// take reports whether name was free, in any spelling of its case.
func (b *branch) take(name string) bool {
	folded := simpleFold(name)
	if b.names[folded] {
		return false
	}
	b.names[folded] = true
	return true
}

// simpleFold maps strings that strings.EqualFold calls equal to the same string.
func simpleFold(s string) string { return strings.Map(foldRune, s) }

func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

func refuseName(format, what, name, why string) error {
	name = Clip(name)
	e := fail.New(fail.BadRequest, format+"_"+what, fmt.Sprintf("The name %q of the body %s.", name, why))
	e.Details = map[string]any{"name": name}
	return e
}

// Clip shortens what is quoted in a reason to 256 bytes.
func Clip(s string) string {
	const most = 256
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
