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
		if f.heir == nil || m.expired(f.heir) {
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

// walk is one random walk: a reference, the program, and what is known of both.
type walk struct {
	*rapid.T
	name    string
	env     *enginetest.Env
	model   *model
	clients []client // the first is native, the others are browsers of their own
	forms   map[string]flow
	deeds   map[string]int
}

func (w *walk) draw(most int, of string) int { return rapid.IntRange(0, most).Draw(w.T, of) }

func (w *walk) agree(deed, want, got string) {
	w.deeds[got]++
	if want != got {
		w.Fatalf("%s: the reference says %q, the program %q", deed, want, got)
	}
}

func (w *walk) open() {
	by := w.draw(2, "client")
	f := w.clients[by].Open("")
	w.forms[f.ID] = f
	w.agree("open", "200 form", "200 form"+messages(f))
	w.model.add(modelFlow{id: f.ID, owner: by})
}

// pick takes one of the flows, the younger ones more often, and who acts on it.
func (w *walk) pick() (*modelFlow, int) {
	f := w.model.flows[len(w.model.flows)-1-w.draw(min(len(w.model.flows)-1, 5), "flow")]
	by := f.owner
	if by != 0 && w.draw(7, "stranger") == 7 {
		by = w.draw(2, "client")
	}
	return f, by
}

func (w *walk) read() {
	f, by := w.pick()
	w.agree("read", w.model.read(f, by), tell(w.clients[by], read(w.clients[by], f.id)))
}

func (w *walk) submit() {
	f, by := w.pick()
	email := fmt.Sprintf("%s-%d@example.org", w.name, w.draw(9, "person"))
	switch w.draw(3, "body") {
	case 1:
		email = "nobody"
	case 2:
		if f.sent != "" {
			email = f.sent
		}
	}
	want := w.model.submit(f, by, email)
	a := w.clients[by].Submit(w.forms[f.id], enginetest.Person(email))
	w.agree("submit", want, tell(w.clients[by], a))
	if want != "410 self_service_flow_expired" {
		return
	}
	id := a.JSON()["use_flow_id"].(string)
	if f.heir.id == "" {
		f.heir.id = id
		form := *w.forms[f.id]
		form.ID, form.UI.Action = id, strings.Replace(form.UI.Action, f.id, id, 1)
		w.forms[id] = &form
	}
	if f.heir.id != id {
		w.Fatalf("a second successor")
	}
}

func (w *walk) wait() {
	w.model.hour++
	w.env.Clock.Advance(time.Hour + time.Second)
}

// A random walk over several flows and clients never sees the program do what
// the reference does not. A failure is shrunk to its shortest walk.
func TestModel(t *testing.T) {
	const perWalk = 50
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(max(1, steps(t, 2500)/perWalk)), "rapid.nofailfile": "true"} {
		require.NoError(t, flag.Set(name, value))
	}
	env := enginetest.New(t, enginetest.WithoutSession())
	walks, deeds := 0, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		walks++
		w := &walk{
			T: rt, name: fmt.Sprint("w", walks), env: env, model: &model{taken: map[string]bool{}},
			clients: []client{env.Native(), env.SPA(), env.SPA()}, forms: map[string]flow{}, deeds: deeds,
		}
		w.open()
		for range perWalk - 1 {
			switch w.draw(15, "deed") {
			default:
				w.submit()
			case 4, 5, 6:
				w.read()
			case 7, 8:
				w.open()
			case 9:
				w.wait()
			}
		}
		for email := range w.model.taken {
			found := env.Admin("GET", "/admin/identities?credentials_identifier="+email, nil)
			if n := strings.Count(string(found.Body), `"schema_id"`); n != 1 {
				rt.Fatalf("%d people are called %s", n, email)
			}
		}
	})
	if testing.Short() {
		return
	}
	for _, deed := range []string{"200 done", "200 form", "200 form 4040002", "400 form traits.email:4000040", "400 form 4000007", "400 form 4040002", "410 self_service_flow_expired", "403 security_csrf_violation"} {
		require.Greater(t, deeds[deed], 10, "the walks hardly came to %q: %v", deed, deeds)
	}
	t.Log(deeds)
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
