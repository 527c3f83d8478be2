package crash

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

var mails = flag.Int("mails", 200, "mails of each test, on each database")

const (
	lease   = 2 * time.Second
	timeout = time.Second // of one delivery
)

// house is a server, who delivers for it, and whom they deliver to.
type house struct {
	server  *process.Process
	workers []*process.Process // empty where the server delivers
	mail    *process.MailServer
	busy    func() int // deliveries under way
	dsn     string
}

// newHouse makes one, not started. judge is as with process.NewMailServer.
func newHouse(t *testing.T, dsn string, workers int, judge func(context.Context, string) error, config map[string]any) *house {
	t.Helper()
	mail, err := process.NewMailServer(judge)
	require.NoError(t, err)
	t.Cleanup(mail.Close)
	all := map[string]any{"courier.lease": lease.String(), "courier.timeout": timeout.String(), "courier.worker.pull_wait": "50ms"}
	maps.Copy(all, config)
	h := &house{mail: mail, busy: mail.Busy, dsn: dsn}
	h.settle(t, process.Process{Verify: true, Mail: mail.URI()}, workers, all)
	return h
}

// settle makes the server and the workers, all of them like p.
func (h *house) settle(t *testing.T, p process.Process, workers int, config map[string]any) {
	config["watch-courier"] = workers == 0
	p.Binary, p.DSN, p.Cheap, p.Config = program.Binary(t), h.dsn, true, config
	for n := range workers + 1 {
		one := p
		one.Dir, one.Worker = t.TempDir(), n > 0
		t.Cleanup(func() { _ = one.Kill() })
		if n == 0 {
			h.server = &one
		} else {
			h.workers = append(h.workers, &one)
		}
	}
	require.NoError(t, h.server.Migrate(t.Context()))
}

