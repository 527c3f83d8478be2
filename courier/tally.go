package courier

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// Outcome is what came of an attempt.
type Outcome string

// What can come of an attempt.
const (
	Delivered Outcome = "sent"
	Failed    Outcome = "failed"     // and is tried again
	GivenUp   Outcome = "abandoned"  // and is not
	TakenOver Outcome = "taken_over" // its outcome could not be noted before its claim ended: somebody makes another
)

// Outcomes lists them all, in that order.
func Outcomes() []Outcome { return []Outcome{Delivered, Failed, GivenUp, TakenOver} }

type tally [4]atomic.Int64

// Count is how many attempts of this worker have ended with o.
func (w *Worker) Count(o Outcome) int64 {
	n := slices.Index(Outcomes(), o)
	if n < 0 {
		return 0
	}
	return w.counts[n].Load()
}

// count counts an attempt and logs it.
func (w *Worker) count(ctx context.Context, m *Message, o Outcome, err error) {
	w.counts[slices.Index(Outcomes(), o)].Add(1)
	attrs := about(m)
	switch o {
	case Delivered:
		w.log().LogAttrs(ctx, slog.LevelInfo, "message sent", attrs...)
	case Failed:
		attrs = append(attrs, cause(m, m.LastError), slog.Time("next_attempt_at", m.DueAt))
		w.log().LogAttrs(ctx, slog.LevelWarn, "message not sent, will be tried again", attrs...)
	case GivenUp:
		w.log().LogAttrs(ctx, slog.LevelError, "message abandoned", append(attrs, cause(m, m.LastError))...)
	case TakenOver:
		attrs = append(attrs, slog.String("status", string(m.Status)), cause(m, words(err, nil)))
		w.log().LogAttrs(ctx, slog.LevelWarn, "message was taken over, or will be: this attempt is not noted", attrs...)
	}
}
