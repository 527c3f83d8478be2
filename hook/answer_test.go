package hook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

func TestAnswerWithEverything(t *testing.T) {
	a, err := hook.ParseAnswer([]byte(`{
		"later": {"x": [1]},
		"messages": [
			{"instance_ptr": "#/traits/email", "messages": [
				{"id": 1234, "text": "No <b>mail</b> from there.", "type": "error", "context": {"domain": "example.org", "n": 9007199254740993}, "more": 1},
				{"text": "Ask us.", "type": "warning"}
			]},
			{"instance_ptr": "#/", "messages": [{"id": -1, "text": "Not today.", "type": "error", "context": null}]},
			{"messages": []}, {"instance_ptr": null, "messages": null}
		],
		"identity": {
			"id": "ignored",
			"traits": {"email": "ada@example.org", "big": 9007199254740993, "score": 1.50},
			"metadata_public": {"tier": 1e2}, "metadata_admin": null,
			"state": "inactive", "external_id": "crm-1", "schema_id": "staff",
			"verifiable_addresses": [{"value": "ada@example.org", "via": "email", "verified": true, "status": "completed"}, {"value": "+4915112345678", "via": "sms"}],
			"recovery_addresses": []
		}
	}`))
	require.NoError(t, err)
	crm := "crm-1"
	require.Equal(t, hook.Answer{
		Messages: []hook.NodeMessage{
			{Node: "traits.email", Message: ui.Message{ID: 1234, Text: "No <b>mail</b> from there.", Type: "error", Context: map[string]any{"domain": "example.org", "n": json.Number("9007199254740993")}}},
			{Node: "traits.email", Message: ui.Message{Text: "Ask us.", Type: "info"}},
			{Message: ui.Message{ID: -1, Text: "Not today.", Type: "error"}},
		},
		Identity: &selfservice.Changes{
			SchemaID: "staff", State: identity.StateInactive, ExternalID: &crm,
			Traits:         map[string]any{"email": "ada@example.org", "big": json.Number("9007199254740993"), "score": json.Number("1.50")},
			MetadataPublic: json.RawMessage(`{"tier":1e2}`), MetadataAdmin: json.RawMessage(`null`),
			Proved: []identity.Address{{Value: "ada@example.org", Via: "email"}},
		},
	}, a)
}

// What is not in an answer changes nothing.
func TestAnswersWithNothing(t *testing.T) {
	for _, raw := range []string{`{}`, ` {"messages": [], "identity": null} `, `{"messages": null}`, `{"Identity": {"traits": {}}, "MESSAGES": 1}`} {
		a, err := hook.ParseAnswer([]byte(raw))
		require.NoError(t, err, raw)
		require.Empty(t, a.Messages, raw)
		require.Nil(t, a.Identity, raw)
	}
	for _, raw := range []string{`{}`, `{"traits": null, "state": null, "external_id": null, "verifiable_addresses": null}`} {
		a, err := hook.ParseAnswer([]byte(`{"identity": ` + raw + `}`))
		require.NoError(t, err, raw)
		require.Equal(t, &selfservice.Changes{}, a.Identity, raw)
	}
	a, err := hook.ParseAnswer([]byte(`{"identity": {"external_id": "", "traits": {}}}`))
	require.NoError(t, err)
	require.Empty(t, *a.Identity.ExternalID)
	require.NotNil(t, a.Identity.Traits)
}

