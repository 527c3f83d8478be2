package jsonnet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

func TestNeighboursOfACrashAreNotAffected(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 2})
	var callers sync.WaitGroup
	for n := range 64 {
		callers.Go(func() {
			if n%16 == 7 {
				_, err := p.Evaluate(t.Context(), jsonnet.Program{Source: recursion})
				require.ErrorIs(t, err, jsonnet.ErrDepth)
				return
			}
			got, err := p.Evaluate(t.Context(), jsonnet.Program{Source: "function(n) n * n", Args: map[string]any{"n": n}})
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(n*n), string(got))
		})
	}
	callers.Wait()
	require.LessOrEqual(t, len(children(t, os.Getpid())), 2)
}

func TestChildrenAreStartedWhenNeededAndKept(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 2, Evaluations: 3})
	require.Empty(t, children(t, os.Getpid()))
	var seen []int
	for range 6 {
		_, err := evaluate(t, p, jsonnet.Program{Source: "1"})
		require.NoError(t, err)
		now := children(t, os.Getpid())
		require.LessOrEqual(t, len(now), 1, "one caller needs one child")
		seen = append(seen, append(now, 0)[0])
	}
	require.Equal(t, seen[0], seen[1])
	require.Zero(t, seen[2], "replaced after three")
	require.Equal(t, seen[3], seen[4])
	require.NotEqual(t, seen[0], seen[3])
}

func TestAChildThatDiedIdleIsReplaced(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 1})
	_, err := evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
	pid := children(t, os.Getpid())[0]
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	gone(t, pid)
	_, err = evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 1, Timeout: time.Hour, CPU: time.Hour})
	busy, release := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := p.Evaluate(busy, jsonnet.Program{Name: "busy", Source: endless})
		ended <- err
	}()
	require.Eventually(t, func() bool { return len(children(t, os.Getpid())) == 1 }, 10*time.Second, time.Millisecond)
	pid := children(t, os.Getpid())[0]
	impatient, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := p.Evaluate(impatient, jsonnet.Program{Name: "x", Source: "1"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, jsonnet.ErrTimeout)
	select {
	case err := <-ended:
		require.Fail(t, "whoever waits does not disturb whoever works", "%v", err)
	default:
	}
	enough := errors.New("enough")
	release(enough)
	require.ErrorIs(t, <-ended, enough)
	gone(t, pid)
	_, err = p.Evaluate(busy, jsonnet.Program{Name: "x", Source: "1"})
	require.ErrorIs(t, err, enough)
	got, err := evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
	require.Equal(t, "1", got)
}

func TestCloseLeavesNoProcess(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 2, Timeout: time.Hour, CPU: time.Hour})
	ended := make(chan error, 8)
	for range cap(ended) {
		go func() {
			_, err := p.Evaluate(context.Background(), jsonnet.Program{Name: "x", Source: endless})
			ended <- err
		}()
	}
	require.Eventually(t, func() bool { return len(children(t, os.Getpid())) == 2 }, 10*time.Second, time.Millisecond)
	p.Close()
	require.Empty(t, children(t, os.Getpid()), "neither running nor zombies")
	for range cap(ended) {
		require.ErrorIs(t, <-ended, jsonnet.ErrClosed)
	}
	_, err := p.Evaluate(t.Context(), jsonnet.Program{Source: "1"})
	require.ErrorIs(t, err, jsonnet.ErrClosed)
	require.ErrorIs(t, p.Check(t.Context(), "x", "1"), jsonnet.ErrClosed)
	p.Close()
	(&jsonnet.Pool{}).Close()
	require.Empty(t, children(t, os.Getpid()))
}

func BenchmarkWarm(b *testing.B) {
	p := newPool(b, &jsonnet.Pool{Size: 1})
	benchmark(b, p)
}

func BenchmarkCold(b *testing.B) {
	p := newPool(b, &jsonnet.Pool{Size: 1, Evaluations: 1})
	benchmark(b, p)
}

func benchmark(b *testing.B, p *jsonnet.Pool) {
	program := jsonnet.Program{
		Source: `function(ctx) {to: ctx.recipient, id: ctx.template_type, code: ctx.template_data.code, subject: ctx.subject}`,
		Args: map[string]any{"ctx": map[string]any{"recipient": "bob@example.com", "template_type": "verification_code_valid",
			"subject": "Hello", "template_data": map[string]any{"code": "123456", "identity": map[string]any{"traits": map[string]any{"email": "bob@example.com"}}}}},
	}
	_, err := evaluate(b, p, program)
	require.NoError(b, err)
	for b.Loop() {
		if _, err := p.Evaluate(b.Context(), program); err != nil {
			b.Fatal(err)
		}
	}
}
