package hooks

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/testdb"
)

const people = 16 // at once

// storm is many registrations while the receiver of their hooks fails at random
// and is killed, the database fails, and the clock jumps so that reservations
// are cancelled under those who hold them.
type storm struct {
	t    *testing.T
	env  *enginetest.Env
	r    *hooksim.Receiver
	gate *gate
	dsn  string
	db   *sql.DB

	mu           sync.Mutex
	modes        map[string]int // answers of blocking hooks
	answers      map[string]int // what clients were told
	acknowledged map[string]bool
	gone         int // people who gave up after a refusal
	faults       int // of the database
	kills, jumps int
	calm         atomic.Bool
}

// Kill, time out or fail a blocking hook at any point: who was told to exist
// exists once, with one mail, one event and one confirmed reservation; of nobody
// else there is anything, and no reservation stays open.
func TestAgreement(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		r := newReceiver(t)
		s := &storm{
			t: t, r: r, gate: newGate(t, r.URL("")), dsn: dsn, db: testdb.Open(t, dsn),
			modes: map[string]int{}, answers: map[string]int{}, acknowledged: map[string]bool{},
		}
		url := s.gate.url()
		s.env = start(t, dsn, []object{
			webHook("reserve", url+"/reserve", object{"reserve": true, "timeout": "200ms"}),
			webHook("parse", url+"/parse", object{"response": object{"parse": true}, "body": []string{"identity.id"}, "timeout": "200ms"}),
			webHook("stored", url+"/stored", object{"body": []string{"identity.id"}, "timeout": nil}),
		}, events(url+"/events"), enginetest.With("log.level", "fatal"), enginetest.With("events.retries", 100), enginetest.With("events.timeout", "5s"),
			enginetest.With("events.worker.pull_count", 100))
		r.SetFunc(s.choose)
		s.blow()
		s.calm.Store(true)
		deliverAll(t, s.env, s.db)
		s.audit()
	})
}

// choose is how the receiver answers a call.
func (s *storm) choose(c hooksim.Call) string {
	if s.calm.Load() {
		return "ok"
	}
	n := rand.IntN(100)
	mode := "ok"
	switch {
	case strings.HasPrefix(c.Path, "/events") || strings.HasPrefix(c.Path, "/stored") || phase(c) == "confirm" || phase(c) == "cancel":
		if n < 10 {
			mode = "error_503"
		}
		return mode
	case n < 55:
	case n < 60:
		mode = "veto"
	case n < 70:
		mode = "error_500"
	case n < 76:
		mode = "hang_before_headers"
	case n < 80:
		mode = "hang_mid_body"
	case n < 88:
		mode = "close_before_answer"
	case n < 94:
		mode = "close_mid_body"
	default:
		mode = "html_200"
	}
	s.mu.Lock()
	s.modes[mode]++
	s.mu.Unlock()
	return mode
}

// blow lets everybody register, whatever it takes.
func (s *storm) blow() {
	ctx, stop := context.WithCancel(s.t.Context())
	var trouble, all sync.WaitGroup
	trouble.Go(func() { s.deliver(ctx) })
	trouble.Go(func() { s.kill(ctx) })
	trouble.Go(func() { s.breakDatabase(ctx) })
	var next atomic.Int64
	for range people {
		all.Go(func() {
			c := s.env.Native()
			defer c.HTTP.CloseIdleConnections()
			for n := int(next.Add(1)); n <= *registrations; n = int(next.Add(1)) {
				if err := s.register(c, fmt.Sprintf("person-%d@example.org", n), n%10 == 0); err != nil {
					s.t.Error(err)
				}
			}
		})
	}
	all.Wait()
	stop()
	trouble.Wait()
}

