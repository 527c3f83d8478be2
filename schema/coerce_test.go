package schema_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const household = `"properties":{
  "s":{"type":"string"},"opt":{"type":"string"},"at":{"type":"string","format":"date-time"},"n":{"type":"number"},"i":{"type":"integer"},
  "b":{"type":"boolean"},"optb":{"type":"boolean"},
  "tags":{"type":"array","items":{"type":"string"}},"must":{"type":"array","items":{"type":"string"}},
  "nums":{"type":"array","items":{"type":"integer"}},"flags":{"type":"array","items":{"type":"boolean"}},
  "o":{"type":"object","properties":{"a":{"type":"string"},"need":{"type":"string"},"ok":{"type":"boolean"}},"required":["need","ok"]},
  "r":{"type":"object","properties":{"ok":{"type":"boolean"},"s":{"type":"string"}},"required":["ok"]}
},"required":["s","n","b","must","r"]`

func TestCoerceForm(t *testing.T) {
	s := mustLoad(t, traitsOf(household))
	one := func(v ...string) []string { return v }
	for _, c := range []struct {
		name string
		in   map[string]any
		want string // without what a form adds always, see base
	}{
		{"nothing but one", map[string]any{"s": one("x")}, `{"s":"x"}`},
		{"last wins", map[string]any{"s": one("x", "y")}, `{"s":"y"}`},
		{"no values", map[string]any{"s": one()}, `{"s":""}`},
		{"empty required stays", map[string]any{"s": one("")}, `{"s":""}`},
		{"empty optional goes", map[string]any{"opt": one("")}, `{}`},
		{"empty numbers go", map[string]any{"n": one(""), "i": one("")}, `{}`},
		{"numbers", map[string]any{"n": one("-1.50e2"), "i": one("42")}, `{"n":-1.50e2,"i":42}`},
		{"no numbers", map[string]any{"n": one("0x10"), "i": one(" 42")}, `{"n":"0x10","i":" 42"}`},
		{"ticked", map[string]any{"b": one("false", "on"), "optb": one("1")}, `{"b":true,"optb":true}`},
		{"other words", map[string]any{"b": one("yes"), "optb": one("off")}, `{"b":true,"optb":false}`},
		{"no boolean", map[string]any{"b": one("maybe")}, `{"b":"maybe"}`},
		{"browser's instants", map[string]any{"at": one("2026-01-02T15:04")}, `{"at":"2026-01-02T15:04:00Z"}`},
		{"instants with a zone", map[string]any{"at": one("2026-01-02T15:04:05+02:00")}, `{"at":"2026-01-02T15:04:05+02:00"}`},
		{"no instants", map[string]any{"at": one("tomorrow")}, `{"at":"tomorrow"}`},
		{"empty boolean", map[string]any{"b": one(""), "optb": one("")}, `{}`},
		{"arrays", map[string]any{"tags": one("a", "", "b"), "nums": one("1", "x"), "flags": one("on", "no")}, `{"tags":["a","b"],"nums":[1,"x"],"flags":[true,false]}`},
		{"empty arrays", map[string]any{"tags": one(""), "must": one("")}, `{"must":[]}`},
		{"empty object goes", map[string]any{"s": one("x"), "o": map[string]any{"a": one(""), "need": one("")}}, `{"s":"x"}`},
		{"object with a value", map[string]any{"o": map[string]any{"a": one("x"), "need": one("")}}, `{"o":{"a":"x","ok":false}}`},
		{"required object", map[string]any{"r": map[string]any{"s": one("")}}, `{}`},
		{"object is a word", map[string]any{"o": one("x")}, `{"o":"x"}`},
		{"scalar is an object", map[string]any{"s": map[string]any{"x": one("y")}}, `{"s":{"x":"y"}}`},
		{"unknown", map[string]any{"u": one("a", "b"), "v": map[string]any{"w": one()}}, `{"u":"b","v":{"w":""}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, err := json.Marshal(c.in)
			require.NoError(t, err)
			want := map[string]any{"b": false, "r": map[string]any{"ok": false}}
			maps.Copy(want, decode(t, c.want))
			if len(c.in) > 0 {
				require.Equal(t, want, s.Coerce(c.in))
			}
			after, err := json.Marshal(c.in)
			require.NoError(t, err)
			require.Equal(t, string(before), string(after), "the argument was modified")
		})
	}
}

func TestCoerceJSON(t *testing.T) {
	s := mustLoad(t, traitsOf(household))
	for _, c := range []struct{ name, in, want string }{
		{"empty stays empty", `{}`, `{}`},
		{"empty strings stay", `{"s":"","opt":"","o":{"a":""},"n":"","tags":[""]}`, `{"s":"","opt":"","o":{"a":""},"n":"","tags":[""]}`},
		{"numbers in strings", `{"n":"1.5","i":"-0","nums":["1",2,"x",null]}`, `{"n":1.5,"i":-0,"nums":[1,2,"x",null]}`},
		{"no numbers", `{"n":"+1","i":"01","opt":"1"}`, `{"n":"+1","i":"01","opt":"1"}`},
		{"neither", `{"n":"1.","i":".5"}`, `{"n":"1.","i":".5"}`},
		{"nor", `{"n":"1e","i":"NaN"}`, `{"n":"1e","i":"NaN"}`},
		{"too much", `{"n":"1e999999"}`, `{"n":"1e999999"}`},
		{"words are no booleans", `{"b":"true","optb":"on"}`, `{"b":"true","optb":"on"}`},
		{"wrong kinds", `{"s":[1],"tags":"a","o":[{}],"b":{"x":[{}]}}`, `{"s":[1],"tags":"a","o":[{}],"b":{"x":[{}]}}`},
		{"empty objects stay", `{"o":{},"r":{}}`, `{"o":{},"r":{}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := decode(t, c.in)
			require.Equal(t, decode(t, c.want), s.Coerce(in))
			require.Equal(t, decode(t, c.in), in, "the argument was modified")
		})
	}
}

