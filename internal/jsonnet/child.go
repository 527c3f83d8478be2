package jsonnet

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
)

const (
	// maxStack bounds the stack of an evaluation, which the interpreter's own
	// limit of 500 frames does not.
	maxStack = 32 << 20
	// lookEvery is how often the memory of a running evaluation is looked at.
	lookEvery = 5 * time.Millisecond
	// tidyAbove is the memory in bytes that a waiting child gives back.
	tidyAbove = 48 << 20
)

var errGivenUp = errors.New("the evaluation was given up")

// Child is the other end of a Pool: it answers what it reads from in to out,
// which are the process' standard input and output, until in ends. It gives up
// files, network and most signals for the whole process, so it is all that a
// process made for it runs, and the process ends when it returns, with an error
// or without.
func Child(in io.Reader, out io.Writer) error {
	// The pool decides when a child ends: a signal for the whole group or unit
	// reaches the server as well, which still answers what it has begun.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	debug.SetTraceback("none")
	var l limits
	raw, err := readFrame(in, maxLimits)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	debug.SetMaxStack(int(min(maxStack, l.Memory/4)))
	debug.SetMemoryLimit(l.Memory * 3 / 4)
	time.Sleep(time.Nanosecond) // the runtime's first timer opens files, which confine forbids
	spent, err := confine(l)
	if err != nil {
		return err
	}
	w := &worker{limits: l, out: out, requests: make(chan []byte), spent: spent}
	go w.read(in)
	if err := w.say(answer{}); err != nil {
		return err
	}
	for raw := range w.requests {
		if err := w.serve(raw); err != nil {
			return err
		}
		if memory() > tidyAbove {
			debug.FreeOSMemory()
		}
	}
	return nil
}

// worker is a child at work.
type worker struct {
	limits
	out      io.Writer
	requests chan []byte      // closed when the parent is gone or talks nonsense
	spent    <-chan os.Signal // receives when the CPU time is used up; nil where nothing counts it
}

func (w *worker) read(in io.Reader) {
	defer close(w.requests)
	for {
		raw, err := readFrame(in, w.Input)
		if err != nil {
			return
		}
		w.requests <- raw
	}
}

// serve answers a request. After an error, the evaluation may still be running.
func (w *worker) serve(raw []byte) error {
	var r request
	if err := json.Unmarshal(raw, &r); err != nil { // well-formed, yet nested more deeply than can be read
		return w.say(answer{Fault: &Error{Reason: "the arguments nest too deeply"}})
	}
	if err := allowCPU(w.CPU); err != nil {
		return err
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	done := make(chan answer, 1)
	go func() { done <- evaluate(r, w.Output) }()
	for {
		select {
		case a := <-done:
			if err := w.say(a); err != nil || a.Stop != stopCrash {
				return err
			}
			return errGivenUp
		case <-w.requests:
			return io.ErrUnexpectedEOF
		case <-w.spent:
			return errors.Join(errGivenUp, w.say(answer{Stop: stopTime}))
		case <-look.C:
			if memory() > uint64(w.Memory) {
				return errors.Join(errGivenUp, w.say(answer{Stop: stopMemory}))
			}
		}
	}
}

func (w *worker) say(a answer) error {
	frame, err := encode(a)
	if err != nil {
		return err
	}
	_, err = w.out.Write(frame)
	return err
}

// memory is what the process holds, in bytes.
func memory() uint64 {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	return held[0].Value.Uint64() - held[1].Value.Uint64()
}
