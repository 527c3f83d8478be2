package hooks

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// What a person is told, by the receiver's mode: passed, refused in the
// receiver's words, or an error for one of the reasons below. A hook that does
// not parse goes by the status.
const (
	passed      = "passed"
	vetoed      = "vetoed"
	status      = "web_hook_status"
	timeout     = "web_hook_timeout"
	unreachable = "web_hook_unreachable"
	invalid     = "web_hook_answer_invalid"
	tooLarge    = "web_hook_answer_too_large"
)

var outcomes = map[string]struct{ asks, parses string }{
	"ok":                    {passed, passed},
	"ok_empty":              {passed, passed},
	"change":                {passed, passed},
	"veto":                  {vetoed, vetoed},
	"veto_form":             {vetoed, vetoed},
	"error_500":             {status, status},
	"error_500_html":        {status, status},
	"error_503":             {status, status},
	"forbidden_no_messages": {status, status},
	"redirect_302":          {status, status},
	"redirect_307":          {status, status},
	"html_200":              {passed, invalid},
	"json_broken":           {passed, invalid},
	"json_wrong_shape":      {passed, invalid},
	"huge_10mb":             {passed, tooLarge},
	"huge_endless":          {passed, tooLarge},
	"hang_before_headers":   {timeout, timeout},
	"hang_mid_body":         {passed, timeout},
	"drip":                  {passed, timeout},
	"close_before_answer":   {unreachable, unreachable},
	"close_mid_body":        {passed, unreachable},
	"bad_content_length":    {unreachable, unreachable},
	"gzip_bomb":             {passed, tooLarge},
	"not_there":             {unreachable, unreachable},
	"dns_fails":             {unreachable, unreachable},
	"tls_garbage":           {unreachable, unreachable},
}

// idOf is the status and the stable id of an error, by its reason.
func idOf(why string) (int, string) {
	switch why {
	case timeout:
		return http.StatusGatewayTimeout, "upstream_timeout"
	case "web_hook_condition", "web_hook_body":
		return http.StatusInternalServerError, "invalid_configuration"
	}
	return http.StatusBadGateway, "upstream_error"
}

// places are modes that are no answer, so that hooks lead there by their URL.
var places = []string{"not_there", "dns_fails", "tls_garbage"}

// shapes are the ways in which a hook may block.
var (
	shapeNames = []string{"asks", "parses", "reserves"}
	shapes     = map[string]object{
		"asks":     {"can_interrupt": true},
		"parses":   {"response": object{"parse": true}},
		"reserves": {"reserve": true},
	}
)

// groups are modes that need a hook of their own: each place, whatever hangs,
// and all others.
var groups = append([]string{"answers", "hangs"}, places...)

func groupOf(mode string) string {
	switch {
	case isPlace(mode):
		return mode
	case mode == "hang_before_headers" || mode == "hang_mid_body" || mode == "drip":
		return "hangs"
	}
	return "answers"
}

// inGroup is a hook that leads to a group, and does not wait long for what hangs.
func inGroup(r *hooksim.Receiver, group, id string, config object) object {
	url := r.URL("")
	if isPlace(group) {
		url = r.URL(group)
	}
	if group == "hangs" {
		config["timeout"] = hookTime.String()
	}
	return webHook(id, url, config)
}

// forModes are hooks for people whose address begins with the hook's shape,
// whether it is open, and the group.
func forModes(r *hooksim.Receiver) (hooks []object) {
	for shape, more := range shapes {
		for _, open := range []string{"closed", "open"} {
			if shape == "reserves" && open == "open" {
				continue // what nobody has held cannot be confirmed
			}
			for _, group := range groups {
				prefix := fmt.Sprintf("%s.%s.%s.", shape, open, group)
				config := object{
					"condition": fmt.Sprintf("identity.traits.email startsWith '%s'", prefix),
					"fail_open": open == "open", "body": []string{"identity.traits.email"},
				}
				maps.Copy(config, more)
				hooks = append(hooks, inGroup(r, group, prefix, config))
			}
		}
	}
	return hooks
}

