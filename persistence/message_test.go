package persistence_test

import (
	"bytes"
	"context"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

var _ courier.Store = (*persistence.Store)(nil)

func newMessage() *courier.Message {
	return &courier.Message{
		ID: newID(), Queue: courier.Mail, Channel: courier.Email, Template: "verification_code_valid", Locale: "de-CH", Recipient: "Ana@example.org",
		Status: courier.Queued, Sealed: []byte{0, 1, 255}, DueAt: noon, CreatedAt: noon, UpdatedAt: noon,
	}
}

// newEvent is one that waits in a lane.
func newEvent(lane string) *courier.Message {
	m := newMessage()
	m.Queue, m.Lane, m.Channel, m.Template, m.Recipient = courier.Events, lane, "event", "identity.created", "crm"
	return m
}

func insertMessage(t *testing.T, s *persistence.Store, change func(m *courier.Message)) *courier.Message {
	t.Helper()
	m := newMessage()
	if change != nil {
		change(m)
	}
	require.NoError(t, s.InsertMessage(t.Context(), m))
	return m
}

func requireMessage(t *testing.T, s *persistence.Store, want *courier.Message, attempts ...courier.Attempt) {
	t.Helper()
	got, tries, err := s.Message(t.Context(), want.ID)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, attempts, tries)
}

func TestMessageComesBackAsItWas(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		requireMessage(t, s, insertMessage(t, s, nil))
		requireMessage(t, s, insertMessage(t, s, func(m *courier.Message) {
			m.Status, m.Sealed, m.DueAt, m.LastError = courier.Abandoned, nil, time.Time{}, "550 no such ü"
			m.SendCount, m.Rev, m.ExpiresAt = 5, 9, noon.Add(time.Hour)
		}))
		odd := insertMessage(t, s, func(m *courier.Message) { m.LastError, m.Locale = "a\x00\xff", "\x00" })
		odd.LastError, odd.Locale = "a\uFFFD\uFFFD", "\uFFFD"
		requireMessage(t, s, odd)
		_, _, err := s.Message(t.Context(), newID())
		require.ErrorIs(t, err, courier.ErrNoMessage)
	})
}

func TestMessageIsSavedOnceForEachRevision(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		m := insertMessage(t, s, nil)
		next := *m
		next.Status, next.Sealed, next.SendCount, next.Rev, next.DueAt = courier.Queued, []byte("x"), 1, 1, noon.Add(time.Minute)
		next.LastError, next.UpdatedAt = "451 later", noon.Add(time.Second)
		first := courier.Attempt{ID: newID(), MessageID: m.ID, Error: "451 later\x00", StartedAt: noon, FinishedAt: noon.Add(time.Second)}
		require.NoError(t, s.SaveMessage(t.Context(), &next, &first))
		first.Error = "451 later\uFFFD"
		requireMessage(t, s, &next, first)

		late := courier.Attempt{ID: newID(), MessageID: m.ID, StartedAt: noon.Add(time.Minute)}
		require.ErrorIs(t, s.SaveMessage(t.Context(), &next, &late), courier.ErrMoved)
		requireMessage(t, s, &next, first)

		next.Status, next.Sealed, next.Rev, next.DueAt, next.LastError, next.ExpiresAt = courier.Sent, nil, 2, time.Time{}, "", noon.Add(time.Hour)
		require.NoError(t, s.SaveMessage(t.Context(), &next, &late))
		requireMessage(t, s, &next, late, first)
		next.Rev = 3
		require.NoError(t, s.SaveMessage(t.Context(), &next, nil))
		requireMessage(t, s, &next, late, first)

		gone := newMessage()
		gone.Rev = 1
		require.ErrorIs(t, s.SaveMessage(t.Context(), gone, &courier.Attempt{ID: newID(), MessageID: gone.ID}), courier.ErrMoved)
	})
}

