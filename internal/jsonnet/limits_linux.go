package jsonnet

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dataRoom is what the kernel's memory limit lies above the child's own: the Go
// heap grows in steps of 64 MiB, and threads have stacks. The child's own limit
// is the exact one; the kernel's stops an allocation that is too large at once.
const dataRoom = 128 << 20

// attributes let a child die with the server, whatever the server dies of, and
// keep it out of the server's process group, so that a terminal's Ctrl-C does
// not reach it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// confine gives up what an evaluation must not have: more memory, core dumps,
// and with the number of open files every new file and socket. The channel
// receives once the CPU time of allowCPU is used up.
func confine(l limits) (<-chan os.Signal, error) {
	// Should the machine run out of memory, this is the process to end. A kernel
	// that does not let it has its own opinion, which is no reason to fail.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	if err := closeInherited(); err != nil {
		return nil, err
	}
	data, err := dataSize()
	if err != nil {
		return nil, err
	}
	spent := make(chan os.Signal, 1)
	signal.Notify(spent, syscall.SIGXCPU)
	for resource, bound := range map[int]uint64{
		syscall.RLIMIT_DATA:   data + uint64(l.Memory) + dataRoom,
		syscall.RLIMIT_CORE:   0,
		syscall.RLIMIT_FSIZE:  0,
		syscall.RLIMIT_NOFILE: 0,
	} {
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: bound, Max: bound}); err != nil {
			return nil, fmt.Errorf("limit resource %d: %w", resource, err)
		}
	}
	return spent, nil
}

// closeInherited closes what the server was started with and could not keep from
// its children: sockets of a service manager, locks of a shell.
func closeInherited() error {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, file := range files {
		fd, err := strconv.Atoi(file.Name())
		if err != nil || fd <= int(os.Stderr.Fd()) {
			continue
		}
		// The runtime polls with anonymous inodes and reads its cgroup's share of
		// the processor. What cannot be read was the folder itself.
		to, err := os.Readlink("/proc/self/fd/" + file.Name())
		if err == nil && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/sys/fs/cgroup/") {
			_ = syscall.Close(fd)
		}
	}
	return nil
}

// dataSize is the process' private writable memory as the kernel counts it for RLIMIT_DATA.
func dataSize() (uint64, error) {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(raw)
	if len(fields) < 6 {
		return 0, fmt.Errorf("/proc/self/statm has %d fields", len(fields))
	}
	pages, err := strconv.ParseUint(string(fields[5]), 10, 64)
	return pages * uint64(os.Getpagesize()), err
}

// allowCPU lets the process use the given seconds of CPU time from now on.
func allowCPU(seconds int64) error {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	var bound syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CPU, &bound); err != nil {
		return err
	}
	bound.Cur = min(bound.Max, uint64((used.Utime.Nano()+used.Stime.Nano())/int64(time.Second)+1+seconds))
	return syscall.Setrlimit(syscall.RLIMIT_CPU, &bound)
}
