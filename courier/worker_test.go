package courier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
)

// In these tests the clock is the bubble's: it moves when everybody waits.

func TestSent(t *testing.T) {
	for _, keep := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, store := newCourier(t, time.Now)
			var got courier.Data
			w := &courier.Worker{Courier: c, KeepBodies: keep, Channels: emailBy(func(_ context.Context, m *courier.Message, d courier.Data) error {
				require.Equal(t, "a@example.org", m.Recipient)
				require.Equal(t, 1, m.SendCount)
				got = d
				return nil
			})}
			enqueue(t, c, "a@example.org")
			n, err := w.Round(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, code, got["verification_code"])

			m, attempts := store.only(t)
			require.Equal(t, courier.Sent, m.Status)
			require.True(t, m.DueAt.IsZero())
			require.Equal(t, time.Now().UTC().Add(retention), m.ExpiresAt)
			require.Empty(t, m.LastError)
			require.Equal(t, keep, m.Sealed != nil)
			require.Len(t, attempts, 1)
			require.Empty(t, attempts[0].Error)
			require.Equal(t, m.ID, attempts[0].MessageID)
			require.EqualValues(t, 1, w.Count(courier.Delivered))

			time.Sleep(time.Hour)
			n, err = w.Round(t.Context())
			require.NoError(t, err)
			require.Zero(t, n, "what is sent is never sent again")
		})
	}
}

func TestSilentIsNeverDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		w := &courier.Worker{Courier: c, Channels: map[string]courier.Channel{courier.Nowhere: sendFunc(func(context.Context, *courier.Message, courier.Data) error {
			t.Error("delivered")
			return nil
		})}}
		put(t, c, courier.Draft{Channel: courier.Email, Recipient: "a@example.org", Silent: true})
		n, err := w.Round(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
		m, attempts := store.only(t)
		require.Equal(t, courier.Nowhere, m.Channel)
		require.Empty(t, attempts)
		require.EqualValues(t, 1, c.Suppressed())
		_, _, err = c.Find(t.Context(), m.ID)
		require.ErrorContains(t, err, "message_not_found")
	})
}

// A message that fails is tried Retries times more, later and later, and then
// given up, readable for an operator who sends it again.
func TestRetriesUntilAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		calls := 0
		w := &courier.Worker{Courier: c, Retries: 3, Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error {
			calls++
			return fmt.Errorf("451 try %d later", calls)
		})}
		enqueue(t, c, "a@example.org")
		for attempt := 1; attempt <= 4; attempt++ {
			n, err := w.Round(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
			m, attempts := store.only(t)
			require.Equal(t, fmt.Sprintf("451 try %d later", attempt), m.LastError)
			require.Len(t, attempts, attempt)
			require.NotNil(t, m.Sealed)
			if attempt == 4 {
				require.Equal(t, courier.Abandoned, m.Status)
				require.True(t, m.DueAt.IsZero())
				require.Equal(t, time.Now().UTC().Add(retention), m.ExpiresAt)
				break
			}
			require.Equal(t, courier.Queued, m.Status)
			require.True(t, m.ExpiresAt.IsZero())
			wait := time.Until(m.DueAt)
			require.GreaterOrEqual(t, wait, courier.Backoff(attempt, 0))
			require.LessOrEqual(t, wait, courier.Backoff(attempt, 1))
			time.Sleep(wait - 1)
			n, err = w.Round(t.Context())
			require.NoError(t, err)
			require.Zero(t, n, "not before its time")
			time.Sleep(time.Nanosecond)
		}
		time.Sleep(time.Hour)
		n, err := w.Round(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, 4, calls)
		require.EqualValues(t, 3, w.Count(courier.Failed))
		require.EqualValues(t, 1, w.Count(courier.GivenUp))

		m, _ := store.only(t)
		_, _, err = c.Resend(t.Context(), m.ID)
		require.NoError(t, err)
		n, err = w.Round(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
		m, _ = store.only(t)
		require.Equal(t, courier.Queued, m.Status, "with all its attempts before it")
		require.Equal(t, 1, m.SendCount)
	})
}

