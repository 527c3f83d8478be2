package courier

import "time"

// The pauses between attempts: at random between none and a bound that begins
// at backoffBase, doubles with every attempt, and ends at backoffMost. Chance
// over the whole range ("full jitter") spreads what failed at one moment.
const (
	backoffBase = 5 * time.Second
	backoffMost = 15 * time.Minute
)

// Backoff is the pause after an attempt that failed, counted from 1, for a
// chance in [0, 1).
func Backoff(attempt int, chance float64) time.Duration {
	// Beyond 20 doublings the bound has long been reached; far beyond it overflows.
	bound := min(backoffBase<<min(max(attempt-1, 0), 20), backoffMost)
	return time.Duration(float64(bound) * chance)
}