// register sends one submit until it is acknowledged. Who has no patience gives
// up when a hook is the reason.
func (s *storm) register(c *enginetest.Client, email string, impatient bool) error {
	flow := ""
	for try := range 400 {
		if flow == "" {
			a, err := c.Try(c.Request(http.MethodGet, "/self-service/registration/api", nil))
			if err == nil && a.Status == http.StatusOK {
				flow = a.Flow().ID
			}
			continue
		}
		contentType, body := c.Encode(enginetest.Person(email))
		req := c.Request(http.MethodPost, "/self-service/registration?flow="+flow, strings.NewReader(string(body)))
		req.Header.Set("Content-Type", contentType)
		a, err := c.Try(req)
		if err != nil {
			return fmt.Errorf("%s, try %d: %w", email, try, err)
		}
		was, hooked := s.note(a)
		switch {
		case a.Status == http.StatusOK:
			s.mu.Lock()
			s.acknowledged[email] = true
			s.mu.Unlock()
			return nil
		case was == "":
			return fmt.Errorf("%s, try %d: %d %s", email, try, a.Status, a.Body)
		case hooked && impatient:
			s.mu.Lock()
			s.gone++
			s.mu.Unlock()
			return nil
		}
	}
	return errors.New(email + " was never acknowledged")
}

