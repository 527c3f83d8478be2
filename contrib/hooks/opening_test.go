package hooks

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// Where a flow is opened, whatever the receiver does: no row, the same ids, in
// time, and the door opens again once the receiver is well.
func TestOpenings(t *testing.T) {
	kinds := []string{"registration", "login", "recovery"}
	each(t, func(t *testing.T, dsn string) {
		r := newReceiver(t)
		options := []enginetest.Option{enginetest.WithDSN(dsn), enginetest.WithVerification(), enginetest.WithRecovery(), enginetest.With("log.level", "error")}
		for _, kind := range kinds {
			options = append(options, enginetest.With("selfservice.flows."+kind+".before.hooks", openings(r, kind)))
		}
		b := &bench{T: t, env: enginetest.New(t, options...), r: r, quick: time.Hour, told: map[string]int{}}
		b.count = newCounter(t, dsn, testdb.Open(t, dsn))
		n := 0
		for range *repeats {
			for m, mode := range hooksim.Modes {
				for v, parses := range []bool{false, true} {
					if skips(b.env, m, v, 2) {
						continue
					}
					n++
					b.open(kinds[n%len(kinds)], mode.Name, parses, n)
				}
			}
		}
		require.Zero(t, r.CanaryHits())
		t.Logf("%d flows opened: %v; at most %s added by a hook that may take %s", n, b.told, b.slowest.Round(time.Millisecond), hookTime)
	})
}

// openings are hooks for those who come with a query that names one.
func openings(r *hooksim.Receiver, kind string) (hooks []object) {
	for _, parse := range []bool{false, true} {
		for _, open := range []bool{false, true} {
			for _, group := range groups {
				name := fmt.Sprintf("%s-%t-%t", group, parse, open)
				hooks = append(hooks, inGroup(r, group, kind+"-"+name, object{
					"can_interrupt": true, "response": object{"parse": parse}, "fail_open": open,
					"condition": fmt.Sprintf("request_url endsWith '%s'", name), "body": []string{"flow.id"},
				}))
			}
		}
	}
	return hooks
}

func (b *bench) open(kind, mode string, parses bool, n int) {
	c := b.client(n)
	defer c.HTTP.CloseIdleConnections()
	expected := outcomes[mode].asks
	if parses {
		expected = outcomes[mode].parses
	}
	if !isPlace(mode) {
		b.r.Set(mode)
	}
	get := func(open bool) *enginetest.Answer {
		return c.Get(fmt.Sprintf("/self-service/%s/%s?%s-%t-%t", kind, map[bool]string{true: "api", false: "browser"}[c.Kind == enginetest.Native], groupOf(mode), parses, open))
	}
	opens := func(a *enginetest.Answer) {
		b.Helper()
		if c.Kind == enginetest.HTML {
			require.Equal(b, http.StatusSeeOther, a.Status)
			require.True(b, strings.HasSuffix(a.Location().Path, kind), "%s: %s", mode, a.Location())
			return
		}
		require.Equal(b, http.StatusOK, a.Status, "%s: %s", mode, a.Body)
	}
	if expected == passed {
		opens(get(false))
		return
	}
	b.told[expected] += b.inTime(mode, func() {
		before := b.count.rows(b)
		a := get(false)
		code, id, why := failure(b, c, a)
		wantCode, wantID := idOf(expected)
		if expected == vetoed {
			wantCode, wantID, expected = http.StatusForbidden, "flow_refused_by_web_hook", ""
			defer func() { expected = vetoed }()
		}
		require.Equal(b, []any{wantCode, wantID, expected}, []any{code, id, why}, "%s %t", mode, parses)
		left := map[string]int{}
		if c.Kind == enginetest.HTML {
			left["flow_errors"] = 1 // what the page shows that a browser is sent to
		}
		require.Equal(b, sum(left), b.count.since(b, before), mode)
		require.NotContains(b, a.Header.Get("Set-Cookie"), "session")
	})
	if expected != vetoed {
		opens(get(true))
	}
	if !isPlace(mode) {
		b.r.Set("ok_empty")
		begun := time.Now()
		opens(get(false))
		b.quick = min(b.quick, time.Since(begun))
	}
}
