package jsonnet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
)

// startTimeout is how long a child may take from its start until it is ready.
const startTimeout = 10 * time.Second

// Pool evaluates programs in child processes. Its fields are set before the
// first use and not changed afterwards; zero values mean the defaults. It is
// safe for use by many callers at once, and is closed when it is not needed any
// more.
type Pool struct {
	// Command starts a child: a path and arguments by which a program runs
	// Child. A path such as /proc/self/exe keeps to this very program when its
	// file is replaced under a running server. Required.
	Command []string
	// Size is how many children there are at most; min(2, cores) by default.
	// They are started when needed, and stay.
	Size int
	// Timeout is for one evaluation, counted from when a child that is ready
	// gets it; one second by default.
	Timeout time.Duration
	// CPU is the processor time of one evaluation, kept by the kernel where that
	// can (Linux), in whole seconds and up to one second more. It matters where
	// the server itself stands still. Timeout plus a second by default.
	CPU time.Duration
	// Memory is what a child may hold, in bytes; 256 MiB by default.
	Memory int64
	// MaxInput bounds a program with its arguments as JSON, and MaxOutput a
	// result, in bytes; 1 MiB each by default.
	MaxInput, MaxOutput int
	// Evaluations is how many a child does before it is replaced; 1000 by default.
	Evaluations int

	once, closing sync.Once
	slots         chan struct{} // holds one for each caller that has a child
	closed        chan struct{}
	hello         []byte // the frame that tells a child its limits

	mu   sync.Mutex
	all  map[*process]bool
	idle []*process // the one used last is last, and used first
}

// Program is what Evaluate evaluates.
type Program struct {
	// Name stands in errors, where a file's name would; it may be a path or URL.
	Name string
	// Source is Jsonnet.
	Source string
	// Args are the top-level arguments, by name, of a Source that is a function,
	// and are ignored where it is not. Vars are what std.extVar knows. Values
	// are whatever encoding/json can marshal; numbers become float64.
	Args, Vars map[string]any
	// Object means that a result that is no object is an *Error.
	Object bool
}

// Evaluate returns a program's result as compact JSON. It waits for a child as
// long as ctx allows, and ends the evaluation when ctx ends.
//
// A fault of the program is an *Error. Other errors wrap one of this package's
// sentinels, or context.Cause(ctx). None contains a value of Args or Vars.
func (p *Pool) Evaluate(ctx context.Context, program Program) (json.RawMessage, error) {
	r := request{Name: program.Name, Source: program.Source, Object: program.Object}
	var err error
	if r.Args, err = marshal(program.Args); err == nil {
		r.Vars, err = marshal(program.Vars)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program.Name, err)
	}
	a, err := p.run(ctx, r)
	return a.Result, err
}

// Check parses a program, in a child as well, without evaluating it. Errors are
// those of Evaluate; names that are not defined and imports are faults too.
func (p *Pool) Check(ctx context.Context, name, source string) error {
	_, err := p.run(ctx, request{Name: name, Source: source, Check: true})
	return err
}

// Close ends all children and waits until they are gone. Evaluations under way
// and later ones fail with ErrClosed. It may be called more than once.
func (p *Pool) Close() {
	p.once.Do(p.open)
	p.closing.Do(func() {
		close(p.closed)
		p.mu.Lock()
		for c := range p.all {
			c.kill()
		}
		p.mu.Unlock()
		for range cap(p.slots) { // whoever has a child returns it, and nobody takes one again
			p.slots <- struct{}{}
		}
		for _, c := range p.idle {
			p.discard(c)
		}
		p.idle = nil
	})
}

func (p *Pool) open() {
	p.slots = make(chan struct{}, cmp.Or(p.Size, min(2, runtime.NumCPU())))
	p.closed = make(chan struct{})
	p.all = map[*process]bool{}
	cpu := cmp.Or(p.CPU, p.timeout()+time.Second)
	p.hello, _ = encode(limits{ // four numbers always marshal
		Memory: cmp.Or(p.Memory, 256<<20),
		CPU:    int64((cpu + time.Second - 1) / time.Second),
		Input:  p.maxInput(),
		Output: p.maxOutput(),
	})
}

func (p *Pool) timeout() time.Duration { return cmp.Or(p.Timeout, time.Second) }
func (p *Pool) maxInput() int          { return cmp.Or(p.MaxInput, 1<<20) }
func (p *Pool) maxOutput() int         { return cmp.Or(p.MaxOutput, 1<<20) }

