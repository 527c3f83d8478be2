package persistence_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

// insertEvent queues one, due at noon.
func insertEvent(t *testing.T, s *persistence.Store, lane string) *courier.Message {
	t.Helper()
	return insertMessage(t, s, func(m *courier.Message) { *m = *newEvent(lane) })
}

// claimEvents takes all it can and returns their ids. The lease is a minute.
func claimEvents(t *testing.T, s *persistence.Store, now time.Time) (ids []uuid.UUID, claimed []*courier.Message) {
	t.Helper()
	claimed, err := s.ClaimMessages(t.Context(), courier.Events, now, now.Add(time.Minute), 100)
	require.NoError(t, err)
	for _, m := range claimed {
		require.Equal(t, courier.Events, m.Queue)
		ids = append(ids, m.ID)
	}
	return ids, claimed
}

// settle saves m as a worker does: sent, given up, or put off until due.
func settle(ctx context.Context, s *persistence.Store, m *courier.Message, status courier.Status, due time.Time) error {
	next := *m
	next.Rev++
	next.Status, next.DueAt, next.UpdatedAt = status, due, m.DueAt
	return s.SaveMessage(ctx, &next, &courier.Attempt{ID: newID(), MessageID: m.ID, StartedAt: noon, FinishedAt: noon})
}

func dueOf(t *testing.T, s *persistence.Store, m *courier.Message) time.Time {
	t.Helper()
	got, _, err := s.Message(t.Context(), m.ID)
	require.NoError(t, err)
	return got.DueAt
}

// What goes to a recipient that is to be passed over waits, and nothing else does.
func TestClaimsPassOverRecipients(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		to := func(name string) *courier.Message {
			return insertMessage(t, s, func(m *courier.Message) { *m = *newEvent(""); m.Recipient = name })
		}
		slow, other, good := to("slow"), to("other"), to("good")
		claimed, err := s.ClaimMessages(t.Context(), courier.Events, noon, noon.Add(time.Minute), 10, "slow", "other")
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		require.Equal(t, good.ID, claimed[0].ID)
		claimed, err = s.ClaimMessages(t.Context(), courier.Events, noon, noon.Add(time.Minute), 10)
		require.NoError(t, err)
		require.ElementsMatch(t, []uuid.UUID{slow.ID, other.ID}, []uuid.UUID{claimed[0].ID, claimed[1].ID})
	})
}

// A claim of one queue gives nothing of the other's, nor do its list and figures.
func TestQueuesAreApart(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		mail, event := insertMessage(t, s, nil), insertEvent(t, s, "")
		same := insertMessage(t, s, func(m *courier.Message) { m.Lane = "shared" })
		insertMessage(t, s, func(m *courier.Message) { *m = *newEvent("shared"); m.DueAt = noon.Add(time.Hour) })
		for queue, want := range map[string]int{courier.Mail: 2, courier.Events: 2, "": 0, "other": 0} {
			page, err := s.Messages(t.Context(), courier.Query{Queue: queue, Limit: 10})
			require.NoError(t, err)
			require.Len(t, page, want, queue)
			stats, err := s.QueueStats(t.Context(), queue)
			require.NoError(t, err)
			require.Equal(t, want, stats.Waiting, queue)
		}
		ids, _ := claimEvents(t, s, noon)
		require.Equal(t, []uuid.UUID{event.ID}, ids)
		claimed, err := s.ClaimMessages(t.Context(), courier.Mail, noon, noon.Add(time.Minute), 10)
		require.NoError(t, err)
		require.Len(t, claimed, 2)
		require.ElementsMatch(t, []uuid.UUID{mail.ID, same.ID}, []uuid.UUID{claimed[0].ID, claimed[1].ID})
	})
}