// A message that has moved on does not undo what else its caller does.
func TestMovedMessageInATxKeepsTheChoiceToTheCaller(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		m, f := insertMessage(t, s, nil), newFlow()
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.ErrorIs(t, s.SaveMessage(ctx, m, nil), courier.ErrMoved)
			return s.InsertFlow(ctx, f)
		}))
		_, err := s.Flow(t.Context(), f.Kind, f.ID)
		require.NoError(t, err)
	})
}

func TestMessageIsCommittedWithItsCauseOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		m := newMessage()
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, s.InsertMessage(ctx, m))
			claimed, err := s.ClaimMessages(ctx, courier.Mail, noon, noon, 1)
			require.NoError(t, err)
			require.Len(t, claimed, 1, "it sees its own")
			return errMine
		}), errMine)
		_, _, err := s.Message(t.Context(), m.ID)
		require.ErrorIs(t, err, courier.ErrNoMessage)
	})
}

func TestClaimTakesWhatIsDueTheLongestDueFirst(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		at := func(d time.Duration) func(m *courier.Message) {
			return func(m *courier.Message) { m.DueAt = noon.Add(d) }
		}
		second := insertMessage(t, s, at(-time.Minute))
		third := insertMessage(t, s, at(0))
		later := insertMessage(t, s, at(time.Microsecond))
		first := insertMessage(t, s, func(m *courier.Message) {
			m.Status, m.SendCount, m.Rev, m.DueAt = courier.Processing, 2, 4, noon.Add(-time.Hour) // a lease that ran out
		})
		done := insertMessage(t, s, func(m *courier.Message) { m.Status, m.DueAt = courier.Sent, time.Time{} })
		until := noon.Add(time.Minute)
		claim := func(n int) (ids []uuid.UUID) {
			claimed, err := s.ClaimMessages(t.Context(), courier.Mail, noon, until, n)
			require.NoError(t, err)
			for _, m := range claimed {
				requireMessage(t, s, m)
				require.Equal(t, courier.Processing, m.Status)
				require.Equal(t, until, m.DueAt)
				ids = append(ids, m.ID)
			}
			return ids
		}
		require.Empty(t, claim(0))
		require.Equal(t, []uuid.UUID{first.ID, second.ID}, claim(2))
		require.Equal(t, []uuid.UUID{third.ID}, claim(2))
		require.Empty(t, claim(2))
		requireMessage(t, s, later)
		requireMessage(t, s, done)
		first.SendCount, first.Rev, first.DueAt = 3, 5, until
		requireMessage(t, s, first)

		stale := *first
		require.ErrorIs(t, s.SaveMessage(t.Context(), &stale, nil), courier.ErrMoved, "the revision from before the claim")
		again, err := s.ClaimMessages(t.Context(), courier.Mail, until, until.Add(time.Minute), 100)
		require.NoError(t, err)
		require.Len(t, again, 4, "leases that ran out, and what has become due")
	})
}

func TestClaimOfMoreThanOneStatementTakes(t *testing.T) {
	s := migrated(t, testdb.SQLite(t))
	insertMany(t, s, 130, newMessage)
	for _, want := range []int{100, 30, 0} {
		claimed, err := s.ClaimMessages(t.Context(), courier.Mail, noon, noon.Add(time.Hour), 1000)
		require.NoError(t, err)
		require.Len(t, claimed, want)
	}
}

// A worker with nothing to do costs the writer and the disk nothing.
func TestIdleClaimWritesNothing(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, dsn string) {
		s := migrated(t, dsn)
		insertMessage(t, s, func(m *courier.Message) { m.DueAt = noon.Add(time.Hour) })
		insertEvent(t, s, "ana")
		insertEvent(t, s, "ana")
		ids, _ := claimEvents(t, s, noon)
		require.Len(t, ids, 1)
		before := s.Stats()
		claimed, err := s.ClaimMessages(t.Context(), courier.Mail, noon, noon.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Empty(t, claimed)
		ids, _ = claimEvents(t, s, noon)
		require.Empty(t, ids, "the other waits for the first")
		require.Equal(t, before, s.Stats())
	})
}

