package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

var events = flag.Int("events", 30, "registrations of the tests of events, on each database")

const eventLease = time.Second

// kill -9 of server and workers at random moments, at a receiver that is away now
// and then and refuses the first event about some: who is told of, and in which
// order, is who there is, and a replay says the same again.
func TestKilledWithEvents(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		workers := 2
		if strings.HasPrefix(dsn, "sqlite") {
			workers = 0
		}
		l := listen(t, func(person string, before int) bool { return person[0] == 'a' && before < 2 })
		h := &house{busy: l.arrived, dsn: dsn}
		h.settle(t, process.Process{}, workers, l.config())
		j, k := newJournal(h.server), &killer{h: h, whom: map[string]int{}}
		j.kill = func() error { return k.kill("server", h.server) }
		v, total := &regulars{j: j, signIns: map[string]int{}, names: map[string][]string{}}, tally{}
		start := time.Now()
		require.NoError(t, h.server.Start(t.Context()))
		h.startWorkers(t)
		rounds, lived := max(2, *events/250), time.Duration(0)
		for round := 0; round < rounds || len(j.acknowledged) < *events; round++ {
			require.Less(t, round, 2*rounds+50, "next to nobody was registered between kills")
			span := moment()
			if done := len(j.acknowledged); done > 0 {
				span = rand.N(2 * lived / time.Duration(done) * time.Duration(*events/rounds))
			}
			lived += span
			total.underWay += k.round(t, j, v, l, span)
			require.NoError(t, h.server.Start(t.Context()))
			total.add(j.audit(t))
		}
		l.turn("")
		stranded := strandedEvents(t, dsn)
		h.hurry(t, 5*time.Minute)
		j.auditAll(t, &total)
		half := missing(t, dsn, len(j.acknowledged), lasting)
		a := newAudit(t, dsn, l.Calls(), k)
		a.all(j, v)
		t.Logf("%d people, %d kills, all told after %s", len(j.acknowledged), len(k.kills), time.Since(start).Round(time.Second))
		replayed := h.replay(t, l, a)
		require.NoError(t, h.server.Stop())
		a.print(k, &total, l, stranded, half, replayed)
		require.Equal(t, l.Total(), len(l.Calls()), "calls were forgotten")
		require.Empty(t, j.wrong, "answers that should not be")
		require.Zero(t, total.lost+total.refused+total.doubled, "registrations lost, refused or doubled")
		require.Empty(t, half, "half registrations")
		require.Zero(t, stranded, "due and left alone for two leases")
		require.Zero(t, l.BadSignatures())
		require.Empty(t, a.wrong)
		if *events >= 1000 {
			require.Less(t, a.share(), 1.0, "delivered again, in percent")
		}
	})
}

