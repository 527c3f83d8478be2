package jsonnet_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

func TestHostileProgramsEndAChildAndNothingElse(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 1})
	roomy := newPool(t, &jsonnet.Pool{Size: 1, Memory: 2 << 30})
	short := newPool(t, &jsonnet.Pool{Size: 1, Timeout: 200 * time.Millisecond})
	for name, c := range map[string]struct {
		pool   *jsonnet.Pool
		source string
		want   error
	}{
		"endless recursion":     {p, recursion, jsonnet.ErrDepth},
		"nested brackets":       {p, strings.Repeat("[", 100_000), jsonnet.ErrDepth},
		"nested operators":      {p, strings.Repeat("! ", 100_000) + "true", jsonnet.ErrDepth},
		"doubled strings":       {p, bomb, jsonnet.ErrMemory},
		"an enormous array":     {p, "std.length(std.makeArray(1e9, function(i) i))", jsonnet.ErrMemory},
		"an enormous string":    {p, "std.length(std.repeat('x', 2e9))", jsonnet.ErrMemory},
		"a large result":        {roomy, "local f(n) = if n == 0 then '0123456789' else local half = f(n - 1); half + half; f(20)", jsonnet.ErrTooLarge},
		"an endless loop":       {short, endless, jsonnet.ErrTimeout},
		"slow in the library":   {short, "std.length(std.sort(std.range(1, 100000000)))", nil},
		"slow while manifested": {short, "local x = std.repeat(['a'], 10000); std.repeat([x], 10000)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := evaluate(t, c.pool, jsonnet.Program{Name: "x", Source: c.source})
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			} else {
				require.True(t, errors.Is(err, jsonnet.ErrTimeout) || errors.Is(err, jsonnet.ErrMemory), "%v", err)
			}
			require.True(t, strings.HasPrefix(err.Error(), "x: "), "%v", err)
			got, err := evaluate(t, p, jsonnet.Program{Source: "1 + 1"})
			require.NoError(t, err)
			require.Equal(t, "2", got)
		})
	}
}

// What strangers send may nest as deeply as JSON may.
func TestDeeplyNestedValuesHarmNobody(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 1})
	_, err := evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
	pid := children(t, os.Getpid())
	for depth, ok := range map[int]bool{100: true, 5000: true, 9990: true, 9999: false} {
		deep := raw(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		got, err := evaluate(t, p, jsonnet.Program{Source: "function(ctx) std.length(ctx.deep)", Args: map[string]any{"ctx": map[string]any{"deep": deep}}})
		if ok {
			require.NoError(t, err, depth)
			require.Equal(t, map[bool]string{true: "0", false: "1"}[depth == 1], got)
		} else {
			require.Error(t, err, depth)
		}
		_, err = evaluate(t, p, jsonnet.Program{Source: "function(ctx) ctx", Args: map[string]any{"ctx": deep}})
		require.Equal(t, depth == 100, err == nil, "%d: %v", depth, err)
		require.NotErrorIs(t, err, jsonnet.ErrDepth)
	}
	require.Equal(t, pid, children(t, os.Getpid()))
}

type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// A service manager signals every process of the service; the server goes on
// with what it has begun.
func TestAChildOutlivesSignalsMeantForTheServer(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 1})
	_, err := evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
	pid := children(t, os.Getpid())[0]
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(pid, s))
	}
	_, err = evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
	require.Equal(t, []int{pid}, children(t, os.Getpid()))
}
