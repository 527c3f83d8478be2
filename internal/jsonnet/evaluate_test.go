package jsonnet_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

func TestAProgramGetsArgumentsAndVariables(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{})
	for name, c := range map[string]struct {
		program jsonnet.Program
		want    string
	}{
		"an expression":            {jsonnet.Program{Source: `{a: 1 + 1, b: [true, null]}`}, `{"a":2,"b":[true,null]}`},
		"a top-level argument":     {jsonnet.Program{Source: `function(ctx) {to: ctx.to}`, Args: map[string]any{"ctx": map[string]any{"to": "a@b.c"}}}, `{"to":"a@b.c"}`},
		"several":                  {jsonnet.Program{Source: `function(a, b=2) a + b`, Args: map[string]any{"a": 1, "b": 5}}, `6`},
		"a default":                {jsonnet.Program{Source: `function(a, b=2) a + b`, Args: map[string]any{"a": 1}}, `3`},
		"not a function":           {jsonnet.Program{Source: `"x"`, Args: map[string]any{"ctx": 1}}, `"x"`},
		"an external variable":     {jsonnet.Program{Source: `local claims = std.extVar('claims'); {[if 'email' in claims then 'email']: claims.email}`, Vars: map[string]any{"claims": map[string]any{"email": "x"}}}, `{"email":"x"}`},
		"both kinds, equal name":   {jsonnet.Program{Source: `function(x) [x, std.extVar('x')]`, Args: map[string]any{"x": 1}, Vars: map[string]any{"x": 2}}, `[1,2]`},
		"unicode":                  {jsonnet.Program{Source: `function(ctx) {"ключ": ctx + "é", n: std.length(ctx)}`, Args: map[string]any{"ctx": "日本 😀 <&>\u2028\""}}, "{\"n\":10,\"ключ\":\"日本 😀 <&>\u2028\\\"é\"}"},
		"no code in values":        {jsonnet.Program{Source: `function(ctx) ctx`, Args: map[string]any{"ctx": `") + (error "x") + ("%s`}}, `"\") + (error \"x\") + (\"%s"`},
		"numbers":                  {jsonnet.Program{Source: `function(ctx) ctx`, Args: map[string]any{"ctx": []any{int64(9007199254740993), uint64(1) << 63, 1e21, -0.5, 1e-7}}}, `[9007199254740992,9223372036854775808,1000000000000000000000,-0.5,9.9999999999999995e-08]`},
		"an object where asked":    {jsonnet.Program{Source: `{}`, Object: true}, `{}`},
		"hidden fields stay so":    {jsonnet.Program{Source: `{a:: 1, b: self.a}`}, `{"b":1}`},
		"a nil value is null":      {jsonnet.Program{Source: `function(ctx) ctx`, Args: map[string]any{"ctx": nil}}, `null`},
		"no native function there": {jsonnet.Program{Source: `std.native("readFile")`}, `null`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := evaluate(t, p, c.program)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestSizesAreBounded(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{MaxInput: 1000, MaxOutput: 100})
	_, err := evaluate(t, p, jsonnet.Program{Name: "x", Source: "1", Args: map[string]any{"ctx": strings.Repeat("s", 1000)}})
	require.ErrorIs(t, err, jsonnet.ErrTooLarge)
	require.NotContains(t, err.Error(), "ss")
	require.Empty(t, children(t, os.Getpid()), "no child was bothered")
	got, err := evaluate(t, p, jsonnet.Program{Source: "std.repeat('s', 98)"})
	require.NoError(t, err)
	require.Len(t, got, 100)
	pid := children(t, os.Getpid())
	_, err = evaluate(t, p, jsonnet.Program{Source: "std.repeat('s', 99)"})
	require.ErrorIs(t, err, jsonnet.ErrTooLarge)
	require.Equal(t, pid, children(t, os.Getpid()), "the child is none the worse for it")
}

func TestCheckParsesOnly(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{})
	require.NoError(t, p.Check(t.Context(), "x", "function(ctx) error 'not run'"))
	require.NoError(t, p.Check(t.Context(), "x", "std.extVar('claims')"))
	require.EqualError(t, p.Check(t.Context(), "body.jsonnet", "function(ctx) {\n  a: ctx.b,,\n}"), `body.jsonnet:2:12: Unexpected: "," while parsing field definition`)
	require.EqualError(t, p.Check(t.Context(), "body.jsonnet", "{a: [import 'x']}"), "body.jsonnet:1:6: imports are not allowed")
	require.ErrorIs(t, p.Check(t.Context(), "x", strings.Repeat("[", 100_000)), jsonnet.ErrDepth)
}