func insertMany(t *testing.T, s *persistence.Store, n int, message func() *courier.Message) {
	t.Helper()
	for done := 0; done < n; {
		require.NoError(t, s.Tx(t.Context(), func(ctx context.Context) error {
			for range min(n-done, 1000) {
				if err := s.InsertMessage(ctx, message()); err != nil {
					return err
				}
			}
			return nil
		}))
		done += min(n-done, 1000)
	}
}

// Many claimers, as on several servers: each message is given out once, and
// once more when its lease has run out.
func TestMessagesAreGivenOutOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, dsn string) {
		const claimers, messages = 8, 500
		stores := []*persistence.Store{migrated(t, dsn), open(t, dsn)}
		insertMany(t, stores[0], messages, newMessage)
		for round := range 2 {
			now := noon.Add(time.Duration(round) * time.Hour)
			var mu sync.Mutex
			given := map[uuid.UUID]int{}
			var wg sync.WaitGroup
			for n := range claimers {
				s := stores[n%len(stores)]
				wg.Go(func() {
					for mine := 1; mine > 0; {
						claimed, err := s.ClaimMessages(t.Context(), courier.Mail, now, now.Add(time.Hour), 7)
						if err != nil {
							t.Error(err)
							return
						}
						mine = len(claimed)
						mu.Lock()
						for _, m := range claimed {
							given[m.ID]++
							if m.SendCount != round+1 || m.Rev != round+1 {
								t.Errorf("round %d: %d sent at revision %d", round, m.SendCount, m.Rev)
							}
						}
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			for id, n := range given {
				require.Equal(t, 1, n, id)
			}
			// A claimer ends when others hold the last ones, which are theirs.
			require.Len(t, given, messages)
		}
	})
}

func TestMessagesArePagedNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		var want []*courier.Message
		for n := range 9 {
			want = append(want, insertMessage(t, s, func(m *courier.Message) {
				m.CreatedAt = noon.Add(time.Duration(n/3) * time.Microsecond) // three at a time
				if n%3 == 0 {
					m.Status, m.Recipient = courier.Abandoned, "bob@example.org"
				}
			}))
		}
		insertMessage(t, s, func(m *courier.Message) { m.Channel, m.Status, m.DueAt = courier.Nowhere, courier.Sent, time.Time{} })
		list := func(q courier.Query) (all []*courier.Message) {
			for q.Limit = 2; ; {
				page, err := s.Messages(t.Context(), q)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page), 2)
				if len(page) == 0 {
					return all
				}
				all = append(all, page...)
				last := page[len(page)-1]
				q.BeforeCreated, q.BeforeID = last.CreatedAt, last.ID
			}
		}
		all := list(courier.Query{Queue: courier.Mail})
		require.ElementsMatch(t, want, all)
		for n, m := range all[1:] {
			before := all[n]
			require.True(t, m.CreatedAt.Before(before.CreatedAt) ||
				m.CreatedAt.Equal(before.CreatedAt) && bytes.Compare(m.ID[:], before.ID[:]) < 0)
		}
		require.Len(t, list(courier.Query{Queue: courier.Mail, Status: courier.Abandoned}), 3)
		require.Len(t, list(courier.Query{Queue: courier.Mail, Status: courier.Queued}), 6)
		require.Empty(t, list(courier.Query{Queue: courier.Mail, Status: courier.Sent}), "what goes nowhere is not listed")
		require.Len(t, list(courier.Query{Queue: courier.Mail, Recipient: "bob@example.org"}), 3)
		require.Empty(t, list(courier.Query{Queue: courier.Mail, Recipient: "ana@example.org"}), "exactly as stored")
		require.Empty(t, list(courier.Query{Queue: courier.Mail, Status: courier.Queued, Recipient: "bob@example.org"}))

		event := newEvent("ana")
		require.NoError(t, s.InsertMessage(t.Context(), event))
		insertMessage(t, s, func(m *courier.Message) { *m = *newEvent("bob"); m.Template = "identity.deleted" })
		lane := courier.Query{Queue: courier.Events, Lane: "ana"}
		require.Equal(t, []*courier.Message{event}, list(lane))
		require.Equal(t, []*courier.Message{event}, list(courier.Query{Queue: courier.Events, Template: "identity.created"}))
		lane.Template = "identity.deleted"
		require.Empty(t, list(lane))
		at := func(d time.Duration) time.Time { return noon.Add(d * time.Microsecond) }
		require.Len(t, list(courier.Query{Queue: courier.Mail, Since: at(1), Until: at(2)}), 3)
		require.Len(t, list(courier.Query{Queue: courier.Mail, Since: at(1)}), 6)
		require.Len(t, list(courier.Query{Queue: courier.Mail, Until: at(1)}), 3)
		require.Len(t, list(courier.Query{Queue: courier.Mail, Since: noon, Until: at(3), Status: courier.Abandoned}), 3)
		require.Empty(t, list(courier.Query{Queue: courier.Mail, Until: noon}))
	})
}

