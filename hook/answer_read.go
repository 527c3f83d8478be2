package hook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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
