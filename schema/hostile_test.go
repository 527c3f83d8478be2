package schema_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// many repeats a piece n times, %d being its number, with commas between.
func many(n int, piece string) string {
	var out strings.Builder
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(strings.ReplaceAll(piece, "%d", fmt.Sprint(i)))
	}
	return out.String()
}

func nest(n int, open, inner, close string) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(close, n)
}

func withDefinitions(x, definitions string) string {
	return `{"definitions":{` + definitions + `},"properties":{"traits":{"type":"object","properties":{"x":` + x + `}}}}`
}

func draft4(body string) string {
	return `{"$schema":"http://json-schema.org/draft-04/schema#",` + body + `}`
}

// use is a trait with an "ory.sh/kratos".
func use(extension string) string {
	return property(`{"type":"string","ory.sh/kratos":` + extension + `}`)
}

// hostile schemas, by the reason they are refused for. Those under "" are
// harmless: they load, and validating against them is harmless, too.
func hostile(secret string) map[string]map[string]string {
	ref := func(to string) string { return fmt.Sprintf(`{"$ref":%q}`, to) }
	d := "#/definitions/"
	chain := many(90, `"c%d":{"$ref":"#/definitions/c%d_"}`)
	for i := range 90 {
		chain = strings.Replace(chain, fmt.Sprintf("c%d_", i), fmt.Sprintf("c%d", i+1), 1)
	}
	doubling := ""
	for i := range 40 {
		doubling += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/definitions/d%d"},{"$ref":"#/definitions/d%d"}]},`, i, i+1, i+1)
	}
	return map[string]map[string]string{
		"$ref cycle": {
			"self":             withDefinitions(ref(d+"a"), `"a":`+ref(d+"a")),
			"two":              withDefinitions(ref(d+"a"), `"a":`+ref(d+"b")+`,"b":`+ref(d+"a")),
			"three":            withDefinitions(ref(d+"a"), `"a":`+ref(d+"b")+`,"b":`+ref(d+"c")+`,"c":`+ref(d+"a")),
			"unused":           withDefinitions(`{}`, `"a":`+ref(d+"a")),
			"root":             property(ref("#")),
			"root empty":       property(ref("")),
			"root slash":       property(ref("#/")),
			"properties":       withDefinitions(ref(d+"a"), `"a":{"properties":{"b":`+ref(d+"a")+`}}`),
			"items":            withDefinitions(ref(d+"a"), `"a":{"items":`+ref(d+"a")+`}`),
			"tuple":            withDefinitions(ref(d+"a"), `"a":{"items":[{},`+ref(d+"a")+`]}`),
			"allOf":            withDefinitions(ref(d+"a"), `"a":{"allOf":[`+ref(d+"a")+`]}`),
			"anyOf":            withDefinitions(ref(d+"a"), `"a":{"anyOf":[`+ref(d+"a")+`]}`),
			"oneOf":            withDefinitions(ref(d+"a"), `"a":{"oneOf":[`+ref(d+"a")+`]}`),
			"not":              withDefinitions(ref(d+"a"), `"a":{"not":`+ref(d+"a")+`}`),
			"if":               withDefinitions(ref(d+"a"), `"a":{"if":`+ref(d+"a")+`,"then":{}}`),
			"else":             withDefinitions(ref(d+"a"), `"a":{"if":{},"else":`+ref(d+"a")+`}`),
			"contains":         withDefinitions(ref(d+"a"), `"a":{"contains":`+ref(d+"a")+`}`),
			"names":            withDefinitions(ref(d+"a"), `"a":{"propertyNames":`+ref(d+"a")+`}`),
			"additional":       withDefinitions(ref(d+"a"), `"a":{"additionalProperties":`+ref(d+"a")+`}`),
			"additional items": withDefinitions(ref(d+"a"), `"a":{"items":[{}],"additionalItems":`+ref(d+"a")+`}`),
			"pattern":          withDefinitions(ref(d+"a"), `"a":{"patternProperties":{"x":`+ref(d+"a")+`}}`),
			"dependency":       withDefinitions(ref(d+"a"), `"a":{"dependencies":{"x":`+ref(d+"a")+`}}`),
			"two spellings":    withDefinitions(ref(d+"a"), `"a":{"allOf":[`+ref("#/definitions/%61")+`]}`),
			"ancestor":         property(ref("#/properties/traits")),
			"unknown place":    `{"$defs":{"a":{"allOf":[` + ref("#/$defs/a") + `]}},"properties":{"traits":{"type":"object","properties":{"x":` + ref("#/$defs/a") + `}}}}`,
			"draft 4":          draft4(`"definitions":{"a":` + ref(d+"a") + `},"properties":{"traits":{"type":"object","properties":{"x":` + ref(d+"a") + `}}}`),
		},
		"points outside of the document": {
			"file":      property(ref("file://" + secret)),
			"path":      property(ref(secret)),
			"relative":  property(ref("other.json")),
			"http":      property(ref("http://127.0.0.1:1/x")),
			"https":     property(ref("https://example.org/x#/a")),
			"base64":    property(ref("base64://e30=")),
			"meta":      property(ref("http://json-schema.org/draft-07/schema#")),
			"anchor":    property(ref("#anchor")),
			"unused":    withDefinitions(`{}`, `"a":`+ref("file:///etc/passwd")),
			"with id":   `{"$id":"file:///etc/","properties":{"traits":{"type":"object","properties":{"x":` + ref("passwd") + `}}}}`,
			"query":     property(ref("?x#/properties/traits")),
			"authority": property(ref("//example.org/x")),
		},
		"is not in the document": {
			"missing":   property(ref(d + "a")),
			"too far":   withDefinitions(ref(d+"a/5"), `"a":[]`),
			"no number": withDefinitions(ref(d+"a/x"), `"a":[]`),
			"scalar":    withDefinitions(ref(d+"a/b"), `"a":5`),
		},
		"where a schema is expected": {
			"ref to string": withDefinitions(ref(d+"a"), `"a":"x"`),
			"ref to array":  withDefinitions(ref(d+"a"), `"a":[{}]`),
			"items":         property(`{"items":5}`),
			"property":      property(`null`),
			"allOf":         property(`{"allOf":[[]]}`),
			"definition":    withDefinitions(`{}`, `"a":1`),
		},
		"not a string": {
			"ref number":  property(`{"$ref":5}`),
			"ref draft 4": draft4(`"properties":{"traits":{"type":"object","properties":{"x":{"$ref":{}}}}}`),
		},
		"once every $ref is written out": {
			"doubling":     withDefinitions(ref(d+"d0"), doubling+`"d40":{}`),
			"refs":         withDefinitions(`{"allOf":[`+many(9000, ref(d+"a"))+`]}`, `"a":{}`),
			"unused refs":  withDefinitions(`{}`, `"b":{"allOf":[`+many(9000, ref(d+"a"))+`]},"a":{}`),
			"enum":         property(`{"enum":[` + many(5000, `%d`) + `]}`),
			"required":     traitsOf(`"properties":{"x":{}},"required":[` + many(5000, `"p%d"`) + `]`),
			"dependency":   traitsOf(`"properties":{"x":{}},"dependencies":{"x":[` + many(5000, `"p%d"`) + `]}`),
			"enum behind":  withDefinitions(`{"allOf":[`+many(99, `{"$ref":"#/definitions/a/allOf/%d"}`)+`]}`, `"a":{"allOf":[`+many(99, `{"enum":[`+many(150, `1`)+`,%d]}`)+`]}`),
			"numbers":      property(`{"enum":[` + many(1400, `%d.5`) + `]}`),
			"enum draft 4": draft4(`"properties":{"traits":{"type":"object","properties":{"x":{"enum":[` + many(3000, `%d.5`) + `]}}}}`),
		},
		"more than 1000 properties": {
			"1001":   traitsOf(`"properties":{` + many(1001, `"p%d":{}`) + `}`),
			"10000":  traitsOf(`"properties":{` + many(10_000, `"p%d":{}`) + `}`),
			"spread": withDefinitions(`{"properties":{`+many(600, `"p%d":{}`)+`}}`, `"a":{"properties":{`+many(600, `"p%d":{}`)+`}}`),
		},
		"holds more than 50000 values": {
			"properties": traitsOf(`"properties":{` + many(60_000, `"p%d":{}`) + `}`),
			"numbers":    property(`{"default":[` + many(300_000, `0`) + `]}`),
			"enum":       property(`{"enum":[` + many(100_000, `%d`) + `]}`),
		},
		"is larger than 1048576 bytes": {
			"10 MB":           property(`{"title":"` + strings.Repeat("a", 10<<20) + `"}`),
			"100k properties": traitsOf(`"properties":{` + many(100_000, `"p%d":{}`) + `}`),
		},
		"nested deeper than 64 levels": {
			"properties": property(nest(100, `{"properties":{"a":`, `{}`, `}}`)),
			"arrays":     property(`{"default":` + nest(9000, `[`, ``, `]`) + `}`),
			"not":        property(nest(70, `{"not":`, `{}`, `}`)),
		},
		"is not valid JSON": {
			"empty": "", "words": "root:x:0:0", "cut": person[:200], "two": `{} {}`, "comma": `{"a":1,}`, "single quotes": `{'a':1}`, "comment": `{/**/}`,
			"very deep": strings.Repeat("[", 500_000), "nan": `{"a":NaN}`, "html": "<!doctype html>", "bom": "\ufeff{}",
		},
		"is not valid UTF-8":   {"latin": "{\"a\":\"\xff\"}"},
		"stands there twice":   {"twice": property(`{"type":"string","type":"number"}`), "escaped": property(`{"type":"string","\u0074ype":"number"}`)},
		"is not a JSON object": {"array": `[]`, "string": `"x"`, "true": `true`, "null": `null`},
		"none of the known drafts": {
			"2020": `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`, "number": `{"$schema":7}`, "file": `{"$schema":"file:///etc/passwd"}`,
		},
		"too many digits": {
			"long":     property(`{"minimum":1` + strings.Repeat("0", 300_000) + `}`),
			"exponent": property(`{"multipleOf":1e999999999}`),
			"tiny":     property(`{"minimum":1e-99999999999999999999}`),
		},
		"pattern": {
			"long":        property(`{"pattern":"` + strings.Repeat("a", 1001) + `"}`),
			"heavy":       property(`{"pattern":"` + strings.Repeat("(a{1,1000}b)", 30) + `"}`),
			"heavy all":   traitsOf(`"properties":{` + many(100, `"p%d":{"pattern":"`+strings.Repeat(`\\pL{9}`, 100)+`%d"}`) + `}`),
			"heavy names": traitsOf(`"properties":{"x":{}},"patternProperties":{"` + strings.Repeat("(a{1,1000}b)", 30) + `":{}}`),
		},
		"no regular expression": {
			"lookahead":      property(`{"pattern":"(?=a)"}`),
			"backreference":  property(`{"pattern":"(a)\\1"}`),
			"open":           property(`{"pattern":"("}`),
			"repeat":         property(`{"pattern":"((a{100}){100}){100}"}`),
			"nested":         property(`{"pattern":"` + strings.Repeat("(", 1000) + `"}`),
			"property names": traitsOf(`"properties":{"x":{}},"patternProperties":{"(":{}}`),
			"unused":         withDefinitions(`{}`, `"a":{"pattern":"["}`),
		},
		`has no property "traits"`:        {"nothing": `{}`, "other": `{"properties":{"other":{}}}`, "no object": `{"properties":[]}`},
		`must have the type "object"`:     {"none": `{"properties":{"traits":{"properties":{"x":{}}}}}`, "string": `{"properties":{"traits":{"type":"string"}}}`, "list": `{"properties":{"traits":{"type":["object"],"properties":{"x":{}}}}}`, "true": `{"properties":{"traits":true}}`},
		"must have at least one property": {"none": `{"properties":{"traits":{"type":"object"}}}`, "empty": traitsOf(`"properties":{}`)},
		"not an object":                   {"string": use(`"x"`), "null": use(`null`), "array": use(`[]`), "inner": use(`{"credentials":true}`), "deeper": use(`{"credentials":{"password":[]}}`)},
		"is not known here":               {"top": use(`{"passwords":{}}`), "inner": use(`{"credentials":{"pasword":{"identifier":true}}}`), "leaf": use(`{"credentials":{"password":{"identifer":true}}}`), "code": use(`{"credentials":{"code":{"display_name":true}}}`)},
		"not a boolean":                   {"string": use(`{"credentials":{"password":{"identifier":"true"}}}`), "number": use(`{"credentials":{"totp":{"account_name":1}}}`)},
		"is not one of":                   {"fax": use(`{"recovery":{"via":"fax"}}`), "null": use(`{"verification":{"via":null}}`), "matcher": use(`{"organizations":{"matcher":"x"}}`)},
		"has no effect here":              {"object": property(`{"type":"object","properties":{"a":{}},"ory.sh/kratos":{"recovery":{"via":"email"}}}`), "list of objects": property(`{"type":"array","items":{"type":"object","properties":{"a":{"type":"string","ory.sh/kratos":{"recovery":{"via":"email"}}}}}}`), "root": `{"ory.sh/kratos":{"recovery":{"via":"email"}},"properties":{"traits":{"type":"object","properties":{"x":{}}}}}`},
		"keywords have no effect":         {"beside": withDefinitions(`{"$ref":"#/definitions/a","ory.sh/kratos":{"recovery":{"via":"email"}}}`, `"a":{}`)},
		"belongs on a string, not":        {"number": property(`{"type":"number","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}`)},
		"another value than":              {"via": property(`{"anyOf":[{"type":"string","ory.sh/kratos":{"recovery":{"via":"email"}}},{"type":"string","ory.sh/kratos":{"recovery":{"via":"sms"}}}]}`)},
		"so its format has to be": {
			"sms without": use(`{"verification":{"via":"sms"}}`), "sms email": property(`{"type":"string","format":"email","ory.sh/kratos":{"verification":{"via":"sms"}}}`),
			"email tel": property(`{"type":"string","format":"tel","ory.sh/kratos":{"verification":{"via":"email"}}}`), "email date": property(`{"type":"string","format":"date","ory.sh/kratos":{"verification":{"via":"email"}}}`),
		},
		"cannot be named in a form": {"dot": traitsOf(`"properties":{"a.b":{"type":"string"}}`), "empty": traitsOf(`"properties":{"":{"type":"string"}}`)},
		"expected": {
			"type": property(`{"type":5}`), "required": property(`{"required":"x"}`), "minLength": property(`{"minLength":"x"}`), "minLength 1.5": property(`{"minLength":1.5}`), "title": property(`{"title":1}`),
			"format": property(`{"format":[]}`), "enum": property(`{"enum":{}}`), "unique": property(`{"uniqueItems":1}`), "id": property(`{"$id":[]}`), "allOf": property(`{"allOf":{}}`),
			"properties": property(`{"properties":[]}`), "additional draft 4": draft4(`"properties":{"traits":{"type":"object","properties":{"x":{"items":true}}}}`),
		},
		"x/multipleOf: must be greater than zero": {"zero": property(`{"multipleOf":0e5}`), "negative": property(`{"multipleOf":-1}`), "draft 4": draft4(`"properties":{"traits":{"type":"object","properties":{"x":{"multipleOf":0}}}}`)},
		"minimum 1 item": {"allOf": property(`{"allOf":[]}`)},
		"": {
			"chain":                 withDefinitions(ref(d+"c0"), chain+`,"c90":{}`),
			"strange ids":           `{"$id":"file:///etc/passwd","definitions":{"a":{"$id":"http://127.0.0.1/","type":"string"}},"properties":{"traits":{"type":"object","properties":{"x":` + ref(d+"a") + `}}}}`,
			"a property named $ref": property(`{"type":"object","properties":{"$ref":{"type":"string"},"$id":{"type":"string"}}}`),
			"refs that are data":    property(`{"default":{"$ref":"file:///etc/passwd"},"const":{"$ref":"#"},"examples":[{"$ref":"#"}],"enum":[{"$ref":"#"}]}`),
			"many patterns":         traitsOf(`"properties":{` + many(900, `"p%d":{"pattern":"x%d"}`) + `}`),
			"many refs":             withDefinitions(`{"allOf":[`+many(1500, ref(d+"a"))+`]}`, `"a":{"type":"string"}`),
			"many lists":            withDefinitions(`{"allOf":[`+many(40, `{"enum":[`+many(200, `"%d"`)+`]}`)+`]}`, `"a":{}`),
			"long numbers":          property(`{"enum":[` + many(700, `%d.5`) + `]}`),
			"long list":             property(`{"enum":[` + many(1400, `"%d"`) + `]}`),
			"999 properties":        traitsOf(`"properties":{` + many(999, `"p%d":{}`) + `}`),
			"unknown keywords":      property(`{"x-anything":{"$ref":5}}`),
			"our own keywords":      property(`{"foyer/multipleOf":0,"foyer/uniqueItems":"x"}`),
			"empty extension":       use(`{}`),
			"long title":            property(`{"title":"` + strings.Repeat("a", 500_000) + `"}`),
			"unique numbers":        property(`{"type":"array","uniqueItems":true,"enum":[[1],[2.5]]}`),
			"contradiction":         traitsOf(`"properties":{"x":{"type":"string","minLength":9,"maxLength":1}},"required":["y"],"additionalProperties":false`),
			"regex bomb":            property(`{"pattern":"^(a+)+$|^(a|aa)+$|(a*)*b|(x+x+)+y"}`),
			"wide":                  property(`{"anyOf":[` + many(300, `{"anyOf":[{"minLength":3},{"type":"array","items":{"const":%d}}]}`) + `]}`),
			"media":                 property(`{"contentEncoding":"base64","contentMediaType":"application/json"}`),
		},
	}
}

