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
