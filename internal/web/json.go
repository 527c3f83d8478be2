package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/foyer-id/foyer/internal/fail"
)

// A number may have this many characters and this exponent: enough for every
// float64 and for 100 digits, and nothing that takes a validator longer to
// expand than it took to send.
const (
	maxNumberLen      = 128
	maxNumberExponent = 400
)

type jsonReader struct {
	dec    *json.Decoder
	keys   int
	values int
	path   []string
}

// ParseJSON reads one JSON object as Decode reads a body: numbers are json.Number,
// and refused is what is given twice, nested without end or no database can hold.
func ParseJSON(raw []byte) (*Body, error) {
	if err := checkText(raw); err != nil {
		return nil, err
	}
	d := &jsonReader{dec: json.NewDecoder(bytes.NewReader(raw))}
	d.dec.UseNumber()
	tok, err := d.token()
	if err != nil {
		return nil, err
	}
	if tok != json.Delim('{') {
		return nil, refuseJSON("json_not_object", "The body must be a JSON object.", 0)
	}
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	if _, err := d.dec.Token(); err != io.EOF {
		return nil, d.broken("something follows the object")
	}
	return &Body{Fields: root}, nil
}

// checkText refuses what the decoder would replace.
func checkText(raw []byte) error {
	if at := invalidUTF8(raw); at >= 0 {
		return refuseJSON("json_utf8_invalid", fmt.Sprintf("The body is not valid UTF-8 at byte %d.", at), int64(at))
	}
	if at := loneSurrogate(raw); at >= 0 {
		return refuseJSON("json_surrogate_invalid", fmt.Sprintf("The escape at byte %d is half a surrogate pair.", at), int64(at))
	}
	return nil
}

// loneSurrogate returns where raw has a \u escape of half a surrogate pair, or
// -1. The decoder would put U+FFFD there, and make one of different texts.
// Outside strings, JSON has no backslashes.
func loneSurrogate(raw []byte) int {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		first := escaped(raw[i:])
		switch {
		case !utf16.IsSurrogate(first):
			i++
		case utf16.DecodeRune(first, escaped(raw[min(i+6, len(raw)):])) == unicode.ReplacementChar:
			return i
		default:
			i += 11
		}
	}
	return -1
}

// escaped is the unit that a \u escape at the start of b stands for, or 0.
func escaped(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(unit)
}

// root reads the members of the outermost object, the only one whose names
// may be dotted.
func (d *jsonReader) root() (map[string]any, error) {
	root := newBranch()
	for d.dec.More() {
		name, err := d.name()
		if err != nil {
			return nil, err
		}
		at, leaf, depth, err := root.place("json", name)
		if err != nil {
			return nil, err
		}
		if at.fields[leaf], err = d.member(name, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.token()
	return root.fields, err
}

func (d *jsonReader) object(depth int) (map[string]any, error) {
	obj := newBranch()
	for d.dec.More() {
		name, err := d.name()
		if err != nil {
			return nil, err
		}
		if !obj.take(name) {
			return nil, refuseName("json", "duplicate_key", d.where(name), "is given twice, in one or another spelling")
		}
		if obj.fields[name], err = d.member(name, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.token()
	return obj.fields, err
}

func (d *jsonReader) array(depth int) ([]any, error) {
	out := []any{}
	for d.dec.More() {
		v, err := d.member(strconv.Itoa(len(out)), depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.token()
	return out, err
}

func (d *jsonReader) name() (string, error) {
	tok, err := d.token()
	if err != nil {
		return "", err
	}
	name, ok := tok.(string)
	if !ok {
		return "", d.broken("a name is expected")
	}
	if d.keys++; d.keys > MaxKeys {
		return "", refuseJSON("json_too_many_keys", fmt.Sprintf("The body has more than %d names.", MaxKeys), d.dec.InputOffset())
	}
	if strings.IndexByte(name, 0) >= 0 {
		return "", d.nul(name)
	}
	return name, nil
}

// member reads one value, which depth objects and arrays surround.
func (d *jsonReader) member(name string, depth int) (any, error) {
	if d.values++; d.values > MaxValues {
		return nil, refuseJSON("json_too_many_values", fmt.Sprintf("The body has more than %d values.", MaxValues), d.dec.InputOffset())
	}
	tok, err := d.token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Delim:
		if depth == MaxDepth {
			return nil, refuseJSON("json_too_deep", fmt.Sprintf("The body is nested deeper than %d levels.", MaxDepth), d.dec.InputOffset())
		}
		d.path = append(d.path, name)
		defer func() { d.path = d.path[:len(d.path)-1] }()
		if t == '{' {
			return d.object(depth + 1)
		}
		return d.array(depth + 1)
	case string:
		if strings.IndexByte(t, 0) >= 0 {
			return nil, d.nul(name)
		}
	case json.Number:
		if !BoundedNumber(string(t)) {
			return nil, refuseName("json", "number_invalid", d.where(name), "holds a number outside the accepted range")
		}
	}
	return tok, nil
}

// BoundedNumber says whether a number, spelt as in JSON, is one that Decode
// lets in and arithmetic of arbitrary precision can stand.
func BoundedNumber(literal string) bool {
	if len(literal) > maxNumberLen {
		return false
	}
	i := strings.IndexAny(literal, "eE")
	if i < 0 {
		return true
	}
	exponent, err := strconv.Atoi(literal[i+1:])
	return err == nil && -maxNumberExponent <= exponent && exponent <= maxNumberExponent
}

func (d *jsonReader) token() (json.Token, error) {
	tok, err := d.dec.Token()
	if err == nil {
		return tok, nil
	}
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return nil, d.broken(syntax.Error())
	}
	return nil, d.broken("it ends too early")
}

func (d *jsonReader) broken(why string) error {
	at := d.dec.InputOffset()
	return refuseJSON("json_invalid", fmt.Sprintf("The body is not valid JSON near byte %d: %s.", at, why), at)
}

func (d *jsonReader) nul(name string) error {
	return refuseName("json", "nul", strings.ReplaceAll(d.where(name), "\x00", "␀"), "contains a NUL character")
}

func (d *jsonReader) where(name string) string {
	return strings.Join(append(d.path[:len(d.path):len(d.path)], name), ".")
}

func refuseJSON(id, reason string, offset int64) error {
	e := fail.New(fail.BadRequest, id, reason)
	e.Details = map[string]any{"offset": offset}
	return e
}
