package ui_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/ui"
)

func TestIdentifier(t *testing.T) {
	c, err := ui.Shipped()
	require.NoError(t, err)
	field := ui.NewIdentifier(nil, c)
	n := field.Node("de", "")
	require.Equal(t, "input", n.Type)
	require.Equal(t, ui.GroupDefault, n.Group)
	require.Equal(t, &ui.Input{Name: "identifier", Type: "text", Required: true, Autocomplete: "username", NodeType: "input"}, n.Input())
	require.Equal(t, &ui.Message{ID: 1070004, Text: c["de"][1070004], Type: "info"}, n.Meta.Label)
	require.NotNil(t, n.Messages, "[] on the wire")

	typed, empty := field.Node("de", "ada"), field.Node("de", "")
	require.Equal(t, "ada", typed.Input().Value)
	require.Nil(t, empty.Input().Value, "what one person typed is not another's")
	require.Equal(t, c["en"][1070004], field.Node("xx", "").Meta.Label.Text)
	form := ui.Form{Nodes: []ui.Node{field.Node("en", "")}}
	form.Place([]ui.Problem{{Node: "identifier", ID: ui.ErrGeneric}}, c, "en")
	require.Len(t, form.Nodes[0].Messages, 1)
	require.Empty(t, field.Node("en", "").Messages)
}

// The label is a trait's where there is but one that people sign in with.
func TestIdentifierLabel(t *testing.T) {
	email := identifying(t, `"email":{"type":"string","title":"Your e-mail",`+by("password", "code")+`}`)
	plain := identifying(t, `"name":{"type":"string","title":"Name"}`)
	for what, row := range map[string]struct {
		schemas []*schema.Schema
		want    string // empty for the general label
	}{
		"by password and code":      {[]*schema.Schema{email}, "Your e-mail"},
		"by code alone":             {[]*schema.Schema{identifying(t, `"phone":{"type":"string","format":"tel","title":"Phone",`+by("code")+`},"name":{"type":"string","title":"Name"}`)}, "Phone"},
		"within an object":          {[]*schema.Schema{identifying(t, `"a":{"type":"object","properties":{"user":{"type":"string","title":"User",`+by("password")+`}}}`)}, "User"},
		"beside a schema without":   {[]*schema.Schema{plain, email}, "Your e-mail"},
		"the same in two schemas":   {[]*schema.Schema{email, email}, "Your e-mail"},
		"without a title":           {[]*schema.Schema{identifying(t, `"email":{"type":"string",`+by("password")+`}`)}, ""},
		"two in a schema":           {[]*schema.Schema{identifying(t, `"email":{"type":"string","title":"T",`+by("password")+`},"user":{"type":"string","title":"T",`+by("password")+`}`)}, ""},
		"another in another schema": {[]*schema.Schema{email, identifying(t, `"user":{"type":"string","title":"User",`+by("password")+`}`)}, ""},
		"another title elsewhere":   {[]*schema.Schema{email, identifying(t, `"email":{"type":"string","title":"Mail",`+by("password")+`}`)}, ""},
		"no identifier at all":      {[]*schema.Schema{plain}, ""},
		"no schema":                 {nil, ""},
	} {
		label := ui.NewIdentifier(row.schemas, catalogue).Node("en", "").Meta.Label
		if row.want == "" {
			require.Equal(t, 1070004, label.ID, what)
			require.Nil(t, label.Context, what)
			continue
		}
		require.Equal(t, 1070002, label.ID, what)
		require.Equal(t, map[string]any{"title": row.want, "name": "identifier"}, label.Context, what)
	}
}

func identifying(t *testing.T, properties string) *schema.Schema {
	t.Helper()
	return load(t, `{"type":"object","properties":{"traits":{"type":"object","properties":{`+properties+`}}}}`)
}

// by makes a trait what people sign in with by these methods.
func by(methods ...string) string {
	text := ""
	for i, m := range methods {
		if i > 0 {
			text += ","
		}
		text += `"` + m + `":{"identifier":true`
		if m == "code" {
			text += `,"via":"email"`
		}
		text += "}"
	}
	return `"ory.sh/kratos":{"credentials":{` + text + `}}`
}