func TestAbandonedAtOnce(t *testing.T) {
	delivered := sendFunc(func(context.Context, *courier.Message, courier.Data) error { return nil })
	for name, c := range map[string]struct {
		channels map[string]courier.Channel
		draft    courier.Draft
		reseal   bool
		spoil    func(*courier.Message)
		want     string
	}{
		"refused for good": {
			channels: emailBy(func(context.Context, *courier.Message, courier.Data) error {
				return fmt.Errorf("rcpt: %w", courier.Permanent(errors.New("550 5.1.1 no such user")))
			}),
			want: "rcpt: 550 5.1.1 no such user",
		},
		"no channel":             {channels: map[string]courier.Channel{courier.Email: delivered}, draft: courier.Draft{Channel: courier.SMS}, want: `no channel "sms" is configured`},
		"another secret":         {channels: emailBy(delivered), reseal: true, want: "the data of this message does not open: the secret it was sealed with is configured no more"},
		"wiped":                  {channels: emailBy(delivered), spoil: func(m *courier.Message) { m.Sealed = nil }, want: "the data of this message was wiped"},
		"workers die of it":      {channels: emailBy(delivered), spoil: func(m *courier.Message) { m.SendCount = 2 * (5 + 1) }, want: "attempts at this message keep ending with the worker that makes them"},
		"cannot be rendered":     {channels: map[string]courier.Channel{courier.Email: courier.Post{Renderer: letters{}, Sender: courier.Inbox{}}}, draft: courier.Draft{Template: "broken"}, want: "the template is broken"},
		"another message's data": {channels: emailBy(delivered), spoil: func(m *courier.Message) { m.ID = uuid.Must(uuid.NewV4()) }, want: "the data of this message does not open: the secret it was sealed with is configured no more"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				post, store := newCourier(t, time.Now)
				c.draft.Recipient = "a@example.org"
				if c.draft.Channel == "" {
					c.draft.Channel = courier.Email
				}
				put(t, post, c.draft)
				m, _ := store.only(t)
				if c.spoil != nil {
					delete(store.rows, m.ID)
					c.spoil(&m)
					store.rows[m.ID] = m
				}
				if c.reseal {
					post.Ring = ring(t, "another secret altogether")
				}
				w := &courier.Worker{Courier: post, Channels: c.channels, Retries: 5}
				n, err := w.Round(t.Context())
				require.NoError(t, err)
				require.Equal(t, 1, n)
				after, attempts := store.only(t)
				require.Equal(t, courier.Abandoned, after.Status)
				require.Equal(t, c.want, after.LastError)
				require.Equal(t, m.Sealed, after.Sealed)
				require.True(t, after.DueAt.IsZero())
				require.Equal(t, c.want, attempts[0].Error)
			})
		})
	}
}

func TestPanicIsAnErrorOfTheAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		w := &courier.Worker{Courier: c, Retries: 5, Channels: emailBy(func(_ context.Context, m *courier.Message, _ courier.Data) error {
			if m.Recipient == "bad@example.org" {
				panic("index out of range")
			}
			return nil
		})}
		enqueue(t, c, "bad@example.org", "good@example.org")
		_, err := w.Round(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[courier.Status]int{courier.Queued: 1, courier.Sent: 1}, store.states())
		for _, m := range store.rows {
			if m.Status == courier.Queued {
				require.Equal(t, "panic: index out of range", m.LastError)
			}
		}
	})
}

// A delivery that hangs ends at its deadline, safely before the lease, whether
// its channel heeds the deadline or not.
func TestDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		timeout, lease, want time.Duration
		deaf                 bool
		told                 string
	}{
		"by default":                    {want: 30 * time.Second, told: "given up after 30s: context deadline exceeded"},
		"as configured":                 {timeout: 5 * time.Second, want: 5 * time.Second, told: "given up after 5s: context deadline exceeded"},
		"never near the lease":          {timeout: time.Hour, lease: 20 * time.Second, want: 15 * time.Second, told: "given up after 15s: context deadline exceeded"},
		"the channel heeds no deadline": {timeout: 8 * time.Second, deaf: true, want: 9 * time.Second, told: "given up after 8s: the channel did not return"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				post, store := newCourier(t, time.Now)
				woken := make(chan struct{})
				w := &courier.Worker{Courier: post, Retries: 5, Timeout: c.timeout, Lease: c.lease, Channels: emailBy(func(ctx context.Context, m *courier.Message, _ courier.Data) error {
					if c.deaf {
						m.Template = "no longer anybody's"
						<-woken
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				})}
				enqueue(t, post, "a@example.org")
				begun := time.Now()
				_, err := w.Round(t.Context())
				require.NoError(t, err)
				require.Equal(t, c.want, time.Since(begun))
				close(woken)
				synctest.Wait()
				m, attempts := store.only(t)
				require.Equal(t, courier.Queued, m.Status)
				require.Equal(t, c.told, m.LastError)
				require.Equal(t, "verification_code_valid", m.Template, "what a channel left behind has is a copy")
				require.Equal(t, c.want, attempts[0].FinishedAt.Sub(attempts[0].StartedAt))
			})
		})
	}
}

