package persistence_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/ui"
)

func TestFlowComesBackAsItWas(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		for name, f := range map[string]*selfservice.Flow{"bare": newFlow(), "full": fullFlow()} {
			require.NoError(t, s.InsertFlow(t.Context(), f), name)
			got, err := s.Flow(t.Context(), f.Kind, f.ID)
			require.NoError(t, err, name)
			require.Equal(t, f, got, name)
		}
	})
}

// The numbers of a message read the same after a rest in the database.
func TestFlowKeepsTheNumbersOfItsProblems(t *testing.T) {
	s := migrated(t, "memory")
	f := newFlow()
	f.Problems = []ui.Problem{{Context: map[string]any{"min": 1_000_000, "max": int64(1)<<53 + 1, "x": 1.5}}}
	require.NoError(t, s.InsertFlow(t.Context(), f))
	got, err := s.Flow(t.Context(), f.Kind, f.ID)
	require.NoError(t, err)
	require.Equal(t, "1000000 9007199254740993 1.5\n",
		fmt.Sprintln(got.Problems[0].Context["min"], got.Problems[0].Context["max"], got.Problems[0].Context["x"]))
}

func TestFlowOfAnotherKindIsNone(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f := newFlow()
		require.NoError(t, s.InsertFlow(t.Context(), f))
		_, err := s.Flow(t.Context(), selfservice.Login, f.ID)
		require.ErrorIs(t, err, selfservice.ErrNoFlow)
		_, err = s.Flow(t.Context(), f.Kind, newID())
		require.ErrorIs(t, err, selfservice.ErrNoFlow)
	})
}

func TestFlowIsSavedOnceForEachRevision(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f := newFlow()
		require.NoError(t, s.InsertFlow(t.Context(), f))
		next := fullFlow()
		next.ID, next.Native, next.Rev = f.ID, f.Native, 1
		require.NoError(t, s.UpdateFlow(t.Context(), next))
		require.ErrorIs(t, s.UpdateFlow(t.Context(), next), selfservice.ErrStale)
		got, err := s.Flow(t.Context(), f.Kind, f.ID)
		require.NoError(t, err)
		require.Equal(t, next, got)

		gone := newFlow()
		gone.Rev = 1
		require.ErrorIs(t, s.UpdateFlow(t.Context(), gone), selfservice.ErrStale)
	})
}

func TestFlowTakesWhatHeadersMayHold(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		f := newFlow()
		f.RequestURL, f.ReturnTo = "http://x/\x00\xff?q=\U0001F600", string(make([]byte, 70_000))
		require.NoError(t, s.InsertFlow(t.Context(), f))
		got, err := s.Flow(t.Context(), f.Kind, f.ID)
		require.NoError(t, err)
		require.Equal(t, "http://x/\uFFFD\uFFFD?q=\U0001F600", got.RequestURL)
	})
}

func TestStoredErrorComesBackAsItWas(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		e := &selfservice.StoredError{ID: newID(), Error: json.RawMessage(`{"code": 403,"id":"x"}`), CreatedAt: noon, ExpiresAt: noon}
		require.NoError(t, s.InsertError(t.Context(), e))
		got, err := s.Error(t.Context(), e.ID)
		require.NoError(t, err)
		require.Equal(t, e, got)
		_, err = s.Error(t.Context(), newID())
		require.ErrorIs(t, err, selfservice.ErrNoFlow)
	})
}
