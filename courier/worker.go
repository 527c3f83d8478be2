package courier

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Worker delivers what waits in its courier's queue. Any number of workers, in one process or in
// many, may work on one queue. What a worker has claimed and not finished when
// it dies is another's as soon as the claim runs out.
type Worker struct {
	Courier  *Courier
	Channels map[string]Channel // by Message.Channel
	// Retries is how many attempts follow a first one that failed.
	Retries int
	// Lease is how long a claim holds; zero is a minute.
	Lease time.Duration
	// Timeout ends a delivery; zero is half the lease. It never takes more than
	// three quarters of what is left of the lease.
	Timeout   time.Duration
	PullCount int           // deliveries at once that are not late; zero is 10
	PullWait  time.Duration // pause when nothing is due, a quarter more or less; zero is a second
	// KeepBodies keeps what was sent readable until its row expires: for the
	// inbox, and for events, which can be replayed until then.
	KeepBodies bool
	Log        *slog.Logger // nil logs nothing

	counts tally
	late   late
}

const (
	// patience is how long a delivery keeps its slot: who hangs holds up nobody.
	patience = 500 * time.Millisecond
	// maxLate bounds the deliveries that have given their slot back, in PullCounts.
	// To one recipient there are two at most.
	maxLate = 20
)

// maxPause is how long a worker that cannot claim waits at most between tries.
const maxPause = 30 * time.Second

// Run delivers until ctx ends. It returns when the deliveries under way then
// are finished or out of time, and settled. Several may run at once.
func (w *Worker) Run(ctx context.Context) error {
	free := make(chan struct{}, w.pullCount())
	for range cap(free) {
		free <- struct{}{}
	}
	moved := make(chan struct{}, 1) // a lane has: what was behind may be due
	var under sync.WaitGroup
	defer under.Wait()
	for failures := 0; ; {
		n := take(ctx, free)
		if n == 0 {
			return nil
		}
		claimed, err := w.claim(ctx, n)
		for range n - len(claimed) {
			free <- struct{}{}
		}
		for _, m := range claimed {
			under.Go(func() {
				release := sync.OnceFunc(func() { free <- struct{}{} })
				slow := time.AfterFunc(patience, func() {
					if w.late.add(m.Recipient) <= maxLate*w.pullCount() {
						release()
					}
				})
				w.deliver(ctx, m)
				if m.Lane != "" {
					select {
					case moved <- struct{}{}:
					default:
					}
				}
				if !slow.Stop() {
					w.late.done(m.Recipient)
				}
				release()
			})
		}
		switch {
		case err != nil:
			failures++
			w.log().LogAttrs(ctx, slog.LevelError, "messages were not claimed", slog.Any("error", err))
		case len(claimed) > 0:
			failures = 0
			continue
		default:
			failures = 0
		}
		pause(ctx, w.between(failures), moved)
	}
}

// Round makes one claim, of PullCount messages at most, and returns when all of
// them are settled. It says how many there were, whatever came of them: without
// other workers, 0 means that nothing is due.
func (w *Worker) Round(ctx context.Context) (tried int, err error) {
	claimed, err := w.claim(ctx, w.pullCount())
	var under sync.WaitGroup
	for _, m := range claimed {
		under.Go(func() { w.deliver(ctx, m) })
	}
	under.Wait()
	return len(claimed), err
}

// claim is not cut short by the end of ctx: messages of a claim whose answer
// went unread would wait for the lease to end.
func (w *Worker) claim(ctx context.Context, n int) ([]*Message, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(w.timeout(), w.lease()/2))
	defer cancel()
	now := w.Courier.Now().UTC()
	return w.Courier.Store.ClaimMessages(ctx, w.Courier.queue(), now, now.Add(w.lease()), n, w.late.crowding(w.pullCount())...)
}

// take waits for a free slot and takes all there are; 0 means that ctx is over.
func take(ctx context.Context, free chan struct{}) (n int) {
	if ctx.Err() != nil {
		return 0
	}
	select {
	case <-ctx.Done():
		return 0
	case <-free:
	}
	for n = 1; ; n++ {
		select {
		case <-free:
		default:
			return n
		}
	}
}

// between is the pause before the next claim, longer after claims that failed.
func (w *Worker) between(failures int) time.Duration {
	wait := min(w.pullWait()<<min(failures, 10), max(maxPause, w.pullWait()))
	return time.Duration(float64(wait) * (0.75 + rand.Float64()/2))
}

// pause waits for d, or less where something comes from sooner, nil for nothing.
func pause(ctx context.Context, d time.Duration, sooner <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-sooner:
	}
}

func (w *Worker) lease() time.Duration    { return cmp.Or(w.Lease, time.Minute) }
func (w *Worker) timeout() time.Duration  { return cmp.Or(w.Timeout, w.lease()/2) }
func (w *Worker) pullCount() int          { return cmp.Or(w.PullCount, 10) }
func (w *Worker) pullWait() time.Duration { return cmp.Or(w.PullWait, time.Second) }

func (w *Worker) log() *slog.Logger {
	if w.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return w.Log
}