// startWorkers starts all of them at the same moment.
func (h *house) startWorkers(t *testing.T) {
	var wg sync.WaitGroup
	errs := make([]error, len(h.workers))
	for n, w := range h.workers {
		wg.Go(func() { errs[n] = w.Start(t.Context()) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// register lets so many people register, at addresses that begin with prefix.
func (h *house) register(t *testing.T, prefix string, people int) {
	t.Helper()
	client := process.NewHTTP(clients, 30*time.Second)
	defer client.CloseIdleConnections()
	var next atomic.Int64
	errs := make(chan error, clients)
	for range clients {
		go func() {
			for {
				n := int(next.Add(1))
				if n > people {
					errs <- nil
					return
				}
				flow, err := h.server.Open(client)
				if err == nil {
					var a *process.Answer
					if a, err = h.server.Submit(client, flow, fmt.Sprintf("%s-%d@example.org", prefix, n), nil); err == nil && a.SessionToken == "" {
						err = fmt.Errorf("register %d: %s", n, a)
					}
				}
				if err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	for range clients {
		require.NoError(t, <-errs)
	}
}

// waiting counts the messages that are not finished; those apart whose next
// attempt lies ahead because one has failed.
func waiting(t *testing.T, dsn string) (unfinished, later int) {
	t.Helper()
	db := testdb.Open(t, dsn)
	defer db.Close()
	now := time.Now().UnixMicro()
	require.NoError(t, db.QueryRow(fmt.Sprintf(`SELECT COALESCE(SUM(CASE WHEN status = 'queued' AND due_at > %d THEN 0 ELSE 1 END), 0),
		COALESCE(SUM(CASE WHEN status = 'queued' AND due_at > %d THEN 1 ELSE 0 END), 0) FROM messages WHERE due_at IS NOT NULL`, now, now)).
		Scan(&unfinished, &later))
	return unfinished, later
}

// finish waits until every message is sent or given up.
func (h *house) finish(t *testing.T, within time.Duration) {
	t.Helper()
	until := time.Now().Add(within)
	for {
		unfinished, later := waiting(t, h.dsn)
		if unfinished+later == 0 {
			return
		}
		require.True(t, time.Now().Before(until), "after %s %d messages wait, %d of them to be tried again", within, unfinished+later, later)
		time.Sleep(20 * time.Millisecond)
	}
}

// delivered counts the mails to each recipient.
func (h *house) delivered() map[string][]process.Mail {
	all := map[string][]process.Mail{}
	for _, m := range h.mail.Mails() {
		all[m.To] = append(all[m.To], m)
	}
	return all
}

// kill -9 of server and worker at random moments, at a mail server that hangs:
// every registration that was acknowledged has its mail, which is delivered
// within two leases, and no mail is about nobody.
func TestKilledWithMail(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		workers := 1
		if strings.HasPrefix(dsn, "sqlite") {
			workers = 0
		}
		var well atomic.Bool
		h := newHouse(t, dsn, workers, func(ctx context.Context, _ string) error {
			if !well.Load() {
				hang(ctx)
			}
			return nil
		}, nil)
		j := newJournal(h.server)
		total, k := tally{}, &killer{h: h, whom: map[string]int{}}
		j.kill = func() error { return k.kill("server", h.server) }
		require.NoError(t, h.server.Start(t.Context()))
		for round := 0; round < max(3, *mails/50) || len(j.acknowledged) < *mails; round++ {
			require.Less(t, round, *mails+10, "next to nobody was registered between kills")
			h.startWorkers(t)
			gone := k.killWorkers(t)
			total.underWay += j.killAt(t, moment())
			<-gone
			require.NoError(t, h.server.Start(t.Context()))
			total.add(j.audit(t))
		}
		h.startWorkers(t)
		well.Store(true)
		time.Sleep(time.Until(k.last().Add(2 * lease)))
		stranded, later := waiting(t, dsn)
		h.finish(t, 2*time.Minute)
		j.auditAll(t, &total)
		require.NoError(t, h.server.Stop())
		half := append(inconsistencies(t, dsn, len(j.acknowledged)), mailInconsistencies(t, dsn, len(j.acknowledged))...)
		found := k.hold(h.delivered(), j.acknowledged)
		found.stranded, found.later = stranded, later
		found.print(k, &total, half)
		require.Empty(t, j.wrong, "answers that should not be")
		require.Zero(t, total.lost+total.refused+total.doubled, "registrations lost, refused or doubled")
		require.Empty(t, half, "identities without their mail, or the reverse")
		require.Zero(t, stranded, "unfinished two leases after the last kill")
		require.Empty(t, found.wrong)
	})
}

// hang lets most mails through; some wait, and a few for longer than anybody
// waits for them.
func hang(ctx context.Context) {
	var d time.Duration
	switch n := rand.IntN(100); {
	case n < 2:
		d = 2 * timeout
	case n < 12:
		d = time.Duration(rand.Int64N(int64(timeout * 2 / 3)))
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// killer keeps a journal of whom it killed, and when.
type killer struct {
	h        *house
	mu       sync.Mutex
	kills    []death
	whom     map[string]int
	underWay int // deliveries under way at the kills of who delivers
}

// death is when somebody was told to die, and when they were gone: on a busy
// machine much can happen in between.
type death struct{ told, gone time.Time }

// moment is a pause before a kill.
func moment() time.Duration { return time.Duration(20+rand.IntN(180)) * time.Millisecond }

// kill ends somebody and notes it.
func (k *killer) kill(whom string, p *process.Process) error {
	told := time.Now()
	k.mu.Lock()
	k.whom[whom]++
	if whom == "worker" || len(k.h.workers) == 0 {
		k.underWay += k.h.busy()
	}
	k.mu.Unlock()
	err := p.Kill()
	k.mu.Lock()
	k.kills = append(k.kills, death{told: told, gone: time.Now()})
	k.mu.Unlock()
	return err
}

func (k *killer) last() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kills[len(k.kills)-1].gone
}

// killWorkers kills them at a random moment at which mails are under way. The
// channel is closed when they are gone.
func (k *killer) killWorkers(t *testing.T) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		time.Sleep(moment())
		k.await()
		for _, w := range k.h.workers {
			if err := k.kill("worker", w); err != nil {
				t.Error(err)
			}
		}
	}()
	return gone
}

// await waits for a delivery to be under way, but not for long.
func (k *killer) await() {
	for until := time.Now().Add(time.Second); k.h.busy() == 0 && time.Now().Before(until); {
		time.Sleep(50 * time.Microsecond)
	}
}

// letters is what the mail server knows, held against the journals.
type letters struct {
	people, delivered, twice int
	stranded, later          int
	wrong                    []string
}

// hold looks for who got no mail, whose mail nobody asked for, and mails that
// arrived twice, under two names or though neither was anybody killed nor did
// the first take so long that its sender may have given up waiting.
func (k *killer) hold(got map[string][]process.Mail, acknowledged []*entry) (l letters) {
	l.people = len(acknowledged)
	for _, e := range acknowledged {
		if len(got[e.email]) == 0 {
			l.wrong = append(l.wrong, e.email+" is registered and has no mail")
		}
	}
	known := map[string]bool{}
	for _, e := range acknowledged {
		known[e.email] = true
	}
	for to, all := range got {
		l.delivered += len(all)
		l.twice += len(all) - 1
		if !known[to] {
			l.wrong = append(l.wrong, to+" has a mail and is nobody")
		}
		for n, m := range all {
			if m.MessageID != all[0].MessageID || m.MessageID == "" {
				l.wrong = append(l.wrong, to+" has mails under two names")
			}
			if n == 0 {
				continue
			}
			if first := all[n-1]; first.At.Sub(first.Began) < timeout*3/4 && !k.between(first.Began, first.At, m.At) {
				l.wrong = append(l.wrong, to+" has a mail twice, and nobody was killed at the first")
			}
		}
	}
	return l
}

// between reports whether somebody was killed once a delivery had begun and soon
// enough after it was taken not to have noted it, and before the next was taken.
func (k *killer) between(began, taken, next time.Time) bool {
	for _, d := range k.kills {
		if d.gone.After(began) && d.told.Before(taken.Add(timeout)) && d.told.Before(next) {
			return true
		}
	}
	return false
}

func (l *letters) print(k *killer, total *tally, half []string) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "kills\tserver %d, worker %d\twith %d submits and %d mails under way\n", k.whom["server"], k.whom["worker"], total.underWay, k.underWay)
	fmt.Fprintf(w, "registrations acknowledged\t%d\tlost %d; sent again after a kill %d, refused %d\n", l.people, total.lost, total.resent, total.refused)
	fmt.Fprintf(w, "mails delivered\t%d\tof which again after a kill, under the same name, %d\n", l.delivered, l.twice)
	fmt.Fprintf(w, "unfinished two leases after the last kill\t%d\tbesides %d refused or hung before and due later\n", l.stranded, l.later)
	fmt.Fprintf(w, "identity without mail, mail without identity, other halves\t%d\n", len(half)+len(l.wrong))
	_ = w.Flush()
}

// Without a crash no mail is delivered twice, however many workers there are.
func TestMailOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn, 4, nil, nil)
		require.NoError(t, h.server.Start(t.Context()))
		h.register(t, "early", *mails/2)
		require.Zero(t, h.mail.Count(), "nobody delivers yet")
		start := time.Now()
		h.startWorkers(t)
		h.register(t, "late", *mails-*mails/2)
		h.finish(t, 2*time.Minute)
		took := time.Since(start)
		twice := 0
		for to, all := range h.delivered() {
			if len(all) > 1 {
				twice++
				t.Errorf("%s got %d mails", to, len(all))
			}
		}
		t.Logf("%d mails by %d workers, half of them queued before: delivered %d in %s, twice %d", *mails, len(h.workers), h.mail.Count(), took.Round(time.Millisecond), twice)
		require.Equal(t, *mails, h.mail.Count())
		require.Empty(t, mailInconsistencies(t, dsn, *mails))
		require.Equal(t, *mails, number(t, dsn, "SELECT count(*) FROM messages WHERE status = 'sent' AND send_count = 1 AND last_error = ''"))
		require.Equal(t, *mails, number(t, dsn, "SELECT count(*) FROM message_attempts"))
		for _, w := range h.workers {
			require.NoError(t, w.Stop())
		}
		require.NoError(t, h.server.Stop())
	})
}