// A hundred that hang, ten times as many as there are slots, cost the others
// seconds and not minutes.
func TestManyThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		w := &courier.Worker{Courier: c, Channels: emailBy(func(ctx context.Context, m *courier.Message, _ courier.Data) error {
			if strings.HasPrefix(m.Recipient, "hang") {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})}
		for n := range 100 {
			enqueue(t, c, fmt.Sprintf("hang%d@example.org", n))
		}
		for n := range 100 {
			enqueue(t, c, fmt.Sprintf("good%d@example.org", n))
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		time.Sleep(6 * time.Second)
		require.Equal(t, map[courier.Status]int{courier.Sent: 100, courier.Processing: 100}, store.states())
		stop()
		require.NoError(t, <-ended)
		require.Zero(t, store.states()[courier.Processing], "the end waits for their deadlines")
	})
}

// However much waits for a recipient that hangs, others have their turn at once.
func TestOneRecipientThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		w := &courier.Worker{Courier: c, Channels: emailBy(func(ctx context.Context, m *courier.Message, _ courier.Data) error {
			if m.Recipient == "hang@example.org" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})}
		for range 1000 {
			enqueue(t, c, "hang@example.org")
		}
		enqueue(t, c, "good@example.org")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		time.Sleep(2 * time.Second)
		states := store.states()
		stop()
		require.NoError(t, <-ended)
		require.Equal(t, 1, states[courier.Sent])
		require.Less(t, states[courier.Processing], 20, "two PullCounts")
	})
}

// One recipient that hangs and a hundred that fail come first; a thousand good
// ones behind them do not wait.
func TestPoisonFirst(t *testing.T) {
	const slots, each = 10, 10 * time.Millisecond
	deliver := func(poison bool) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			c, store := newCourier(t, time.Now)
			begun := time.Now()
			var mu sync.Mutex
			good := 0
			done := make(chan struct{})
			w := &courier.Worker{Courier: c, Retries: 1, PullCount: slots, Channels: emailBy(func(ctx context.Context, m *courier.Message, _ courier.Data) error {
				switch {
				case strings.HasPrefix(m.Recipient, "hang"):
					<-ctx.Done()
					return ctx.Err()
				case strings.HasPrefix(m.Recipient, "fail"):
					time.Sleep(each)
					return errors.New("450 not now")
				}
				time.Sleep(each)
				mu.Lock()
				defer mu.Unlock()
				if good++; good == 1000 {
					took = time.Since(begun)
					close(done)
				}
				return nil
			})}
			if poison {
				enqueue(t, c, "hang@example.org")
				for n := range 100 {
					enqueue(t, c, fmt.Sprintf("fail%d@example.org", n))
				}
			}
			for n := range 1000 {
				enqueue(t, c, fmt.Sprintf("good%d@example.org", n))
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- w.Run(ctx) }()
			<-done
			if poison {
				synctest.Wait()
				require.Equal(t, 1000, store.states()[courier.Sent])
				page, err := store.Messages(ctx, courier.Query{Queue: courier.Mail, Recipient: "hang@example.org", Limit: 1})
				require.NoError(t, err)
				require.Equal(t, courier.Processing, page[0].Status, "it still hangs in its first attempt")
				require.Equal(t, 1, page[0].SendCount)
				time.Sleep(10 * time.Minute)
				require.Equal(t, map[courier.Status]int{courier.Sent: 1000, courier.Abandoned: 101}, store.states())
				require.EqualValues(t, 101, w.Count(courier.Failed))
			}
			stop()
			require.NoError(t, <-ended)
			require.EqualValues(t, 1000, w.Count(courier.Delivered), "none twice")
		})
		return took
	}
	baseline := deliver(false)
	require.Equal(t, 1000/slots*each, baseline)
	require.LessOrEqual(t, deliver(true), 2*baseline)
}

