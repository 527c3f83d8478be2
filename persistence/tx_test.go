package persistence_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/internal/txn"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

var errMine = errors.New("mine")

func TestTxCommitsTogetherAndReadsItsOwnWrites(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f, p := newFlow(), newPerson("ana@example.org")
		v := newSession(p.ID)
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NotNil(t, txn.Handle(ctx), "slow things must be able to see it")
			require.NoError(t, s.InsertFlow(ctx, f))
			_, err := s.Flow(ctx, f.Kind, f.ID)
			require.NoError(t, err)
			require.NoError(t, s.InsertIdentity(ctx, p))
			_, err = s.Identity(ctx, p.ID)
			require.NoError(t, err)
			require.NoError(t, s.InsertSession(ctx, v, hashOf(1)))
			_, err = s.SessionByToken(ctx, hashOf(1))
			require.NoError(t, err)
			next := *f
			next.Rev = 1
			return s.UpdateFlow(ctx, &next)
		}))
		got, err := s.Flow(t.Context(), f.Kind, f.ID)
		require.NoError(t, err)
		require.Equal(t, 1, got.Rev)
		_, err = s.SessionByToken(t.Context(), hashOf(1))
		require.NoError(t, err)
	})
}

func TestTxRollsBackAndReturnsWhatItsFunctionReturned(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f, p := newFlow(), newPerson("ana@example.org")
		require.Equal(t, errMine, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, s.InsertFlow(ctx, f))
			require.NoError(t, s.InsertIdentity(ctx, p))
			return errMine
		}))
		requireNothing(t, s, f, p)
	})
}

func TestNestedTxJoins(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f, p := newFlow(), newPerson("ana@example.org")
		require.Equal(t, errMine, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, s.Tx(ctx, func(ctx context.Context) error { return s.InsertIdentity(ctx, p) }))
			require.NoError(t, s.InsertFlow(ctx, f))
			return errMine
		}))
		requireNothing(t, s, f, p)
	})
}

func TestErrorInsideATxCannotBeSwallowed(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f, p := newFlow(), newPerson("ana@example.org")
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, s.InsertFlow(ctx, f))
			_ = s.Tx(ctx, func(ctx context.Context) error { return errMine })
			require.ErrorIs(t, s.InsertIdentity(ctx, p), errMine)
			return nil
		}), errMine)
		requireNothing(t, s, f, p)

		require.NoError(t, s.InsertIdentity(t.Context(), p))
		require.Error(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, s.InsertFlow(ctx, f))
			require.ErrorIs(t, s.InsertIdentity(ctx, newPerson("ana@example.org")), identity.ErrTaken)
			return nil
		}))
		_, err := s.Flow(t.Context(), f.Kind, f.ID)
		require.ErrorIs(t, err, selfservice.ErrNoFlow)
	})
}

func TestStaleFlowInATxKeepsTheChoiceToTheCaller(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f, p := newFlow(), newPerson("ana@example.org")
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, s.InsertIdentity(ctx, p))
			return s.UpdateFlow(ctx, f)
		}), selfservice.ErrStale)
		requireNothing(t, s, f, p)
	})
}

func TestTxOfADeadContextDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		before := s.Stats()
		ran := false
		require.ErrorIs(t, s.Tx(ctx, func(context.Context) error { ran = true; return nil }), context.Canceled)
		require.ErrorIs(t, s.InsertFlow(ctx, newFlow()), context.Canceled)
		require.False(t, ran)
		require.Equal(t, before, s.Stats())
	})
}

func TestTxBegunIsNotCutOffByItsClient(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f := newFlow()
		require.NoError(t, s.Tx(ctx, func(ctx context.Context) error {
			require.NoError(t, s.InsertFlow(ctx, f))
			cancel()
			return s.InsertIdentity(ctx, newPerson("ana@example.org"))
		}))
		_, err := s.Flow(t.Context(), f.Kind, f.ID)
		require.NoError(t, err)
	})
}

func TestPanicInATxRollsBackAndGoesOnToTheCaller(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f, p := newFlow(), newPerson("ana@example.org")
		require.PanicsWithValue(t, "ouch", func() {
			_ = s.Tx(t.Context(), func(ctx context.Context) error {
				require.NoError(t, s.InsertFlow(ctx, f))
				panic("ouch")
			})
		})
		requireNothing(t, s, f, p)
		require.NoError(t, s.InsertFlow(t.Context(), f), "the writer lives")
	})
}

// A test that fails inside a unit ends the unit's goroutine: nothing of it
// stays, and nobody hangs.
func TestUnitThatEndsItsGoroutineLeavesNothing(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := migrated(t, dsn)
		f := newFlow()
		var over sync.WaitGroup
		over.Go(func() {
			_ = s.Tx(context.Background(), func(ctx context.Context) error {
				_ = s.InsertFlow(ctx, f)
				runtime.Goexit()
				return nil
			})
		})
		over.Wait()
		_ = s.InsertFlow(t.Context(), newFlow())
		require.NoError(t, s.Close())
		_, err := open(t, dsn).Flow(t.Context(), f.Kind, f.ID)
		require.ErrorIs(t, err, selfservice.ErrNoFlow)
	})
}

func TestContextOfAFinishedTxIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		var kept context.Context
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error { kept = ctx; return nil }))
		f := newFlow()
		require.ErrorContains(t, s.InsertFlow(kept, f), "is over")
		require.ErrorContains(t, s.Tx(kept, func(context.Context) error { return nil }), "is over")
		requireNothing(t, s, f, newPerson("x"))
	})
}

// One identifier, many at once: one wins, the others are told it is taken.
func TestRaceForOneIdentifier(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		const clients, names = 16, 8
		var won [names]atomic.Int32
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for n := range names {
					p := newPerson(string(rune('a'+n)) + "@example.org")
					err := s.Tx(t.Context(), func(ctx context.Context) error {
						if err := s.InsertIdentity(ctx, p); err != nil {
							return err
						}
						return s.InsertSession(ctx, newSession(p.ID), append(p.ID.Bytes(), p.ID.Bytes()...))
					})
					if err == nil {
						won[n].Add(1)
						continue
					}
					if !errors.Is(err, identity.ErrTaken) {
						t.Errorf("neither won nor taken: %v", err)
					}
				}
			})
		}
		wg.Wait()
		for n := range won {
			require.Equal(t, int32(1), won[n].Load())
		}
		all, err := s.Identities(t.Context(), identity.Query{Limit: 100})
		require.NoError(t, err)
		require.Len(t, all, names)
	})
}

func TestRaceForOneRevision(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f := newFlow()
		require.NoError(t, s.InsertFlow(t.Context(), f))
		var won, stale atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				next := *f
				next.Rev = 1
				switch err := s.UpdateFlow(t.Context(), &next); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, selfservice.ErrStale):
					stale.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, int32(1), won.Load())
		require.Equal(t, int32(15), stale.Load())
	})
}

func requireNothing(t *testing.T, s *persistence.Store, f *selfservice.Flow, p *identity.Identity) {
	t.Helper()
	_, err := s.Flow(t.Context(), f.Kind, f.ID)
	require.ErrorIs(t, err, selfservice.ErrNoFlow)
	_, err = s.Identity(t.Context(), p.ID)
	require.ErrorIs(t, err, identity.ErrNotFound)
	_, err = s.SessionByToken(t.Context(), hashOf(1))
	require.Error(t, err)
}
