package persistence_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

// Many clients at once: nobody sees an error, and they share the flushes.
func TestWritersShareCommits(t *testing.T) {
	s := migrated(t, testdb.SQLite(t))
	const clients, rounds = 64, 20
	before := s.Stats()
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for r := range rounds {
				f := newFlow()
				if err := s.InsertFlow(t.Context(), f); err != nil {
					t.Error(err)
				}
				p := newPerson(fmt.Sprintf("%d-%d@example.org", c, r))
				err := s.Tx(t.Context(), func(ctx context.Context) error {
					if err := s.InsertIdentity(ctx, p); err != nil {
						return err
					}
					next := *f
					next.Rev = 1
					return s.UpdateFlow(ctx, &next)
				})
				if err != nil {
					t.Error(err)
				}
				if _, err := s.Flow(t.Context(), f.Kind, f.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	after := s.Stats()
	units, commits := after.Units-before.Units, after.Commits-before.Commits
	require.EqualValues(t, 2*clients*rounds, units)
	require.LessOrEqual(t, float64(commits)/float64(units), 0.25, "%d commits for %d units", commits, units)
	t.Logf("%d units, %d commits: %.3f", units, commits, float64(commits)/float64(units))
}

// hold keeps the writer inside a unit until let go, so that what is sent
// meanwhile shares one batch with it.
func hold(t *testing.T, s *persistence.Store) (release func()) {
	t.Helper()
	inside, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.Tx(context.Background(), func(context.Context) error {
			close(inside)
			<-free
			return nil
		})
	}()
	<-inside
	return func() {
		close(free)
		require.NoError(t, <-done)
	}
}

func TestFailingUnitLeavesItsNeighboursAlone(t *testing.T) {
	s := open(t, testdb.SQLite(t))
	persistence.SlowBatches(s)
	_, err := s.Migrate(t.Context())
	require.NoError(t, err)
	taken := newPerson("taken@example.org")
	require.NoError(t, s.InsertIdentity(t.Context(), taken))
	before := s.Stats()
	release := hold(t, s)
	good, bad := newFlow(), newFlow()
	dead, cancel := context.WithCancel(t.Context())
	results := map[string]chan error{}
	send := func(name string, do func() error) {
		result := make(chan error, 1)
		results[name] = result
		before := persistence.Waiting(s)
		go func() { result <- do() }()
		require.Eventually(t, func() bool { return persistence.Waiting(s) == before+1 }, 5*time.Second, time.Millisecond)
	}
	send("good", func() error { return s.InsertFlow(t.Context(), good) })
	send("duplicate statement", func() error { return s.InsertFlow(t.Context(), good) })
	send("failing", func() error {
		return s.Tx(t.Context(), func(ctx context.Context) error {
			return errors.Join(s.InsertFlow(ctx, bad), errMine)
		})
	})
	send("taken", func() error { return s.InsertIdentity(t.Context(), newPerson("taken@example.org")) })
	send("panic", func() (err error) {
		defer func() { err = fmt.Errorf("panic: %v", recover()) }()
		return s.Tx(t.Context(), func(ctx context.Context) error {
			_ = s.InsertFlow(ctx, bad)
			panic("ouch")
		})
	})
	send("dead", func() error { return s.InsertFlow(dead, bad) })
	send("last", func() error { return s.InsertIdentity(t.Context(), newPerson("last@example.org")) })
	cancel()
	release()
	require.NoError(t, <-results["good"])
	require.Error(t, <-results["duplicate statement"])
	require.ErrorIs(t, <-results["failing"], errMine)
	require.ErrorIs(t, <-results["taken"], identity.ErrTaken)
	require.EqualError(t, <-results["panic"], "panic: ouch")
	require.ErrorIs(t, <-results["dead"], context.Canceled)
	require.NoError(t, <-results["last"])
	requireNothing(t, s, bad, newPerson("x"))
	after := s.Stats()
	require.EqualValues(t, 1, after.Commits-before.Commits, "one batch")
	require.EqualValues(t, 3, after.Units-before.Units)
}

// Another process that keeps the file is waited for, and then reported as
// what it is.
func TestFileHeldByAnotherIsReportedAsBusy(t *testing.T) {
	dsn := testdb.SQLite(t)
	s := migrated(t, dsn+"?_busy_timeout=50")
	other := open(t, dsn)
	release := hold(t, other)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			err := s.InsertFlow(t.Context(), newFlow())
			if f := fail.As(err); f == nil || f.ID != "storage_busy" || f.Kind != fail.Unavailable || f.RetryAfter == 0 {
				t.Errorf("not a busy store: %v", err)
			}
		})
	}
	wg.Wait()
	release()
	require.NoError(t, s.Broken())
	require.NoError(t, s.InsertFlow(t.Context(), newFlow()))
}