// Told to end, a worker claims nothing more and settles what it has begun.
func TestRunEndsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		w := &courier.Worker{Courier: c, Retries: 5, PullCount: 2, Channels: emailBy(func(ctx context.Context, m *courier.Message, _ courier.Data) error {
			if m.Recipient == "hang@example.org" {
				<-ctx.Done()
				return ctx.Err()
			}
			stop()
			time.Sleep(5 * time.Second)
			return ctx.Err()
		})}
		enqueue(t, c, "hang@example.org")
		time.Sleep(time.Nanosecond)
		enqueue(t, c, "slow@example.org")
		time.Sleep(time.Nanosecond)
		enqueue(t, c, "never@example.org")
		begun := time.Now()
		require.NoError(t, w.Run(ctx))
		require.Equal(t, 30*time.Second, time.Since(begun))
		require.Equal(t, map[courier.Status]int{courier.Sent: 1, courier.Queued: 2}, store.states())
		for _, m := range store.rows {
			require.Equal(t, m.Recipient == "never@example.org", m.SendCount == 0, m.Recipient)
		}
	})
}

// What a claim has brought when the worker is told to end is delivered still.
func TestRunEndsWhileClaiming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		store.failing = func(op string) error {
			if op == "claim" {
				stop()
			}
			return nil
		}
		w := &courier.Worker{Courier: c, Channels: emailBy(func(ctx context.Context, _ *courier.Message, _ courier.Data) error { return ctx.Err() })}
		enqueue(t, c, "a@example.org")
		require.NoError(t, w.Run(ctx))
		require.Equal(t, map[courier.Status]int{courier.Sent: 1}, store.states())
	})
}

// With nothing due a worker asks about once a second, and less often while the
// store fails.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		var claims atomic.Int64
		var mended atomic.Bool
		store.failing = func(string) error {
			claims.Add(1)
			if !mended.Load() {
				return errors.New("the database is away")
			}
			return nil
		}
		var log bytes.Buffer
		w := &courier.Worker{Courier: c, Log: slog.New(slog.NewTextHandler(&log, nil)), Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error { return nil })}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.InDelta(t, 25, claims.Load(), 8)
		require.EqualValues(t, claims.Load(), strings.Count(log.String(), "the database is away"))
		mended.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		claims.Store(0)
		time.Sleep(100 * time.Second)
		synctest.Wait()
		require.InDelta(t, 100, claims.Load(), 10)
		enqueue(t, c, "a@example.org")
		time.Sleep(1250 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, map[courier.Status]int{courier.Sent: 1}, store.states())
		stop()
		require.NoError(t, <-ended)
	})
}

// A worker that dies with a claim leaves the message to another, under the same id.
func TestWorkerDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		enqueue(t, c, "a@example.org")
		first, err := c.Store.ClaimMessages(t.Context(), courier.Mail, time.Now(), time.Now().Add(time.Minute), 10)
		require.NoError(t, err)
		require.Len(t, first, 1)

		var ids []uuid.UUID
		w := &courier.Worker{Courier: c, Retries: 0, Channels: emailBy(func(_ context.Context, m *courier.Message, _ courier.Data) error {
			ids = append(ids, m.ID)
			return nil
		})}
		time.Sleep(time.Minute - 1)
		n, err := w.Round(t.Context())
		require.NoError(t, err)
		require.Zero(t, n, "the claim still holds")
		time.Sleep(time.Nanosecond)
		n, err = w.Round(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, []uuid.UUID{first[0].ID}, ids)
		m, _ := store.only(t)
		require.Equal(t, courier.Sent, m.Status)
		require.Equal(t, 2, m.SendCount)

		first[0].Rev++
		first[0].Status = courier.Queued
		require.ErrorIs(t, c.Store.SaveMessage(t.Context(), first[0], nil), courier.ErrMoved)
	})
}

func TestSavingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		saves := 0
		store.failing = func(op string) error {
			if op == "save" {
				if saves++; saves < 5 {
					return errors.New("the database is away")
				}
			}
			return nil
		}
		sent := 0
		w := &courier.Worker{Courier: c, Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error { sent++; return nil })}
		enqueue(t, c, "a@example.org")
		_, err := w.Round(t.Context())
		require.NoError(t, err)
		m, attempts := store.only(t)
		require.Equal(t, courier.Sent, m.Status)
		require.Len(t, attempts, 1)
		require.Equal(t, 1, sent)
		require.EqualValues(t, 1, w.Count(courier.Delivered))
	})
}

