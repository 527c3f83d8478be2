package crash

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/process"
)

// entry is one submit: a flow and the address it registers.
type entry struct {
	flow, email string
	id, token   string // once acknowledged
}

var errRefused = errors.New("refused")

// journal is what the clients know, which a crash of the server leaves alone.
type journal struct {
	p    *process.Process
	http *http.Client

	mu           sync.Mutex
	acknowledged []*entry // all rounds
	fresh        []*entry // acknowledged since the last audit
	pending      []*entry // sent, and no answer came
	wrong        []string // answers that no client should get
	number       int

	// failing says that refusals are due, because the disk fails: a client
	// that gets one keeps its submit for later and goes home.
	failing  bool
	refusals []string

	kill func() error // ends p
}

func newJournal(p *process.Process) *journal {
	return &journal{p: p, http: process.NewHTTP(clients, 30*time.Second), kill: p.Kill}
}

// register runs clients that register one person after the other until stopped
// or until the server is gone. under counts the submits that were written
// whole and have no answer yet.
func (j *journal) register(stop <-chan struct{}, under *atomic.Int64) *sync.WaitGroup {
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				flow, err := j.p.Open(j.http)
				if err != nil {
					return // the server is gone
				}
				if j.submit(flow, under) != nil {
					return
				}
			}
		})
	}
	return &wg
}

func (j *journal) submit(flow string, under *atomic.Int64) error {
	j.mu.Lock()
	j.number++
	e := &entry{flow: flow, email: fmt.Sprintf("person-%d@example.org", j.number)}
	j.mu.Unlock()
	sent := false
	a, err := j.p.Submit(j.http, e.flow, e.email, func() { sent = true; under.Add(1) })
	if sent {
		under.Add(-1)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err != nil:
		j.pending = append(j.pending, e)
	case j.failing && a.Status == http.StatusServiceUnavailable:
		j.pending, j.refusals = append(j.pending, e), append(j.refusals, a.String())
		return errRefused
	case a.Status != http.StatusOK || a.SessionToken == "":
		j.pending = append(j.pending, e)
		j.wrong = append(j.wrong, a.String())
	default:
		e.id, e.token = a.Identity.ID, a.SessionToken
		j.acknowledged, j.fresh = append(j.acknowledged, e), append(j.fresh, e)
	}
	return err
}

// killAt lets people register for a while, then kills the server as soon as
// enough submits are under way, and returns how many those were.
func (j *journal) killAt(t *testing.T, after time.Duration) int {
	var under atomic.Int64
	stop := make(chan struct{})
	wg := j.register(stop, &under)
	time.Sleep(after)
	for until := time.Now().Add(2 * time.Second); under.Load() < inFlight && time.Now().Before(until); {
		time.Sleep(50 * time.Microsecond)
	}
	n := int(under.Load())
	require.NoError(t, j.kill())
	close(stop)
	wg.Wait()
	j.http.CloseIdleConnections()
	return n
}

// audit holds the last round's journal against the restarted server, then
// sends again what got no answer.
func (j *journal) audit(t *testing.T) (found tally) {
	for _, e := range j.fresh {
		found.acknowledged++
		if !j.known(e) {
			found.lost++
		}
		a, err := j.p.Submit(j.http, e.flow, e.email, nil)
		require.NoError(t, err)
		if a.Status != http.StatusOK || a.Identity.ID != e.id {
			found.againDiffered++
			j.wrong = append(j.wrong, "sent again after success: "+a.String())
		}
	}
	j.fresh = nil
	for _, e := range j.pending {
		found.resent++
		if len(j.withAddress(t, e.email)) > 0 {
			found.came++
		}
		a, err := j.p.Submit(j.http, e.flow, e.email, nil)
		require.NoError(t, err)
		if a.Status != http.StatusOK || a.SessionToken == "" {
			found.refused++
			j.wrong = append(j.wrong, "sent again after no answer: "+a.String())
			continue
		}
		e.id, e.token = a.Identity.ID, a.SessionToken
		j.acknowledged = append(j.acknowledged, e)
		if !j.known(e) {
			found.lost++
		}
	}
	j.pending = nil
	return found
}

// auditAll looks at every registration of every round once more.
func (j *journal) auditAll(t *testing.T, total *tally) {
	for _, e := range j.acknowledged {
		if !j.known(e) {
			total.lost++
		}
		if ids := j.withAddress(t, e.email); len(ids) != 1 || ids[0] != e.id {
			total.doubled++
		}
	}
}

// known reports whether the admin API shows the person and the token signs in.
func (j *journal) known(e *entry) bool {
	i, err := j.p.Identity(j.http, e.id)
	if err != nil || i.Status != http.StatusOK || i.ID != e.id || i.Traits.Email != e.email {
		return false
	}
	who, err := j.p.Whoami(j.http, e.token)
	return err == nil && who.Status == http.StatusOK && who.Identity.ID == e.id
}

// withAddress lists the identities that sign in with an address.
func (j *journal) withAddress(t *testing.T, email string) []string {
	a, err := process.Call(j.http, http.MethodGet, j.p.AdminURL+"/admin/identities?credentials_identifier="+url.QueryEscape(email), "", nil, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.Status, "%s", a)
	ids, err := a.IDs()
	require.NoError(t, err)
	return ids
}
