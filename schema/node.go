package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/foyer-id/foyer/internal/web"
)

// Bounds of a schema document.
const (
	maxBytes  = 1 << 20
	maxDepth  = 64
	maxValues = 50_000
)

type kind byte

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

var kindNames = [...]string{"null", "boolean", "number", "string", "array", "object"}

// node is a JSON value that remembers the order of its members.
type node struct {
	kind kind
	text string // a string's value, a number's literal
	flag bool   // a boolean's value
	keys []string
	vals []*node // of an object, beside keys; of an array

	schema bool // set by the checker: stands where a schema stands
}

// get returns an object's member, or nil.
func (n *node) get(key string) *node {
	if n == nil || n.kind != object {
		return nil
	}
	if i := slices.Index(n.keys, key); i >= 0 {
		return n.vals[i]
	}
	return nil
}

// str returns a string member's value, or "".
func (n *node) str(key string) string {
	if m := n.get(key); m != nil && m.kind == text {
		return m.text
	}
	return ""
}

// list returns an array member's values.
func (n *node) list(key string) []*node {
	if m := n.get(key); m != nil && m.kind == array {
		return m.vals
	}
	return nil
}

// strings returns the strings among an array member's values.
func (n *node) strings(key string) []string {
	var out []string
	for _, v := range n.list(key) {
		if v.kind == text {
			out = append(out, v.text)
		}
	}
	return out
}

// at resolves a fragment like "#/properties/traits" the way the compiler does.
func (n *node) at(fragment string) *node {
	if !strings.HasPrefix(fragment, "#/") {
		if fragment == "#" {
			return n
		}
		return nil
	}
	for _, token := range tokens(fragment) {
		switch n.kind {
		case object:
			if n = n.get(token); n == nil {
				return nil
			}
		case array:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(n.vals) {
				return nil
			}
			n = n.vals[i]
		default:
			return nil
		}
	}
	return n
}

// tokens splits a pointer fragment ("#/a/b") into its unescaped parts.
func tokens(fragment string) []string {
	if len(fragment) < 3 {
		return nil
	}
	parts := strings.Split(fragment[2:], "/")
	for i, part := range parts {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		parts[i] = part
	}
	return parts
}

// child appends a token to a pointer.
func child(ptr, token string) string {
	return ptr + "/" + strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
}

// weight estimates what comparing n with another value takes. Numbers cost most:
// the compiler makes fractions of them each time.
func (n *node) weight() int {
	sum := 1
	if n.kind == number {
		sum = 4
	}
	for _, v := range n.vals {
		sum += v.weight()
	}
	return sum
}

// scalar returns the value of a node that is no container.
func (n *node) scalar() (any, bool) {
	switch n.kind {
	case null:
		return nil, true
	case boolean:
		return n.flag, true
	case number:
		return json.Number(n.text), true
	case text:
		return n.text, true
	}
	return nil, false
}

// parse reads a whole document.
func parse(raw []byte) (*node, *problemAt) {
	if len(raw) > maxBytes {
		return nil, tooLarge
	}
	if !utf8.Valid(raw) {
		return nil, &problemAt{"#", "is not valid UTF-8"}
	}
	var whole json.RawMessage
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, &problemAt{"#", "is not valid JSON" + position(raw, err)}
	}
	p := &parser{dec: json.NewDecoder(bytes.NewReader(raw))}
	p.dec.UseNumber()
	n, problem := p.value(1)
	if problem != nil {
		return nil, &problemAt{"#" + web.Clip(problem.Pointer), problem.Reason}
	}
	return n, nil
}

// position says where a syntax error is.
func position(raw []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	// The offset counts the byte that was one too many.
	before := raw[:min(max(int(syntax.Offset)-1, 0), len(raw))]
	return fmt.Sprintf(": line %d, column %d", bytes.Count(before, []byte("\n"))+1, len(before)-bytes.LastIndexByte(before, '\n'))
}

var tooLarge = &problemAt{"#", fmt.Sprintf("is larger than %d bytes", maxBytes)}

// problemAt is what is wrong at one place of a document.
type problemAt struct{ Pointer, Reason string }

type parser struct {
	dec    *json.Decoder
	values int
}

var notJSON = &problemAt{"", "is not valid JSON"}

// value reads one value. Pointers of problems are relative to it.
func (p *parser) value(depth int) (*node, *problemAt) {
	if p.values++; p.values > maxValues {
		return nil, &problemAt{"", fmt.Sprintf("is where the document holds more than %d values", maxValues)}
	}
	if depth > maxDepth {
		return nil, &problemAt{"", fmt.Sprintf("is nested deeper than %d levels", maxDepth)}
	}
	token, err := p.dec.Token()
	if err != nil {
		return nil, notJSON
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return p.object(depth)
		}
		return p.array(depth)
	case bool:
		return &node{kind: boolean, flag: token}, nil
	case string:
		return &node{kind: text, text: token}, nil
	case json.Number:
		if !web.BoundedNumber(string(token)) {
			return nil, &problemAt{"", "is a number with too many digits"}
		}
		return &node{kind: number, text: string(token)}, nil
	}
	return &node{kind: null}, nil
}

func (p *parser) object(depth int) (*node, *problemAt) {
	n := &node{kind: object}
	seen := map[string]struct{}{}
	for p.dec.More() {
		token, err := p.dec.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, notJSON
		}
		if _, twice := seen[key]; twice {
			return nil, &problemAt{child("", key), "stands there twice"}
		}
		seen[key] = struct{}{}
		v, problem := p.value(depth + 1)
		if problem != nil {
			return nil, &problemAt{child("", key) + problem.Pointer, problem.Reason}
		}
		n.keys, n.vals = append(n.keys, key), append(n.vals, v)
	}
	return n, p.close()
}

func (p *parser) array(depth int) (*node, *problemAt) {
	n := &node{kind: array}
	for p.dec.More() {
		v, problem := p.value(depth + 1)
		if problem != nil {
			return nil, &problemAt{"/" + strconv.Itoa(len(n.vals)) + problem.Pointer, problem.Reason}
		}
		n.vals = append(n.vals, v)
	}
	return n, p.close()
}

// close reads the closing bracket.
func (p *parser) close() *problemAt {
	if _, err := p.dec.Token(); err != nil {
		return notJSON
	}
	return nil
}
