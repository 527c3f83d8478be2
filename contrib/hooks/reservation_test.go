package hooks

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// patience is more than a reservation waits for the end of its step.
const patience = 2 * time.Minute

func phase(c hooksim.Call) string       { return c.Header.Get("Foyer-Reservation-Phase") }
func reservation(c hooksim.Call) string { return c.Header.Get("Foyer-Reservation-Id") }

// ended is how each reservation that was asked for ended, by what the receiver
// was told: "" for not yet. It fails where one was told both, or a confirmation
// of what it was never asked. A question that did not arrive is cancelled.
func ended(t testing.TB, calls []hooksim.Call) map[string]string {
	t.Helper()
	out, question := map[string]string{}, map[string]string{}
	for _, c := range calls {
		if phase(c) == "reserve" {
			out[reservation(c)] = ""
			// Again over a new connection where one that was kept turns out to be closed.
			id := c.Header.Get("Webhook-Id")
			require.Equal(t, cmp.Or(question[reservation(c)], id), id, "asked twice")
			question[reservation(c)] = id
		}
	}
	for _, c := range calls {
		id := reservation(c)
		switch p := phase(c); p {
		case "confirm", "cancel":
			was, asked := out[id]
			require.True(t, asked || p == "cancel", "confirmation of what was never asked for")
			require.Contains(t, []string{"", p}, was, "both ends of one reservation")
			out[id] = p
		}
	}
	return out
}

func how(ends map[string]string) map[string]int {
	out := map[string]int{}
	for _, end := range ends {
		out[end]++
	}
	return out
}

// A step that outlasts the patience for its reservation is stored and confirmed,
// or its reservation is cancelled and it is not: by whether somebody has begun to
// cancel.
func TestSlowCommits(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		r := newReceiver(t)
		db := testdb.Open(t, dsn)
		env := start(t, dsn, []object{webHook("crm", r.URL(""), object{"reserve": true})}, enginetest.With("log.level", "fatal"))
		claims := false
		r.SetFunc(func(c hooksim.Call) string {
			if phase(c) == "reserve" {
				env.Clock.Advance(patience)
				if claims {
					env.Deliver()
				}
			}
			return "ok"
		})
		c := env.Native()
		f := c.OpenKind("registration", "")
		claims = true
		a := c.Submit(f, enginetest.Person("ada@example.org"))
		require.Equal(t, http.StatusServiceUnavailable, a.Status, "%s", a.Body)
		require.Equal(t, "reservation_lost", a.ErrorID())
		deliverAll(t, env, db)
		require.Equal(t, map[string]int{"cancel": 1}, how(ended(t, r.Calls())))
		require.Zero(t, env.Identities())
		require.Empty(t, env.Inbox(""))

		claims = false
		require.Equal(t, http.StatusOK, c.Submit(f, enginetest.Person("ada@example.org")).Status, "the same submit")
		deliverAll(t, env, db)
		require.Equal(t, map[string]int{"cancel": 1, "confirm": 1}, how(ended(t, r.Calls())))
		require.Equal(t, 1, env.Identities())
	})
}

// However close a commit and the worker that cancels its reservation come to each
// other, one of them wins and the other one knows.
func TestCommitAgainstCancellation(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		r := newReceiver(t)
		db := testdb.Open(t, dsn)
		env := start(t, dsn, []object{webHook("crm", r.URL(""), object{"reserve": true})}, enginetest.With("log.level", "fatal"))
		var racing sync.WaitGroup
		pause := time.Duration(0)
		r.SetFunc(func(c hooksim.Call) string {
			if phase(c) == "reserve" {
				env.Clock.Advance(patience)
				racing.Go(func() {
					time.Sleep(pause)
					if _, err := env.App.Events.Round(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			return "ok"
		})
		c := env.Native()
		committed, lost := 0, 0
		// The pause is steered to where both win about as often.
		most := 4 * time.Millisecond
		for n := range *rounds {
			f := c.OpenKind("registration", "")
			pause = rand.N(most)
			a := c.Submit(f, enginetest.Person(fmt.Sprintf("person-%d@example.org", n)))
			racing.Wait()
			switch {
			case a.Status == http.StatusOK:
				committed++
				most = max(most*3/4, 100*time.Microsecond)
			case a.Status == http.StatusServiceUnavailable && a.ErrorID() == "reservation_lost":
				lost++
				most = min(most*4/3, 100*time.Millisecond)
			default:
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
		deliverAll(t, env, db)
		require.Equal(t, *rounds, committed+lost)
		want := map[string]int{}
		if committed > 0 {
			want["confirm"] = committed
		}
		if lost > 0 {
			want["cancel"] = lost
		}
		require.Equal(t, want, how(ended(t, r.Calls())))
		require.Equal(t, committed, number(t, db, "SELECT count(*) FROM identities"))
		require.Equal(t, committed, number(t, db, "SELECT count(*) FROM messages WHERE queue = 'messages'"))
		t.Logf("%d reservations: %d committed and confirmed, %d lost and cancelled", *rounds, committed, lost)
	})
}
