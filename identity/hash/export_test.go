package hash

import (
	"context"
	"time"
)

// Supported tells whether encoded is a hash that Verify can work with.
func Supported(encoded string) error {
	_, err := parse(encoded)
	return err
}

// Prefixes returns what the known formats begin with.
func Prefixes() []string {
	var all []string
	for _, f := range formats {
		all = append(all, f.prefix)
	}
	return all
}

// WithKey replaces argon2id in Hash.
func (h *Hasher) WithKey(key func(password []byte) []byte) {
	h.key = func(password, _ []byte, _ Argon2) []byte { return key(password) }
}

// Slots returns how many hashes run at once.
func (h *Hasher) Slots() int { return h.pool.slots }

// Pool gives tests a pool without a hasher.
type Pool struct{ p *pool }

func NewPool(slots int, budget uint64, maxWait time.Duration, now func() time.Time) Pool {
	return Pool{newPool(slots, budget, maxWait, now)}
}

func (p Pool) Run(ctx context.Context, memory uint64, work func()) error {
	return p.p.run(ctx, memory, work)
}

func (p Pool) Stats() (running, waiting int) { return p.p.stats() }

// Used returns the memory of what runs, and of places that were not given back.
func (p Pool) Used() uint64 {
	p.p.mu.Lock()
	defer p.p.mu.Unlock()
	if !p.p.places.TryAcquire(int64(p.p.budget)) {
		return max(p.p.used, 1)
	}
	p.p.places.Release(int64(p.p.budget))
	return p.p.used
}