// A recipient at whom the mail server hangs and then refuses holds up nobody
// behind it, and ends among what was given up, with the server's words.
func TestMailPoison(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		good := max(*mails/2, 10)
		var tries atomic.Int64
		h := newHouse(t, dsn, 1, func(ctx context.Context, to string) error {
			if !strings.HasPrefix(to, "poison") {
				return nil
			}
			if tries.Add(1) == 1 {
				select {
				case <-ctx.Done():
				case <-time.After(2 * timeout):
				}
			}
			return process.RefuseMail(451, "not here, not now")
		}, map[string]any{"courier.message_retries": 1})
		require.NoError(t, h.server.Start(t.Context()))
		run := func(prefix string) time.Duration {
			h.register(t, prefix, good)
			before := h.mail.Count()
			start := time.Now()
			h.startWorkers(t)
			for h.mail.Count() < before+good {
				require.Less(t, time.Since(start), time.Minute)
				time.Sleep(time.Millisecond)
			}
			return time.Since(start)
		}
		baseline := run("good")
		require.NoError(t, h.workers[0].Stop())
		h.register(t, "poison", 1)
		behind := run("behind")
		require.Positive(t, tries.Load(), "the poison was first")
		t.Logf("%d good mails: %s; behind a recipient that hangs: %s", good, baseline.Round(time.Millisecond), behind.Round(time.Millisecond))
		// Short runs are mostly the worker's start.
		require.Less(t, behind, 2*baseline+timeout/2)
		h.finish(t, time.Minute)
		require.EqualValues(t, 2, tries.Load(), "an attempt, and another")
		require.Equal(t, 1, number(t, dsn, "SELECT count(*) FROM messages WHERE status = 'abandoned' AND recipient = 'poison-1@example.org' AND last_error LIKE '%not here, not now%'"))
		require.Equal(t, 2*good, number(t, dsn, "SELECT count(*) FROM messages WHERE status = 'sent' AND send_count = 1"))
	})
}