// What cannot be noted before the lease ends is left to the next claim.
func TestSavingEndsWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		broken := true
		store.failing = func(op string) error {
			if op == "save" && broken {
				return errors.New("the database is away")
			}
			return nil
		}
		sent := 0
		w := &courier.Worker{Courier: c, Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error { sent++; return nil })}
		enqueue(t, c, "a@example.org")
		begun := time.Now()
		_, err := w.Round(t.Context())
		require.NoError(t, err)
		require.Less(t, time.Since(begun), time.Minute)
		require.Greater(t, time.Since(begun), 50*time.Second)
		require.EqualValues(t, 1, w.Count(courier.TakenOver))
		require.Zero(t, w.Count(courier.Delivered))
		m, _ := store.only(t)
		require.Equal(t, courier.Processing, m.Status)
		broken = false
		time.Sleep(time.Until(m.DueAt))
		_, err = w.Round(t.Context())
		require.NoError(t, err)
		m, _ = store.only(t)
		require.Equal(t, courier.Sent, m.Status)
		require.Equal(t, 2, sent)
	})
}

// A message that somebody else has taken meanwhile is not written to.
func TestTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		var log bytes.Buffer
		w := &courier.Worker{Courier: c, Log: slog.New(slog.NewTextHandler(&log, nil)), Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error {
			store.mu.Lock()
			defer store.mu.Unlock()
			for id, m := range store.rows {
				m.Rev++
				m.LastError = "another's"
				store.rows[id] = m
			}
			return nil
		})}
		enqueue(t, c, "a@example.org")
		begun := time.Now()
		_, err := w.Round(t.Context())
		require.NoError(t, err)
		require.Zero(t, time.Since(begun), "saving it again would not help")
		m, attempts := store.only(t)
		require.Equal(t, "another's", m.LastError)
		require.Equal(t, courier.Processing, m.Status)
		require.Empty(t, attempts)
		require.EqualValues(t, 1, w.Count(courier.TakenOver))
		require.Contains(t, log.String(), "level=WARN")
		require.Contains(t, log.String(), "taken over")
	})
}

// A claim that took as long as it holds is not acted on.
func TestClaimTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		store.failing = func(op string) error {
			if op == "claim" {
				time.Sleep(time.Minute)
			}
			return nil
		}
		w := &courier.Worker{Courier: c, Timeout: time.Hour, Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error {
			t.Error("delivered")
			return nil
		})}
		enqueue(t, c, "a@example.org")
		_, err := w.Round(t.Context())
		require.NoError(t, err)
		m, _ := store.only(t)
		require.Equal(t, courier.Processing, m.Status)
	})
}

// Four workers beside each other send every message once.
func TestWorkersBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, store := newCourier(t, time.Now)
		var mu sync.Mutex
		sent := map[string]int{}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 4 {
			w := &courier.Worker{Courier: c, Channels: emailBy(func(_ context.Context, m *courier.Message, _ courier.Data) error {
				time.Sleep(time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				sent[m.Recipient]++
				return nil
			})}
			running.Go(func() { _ = w.Run(ctx) })
		}
		for n := range 1000 {
			enqueue(t, c, fmt.Sprintf("p%d@example.org", n))
		}
		time.Sleep(time.Minute)
		stop()
		running.Wait()
		require.Len(t, sent, 1000)
		for to, n := range sent {
			require.Equal(t, 1, n, to)
		}
		require.Equal(t, map[courier.Status]int{courier.Sent: 1000}, store.states())
	})
}

// Neither what a message says nor to whom it goes gets into the log, and what
// it says does not get into the row either, though the server repeats all of it.
func TestNothingIsTold(t *testing.T) {
	for _, to := range []string{"ada.lovelace@example.org", "+4915123456789"} {
		for _, permanent := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				c, store := newCourier(t, time.Now)
				var log bytes.Buffer
				echo := sendFunc(func(_ context.Context, m *courier.Message, d courier.Data) error {
					err := fmt.Errorf("554 <%s> refused:\r\n554 your text %v was\x00 spam,\n\tsee %v or %s \u202e or token aVeryLongToken+1 %s",
						m.Recipient, d["verification_code"], d["verification_url"], strings.TrimPrefix(m.Recipient, "+"), strings.Repeat("é", 2000))
					if permanent {
						return courier.Permanent(err)
					}
					return err
				})
				w := &courier.Worker{
					Courier: c, Retries: 5, Channels: map[string]courier.Channel{courier.Email: echo},
					Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				}
				enqueue(t, c, to)
				_, err := w.Round(t.Context())
				require.NoError(t, err)
				m, attempts := store.only(t)
				require.Equal(t, m.LastError, attempts[0].Error)
				require.True(t, strings.HasPrefix(m.LastError, "554 <"+to+"> refused: 554 your text [redacted] was spam, see [redacted] or "), m.LastError)
				require.LessOrEqual(t, len(m.LastError), 1024)
				require.True(t, strings.HasSuffix(m.LastError, "é…"), m.LastError)
				for _, secret := range []string{code, link, "aVeryLongToken"} {
					require.NotContains(t, m.LastError, secret)
					require.NotContains(t, log.String(), secret)
				}
				require.NotContains(t, log.String(), to)
				require.NotContains(t, log.String(), strings.TrimPrefix(to, "+"))
				require.Contains(t, log.String(), "message_id="+m.ID.String())
				require.Contains(t, log.String(), "attempt=1")
				require.Contains(t, log.String(), map[bool]string{true: "to=a…@example.org", false: "to=+49…89"}[strings.Contains(to, "@")])
			})
		}
	}
}

