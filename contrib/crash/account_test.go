package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

// kill -9 while people change passwords and recover their accounts: what was
// acknowledged holds, what was not has happened whole or not at all, and whoever
// sends it again gets through.
func TestKilledAccounts(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		p := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: dsn, Cheap: true, Verify: true, Recover: true, Config: map[string]any{
			"watch-courier": false, "courier.budget": map[string]any{"per_10_minutes": 1000, "per_day": 1000},
		}}
		t.Cleanup(func() { _ = p.Kill() })
		require.NoError(t, p.Migrate(t.Context()))
		total, done := changes{}, 0
		d := &diary{p: p, http: process.NewHTTP(clients, 30*time.Second)}
		for attempt := 0; done < *rounds; attempt++ {
			require.Less(t, attempt, 3**rounds+10, "too few kills found a submit under way")
			require.NoError(t, p.Start(t.Context()))
			under := d.killAt(t, time.Duration(200+rand.IntN(400))*time.Millisecond)
			require.NoError(t, p.Start(t.Context()))
			d.audit(&total)
			require.NoError(t, p.Kill(), "at rest, so that the next start has a log to replay")
			if under > 0 {
				done++
				total.underWay += under
			}
		}
		half := missing(t, dsn, number(t, dsn, "SELECT count(*) FROM identities"), lasting)
		total.print(done, half)
		require.Empty(t, d.wrong)
		require.Empty(t, half)
		require.Positive(t, total.saved)
		require.Positive(t, total.recovered)
	})
}

// changes is what the audits saw.
type changes struct {
	underWay                int
	people                  int
	saved, recovered        int // acknowledged
	lost, came              int // got no answer, and of these what had been stored
	oldPasswords, outsiders int // that were tried and let nobody in
}

func (c *changes) print(rounds int, half []string) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "kills that count\t%d\twith %.1f submits under way in the mean\n", rounds, float64(c.underWay)/float64(max(rounds, 1)))
	fmt.Fprintf(w, "passwords changed, accounts recovered\t%d, %d\tby %d people; all hold\n", c.saved, c.recovered, c.people)
	fmt.Fprintf(w, "submits without an answer, sent again\t%d\tof which stored before the kill %d\n", c.lost, c.came)
	fmt.Fprintf(w, "old passwords and sessions tried\t%d, %d\tnone lets in\n", c.oldPasswords, c.outsiders)
	fmt.Fprintf(w, "half states\t%d\n", len(half))
	_ = w.Flush()
}

// killAt lets people live for a while, then kills the server as soon as something
// is under way, and returns how much that was.
func (d *diary) killAt(t *testing.T, after time.Duration) int {
	var under atomic.Int64
	stop := make(chan struct{})
	wg := d.live(stop, &under)
	time.Sleep(after)
	for until := time.Now().Add(2 * time.Second); under.Load() == 0 && time.Now().Before(until); {
		time.Sleep(50 * time.Microsecond)
	}
	n := int(under.Load())
	require.NoError(t, d.p.Kill())
	close(stop)
	wg.Wait()
	d.http.CloseIdleConnections()
	return n
}
