package hooks

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// secret is part of whatever must not be shown.
const secret = "canary-4711"

// reasons are what an attempt is remembered by where the receiver did not take
// what it was sent, in part.
var reasons = map[string]string{
	"veto": "the receiver answered 400", "veto_form": "the receiver answered 400", "forbidden_no_messages": "the receiver answered 403",
	"error_500": "the receiver answered 500", "error_500_html": "the receiver answered 500", "error_503": "the receiver answered 503",
	"redirect_302": "the receiver answered 302", "redirect_307": "the receiver answered 307",
	"hang_before_headers": "given up after 1s", "close_before_answer": "EOF", "bad_content_length": "bad Content-Length",
	"not_there": "connection refused", "dns_fails": "lookup receiver.invalid", "tls_garbage": "tls",
}

// tell runs the program with a hook and an endpoint that nobody waits for.
func tell(t *testing.T, dsn, url string) *enginetest.Env {
	config := object{
		"timeout": nil, "body": []string{"identity.traits.email"},
		"auth": object{"type": "api_key", "config": object{"name": "X-Key", "value": secret, "in": "header"}},
	}
	return start(t, dsn, []object{webHook("stored", url+"/stored?token="+secret, config)},
		enginetest.With("events.endpoints", []object{{
			"id": "warehouse", "url": url + "/events?token=" + secret, "types": []string{"registration.completed"},
			"auth": object{"type": "basic_auth", "config": object{"user": "foyer", "password": secret}},
		}}), enginetest.With("events.timeout", "1s"), enginetest.With("log.level", "debug"))
}

// row is what is in store for a receiver.
type row struct {
	id, to, status, reason string
	attempts               int
}

// rows are those that are not known yet.
func rows(t *testing.T, db *sql.DB, known map[string]bool) (list []row) {
	t.Helper()
	found, err := db.Query(`SELECT m.id, m.recipient, m.status, m.last_error, (SELECT count(*) FROM message_attempts a WHERE a.message_id = m.id)
		FROM messages m WHERE m.queue = 'events' ORDER BY m.recipient`)
	require.NoError(t, err)
	defer found.Close()
	for found.Next() {
		var r row
		require.NoError(t, found.Scan(&r.id, &r.to, &r.status, &r.reason, &r.attempts))
		if !known[r.id] {
			list = append(list, r)
		}
	}
	require.NoError(t, found.Err())
	return list
}

// What is told afterwards waits for a receiver that fails, and says why in words
// without secrets; what it took, however badly it answered, is not told again.
func TestStored(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		r, db := newReceiver(t), testdb.Open(t, dsn)
		why, known := map[string]bool{}, map[string]bool{}
		t.Run("modes", func(t *testing.T) {
			env := tell(t, dsn, r.URL(""))
			for n := range *repeats {
				for _, mode := range hooksim.Modes {
					if isPlace(mode.Name) {
						continue
					}
					r.Set(mode.Name)
					r.Forget()
					env.Native().SignUp(enginetest.Person(fmt.Sprintf("%s.%d@example.org", mode.Name, n)))
					env.Deliver()
					took := outcomes[mode.Name].asks == passed
					fresh := waits(t, db, known, mode.Name, took)
					for _, one := range fresh {
						known[one.id], why[one.reason] = true, true
					}
					mended(t, env, db, r, fresh, took)
				}
			}
			require.NotContains(t, env.Logs.String(), secret)
			a := env.Admin("GET", "/admin/events", nil)
			require.NotContains(t, string(a.Body), secret)
		})
		for _, place := range places {
			var fresh []row
			t.Run(place, func(t *testing.T) {
				env := tell(t, dsn, r.URL(place))
				env.Native().SignUp(enginetest.Person(place + "@example.org"))
				env.Deliver()
				fresh = waits(t, db, known, place, false)
				require.NotContains(t, env.Logs.String(), secret)
			})
			t.Run(place+" mended", func(t *testing.T) {
				for _, one := range fresh {
					known[one.id], why[one.reason] = true, true
				}
				r.Forget()
				mended(t, tell(t, dsn, r.URL("")), db, r, fresh, false)
			})
		}
		require.Zero(t, r.CanaryHits())
		for _, reason := range slices.Sorted(maps.Keys(why)) {
			t.Log(reason)
		}
	})
}

// waits are the rows of one person who has just registered, after one attempt at
// each.
func waits(t *testing.T, db *sql.DB, known map[string]bool, mode string, took bool) []row {
	t.Helper()
	fresh := rows(t, db, known)
	require.Len(t, fresh, 2, "a hook and an event")
	for _, one := range fresh {
		require.Equal(t, 1, one.attempts, mode)
		if took {
			require.Equal(t, "sent", one.status, "%s: %s", mode, one.reason)
			require.Empty(t, one.reason)
			continue
		}
		require.Equal(t, "queued", one.status, mode)
		require.Contains(t, one.reason, reasons[mode], mode)
		for _, hidden := range []string{secret, "http://", "https://", "token", "Zm95ZXI6", "%!"} {
			require.NotContains(t, one.reason, hidden, mode)
		}
	}
	return fresh
}

// mended lets the receiver be well: it gets what waits once more, and what it
// took never again.
func mended(t *testing.T, env *enginetest.Env, db *sql.DB, r *hooksim.Receiver, fresh []row, took bool) {
	t.Helper()
	r.Set("ok")
	before := r.Total()
	for range 2 {
		env.Clock.Advance(time.Hour)
		env.Deliver()
	}
	got, want := map[string]int{}, map[string]int{}
	for _, c := range r.Calls()[before:] {
		got[c.Header.Get("Webhook-Id")]++
	}
	for _, one := range fresh {
		if !took {
			want[one.id] = 1
		}
	}
	require.Equal(t, want, got)
	require.Zero(t, number(t, db, "SELECT count(*) FROM messages WHERE queue = 'events' AND status <> 'sent'"))
}
