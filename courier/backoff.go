package courier

import "time"

// The pauses between attempts: at random between half a bound and the whole of
// it, which spreads what failed at one moment. The bound begins at backoffBase,
// grows threefold with every attempt, and ends at backoffMost. The five retries
// that are usual outlast five minutes of a provider's refusals.
const (
	backoffBase = 5 * time.Second
	backoffMost = 15 * time.Minute
)

// Backoff is the pause after an attempt that failed, counted from 1, for a
// chance in [0, 1).
func Backoff(attempt int, chance float64) time.Duration {
	bound := backoffBase
	for n := 1; n < attempt && bound < backoffMost; n++ {
		bound *= 3
	}
	bound = min(bound, backoffMost)
	return bound/2 + time.Duration(float64(bound/2)*chance)
}
