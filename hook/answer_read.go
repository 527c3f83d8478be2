package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/foyer-id/foyer/internal/web"
)

// maxNamed is how much of a pointer an error repeats, in bytes.
const maxNamed = 200

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// fault is an error about what lies at path in an answer. Of the answer it
// quotes names, and no values.
func fault(path []string, format string, args ...any) error {
	pointer := &strings.Builder{}
	pointer.WriteString("#")
	for _, name := range path {
		pointer.WriteString("/" + escapePointer.Replace(name))
	}
	named := pointer.String()
	if len(named) > maxNamed {
		named = strings.ToValidUTF8(named[:maxNamed], "") + "…"
	}
	quoted := strconv.Quote(named)
	return fmt.Errorf("the answer is not as it should be at %s: %s", quoted[1:len(quoted)-1], fmt.Sprintf(format, args...))
}

// answerReader reads JSON that a stranger wrote, more strictly than encoding/json.
type answerReader struct {
	tokens *json.Decoder
	values int
	path   []string
}

// readJSON returns one JSON value of map[string]any, []any, string, bool, nil and
// json.Number. It refuses names that are given twice, and what a database cannot
// hold or nobody needs.
func readJSON(raw []byte) (any, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("the answer is not UTF-8")
	}
	if err := json.Unmarshal(raw, new(json.RawMessage)); err != nil {
		at := int64(len(raw))
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			at = syntax.Offset
		}
		return nil, fmt.Errorf("the answer is not JSON near byte %d", at)
	}
	r := &answerReader{tokens: json.NewDecoder(bytes.NewReader(raw))}
	r.tokens.UseNumber()
	return r.value()
}

// value reads the value that comes next. That it is JSON is known.
func (r *answerReader) value() (any, error) {
	if r.values++; r.values > web.MaxValues {
		return nil, fault(r.path, "there are more than %d values", web.MaxValues)
	}
	token, err := r.tokens.Token()
	if err != nil {
		return nil, fault(r.path, "it cannot be read")
	}
	switch t := token.(type) {
	case json.Delim:
		if len(r.path) == web.MaxDepth {
			return nil, fault(r.path, "it is nested deeper than %d levels", web.MaxDepth)
		}
		if t == '{' {
			return r.object()
		}
		return r.list()
	case string:
		if strings.IndexByte(t, 0) >= 0 {
			return nil, fault(r.path, "it has a NUL character")
		}
	case json.Number:
		if !web.BoundedNumber(string(t)) {
			return nil, fault(r.path, "the number is outside the accepted range")
		}
	}
	return token, nil
}

func (r *answerReader) object() (any, error) {
	out := map[string]any{}
	for r.tokens.More() {
		token, _ := r.tokens.Token()
		name, _ := token.(string)
		r.path = append(r.path, name)
		if _, twice := out[name]; twice {
			return nil, fault(r.path, "the name is given twice")
		}
		if strings.IndexByte(name, 0) >= 0 {
			return nil, fault(r.path, "the name has a NUL character")
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		out[name] = v
		r.path = r.path[:len(r.path)-1]
	}
	_, err := r.tokens.Token()
	return out, err
}

func (r *answerReader) list() (any, error) {
	out := []any{}
	for r.tokens.More() {
		r.path = append(r.path, strconv.Itoa(len(out)))
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		r.path = r.path[:len(r.path)-1]
	}
	_, err := r.tokens.Token()
	return out, err
}

// given is an object of an answer that is taken apart. The first thing that is
// wrong with it stays in err, which all objects within it share.
type given struct {
	fields map[string]any
	path   []string
	err    *error
}

func (g given) at(name string) []string { return append(g.path[:len(g.path):len(g.path)], name) }

func (g given) refuse(path []string, format string, args ...any) {
	if *g.err == nil {
		*g.err = fault(path, format, args...)
	}
}

// text is the string at name, "" where there is none.
func (g given) text(name string, limit int) string {
	switch v := g.fields[name].(type) {
	case nil:
	case string:
		if len(v) <= limit {
			return v
		}
		g.refuse(g.at(name), "it has more than %d bytes", limit)
	default:
		g.refuse(g.at(name), "it has to be text")
	}
	return ""
}

func (g given) yes(name string) bool {
	switch v := g.fields[name].(type) {
	case nil:
	case bool:
		return v
	default:
		g.refuse(g.at(name), "it has to be true or false")
	}
	return false
}

// whole is the integer at name, 0 where there is none.
func (g given) whole(name string) int {
	switch v := g.fields[name].(type) {
	case nil:
		return 0
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 32); err == nil {
			return int(n)
		}
	}
	g.refuse(g.at(name), "it has to be a whole number of 32 bits")
	return 0
}

// object is the object at name, with no fields where there is none.
func (g given) object(name string) given {
	switch v := g.fields[name].(type) {
	case nil:
	case map[string]any:
		return given{v, g.at(name), g.err}
	default:
		g.refuse(g.at(name), "it has to be an object")
	}
	return given{nil, g.at(name), g.err}
}

// objects are the entries of the list at name, nil where there is no list.
func (g given) objects(name string, limit int) []given {
	var list []any
	switch v := g.fields[name].(type) {
	case nil:
		return nil
	case []any:
		list = v
	default:
		g.refuse(g.at(name), "it has to be a list")
	}
	if len(list) > limit {
		g.refuse(g.at(name), "it has more than %d entries", limit)
		return nil
	}
	all := []given{}
	for i, one := range list {
		path := append(g.at(name), strconv.Itoa(i))
		fields, ok := one.(map[string]any)
		if !ok {
			g.refuse(path, "it has to be an object")
		}
		all = append(all, given{fields, path, g.err})
	}
	return all
}
