package hook_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
)

// What cannot be JSON, or cannot be read back, is named and never quoted.
func TestValuesOfCtxThatAreNoJSON(t *testing.T) {
	for name, v := range map[string]any{
		"a channel":    make(chan string),
		"no JSON":      json.RawMessage(`{"secret`),
		"nesting":      json.RawMessage(strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)),
		"a bad number": json.Number("secret"),
	} {
		_, _, err := hook.Body{Paths: [][]string{{"flow", "x"}}}.Make(t.Context(), nil, map[string]any{"flow": v})
		require.ErrorContains(t, err, "ctx.flow cannot be", name)
		require.NotContains(t, err.Error(), "secret", name)
	}
}
