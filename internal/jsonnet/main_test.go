package jsonnet_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/jsonnet"
)

// TestMain lets the test's own program be the children, good and bad.
func TestMain(m *testing.M) {
	if len(os.Args) != 2 {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case "worker":
		if jsonnet.Child(os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
	case "mute": // it never gets ready
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "broken":
		fmt.Fprintln(os.Stderr, "no such command")
		os.Exit(1)
	case "babble": // ready, and then nonsense
		_, _ = os.Stdout.WriteString("\x00\x00\x00\x02{}")
		_, _ = os.Stdout.WriteString("\xff\xff\xff\xffxxxx")
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "parent": // a server with an idle child and a busy one
		p := &jsonnet.Pool{Command: command("worker"), Size: 2, Timeout: time.Hour, CPU: time.Hour}
		busy := make(chan struct{})
		go func() {
			close(busy)
			_, _ = p.Evaluate(context.Background(), jsonnet.Program{Source: endless})
		}()
		<-busy
		_, _ = p.Evaluate(context.Background(), jsonnet.Program{Source: "1"})
		fmt.Println("ready")
		select {}
	default:
		os.Exit(m.Run())
	}
}

const (
	// endless counts to 10^16.
	endless   = `local r = std.range(1, 10000), up(f) = function(n, _) std.foldl(f, r, n); up(up(up(function(n, _) n + 1)))(0, 0)`
	recursion = `local f(x) = f(x - 1) tailstrict; f(1)`
	// bomb doubles a string forty times.
	bomb = `local f(n) = if n == 0 then "xxxxxxxxxxxxxxxx" else local half = f(n - 1); half + half; std.length(std.asciiUpper(f(40)))`
)

func command(mode string) []string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return []string{self, mode}
}

// newPool returns p with the test's program as its children and time enough for
// a slow machine, and looks at its end that none of them is left.
func newPool(t testing.TB, p *jsonnet.Pool) *jsonnet.Pool {
	t.Helper()
	if p.Command == nil {
		p.Command = command("worker")
	}
	if p.Timeout == 0 {
		p.Timeout = 20 * time.Second
	}
	t.Cleanup(p.Close)
	return p
}

func evaluate(t testing.TB, p *jsonnet.Pool, program jsonnet.Program) (string, error) {
	t.Helper()
	raw, err := p.Evaluate(t.Context(), program)
	if err == nil {
		require.True(t, json.Valid(raw), "%s", raw)
	}
	return string(raw), err
}

// children lists the processes, dead ones too, whose parent is pid.
func children(t testing.TB, pid int) (all []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	if len(files) == 0 {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI promises /proc")
		t.Skip("no /proc to look for children in")
	}
	for _, file := range files {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		require.NoError(t, err)
		if _, parent := state(child); parent == strconv.Itoa(pid) {
			all = append(all, child)
		}
	}
	return all
}

// state returns the letter of a process' state and its parent; nothing for a process that is none.
func state(pid int) (letter, parent string) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", ""
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	return fields[0], fields[1]
}

// gone waits until a process has ended. Whether its parent knows is another matter.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { letter, _ := state(pid); return letter == "" || letter == "Z" || letter == "X" }, 10*time.Second, time.Millisecond)
}

// startParent starts a server with two children and returns it with them.
func startParent(t *testing.T) (*exec.Cmd, []int) {
	t.Helper()
	c := command("parent")
	parent := exec.Command(c[0], c[1:]...)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	t.Cleanup(func() { _ = parent.Process.Kill(); _ = parent.Wait() })
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	var all []int
	require.Eventually(t, func() bool { all = children(t, parent.Process.Pid); return len(all) == 2 }, 10*time.Second, time.Millisecond)
	return parent, all
}
