package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/ory/jsonschema/v3"

	"github.com/foyer-id/foyer/internal/web"
)

// The compiler compares unique items pairwise and divides with rounding. Both
// keywords are handed to it under names of our own and checked here.
const (
	uniqueKey   = "foyer/uniqueItems"
	multipleKey = "foyer/multipleOf"
)

const documentURL = "foyer:///schema"

// compile hands a checked document to the compiler.
func compile(ctx context.Context, root *node) (compiled *jsonschema.Schema, problems []problemAt) {
	defer func() {
		if r := recover(); r != nil {
			compiled, problems = nil, []problemAt{{"#", fmt.Sprintf("is refused by the schema compiler: %v", r)}}
		}
	}()
	registerFormats()
	c := jsonschema.NewCompiler()
	c.LoadURL = func(context.Context, string) (io.ReadCloser, error) {
		return nil, errors.New("references reach the document itself only")
	}
	c.Extensions["foyer"] = jsonschema.Extension{Compile: compileOwn, Validate: validateOwn}
	var doc bytes.Buffer
	root.write(&doc)
	if err := c.AddResource(documentURL, &doc); err != nil {
		return nil, []problemAt{{"#", err.Error()}}
	}
	compiled, err := c.Compile(ctx, documentURL)
	if err != nil {
		return nil, metaProblems(err)
	}
	return compiled, nil
}

// write encodes a document for the compiler. Ids are left out: with local
// references alone they mean nothing, and they would move the base of pointers.
func (n *node) write(out *bytes.Buffer) {
	switch n.kind {
	case null:
		out.WriteString("null")
	case boolean:
		out.WriteString(strconv.FormatBool(n.flag))
	case number:
		out.WriteString(n.text)
	case text:
		writeString(out, n.text)
	case array:
		out.WriteByte('[')
		for i, v := range n.vals {
			if i > 0 {
				out.WriteByte(',')
			}
			v.write(out)
		}
		out.WriteByte(']')
	case object:
		n.writeMembers(out)
	}
}

func (n *node) writeMembers(out *bytes.Buffer) {
	out.WriteByte('{')
	first := true
	for i, key := range n.keys {
		v := n.vals[i]
		if n.schema {
			switch {
			case (key == "$id" || key == "id") && v.kind == text:
				continue
			case key == "uniqueItems" && v.kind == boolean:
				key = uniqueKey
			case key == "multipleOf" && v.kind == number:
				key = multipleKey
			}
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		writeString(out, key)
		out.WriteByte(':')
		v.write(out)
	}
	out.WriteByte('}')
}

func writeString(out *bytes.Buffer, s string) {
	quoted, _ := json.Marshal(s)
	out.Write(quoted)
}

// own is what of a schema is checked here.
type own struct {
	unique bool
	base   *big.Rat // nil for none
}

func compileOwn(_ jsonschema.CompilerContext, m map[string]any) (any, error) {
	var o own
	o.unique, _ = m[uniqueKey].(bool)
	if base, ok := m[multipleKey].(json.Number); ok {
		if value, ok := new(big.Rat).SetString(string(base)); ok && value.Sign() > 0 {
			o.base = value
		}
	}
	if !o.unique && o.base == nil {
		return nil, nil
	}
	return o, nil
}

func validateOwn(c jsonschema.ValidationContext, s, v any) error {
	o := s.(own)
	switch v := v.(type) {
	case []any:
		if a, b, ok := duplicate(v); o.unique && ok {
			err := c.Error("uniqueItems", "items at index %d and %d are equal", a, b)
			err.Context = indices{a, b}
			return err
		}
	case json.Number:
		if value, ok := new(big.Rat).SetString(string(v)); o.base != nil && (!ok || !value.Quo(value, o.base).IsInt()) {
			return c.Error("multipleOf", "is not a multiple")
		}
	}
	return nil
}

// indices is where two equal items stand.
type indices struct{ a, b int }

// AddContext does nothing: indices are relative to their array.
func (indices) AddContext(string, string) {}

// FinishInstanceContext does nothing.
func (indices) FinishInstanceContext() {}

// duplicate returns the first two equal items.
func duplicate(items []any) (a, b int, found bool) {
	seen := make(map[string]int, len(items))
	var key []byte
	for i, item := range items {
		key = canonical(key[:0], item)
		if first, twice := seen[string(key)]; twice {
			return first, i, true
		}
		seen[string(key)] = i
	}
	return 0, 0, false
}

// canonical appends a spelling of v that equal values share.
func canonical(out []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return strconv.AppendQuote(out, v)
	case json.Number:
		value, ok := new(big.Rat).SetString(string(v))
		if !ok {
			return append(out, v...)
		}
		return append(out, value.RatString()...)
	case []any:
		out = append(out, '[')
		for _, item := range v {
			out = append(canonical(out, item), ',')
		}
		return append(out, ']')
	case map[string]any:
		out = append(out, '{')
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(strconv.AppendQuote(out, key), ':')
			out = append(canonical(out, v[key]), ',')
		}
		return append(out, '}')
	}
	return fmt.Append(out, v)
}

// metaProblems lists where a document breaks its meta-schema.
func metaProblems(err error) []problemAt {
	var failed *jsonschema.SchemaError
	if !errors.As(err, &failed) {
		return []problemAt{{"#", err.Error()}}
	}
	var root *jsonschema.ValidationError
	if !errors.As(failed.Err, &root) {
		return []problemAt{{"#", failed.Err.Error()}}
	}
	reasons := map[string][]string{}
	var leaves func(*jsonschema.ValidationError)
	leaves = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			at := "#"
			for _, token := range tokens(e.InstancePtr) {
				at = child(at, token)
			}
			if !slices.Contains(reasons[at], e.Message) {
				reasons[at] = append(reasons[at], e.Message)
			}
		}
		for _, cause := range e.Causes {
			leaves(cause)
		}
	}
	leaves(root)
	var out []problemAt
	for at, all := range reasons {
		slices.Sort(all)
		out = append(out, problemAt{at, web.Clip(strings.Join(all, "; "))})
	}
	slices.SortFunc(out, func(x, y problemAt) int { return strings.Compare(x.Pointer, y.Pointer) })
	return out
}
