package hash_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/fail"
)

func idle(t *testing.T, p hash.Pool) {
	t.Helper()
	running, waiting := p.Stats()
	require.Zero(t, running)
	require.Zero(t, waiting)
	require.Zero(t, p.Used())
}

func TestPoolNeverExceedsSlotsOrBudget(t *testing.T) {
	p := hash.NewPool(4, 100, time.Minute, nil)
	var running, used, most, mostUsed atomic.Int64
	var crowd sync.WaitGroup
	for i := range 400 {
		crowd.Go(func() {
			memory := int64(10 + i%41)
			err := p.Run(context.Background(), uint64(memory), func() {
				raise(&most, running.Add(1))
				raise(&mostUsed, used.Add(memory))
				runtime.Gosched()
				used.Add(-memory)
				running.Add(-1)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	crowd.Wait()
	require.LessOrEqual(t, most.Load(), int64(4))
	require.LessOrEqual(t, mostUsed.Load(), int64(100))
	idle(t, p)
}

func raise(top *atomic.Int64, n int64) {
	for old := top.Load(); n > old && !top.CompareAndSwap(old, n); old = top.Load() {
	}
}

func TestPoolIsFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hash.NewPool(1, 100, time.Hour, nil)
		hold := make(chan struct{})
		go p.Run(t.Context(), 1, func() { <-hold })
		synctest.Wait()

		var order []int
		for i := range 50 {
			// Heavy and light work alternate: weight buys no earlier turn.
			go p.Run(t.Context(), uint64(1+99*(i%2)), func() { order = append(order, i) })
			synctest.Wait()
		}
		_, waiting := p.Stats()
		require.Equal(t, 50, waiting)
		require.Empty(t, order)
		close(hold)
		synctest.Wait()
		require.Len(t, order, 50)
		for i, got := range order {
			require.Equal(t, i, got)
		}
		idle(t, p)
	})
}

func TestPoolLightWorkDoesNotOvertakeHeavy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hash.NewPool(3, 100, time.Hour, nil)
		hold := make(chan struct{})
		started := map[string]bool{}
		go p.Run(t.Context(), 60, func() { <-hold })
		synctest.Wait()
		go p.Run(t.Context(), 70, func() { started["heavy"] = true })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		go p.Run(ctx, 10, func() { started["light"] = true })
		synctest.Wait()
		require.Empty(t, started)
		close(hold)
		synctest.Wait()
		require.Equal(t, map[string]bool{"heavy": true, "light": true}, started)
		cancel()
		idle(t, p)
	})
}

func TestPoolRefusesAfterMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hash.NewPool(1, 100, 5*time.Second, nil)
		hold := make(chan struct{})
		go p.Run(t.Context(), 1, func() { <-hold })
		synctest.Wait()

		begun := time.Now()
		err := p.Run(t.Context(), 1, func() { t.Error("work began without a place") })
		require.Equal(t, 5*time.Second, time.Since(begun))
		requireOverloaded(t, err)
		running, waiting := p.Stats()
		require.Equal(t, 1, running)
		require.Zero(t, waiting)

		close(hold)
		synctest.Wait()
		require.NoError(t, p.Run(t.Context(), 1, func() {}), "a line that cleared serves again")
		idle(t, p)
	})
}

func requireOverloaded(t *testing.T, err error) {
	t.Helper()
	refusal := fail.As(err)
	require.NotNil(t, refusal, "%v", err)
	require.Equal(t, fail.Unavailable, refusal.Kind)
	require.Equal(t, "overloaded", refusal.ID)
	require.GreaterOrEqual(t, refusal.RetryAfter, time.Second)
}

func TestPoolRefusesAHopelessWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hash.NewPool(1, 100, 5*time.Second, time.Now)
		work := func() { time.Sleep(2 * time.Second) }
		require.NoError(t, p.Run(t.Context(), 1, work))
		for range 3 {
			go p.Run(t.Context(), 1, work)
			synctest.Wait()
		}
		begun := time.Now()
		err := p.Run(t.Context(), 1, func() { t.Error("work began without a place") })
		requireOverloaded(t, err)
		require.Zero(t, time.Since(begun))
		require.Equal(t, 6*time.Second, fail.As(err).RetryAfter)
		time.Sleep(10 * time.Second)
		idle(t, p)
	})
}

func TestPoolCancelledWaiterLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hash.NewPool(1, 100, time.Hour, nil)
		hold := make(chan struct{})
		go p.Run(t.Context(), 1, func() { <-hold })
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- p.Run(ctx, 100, func() { t.Error("work began after leaving") }) }()
		synctest.Wait()
		served := false
		go p.Run(t.Context(), 1, func() { served = true })
		synctest.Wait()

		begun := time.Now()
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		require.Zero(t, time.Since(begun))
		_, waiting := p.Stats()
		require.Equal(t, 1, waiting)
		close(hold)
		synctest.Wait()
		require.True(t, served)
		require.ErrorIs(t, p.Run(ctx, 1, func() { t.Error("work began for nobody") }), context.Canceled)
		idle(t, p)
	})
}

func TestPoolHeavyWaiterThatLeavesUnblocksTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := hash.NewPool(4, 100, time.Hour, nil)
		hold := make(chan struct{})
		go p.Run(t.Context(), 60, func() { <-hold })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		go p.Run(ctx, 60, func() { t.Error("work began after leaving") })
		synctest.Wait()
		served := false
		go p.Run(t.Context(), 10, func() { served = true })
		synctest.Wait()
		require.False(t, served)
		cancel()
		synctest.Wait()
		require.True(t, served)
		close(hold)
		synctest.Wait()
		idle(t, p)
	})
}

// Admission and cancellation race here on purpose; whoever wins, no place may
// be lost.
func TestPoolLosesNoPlaceWhenCallersComeAndGo(t *testing.T) {
	p := hash.NewPool(2, 1<<40, time.Minute, time.Now)
	var crowd sync.WaitGroup
	for range 64 {
		crowd.Go(func() {
			for range 100 {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				p.Run(ctx, 1, runtime.Gosched)
			}
		})
	}
	crowd.Wait()
	idle(t, p)
}

func TestPoolGivesThePlaceBackWhenWorkPanics(t *testing.T) {
	p := hash.NewPool(1, 100, time.Minute, nil)
	require.Panics(t, func() { p.Run(context.Background(), 1, func() { panic("work") }) })
	idle(t, p)
}

func TestPoolRefusesWhatCanNeverFit(t *testing.T) {
	p := hash.NewPool(1, 100, time.Minute, nil)
	err := p.Run(context.Background(), 101, func() { t.Error("work began over the budget") })
	require.Error(t, err)
	require.Nil(t, fail.As(err))
}
