package hook

import (
	"slices"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
)

// Schedule refuses flows that are opened outside of its hours.
type Schedule struct {
	// Days are those on which the hours begin; every day if it is empty.
	Days []time.Weekday
	// From and To are times of day, by the clocks of Location, since midnight:
	// 9h is 09:00 also on a day whose clocks change. To is the first moment after
	// the hours. One that is not after From is of the next day. Where clocks show
	// a time twice, or never, one of the moments around it counts.
	From, To time.Duration
	// Location is UTC if it is nil.
	Location *time.Location
}

// Check returns nil within the hours, else the refusal flow_refused_by_schedule,
// which tells in its reason, and as details.opens_at, when they begin again.
func (s Schedule) Check(now time.Time) error {
	if s.Location == nil {
		s.Location = time.UTC
	}
	now = now.In(s.Location)
	refusal := fail.New(fail.Forbidden, "flow_refused_by_schedule", "This is closed now.")
	for day := -1; day <= 8; day++ { // yesterday's hours may last; today's may be over for a week
		if weekday := now.Weekday() + time.Weekday(day+7); len(s.Days) > 0 && !slices.Contains(s.Days, weekday%7) {
			continue
		}
		last := day
		if s.To <= s.From {
			last++
		}
		from, to := s.clock(now, day, s.From), s.clock(now, last, s.To)
		if !now.Before(to) {
			continue
		}
		if !now.Before(from) {
			return nil
		}
		refusal.Reason = "This is closed now and opens again on " + from.Format("Monday, 2 January 2006 at 15:04 MST") + "."
		refusal.Details = map[string]any{"opens_at": from.Format(time.RFC3339)}
		break
	}
	return refusal
}

// clock is when the clocks show a time of a day, counted from now's.
func (s Schedule) clock(now time.Time, day int, at time.Duration) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d+day, 0, 0, int(at/time.Second), 0, s.Location)
}