// round lets people come and go, kills each worker once and at the end the
// server, and returns how many submits were under way then.
func (k *killer) round(t *testing.T, j *journal, v *regulars, l *listener, span time.Duration) int {
	if rand.IntN(2) == 0 {
		l.leave(min(span, 3*time.Second) / 2)
	}
	var wg sync.WaitGroup
	for _, w := range k.h.workers {
		wg.Go(func() {
			time.Sleep(rand.N(span))
			k.await()
			if err := k.kill("worker", w); err != nil {
				t.Error(err)
			}
			if err := w.Start(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	gone := v.live()
	under := j.killAt(t, span)
	gone.Wait()
	wg.Wait()
	return under
}

// regulars are people who have registered and come again.
type regulars struct {
	j *journal

	mu      sync.Mutex
	signIns map[string]int // acknowledged, by identity
	tries   int
	names   map[string][]string // that they called themselves, acknowledged
}

// live has some of them sign in and change their names until the server is gone.
// Of each only one thing is under way at a time.
func (v *regulars) live() *sync.WaitGroup {
	const several = 3
	var wg sync.WaitGroup
	for n := range several {
		wg.Go(func() {
			for {
				v.j.mu.Lock()
				all := v.j.acknowledged[:len(v.j.acknowledged)/several*several]
				v.j.mu.Unlock()
				if len(all) == 0 {
					all = []*entry{nil}
				} else {
					all = all[rand.IntN(len(all)/several)*several+n:]
				}
				if v.one(all[0]) != nil {
					return
				}
			}
		})
	}
	return &wg
}

// one signs somebody in and changes their name. With nobody it looks whether the
// server is there.
func (v *regulars) one(e *entry) error {
	if e == nil {
		_, err := v.j.p.Open(v.j.http)
		return err
	}
	a, err := v.j.p.SignIn(v.j.http, e.email, process.Password)
	if err != nil {
		return err
	}
	v.want(a, a.Token() != "")
	v.mu.Lock()
	v.signIns[e.id]++
	v.tries++
	name := fmt.Sprintf("Name %06d", v.tries)
	v.mu.Unlock()
	flow, err := v.j.p.OpenKind(v.j.http, "settings", e.token)
	if err != nil {
		return err
	}
	a, err = v.j.p.Send(v.j.http, "settings", flow, e.token,
		process.Fields{"method": "profile", "traits": process.Fields{"email": e.email, "name": name}}, nil)
	if err != nil {
		return err
	}
	v.want(a, a.Status == http.StatusOK)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.names[e.id] = append(v.names[e.id], name)
	return nil
}

func (v *regulars) want(a *process.Answer, ok bool) {
	if !ok {
		v.j.mu.Lock()
		defer v.j.mu.Unlock()
		v.j.wrong = append(v.j.wrong, a.String())
	}
}

// strandedEvents counts what is due and is nobody's, though nothing in its lane is
// being delivered or was put off, once two leases have passed in which nothing
// was delivered. Mostly there is nothing after the first two; where the receiver
// was away for long the workers may have more to do than that.
func strandedEvents(t *testing.T, dsn string) int {
	t.Helper()
	for before := -1; ; {
		time.Sleep(2 * eventLease)
		left := number(t, dsn, strings.ReplaceAll(`SELECT count(*) FROM messages m WHERE m.due_at < AT AND NOT EXISTS
			(SELECT 1 FROM messages o WHERE o.lane = m.lane AND o.lane <> '' AND o.due_at >= AT)`, "AT", fmt.Sprint(time.Now().Add(-eventLease/2).UnixMicro())))
		sent := number(t, dsn, "SELECT count(*) FROM messages WHERE status = 'sent'")
		if left == 0 || sent == before {
			return left
		}
		before = sent
	}
}

// hurry waits until everything is delivered. Pauses after failures, which grow to
// minutes, and the minute that an abandoned reservation is given are cut short:
// nobody's step is under way.
func (h *house) hurry(t *testing.T, within time.Duration) {
	t.Helper()
	db := testdb.Open(t, h.dsn)
	defer db.Close()
	for until := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		unfinished, later := waiting(t, h.dsn)
		if unfinished+later == 0 {
			return
		}
		require.True(t, time.Now().Before(until), "after %s %d rows wait, %d of them to be tried again", within, unfinished+later, later)
		if later > 0 {
			now := time.Now().UnixMicro()
			// Another writer may be busy: the next turn tries again.
			_, _ = db.Exec(fmt.Sprintf("UPDATE messages SET due_at = %d WHERE status = 'queued' AND due_at > %d", now, now))
		}
	}
}

// replay sends the middle of what there was again, by time, and returns how much
// that was.
func (h *house) replay(t *testing.T, l *listener, a *audit) int {
	t.Helper()
	oldest, youngest := a.rows[0].created, a.rows[len(a.rows)-1].created
	since, until := oldest+(youngest-oldest)/4, youngest-(youngest-oldest)/4
	before := len(l.Calls())
	client := process.NewHTTP(1, time.Minute)
	defer client.CloseIdleConnections()
	stamp := func(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339Nano) }
	res, err := process.Call(client, http.MethodPost, h.server.AdminURL+"/admin/event-replays", "",
		process.Fields{"since": stamp(since), "until": stamp(until)}, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.Status, "%s", res)
	h.hurry(t, 5*time.Minute)
	var again []*row
	for _, r := range a.rows {
		if r.created >= since && r.created < until {
			again = append(again, r)
		}
	}
	require.JSONEq(t, fmt.Sprintf(`{"replayed":%d}`, len(again)), string(res.Raw))
	a.same(again, slices.DeleteFunc(l.Calls()[before:], func(c hooksim.Call) bool {
		return read(c).Type == "admin.audited" // the replay itself is told of
	}))
	return len(again)
}

// print says what was found.
func (a *audit) print(k *killer, total *tally, l *listener, stranded int, half []string, replayed int) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "kills\tserver %d, worker %d\twith %d submits under way\n", k.whom["server"], k.whom["worker"], total.underWay)
	fmt.Fprintf(w, "registrations acknowledged\t%d\tlost %d; sent again after a kill %d, refused %d; half ones %d\n", a.people, total.lost, total.resent, total.refused, len(half))
	fmt.Fprintf(w, "rows\t%d\tdelivered %d, in %d calls; events %d, of sessions %d, web_hooks %d\n", len(a.rows), len(a.first), a.attempts, a.told["event"], a.sessions, a.told["web_hook"])
	fmt.Fprintf(w, "reservations\t%d\tconfirmed %d, cancelled %d\n", a.confirmed+a.cancelled, a.confirmed, a.cancelled)
	fmt.Fprintf(w, "delivered again, after a kill\t%d\t%.2f %%; of these because a lease ran out without one %d\n", a.twice, a.share(), a.slow)
	fmt.Fprintf(w, "first events refused\t%d\twhile held back, deliveries to others %d\n", len(l.refused), a.meanwhile)
	fmt.Fprintf(w, "due and left alone for two leases\t%d\n", stranded)
	fmt.Fprintf(w, "replayed by time\t%d\n", replayed)
	fmt.Fprintf(w, "order, identities, bodies, signatures\t%d wrong\n", len(a.wrong)+l.BadSignatures())
	_ = w.Flush()
}