// A disk that is full when the log is flushed: nobody is told it was stored,
// and the store takes no more changes.
func TestFailedFlushBreaksTheStore(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		testdb.Missing(t, fmt.Sprintf("no small disk to fill, which root can mount: %v %s", err, out))
	}
	t.Cleanup(func() { require.NoError(t, exec.Command("umount", "-l", dir).Run()) })
	s := migrated(t, "sqlite://"+dir+"/foyer.db")
	var stored []*identity.Identity
	var failed error
	for n := 0; failed == nil && n < 10_000; n++ {
		p := newPerson(fmt.Sprintf("%d@example.org", n))
		if failed = s.InsertIdentity(t.Context(), p); failed == nil {
			stored = append(stored, p)
		}
	}
	require.Equal(t, "storage_failed", fail.As(failed).ID)
	require.ErrorContains(t, s.Broken(), "full")
	require.Equal(t, "storage_failed", fail.As(s.InsertFlow(t.Context(), newFlow())).ID)
	all, err := s.Identities(t.Context(), identity.Query{Limit: 10_000})
	require.NoError(t, err, "what is there can still be read")
	require.Len(t, all, len(stored), "exactly what was acknowledged")
}

func TestClosedStoreRefuses(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := migrated(t, dsn)
		f := newFlow()
		require.NoError(t, s.InsertFlow(t.Context(), f))
		require.NoError(t, s.Close())
		require.NoError(t, s.Close(), "once more")
		for what, ask := range map[string]func() error{
			"insert": func() error { return s.InsertFlow(t.Context(), newFlow()) },
			"unit":   func() error { return s.Tx(t.Context(), func(context.Context) error { return nil }) },
			"read":   func() error { _, err := s.Flow(t.Context(), f.Kind, f.ID); return err },
			"list":   func() error { _, err := s.Identities(t.Context(), identity.Query{Limit: 1}); return err },
			"ping":   func() error { return s.Ping(t.Context()) },
		} {
			err := ask()
			require.NotNil(t, fail.As(err), "%s: %v", what, err)
			require.Equal(t, "storage_unavailable", fail.As(err).ID, what)
		}
	})
}

// Whoever fails of a neighbour's rows learns of it when those are committed, and
// finds them: not before, when a second look would still not see them.
func TestFailureIsAnsweredWithTheRowsItIsDueTo(t *testing.T) {
	for range 20 {
		s := migrated(t, testdb.SQLite(t))
		f := newFlow()
		require.NoError(t, s.InsertFlow(t.Context(), f))
		begin, ended := make(chan struct{}), make(chan error, 32)
		for range 32 {
			go func() {
				<-begin
				ended <- func() error {
					next := *f
					next.Rev++
					err := s.Tx(context.Background(), func(ctx context.Context) error { return s.UpdateFlow(ctx, &next) })
					if !errors.Is(err, selfservice.ErrStale) {
						return err
					}
					seen, err := s.Flow(context.Background(), f.Kind, f.ID)
					if err == nil && seen.Rev == f.Rev {
						err = errors.New("stale, and still at the revision it was read at")
					}
					return err
				}()
			}()
		}
		close(begin)
		for range 32 {
			require.NoError(t, <-ended)
		}
	}
}