func TestQueueStats(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		empty, err := s.QueueStats(t.Context(), courier.Mail)
		require.NoError(t, err)
		require.Zero(t, empty)
		insertMessage(t, s, func(m *courier.Message) {
			m.Status, m.DueAt, m.LastError, m.CreatedAt = courier.Abandoned, time.Time{}, "554 no relay", noon.Add(-time.Hour)
		})
		refused, err := s.QueueStats(t.Context(), courier.Mail)
		require.NoError(t, err)
		require.Equal(t, courier.QueueStats{Abandoned: 1, LastError: "554 no relay"}, refused)
		for n, m := range []courier.Message{
			{Status: courier.Queued, DueAt: noon, LastError: "first"},
			{Status: courier.Processing, DueAt: noon, LastError: "last"},
			{Status: courier.Queued, DueAt: noon.Add(time.Hour)},
			{Status: courier.Abandoned, LastError: "over"},
			{Status: courier.Abandoned, LastError: "discarded by an operator"},
			{Status: courier.Sent},
			{Status: courier.Sent, Channel: courier.Nowhere},
		} {
			insertMessage(t, s, func(to *courier.Message) {
				to.Status, to.DueAt, to.LastError = m.Status, m.DueAt, m.LastError
				if m.LastError == "discarded by an operator" {
					to.Sealed = nil
				}
				to.CreatedAt, to.UpdatedAt = noon.Add(-time.Duration(n)*time.Minute), noon.Add(time.Duration(n)*time.Minute)
			})
		}
		got, err := s.QueueStats(t.Context(), courier.Mail)
		require.NoError(t, err)
		require.Equal(t, courier.QueueStats{Waiting: 3, Oldest: noon.Add(-2 * time.Minute), Abandoned: 2, LastError: "last"}, got)
	})
}

// How plans tell that a table is looked at, and lines of PostgreSQL's that name
// one and do not say how.
var looksAt, afterwards = regexp.MustCompile(`\b(messages|o)\b|Bitmap Index`), regexp.MustCompile(`Cond:|Filter:|Key:|Bitmap Heap|Update on`)