// Whose first event is refused, again and again, hears of nothing else meanwhile,
// and holds up nobody; then of all, in order.
func TestEventHeldBack(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		var well atomic.Bool
		l := listen(t, func(string, int) bool { return !well.Load() })
		h := &house{busy: l.arrived, dsn: dsn}
		config := l.config()
		config["events.lease"], config["events.timeout"] = "1m", "10s" // nobody dies
		h.settle(t, process.Process{}, 2, config)
		require.NoError(t, h.server.Start(t.Context()))
		h.register(t, "held", 1)
		h.startWorkers(t)
		refused := func() int {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.refused)
		}
		require.Eventually(t, func() bool { return refused() == 1 }, time.Minute, time.Millisecond)
		held := number(t, dsn, "SELECT count(*) FROM messages WHERE lane LIKE 'audit/%' AND due_at IS NOT NULL")
		require.Equal(t, 3, held, "created, registered, signed in")
		l.mu.Lock()
		l.refuse = func(person string, before int) bool { return before > 0 && !well.Load() }
		l.mu.Unlock()
		h.register(t, "other", *events)
		require.Eventually(t, func() bool {
			return number(t, dsn, "SELECT count(*) FROM messages WHERE lane LIKE 'audit/%' AND status = 'sent'") == 3**events
		}, time.Minute, 20*time.Millisecond, "others are told of")
		a := newAudit(t, dsn, l.Calls(), &killer{h: h})
		a.order(a.rows, a.heard)
		require.Empty(t, a.wrong)
		of := map[string]int{} // calls about a person
		for _, h := range a.heard {
			if !strings.HasPrefix(h.said.Type, "reservation.") { // those have no lane
				of[h.said.Data.Person]++
			}
		}
		for person := range l.refused {
			require.Equal(t, 1, of[person], "the first event")
		}
		well.Store(true)
		h.hurry(t, time.Minute)
		a = newAudit(t, dsn, l.Calls(), &killer{h: h})
		a.each()
		a.order(a.rows, a.heard)
		require.Empty(t, a.wrong)
		require.Zero(t, a.twice)
		for _, p := range append(h.workers, h.server) {
			require.NoError(t, p.Stop())
		}
	})
}
