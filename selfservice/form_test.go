package selfservice_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The form of the protocol's own example, node by node: e-mail first, the
// password after it, the other traits, the button last.
func TestExampleForm(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchema(`{"type": "object", "properties": {"traits": {"type": "object", "properties": {
	  "email": {"type": "string", "format": "email", "title": "E-Mail", "minLength": 3, "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
	  "name": {"type": "object", "properties": {"first": {"type": "string", "title": "First Name"}, "last": {"type": "string", "title": "Last Name"}}}
	}, "required": ["email"], "additionalProperties": false}}}`))
	type node struct {
		group, name, kind string
		required          bool
		label             int
		text              string
	}
	want := []node{
		{"default", "csrf_token", "hidden", true, 0, ""},
		{"password", "traits.email", "email", true, 1070002, "E-Mail"},
		{"password", "password", "password", true, 1070001, "Password"},
		{"password", "traits.name.first", "text", false, 1070002, "First Name"},
		{"password", "traits.name.last", "text", false, 1070002, "Last Name"},
		{"password", "method", "submit", false, 1040001, "Sign up"},
	}
	for _, c := range env.Clients() {
		var raw struct {
			UI struct {
				Nodes []struct {
					Group      string
					Attributes struct {
						Name, Type         string
						Required, Disabled bool
						Value              any
					}
					Messages []any
					Meta     struct {
						Label *struct {
							ID      int
							Text    string
							Type    string
							Context map[string]any
						}
					}
				}
			}
		}
		require.NoError(t, json.Unmarshal(read(c, c.Open("").ID).Body, &raw))
		require.Len(t, raw.UI.Nodes, len(want))
		for i, n := range raw.UI.Nodes {
			got := node{n.Group, n.Attributes.Name, n.Attributes.Type, n.Attributes.Required, 0, ""}
			if l := n.Meta.Label; l != nil {
				got.label, got.text = l.ID, l.Text
				require.Equal(t, "info", l.Type)
				if l.ID == 1070002 {
					require.Equal(t, map[string]any{"title": l.Text, "name": n.Attributes.Name}, l.Context)
				}
			}
			require.Equal(t, want[i], got)
			require.False(t, n.Attributes.Disabled)
			require.Equal(t, []any{}, n.Messages)
		}
		require.Equal(t, "password", raw.UI.Nodes[5].Attributes.Value)
	}
	// The example's empty address: the format, then the length, and the value stays.
	c := env.SPA()
	f := c.Refused(c.Open(""), someone().With("traits.email", ""))
	require.Equal(t, []int{4000040, 4000003}, f.IDs("traits.email"))
	require.Equal(t, map[string]any{"min_length": 3.0, "actual_length": 0.0}, f.Node("traits.email").Messages[1].Context)
	require.Equal(t, "", f.Value("traits.email"))
	// And its password that everybody knows.
	f = c.Refused(f, someone().With("password", "password1"))
	require.Equal(t, []int{4000005}, f.IDs("password"))
	require.Equal(t, "The password can't be used because the password has been found in data breaches and must no longer be used.", f.Node("password").Messages[0].Text)
	require.Equal(t, map[string]any{"reason": "the password has been found in data breaches and must no longer be used."}, f.Node("password").Messages[0].Context)
}