// run has a child answer a request.
func (p *Pool) run(ctx context.Context, r request) (answer, error) {
	frame, err := encode(r)
	if err != nil { // of json.RawMessage that is none; its text may hold values
		return answer{}, fmt.Errorf("%s: an argument is not JSON", r.Name)
	}
	if n := len(frame) - header; n > p.maxInput() {
		return answer{}, fmt.Errorf("%s: %w: program and arguments have %d bytes, at most %d are allowed", r.Name, ErrTooLarge, n, p.maxInput())
	}
	a, err := p.try(ctx, frame)
	switch {
	case err != nil:
	case a.Fault != nil:
		a.Fault.Name = r.Name
		return answer{}, a.Fault
	case a.Stop == stopTime:
		err = ErrTimeout
	case a.Stop == stopMemory:
		err = ErrMemory
	case a.Stop == stopLarge:
		err = fmt.Errorf("%w: the result has more than %d bytes", ErrTooLarge, p.maxOutput())
	case a.Stop != "":
		err = ErrCrashed
	case !r.Check && a.Result == nil:
		err = fmt.Errorf("%w (no answer)", ErrCrashed)
	default:
		return a, nil
	}
	return answer{}, fmt.Errorf("%s: %w", r.Name, err)
}

// try has a child answer a frame. Children die idle as well, of the machine's
// lack of memory for one. Evaluations change nothing, so what meets such a child
// has a second try, with a new one.
func (p *Pool) try(ctx context.Context, frame []byte) (answer, error) {
	c, err := p.take(ctx)
	if err != nil {
		return answer{}, err
	}
	a, err := p.ask(ctx, c, frame, p.timeout())
	if c.served > 0 && errors.Is(err, ErrCrashed) {
		p.discard(c)
		if c, err = p.start(ctx); err != nil {
			<-p.slots
			return answer{}, err
		}
		a, err = p.ask(ctx, c, frame, p.timeout())
	}
	c.served++
	p.put(c)
	return a, err
}

// ask is process.ask within the pool's life.
func (p *Pool) ask(ctx context.Context, c *process, frame []byte, timeout time.Duration) (answer, error) {
	a, err := c.ask(ctx, frame, p.maxOutput()+answerRoom, timeout)
	if err != nil && ctx.Err() == nil && p.isClosed() {
		err = ErrClosed
	}
	if a.Stop != "" && a.Stop != stopLarge {
		c.kill()
	}
	return a, err
}

// take waits for a turn and returns a child that is ready: the one used last, or
// a new one. The caller gives it back by put.
func (p *Pool) take(ctx context.Context) (*process, error) {
	p.once.Do(p.open)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case <-p.closed:
		return nil, ErrClosed
	default:
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-p.closed:
		return nil, ErrClosed
	}
	if c := p.warm(); c != nil {
		return c, nil
	}
	c, err := p.start(ctx)
	if err != nil {
		<-p.slots
	}
	return c, err
}

// warm returns the child that was used last and still lives, nil if there is none.
func (p *Pool) warm() *process {
	for {
		p.mu.Lock()
		last := len(p.idle) - 1
		if last < 0 {
			p.mu.Unlock()
			return nil
		}
		c := p.idle[last]
		p.idle = p.idle[:last]
		p.mu.Unlock()
		if !c.gone() {
			return c
		}
		p.discard(c)
	}
}

// start returns a new child that is ready.
func (p *Pool) start(ctx context.Context) (*process, error) {
	c, err := launch(p.Command)
	if err != nil {
		return nil, fmt.Errorf("start a child: %w", err)
	}
	p.mu.Lock()
	p.all[c] = true
	p.mu.Unlock()
	if p.isClosed() { // Close has either seen it or is seen here
		c.kill()
	}
	if _, err := p.ask(ctx, c, p.hello, startTimeout); err != nil {
		p.discard(c)
		if errors.Is(err, ErrCrashed) { // it has seen no program yet, so what it says is safe to repeat
			first, _, _ := strings.Cut(c.said.String(), "\n")
			err = fmt.Errorf("%w: %s", err, first)
		}
		return nil, fmt.Errorf("start a child: %w", err)
	}
	return c, nil
}

// put gives back a child, to be used again or ended.
func (p *Pool) put(c *process) {
	if c.gone() || p.isClosed() || c.served >= cmp.Or(p.Evaluations, 1000) {
		p.discard(c)
	} else {
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	}
	<-p.slots
}

func (p *Pool) discard(c *process) {
	c.discard()
	p.mu.Lock()
	delete(p.all, c)
	p.mu.Unlock()
}

func (p *Pool) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// marshal encodes each value. Its error names the value, and does not quote it.
func marshal(values map[string]any) (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage, len(values))
	for name, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("argument %s cannot be JSON (%T)", name, value)
		}
		all[name] = raw
	}
	return all, nil
}
