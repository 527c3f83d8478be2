package hook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/internal/fail"
)

func TestSchedule(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	weekdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	office := hook.Schedule{Days: weekdays, From: 9 * time.Hour, To: 17*time.Hour + 30*time.Minute, Location: berlin}
	night := hook.Schedule{Days: []time.Weekday{time.Friday}, From: 22 * time.Hour, To: 6 * time.Hour, Location: berlin}
	always := hook.Schedule{To: 24 * time.Hour}
	early := hook.Schedule{Days: []time.Weekday{time.Sunday}, From: time.Hour, To: 5 * time.Hour, Location: berlin}
	gap := hook.Schedule{From: 2*time.Hour + 30*time.Minute, To: 4 * time.Hour, Location: berlin}
	monday := hook.Schedule{Days: []time.Weekday{time.Monday}, To: 24 * time.Hour}
	for name, one := range map[string]struct {
		hook.Schedule
		now, opens string // opens is "" while it is open
	}{
		"before":                     {office, "2026-07-01T08:59:59+02:00", "2026-07-01T09:00:00+02:00"},
		"the first moment":           {office, "2026-07-01T09:00:00+02:00", ""},
		"the last moment":            {office, "2026-07-01T17:29:59.999999999+02:00", ""},
		"over":                       {office, "2026-07-01T17:30:00+02:00", "2026-07-02T09:00:00+02:00"},
		"another clock":              {office, "2026-07-01T07:00:00Z", ""},
		"another clock, before":      {office, "2026-07-01T06:59:59Z", "2026-07-01T09:00:00+02:00"},
		"in winter":                  {office, "2026-01-07T08:00:00Z", ""},
		"in winter, before":          {office, "2026-01-07T07:59:59Z", "2026-01-07T09:00:00+01:00"},
		"the weekend":                {office, "2026-07-03T17:30:00+02:00", "2026-07-06T09:00:00+02:00"},
		"over a change of clocks":    {office, "2026-03-28T12:00:00+01:00", "2026-03-30T09:00:00+02:00"},
		"across midnight, the first": {night, "2026-07-03T22:00:00+02:00", ""},
		"across midnight, the next":  {night, "2026-07-04T05:59:59+02:00", ""},
		"across midnight, over":      {night, "2026-07-04T06:00:00+02:00", "2026-07-10T22:00:00+02:00"},
		"the night before":           {night, "2026-07-03T05:00:00+02:00", "2026-07-03T22:00:00+02:00"},
		"every day":                  {always, "2026-07-04T00:00:00Z", ""},
		"every day, its end":         {always, "2026-07-04T23:59:59.9Z", ""},
		"no settings":                {hook.Schedule{}, "2026-07-04T12:00:00Z", ""},
		"an hour less":               {early, "2026-03-29T04:59:59+02:00", ""},
		"an hour less, over":         {early, "2026-03-29T05:00:00+02:00", "2026-04-05T01:00:00+02:00"},
		"an hour more":               {early, "2026-10-25T04:59:59+01:00", ""},
		"an hour more, over":         {early, "2026-10-25T05:00:00+01:00", "2026-11-01T01:00:00+01:00"},
		"begins at no time":          {gap, "2026-03-29T03:45:00+02:00", ""},
		"a week":                     {monday, "2026-07-07T00:00:00Z", "2026-07-13T00:00:00Z"},
		"the end of a year":          {monday, "2026-12-31T00:00:00Z", "2027-01-04T00:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, one.now)
		require.NoError(t, err)
		err = one.Check(now)
		if one.opens == "" {
			require.NoError(t, err, name)
			continue
		}
		refusal := fail.As(err)
		require.NotNil(t, refusal, name)
		require.Equal(t, fail.Forbidden, refusal.Kind, name)
		require.Equal(t, "flow_refused_by_schedule", refusal.ID, name)
		require.Equal(t, map[string]any{"opens_at": one.opens}, refusal.Details, name)
		opens, err := time.Parse(time.RFC3339, one.opens)
		require.NoError(t, err)
		require.NoError(t, one.Check(opens), "%s: then it is open", name)
		require.Error(t, one.Check(opens.Add(-time.Nanosecond)), "%s: and not before", name)
	}
	require.EqualError(t, office.Check(time.Date(2026, 7, 4, 0, 0, 0, 0, time.UTC)), "flow_refused_by_schedule: This is closed now and opens again on Monday, 6 July 2026 at 09:00 CEST.")
	never := fail.As(hook.Schedule{Days: []time.Weekday{9}}.Check(time.Unix(0, 0)))
	require.Equal(t, "This is closed now.", never.Reason)
}