func TestCoerceSharesNothing(t *testing.T) {
	s := mustLoad(t, traitsOf(household))
	in := decode(t, `{"u":{"v":[{"w":1}]},"tags":["a"],"o":{"a":"x"}}`)
	out := s.Coerce(in)
	out["u"].(map[string]any)["v"].([]any)[0].(map[string]any)["w"] = "changed"
	out["tags"].([]any)[0] = "changed"
	out["o"].(map[string]any)["a"] = "changed"
	require.Equal(t, decode(t, `{"u":{"v":[{"w":1}]},"tags":["a"],"o":{"a":"x"}}`), in)
}

// What a browser posts for some JSON is judged like that JSON.
func TestFormAndJSONValidateTheSame(t *testing.T) {
	s := mustLoad(t, traitsOf(`"properties":{
	  "s":{"type":"string","minLength":2},"opt":{"type":"string","maxLength":3},"n":{"type":"number","minimum":0},"i":{"type":"integer","multipleOf":2},
	  "b":{"type":"boolean","const":true},"optb":{"type":"boolean"},"tags":{"type":"array","items":{"type":"string","minLength":2},"maxItems":2,"uniqueItems":true},
	  "o":{"type":"object","properties":{"a":{"type":"string"},"n":{"type":"integer"}},"required":["n"]}},"required":["s","b"]`))
	word := rapid.StringMatching(`[a-z]{1,4}`)
	rapid.Check(t, func(t *rapid.T) {
		value, form := map[string]any{}, map[string]any{}
		put := func(in, posted map[string]any, key string, v any, words ...string) {
			in[key], posted[key] = v, words
		}
		w := word.Draw(t, "s")
		put(value, form, "s", w, w)
		truth := rapid.Bool().Draw(t, "b")
		value["b"] = truth
		if truth {
			form["b"] = []string{"on"}
		}
		if rapid.Bool().Draw(t, "optional") {
			w := word.Draw(t, "opt")
			put(value, form, "opt", w, w)
			n := rapid.SampledFrom([]string{"-1", "0", "2.5", "1e3"}).Draw(t, "n")
			put(value, form, "n", json.Number(n), n)
			put(value, form, "optb", true, "true")
		}
		if tags := rapid.SliceOfN(word, 1, 3).Draw(t, "tags"); rapid.Bool().Draw(t, "with tags") {
			items := []any{}
			for _, tag := range tags {
				items = append(items, tag)
			}
			put(value, form, "tags", items, slices.Clone(tags)...)
		}
		if rapid.Bool().Draw(t, "object") {
			o, posted := map[string]any{}, map[string]any{}
			w := word.Draw(t, "o.a")
			put(o, posted, "a", w, w)
			n := rapid.SampledFrom([]string{"1", "1.5", "x"}).Draw(t, "o.n")
			put(o, posted, "n", n, n)
			value["o"], form["o"] = o, posted
		}
		coerced := s.Coerce(form)
		require.Equal(t, s.Coerce(value), coerced)
		require.Equal(t, s.Validate(s.Coerce(value)), s.Validate(coerced))
		require.Equal(t, coerced, s.Coerce(coerced), "coercing twice changes something")
	})
}

func BenchmarkCoerce(b *testing.B) {
	s := mustLoad(b, person)
	traits := map[string]any{
		"email": []string{"ann@example.org"}, "age": []string{"20"}, "newsletter": []string{"on"},
		"name": map[string]any{"first": []string{"Ann"}, "last": []string{"Lee"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Coerce(traits)
	}
}
