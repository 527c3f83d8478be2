package courier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/seal"
)

// deliver makes one attempt at a claimed message and settles what came of it.
// The end of ctx does not cut it short; its deadline does.
func (w *Worker) deliver(ctx context.Context, m *Message) {
	ctx = context.WithoutCancel(ctx)
	now, until := w.Courier.Now().UTC(), m.DueAt
	// What is left of the lease has to do for settling, too.
	limit := min(w.timeout(), until.Sub(now)*3/4)
	if limit <= 0 {
		w.count(ctx, m, TakenOver, errors.New("the claim ran out before the delivery began"))
		return
	}
	a := &Attempt{ID: uuid.Must(uuid.NewV4()), MessageID: m.ID, StartedAt: now}
	channel, data, err := w.prepare(m)
	if err == nil {
		err = try(ctx, channel, m, data, limit)
	}
	a.FinishedAt = w.Courier.Now().UTC()
	a.Error = words(err, data)
	outcome := w.judge(m, err, a)
	if unsaved := w.save(ctx, m, a, until); unsaved != nil {
		outcome, err = TakenOver, unsaved
	}
	w.count(ctx, m, outcome, err)
}

// prepare returns what delivering m needs, or why no attempt can deliver it.
func (w *Worker) prepare(m *Message) (Channel, Data, error) {
	channel := w.Channels[m.Channel]
	switch {
	case channel == nil:
		return nil, nil, Permanent(fmt.Errorf("no channel %q is configured", m.Channel))
	case m.SendCount > 2*(w.Retries+1):
		// A claim that ended with its worker counts as an attempt. Such claims
		// alone give a message up at twice the usual number, since nobody has
		// refused it; a failure that follows them does at the usual one.
		return nil, nil, Permanent(errors.New("attempts at this message keep ending with the worker that makes them"))
	case m.Sealed == nil:
		return nil, nil, Permanent(errors.New("the data of this message was wiped"))
	}
	data, err := w.Courier.Open(m)
	if errors.Is(err, seal.ErrOpen) {
		return nil, nil, Permanent(errors.New("the data of this message does not open: the secret it was sealed with is configured no more"))
	}
	if err != nil {
		return nil, nil, Permanent(errors.New("the data of this message is not JSON"))
	}
	return channel, data, nil
}

// try delivers within limit. A channel that does not return at its deadline,
// against its contract, is left behind with a copy of the message.
func try(ctx context.Context, c Channel, m *Message, d Data, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	alone := *m
	result := make(chan error, 1)
	go func() { result <- guarded(ctx, c, &alone, d) }()
	var err error
	select {
	case err = <-result:
	case <-ctx.Done():
		grace := time.NewTimer(limit / 8)
		defer grace.Stop()
		select {
		case err = <-result:
		case <-grace.C:
			err = errors.New("the channel did not return")
		}
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("given up after %s: %w", limit, err)
	}
	return err
}

// guarded makes a panic of the channel an error of this attempt.
func guarded(ctx context.Context, c Channel, m *Message, d Data) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return c.Deliver(ctx, m, d)
}

// judge writes into m what came of an attempt.
func (w *Worker) judge(m *Message, err error, a *Attempt) Outcome {
	m.Rev++
	m.UpdatedAt, m.LastError = a.FinishedAt, a.Error
	outcome := Failed
	switch {
	case err == nil:
		outcome, m.Status = Delivered, Sent
		if !w.KeepBodies {
			m.Sealed = nil
		}
	case IsPermanent(err) || m.SendCount > w.Retries:
		outcome, m.Status = GivenUp, Abandoned
	default:
		m.Status, m.DueAt = Queued, a.FinishedAt.Add(Backoff(m.SendCount, rand.Float64()))
		return outcome
	}
	m.DueAt, m.ExpiresAt = time.Time{}, a.FinishedAt.Add(w.Courier.Retention)
	return outcome
}

// save keeps trying to store what came of an attempt until the claim ends: a
// message that was sent and is not noted so is sent twice.
func (w *Worker) save(ctx context.Context, m *Message, a *Attempt, until time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, w.lease())
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := w.Courier.Store.SaveMessage(ctx, m, a)
		if err == nil || errors.Is(err, ErrMoved) || ctx.Err() != nil || !w.Courier.Now().Add(wait).Before(until) {
			return err
		}
		w.log().LogAttrs(ctx, slog.LevelWarn, "the outcome of a message was not saved, trying again", append(about(m), cause(m, words(err, nil)))...)
		pause(ctx, wait, nil)
	}
}
