package persistence_test

import (
	"context"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

func TestPurgeTakesWhatIsOverAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		flow := func(completed bool, expires time.Time) uuid.UUID {
			f := newFlow()
			f.ExpiresAt = expires
			if completed {
				f.Outcome = &selfservice.Outcome{}
			}
			require.NoError(t, s.InsertFlow(t.Context(), f))
			return f.ID
		}
		want := map[uuid.UUID]bool{
			flow(true, noon):                     false,
			flow(true, noon.Add(time.Second)):    true,
			flow(false, noon):                    true,
			flow(false, noon.Add(-time.Hour)):    false,
			flow(false, noon.Add(-time.Minute)):  true,
			flow(true, noon.Add(-10*time.Hour)):  false,
			flow(false, noon.Add(-10*time.Hour)): false,
		}
		old := &selfservice.StoredError{ID: newID(), ExpiresAt: noon}
		fresh := &selfservice.StoredError{ID: newID(), ExpiresAt: noon.Add(time.Second)}
		require.NoError(t, s.InsertError(t.Context(), old))
		require.NoError(t, s.InsertError(t.Context(), fresh))
		p := newPerson("ana@example.org")
		require.NoError(t, s.InsertIdentity(t.Context(), p))
		ended, live := newSession(p.ID), newSession(p.ID)
		ended.ExpiresAt = noon
		require.NoError(t, s.InsertSession(t.Context(), ended, hashOf(1)))
		require.NoError(t, s.InsertSession(t.Context(), live, hashOf(2)))
		sent := insertMessage(t, s, func(m *courier.Message) {
			m.Status, m.DueAt, m.ExpiresAt = courier.Sent, time.Time{}, noon.Add(time.Second)
		})
		spent := insertMessage(t, s, func(m *courier.Message) { m.ExpiresAt = noon })
		spent.Rev = 1
		require.NoError(t, s.SaveMessage(t.Context(), spent, &courier.Attempt{ID: newID(), MessageID: spent.ID}))
		onItsWay := insertMessage(t, s, nil)
		once := selfservice.Limit{Count: 1, Per: time.Hour}
		require.True(t, spend(t, s, []byte("past"), noon.Add(-time.Hour), once))
		require.True(t, spend(t, s, []byte("live"), noon.Add(time.Microsecond-time.Hour), once))

		o := persistence.PurgeOptions{Now: noon, Batch: 1, FlowGrace: time.Hour}
		total := 0
		for {
			n, more, err := s.Purge(t.Context(), o)
			require.NoError(t, err)
			require.LessOrEqual(t, n, 6, "one batch of each kind")
			require.Equal(t, n > 0, more)
			if n == 0 {
				break
			}
			total += n
		}
		require.Equal(t, 8, total)
		for id, stays := range want {
			_, err := s.Flow(t.Context(), selfservice.Registration, id)
			if stays {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, selfservice.ErrNoFlow)
			}
		}
		_, err := s.Error(t.Context(), old.ID)
		require.ErrorIs(t, err, selfservice.ErrNoFlow)
		_, err = s.Error(t.Context(), fresh.ID)
		require.NoError(t, err)
		_, err = s.SessionByToken(t.Context(), hashOf(1))
		require.ErrorIs(t, err, session.ErrNotFound)
		_, err = s.SessionByToken(t.Context(), hashOf(2))
		require.NoError(t, err)
		_, _, err = s.Message(t.Context(), spent.ID)
		require.ErrorIs(t, err, courier.ErrNoMessage)
		requireMessage(t, s, sent)
		requireMessage(t, s, onItsWay)
		require.False(t, spend(t, s, []byte("live"), noon, once))
	})
}

// A batch is as large as asked for, and says whether it left anything.
func TestPurgeInBatches(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			for range 530 {
				f := newFlow()
				f.ExpiresAt = noon
				if err := s.InsertFlow(ctx, f); err != nil {
					return err
				}
			}
			return nil
		}))
		for _, want := range []struct {
			batch, removed int
			more           bool
		}{{0, 100, true}, {250, 250, true}, {80, 80, true}, {100, 100, true}, {100, 0, false}, {10_000, 0, false}} {
			n, more, err := s.Purge(t.Context(), persistence.PurgeOptions{Now: noon, Batch: want.batch})
			require.NoError(t, err)
			require.Equal(t, want.removed, n, want)
			require.Equal(t, want.more, more, want)
		}
	})
}
