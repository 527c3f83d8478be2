package selfservice_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// The reference: what a registration is, without any of how it is done.
type (
	model struct {
		hour  int // on the model's clock; flows live for one
		taken map[string]bool
		flows []*modelFlow
	}
	modelFlow struct {
		id, sent, problems string
		owner, born        int // owner 0 is the native client
		heir               *modelFlow
	}
)

func (m *model) expired(f *modelFlow) bool { return m.hour > f.born }

func (m *model) add(f modelFlow) *modelFlow {
	f.born = m.hour
	m.flows = append(m.flows, &f)
	return &f
}

func (m *model) read(f *modelFlow, by int) string {
	switch {
	case f.owner != by:
		return "403 security_csrf_violation"
	case f.sent != "":
		return "200 form 4040002"
	case m.expired(f):
		return "410 self_service_flow_expired"
	}
	return "200 form" + f.problems
}

func (m *model) submit(f *modelFlow, by int, email string) string {
	switch {
	case f.owner != by:
		return "403 security_csrf_violation"
	case f.sent == email && !m.expired(f):
		return "200 done"
	case f.sent != "":
		return "400 form 4040002"
	case m.expired(f):
		if f.heir == nil {
			f.heir = m.add(modelFlow{owner: f.owner, problems: " 4040001"})
		}
		return "410 self_service_flow_expired"
	case !strings.Contains(email, "@"):
		f.problems = " traits.email:4000040"
	case m.taken[email]:
		f.problems = " 4000007"
	default:
		m.taken[email], f.sent = true, email
		return "200 done"
	}
	return "400 form" + f.problems
}

// steps is how many steps a walk has, unless FOYER_STEPS says otherwise.
func steps(t *testing.T, usual int) int {
	if s := os.Getenv("FOYER_STEPS"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		return n
	}
	return usual
}

// A random walk over several flows and clients never sees the program do what
// the reference does not.
func TestModel(t *testing.T) {
	const perWalk = 30
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(max(1, steps(t, 3000)/perWalk))))
	require.NoError(t, flag.Set("rapid.steps", strconv.Itoa(perWalk)))
	require.NoError(t, flag.Set("rapid.nofailfile", "true"))
	env := enginetest.New(t, enginetest.WithoutSession())
	walk, people, deeds := 0, 0, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		walk++
		m := &model{taken: map[string]bool{}}
		// Client 0 is native, the others are browsers of their own.
		clients := []client{env.Native(), env.SPA(), env.SPA()}
		known := map[string]flow{}
		start := env.Identities()
		pick := func(rt *rapid.T) (*modelFlow, int) {
			if len(m.flows) == 0 {
				rt.Skip()
			}
			f := m.flows[rapid.IntRange(0, len(m.flows)-1).Draw(rt, "flow")]
			by := f.owner
			if by != 0 && rapid.IntRange(0, 5).Draw(rt, "stranger") == 0 {
				by = rapid.IntRange(0, 2).Draw(rt, "client")
			}
			return f, by
		}
		agree := func(rt *rapid.T, deed, want, got string) {
			deeds[got]++
			if want != got {
				rt.Fatalf("%s: the reference says %q, the program %q", deed, want, got)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"open": func(rt *rapid.T) {
				by := rapid.IntRange(0, 2).Draw(rt, "client")
				f := clients[by].Open("")
				known[f.ID] = f
				m.add(modelFlow{id: f.ID, owner: by})
			},
			"read": func(rt *rapid.T) {
				f, by := pick(rt)
				agree(rt, "read", m.read(f, by), tell(clients[by], read(clients[by], f.id)))
			},
			"submit": func(rt *rapid.T) {
				f, by := pick(rt)
				email := fmt.Sprintf("w%d-%d@example.org", walk, rapid.IntRange(0, 6).Draw(rt, "person"))
				switch rapid.IntRange(0, 3).Draw(rt, "body") {
				case 0:
					email = "nobody"
				case 1:
					if f.sent != "" {
						email = f.sent
					}
				}
				want := m.submit(f, by, email)
				a := clients[by].Submit(known[f.id], enginetest.Person(email))
				agree(rt, "submit", want, tell(clients[by], a))
				if heir := f.heir; heir != nil && want[:3] == "410" {
					id := a.JSON()["use_flow_id"].(string)
					if heir.id == "" {
						heir.id = id
						heirs := known[f.id]
						copied := *heirs
						copied.ID, copied.UI.Action = id, strings.Replace(heirs.UI.Action, f.id, id, 1)
						known[id] = &copied
					}
					if heir.id != id {
						rt.Fatalf("a second successor")
					}
				}
			},
			"wait": func(rt *rapid.T) {
				if rapid.IntRange(0, 3).Draw(rt, "wait") > 0 {
					rt.Skip()
				}
				m.hour++
				env.Clock.Advance(time.Hour + time.Second)
			},
			"sweep": func(rt *rapid.T) {
				if rapid.IntRange(0, 5).Draw(rt, "sweep") > 0 || m.hour > 0 {
					rt.Skip()
				}
				sweep(t, env)
			},
		})
		people = env.Identities() - start
		if start < 400 && people != len(m.taken) {
			rt.Fatalf("the reference has %d people, the program %d", len(m.taken), people)
		}
	})
	for _, deed := range []string{"200 done", "200 form", "200 form 4040002", "400 form traits.email:4000040", "400 form 4000007", "400 form 4040002", "410 self_service_flow_expired", "403 security_csrf_violation"} {
		require.Positive(t, deeds[deed], "the walk never came to %q: %v", deed, deeds)
	}
}