// cpu is the time this process has computed, which a busy machine does not
// stretch as it does the time of day.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &use))
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// Loading ends within a second and 64 MiB, whatever it reads, and reads nothing
// that a schema points to.
func TestHostileSchemas(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.json")
	require.NoError(t, os.WriteFile(secret, []byte(`{"type":"string"}`), 0o600))
	corpus := hostile(secret)
	total := 0
	for _, reason := range slices.Sorted(maps.Keys(corpus)) {
		for _, name := range slices.Sorted(maps.Keys(corpus[reason])) {
			total++
			t.Run(reason+"/"+name, func(t *testing.T) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := cpu(t)
				s, err := load(corpus[reason][name])
				took := cpu(t) - start
				runtime.ReadMemStats(&after)
				require.Less(t, took, time.Second)
				// Above the 10 MB source itself, its base64 form and the harness.
				require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
				if reason == "" {
					require.NoError(t, err)
					start := cpu(t)
					for _, traits := range hostileTraits {
						s.Validate(decode(t, traits))
						s.Coerce(decode(t, traits))
					}
					require.Less(t, cpu(t)-start, 3*time.Second)
					return
				}
				require.ErrorContains(t, err, reason)
				require.Contains(t, err.Error(), `identity schema "s" (base64://…`)
				require.Contains(t, err.Error(), " #")
				require.Less(t, len(err.Error()), 20_000)
			})
		}
	}
	require.Greater(t, total, 100)
}

