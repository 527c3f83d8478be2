package courier_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
)

func TestAge(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	require.Zero(t, courier.QueueStats{}.Age(now))
	require.Equal(t, time.Minute, courier.QueueStats{Oldest: now.Add(-time.Minute)}.Age(now))
	require.Zero(t, courier.QueueStats{Oldest: now.Add(time.Second)}.Age(now), "of a clock that goes ahead")
}
