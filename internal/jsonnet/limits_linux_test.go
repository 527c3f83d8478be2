package jsonnet_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

func TestAChildHasGivenUpEverything(t *testing.T) {
	t.Setenv("SECRET", "of the server")
	p := newPool(t, &jsonnet.Pool{Size: 1})
	_, err := evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
	of := fmt.Sprintf("/proc/%d/", children(t, os.Getpid())[0])

	environment, err := os.ReadFile(of + "environ")
	require.NoError(t, err)
	require.Empty(t, environment)
	folder, err := os.Readlink(of + "cwd")
	require.NoError(t, err)
	require.Equal(t, "/", folder)
	files, err := os.ReadDir(of + "fd")
	require.NoError(t, err)
	for _, file := range files {
		to, _ := os.Readlink(of + "fd/" + file.Name())
		require.Regexp(t, `^(pipe|anon_inode):|^/sys/fs/cgroup/.*cpu`, to, "nothing of the server's, and nothing but what the runtime opens")
	}
	limits, err := os.ReadFile(of + "limits")
	require.NoError(t, err)
	for _, limit := range []string{"Max open files", "Max file size", "Max core file size"} {
		require.Regexp(t, limit+` +0 +0 `, string(limits))
	}
	require.NotRegexp(t, `Max data size +unlimited`, string(limits))
	require.NotRegexp(t, `Max cpu time +unlimited`, string(limits))
	score, err := os.ReadFile(of + "oom_score_adj")
	require.NoError(t, err)
	require.Equal(t, "1000", strings.TrimSpace(string(score)))
}

func TestChildrenDieWithTheServer(t *testing.T) {
	parent, all := startParent(t)
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	for _, pid := range all {
		gone(t, pid)
	}
}

// Whoever has the processor although the server does not look is stopped by the kernel.
func TestProcessorTimeIsCounted(t *testing.T) {
	p := newPool(t, &jsonnet.Pool{Size: 1, Timeout: time.Hour, CPU: time.Second})
	_, err := evaluate(t, p, jsonnet.Program{Name: "x", Source: endless})
	require.ErrorIs(t, err, jsonnet.ErrTimeout)
	got, err := evaluate(t, p, jsonnet.Program{Source: "1"})
	require.NoError(t, err)
	require.Equal(t, "1", got)
}