// What was sent long ago and is still kept, and what waits in the other queue,
// slows down neither the figures nor the claims: all that they look at is in an
// index.
func TestQueueIsQuickBesideManyOldMessages(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": testdb.SQLite, "postgres": testdb.Postgres, "mysql": testdb.MySQL} {
		t.Run(name, func(t *testing.T) {
			s := migrated(t, fresh(t))
			for _, queue := range []string{courier.Mail, courier.Events} {
				insertMany(t, s, 3_000, func() *courier.Message {
					m := newMessage()
					m.Queue, m.Status, m.DueAt, m.ExpiresAt = queue, courier.Sent, time.Time{}, noon.Add(time.Hour)
					return m
				})
			}
			insertMany(t, s, 3, newMessage)
			insertMany(t, s, 1_500, func() *courier.Message { return newEvent(newID().String()) })
			for _, queue := range []string{courier.Mail, courier.Events} {
				for what, plan := range persistence.QueuePlans(t.Context(), s, queue) {
					looks := 0
					for _, line := range plan {
						if looksAt.MatchString(line) && !afterwards.MatchString(line) {
							looks++
							require.Regexp(t, "messages_queue_(due|status|lane|age)", line, what)
							require.NotContains(t, line, " messages index ", "MySQL would read a whole index")
							require.NotContains(t, line, "SCAN", "SQLite would, too")
						}
					}
					require.Equal(t, map[string]int{"any": 3, "claim": 3, "stats": 4, "page": 1, "behind": 1, "requeue": 1}[what], looks, "%s: %s", what, plan)
				}
			}
		})
	}
}

func TestOnlyWhatNobodyHasTakenIsRemoved(t *testing.T) {
	each(t, func(t *testing.T, s *persistence.Store) {
		m := insertMessage(t, s, nil)
		require.ErrorIs(t, s.Tx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, s.RemoveMessage(ctx, m))
			return errMine
		}), errMine)
		requireMessage(t, s, m)
		require.NoError(t, s.RemoveMessage(t.Context(), m))
		_, _, err := s.Message(t.Context(), m.ID)
		require.ErrorIs(t, err, courier.ErrNoMessage)
		require.ErrorIs(t, s.RemoveMessage(t.Context(), m), courier.ErrMoved)

		for _, moved := range []*courier.Message{
			insertMessage(t, s, func(m *courier.Message) { m.Status = courier.Processing }),
			insertMessage(t, s, func(m *courier.Message) { m.Status, m.DueAt = courier.Sent, time.Time{} }),
			insertMessage(t, s, func(m *courier.Message) { m.Rev = 1 }),
		} {
			stale := *moved
			stale.Rev = 0
			require.ErrorIs(t, s.RemoveMessage(t.Context(), &stale), courier.ErrMoved)
			requireMessage(t, s, moved)
		}
	})
}

// A message is delivered or removed, never both, and one of them for sure.
func TestRemovalAgainstAClaim(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, dsn string) {
		stores := []*persistence.Store{migrated(t, dsn), open(t, dsn)}
		for round := range 60 {
			m := insertMessage(t, stores[0], func(m *courier.Message) { *m = *newEvent(newID().String()) })
			other := newMessage() // committed with the removal, or not at all
			other.DueAt = noon.Add(time.Hour)
			var both sync.WaitGroup
			var claimed []*courier.Message
			var claimErr, removeErr error
			both.Go(func() {
				claimed, claimErr = stores[round%2].ClaimMessages(t.Context(), courier.Events, noon, noon.Add(time.Hour), 10)
			})
			both.Go(func() {
				removeErr = stores[1].Tx(t.Context(), func(ctx context.Context) error {
					if err := stores[1].InsertMessage(ctx, other); err != nil {
						return err
					}
					return stores[1].RemoveMessage(ctx, m)
				})
			})
			both.Wait()
			require.NoError(t, claimErr)
			_, _, err := stores[0].Message(t.Context(), m.ID)
			_, _, otherErr := stores[0].Message(t.Context(), other.ID)
			if removeErr == nil {
				require.Empty(t, claimed)
				require.ErrorIs(t, err, courier.ErrNoMessage)
				require.NoError(t, otherErr)
				continue
			}
			require.ErrorIs(t, removeErr, courier.ErrMoved)
			require.Len(t, claimed, 1)
			require.NoError(t, err)
			require.ErrorIs(t, otherErr, courier.ErrNoMessage)
		}
	})
}
