// Command bench measures a release build of the program on this machine, on
// SQLite and, where FOYER_TEST_POSTGRES names a server, on PostgreSQL.
//
// A closed loop of clients sends each request as soon as the last is answered.
// They run on the same machine and take their share of it, so throughput says
// less than the server's own processor time for each request, and that less
// than its ratio to "health", which is what answering HTTP costs at all. Every
// figure is the median of several rounds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/foyer-id/foyer/internal/process"
)

var (
	clients  = flag.Int("c", 16, "concurrent clients")
	duration = flag.Duration("d", 3*time.Second, "time of each scenario in a round")
	warmUp   = flag.Duration("warm", time.Second, "time before that which is not counted")
	rounds   = flag.Int("rounds", 3, "rounds")
	mails    = flag.Int("mails", 2000, "mails that are delivered in a round")
	only     = flag.String("only", "", "scenarios, joined with commas; all if empty")
	on       = flag.String("db", "sqlite,postgres", "databases, joined with commas")
)

func main() {
	flag.Parse()
	if err := bench(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "foyer-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d cores shared with the clients, %d clients, median of %d rounds of %s; binary %.1f MiB\n",
		runtime.Version(), runtime.NumCPU(), *clients, *rounds, *duration, float64(info.Size())/(1<<20))
	for _, engine := range strings.Split(*on, ",") {
		b, err := newBed(ctx, engine, binary, dir)
		if errors.Is(err, process.ErrNoServer) {
			fmt.Printf("\n%s: %s\n", engine, err)
			continue
		}
		if err != nil {
			return err
		}
		if err := b.measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

func wanted(name string) bool {
	return *only == "" || slices.Contains(strings.Split(*only, ","), name)
}

// measure does all there is to measure on one database.
func (b *bed) measure(ctx context.Context) error {
	defer b.drop()
	fmt.Printf("\n%s: %s\n", b.engine, b.durability(ctx))
	if err := b.loops(ctx); err != nil {
		return err
	}
	if wanted("memory-512") {
		if err := b.memory(ctx, 512); err != nil {
			return err
		}
	}
	if wanted("deliver") {
		if err := b.deliver(ctx, *mails); err != nil {
			return err
		}
	}
	if b.engine == "sqlite" && wanted("flushes") {
		return b.flushes(ctx, 64)
	}
	return nil
}

// loops runs the scenarios, each kind of server beside the others, and prints a
// line for each.
func (b *bed) loops(ctx context.Context) error {
	samples := map[string][]sample{}
	var hashes []float64
	loads, err := b.loads(ctx)
	if err != nil {
		return err
	}
	for range *rounds {
		if wanted("register") {
			hashes = append(hashes, hashCost(ctx))
		}
		for _, s := range scenarios {
			l := loads[s.on]
			if l == nil || !wanted(s.name) && s.name != "health" {
				continue
			}
			one, err := l.loop(s, b)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			samples[s.name] = append(samples[s.name], one)
		}
	}
	for _, l := range loads {
		if err := l.p.Stop(); err != nil {
			return err
		}
	}
	b.print(samples, median(hashes))
	return nil
}

// loads starts the servers that the wanted scenarios need, and that of health.
func (b *bed) loads(ctx context.Context) (map[kind]*load, error) {
	loads := map[kind]*load{}
	for _, s := range scenarios {
		if loads[s.on] != nil || !wanted(s.name) && s.name != "health" {
			continue
		}
		p, arrived, err := b.start(ctx, s.on, nil)
		if err != nil {
			return nil, err
		}
		if loads[s.on], err = newLoad(p, *clients, arrived); err != nil {
			return nil, err
		}
		if s.on == provided {
			loads[s.on].op = b.op
			if err := loads[s.on].signInBy("registration"); err != nil {
				return nil, err
			}
		}
	}
	return loads, nil
}

// what the rows of registrations add to register-cheap.
var added = map[kind]string{
	hooked: "a web_hook in the queue", called: "the same, delivered", told: "an event, delivered",
	queued: "its verification and the mail in the queue", mailed: "the same, delivered",
}

func (b *bed) print(samples map[string][]sample, hash float64) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scenario\tper s\tp50 ms\tp99 ms\tCPU µs\t× health\tfailed\tpeak MiB\t")
	var health, before sample
	for _, s := range scenarios {
		if len(samples[s.name]) == 0 {
			continue
		}
		m := medians(samples[s.name])
		switch s.name {
		case "health":
			health = m
		case "register-cheap":
			before = m
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.0f\t%.1f\t%.0f\t%.0f\t\n", s.name, m.rate, m.p50, m.p99, m.cpu, m.cpu/health.cpu, m.failed, m.peak)
		if what := added[s.on]; what != "" && before.cpu > 0 && strings.HasPrefix(s.name, "register-") {
			fmt.Fprintf(w, "  so %s cost\t\t%+.2f\t%+.2f\t%.0f\t%.1f\t\t\t\n", what, m.p50-before.p50, m.p99-before.p99, m.cpu-before.cpu, (m.cpu-before.cpu)/health.cpu)
		}
		if s.name == "register" {
			fmt.Fprintf(w, "  besides the hash of %.0f (register-cheap varies less)\t\t\t\t%.0f\t%.1f\t\t\t\n", hash, m.cpu-hash, (m.cpu-hash)/health.cpu)
		}
	}
	_ = w.Flush()
}

// medians takes each figure by itself.
func medians(all []sample) sample {
	of := func(f func(sample) float64) float64 {
		var v []float64
		for _, one := range all {
			v = append(v, f(one))
		}
		return median(v)
	}
	return sample{
		rate: of(func(s sample) float64 { return s.rate }), p50: of(func(s sample) float64 { return s.p50 }), p99: of(func(s sample) float64 { return s.p99 }),
		cpu: of(func(s sample) float64 { return s.cpu }), failed: of(func(s sample) float64 { return s.failed }), peak: of(func(s sample) float64 { return s.peak }),
	}
}

// memory measures what many registrations at once add to a server that has
// just started.
func (b *bed) memory(ctx context.Context, people int) error {
	p, _, err := b.start(ctx, usual, nil)
	if err != nil {
		return err
	}
	l := &load{p: p, http: process.NewHTTP(people, time.Minute)}
	base := status(p.PID(), "VmRSS")
	registered, told, err := l.crowd(people)
	if err != nil {
		return err
	}
	peak := status(p.PID(), "VmHWM")
	fmt.Printf("memory-%d: %d registered at once, %d times told to come back; base %.0f MiB, peak %.0f MiB, so %.0f MiB more\n",
		people, registered, told, base, peak, peak-base)
	return p.Stop()
}

// deliver lets one worker, a process of its own, empty a queue into a mail
// server of this process. The first tenth is to warm up.
func (b *bed) deliver(ctx context.Context, mails int) error {
	p, _, err := b.start(ctx, queued, nil)
	if err != nil {
		return err
	}
	l, err := newLoad(p, *clients, nil)
	if err != nil {
		return err
	}
	mail, err := b.mailServer()
	if err != nil {
		return err
	}
	var rates, costs []float64
	for range *rounds {
		for range max(0, mails-int(l.ever.Load())+mail.Count()) {
			if _, err := l.register(); err != nil {
				return err
			}
		}
		w := *p
		w.Worker, w.Mail = true, mail.URI()
		if err := b.run(ctx, &w); err != nil {
			return err
		}
		rate, cost, err := b.watch(w.PID(), mail, int(l.ever.Load()))
		if err != nil {
			return err
		}
		rates, costs = append(rates, rate), append(costs, cost)
		if err := w.Stop(); err != nil {
			return err
		}
	}
	fmt.Printf("deliver: one worker hands %d mails to a mail server on this machine: %.0f/s, CPU %.0f µs each\n", mails, median(rates), median(costs))
	return p.Stop()
}

// watch measures from a tenth of the mails that are queued to the last of all.
func (b *bed) watch(pid int, mail *process.MailServer, all int) (rate, cost float64, err error) {
	queued := all - mail.Count()
	until := time.Now().Add(2 * time.Minute)
	wait := func(n int) error {
		for mail.Count() < n {
			if time.Now().After(until) {
				return fmt.Errorf("deliver: %d of %d mails arrived", mail.Count(), all)
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	}
	if err := wait(all - queued*9/10); err != nil {
		return 0, 0, err
	}
	first, spent, start := mail.Count(), b.cpu(pid), time.Now()
	if err := wait(all); err != nil {
		return 0, 0, err
	}
	n := float64(all - first)
	return n / time.Since(start).Seconds(), (b.cpu(pid) - spent) * 1e6 / n, nil
}

// flushes counts what a registration, the opening of its flow included, costs
// in flushes to the disk when people come many at a time.
func (b *bed) flushes(ctx context.Context, people int) error {
	trace := filepath.Join(b.dir, "flushes")
	wrapper := tracer(trace)
	p, _, err := b.start(ctx, cheap, wrapper)
	if err != nil {
		return err
	}
	l, err := newLoad(p, people, nil)
	if err != nil {
		return err
	}
	before, err := l.counters()
	if err != nil {
		return err
	}
	calls := -traced(trace)
	s, err := l.loop(scenarioNamed("register-cheap"), b)
	if err != nil {
		return err
	}
	calls += traced(trace)
	after, err := l.counters()
	if err != nil {
		return err
	}
	if err := p.Stop(); err != nil {
		return err
	}
	n := float64(l.registered.Load())
	fmt.Printf("flushes at %d clients: %.0f registrations in %.0f units and %.0f commits: %.3f commits each (%.0f/s)\n",
		people, n, after.units-before.units, after.commits-before.commits, (after.commits-before.commits)/n, s.rate)
	if wrapper == nil {
		fmt.Println("  flushes themselves were not counted: there is no strace that may trace here")
		return nil
	}
	fmt.Printf("  fsync and fdatasync, counted by strace: %d, so %.3f for each registration\n", calls, float64(calls)/n)
	return nil
}

// traced counts the flushes in a trace so far.
func traced(file string) int {
	raw, _ := os.ReadFile(file)
	return strings.Count(string(raw), "sync(")
}