// bench is a program whose blocking hooks fail on demand.
type bench struct {
	*testing.T
	env     *enginetest.Env
	r       *hooksim.Receiver
	count   *counter
	quick   time.Duration // of a submit whose hook answers at once
	slowest time.Duration // of what was added by one that fails
	told    map[string]int
}

// Whatever a receiver does, who registers is told so under a stable id or gets
// through, in time; nothing of what did not come to be is left, and the same
// submit gets through once the receiver is well.
func TestModes(t *testing.T) {
	require.Len(t, outcomes, len(hooksim.Modes))
	each(t, func(t *testing.T, dsn string) {
		r := newReceiver(t)
		db := testdb.Open(t, dsn)
		b := &bench{T: t, r: r, quick: time.Hour, told: map[string]int{}}
		b.env = start(t, dsn, forModes(r), events(r.URL("")+"/events"))
		b.count = newCounter(t, dsn, db)
		n := 0
		for range *repeats {
			for m, mode := range hooksim.Modes {
				want := outcomes[mode.Name]
				for s, shape := range shapeNames {
					if skips(b.env, m, s, len(shapeNames)) {
						continue
					}
					expected := want.asks
					if shape == "parses" {
						expected = want.parses
					}
					n++
					b.try(shape, mode.Name, expected, n)
					if expected != passed && expected != vetoed && shape != "reserves" {
						b.tryOpen(shape, mode.Name, n)
					}
				}
			}
		}
		require.Zero(t, r.CanaryHits())
		const queued = "SELECT count(*) FROM messages WHERE queue = 'events' AND template = "
		exist := number(t, db, "SELECT count(*) FROM identities")
		require.Equal(t, exist, number(t, db, queued+"'registration.completed'"))
		require.Equal(t, exist, number(t, db, queued+"'session.issued'"))
		require.Equal(t, b.told[vetoed], number(t, db, queued+"'registration.failed'"), "a refusal is told of, an outage is not")
		t.Logf("%d tries: %v; at most %s added by a hook that may take %s", n, b.told, b.slowest.Round(time.Millisecond), hookTime)
	})
}

// answerAs lets the receiver behave as mode to questions, and well to all else.
func (b *bench) answerAs(mode string) {
	b.r.SetFunc(func(c hooksim.Call) string {
		if strings.HasPrefix(c.Path, "/events") || phase(c) == "confirm" || phase(c) == "cancel" || isPlace(mode) {
			return "ok"
		}
		return mode
	})
}

func isPlace(mode string) bool { return slices.Contains(places, mode) }

// client is somebody's browser or app, each kind by turns.
func (b *bench) client(n int) *enginetest.Client {
	return []func() *enginetest.Client{b.env.Browser, b.env.SPA, b.env.Native}[n%3]()
}

func (b *bench) try(shape, mode, expected string, n int) {
	c := b.client(n)
	defer c.HTTP.CloseIdleConnections()
	f := c.OpenKind("registration", "")
	person := enginetest.Person(fmt.Sprintf("%s.closed.%s.%d@example.org", shape, groupOf(mode), n))
	b.answerAs(mode)
	b.r.Forget()
	if expected == passed {
		b.passes(c, f, person, mode)
		b.ends(shape, "confirm", 1)
		return
	}
	asked := b.inTime(mode, func() {
		before := b.count.rows(b)
		a := c.Submit(f, person)
		left := map[string]int{}
		if expected == vetoed {
			b.refused(c, f, mode)
			left["messages"] = 1 // registration.failed
		} else {
			code, id, why := failure(b, c, a)
			wantCode, wantID := idOf(expected)
			require.Equal(b, []any{wantCode, wantID, expected}, []any{code, id, why}, "%s, %s", shape, mode)
			if c.Kind == enginetest.HTML {
				left["flow_errors"] = 1
			}
			if shape == "reserves" {
				left["messages"] = 1 // the cancellation
			}
		}
		require.Empty(b, a.Header.Get("Set-Cookie"), mode)
		require.Equal(b, sum(left), b.count.since(b, before), "%s, %s", shape, mode)
	})
	b.told[expected] += asked
	if isPlace(mode) {
		b.r.SetFunc(func(hooksim.Call) string { return "ok" })
		person["traits.email"] = fmt.Sprintf("%s.closed.answers.%d@example.org", shape, n)
	} else {
		b.env.Deliver()
		if expected == vetoed {
			asked = 0
		}
		b.ends(shape, "cancel", asked)
	}
	b.answerAs("ok")
	b.r.Forget()
	b.passes(c, f, person, "ok")
	b.ends(shape, "confirm", 1)
}

