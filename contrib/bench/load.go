package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/process"
)

// load is the clients of one server and what they prepared.
type load struct {
	p          *process.Process
	http       *http.Client
	clients    int
	flows      []string // to read, and to fail with
	people     []person
	next       atomic.Int64
	registered atomic.Int64
	op         *opsim.Provider
	arrived    func() int   // deliveries, one for each registration; nil where there are none
	ever       atomic.Int64 // registered since the server was started
}

// person is somebody who is signed in, as are at least as many as there are clients.
type person struct {
	email, token string
	settings     string // a flow
}

// scenario is one kind of request. Its op is called with the number of the client.
type scenario struct {
	name string
	on   kind
	op   func(l *load, client int) error
}

var scenarios = []scenario{
	{"health", usual, func(l *load, _ int) error { return l.get("/health/alive", "", http.StatusOK) }},
	{"init-api", usual, func(l *load, _ int) error { return l.get("/self-service/registration/api", "", http.StatusOK) }},
	{"init-browser", usual, func(l *load, _ int) error { return l.get("/self-service/registration/browser", "", http.StatusOK) }},
	{"get-flow", usual, func(l *load, _ int) error {
		return l.get("/self-service/registration/flows?id="+l.flow(), "", http.StatusOK)
	}},
	{"submit-invalid", usual, func(l *load, _ int) error {
		a, err := l.p.Submit(l.http, l.flow(), "not an address", nil)
		return expect(a, err, http.StatusBadRequest)
	}},
	{"register", usual, func(l *load, _ int) error { _, err := l.register(); return err }},
	{"register-cheap", cheap, func(l *load, _ int) error { _, err := l.register(); return err }},
	{"register-hooked", hooked, func(l *load, _ int) error { _, err := l.register(); return err }},
	{"register-called", called, func(l *load, _ int) error { _, err := l.register(); return err }},
	{"register-told", told, func(l *load, _ int) error { _, err := l.register(); return err }},
	{"register-queued", queued, func(l *load, _ int) error { _, err := l.register(); return err }},
	{"register-mailed", mailed, func(l *load, _ int) error { _, err := l.register(); return err }},
	{"whoami", usual, func(l *load, client int) error {
		return l.get("/sessions/whoami", l.people[client].token, http.StatusOK)
	}},
	{"login-cheap", cheap, func(l *load, client int) error {
		a, err := l.p.SignIn(l.http, l.people[client].email, process.Password)
		return expect(a, err, http.StatusOK)
	}},
	{"login-provider", provided, func(l *load, _ int) error { return l.signInBy("login") }},
	{"settings-save", usual, func(l *load, client int) error {
		who, name := l.people[client], fmt.Sprintf("Name %d", l.next.Add(1))
		a, err := l.p.Send(l.http, "settings", who.settings, who.token,
			process.Fields{"method": "profile", "traits": process.Fields{"email": who.email, "name": name}}, nil)
		return expect(a, err, http.StatusOK)
	}},
	// Of addresses that nobody has, which costs the same, since those that somebody
	// has get no more mail after a few.
	{"recovery-ask", queued, func(l *load, _ int) error {
		flow, err := l.p.OpenKind(l.http, "recovery", "")
		if err != nil {
			return err
		}
		email := fmt.Sprintf("nobody-%d@bench.example.org", l.next.Add(1))
		a, err := l.p.Send(l.http, "recovery", flow, "", process.Fields{"method": "code", "email": email}, nil)
		return expect(a, err, http.StatusOK)
	}},
}

func scenarioNamed(name string) scenario {
	return scenarios[slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })]
}

func newLoad(p *process.Process, n int, arrived func() int) (*load, error) {
	l := &load{p: p, http: process.NewHTTP(n, time.Minute), clients: n, arrived: arrived}
	for range 256 {
		id, err := p.Open(l.http)
		if err != nil {
			return nil, err
		}
		l.flows = append(l.flows, id)
	}
	for range n {
		one, err := l.register()
		if err == nil {
			one.settings, err = p.OpenKind(l.http, "settings", one.token)
		}
		if err != nil {
			return nil, err
		}
		l.people = append(l.people, one)
	}
	l.registered.Store(0)
	return l, nil
}

func (l *load) flow() string { return l.flows[int(l.next.Add(1))%len(l.flows)] }

func (l *load) get(path, token string, want int) error {
	a, err := process.Call(l.http, http.MethodGet, l.p.PublicURL+path, token, nil, nil)
	return expect(a, err, want)
}

func expect(a *process.Answer, err error, want int) error {
	if err == nil && a.Status != want {
		return errors.New(a.String())
	}
	return err
}

