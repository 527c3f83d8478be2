// Command timing looks for whether the time of an answer tells, under
// security.account_enumeration.mitigate, which addresses are known.
//
// It starts release builds of the program and asks, on one connection and one
// request after the other, about pairs of a known and an unknown address in
// random order. Every address is fresh and asked about once. The two classes
// are told apart, and the run fails, if Welch's t reaches 4.5, with all
// measurements or without the slowest 1, 5 or 10 %, or if by a
// Kolmogorov-Smirnov test they come from one distribution with a probability
// of 0.001 at most.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/foyer-id/foyer/internal/process"
)

var (
	pairs  = flag.Int("pairs", 2000, "pairs of each scenario with hashes that cost next to nothing")
	costly = flag.Int("costly", 0, "pairs at production cost of hashes; a tenth of the others if 0")
	on     = flag.String("db", "sqlite,postgres", "databases, joined with commas")
	only   = flag.String("only", "", "scenarios, joined with semicolons; all if empty")
	seed   = flag.Uint64("seed", 0, "of addresses and orders; by the clock if 0")
)

func main() {
	flag.Parse()
	leaks, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "timing:", err)
		os.Exit(1)
	}
	if leaks > 0 {
		fmt.Fprintf(os.Stderr, "timing: in %d of the rows above known and unknown addresses can be told apart\n", leaks)
		os.Exit(1)
	}
}

func run(ctx context.Context) (leaks int, err error) {
	dir, err := os.MkdirTemp("", "foyer-timing")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return 0, err
	}
	if *costly == 0 {
		*costly = max(*pairs/10, 20)
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	debug.SetGCPercent(800)
	fmt.Printf("%s; seed %d\n", pinSelf(), *seed)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "database\tscenario\tclient\thash\tpairs\tknown ms\tunknown ms\tgap µs\t95 % of gaps\tt\t<99 %\t<95 %\t<90 %\tKS D\tp\t\t")
	r := rand.New(rand.NewPCG(*seed, 0))
	for _, engine := range strings.Split(*on, ",") {
		for _, cheap := range []bool{true, false} {
			n, err := compare(ctx, w, r, engine, binary, dir, cheap)
			if errors.Is(err, process.ErrNoServer) {
				fmt.Printf("%s: %s\n", engine, err)
				break
			}
			if err != nil {
				return 0, err
			}
			leaks += n
		}
	}
	return leaks, w.Flush()
}

// compare runs the scenarios and writes a row for each: those about people
// without a password against a server of their own, since who is nobody is
// answered like anybody else there, and so has to be without one, too.
func compare(ctx context.Context, w *tabwriter.Writer, r *rand.Rand, engine, binary, dir string, cheap bool) (leaks int, err error) {
	for _, bare := range []bool{false, true} {
		some := slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool {
			return s.bare != bare || !cheap && !s.costly || *only != "" && !slices.Contains(strings.Split(*only, ";"), s.name)
		})
		if len(some) == 0 {
			continue
		}
		b, err := newBed(ctx, engine, binary, dir, cheap)
		if err != nil {
			return 0, err
		}
		n, err := b.compare(w, r, engine, some, cheap)
		if err := errors.Join(err, b.close()); err != nil {
			return 0, err
		}
		leaks += n
	}
	return leaks, nil
}

// compare runs scenarios against one server.
func (b *bed) compare(w *tabwriter.Writer, r *rand.Rand, engine string, some []scenario, cheap bool) (leaks int, err error) {
	n, hash := *pairs, "cheap"
	if !cheap {
		n, hash = *costly, "argon2id"
	}
	for _, s := range some {
		for _, client := range []string{"native", "json"} {
			known, unknown, err := b.measure(s, client == "native", n, r)
			if err != nil {
				return 0, fmt.Errorf("%s, %s, %s: %w", engine, s.name, client, err)
			}
			v := judge(known, unknown, r)
			said := ""
			if v.leaks() {
				leaks++
				said = "TOLD APART"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.3f\t%.3f\t%+.1f\t%+.1f to %+.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%.4f\t%.4f\t%s\t\n", engine, s.name, client, hash, v.pairs,
				v.medianA, v.medianB, 1000*v.gap, 1000*v.low, 1000*v.high, v.t[0], v.t[1], v.t[2], v.t[3], v.ks, v.p, said)
		}
	}
	return leaks, nil
}
