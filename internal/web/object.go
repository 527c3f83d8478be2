package web

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
)

// Object is an object of a decoded JSON body that is taken apart. Where Fields is
// nil, there is none. All objects of a body share the first thing that is wrong
// with it; from then on what they return means nothing.
type Object struct {
	Fields map[string]any
	path   []string
	err    *error
}

// TakeApart begins with the outermost object of a body, whose pointers begin with
// at, in its parts.
func TakeApart(fields map[string]any, at ...string) Object {
	return Object{Fields: fields, path: at, err: new(error)}
}

// Err is the first thing that is wrong, a *fail.Error, or nil.
func (o Object) Err() error { return *o.err }

// Refuse notes what is wrong with the field called name, or with o itself where
// name is empty. Its details tell where, as a JSON pointer.
func (o Object) Refuse(name string, e *fail.Error) {
	if *o.err != nil {
		return
	}
	e.Details = map[string]any{"pointer": Pointer(o.at(name)...)}
	*o.err = e
}

func (o Object) at(name string) []string {
	if name == "" {
		return o.path
	}
	return append(o.path[:len(o.path):len(o.path)], name)
}

// wrong refuses a field for its type or value.
func (o Object) wrong(name, what string) {
	o.Refuse(name, fail.New(fail.BadRequest, "body_invalid", o.called(name)+" "+what+"."))
}

func (o Object) called(name string) string {
	return "The field " + strconv.Quote(Clip(strings.Join(o.at(name), ".")))
}

// Only refuses every field but those named.
func (o Object) Only(names ...string) {
	var unknown []string
	for name := range o.Fields {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		first := slices.Min(unknown)
		o.Refuse(first, fail.New(fail.BadRequest, "field_unknown", o.called(first)+" is not known here."))
	}
}

// Empty refuses the field called name unless it is null or missing.
func (o Object) Empty(name string) {
	if o.Fields[name] != nil {
		o.Refuse(name, fail.New(fail.BadRequest, "field_unsupported", o.called(name)+" can only be null in this version."))
	}
}

// Has reports whether there is a field of the name that is not null.
func (o Object) Has(name string) bool { return o.Fields[name] != nil }

// Text is the string at name, "" where there is none.
func (o Object) Text(name string) string {
	switch v := o.Fields[name].(type) {
	case nil:
	case string:
		return v
	default:
		o.wrong(name, "has to be a string")
	}
	return ""
}

// Yes is the boolean at name, false where there is none.
func (o Object) Yes(name string) bool {
	switch v := o.Fields[name].(type) {
	case nil:
	case bool:
		return v
	default:
		o.wrong(name, "has to be true or false")
	}
	return false
}

// Time is the time at name in RFC 3339, in UTC, the zero one where there is none.
func (o Object) Time(name string) time.Time {
	text := o.Text(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.UnixMicro() <= 0 || at.Year() > 9999 {
		o.wrong(name, "has to be a time in RFC 3339 after 1970")
	}
	return at.UTC().Truncate(time.Microsecond)
}

// Object is the object at name, with no fields where there is none.
func (o Object) Object(name string) Object {
	inner := Object{path: o.at(name), err: o.err}
	switch v := o.Fields[name].(type) {
	case nil:
	case map[string]any:
		inner.Fields = v
	default:
		o.wrong(name, "has to be an object")
	}
	return inner
}

// Objects are the entries of the list at name, nil where there is none.
func (o Object) Objects(name string) (all []Object) {
	list, ok := o.Fields[name].([]any)
	if !ok {
		if o.Has(name) {
			o.wrong(name, "has to be a list")
		}
		return nil
	}
	within := Object{path: o.at(name), err: o.err}
	for n, one := range list {
		index := strconv.Itoa(n)
		fields, ok := one.(map[string]any)
		if !ok {
			within.wrong(index, "has to be an object")
		}
		all = append(all, Object{Fields: fields, path: within.at(index), err: o.err})
	}
	return all
}

// Raw is any JSON value, nil for null and where there is none.
func (o Object) Raw(name string) json.RawMessage {
	if !o.Has(name) {
		return nil
	}
	raw, _ := encode(o.Fields[name]) // decoding made it, so it encodes
	return bytes.TrimSpace(raw)
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// Pointer is a JSON pointer from the root of a body to what lies at path.
func Pointer(path ...string) string {
	out := "#"
	for _, name := range path {
		out += "/" + escapePointer.Replace(name)
	}
	return Clip(out)
}
