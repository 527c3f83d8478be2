package ui_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/ui"
)

var catalogue = ui.Catalogue{"en": {1: "one {n}", 1070002: "{title}"}, "de": {1: "eins {n}"}}

func TestPlace(t *testing.T) {
	f := ui.Form{Nodes: []ui.Node{
		ui.NewInput("password", ui.Input{Name: "traits.a", Type: ui.InputText}),
		ui.NewInput("password", ui.Input{Name: "method", Type: ui.InputSubmit, Value: "one"}),
	}}
	f.Place([]ui.Problem{
		{Node: "traits.a", ID: 1, Context: map[string]any{"n": 1}},
		{Node: "traits.a", ID: 1, Context: map[string]any{"n": 2}},
		{Node: "traits.gone", ID: 1, Context: map[string]any{"n": 3}},
		{ID: 1, Context: map[string]any{"n": 4}},
	}, catalogue, "de")
	texts := func(list []ui.Message) (out []string) {
		for _, m := range list {
			out = append(out, m.Text)
		}
		return out
	}
	require.Equal(t, []string{"eins 1", "eins 2"}, texts(f.Nodes[0].Messages))
	require.Empty(t, f.Nodes[1].Messages)
	require.Equal(t, []string{"eins 3", "eins 4"}, texts(f.Messages), "what no node can show the form shows")
}

// Labels are filled in on a form of one's own: two languages of one node do not
// meet.
func TestLocalise(t *testing.T) {
	node := ui.NewInput("password", ui.Input{Name: "a"}).Labelled(1, map[string]any{"n": "x"})
	en, de := ui.Form{Nodes: []ui.Node{node, ui.NewInput("", ui.Input{})}}, ui.Form{Nodes: []ui.Node{node}}
	en.Localise(catalogue, "en")
	de.Localise(catalogue, "de")
	require.Equal(t, "one x", en.Nodes[0].Meta.Label.Text)
	require.Equal(t, "eins x", de.Nodes[0].Meta.Label.Text)
	require.Empty(t, node.Meta.Label.Text)
	require.Nil(t, en.Nodes[1].Meta.Label)
}