// tryOpen is try for a hook that is passed over where it fails.
func (b *bench) tryOpen(shape, mode string, n int) {
	c := b.client(n)
	defer c.HTTP.CloseIdleConnections()
	f := c.OpenKind("registration", "")
	b.answerAs(mode)
	b.r.Forget()
	b.passes(c, f, enginetest.Person(fmt.Sprintf("%s.open.%s.%d@example.org", shape, groupOf(mode), n)), mode)
}

// passes submits what has to get through, and looks at what is there then.
func (b *bench) passes(c *enginetest.Client, f *enginetest.Flow, person enginetest.Values, mode string) {
	before := b.count.rows(b)
	begun := time.Now()
	a := c.Submit(f, person)
	took := time.Since(begun)
	if c.Kind == enginetest.HTML {
		require.Equal(b, http.StatusSeeOther, a.Status, "%s: %s", mode, a.Body)
		require.Equal(b, "/verification", a.Location().Path, mode)
	} else {
		require.Equal(b, http.StatusOK, a.Status, "%s: %s", mode, a.Body)
	}
	if mode == "ok" {
		b.quick = min(b.quick, took)
	}
	after := b.count.rows(b)
	for _, table := range []string{"identities", "sessions", "credentials"} {
		require.Equal(b, before[table]+1, after[table], "%s: %s", mode, table)
	}
	if mode == "change" && strings.HasPrefix(person["traits.email"].(string), "parses") && c.Kind != enginetest.HTML {
		require.Equal(b, object{"seen": true}, a.JSON()["identity"].(object)["metadata_public"])
	}
	require.Len(b, b.env.Inbox(person["traits.email"].(string)), 1, mode)
}

// refused looks at a form that has the receiver's words.
func (b *bench) refused(c *enginetest.Client, f *enginetest.Flow, mode string) {
	node, id := "traits.email", 4990001
	if mode == "veto_form" {
		node, id = "", 4990002
	}
	require.Equal(b, []int{id}, c.Read(f.ID).IDs(node))
}

// ends delivers what is stored, and holds how many reservations ended how
// against what is expected: none was told both, and each once.
func (b *bench) ends(shape, how string, many int) {
	if shape != "reserves" {
		return
	}
	b.env.Deliver()
	ended := map[string]string{}
	for _, call := range b.r.Calls() {
		if p := phase(call); p == "confirm" || p == "cancel" {
			require.Empty(b, ended[reservation(call)], "told twice")
			require.Equal(b, how, p)
			ended[reservation(call)] = p
		}
	}
	require.Len(b, ended, many, how)
}

// inTime repeats what adds more than it may, which a busy machine does now and
// then, and returns how often it was done.
func (b *bench) inTime(mode string, do func()) (times int) {
	for times = 1; ; times++ {
		begun := time.Now()
		do()
		added := time.Since(begun) - b.quick
		if added <= hookTime+told || b.quick == time.Hour {
			b.slowest = max(b.slowest, added)
			return times
		}
		require.Less(b, times, 50, "%s adds %s", mode, added)
	}
}

func sum(left map[string]int) string {
	var out []string
	for _, table := range []string{"flow_errors", "messages"} {
		if left[table] > 0 {
			out = append(out, fmt.Sprintf("%s+%d", table, left[table]))
		}
	}
	return strings.Join(out, " ")
}