func TestALaneIsDeliveredOneAtATime(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		first, second, third := insertEvent(t, s, "ana"), insertEvent(t, s, "ana"), insertEvent(t, s, "ana")
		other, free, free2 := insertEvent(t, s, "bob"), insertEvent(t, s, ""), insertEvent(t, s, "")
		ids, _ := claimEvents(t, s, noon)
		require.ElementsMatch(t, []uuid.UUID{first.ID, other.ID, free.ID, free2.ID}, ids)
		ids, _ = claimEvents(t, s, noon)
		require.Empty(t, ids, "the first is under way")

		// Its worker dies: it is the first again.
		ids, claimed := claimEvents(t, s, noon.Add(time.Minute))
		require.ElementsMatch(t, []uuid.UUID{first.ID, other.ID, free.ID, free2.ID}, ids)
		head := claimed[slices.Index(ids, first.ID)]
		require.NoError(t, settle(t.Context(), s, head, courier.Sent, time.Time{}))
		ids, claimed = claimEvents(t, s, noon.Add(time.Minute))
		require.Equal(t, []uuid.UUID{second.ID}, ids)
		require.NoError(t, settle(t.Context(), s, claimed[0], courier.Abandoned, time.Time{}))
		ids, _ = claimEvents(t, s, noon.Add(time.Minute))
		require.Equal(t, []uuid.UUID{third.ID}, ids, "one that is given up holds up nobody")
	})
}

// A head that fails puts off its lane with it and nobody else; what is to wait
// longer by itself does, and what is brought forward brings its lane along.
func TestAFailingHeadPutsOffItsLaneAlone(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		head, behind := insertEvent(t, s, "ana"), insertEvent(t, s, "ana")
		later := insertMessage(t, s, func(m *courier.Message) { *m = *newEvent("ana"); m.DueAt = noon.Add(24 * time.Hour) })
		_, claimed := claimEvents(t, s, noon)
		require.Len(t, claimed, 1)
		other, mail := insertEvent(t, s, "bob"), insertMessage(t, s, func(m *courier.Message) { m.Lane = "ana" })
		off := noon.Add(time.Hour)
		require.NoError(t, settle(t.Context(), s, claimed[0], courier.Queued, off))
		for m, want := range map[*courier.Message]time.Time{
			head: off, behind: off, later: noon.Add(24 * time.Hour), other: noon, mail: noon,
		} {
			require.Equal(t, want, dueOf(t, s, m))
		}
		fresh := insertEvent(t, s, "ana")
		ids, _ := claimEvents(t, s, noon)
		require.Equal(t, []uuid.UUID{other.ID}, ids, "not what has come behind it either")
		require.Equal(t, noon, dueOf(t, s, fresh))

		// An operator brings the head forward, then gives it up.
		m, _, err := s.Message(t.Context(), head.ID)
		require.NoError(t, err)
		m.Rev, m.DueAt = m.Rev+1, noon.Add(30*time.Minute)
		require.NoError(t, s.SaveMessage(t.Context(), m, nil))
		require.Equal(t, m.DueAt, dueOf(t, s, behind))
		require.Equal(t, m.DueAt, dueOf(t, s, fresh))
		m.Rev, m.Status, m.DueAt, m.UpdatedAt = m.Rev+1, courier.Abandoned, time.Time{}, noon.Add(time.Minute)
		require.NoError(t, s.SaveMessage(t.Context(), m, nil))
		require.Equal(t, m.UpdatedAt, dueOf(t, s, behind))
		require.Equal(t, noon.Add(24*time.Hour), dueOf(t, s, later))
		ids, _ = claimEvents(t, s, m.UpdatedAt)
		require.Contains(t, ids, behind.ID)
		require.NotContains(t, ids, fresh.ID)
	})
}

// What moves nothing of its own moves nothing of its lane's.
func TestAMovedHeadPutsOffNothing(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		head, behind := insertEvent(t, s, "ana"), insertEvent(t, s, "ana")
		head.Rev += 2
		require.ErrorIs(t, settle(t.Context(), s, head, courier.Queued, noon.Add(time.Hour)), courier.ErrMoved)
		require.Equal(t, noon, dueOf(t, s, behind))
	})
}

