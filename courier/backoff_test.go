package courier_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
)

func TestBackoff(t *testing.T) {
	for attempt, bound := range map[int]time.Duration{
		-1: 5 * time.Second, 0: 5 * time.Second, 1: 5 * time.Second, 2: 15 * time.Second, 3: 45 * time.Second, 4: 135 * time.Second, 5: 405 * time.Second,
		6: 15 * time.Minute, 64: 15 * time.Minute, 1000: 15 * time.Minute, math.MaxInt: 15 * time.Minute,
	} {
		require.Equal(t, bound/2, courier.Backoff(attempt, 0), attempt)
		require.Equal(t, bound*3/4, courier.Backoff(attempt, 0.5), attempt)
		almost := courier.Backoff(attempt, math.Nextafter(1, 0))
		require.True(t, almost <= bound && almost > bound-time.Second, "%d: %s", attempt, almost)
	}
}

func TestTheUsualRetriesOutlastFiveMinutes(t *testing.T) {
	var least time.Duration
	for attempt := 1; attempt <= 5; attempt++ {
		least += courier.Backoff(attempt, 0)
	}
	require.Greater(t, least, 5*time.Minute)
}
