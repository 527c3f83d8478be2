package schema_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/schema"
)

// load compiles one document.
func load(raw string) (*schema.Schema, error) {
	l := &schema.Loader{AllowRef: true}
	set, err := l.Load(context.Background(), "s", []schema.Source{
		{ID: "s", URL: "base64://" + base64.StdEncoding.EncodeToString([]byte(raw))},
	})
	if err != nil {
		return nil, err
	}
	return set.Default(), nil
}

func mustLoad(t testing.TB, raw string) *schema.Schema {
	t.Helper()
	s, err := load(raw)
	require.NoError(t, err)
	return s
}

// traitsOf wraps the members of a traits schema into a document.
func traitsOf(members string) string {
	return `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"traits":{"type":"object",` + members + `}}}`
}

// property is a document with the single trait x.
func property(body string) string { return traitsOf(`"properties":{"x":` + body + `}`) }

// decode reads traits as the program does, with json.Number.
func decode(t testing.TB, raw string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var v map[string]any
	require.NoError(t, d.Decode(&v))
	return v
}

const person = `{
  "$id": "https://example.org/person.schema.json",
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "Person",
  "type": "object",
  "properties": {
    "traits": {
      "type": "object",
      "properties": {
        "email": {
          "type": "string", "format": "email", "title": "E-Mail", "minLength": 3, "maxLength": 320,
          "ory.sh/kratos": {
            "credentials": {"password": {"identifier": true}, "code": {"identifier": true, "via": "email"}, "webauthn": {"identifier": true}, "totp": {"account_name": true}, "passkey": {"display_name": true}},
            "verification": {"via": "email"}, "recovery": {"via": "email"}, "organizations": {"matcher": "email_domain"}
          }
        },
        "name": {
          "type": "object",
          "properties": {"first": {"type": "string", "title": "First name"}, "last": {"type": "string", "title": "Last name"}},
          "required": ["first"]
        },
        "age": {"type": "integer", "minimum": 18, "maximum": 120},
        "newsletter": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 10}, "maxItems": 3, "uniqueItems": true}
      },
      "required": ["email"],
      "additionalProperties": false
    }
  }
}`