// Two transactions that add to one lane may be committed in another order than
// they counted in. The one that comes late waits for what is under way, then is
// first again.
func TestAnOlderOneThatComesLateWaits(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		old, young := insertEvent(t, s, "ana"), insertEvent(t, s, "ana")
		third := insertEvent(t, s, "ana")
		_, claimed := claimEvents(t, s, noon)
		require.NoError(t, settle(t.Context(), s, claimed[0], courier.Sent, time.Time{}))
		_, claimed = claimEvents(t, s, noon)
		require.Equal(t, young.ID, claimed[0].ID)
		n, err := s.Requeue(t.Context(), courier.RequeueQuery{Queue: courier.Events}, noon)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		ids, _ := claimEvents(t, s, noon)
		require.Empty(t, ids)
		ids, _ = claimEvents(t, s, noon.Add(time.Minute))
		require.Equal(t, []uuid.UUID{old.ID}, ids, "the claim of the other has run out")
		require.ErrorIs(t, s.RemoveMessage(t.Context(), claimed[0]), courier.ErrMoved)
		require.Equal(t, noon, dueOf(t, s, third))
	})
}

// Of two claims of one lane that could not see each other, the one that is
// committed last sees it and gives way. SQLite has one writer, and no such two.
func TestClaimsThatMeetInALaneGiveWay(t *testing.T) {
	for name, fresh := range map[string]func(testing.TB) string{"postgres": testdb.Postgres, "mysql": testdb.MySQL} {
		t.Run(name, func(t *testing.T) {
			s := migrated(t, fresh(t))
			old, young := insertEvent(t, s, "ana"), insertEvent(t, s, "ana")
			_, claimed := claimEvents(t, s, noon)
			require.NoError(t, settle(t.Context(), s, claimed[0], courier.Sent, time.Time{}))
			free := insertEvent(t, s, "")
			var mine []*courier.Message
			require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) (err error) {
				mine, err = s.ClaimMessages(ctx, courier.Events, noon, noon.Add(time.Minute), 10)
				require.Len(t, mine, 2)
				_, e := s.Requeue(t.Context(), courier.RequeueQuery{Queue: courier.Events}, noon)
				require.NoError(t, e)
				ids, _ := claimEvents(t, s, noon)
				require.Equal(t, []uuid.UUID{old.ID}, ids, "it cannot see the other")
				return err
			}))
			kept, err := persistence.GiveWay(t.Context(), s, mine, noon)
			require.NoError(t, err)
			require.Len(t, kept, 1)
			require.Equal(t, free.ID, kept[0].ID)
			got, attempts, err := s.Message(t.Context(), young.ID)
			require.NoError(t, err)
			require.Empty(t, attempts)
			require.Equal(t, courier.Queued, got.Status)
			require.Zero(t, got.SendCount, "it was never tried")
			ids, _ := claimEvents(t, s, noon)
			require.Empty(t, ids)
		})
	}
}

// Of two claims of one lane that meet, both give way where the one that has the
// older has done so already when the other looks: that must not go first.
func TestClaimsThatMeetInALaneBothGiveWay(t *testing.T) {
	for name, fresh := range map[string]func(testing.TB) string{"postgres": testdb.Postgres, "mysql": testdb.MySQL} {
		t.Run(name, func(t *testing.T) {
			s := migrated(t, fresh(t))
			old, young := insertEvent(t, s, "ana"), insertEvent(t, s, "ana")
			_, claimed := claimEvents(t, s, noon)
			require.Len(t, claimed, 1)
			require.NoError(t, settle(t.Context(), s, claimed[0], courier.Sent, time.Time{}))
			_, mine := claimEvents(t, s, noon)
			require.Equal(t, young.ID, mine[0].ID)
			_, err := s.Requeue(t.Context(), courier.RequeueQuery{Queue: courier.Events}, noon)
			require.NoError(t, err)
			kept, err := persistence.GiveWay(t.Context(), s, mine, noon)
			require.NoError(t, err)
			require.Empty(t, kept, "an older one waits")
			ids, _ := claimEvents(t, s, noon)
			require.Equal(t, []uuid.UUID{old.ID}, ids)
		})
	}
}

