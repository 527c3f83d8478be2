package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

var rounds = flag.Int("rounds", 3, "kills that count, on each database")

const (
	clients  = 16
	inFlight = 8 // submits that have to be under way for a kill to count
)

var program process.Shared

func TestMain(m *testing.M) { os.Exit(program.Run(m)) }

// kill -9 at random moments loses nothing that was acknowledged and leaves
// nothing half done, and who sends a lost submit again is registered.
func TestKilled(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		p := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: dsn, Cheap: true}
		t.Cleanup(func() { _ = p.Kill() })
		require.NoError(t, p.Migrate(t.Context()))
		total := tally{}
		j := newJournal(p)
		for attempt := 0; total.rounds < *rounds; attempt++ {
			require.Less(t, attempt, 3**rounds+10, "too few kills found %d submits under way", inFlight)
			require.NoError(t, p.Start(t.Context()))
			under := j.killAt(t, time.Duration(50+rand.IntN(450))*time.Millisecond)
			require.NoError(t, p.Start(t.Context()))
			found := j.audit(t)
			require.NoError(t, p.Kill(), "at rest, so that the next start has a log to replay")
			if under < inFlight {
				total.uncounted++
			} else {
				total.rounds++
				total.underWay += under
			}
			total.add(found)
		}
		require.NoError(t, p.Start(t.Context()))
		j.auditAll(t, &total)
		half := inconsistencies(t, dsn, len(j.acknowledged))
		require.NoError(t, p.Stop())
		total.print(half)
		require.Empty(t, j.wrong, "answers that should not be")
		require.Zero(t, total.lost, "acknowledged and lost")
		require.Zero(t, total.refused, "lost submits that could not be sent again")
		require.Zero(t, total.doubled, "addresses with other than one identity")
		require.Empty(t, half, "half registrations")
	})
}

// tally is what the audits found.
type tally struct {
	rounds, uncounted, underWay           int
	acknowledged, resent, came            int // came: resent submits that had been stored before the kill
	lost, refused, doubled, againDiffered int
}

func (t *tally) add(o tally) {
	t.acknowledged += o.acknowledged
	t.resent += o.resent
	t.came += o.came
	t.lost += o.lost
	t.refused += o.refused
	t.doubled += o.doubled
	t.againDiffered += o.againDiffered
}

func (t *tally) print(half []string) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "kills that count\t%d\t(%d more found fewer than %d submits under way)\n", t.rounds, t.uncounted, inFlight)
	fmt.Fprintf(w, "submits under way at a kill\t%.1f\tin the mean\n", float64(t.underWay)/float64(max(t.rounds, 1)))
	fmt.Fprintf(w, "registrations acknowledged\t%d\tlost %d\n", t.acknowledged, t.lost)
	fmt.Fprintf(w, "submits without an answer, sent again\t%d\tof which stored before the kill %d, refused %d\n", t.resent, t.came, t.refused)
	fmt.Fprintf(w, "addresses with other than one identity\t%d\n", t.doubled)
	fmt.Fprintf(w, "half registrations\t%d\n", len(half))
	_ = w.Flush()
}
