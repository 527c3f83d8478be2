package jsonnet_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

func TestFaultsSayWhere(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{})
	for name, c := range map[string]struct {
		program      jsonnet.Program
		line, column int
		reason       string
	}{
		"does not parse":         {jsonnet.Program{Source: "{\n  a: }"}, 2, 6, `Unexpected: "}" while parsing terminal`},
		"unknown name":           {jsonnet.Program{Source: "{\n a: nope}"}, 2, 5, "Unknown variable: nope"},
		"unterminated":           {jsonnet.Program{Source: "\n 'abc"}, 2, 2, "Unterminated String"},
		"escape":                 {jsonnet.Program{Source: `{a: "\x"}`}, 1, 5, `Unknown escape sequence in string literal: \x`},
		"runtime":                {jsonnet.Program{Source: "{\n a: 1,\n b: self.c}"}, 3, 5, "Field does not exist: c"},
		"type":                   {jsonnet.Program{Source: `1 - "a"`}, 1, 1, "Unexpected type string, expected number"},
		"error":                  {jsonnet.Program{Source: "function(ctx)\n  error 'cancel'", Args: map[string]any{"ctx": 1}}, 2, 3, "cancel"},
		"assert":                 {jsonnet.Program{Source: "{assert false : 'Not like this!', a: 1}"}, 1, 2, "Not like this!"},
		"no such variable":       {jsonnet.Program{Source: "std.extVar('claims')"}, 1, 1, "Undefined external variable: claims"},
		"missing argument":       {jsonnet.Program{Source: "function(ctx) ctx"}, 0, 0, "Missing argument: ctx"},
		"argument nobody wants":  {jsonnet.Program{Source: "function() 1", Args: map[string]any{"ctx": 1}}, 0, 0, "function has no parameter …"},
		"a function":             {jsonnet.Program{Source: "function() function() 1"}, 0, 0, "couldn't manifest function as JSON"},
		"no object":              {jsonnet.Program{Source: "[1]", Object: true}, 0, 0, "the result is not an object"},
		"import":                 {jsonnet.Program{Source: "{\n a: import '/etc/passwd'}"}, 2, 5, "imports are not allowed"},
		"importstr":              {jsonnet.Program{Source: "importstr '/etc/passwd'"}, 1, 1, "imports are not allowed"},
		"importbin, never used":  {jsonnet.Program{Source: "local x = importbin '/dev/zero'; 1"}, 1, 11, "imports are not allowed"},
		"native":                 {jsonnet.Program{Source: "std.native('exec')('id')"}, 1, 1, "Unexpected type null, expected function"},
		"recursion, not by tail": {jsonnet.Program{Source: "local f(x) =\n  1 + f(x);\nf(1)"}, 2, 7, "max stack frames exceeded."},
		"result without an end":  {jsonnet.Program{Source: "local a = [a]; a"}, 0, 0, "max stack frames exceeded."},
		"in the library":         {jsonnet.Program{Source: "{\n  a: std.assertEqual(1, 2)}"}, 2, 6, "Assertion failed. 1 != 2"},
	} {
		t.Run(name, func(t *testing.T) {
			c.program.Name = "file:///etc/body.jsonnet"
			got, err := evaluate(t, p, c.program)
			var fault *jsonnet.Error
			require.ErrorAs(t, err, &fault)
			require.Empty(t, got)
			require.Equal(t, jsonnet.Error{Name: "file:///etc/body.jsonnet", Line: c.line, Column: c.column, Reason: c.reason}, *fault)
			if c.line > 0 {
				require.EqualError(t, err, fmt.Sprintf("file:///etc/body.jsonnet:%d:%d: %s", c.line, c.column, c.reason))
			} else {
				require.EqualError(t, err, "file:///etc/body.jsonnet: "+c.reason)
			}
		})
	}
}

func TestErrorsKeepValuesToThemselves(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{})
	args := map[string]any{"ctx": map[string]any{"to": "bob@example.com", "code": "123456", "name": "Ünsal Çelik", "n": 8675309}}
	for source, reason := range map[string]string{
		`function(ctx) error 'no mail for ' + ctx.to`:                     "no mail for …",
		`function(ctx) error 'to ' + std.asciiUpper(ctx.to) + ', please'`: "to … please",
		`function(ctx) error ctx.name`:                                    "…",
		`function(ctx) error '<' + ctx.name + '>, ' + ctx.code`:           "…",
		`function(ctx) error std.join(' ', std.stringChars(ctx.code))`:    "…",
		`function(ctx) std.parseInt(ctx.to)`:                              "… is not a base … integer",
		`function(ctx) ctx[ctx.to]`:                                       "Field does not exist: …",
		`function(ctx) {[ctx.to]: error 'x'}`:                             "x",
		`function(ctx) std.assertEqual(ctx.to, ctx.code)`:                 "Assertion failed. … != …",
		`function(ctx) std.parseJson(ctx.name)`:                           "failed to parse JSON: invalid character … looking for beginning of value",
		`function(ctx) [1][ctx.n]`:                                        "Index … out of bounds, not within … 1)",
		`function(ctx) error ctx`:                                         `{"code": … "name": … "to": …`,
		`function(ctx) std.trace(ctx.code, error 'x')`:                    "x",
	} {
		_, err := evaluate(t, p, jsonnet.Program{Name: "x", Source: source, Args: args})
		var fault *jsonnet.Error
		require.ErrorAs(t, err, &fault, source)
		require.Equal(t, reason, fault.Reason, source)
		for _, value := range []string{"bob", "BOB", "example", "123456", "nsal", "elik", "8675309"} {
			require.NotContains(t, err.Error(), value)
		}
	}
	_, err := evaluate(t, p, jsonnet.Program{Name: "x", Source: "1", Args: map[string]any{"ctx": unwilling{}}})
	require.EqualError(t, err, "x: argument ctx cannot be JSON (jsonnet_test.unwilling)")
	_, err = evaluate(t, p, jsonnet.Program{Name: "x", Source: "error '" + strings.Repeat("long ", 5000) + "'"})
	require.Less(t, len(err.Error()), 1100)
}

type unwilling struct{}

func (unwilling) MarshalJSON() ([]byte, error) { return nil, errors.New("bob@example.com") }