// note counts an answer, and says whether a hook was the reason for it. One that
// nobody expects is "".
func (s *storm) note(a *enginetest.Answer) (was string, hooked bool) {
	var v struct {
		Error struct {
			ID      string
			Details struct{ Failure string }
		}
		State string
	}
	_ = json.Unmarshal(a.Body, &v)
	switch {
	case a.Status == http.StatusOK:
		was = "200"
	case a.Status == http.StatusBadRequest && strings.Contains(string(a.Body), "4990001"):
		was, hooked = "veto", true
	case a.Status == http.StatusBadGateway || a.Status == http.StatusGatewayTimeout:
		was, hooked = v.Error.Details.Failure, true
	case a.Status == http.StatusServiceUnavailable || a.Status == http.StatusInternalServerError:
		was = fmt.Sprintf("%d %s", a.Status, v.Error.ID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[was]++
	return was, hooked
}

// deliver delivers what is due again and again. Now and then the clock jumps, so
// that reservations of steps that are under way are due for cancellation.
func (s *storm) deliver(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		if n%3 == 2 {
			s.env.Clock.Advance(patience)
			s.jumps++
		} else {
			s.env.Clock.Advance(2 * time.Second)
		}
		_, _ = s.env.App.Events.Round(ctx) // the database fails for workers, too
		_, _ = s.env.App.Worker.Round(ctx)
		sleep(ctx, 20*time.Millisecond)
	}
}

// kill ends the receiver for moments.
func (s *storm) kill(ctx context.Context) {
	for ctx.Err() == nil {
		sleep(ctx, time.Duration(300+rand.IntN(500))*time.Millisecond)
		s.gate.kill()
		s.kills++
		sleep(ctx, time.Duration(10+rand.IntN(40))*time.Millisecond)
		s.gate.open()
	}
}

// breakDatabase ends connections of a server's, at random, and has SQLite refuse
// rows of some steps at the last.
func (s *storm) breakDatabase(ctx context.Context) {
	if strings.HasPrefix(s.dsn, "sqlite") {
		_, err := s.db.Exec("CREATE TRIGGER refuse BEFORE INSERT ON session_tokens WHEN abs(random()) % 20 = 0 BEGIN SELECT RAISE(ABORT, 'refused by the test'); END")
		require.NoError(s.t, err)
		<-ctx.Done()
		_, err = s.db.Exec("DROP TRIGGER refuse")
		require.NoError(s.t, err)
		return
	}
	for ctx.Err() == nil {
		sleep(ctx, time.Duration(20+rand.IntN(80))*time.Millisecond)
		if s.endConnection() {
			s.faults++
		}
	}
}

// endConnection ends one that the program has open.
func (s *storm) endConnection() bool {
	if strings.HasPrefix(s.dsn, "postgres") {
		res, err := s.db.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 1`)
		if err != nil {
			return false
		}
		n, _ := res.RowsAffected()
		return n > 0
	}
	var id int
	err := s.db.QueryRow(`SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() ORDER BY rand() LIMIT 1`).Scan(&id)
	if err == nil {
		_, err = s.db.Exec(fmt.Sprintf("KILL %d", id))
	}
	return err == nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// audit holds clients, database and receiver against each other.
func (s *storm) audit() {
	t, people := s.t, len(s.acknowledged)
	calls := s.r.Calls()
	ends := ended(t, calls)
	confirmed, events, stored := map[string]bool{}, map[string]map[string]bool{}, map[string]bool{}
	vetoed := map[string]bool{}
	for _, c := range calls {
		var body struct {
			Type string
			Data struct {
				Identity string `json:"identity_id"`
			}
			Identity struct{ ID string }
		}
		_ = json.Unmarshal(c.Body, &body)
		switch {
		case phase(c) == "reserve" && c.Mode == "veto":
			vetoed[reservation(c)] = true
		case phase(c) == "confirm":
			confirmed[body.Data.Identity] = true
		case c.Path == "/stored" && c.Mode == "ok":
			stored[body.Identity.ID] = true
		case c.Path == "/events" && c.Mode == "ok":
			if events[body.Type] == nil {
				events[body.Type] = map[string]bool{}
			}
			events[body.Type][body.Data.Identity] = true
		}
	}
	open := 0
	for id, end := range ends {
		if end == "" && !vetoed[id] {
			open++
		}
		require.False(t, end == "confirm" && vetoed[id], "who says no is told no confirmation")
	}
	exist := column(t, s.db, "SELECT id FROM identities ORDER BY id")
	orphans := s.orphans()
	count := how(ends)
	t.Logf("%d registrations acknowledged, %d given up, by %v", people, s.gone, s.answers)
	t.Logf("the receiver: %v, killed %d times; the database: %d faults; %d jumps of the clock", s.modes, s.kills, s.faults+s.answers["500 internal_error"], s.jumps)
	t.Logf("identities %d, mails %d, events %d, stored hooks %d, reservations confirmed %d, cancelled %d, vetoed %d, open %d; orphans %d",
		len(exist), number(t, s.db, "SELECT count(*) FROM messages WHERE queue = 'messages'"), len(events["registration.completed"]), len(stored),
		count["confirm"], count["cancel"], len(vetoed), open, orphans)

	require.Equal(t, *registrations, people+s.gone)
	require.Len(t, exist, people)
	for _, told := range []map[string]bool{confirmed, events["registration.completed"], events["identity.created"], stored} {
		require.Equal(t, exist, slices.Sorted(maps.Keys(told)))
	}
	require.Equal(t, people, count["confirm"], "one for each person, and no other")
	require.Zero(t, open, "reservations that nobody ended")
	require.Zero(t, orphans)
	recipients := column(t, s.db, "SELECT recipient FROM messages WHERE queue = 'messages'")
	slices.Sort(recipients)
	require.Equal(t, slices.Sorted(maps.Keys(s.acknowledged)), recipients, "one mail for each")
	for kind := range map[string]int{"registration.completed": 0, "identity.created": 0, "session.issued": 0, "reservation.confirm": 0} {
		require.Equal(t, people, number(t, s.db, "SELECT count(*) FROM messages WHERE queue = 'events' AND status = 'sent' AND template = '"+kind+"'"), kind)
	}
	require.Zero(t, number(t, s.db, "SELECT count(*) FROM messages WHERE queue = 'events' AND status <> 'sent'"))
}

// orphans counts what belongs to no whole person.
func (s *storm) orphans() (n int) {
	for _, table := range []string{"credentials", "identifiers", "addresses", "sessions"} {
		n += number(s.t, s.db, "SELECT count(*) FROM "+table+" p WHERE NOT EXISTS (SELECT 1 FROM identities i WHERE i.id = p.identity_id)")
		n += number(s.t, s.db, "SELECT count(*) FROM identities i WHERE NOT EXISTS (SELECT 1 FROM "+table+" p WHERE p.identity_id = i.id)")
	}
	return n + number(s.t, s.db, "SELECT count(*) FROM session_tokens t WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = t.session_id)")
}