// register opens a flow and registers somebody new with it.
func (l *load) register() (who person, err error) {
	id, err := l.p.Open(l.http)
	if err != nil {
		return who, err
	}
	who.email = fmt.Sprintf("person-%d@bench.example.org", l.next.Add(1))
	a, err := l.p.Submit(l.http, id, who.email, nil)
	if err := expect(a, err, http.StatusOK); err != nil {
		return who, err
	}
	l.registered.Add(1)
	l.ever.Add(1)
	who.token = a.SessionToken
	return who, nil
}

// signInBy goes in a browser of its own through a flow of a kind to the provider
// and back. The provider knows one person.
func (l *load) signInBy(kind string) error {
	b, err := l.p.Browse(l.http, kind)
	if err != nil {
		return err
	}
	a, err := b.Leave()
	if err != nil {
		return err
	}
	to, err := a.Elsewhere()
	if err != nil {
		return err
	}
	back, err := l.op.Approve(to)
	if err != nil {
		return err
	}
	a, err = b.Return(back.To)
	return expect(a, err, http.StatusOK)
}

// sample is one scenario in one round; times in milliseconds, CPU in
// microseconds for each success, memory in MiB.
type sample struct{ rate, p50, p99, cpu, failed, peak float64 }

// loop keeps all clients busy, first to warm up. It fails if nothing succeeds.
// What was queued is delivered before it ends, and counts.
func (l *load) loop(s scenario, b *bed) (sample, error) {
	if _, _, err := l.drive(s, *warmUp); err != nil {
		return sample{}, err
	}
	if err := l.deliver(); err != nil {
		return sample{}, err
	}
	forgetPeak(l.p.PID())
	spent, start := b.cpu(l.p.PID()), time.Now()
	took, failed, err := l.drive(s, *duration)
	elapsed := time.Since(start).Seconds()
	err = errors.Join(err, l.deliver())
	spent = b.cpu(l.p.PID()) - spent
	if err != nil {
		return sample{}, err
	}
	slices.Sort(took)
	n := len(took)
	return sample{
		rate: float64(n) / elapsed, failed: float64(failed), peak: status(l.p.PID(), "VmHWM"),
		p50: took[n/2], p99: took[n*99/100], cpu: spent * 1e6 / float64(n),
	}, nil
}

// deliver waits until all that registrations have caused has arrived.
func (l *load) deliver() error {
	if l.arrived == nil {
		return nil
	}
	for until := time.Now().Add(time.Minute); int64(l.arrived()) < l.ever.Load(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			return fmt.Errorf("after a minute %d of %d have arrived", l.arrived(), l.ever.Load())
		}
	}
	return nil
}

func (l *load) drive(s scenario, d time.Duration) (took []float64, failed int, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	until := time.Now().Add(d)
	for client := range l.clients {
		wg.Go(func() {
			var mine []float64
			bad, last := 0, error(nil)
			for time.Now().Before(until) {
				start := time.Now()
				if e := s.op(l, client); e != nil {
					bad, last = bad+1, e
					continue
				}
				mine = append(mine, float64(time.Since(start).Microseconds())/1000)
			}
			mu.Lock()
			defer mu.Unlock()
			took, failed = append(took, mine...), failed+bad
			if last != nil {
				err = last
			}
		})
	}
	wg.Wait()
	if len(took) > 0 {
		err = nil
	}
	return took, failed, err
}

// crowd registers people all at once. Who is told to come back does.
func (l *load) crowd(people int) (registered, told int64, err error) {
	var flows []string
	for range people {
		id, err := l.p.Open(l.http)
		if err != nil {
			return 0, 0, err
		}
		flows = append(flows, id)
	}
	var done, back atomic.Int64
	var other atomic.Pointer[process.Answer]
	var wg sync.WaitGroup
	for n, flow := range flows {
		wg.Go(func() {
			for range 100 {
				a, err := l.p.Submit(l.http, flow, fmt.Sprintf("crowd-%d@bench.example.org", n), nil)
				switch {
				case err == nil && a.Status == http.StatusOK:
					done.Add(1)
					return
				case err == nil && a.Status == http.StatusServiceUnavailable:
					back.Add(1)
					time.Sleep(max(a.RetryAfter, time.Second))
				case err == nil:
					other.Store(a)
					return
				default:
					return
				}
			}
		})
	}
	wg.Wait()
	if a := other.Load(); a != nil {
		return done.Load(), back.Load(), errors.New(a.String())
	}
	return done.Load(), back.Load(), nil
}

type counters struct{ units, commits float64 }

// counters reads how often the store has committed.
func (l *load) counters() (c counters, err error) {
	a, err := process.Call(l.http, http.MethodGet, l.p.AdminURL+"/admin/metrics/prometheus", "", nil, nil)
	if err != nil {
		return c, err
	}
	for line := range strings.Lines(string(a.Raw)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "foyer_store_units_total":
			c.units, err = strconv.ParseFloat(value, 64)
		case "foyer_store_commits_total":
			c.commits, err = strconv.ParseFloat(value, 64)
		}
	}
	return c, err
}
