package persistence_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

var (
	fiveAnHour = []selfservice.Limit{{Count: 5, Per: time.Hour}}
	ana        = []byte("ana@example.org")
)

func spend(t *testing.T, s *persistence.Store, subject []byte, at time.Time, limits ...selfservice.Limit) bool {
	t.Helper()
	ok, err := s.SpendBudget(t.Context(), subject, at, limits)
	require.NoError(t, err)
	return ok
}

func TestBudgetHoldsInEverySpanOfTime(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		limits := []selfservice.Limit{{Count: 1, Per: time.Minute}, {Count: 3, Per: time.Hour}}
		for _, step := range []struct {
			after time.Duration
			want  bool
		}{
			{0, true},
			{0, false},
			{time.Minute - time.Microsecond, false},
			{time.Minute, true},
			{30 * time.Minute, true},
			{40 * time.Minute, false},
			{time.Hour - time.Microsecond, false},
			{time.Hour, true}, // the first is an hour old; what was refused did not count
			{time.Hour + time.Minute, true},
			{time.Hour + 2*time.Minute, false},
			{time.Hour + 30*time.Minute, true},
			{5 * time.Hour, true},
		} {
			require.Equal(t, step.want, spend(t, s, ana, noon.Add(step.after), limits...), step.after)
		}
		require.True(t, spend(t, s, []byte("bob@example.org"), noon, limits...), "another subject")
		require.True(t, spend(t, s, append(ana, make([]byte, 5000)...), noon, limits...), "of any length")
		require.True(t, spend(t, s, nil, noon), "no limits")
		require.False(t, spend(t, s, nil, noon, selfservice.Limit{Per: time.Hour}), "none allowed")
	})
}

// Whatever the order of events, it answers as one that remembers all of them.
func TestBudgetAgreesWithOneThatForgetsNothing(t *testing.T) {
	s := migrated(t, "memory")
	limits := []selfservice.Limit{{Count: 2, Per: 10 * time.Second}, {Count: 5, Per: time.Minute}, {Count: 1, Per: time.Second}}
	random := rand.New(rand.NewPCG(1, 2))
	var all []time.Time
	at, refused := noon, 0
	for range 2_000 {
		at = at.Add(time.Duration(random.IntN(8)) * time.Second / 2)
		want := true
		for _, l := range limits {
			n := 0
			for _, spent := range all {
				if spent.After(at.Add(-l.Per)) {
					n++
				}
			}
			want = want && n < l.Count
		}
		require.Equal(t, want, spend(t, s, ana, at, limits...), at)
		if want {
			all = append(all, at)
		} else {
			refused++
		}
	}
	require.Greater(t, len(all), 200)
	require.Greater(t, refused, 200)
}

// Clocks of several servers differ: what another has spent a little later than
// now is spent.
func TestBudgetOfClocksThatDiffer(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		two := selfservice.Limit{Count: 2, Per: time.Hour}
		require.True(t, spend(t, s, ana, noon.Add(time.Second), two))
		require.True(t, spend(t, s, ana, noon, two))
		require.False(t, spend(t, s, ana, noon, two))
		require.False(t, spend(t, s, ana, noon.Add(time.Hour-1), two))
		require.True(t, spend(t, s, ana, noon.Add(time.Hour), two), "the earlier one is past")
		require.False(t, spend(t, s, ana, noon.Add(time.Hour), two))
	})
}

// Callers at once, on two servers, get what the limit allows and nothing more.
func TestRaceForABudget(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, dsn string) {
		stores := []*persistence.Store{migrated(t, dsn), open(t, dsn)}
		for round := range 3 { // the first makes the row
			at := noon.Add(time.Duration(round) * 2 * time.Hour)
			var won atomic.Int32
			var wg sync.WaitGroup
			for n := range 64 {
				wg.Go(func() {
					ok, err := stores[n%2].SpendBudget(t.Context(), ana, at.Add(time.Duration(n)*time.Microsecond), fiveAnHour)
					if err != nil {
						t.Error(err)
					}
					if ok {
						won.Add(1)
					}
				})
			}
			wg.Wait()
			require.EqualValues(t, 5, won.Load(), "round %d", round)
		}
	})
}

// It is spent with the transaction or not at all, and a refusal leaves the
// choice to the caller.
func TestBudgetJoinsTheTransaction(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		one := []selfservice.Limit{{Count: 1, Per: time.Hour}}
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			ok, err := s.SpendBudget(ctx, ana, noon, one)
			require.NoError(t, err)
			require.True(t, ok)
			ok, err = s.SpendBudget(ctx, ana, noon, one)
			require.NoError(t, err)
			require.False(t, ok, "it sees its own")
			return errMine
		}), errMine)
		f := newFlow()
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			ok, err := s.SpendBudget(ctx, ana, noon, one)
			require.True(t, ok, "nothing stayed of what was undone")
			return errors.Join(err, s.InsertFlow(ctx, f))
		}))
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			ok, err := s.SpendBudget(ctx, ana, noon, one)
			require.False(t, ok)
			return errors.Join(err, s.InsertFlow(ctx, newFlow()))
		}))
		require.False(t, spend(t, s, ana, noon, one...))
	})
}
