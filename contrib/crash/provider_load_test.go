package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// guest is somebody who comes by the provider.
type guest struct {
	email string
	kind  string // of the flow
	c     *enginetest.Client
	flow  *enginetest.Flow // that was opened; nil for none
	lost  bool             // what they brought home got no answer
}

// guests are all there are.
type guests struct {
	*travel
	mu     sync.Mutex
	people int
	fresh  []*guest // who came since the last audit
	in     []*guest // and were told that they are in
	wrong  []string
}

var errNoWay = errors.New("the form leads nowhere")

// try sends a request and decodes what comes back.
func (g *guest) try(method, to string, body []byte, into any) (*enginetest.Answer, error) {
	req := g.c.Request(method, to, bytes.NewReader(body))
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	a, err := g.c.Try(req)
	if err == nil && into != nil {
		err = json.Unmarshal(a.Body, into)
	}
	return a, err
}

// comes goes to the provider from the guest's flow, and home again. under counts who
// is on the way home.
func (v *guests) comes(g *guest, under *atomic.Int64) error {
	body, err := json.Marshal(g.flow.Fill(by("op")))
	if err != nil {
		return err
	}
	var to struct {
		URL string `json:"redirect_browser_to"`
	}
	if _, err = g.try(http.MethodPost, g.flow.UI.Action, body, &to); err != nil {
		return err
	}
	if to.URL == "" {
		return errNoWay
	}
	v.desk.Lock()
	v.op.SetPerson(opsim.Person{"sub": g.email, "email": g.email})
	back, err := v.op.Approve(to.URL)
	v.desk.Unlock()
	if err != nil {
		return err
	}
	under.Add(1)
	defer under.Add(-1)
	req := g.c.Request(http.MethodGet, back.To.String(), nil)
	req.Header.Set("Accept", "text/html")
	a, err := g.c.Try(req)
	if g.lost = err != nil; err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if a.Status != http.StatusSeeOther || !strings.HasSuffix(a.Header.Get("Location"), ":4455/") {
		v.wrong = append(v.wrong, fmt.Sprintf("%d to %s %s", a.Status, a.Header.Get("Location"), a.Body))
		return nil
	}
	v.in = append(v.in, g)
	return nil
}

// opens opens a flow for a guest.
func (g *guest) opens() error {
	g.flow = nil
	f := &enginetest.Flow{}
	_, err := g.try(http.MethodGet, "/self-service/"+g.kind+"/browser", nil, f)
	if err == nil {
		g.flow = f
	}
	return err
}

// come lets guests come, one after the other each, until the program is gone.
func (v *guests) come(under *atomic.Int64) *sync.WaitGroup {
	var wg sync.WaitGroup
	env := v.env()
	for range clients {
		first := env.SPA()
		wg.Go(func() {
			for c := first; ; c = nil { // each has a browser of their own
				v.mu.Lock()
				if c == nil {
					c = env.SPA()
				}
				g := &guest{email: fmt.Sprintf("person-%d@example.org", v.people), kind: []string{"login", "registration"}[v.people%2], c: c}
				v.people++
				v.fresh = append(v.fresh, g)
				v.mu.Unlock()
				if g.opens() != nil || v.comes(g, under) != nil {
					return
				}
			}
		})
	}
	return &wg
}

// audit looks whether everybody who was told so is in, and has all others press the
// button again: in the form they have, or where that has come to its end, in a new one.
func (v *guests) audit() (lost, came int) {
	for _, g := range v.in {
		require.Contains(v.t, string(g.c.Whoami("").Body), g.email, "acknowledged and lost")
	}
	for _, g := range v.fresh {
		if !g.lost && g.c.SignedIn() {
			continue
		}
		if g.lost {
			lost++
		}
		var none atomic.Int64
		err := errNoWay
		if g.flow != nil {
			err = v.comes(g, &none)
		}
		if errors.Is(err, errNoWay) {
			if g.flow != nil {
				came++
			}
			require.NoError(v.t, g.opens())
			err = v.comes(g, &none)
		}
		require.NoError(v.t, err, g.email)
		require.True(v.t, g.c.SignedIn(), g.email)
	}
	v.in, v.fresh = nil, nil
	return lost, came
}

// kill -9 while people come by a provider: who was told to be in is, whoever got no
// answer presses the button again and is, and nothing is half done. No code is sent
// to the provider twice.
func TestKilledAtProvider(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		v := &guests{travel: newTravel(t, dsn, false)}
		lost, came, underWay := 0, 0, 0
		for done, attempt := 0, 0; done < *rounds; attempt++ {
			require.Less(t, attempt, 3**rounds+10, "too few kills found anybody on the way home")
			var under atomic.Int64
			wg := v.come(&under)
			time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
			for until := time.Now().Add(2 * time.Second); under.Load() < inFlight && time.Now().Before(until); {
				time.Sleep(50 * time.Microsecond)
			}
			n := int(under.Load())
			require.NoError(t, v.p.Kill())
			wg.Wait()
			require.NoError(t, v.p.Start(t.Context()))
			l, c := v.audit()
			lost, came = lost+l, came+c
			if n >= inFlight {
				done++
				underWay += n
			}
		}
		require.Empty(t, v.wrong, "answers that should not be")
		require.Empty(t, halfLinks(t, dsn, v.people))
		require.Empty(t, v.op.Faults())
		require.Positive(t, lost)
		t.Logf("%d kills with %d on the way home: %d people, %d without an answer, %d of them known already; all in, none half", *rounds, underWay, v.people, lost, came)
		require.NoError(t, v.p.Stop())
	})
}
