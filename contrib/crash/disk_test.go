package crash

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
)

var faults = flag.Int("faults", 2, "moments at which the disk fails, for each way to fail")

// ways in which strace lets a disk fail. A plus means from that call on.
// Runs are spread over the first calls of each thread, up to last.
var ways = []struct {
	name, calls, inject string
	last                int
}{
	{"one flush fails", "fsync,fdatasync", "error=EIO:when=%d", 200},
	{"all flushes fail", "fsync,fdatasync", "error=EIO:when=%d+", 200},
	{"the disk is full", "pwrite64", "error=ENOSPC:when=%d+", 8000},
}

// A flush that fails is never acknowledged, ends the taking of changes, and
// leaves a file that the next start finds whole.
func TestDiskFails(t *testing.T) {
	mayTrace(t)
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			total, hit := tally{}, 0
			for n := range *faults {
				at := 2 + n*way.last / *faults
				found, failed := failAt(t, way.calls, fmt.Sprintf(way.inject, at))
				total.add(found)
				if failed {
					hit++
				}
			}
			require.Positive(t, hit, "no failure was met")
			t.Logf("%d of %d runs met the failure: %d acknowledged, lost %d; %d refused and sent again after a restart, in vain %d",
				hit, *faults, total.acknowledged, total.lost, total.resent, total.refused)
			require.Zero(t, total.lost, "acknowledged and lost")
			require.Zero(t, total.refused, "refused submits that could not be sent again")
			require.Zero(t, total.doubled)
		})
	}
}

func mayTrace(t *testing.T) {
	t.Helper()
	if err := exec.Command("strace", "-f", "-qq", "-o", os.DevNull, "true").Run(); err != nil {
		testdb.Missing(t, "strace is missing or may not trace: "+err.Error())
	}
}

// failAt lets people register until the disk fails, restarts on a sound disk
// and audits. failed is false if the program did too little to meet the fault.
func failAt(t *testing.T, calls, inject string) (found tally, failed bool) {
	p := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: testdb.SQLite(t), Cheap: true}
	t.Cleanup(func() { _ = p.Kill() })
	require.NoError(t, p.Migrate(t.Context()))
	trace := filepath.Join(p.Dir, "trace")
	p.Wrapper = []string{"strace", "-D", "-f", "-qq", "--seccomp-bpf", "-e", "trace=" + calls, "-e", "inject=" + calls + ":" + inject, "-o", trace}
	j := newJournal(p)
	j.failing = true
	if err := p.Start(t.Context()); err == nil {
		j.untilRefused(t)
	}
	failed = injected(trace)
	// An error here is due: a program whose disk has failed may say so at its end.
	_ = p.Stop()

	j.failing, p.Wrapper = false, nil
	j.http.CloseIdleConnections()
	require.NoError(t, p.Start(t.Context()), "restart after %s", inject)
	found = j.audit(t)
	j.auditAll(t, &found)
	require.Empty(t, inconsistencies(t, p.DSN, len(j.acknowledged)), "half registrations after %s", inject)
	require.Empty(t, j.wrong, "answers that should not be")
	require.NoError(t, p.Stop())
	return found, failed
}

// untilRefused lets people register until each client was refused, then makes
// sure that nobody gets anything stored any more.
func (j *journal) untilRefused(t *testing.T) {
	var early []string
	for range 5 {
		if flow, err := j.p.Open(j.http); err == nil {
			early = append(early, flow)
		}
	}
	stop := make(chan struct{})
	timer := time.AfterFunc(20*time.Second, func() { close(stop) })
	defer timer.Stop()
	var under atomic.Int64
	j.register(stop, &under).Wait()
	if len(j.refusals) == 0 {
		return // the fault met the opening of a flow, or nothing
	}
	for _, flow := range early {
		require.ErrorIs(t, j.submit(flow, &under), errRefused, "after a failure nothing is stored")
	}
	ready, err := process.Call(j.http, http.MethodGet, j.p.AdminURL+"/admin/health/ready", "", nil, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, ready.Status, "%s", ready)
	// Only a restart helps, so whoever watches over the program is told to make
	// one, and clients are not told to try every second.
	alive, err := process.Call(j.http, http.MethodGet, j.p.PublicURL+"/health/alive", "", nil, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, alive.Status, "%s", alive)
	opened, err := process.Call(j.http, http.MethodGet, j.p.PublicURL+"/self-service/registration/api", "", nil, nil)
	require.NoError(t, err)
	require.Contains(t, string(opened.Raw), `"id":"storage_failed"`)
	require.Equal(t, time.Minute, opened.RetryAfter)
	said, err := os.ReadFile(j.p.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(said), "the storage has failed", "it says why")
}

func injected(trace string) bool {
	raw, _ := os.ReadFile(trace)
	return strings.Contains(string(raw), "INJECTED")
}