// A node has all its keys, empty ones as what they are.
func TestNodeJSON(t *testing.T) {
	raw, err := json.Marshal(ui.NewInput("default", ui.Input{Name: "n", Type: "text"}))
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"input","group":"default","attributes":{"name":"n","type":"text","disabled":false,"node_type":"input"},"messages":[],"meta":{}}`, string(raw))
	raw, err = json.Marshal(ui.NewInput("default", ui.Input{Name: "n", Type: "checkbox", Value: false, Required: true, Disabled: true, Pattern: "^a$", Autocomplete: "email", Options: []ui.Option{{Value: json.Number("1")}}}))
	require.NoError(t, err)
	require.JSONEq(t, `{"type":"input","group":"default","attributes":{"name":"n","type":"checkbox","value":false,"required":true,"autocomplete":"email","pattern":"^a$","options":[{"value":1}],"disabled":true,"node_type":"input"},"messages":[],"meta":{}}`, string(raw))
}

func TestTraits(t *testing.T) {
	for property, want := range map[string]ui.Input{
		`{"type":"string"}`:                                    {Type: "text"},
		`{"type":"string","format":"email"}`:                   {Type: "email", Autocomplete: "email"},
		`{"type":"string","format":"tel"}`:                     {Type: "tel", Autocomplete: "tel"},
		`{"type":"string","format":"uri"}`:                     {Type: "url", Autocomplete: "url"},
		`{"type":"string","format":"date"}`:                    {Type: "date"},
		`{"type":"string","format":"date-time"}`:               {Type: "datetime-local"},
		`{"type":"string","format":"time"}`:                    {Type: "text"},
		`{"type":"number"}`:                                    {Type: "number"},
		`{"type":"integer"}`:                                   {Type: "number"},
		`{"type":"boolean"}`:                                   {Type: "checkbox"},
		`{"type":["string","null"]}`:                           {Type: "text"},
		`{"type":["integer","null"]}`:                          {Type: "number"},
		`{"type":"array","items":{"type":"string"}}`:           {Type: "text", Value: []any{}},
		`{"type":"array","items":{"type":"integer"}}`:          {Type: "text", Value: []any{}},
		`{"type":"array","items":{"type":"boolean"}}`:          {Type: "text", Value: []any{}},
		`{"type":"string","pattern":"^[a-z]+$"}`:               {Type: "text", Pattern: "^[a-z]+$"},
		`{"type":"string","disableFormField":true}`:            {Type: "text", Disabled: true},
		`{"type":"string","enum":["a","b"]}`:                   {Type: "text", Options: []ui.Option{{Value: "a"}, {Value: "b"}}},
		`{"type":"string","minLength":2,"maxLength":3}`:        {Type: "text"},
		`{"type":"string","description":"d","default":"none"}`: {Type: "text"},
	} {
		s := load(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{"one":`+property+`}}}}`)
		nodes := draw(s, nil)
		require.Len(t, nodes, 1, property)
		want.Name, want.NodeType = "traits.one", "input"
		require.Equal(t, want, *nodes[0].Input(), property)
		require.Equal(t, "profile", nodes[0].Group)
		require.Nil(t, nodes[0].Meta.Label, "no title, no label")
	}
	for _, property := range []string{`{"type":"object"}`, `{"type":"array","items":{"type":"object","properties":{"a":{"type":"string"}}}}`, `{"type":["string","number","null"]}`} {
		s := load(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{"one":`+property+`,"two":{"type":"string"}}}}}`)
		require.Len(t, draw(s, nil), 1, property)
	}
}

// Values stand where they were typed, and nowhere else.
func TestTraitValues(t *testing.T) {
	s := load(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{
	  "a":{"type":"string","title":"A"},"b":{"type":"object","properties":{"c":{"type":"integer"},"d":{"type":"boolean"}}},"e":{"type":"array","items":{"type":"string"}}}}}}`)
	values := func(typed map[string]any) (out []any) {
		for _, n := range draw(s, typed) {
			out = append(out, n.Input().Value)
		}
		return out
	}
	require.Equal(t, []any{nil, nil, nil, []any{}}, values(nil))
	require.Equal(t, []any{"x", json.Number("7"), false, []any{"1", "2"}},
		values(map[string]any{"a": "x", "b": map[string]any{"c": json.Number("7"), "d": false}, "e": []any{"1", "2"}}))
	require.Equal(t, []any{nil, nil, nil, []any{}}, values(map[string]any{"a": map[string]any{"x": 1}, "b": "not an object", "z": "unknown"}))
	label := draw(s, nil)[0].Meta.Label
	require.Equal(t, 1070002, label.ID)
	require.Equal(t, map[string]any{"title": "A", "name": "traits.a"}, label.Context)
}

// What is prepared once is not changed by who draws it.
func TestTraitFormIsShared(t *testing.T) {
	s := load(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{"a":{"type":"string","title":"A"}}}}}`)
	form := ui.NewTraitForm(s, "profile", catalogue)
	one, two := ui.Form{Nodes: form.Nodes("en", map[string]any{"a": "typed"})}, ui.Form{Nodes: form.Nodes("en", nil)}
	one.Place([]ui.Problem{{Node: "traits.a", ID: 1, Context: map[string]any{"n": 1}}}, catalogue, "en")
	one.Nodes = append(one.Nodes, ui.NewInput("", ui.Input{Name: "more"}))
	two.Nodes = append(two.Nodes, ui.NewInput("", ui.Input{Name: "other"}))
	require.Nil(t, two.Nodes[0].Input().Value)
	require.Empty(t, two.Nodes[0].Messages)
	require.Equal(t, "more", one.Nodes[1].Name())
	require.Nil(t, form.Nodes("en", nil)[0].Input().Value)
	require.Empty(t, form.Nodes("en", nil)[0].Messages)
	require.Equal(t, "A", form.Nodes("unknown", nil)[0].Meta.Label.Text, "a language nobody ships is the default one")
}

func draw(s *schema.Schema, typed map[string]any) []ui.Node {
	return ui.NewTraitForm(s, "profile", catalogue).Nodes("en", typed)
}

func load(t *testing.T, text string) *schema.Schema {
	t.Helper()
	set, err := (&schema.Loader{}).Load(context.Background(), "one", []schema.Source{{ID: "one", URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(text))}})
	require.NoError(t, err)
	return set.Default()
}