// Who has claimed and cannot look whether others have keeps what has no lane, and
// gives back the rest at once.
func TestClaimsGiveWayUnseen(t *testing.T) {
	for name, fresh := range map[string]func(testing.TB) string{"postgres": testdb.Postgres, "mysql": testdb.MySQL} {
		t.Run(name, func(t *testing.T) {
			s := migrated(t, fresh(t))
			held, free := insertEvent(t, s, "ana"), insertEvent(t, s, "")
			_, claimed := claimEvents(t, s, noon)
			require.Len(t, claimed, 2)
			over, cancel := context.WithCancel(t.Context())
			cancel()
			kept, err := persistence.GiveWay(over, s, claimed, noon)
			require.ErrorIs(t, err, context.Canceled)
			require.Len(t, kept, 1)
			require.Equal(t, free.ID, kept[0].ID)
			got, _, err := s.Message(t.Context(), held.ID)
			require.NoError(t, err)
			require.Equal(t, courier.Queued, got.Status)
			require.Zero(t, got.SendCount, "it was never tried")
			ids, _ := claimEvents(t, s, noon)
			require.Equal(t, []uuid.UUID{held.ID}, ids)
		})
	}
}

// Workers over two connections, failures at random, and a lane whose first event
// is never taken: each lane arrives in its order, one at a time, and only the
// poisoned one is held up.
func TestLanesKeepTheirOrderUnderWorkers(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, dsn string) {
		const lanes, events, workers = 12, 8, 4
		stores := []*persistence.Store{migrated(t, dsn), open(t, dsn)}
		r := receiver{want: lanes * events, open: map[string]int{}, got: map[string][]string{}, done: make(chan struct{})}
		insertEvent(t, stores[0], "poisoned")
		var running sync.WaitGroup
		for lane := range lanes { // while the workers are at it
			running.Go(func() {
				for n := range events {
					m := newEvent(fmt.Sprint("lane", lane))
					m.Recipient = fmt.Sprint(n)
					if err := stores[lane%2].InsertMessage(t.Context(), m); err != nil {
						t.Error(err)
					}
				}
			})
		}
		blocked := insertEvent(t, stores[0], "poisoned")
		for n := range workers {
			running.Go(func() { r.work(t, stores[n%2]) })
		}
		running.Wait()
		require.Len(t, r.got, lanes)
		for lane, got := range r.got {
			require.Equal(t, "0 1 2 3 4 5 6 7", strings.Join(got, " "), lane)
		}
		require.Empty(t, r.faults)
		_, attempts, err := stores[0].Message(t.Context(), blocked.ID)
		require.NoError(t, err)
		require.Empty(t, attempts)
	})
}

// receiver is what workers deliver to.
type receiver struct {
	mu     sync.Mutex
	want   int
	open   map[string]int // deliveries under way, by lane
	got    map[string][]string
	faults []string
	done   chan struct{}
}

// work claims and settles until all that can arrive has.
func (r *receiver) work(t *testing.T, s *persistence.Store) {
	for {
		select {
		case <-r.done:
			return
		default:
		}
		claimed, err := s.ClaimMessages(t.Context(), courier.Events, noon, noon.Add(time.Hour), 5)
		if err != nil {
			t.Error(err)
			return
		}
		for _, m := range claimed {
			r.begin(m)
		}
		rand.Shuffle(len(claimed), func(i, j int) { claimed[i], claimed[j] = claimed[j], claimed[i] })
		for _, m := range claimed {
			status, due := courier.Sent, time.Time{}
			if m.Lane == "poisoned" || rand.N(3) == 0 {
				status, due = courier.Queued, noon
			}
			r.end(m, status == courier.Sent)
			if err := settle(t.Context(), s, m, status, due); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

func (r *receiver) begin(m *courier.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[m.Lane]++; r.open[m.Lane] > 1 {
		r.faults = append(r.faults, "two of "+m.Lane+" are under way")
	}
}

func (r *receiver) end(m *courier.Message, sent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[m.Lane]--
	if !sent {
		return
	}
	r.got[m.Lane] = append(r.got[m.Lane], m.Recipient)
	if r.want--; r.want == 0 {
		close(r.done)
	}
}
