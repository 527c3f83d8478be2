package jsonnet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// process is a child as its parent sees it. One call at a time uses it.
type process struct {
	command *exec.Cmd
	in, out *os.File // the parent's ends
	said    *beginning
	served  int // requests it has answered

	doomed atomic.Bool   // it has been told to end
	ended  chan struct{} // closed when it is gone and nothing of it is left
}

// launch starts a child. The caller ends it by discard.
func launch(command []string) (*process, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer theirOut.Close()
	c := &process{in: in, out: out, said: &beginning{}, ended: make(chan struct{})}
	c.command = exec.Command(command[0], command[1:]...)
	c.command.Env = []string{} // nil would be the server's
	c.command.Dir = "/"
	c.command.Stdin, c.command.Stdout, c.command.Stderr = theirIn, theirOut, c.said
	c.command.SysProcAttr = attributes()
	c.command.WaitDelay = time.Second
	started := make(chan error, 1)
	go c.accompany(started)
	if err := <-started; err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	return c, nil
}

// accompany starts the child and waits for it, on one thread: the kernel takes
// the end of the thread that started a child for the end of its parent.
func (c *process) accompany(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.command.Start()
	started <- err
	if err == nil {
		_ = c.command.Wait() // how it ended stands in ProcessState
		close(c.ended)
	}
}

// gone reports whether the child has ended or is about to.
func (c *process) gone() bool {
	select {
	case <-c.ended:
		return true
	default:
		return c.doomed.Load()
	}
}

func (c *process) kill() {
	c.doomed.Store(true)
	_ = c.command.Process.Kill() // it fails for a process that has ended, which is what was wanted
}

// discard ends the child and waits until it is gone.
func (c *process) discard() {
	c.kill()
	<-c.ended
	c.in.Close()
	c.out.Close()
}

// ask sends a frame and returns the answer, which has at most limit bytes. After
// an error the child is gone. The error is context.Cause(ctx) where ctx ended.
func (c *process) ask(ctx context.Context, frame []byte, limit int, timeout time.Duration) (answer, error) {
	l := &leash{child: c}
	timer := time.AfterFunc(timeout, func() { l.pull(true) })
	stop := context.AfterFunc(ctx, func() { l.pull(false) })
	a, err := c.exchange(frame, limit)
	timer.Stop()
	stop()
	late := l.drop()
	if err == nil {
		return a, nil
	}
	// A child that fails by itself is about to say why.
	select {
	case <-c.ended:
	case <-time.After(100 * time.Millisecond):
	}
	c.kill()
	<-c.ended
	switch {
	case late:
		return answer{}, ErrTimeout
	case ctx.Err() != nil:
		return answer{}, context.Cause(ctx)
	default:
		return answer{}, c.cause()
	}
}

func (c *process) exchange(frame []byte, limit int) (a answer, err error) {
	if _, err := c.in.Write(frame); err != nil {
		return answer{}, err
	}
	raw, err := readFrame(c.out, limit)
	if err != nil {
		return answer{}, err
	}
	return a, json.Unmarshal(raw, &a)
}

// leash ends a child, unless the call that holds it has dropped it: then the
// child may be another call's already.
type leash struct {
	child *process

	mu            sync.Mutex
	late, dropped bool
}

func (l *leash) pull(late bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dropped {
		l.late = l.late || late
		l.child.kill()
	}
}

// drop reports whether the leash was pulled for being late.
func (l *leash) drop() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped = true
	return l.late
}

// cause is why the child ended, as far as its last words tell. They are read,
// not repeated: a panic may quote values.
func (c *process) cause() error {
	said := c.said.String()
	has := func(phrases ...string) bool {
		for _, phrase := range phrases {
			if strings.Contains(said, phrase) {
				return true
			}
		}
		return false
	}
	switch {
	case has("goroutine stack exceeds"):
		return ErrDepth
	case has("out of memory", "cannot allocate", "failed to allocate", "cannot map pages", "failed to create new OS thread"):
		return ErrMemory
	default:
		return fmt.Errorf("%w (%s)", ErrCrashed, c.command.ProcessState)
	}
}

// beginning keeps the first 4 KiB of what is written to it.
type beginning struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

// Write keeps what there is room for and never fails.
func (b *beginning) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept.Write(p[:min(len(p), 4<<10-b.kept.Len())])
	return len(p), nil
}

func (b *beginning) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kept.String()
}
