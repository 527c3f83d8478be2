package jsonnet_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

func TestAContextThatEndsAfterwardsEndsNoChild(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 1})
	_, err := evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
	pid := children(t, os.Getpid())
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := p.Evaluate(ctx, jsonnet.Program{Source: "1"})
		cancel()
		require.NoError(t, err)
	}
	require.Equal(t, pid, children(t, os.Getpid()))
}

func TestCommandsThatAreNoChildren(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := newPool(t, &jsonnet.Pool{Command: command("mute")}).Evaluate(ctx, jsonnet.Program{Source: "1"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = evaluate(t, newPool(t, &jsonnet.Pool{Command: command("broken")}), jsonnet.Program{Name: "x", Source: "1"})
	require.ErrorIs(t, err, jsonnet.ErrCrashed)
	require.EqualError(t, err, "x: start a child: the evaluating process ended unexpectedly (exit status 1): no such command")
	_, err = evaluate(t, newPool(t, &jsonnet.Pool{Command: command("babble")}), jsonnet.Program{Source: "1"})
	require.ErrorIs(t, err, jsonnet.ErrCrashed)
	_, err = evaluate(t, newPool(t, &jsonnet.Pool{Command: []string{"/nonexistent"}}), jsonnet.Program{Source: "1"})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Empty(t, children(t, os.Getpid()))
}