// Who gets an event is no person, and named.
func TestReceiversAreNamedInLogs(t *testing.T) {
	c, _ := newCourier(t, time.Now)
	c.Queue = courier.Events
	var log bytes.Buffer
	w := &courier.Worker{
		Courier: c, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error {
			return errors.New("the crm of ada@example.org is away")
		}),
	}
	enqueue(t, c, "crm")
	_, err := w.Round(t.Context())
	require.NoError(t, err)
	require.Contains(t, log.String(), "to=crm")
	require.Contains(t, log.String(), `cause="the crm of [redacted] is away"`)
}

// A server's answer is cut off somewhere before it is kept. What is left of a
// secret at its end is most of it, and stays out all the same.
func TestNothingIsToldOfWhatWasCutOff(t *testing.T) {
	const gone = "[redacted]"
	for said, want := range map[string]string{
		"500: see " + link[:len(link)-1]:           "500: see " + gone,
		"500: see " + link[:len(link)-1] + "…":     "500: see " + gone + "…",
		"500: see " + link[:len(link)-1] + "...":   "500: see " + gone + "...",
		"500: token=aVeryLongTok":                  "500: token=" + gone,
		"500: token=aVeryL":                        "500: token=" + gone,
		"500: token=aVeryLongToken%2":              "500: token=" + gone,
		"500: token=aVery":                         "500: token=aVery",
		"500: code " + code[:5]:                    "500: code " + gone,
		"500: code " + code[:3] + "\x00":           "500: code " + gone,
		"500: code " + code[:2]:                    "500: code " + code[:2],
		"500: code " + code[:5] + " is cut no end": "500: code " + code[:5] + " is cut no end",
	} {
		synctest.Test(t, func(t *testing.T) {
			c, store := newCourier(t, time.Now)
			var log bytes.Buffer
			w := &courier.Worker{
				Courier: c, Retries: 5, Log: slog.New(slog.NewTextHandler(&log, nil)),
				Channels: emailBy(func(context.Context, *courier.Message, courier.Data) error { return errors.New(said) }),
			}
			enqueue(t, c, "a@example.org")
			_, err := w.Round(t.Context())
			require.NoError(t, err)
			m, attempts := store.only(t)
			require.Equal(t, want, m.LastError)
			require.Equal(t, want, attempts[0].Error)
			require.Contains(t, log.String(), `cause="`+want+`"`)
		})
	}
}

// A known address's message carries the person and an unknown one's does not:
// the size of the row tells nothing of that.
func TestRowsAreOfOneSize(t *testing.T) {
	c, store := newCourier(t, time.Now)
	for _, d := range []courier.Draft{
		{Data: courier.Data{"to": "a@example.org"}, Silent: true},
		{Data: courier.Data{"to": "a@example.org", "identity": map[string]any{"traits": map[string]any{"name": strings.Repeat("a", 1500)}}}},
		{Data: courier.Data{"to": strings.Repeat("a", 2048-len(`{"to":""}`))}},
	} {
		d.Channel, d.Recipient = courier.Email, "a@example.org"
		put(t, c, d)
	}
	put(t, c, courier.Draft{Channel: courier.Email, Data: courier.Data{"to": strings.Repeat("b", 2048)}})
	sizes := map[int]int{}
	for _, m := range store.rows {
		sizes[len(m.Sealed)]++
		d, err := c.Open(&m)
		require.NoError(t, err)
		require.NotEmpty(t, d["to"])
	}
	require.Len(t, sizes, 2)
	var counts []int
	for _, n := range sizes {
		counts = append(counts, n)
	}
	require.ElementsMatch(t, []int{3, 1}, counts)
}
