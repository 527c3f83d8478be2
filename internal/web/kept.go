package web

import (
	"context"
	"sync"
	"time"
)

const (
	keptFresh   = time.Hour        // before a document is fetched again
	keptPause   = 5 * time.Second  // between attempts while they fail, and between those for what is missing
	keptTimeout = 15 * time.Second // of a fetch, whoever still waits for it
)

// Kept is a document that somebody else publishes. It is fetched when it is first
// needed and then hourly, by one at a time. While that fails the old one stays in
// use, and attempts lie five seconds apart, so that strangers who need it again
// and again make no more than these. It is not copied once it is in use.
type Kept[T any] struct {
	Now   func() time.Time
	Fetch func(ctx context.Context) (T, error) // its context ends after 15 seconds, not with the request that needs it

	mu       sync.Mutex
	value    T
	has      bool
	at       time.Time // when value was fetched
	err      error     // of the last attempt, nil if it has given value
	failed   time.Time // when err happened
	missed   time.Time // of the last attempt for what was missing
	underway chan struct{}
}

// Get returns the document. Missing says that it has been looked at and lacks
// something that a newer one may have. It waits as long as ctx allows.
func (k *Kept[T]) Get(ctx context.Context, missing bool) (T, error) {
	k.mu.Lock()
	underway := k.underway
	if underway == nil {
		underway = k.begin(ctx, missing)
	} else if k.has && !missing {
		underway = nil
	}
	if underway == nil {
		defer k.mu.Unlock()
		return k.current(missing)
	}
	k.mu.Unlock()
	select {
	case <-underway:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current(missing)
}

// begin starts to fetch if there is reason to and it is time, and returns what
// is closed at its end, or else nil.
func (k *Kept[T]) begin(ctx context.Context, missing bool) chan struct{} {
	now := k.Now()
	passed := func(since time.Time, d time.Duration) bool { return now.Sub(since).Abs() >= d }
	missing = missing && passed(k.missed, keptPause)
	if k.has && !missing && !passed(k.at, keptFresh) || k.err != nil && !passed(k.failed, keptPause) {
		return nil
	}
	if missing {
		k.missed = now
	}
	k.underway = make(chan struct{})
	go k.renew(context.WithoutCancel(ctx), k.underway)
	return k.underway
}

// current is the document, or why there is none, or none newer for what is
// missing.
func (k *Kept[T]) current(missing bool) (T, error) {
	if k.has && (!missing || k.err == nil) {
		return k.value, nil
	}
	return k.value, k.err
}

func (k *Kept[T]) renew(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, keptTimeout)
	defer cancel()
	value, err := k.Fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err = err; err == nil {
		k.value, k.has, k.at = value, true, k.Now()
	} else {
		k.failed = k.Now()
	}
	k.underway = nil
	close(done)
}