func TestPointersNameNodes(t *testing.T) {
	for pointer, want := range map[string]string{
		"": "", "#": "", "#/": "", "#/password": "password", "#/method": "method", "#/traits/email": "traits.email", "#/traits/name/first": "traits.name.first",
		"#/traits/a~1b": "traits.a/b", "#/traits/a~0b": "traits.a~b", "#/traits/a~01": "traits.a~1", "#/traits/first%20name": "traits.first name", "#/traits/é": "traits.é", "#/traits/list/0": "traits.list.0",
	} {
		raw, err := json.Marshal(pointer)
		require.NoError(t, err)
		a, err := hook.ParseAnswer([]byte(`{"messages": [{"instance_ptr": ` + string(raw) + `, "messages": [{"text": "x"}]}]}`))
		require.NoError(t, err, pointer)
		require.Equal(t, want, a.Messages[0].Node, pointer)
	}
	for _, pointer := range []string{"/traits/email", "traits.email", "#traits", "#//", "#/traits/", "#/traits//email", "#/a~2", "#/a~", "#/a~~0", "#/%zz", "#/%00", "#/%ff", "http://x/#/traits", "#/" + strings.Repeat("a", 511)} {
		raw, err := json.Marshal(pointer)
		require.NoError(t, err)
		_, err = hook.ParseAnswer([]byte(`{"messages": [{"instance_ptr": ` + string(raw) + `, "messages": [{"text": "x"}]}]}`))
		require.ErrorContains(t, err, "at #/messages/0/instance_ptr: ", pointer)
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	message := func(m string) string { return `{"messages": [{"messages": [` + m + `]}]}` }
	who := func(m string) string { return `{"identity": {` + m + `}}` }
	for raw, want := range map[string]string{
		``:                         "it ends too early",
		`<html>sesame</html>`:      "not valid JSON near byte",
		`{"messages": [`:           "it ends too early",
		`{} {}`:                    "not valid JSON near byte",
		`{}sesame`:                 "not valid JSON near byte",
		`{"a": 01}`:                "not valid JSON",
		`{"a": 1,}`:                "not valid JSON",
		"{\"a\": \"\xff\"}":        "not valid UTF-8",
		"\xef\xbb\xbf{}":           "not valid JSON near byte",
		`null`:                     "must be a JSON object",
		`"sesame"`:                 "must be a JSON object",
		`[]`:                       "must be a JSON object",
		`{"messages": "sesame"}`:   "at #/messages: it has to be a list",
		`{"messages": ["sesame"]}`: "at #/messages/0: it has to be an object",
		`{"messages": [null]}`:     "at #/messages/0: it has to be an object",
		`{"messages": [{}, {"instance_ptr": 1}]}`:                "at #/messages/1/instance_ptr: it has to be text",
		`{"messages": [{"messages": {}}]}`:                       "at #/messages/0/messages: it has to be a list",
		message(`{"id": "sesame"}`):                              "at #/messages/0/messages/0/id: it has to be a whole number",
		message(`{"id": 1.5}`):                                   "/id: it has to be a whole number",
		message(`{"id": 99999999999}`):                           "/id: it has to be a whole number",
		message(`{"text": 4000001}`):                             "at #/messages/0/messages/0/text: it has to be text",
		message(`{"text": "` + strings.Repeat("a", 2049) + `"}`): "at #/messages/0/messages/0/text: it has more than 2048 bytes",
		message(`{"type": {}}`):                                  "/type: it has to be text",
		message(`{"context": "sesame"}`):                         "/context: it has to be an object",
		message(strings.Repeat(`{},`, 64) + `{}`):                "at #/messages/0/messages: it has more than 64 entries",
		`{"messages": [{"messages": [` + strings.Repeat(`{},`, 63) + `{}]}, {"messages": [{}]}]}`: "at #/messages: there are more than 64 messages",
		`{"messages": [` + strings.Repeat(`{},`, 64) + `{}]}`:                                     "at #/messages: it has more than 64 entries",
		`{"identity": []}`:                                       "at #/identity: it has to be an object",
		`{"identity": "sesame"}`:                                 "at #/identity: it has to be an object",
		who(`"traits": ["sesame"]`):                              "at #/identity/traits: it has to be an object",
		who(`"state": "sesame"`):                                 "at #/identity/state: it has to be active or inactive",
		who(`"external_id": 5`):                                  "at #/identity/external_id: it has to be text",
		who(`"external_id": "` + strings.Repeat("a", 256) + `"`): "at #/identity/external_id: it has more than 255 bytes",
		who(`"schema_id": {}`):                                   "at #/identity/schema_id: it has to be text",
		who(`"verifiable_addresses": {}`):                        "at #/identity/verifiable_addresses: it has to be a list",
		who(`"verifiable_addresses": [{"value": "a@b.c", "via": "pigeon"}]`):                    "at #/identity/verifiable_addresses/0/via: it has to be email or sms",
		who(`"verifiable_addresses": [{"value": "a@b.c", "via": "email", "verified": "true"}]`): "/0/verified: it has to be true or false",
		who(`"traits": {"a/b": {"a~b": "x\u0000"}}`):                                            "NUL character",
		who(`"traits": {"\u0000": 1}`):                                                          "NUL character",
		who(`"traits": {"n": 1e999}`):                                                           "identity.traits.n",
		who(`"traits": {"n": {"a": 1, "a": 2}}`):                                                "is given twice",
		who(`"traits": {"n": {"a": 1, "\u0061": 2}}`):                                           "is given twice",
		`{"messages": [], "messages": []}`:                                                      "is given twice",
		`{"other": {"x": 1, "x": 1}}`:                                                           "is given twice",
		`{"a": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`:                      "nested deeper than 32 levels",
		`{"a": ` + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000) + `}`:              "nested deeper than 32 levels",
		`{"a": [` + strings.Repeat("1,", 3000) + `1]}`:                                          "more than 2048 values",
		`{"` + strings.Repeat("n", 5000) + `": {"x": 1, "x": 2}}`:                               "is given twice",
	} {
		a, err := hook.ParseAnswer([]byte(raw))
		require.ErrorContains(t, err, want, "%.100s", raw)
		require.Equal(t, hook.Answer{}, a, "%.100s", raw)
		require.NotContains(t, err.Error(), "sesame", "%.100s", raw)
		require.Less(t, len(err.Error()), 400, "%.100s", raw)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"messages": [{"instance_ptr": "#/traits/a~1b", "messages": [{"id": 1, "text": "x", "type": "error", "context": {"a": [1]}}]}]}`))
	f.Add([]byte(`{"identity": {"traits": {"a": 1.0}, "metadata_public": null, "metadata_admin": {}, "state": "active", "external_id": "x", "schema_id": "x", "verifiable_addresses": [{"value": "a@b.c", "via": "email", "verified": true}], "recovery_addresses": []}}`))
	f.Add([]byte(`{"a": "\ud800", "a": {"b": [[[]]]}} x`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := hook.ParseAnswer(raw)
		if err != nil {
			if fmt.Sprint(a) != fmt.Sprint(hook.Answer{}) || !utf8.ValidString(err.Error()) || len(err.Error()) > 1200 {
				t.Fatalf("%v beside %q", a, err)
			}
			return
		}
		if !json.Valid(raw) || len(a.Messages) > 64 {
			t.Fatal("accepted")
		}
		for _, m := range a.Messages {
			if !utf8.ValidString(m.Node) || strings.IndexByte(m.Node+m.Text, 0) >= 0 || m.Type != "error" && m.Type != "info" {
				t.Fatalf("%+v", m)
			}
		}
		if _, err := json.Marshal(a); err != nil {
			t.Fatal(err)
		}
	})
}