// Forms, fresh and refused, byte for byte: order, groups, labels, attributes,
// messages, what is filled in again. testdata/forms/<name>.schema.json is the
// schema, <name>.values.json what is typed; the rest is written with -update.
func TestForms(t *testing.T) {
	schemas, err := filepath.Glob("testdata/forms/*.schema.json")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(schemas), 7)
	for _, file := range schemas {
		name := strings.TrimSuffix(filepath.Base(file), ".schema.json")
		t.Run(name, func(t *testing.T) {
			schema, err := os.ReadFile(file)
			require.NoError(t, err)
			raw, err := os.ReadFile("testdata/forms/" + name + ".values.json")
			require.NoError(t, err)
			var typed values
			require.NoError(t, json.Unmarshal(raw, &typed))
			options := []enginetest.Option{enginetest.WithSchema(string(schema))}
			if name == "default-group" {
				options = append(options, enginetest.With("feature_flags.password_profile_registration_node_group", "default"))
			}
			env := enginetest.New(t, options...)
			c := env.SPA()
			f := c.Open("")
			golden(t, name+".fresh.json", read(c, f.ID))
			a := c.Submit(f, typed)
			require.Equal(t, 400, a.Status, "%s", a.Body)
			require.NotContains(t, string(a.Body), typed["password"])
			golden(t, name+".refused.json", a)
			// What is stored is what is shown: the answer and a later reading
			// agree, for another client kind as well.
			golden(t, name+".refused.json", read(c, f.ID))
			n := env.Native()
			golden(t, name+".refused.json", n.Submit(n.Open(""), typed))
		})
	}
}

// golden compares the form of an answer, without what differs from run to run.
func golden(t *testing.T, name string, a answer) {
	t.Helper()
	var f struct {
		UI map[string]any `json:"ui"`
	}
	require.NoError(t, json.Unmarshal(a.Body, &f))
	f.UI["action"] = ""
	for _, n := range f.UI["nodes"].([]any) {
		if in := n.(map[string]any)["attributes"].(map[string]any); in["name"] == "csrf_token" {
			delete(in, "value")
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(f.UI))
	file := "testdata/forms/" + name
	if *update {
		require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), file)
}

// What was typed stands in the form again, in the types of the schema, however
// it was sent; what is secret does not.
func TestRefill(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		v := values{
			"method": "password", "traits.email": "nobody", "password": "planted-Secret-1",
			"traits.name.first": `<b>"Ada" & co</b>`, "traits.age": "9", "traits.newsletter": true,
			"traits.tags": []any{"one", "two", "one"}, "traits.plan": "gold",
		}
		f := c.Refused(c.Open(""), v)
		require.Equal(t, `<b>"Ada" & co</b>`, f.Value("traits.name.first"))
		require.EqualValues(t, 9, f.Value("traits.age"))
		require.Equal(t, true, f.Value("traits.newsletter"))
		require.Equal(t, []any{"one", "two", "one"}, f.Value("traits.tags"))
		require.Equal(t, "gold", f.Value("traits.plan"))
		require.Nil(t, f.Value("password"))
		require.Equal(t, "password", f.Value("method"))
		require.Equal(t, "password", f.Active)

		// The next submit replaces all of it, and clears the messages before.
		f = c.Refused(f, values{"method": "password", "traits.email": "else", "password": "planted-Secret-1"})
		require.Equal(t, "else", f.Value("traits.email"))
		for _, gone := range []string{"traits.name.first", "traits.age", "traits.newsletter", "traits.tags", "traits.plan"} {
			require.Empty(t, f.Value(gone), gone)
			require.Empty(t, f.IDs(gone))
		}
		// A number that is none is shown as it was typed.
		f = c.Refused(f, someone().With("traits.age", "ten"))
		require.Equal(t, "ten", f.Value("traits.age"))
		// A checkbox that was not ticked is off again.
		f = c.Refused(f, someone().With("traits.email", "nobody").With("traits.newsletter", false))
		require.Contains(t, []any{false, nil}, f.Value("traits.newsletter"))
	}
}

// The order of nodes does not depend on anything but the schema.
func TestOrderIsStable(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	want := []string{"csrf_token", "traits.email", "password", "traits.name.first", "traits.name.last", "traits.age", "traits.newsletter", "traits.plan", "traits.tags", "method"}
	f := c.Open("")
	require.Equal(t, want, nodes(f))
	for range 20 {
		f = c.Refused(f, someone().With("traits.email", "nobody").With("traits.unknown", "x"))
		require.Equal(t, want, nodes(f))
	}
}
