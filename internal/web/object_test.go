package web_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func taken(t *testing.T, body string) web.Object {
	t.Helper()
	b, err := web.ParseJSON([]byte(body))
	require.NoError(t, err)
	return web.TakeApart(b.Fields, "identities", "3")
}

func TestObjectIsTakenApart(t *testing.T) {
	o := taken(t, `{"text":"a","yes":true,"at":"2026-01-31T14:00:00.5+02:00","inner":{"deep":{}},"list":[{"n":1},{}],"raw":{"a<":[1.50]},"null":null}`)
	require.Equal(t, "a", o.Text("text"))
	require.True(t, o.Yes("yes"))
	require.Equal(t, time.Date(2026, 1, 31, 12, 0, 0, 5e8, time.UTC), o.Time("at"))
	require.NotNil(t, o.Object("inner").Object("deep").Fields)
	require.Len(t, o.Objects("list"), 2)
	require.Equal(t, json.RawMessage(`{"a<":[1.50]}`), o.Raw("raw"))
	for _, none := range []string{"null", "nothing"} {
		require.False(t, o.Has(none))
		require.Zero(t, o.Text(none))
		require.False(t, o.Yes(none))
		require.True(t, o.Time(none).IsZero())
		require.Nil(t, o.Object(none).Fields)
		require.Nil(t, o.Object(none).Object("deeper").Fields)
		require.Nil(t, o.Objects(none))
		require.Nil(t, o.Raw(none))
		o.Empty(none)
	}
	o.Only("text", "yes", "at", "inner", "list", "raw", "null", "more")
	require.NoError(t, o.Err())
}

// Whatever is wrong is told by what and where, the first thing alone, once.
func TestObjectRefuses(t *testing.T) {
	const body = `{"text":1,"yes":"true","at":"yesterday","old":"1969-01-01T00:00:00Z","inner":[],"list":{},"odd":[{},7],"a/b~":1}`
	for pointer, read := range map[string]func(o web.Object){
		"/text":   func(o web.Object) { o.Text("text") },
		"/yes":    func(o web.Object) { o.Yes("yes") },
		"/at":     func(o web.Object) { o.Time("at") },
		"/old":    func(o web.Object) { o.Time("old") },
		"/inner":  func(o web.Object) { o.Object("inner") },
		"/list":   func(o web.Object) { o.Objects("list") },
		"/odd/1":  func(o web.Object) { o.Objects("odd") },
		"/a~1b~0": func(o web.Object) { o.Text("a/b~") },
		"/at ":    func(o web.Object) { o.Only("text", "yes", "old", "inner", "list", "odd", "a/b~") },
		"/odd":    func(o web.Object) { o.Empty("odd") },
		"":        func(o web.Object) { o.Refuse("", fail.New(fail.BadRequest, "x", "x")) },
	} {
		o := taken(t, body)
		read(o)
		refused := fail.As(o.Err())
		require.NotNil(t, refused, pointer)
		require.Equal(t, fail.BadRequest, refused.Kind)
		require.Equal(t, "#/identities/3"+strings.TrimSpace(pointer), refused.Details["pointer"])
		first := *refused
		o.Object("text")
		o.Only()
		require.Equal(t, &first, fail.As(o.Err()), "the first stays")
	}
	o := taken(t, `{"`+strings.Repeat("x", 5000)+`":1}`)
	o.Only()
	require.Less(t, len(o.Err().Error()), 400)
}
