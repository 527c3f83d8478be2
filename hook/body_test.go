package hook_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

var _ hook.Evaluator = (*jsonnet.Pool)(nil)

// nobody fails the test when something is evaluated.
type nobody struct{ t *testing.T }

func (n nobody) Evaluate(context.Context, jsonnet.Program) (json.RawMessage, error) {
	n.t.Error("something is evaluated")
	return nil, nil
}

func TestNoBody(t *testing.T) {
	raw, cancelled, err := hook.Body{Name: "request.body"}.Make(t.Context(), nobody{t}, ada())
	require.NoError(t, err)
	require.False(t, cancelled)
	require.Nil(t, raw)
}

// A list of paths needs no Jsonnet and no child.
func TestBodiesByPaths(t *testing.T) {
	for name, one := range map[string]struct {
		paths []string
		want  string
	}{
		"one":              {[]string{"identity.traits.email"}, `{"identity":{"traits":{"email":"ada@example.org"}}}`},
		"several":          {[]string{"identity.traits.email", "request_method", "identity.id"}, `{"identity":{"id":"0198c0de","traits":{"email":"ada@example.org"}},"request_method":"POST"}`},
		"exact numbers":    {[]string{"identity.traits.big", "identity.traits.score"}, `{"identity":{"traits":{"big":9007199254740993,"score":1.5}}}`},
		"absent ones":      {[]string{"identity.traits.nick", "identity.traits.email.domain", "identity.traits.tags.0", "session.id", "request_method.x"}, `{}`},
		"null":             {[]string{"flow.transient_payload"}, `{"flow":{"transient_payload":null}}`},
		"within null":      {[]string{"flow.transient_payload.x"}, `{}`},
		"lists, whole":     {[]string{"identity.traits.orders", "request_headers.X-Country"}, `{"identity":{"traits":{"orders":[{"n":1},{"n":3}]}},"request_headers":{"X-Country":["GB","DE"]}}`},
		"a whole variable": {[]string{"flow"}, `{"flow":{"transient_payload":null,"type":"browser"}}`},
	} {
		paths, err := hook.ParsePaths(one.paths)
		require.NoError(t, err, name)
		raw, cancelled, err := hook.Body{Paths: paths}.Make(t.Context(), nobody{t}, ada())
		require.NoError(t, err, name)
		require.False(t, cancelled, name)
		require.Equal(t, one.want, string(raw), name)
	}
	paths, err := hook.ParsePaths([]string{"identity.x"})
	require.NoError(t, err)
	_, _, err = hook.Body{Paths: paths}.Make(t.Context(), nobody{t}, map[string]any{"identity": map[string]any{"secret": "hunter2", "x": math.NaN()}})
	require.EqualError(t, err, "ctx.identity cannot be JSON (map[string]interface {})")
}

func TestPathsThatAreRefused(t *testing.T) {
	for name, one := range map[string]struct {
		paths []string
		want  string
	}{
		"none":          {nil, "there are 0 paths"},
		"many":          {make([]string, 65), "there are 65 paths"},
		"empty":         {[]string{""}, `"" is no path`},
		"two dots":      {[]string{"flow.id", "identity..id"}, `"identity..id" is no path`},
		"a dot before":  {[]string{".identity"}, `".identity" is no path`},
		"a dot after":   {[]string{"identity."}, `"identity." is no path`},
		"a blank":       {[]string{"identity.traits. email"}, "is no path"},
		"an index":      {[]string{"identity.addresses[0]"}, "is no path"},
		"what is not":   {[]string{"idenity.id"}, `"idenity.id" begins with what ctx does not have`},
		"ctx itself":    {[]string{"ctx.identity.id"}, "begins with what ctx does not have"},
		"twice":         {[]string{"flow.id", "flow.id"}, `"flow.id" and "flow.id"`},
		"one within":    {[]string{"identity", "flow", "identity.id"}, `"identity" and "identity.id"`},
		"one around it": {[]string{"identity.id.x", "identity.id"}, `"identity.id.x" and "identity.id"`},
	} {
		got, err := hook.ParsePaths(one.paths)
		require.ErrorContains(t, err, one.want, name)
		require.Nil(t, got, name)
	}
	_, err := hook.ParsePaths([]string{"identity.id", "identity.ids"})
	require.NoError(t, err)
}

func TestBodiesByJsonnet(t *testing.T) {
	pool := newEvaluator(t)
	for name, one := range map[string]struct {
		source, want string
		cancelled    bool
		fault        string
	}{
		"a function":         {source: "function(ctx) {who: ctx.identity.traits.email, by: ctx.request_method}", want: `{"by":"POST","who":"ada@example.org"}`},
		"a value":            {source: "{a: 1}", want: `{"a":1}`},
		"no object":          {source: "function(ctx) null", want: `null`},
		"cancelled":          {source: "function(ctx)\n  if ctx.flow.type == 'browser' then error 'cancel' else {}", cancelled: true},
		"not cancelled":      {source: "function(ctx) if ctx.flow.type == 'api' then error 'cancel' else {}", want: `{}`},
		"another error":      {source: "function(ctx)\n  error 'cancelled'", fault: "request.body:2:3: cancelled"},
		"a missing field":    {source: "function(ctx) {\n a: ctx.idenity }", fault: "request.body:2:"},
		"no Jsonnet":         {source: "function(ctx) {", fault: "request.body:1:"},
		"another argument":   {source: "function(context) {}", fault: "request.body"},
		"a value in a fault": {source: "function(ctx) error ctx.identity.traits.email", fault: "request.body:1:15: "},
	} {
		raw, cancelled, err := hook.Body{Name: "request.body", Source: one.source, Paths: [][]string{{"flow"}}}.Make(t.Context(), pool, ada())
		require.Equal(t, one.cancelled, cancelled, name)
		if one.fault != "" {
			require.ErrorContains(t, err, one.fault, name)
			require.NotContains(t, err.Error(), "ada@", name)
			var fault *jsonnet.Error
			require.ErrorAs(t, err, &fault, name)
			require.Nil(t, raw, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, one.want, string(raw), name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, cancelled, err := hook.Body{Source: "{}"}.Make(ctx, pool, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, cancelled)
}
