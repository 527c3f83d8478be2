package oidc

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

// kept is a document of a provider. It is fetched when it is first needed and
// then hourly, by one at a time. While that fails the old one stays in use, and
// attempts lie keptPause apart, so that strangers who need it again and again
// make no more than these.
type kept[T any] struct {
	now   func() time.Time
	fetch func(ctx context.Context) (T, error)

	mu       sync.Mutex
	value    T
	has      bool
	at       time.Time // when value was fetched
	err      error     // of the last attempt, nil if it has given value
	failed   time.Time // when err happened
	missed   time.Time // of the last attempt for what was missing
	underway chan struct{}
}

// get returns the document. Missing says that it has been looked at and lacks
// something that a newer one may have. It waits as long as ctx allows.
func (k *kept[T]) get(ctx context.Context, missing bool) (T, error) {
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
func (k *kept[T]) begin(ctx context.Context, missing bool) chan struct{} {
	now := k.now()
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
func (k *kept[T]) current(missing bool) (T, error) {
	if k.has && (!missing || k.err == nil) {
		return k.value, nil
	}
	return k.value, k.err
}

func (k *kept[T]) renew(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, keptTimeout)
	defer cancel()
	value, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err = err; err == nil {
		k.value, k.has, k.at = value, true, k.now()
	} else {
		k.failed = k.now()
	}
	k.underway = nil
	close(done)
}
