package jsonnet

import (
	"errors"
	"strings"

	gojsonnet "github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"
)

// maxReason bounds a reason, in bytes.
const maxReason = 1000

// hidden stands for words of a reason that may come from a program's arguments.
const hidden = "…"

// vocabulary has the words of the interpreter's own messages, in small letters.
const vocabulary = `
	a abs after again allowed already an and appears are argument array arrays as assertion assertions asserts at
	attempt available average base be before beginning binary bitwise block body boolean both bounds but by bytes
	calculate can cannot case character checking class clause code codepoint codepoints comma comment comparison
	comprehension comprehensions computed contents conversion could couldn decimal decode definition depth did
	different division does duplicate element empty encode encoded encountered end eof equality equals error
	escape exceeded exist expect expected exponent external failed field fields file find findsubstr first
	flatmap foldl foldr for format found frames from function functions got greater has have hidden if
	implemented import importer importing imports in index indexable infinite input instance integer integers
	invalid is join json jsonml jsonnet junk key keys kind leading least length level lex library line literal
	literals local location looking low malformed manifest manifesting manifestyamlstream mapping marshal match
	matching max member method min missing mode must name named negative new next no node non none not null
	number object objects of on one only open operator or out outside overflow pair param parameter parse parsing
	passed path paths point positional possible precision problem provided range recognize recursion repeat
	required requires result returned runtime s second section see self sequence shift should sign single sized
	splitlimit splitlimitr stack start statically std stream string strings style substr such sugar super
	supported surrogate syntax t takes terminal terminated text than the there third this to token toml top tried
	truncated type types unary undefined unexpected unicode unknown unrecognised unsupported unterminated use
	used value values variable verbatim version was were when while whitespace width with within wrong yaml yet
	zero`

// fault describes why a program failed, without its arguments' values.
func fault(err error, r request) *Error {
	known := words(r.Source)
	var static interface{ Loc() ast.LocationRange }
	var runtime gojsonnet.RuntimeError
	switch {
	case errors.As(err, &runtime):
		at := place(runtime.StackTrace, r.Name)
		return &Error{Line: at.Line, Column: at.Column, Reason: tell(runtime.Msg, known)}
	case errors.As(err, &static):
		at := static.Loc()
		reason := err.Error()
		for prefix := at.String() + " "; strings.HasPrefix(reason, prefix); { // the lexer writes it twice
			reason = strings.TrimPrefix(reason, prefix)
		}
		return &Error{Line: at.Begin.Line, Column: at.Begin.Column, Reason: tell(reason, known)}
	default:
		return &Error{Reason: tell(err.Error(), known)}
	}
}

// place is the innermost place of a stack, outermost first, that is in the program itself.
func place(stack []gojsonnet.TraceFrame, name string) (at ast.Location) {
	for _, frame := range stack {
		if frame.Loc.FileName == name && frame.Loc.Begin.Line > 0 {
			at = frame.Loc.Begin
		}
	}
	return at
}

// tell makes one line of a message. A part between spaces that has a word
// neither known nor of the vocabulary is hidden: the interpreter quotes values,
// and programs put them into what they say.
func tell(message string, known map[string]bool) string {
	own := words(vocabulary)
	var said []string
	length := 0
	for _, part := range strings.Fields(message) {
		for word := range words(part) {
			if !known[word] && !own[strings.ToLower(word)] {
				part = hidden
				break
			}
		}
		if part == hidden && len(said) > 0 && said[len(said)-1] == hidden {
			continue
		}
		if length += len(part) + 1; length > maxReason {
			said = append(said, hidden)
			break
		}
		said = append(said, part)
	}
	return strings.Join(said, " ")
}

// words are the longest runs without spaces and ASCII punctuation.
func words(text string) map[string]bool {
	all := map[string]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool {
		return r <= ' ' || r < 0x7f && !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	}) {
		all[word] = true
	}
	return all
}
