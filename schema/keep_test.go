package schema_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a form shows and does not take stays as it is, whatever is sent for it.
func TestKeep(t *testing.T) {
	s := mustLoad(t, traitsOf(`"properties":{"email":{"type":"string"},
		"tier":{"type":"string","disableFormField":true},
		"name":{"type":"object","properties":{"first":{"type":"string"},"legal":{"type":"string","disableFormField":true}}}}`))
	for _, row := range []struct{ sent, present, kept string }{
		{`{}`, `{}`, `{}`},
		{`{"email":"new"}`, `{"email":"old"}`, `{"email":"new"}`},
		{`{"tier":"gold"}`, `{"tier":"free"}`, `{"tier":"free"}`},
		{`{"tier":"gold"}`, `{}`, `{}`},
		{`{}`, `{"tier":"free"}`, `{"tier":"free"}`},
		{`{"name":{"first":"Ada","legal":"Augusta"}}`, `{"name":{"first":"A","legal":"B"}}`, `{"name":{"first":"Ada","legal":"B"}}`},
		{`{"name":{"first":"Ada","legal":"Augusta"}}`, `{}`, `{"name":{"first":"Ada"}}`},
		{`{"email":"new"}`, `{"name":{"legal":"B"}}`, `{"email":"new","name":{"legal":"B"}}`},
		{`{"name":"text"}`, `{"name":{"legal":"B"}}`, `{"name":{"legal":"B"}}`},
		{`{"name":"text"}`, `{}`, `{"name":"text"}`},
	} {
		sent, present := decode(t, row.sent), decode(t, row.present)
		require.Equal(t, decode(t, row.kept), s.Keep(sent, present), row.sent)
		require.Equal(t, decode(t, row.sent), sent, "what was sent is not changed")
		require.Equal(t, decode(t, row.present), present)
	}
	require.Equal(t, map[string]any{"tier": "free"}, s.Keep(nil, decode(t, `{"tier":"free"}`)))
}

// What no form has a field for is not lost by a form that is saved, unless it
// was sent otherwise.
func TestKeepUndrawn(t *testing.T) {
	s := mustLoad(t, traitsOf(`"properties":{"email":{"type":"string"},
		"phones":{"type":"array","items":{"type":"object","properties":{"n":{"type":"string"}}}},
		"name":{"type":"object","properties":{"first":{"type":"string"},"titles":{"type":"array","items":{"type":"object"}}}}}`))
	for _, row := range []struct{ sent, present, kept string }{
		{`{"email":"new"}`, `{"email":"old","phones":[{"n":"1"}]}`, `{"email":"new","phones":[{"n":"1"}]}`},
		{`{"email":"new","phones":[]}`, `{"phones":[{"n":"1"}]}`, `{"email":"new","phones":[]}`},
		{`{}`, `{"email":"old","name":{"first":"Ada"}}`, `{}`},
		{`{}`, `{"name":{"first":"Ada","titles":[{}]}}`, `{"name":{"titles":[{}]}}`},
		{`{"name":{"first":"B"}}`, `{"name":{"first":"Ada","titles":[{}]}}`, `{"name":{"first":"B","titles":[{}]}}`},
		{`{"name":"text"}`, `{"name":{"titles":[{}]}}`, `{"name":"text"}`},
		{`{}`, `{"beyond":{"the":"schema"}}`, `{"beyond":{"the":"schema"}}`},
	} {
		sent, present := decode(t, row.sent), decode(t, row.present)
		require.Equal(t, decode(t, row.kept), s.Keep(sent, present), row.sent)
		require.Equal(t, decode(t, row.sent), sent, "what was sent is not changed")
		require.Equal(t, decode(t, row.present), present)
	}
}

// Names and addresses are kept alone; all else is as it is sent.
func TestKeepNames(t *testing.T) {
	s := mustLoad(t, traitsOf(`"properties":{"age":{"type":"integer"},"tier":{"type":"string","disableFormField":true},
		"login":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
		"at":{"type":"object","properties":{
			"mail":{"type":"string","format":"email","ory.sh/kratos":{"verification":{"via":"email"}}},
			"other":{"type":"string","format":"email","ory.sh/kratos":{"recovery":{"via":"email"}}}}}}`))
	sent := decode(t, `{"age":2,"tier":"gold","login":"b","at":{"mail":"b@example.org"}}`)
	present := decode(t, `{"age":1,"tier":"free","login":"a","at":{"mail":"a@example.org","other":"o@example.org"}}`)
	require.Equal(t, decode(t, `{"age":2,"tier":"gold","login":"a","at":{"mail":"a@example.org","other":"o@example.org"}}`), s.KeepNames(sent, present))
	names := s.KeepNames(nil, sent)
	require.Equal(t, decode(t, `{"login":"b","at":{"mail":"b@example.org"}}`), names)
	require.Equal(t, decode(t, `{"age":1,"tier":"free","login":"b","at":{"mail":"b@example.org"}}`), s.KeepNames(present, names), "what is held back comes whole, and what is not there any more goes")
	require.Equal(t, decode(t, `{"age":2,"tier":"gold","login":"b","at":{"mail":"b@example.org"}}`), sent)
}
