package hash

import (
	"container/list"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
)

// pool runs work a few at a time. Work waits in one line and starts in the
// order of arrival: the first in line is never overtaken, not even by work that
// would fit into memory where the first does not yet.
type pool struct {
	slots   int
	budget  uint64
	maxWait time.Duration
	now     func() time.Time

	mu      sync.Mutex
	running int
	used    uint64
	dead    uint64    // what finished work left behind since the last sweep
	line    list.List // of *waiter
	mean    time.Duration

	sweeping sync.Mutex
}

type waiter struct {
	memory uint64
	admit  chan struct{} // closed under the pool's lock, once the place is taken
}

// run waits for a place, then does work. work has not begun if it returns an
// error.
func (p *pool) run(ctx context.Context, memory uint64, work func()) error {
	if memory > p.budget {
		return fmt.Errorf("hash: one hash needs %d bytes, the budget is %d", memory, p.budget)
	}
	if err := p.enter(ctx, memory); err != nil {
		return err
	}
	p.sweep()
	var start time.Time
	if p.now != nil {
		start = p.now()
	}
	defer p.leave(memory, start)
	work()
	return nil
}

func (p *pool) enter(ctx context.Context, memory uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	if p.line.Len() == 0 && p.fits(memory) {
		p.take(memory)
		p.mu.Unlock()
		return nil
	}
	if p.estimate() > p.maxWait {
		defer p.mu.Unlock()
		return p.overloaded()
	}
	w := &waiter{memory: memory, admit: make(chan struct{})}
	place := p.line.PushBack(w)
	p.mu.Unlock()

	timer := time.NewTimer(p.maxWait)
	defer timer.Stop()
	select {
	case <-w.admit:
		return nil
	case <-ctx.Done():
	case <-timer.C:
	}
	return p.giveUp(ctx, w, place)
}

// giveUp leaves the line, unless w was admitted in the meantime.
func (p *pool) giveUp(ctx context.Context, w *waiter, place *list.Element) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	admitted := false
	select {
	case <-w.admit:
		admitted = true
	default:
		p.line.Remove(place)
	}
	err := ctx.Err()
	switch {
	case err == nil && admitted:
		return nil
	case err == nil:
		err = p.overloaded()
	case admitted:
		p.free(w.memory)
	}
	p.next()
	return err
}

func (p *pool) leave(memory uint64, start time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		took := p.now().Sub(start)
		if p.mean == 0 {
			p.mean = took
		}
		p.mean += (took - p.mean) / 8
	}
	p.free(memory)
	p.dead += memory
	p.next()
}

// sweep collects garbage when what runs and what is dead exceed the budget
// together. Work leaves as much garbage as it used, and a collector that paces
// itself by the live heap lets it pile up to the size of the budget again: on
// 8 cores 512 callers peaked at 412 MiB, on 16 at 849.
func (p *pool) sweep() {
	if dead, full := p.garbage(); dead == 0 || !full {
		return
	}
	p.sweeping.Lock()
	defer p.sweeping.Unlock()
	dead, full := p.garbage()
	if dead == 0 || !full {
		return
	}
	runtime.GC()
	p.mu.Lock()
	p.dead -= dead
	p.mu.Unlock()
}

func (p *pool) garbage() (dead uint64, full bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead, p.used+p.dead > p.budget
}

// next admits from the front of the line for as long as the front fits.
func (p *pool) next() {
	for front := p.line.Front(); front != nil; front = p.line.Front() {
		w := front.Value.(*waiter)
		if !p.fits(w.memory) {
			return
		}
		p.line.Remove(front)
		p.take(w.memory)
		close(w.admit)
	}
}

func (p *pool) fits(memory uint64) bool {
	return p.running < p.slots && p.used+memory <= p.budget
}

func (p *pool) take(memory uint64) {
	p.running++
	p.used += memory
}

func (p *pool) free(memory uint64) {
	p.running--
	p.used -= memory
}

// estimate is how long one who joined the line now would wait.
func (p *pool) estimate() time.Duration {
	return p.mean * time.Duration(p.line.Len()+1) / time.Duration(p.slots)
}

func (p *pool) overloaded() error {
	e := fail.New(fail.Unavailable, "overloaded", "too many passwords are being processed at the moment, try again shortly")
	e.RetryAfter = max(time.Second, p.estimate().Round(time.Second))
	return e
}

func (p *pool) stats() (running, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, p.line.Len()
}