// Eight walk at once over the same flows. What each sees depends on the others,
// but every flow has one outcome at most, and every outcome one person.
func TestModelInParallel(t *testing.T) {
	const walkers, flows = 8, 24
	env := enginetest.New(t, enginetest.WithoutSession())
	c := env.Native()
	open := make([]flow, flows)
	for i := range open {
		open[i] = c.Open("")
	}
	allowed := map[string]bool{
		"200 done": true, "400 form traits.email:4000040": true, "400 form 4000007": true, "400 form 4040002": true,
		"200 form": true, "200 form traits.email:4000040": true, "200 form 4000007": true, "200 form 4040002": true,
		"503 flow_contended": true,
	}
	type outcome struct{ email, identity string }
	var mu sync.Mutex
	outcomes := map[string]map[outcome]bool{} // by flow
	var wrong []string
	total := steps(t, 1200)
	together(walkers, func(w int) {
		r := rand.New(rand.NewPCG(uint64(w), 7))
		mine := env.Native()
		for range total / walkers {
			n := r.IntN(flows)
			f := open[n]
			email := fmt.Sprintf("shared-%d@example.org", r.IntN(flows))
			var req *http.Request
			switch r.IntN(4) {
			case 0:
				req = mine.Request("GET", "/self-service/registration/flows?id="+f.ID, nil)
			case 1:
				email = "nobody"
				fallthrough
			default:
				req = mine.Request("POST", f.UI.Action, jsonBody(enginetest.Person(email)))
				req.Header.Set("Content-Type", "application/json")
			}
			a, err := mine.Try(req)
			mu.Lock()
			switch {
			case err != nil:
				wrong = append(wrong, err.Error())
			case !allowed[tell(mine, a)]:
				wrong = append(wrong, tell(mine, a))
			case a.Status == http.StatusOK && req.Method == "POST":
				var body struct{ Identity struct{ ID string } }
				_ = json.Unmarshal(a.Body, &body)
				if outcomes[f.ID] == nil {
					outcomes[f.ID] = map[outcome]bool{}
				}
				outcomes[f.ID][outcome{email, body.Identity.ID}] = true
			}
			mu.Unlock()
		}
	})
	require.Empty(t, wrong)
	people := map[outcome]bool{}
	for id, of := range outcomes {
		require.Len(t, of, 1, "flow %s had several outcomes", id)
		for o := range of {
			require.False(t, people[o], "two flows had one outcome")
			people[o] = true
		}
		require.Equal(t, "200 form 4040002", tell(c, read(c, id)))
	}
	require.Greater(t, len(people), flows/3)
	require.Equal(t, len(people), env.Identities())
}
