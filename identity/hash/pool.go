package hash

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

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
	places  *semaphore.Weighted
	waiting atomic.Int64

	mu      sync.Mutex
	running int
	used    uint64 // memory of what runs
	dead    uint64 // what finished work left behind since the last collection
	mean    time.Duration
}

// newPool returns a pool that, where now is nil, never calls a wait hopeless.
func newPool(slots int, budget uint64, maxWait time.Duration, now func() time.Time) *pool {
	if now == nil {
		now = func() time.Time { return time.Time{} }
	}
	return &pool{slots: slots, budget: budget, maxWait: maxWait, now: now, places: semaphore.NewWeighted(int64(budget))}
}

// run waits for a place, then does work. work has not begun if it returns an
// error.
func (p *pool) run(ctx context.Context, memory uint64, work func()) error {
	if memory > p.budget {
		return fmt.Errorf("hash: one hash needs %d bytes, the budget is %d", memory, p.budget)
	}
	// A place counts for its part of the budget at least, so there are no more
	// than slots of them.
	weight := int64(max(memory, p.budget/uint64(p.slots)))
	if err := p.enter(ctx, weight); err != nil {
		return err
	}
	defer p.places.Release(weight)
	defer p.account(memory)()
	work()
	return nil
}

func (p *pool) enter(ctx context.Context, weight int64) error {
	if err := ctx.Err(); err != nil || p.places.TryAcquire(weight) {
		return err
	}
	if p.estimate() > p.maxWait {
		return p.overloaded()
	}
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	patience, cancel := context.WithTimeout(ctx, p.maxWait)
	defer cancel()
	if p.places.Acquire(patience, weight) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.overloaded()
}

// account counts memory as used until over is called. It collects garbage when
// what runs and what is dead exceed the budget together: work leaves as much
// garbage as it used, and a collector that paces itself by the live heap lets it
// pile up. With a budget of 256 MiB and 8 at once, 512 callers peaked at 545 MiB
// without this and at 280 with it.
func (p *pool) account(memory uint64) (over func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running++
	p.used += memory
	if p.dead > 0 && p.used+p.dead > p.budget {
		runtime.GC()
		p.dead = 0
	}
	start := p.now()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.running--
		p.used -= memory
		p.dead += memory
		took := p.now().Sub(start)
		if p.mean == 0 {
			p.mean = took
		}
		p.mean += (took - p.mean) / 8
	}
}

// estimate is how long one who joined the line now would wait.
func (p *pool) estimate() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mean * time.Duration(p.waiting.Load()+1) / time.Duration(p.slots)
}

func (p *pool) overloaded() error {
	e := fail.New(fail.Unavailable, "overloaded", "too many passwords are being processed at the moment, try again shortly")
	e.RetryAfter = max(time.Second, p.estimate().Round(time.Second))
	return e
}

func (p *pool) stats() (running, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, int(p.waiting.Load())
}