var hostileTraits = []string{
	`{}`, `{"x":null}`, `{"x":"` + strings.Repeat("a", 60_000) + `"}`, `{"x":"` + strings.Repeat("x", 60_000) + `"}`,
	`{"x":[` + many(15_000, `%d`) + `]}`, `{"x":[` + many(2400, `%d`) + `]}`, `{"x":[` + many(900, `{"a":%d,"b":{}}`) + `]}`,
	`{"x":` + nest(1000, `[`, ``, `]`) + `}`, `{"x":` + nest(1000, `{"x":`, `1`, `}`) + `}`,
	`{"x":1` + strings.Repeat("0", 60_000) + `}`, `{"x":1e999999999}`, `{"x":-1e-999999999999999999999}`,
	`{` + many(4000, `"p%d":1`) + `}`,
}

// Values that would crash the compiler's code, or keep it busy, do neither.
func TestHostileTraits(t *testing.T) {
	for _, doc := range []string{
		person,
		traitsOf(`"properties":{"x":{"type":"array","uniqueItems":true,"items":{"type":"object","properties":{"a":{"type":"number","multipleOf":0.001}}}}},"additionalProperties":{"pattern":"^(a+)+$"}`),
		property(`{"anyOf":[{"enum":[1,2.5,"a"]},{"const":{"a":1}},{"type":"integer","multipleOf":3}]}`),
	} {
		s := mustLoad(t, doc)
		for _, traits := range hostileTraits {
			v := decode(t, traits)
			start := cpu(t)
			found := s.Validate(v)
			require.Less(t, cpu(t)-start, 300*time.Millisecond)
			require.LessOrEqual(t, len(found), 200)
		}
		for _, v := range []any{1.5, 1, []string{"a"}, struct{}{}, map[string]string{}} {
			found := s.Validate(map[string]any{"a": "b", "x": []any{v}})
			require.Len(t, found, 1)
			require.Equal(t, "bounds", found[0].Keyword)
		}
	}
}
