package cmd_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
)

// sits makes a terminal standard input, at which somebody types, and returns who.
func sits(t *testing.T, text string) *os.File {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	control := func(request uintptr, value *int32) {
		_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(value)))
		require.Zero(t, failed)
	}
	var number, unlocked int32
	control(syscall.TIOCGPTN, &number)
	control(syscall.TIOCSPTLCK, &unlocked)
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	_, err = person.WriteString(text)
	require.NoError(t, err)
	before := os.Stdin
	os.Stdin = terminal
	t.Cleanup(func() {
		os.Stdin = before
		require.NoError(t, terminal.Close())
		require.NoError(t, person.Close())
	})
	return person
}

func TestIdentitiesDeleteAsks(t *testing.T) {
	_, ada, bob := registry(t)
	for _, answer := range []string{"n\n", "\n", "yess\n", "\x04"} {
		sits(t, answer)
		status, out, errOut := run("identities", "delete", ada, bob)
		require.Equal(t, 1, status, "%q", answer)
		require.Empty(t, out)
		require.Equal(t, "Delete for good, with credentials and sessions?\n  "+ada+"\n  "+bob+"\n[y/N] foyer: that was no yes; nothing was done\n", errOut)
		require.Len(t, people(t), 2)
	}
	sits(t, "Y\n")
	status, out, _ := run("identities", "delete", ada)
	require.Zero(t, status)
	require.Equal(t, "deleted "+ada+"\n", out)
	require.Len(t, people(t), 1)

	// Who does not answer can still leave.
	person, ended := sits(t, ""), make(chan int)
	asked, errOut := io.Pipe()
	go func() {
		ended <- cmd.Main([]string{"identities", "delete", bob}, io.Discard, errOut)
		_ = errOut.Close()
	}()
	lines := bufio.NewReader(asked)
	_, err := lines.ReadString('[')
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGINT))
	rest, err := lines.ReadString('d')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	require.Equal(t, 1, <-ended)
	require.Equal(t, "y/N] foyer: nothing was d", rest)
	_, err = person.WriteString("y\n")
	require.NoError(t, err)
	require.Len(t, people(t), 1)
}
