package schema_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/schema"
)

type details = map[string]any

func generic(path, keyword, reason string) schema.Violation {
	return schema.Violation{Path: path, Keyword: keyword, Context: details{"reason": reason}}
}

// Every keyword, what breaks it, and all that is reported then.
func TestKeywords(t *testing.T) {
	n := func(s string) json.Number { return json.Number(s) }
	x := func(keyword string, c details) []schema.Violation {
		return []schema.Violation{{Path: "traits.x", Keyword: keyword, Context: c}}
	}
	for _, c := range []struct {
		name, schema, traits string
		want                 []schema.Violation
	}{
		{"required", traitsOf(`"properties":{"x":{"type":"string"}},"required":["x"]`), `{}`, x("required", details{"property": "x"})},
		{"required object", traitsOf(`"properties":{"x":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["b"]}},"required":["x"]`), `{}`,
			[]schema.Violation{{Path: "traits.x.b", Keyword: "required", Context: details{"property": "b"}}}},
		{"required object without fields", traitsOf(`"properties":{"x":{"type":"object"}},"required":["x"]`), `{}`, x("required", details{"property": "x"})},
		{"minLength", property(`{"type":"string","minLength":3}`), `{"x":"äö"}`, x("minLength", details{"min_length": 3, "actual_length": 2})},
		{"maxLength", property(`{"type":"string","maxLength":3}`), `{"x":"äöüß"}`, x("maxLength", details{"max_length": 3, "actual_length": 4})},
		{"pattern", property(`{"type":"string","pattern":"^a/~%$"}`), `{"x":"b"}`, x("pattern", details{"pattern": "^a/~%$"})},
		{"minimum", property(`{"type":"number","minimum":1.5}`), `{"x":1}`, x("minimum", details{"minimum": n("1.5"), "actual": n("1")})},
		{"exclusiveMinimum", property(`{"type":"number","exclusiveMinimum":1}`), `{"x":1}`, x("exclusiveMinimum", details{"minimum": 1, "actual": n("1")})},
		{"maximum", property(`{"type":"number","maximum":1}`), `{"x":1e3}`, x("maximum", details{"maximum": 1, "actual": n("1e3")})},
		{"exclusiveMaximum", property(`{"type":"number","exclusiveMaximum":1}`), `{"x":1}`, x("exclusiveMaximum", details{"maximum": 1, "actual": n("1")})},
		{"multipleOf", property(`{"type":"number","multipleOf":0.01}`), `{"x":1.005}`, x("multipleOf", details{"base": n("0.01"), "actual": n("1.005")})},
		{"multipleOf met", property(`{"type":"number","multipleOf":0.01}`), `{"x":19.99}`, nil},
		{"maxItems", property(`{"type":"array","items":{"type":"string"},"maxItems":1}`), `{"x":["a","b"]}`, x("maxItems", details{"max_items": 1, "actual_items": 2})},
		{"minItems", property(`{"type":"array","items":{"type":"string"},"minItems":1}`), `{"x":[]}`, x("minItems", details{"min_items": 1, "actual_items": 0})},
		{"uniqueItems", property(`{"type":"array","uniqueItems":true}`), `{"x":["b",{"a":1,"b":[2]},3,{"b":[2.0],"a":1}]}`, x("uniqueItems", details{"index_a": 1, "index_b": 3})},
		{"uniqueItems met", property(`{"type":"array","uniqueItems":true}`), `{"x":["1",1,true,"true",null,"null",[1],[[1]],{"a":1},{"a":"1"}]}`, nil},
		{"type", property(`{"type":"integer"}`), `{"x":"1"}`, x("type", details{"allowed_types": []string{"integer"}, "actual_type": "string"})},
		{"types", property(`{"type":["integer","null"]}`), `{"x":[]}`, x("type", details{"allowed_types": []string{"integer", "null"}, "actual_type": "array"})},
		{"type of an item", property(`{"type":"array","items":{"type":"string"}}`), `{"x":["a",null,null]}`, x("type", details{"allowed_types": []string{"string"}, "actual_type": "null"})},
		{"const", property(`{"const":true}`), `{"x":false}`, x("const", details{"expected": true})},
		{"const null", property(`{"const":null}`), `{"x":false}`, x("const", details{"expected": nil})},
		{"const object", property(`{"const":{"a":1}}`), `{"x":false}`, x("const", details{})},
		{"enum", property(`{"enum":["a",1]}`), `{"x":"b"}`, []schema.Violation{generic("traits.x", "enum", "is none of the allowed values: a, 1")}},
		{"email", property(`{"type":"string","format":"email"}`), `{"x":"a@"}`, x("format:email", details{"value": "a@"})},
		{"email_loose", property(`{"type":"string","format":"email_loose"}`), `{"x":"a"}`, x("format:email", details{"value": "a"})},
		{"tel", property(`{"type":"string","format":"tel"}`), `{"x":"12"}`, x("format:tel", details{"value": "12"})},
		{"other format", property(`{"type":"string","format":"date"}`), `{"x":"12"}`, []schema.Violation{generic("traits.x", "format", `is no valid value of the format "date"`)}},
		{"unknown format", property(`{"type":"string","format":"shoe-size"}`), `{"x":"12"}`, nil},
		{"format of no string", property(`{"format":"ipv4"}`), `{"x":12}`, nil},
		{"empty email", property(`{"type":"string","format":"email","minLength":3}`), `{"x":""}`, []schema.Violation{
			{Path: "traits.x", Keyword: "format:email", Context: details{"value": ""}},
			{Path: "traits.x", Keyword: "minLength", Context: details{"min_length": 3, "actual_length": 0}}}},
		{"verified without format", property(`{"type":"string","ory.sh/kratos":{"verification":{"via":"email"}}}`), `{"x":"nobody"}`, x("format:email", details{"value": "nobody"})},
		{"additionalProperties", traitsOf(`"properties":{"x":{}},"patternProperties":{"^y":{}},"additionalProperties":false`), `{"x":1,"y1":1,"b":1,"a":1}`, []schema.Violation{
			{Path: "traits", Keyword: "additionalProperties", Context: details{"property": "a", "reason": `the property "a" is not allowed`}},
			{Path: "traits", Keyword: "additionalProperties", Context: details{"property": "b", "reason": `the property "b" is not allowed`}}}},
		{"additionalProperties schema", traitsOf(`"properties":{"x":{}},"additionalProperties":{"type":"string"}`), `{"a":1}`, []schema.Violation{
			{Path: "traits.a", Keyword: "type", Context: details{"allowed_types": []string{"string"}, "actual_type": "number"}}}},
		{"dependencies list", traitsOf(`"properties":{"x":{},"y":{}},"dependencies":{"y":["x"]}`), `{"y":1}`, x("required", details{"property": "x"})},
		{"dependencies schema", traitsOf(`"properties":{"x":{},"y":{}},"dependencies":{"y":{"required":["x"]}}`), `{"y":1}`, x("required", details{"property": "x"})},
		{"propertyNames", traitsOf(`"properties":{"x":{}},"propertyNames":{"maxLength":2}`), `{"long":1}`, []schema.Violation{
			{Path: "traits", Keyword: "propertyNames", Context: details{"property": "long", "reason": `the property name "long" is not allowed`}}}},
		{"minProperties", traitsOf(`"properties":{"x":{}},"minProperties":1`), `{}`, []schema.Violation{generic("traits", "minProperties", "has fewer than 1 properties")}},
		{"maxProperties", traitsOf(`"properties":{"x":{}},"maxProperties":1`), `{"x":1,"y":2}`, []schema.Violation{generic("traits", "maxProperties", "has more than 1 properties")}},
		{"contains", property(`{"contains":{"const":1}}`), `{"x":[2,3]}`, []schema.Violation{generic("traits.x", "contains", "lacks an item that is asked for")}},
		{"contains of nothing", property(`{"contains":{"const":1}}`), `{"x":[]}`, []schema.Violation{generic("traits.x", "contains", "lacks an item that is asked for")}},
		{"additionalItems", property(`{"items":[{}],"additionalItems":false}`), `{"x":[1,2]}`, []schema.Violation{generic("traits.x", "additionalItems", "has more items than are allowed")}},
		{"not", property(`{"not":{"const":1}}`), `{"x":1}`, []schema.Violation{generic("traits.x", "not", "is a value that is not allowed")}},
		{"false", property(`false`), `{"x":1}`, []schema.Violation{generic("traits.x", "false", "is not allowed here")}},
		{"contentEncoding", property(`{"contentEncoding":"base64"}`), `{"x":"%"}`, []schema.Violation{generic("traits.x", "contentEncoding", "is not encoded as base64")}},
		{"anyOf", property(`{"anyOf":[{"format":"email"},{"format":"tel"}]}`), `{"x":"a"}`, []schema.Violation{
			generic("traits.x", "anyOf", "fits none of the alternatives: is no valid e-mail address; is no valid phone number")}},
		{"anyOf with null", property(`{"anyOf":[{"type":"null"},{"type":"string","format":"email"}]}`), `{"x":"a"}`, x("format:email", details{"value": "a"})},
		{"anyOf required", traitsOf(`"properties":{"x":{},"y":{}},"anyOf":[{"required":["x"]},{"required":["y"]}]`), `{}`, []schema.Violation{
			generic("traits", "anyOf", "fits none of the alternatives: x is missing; y is missing")}},
		{"oneOf", property(`{"oneOf":[{"minLength":2},{"maxLength":5}]}`), `{"x":"abc"}`, []schema.Violation{generic("traits.x", "oneOf", "fits more than one of the alternatives")}},
		{"if then", traitsOf(`"properties":{"x":{"type":"string"},"k":{}},"if":{"properties":{"k":{"const":1}}},"then":{"properties":{"x":{"minLength":2}}},"else":{"properties":{"x":{"maxLength":0}}}`), `{"k":1,"x":"a"}`,
			x("minLength", details{"min_length": 2, "actual_length": 1})},
		{"allOf behind $ref", `{"definitions":{"d%/":{"allOf":[{"minLength":2}]}},"properties":{"traits":{"type":"object","properties":{"x":{"$ref":"#/definitions/d%25~1"}}}}}`, `{"x":"a"}`,
			x("minLength", details{"min_length": 2, "actual_length": 1})},
		{"draft-04 exclusive", `{"$schema":"http://json-schema.org/draft-04/schema#","properties":{"traits":{"type":"object","properties":{"x":{"maximum":3,"exclusiveMaximum":true}}}}}`, `{"x":3}`,
			x("exclusiveMaximum", details{"maximum": 3, "actual": n("3")})},
		{"properties named like keywords", traitsOf(`"properties":{"anyOf":{"minLength":2,"maxLength":0},"dependencies":{"type":"object","properties":{"propertyNames":{"type":"string"}}}}`), `{"anyOf":"a","dependencies":{"propertyNames":1}}`, []schema.Violation{
			{Path: "traits.anyOf", Keyword: "maxLength", Context: details{"max_length": 0, "actual_length": 1}},
			{Path: "traits.anyOf", Keyword: "minLength", Context: details{"min_length": 2, "actual_length": 1}},
			{Path: "traits.dependencies.propertyNames", Keyword: "type", Context: details{"allowed_types": []string{"string"}, "actual_type": "number"}}}},
		{"strange names", traitsOf(`"properties":{"a/b~c %ä":{"type":"string"}}`), `{"a/b~c %ä":1}`, []schema.Violation{
			{Path: "traits.a/b~c %ä", Keyword: "type", Context: details{"allowed_types": []string{"string"}, "actual_type": "number"}}}},
		{"root", `{"properties":{"traits":{"type":"object","properties":{"x":{}}}},"required":["other"]}`, `{}`, []schema.Violation{{Path: "other", Keyword: "required", Context: details{"property": "other"}}}},
		{"root false", `{"properties":{"traits":{"type":"object","properties":{"x":{}}}},"not":{}}`, `{}`, []schema.Violation{generic("", "not", "is a value that is not allowed")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustLoad(t, c.schema)
			for range 5 {
				require.Equal(t, c.want, s.Validate(decode(t, c.traits)))
			}
		})
	}
}

func TestViolationsComeInTheOrderOfTheFields(t *testing.T) {
	s := mustLoad(t, traitsOf(`"properties":{"z":{"type":"string","minLength":2,"pattern":"^b"},"a":{"type":"string"},"m":{"type":"object","properties":{"y":{"type":"string"}},"required":["y"]}},"required":["a"],"additionalProperties":false`))
	for range 20 {
		var got []string
		for _, v := range s.Validate(decode(t, `{"z":"a","m":{},"u":1,"c":2}`)) {
			got = append(got, v.Path+" "+v.Keyword)
		}
		require.Equal(t, []string{
			"traits.z minLength", "traits.z pattern", "traits.a required", "traits.m.y required",
			"traits additionalProperties", "traits additionalProperties",
		}, got)
	}
}
