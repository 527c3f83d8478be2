package crash

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// travel is a program that people come to by a provider, and who takes over when it
// is killed: the same program, or where the database allows, another one that runs
// already.
type travel struct {
	t    *testing.T
	dsn  string
	op   *opsim.Provider
	desk sync.Mutex       // one at a time is at the provider
	p    *process.Process // that people are connected to
	next *process.Process // nil where p itself is started again
}

// outside is what people know the program by, whatever ports it has.
const outside = "http://127.0.0.1:4433"

func newTravel(t *testing.T, dsn string, another bool) *travel {
	t.Helper()
	op, err := opsim.Start(opsim.Config{Alg: "ES256"})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	v := &travel{t: t, dsn: dsn, op: op, p: visited(t, dsn, op)}
	require.NoError(t, v.p.Migrate(t.Context()))
	require.NoError(t, v.p.Start(t.Context()))
	if another {
		v.next = visited(t, dsn, op)
		require.NoError(t, v.next.Start(t.Context()))
	}
	return v
}

// visited is a program, not started, whose people come by op. As "lean" op gives no
// address along.
func visited(t *testing.T, dsn string, op *opsim.Provider) *process.Process {
	of := func(id string, traits map[string]any) map[string]any {
		return map[string]any{
			"id": id, "provider": "generic", "client_id": opsim.ClientID, "client_secret": opsim.ClientSecret, "issuer_url": op.Issuer(),
			"mapping": map[string]any{"traits": traits},
		}
	}
	p := &process.Process{Binary: program.Binary(t), Dir: t.TempDir(), DSN: dsn, Cheap: true, Config: map[string]any{
		"watch-courier":                                         false,
		"selfservice.methods.oidc.enabled":                      true,
		"selfservice.methods.oidc.config.providers":             []any{of("op", map[string]any{"email": "email"}), of("lean", map[string]any{"name": "name"})},
		"selfservice.flows.registration.after.oidc.hooks":       []any{map[string]any{"hook": "session"}},
		"selfservice.flows.settings.privileged_session_max_age": "1h",
	}}
	t.Cleanup(func() { _ = p.Kill() })
	return p
}

// dies kills the program and has the next one take over.
func (v *travel) dies() {
	v.t.Helper()
	require.NoError(v.t, v.p.Kill())
	if v.next != nil {
		v.p, v.next = v.next, v.p
		return
	}
	require.NoError(v.t, v.p.Start(v.t.Context()))
}

// revive starts who was killed, to take over again.
func (v *travel) revive() {
	if v.next != nil {
		require.NoError(v.t, v.next.Start(v.t.Context()))
	}
}

// env makes clients of whichever program is there.
func (v *travel) env() *enginetest.Env {
	return enginetest.Elsewhere(v.t, outside, func() string { return strings.TrimPrefix(v.p.PublicURL, "http://") })
}

func by(provider string) enginetest.Values { return enginetest.Values{"provider": provider} }

// away is what a client brings home from the provider, not brought yet.
func (v *travel) away(c *enginetest.Client, f *enginetest.Flow, values enginetest.Values) *opsim.Arrival {
	v.t.Helper()
	back, err := v.op.Approve(c.Submit(f, values).Elsewhere())
	require.NoError(v.t, err)
	return back
}

// asked counts what the provider was asked so far, by people or the program.
func (v *travel) asked() int {
	return len(v.op.Requests(opsim.Token)) + len(v.op.Requests(opsim.Authorize))
}

// journeys are ways to come by a provider during which the program dies; in the end
// the client is signed in. A person has an address of their own.
var journeys = []struct {
	name string
	make func(v *travel, c *enginetest.Client, email string)
}{
	{"between departure and return", func(v *travel, c *enginetest.Client, _ string) {
		back := v.away(c, c.OpenKind("login", ""), by("op"))
		asked := v.asked()
		v.dies()
		c.Return(back)
		require.Equal(v.t, asked+1, v.asked())
	}},
	{"while the code is exchanged", func(v *travel, c *enginetest.Client, _ string) {
		f := c.OpenKind("registration", "")
		back := v.away(c, f, by("op"))
		came, over := make(chan struct{}), make(chan struct{})
		v.op.SetLie(opsim.Lie{At: opsim.Token, Answer: func(*opsim.Provider, http.ResponseWriter, *http.Request) {
			came <- struct{}{}
			<-over
		}})
		var answered error
		var wg sync.WaitGroup
		one := c.Copy()
		wg.Go(func() { _, answered = one.Try(one.Request(http.MethodGet, back.To.String(), nil)) })
		<-came
		v.dies()
		close(over)
		wg.Wait()
		v.op.SetLie(opsim.Lie{})
		require.Error(v.t, answered, "there was nobody to answer")
		c.Return(v.away(c, c.ReadKind("registration", f.ID), by("op")))
	}},
	{"at the form with what is missing", func(v *travel, c *enginetest.Client, email string) {
		f := c.Landed("registration", c.Return(v.away(c, c.OpenKind("login", ""), by("lean"))))
		asked := v.asked()
		v.dies()
		f = c.ReadKind("registration", f.ID)
		require.NotNil(v.t, f.Node("traits.email"))
		require.Less(v.t, c.Submit(f, by("lean").With("traits", map[string]any{"email": email})).Status, 400)
		require.Equal(v.t, asked, v.asked())
	}},
	{"before the sign-in that links", func(v *travel, c *enginetest.Client, email string) {
		owner := v.env().Native()
		owner.SignUp(enginetest.Values{"method": "password", "password": process.Password, "traits": map[string]any{"email": email}})
		f := c.Landed("login", c.Return(v.away(c, c.OpenKind("registration", ""), by("op"))))
		require.Equal(v.t, []int{ui.InfoLink}, f.IDs(""))
		asked := v.asked()
		v.dies()
		f = c.ReadKind("login", f.ID)
		require.Less(v.t, c.Submit(f, enginetest.Credentials(email).With("password", process.Password)).Status, 400)
		require.Equal(v.t, asked, v.asked())
	}},
	{"between departure and return of who links in settings", func(v *travel, c *enginetest.Client, email string) {
		c.SignUp(enginetest.Values{"method": "password", "password": process.Password, "traits": map[string]any{"email": email}})
		back := v.away(c, c.OpenKind("settings", ""), enginetest.Values{"link": "op"})
		v.dies()
		require.Equal(v.t, []int{ui.SuccessSaved}, c.Landed("settings", c.Return(back)).IDs(""))
	}},
}

// kill -9 anywhere on the way to a provider and back: the person gets through with
// what they have in hand, the provider is not asked again for what it has said, and
// nothing is half done; be it that the program comes back, or another one takes over.
func TestKilledOnTheWay(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		people := 0
		for _, another := range []bool{false, true}[:map[bool]int{true: 1, false: 2}[strings.HasPrefix(dsn, "sqlite")]] {
			v := newTravel(t, dsn, another)
			for _, j := range journeys {
				people++
				email := strings.ReplaceAll(j.name, " ", "-") + map[bool]string{true: "-another", false: "-again"}[another] + "@example.org"
				v.op.SetPerson(opsim.Person{"sub": email, "email": email, "name": "Ada"})
				c := v.env().SPA()
				j.make(v, c, email)
				v.revive()
				require.True(t, c.SignedIn(), j.name)
				require.Contains(t, string(c.Whoami("").Body), email, j.name)
				back := v.env().SPA()
				id := "op"
				if strings.HasPrefix(j.name, "at the form") {
					id = "lean"
				}
				back.Return(v.away(back, back.OpenKind("login", ""), by(id)))
				require.Contains(t, string(back.Whoami("").Body), email, "%s, then by the provider", j.name)
				require.Empty(t, halfLinks(t, dsn, people), j.name)
			}
			require.Empty(t, v.op.Faults())
			require.NoError(t, v.p.Stop())
			if v.next != nil {
				require.NoError(t, v.next.Stop())
			}
		}
		t.Logf("%d journeys, each with a kill: all came home", people)
	})
}

// halfLinks reads the tables themselves and lists what people who come by a provider
// should not have left, each of whom has one account there.
func halfLinks(t *testing.T, dsn string, people int) (found []string) {
	t.Helper()
	for what, query := range map[string]string{
		"identities":          "SELECT count(*) FROM identities",
		"credentials":         "SELECT count(*) FROM credentials WHERE type = 'oidc'",
		"owners of these":     "SELECT count(DISTINCT identity_id) FROM credentials WHERE type = 'oidc'",
		"accounts":            "SELECT count(*) FROM identifiers WHERE space = 'oidc'",
		"different accounts":  "SELECT count(DISTINCT value) FROM identifiers WHERE space = 'oidc'",
		"owners of these too": "SELECT count(DISTINCT identity_id) FROM identifiers WHERE space = 'oidc'",
	} {
		if n := number(t, dsn, query); n != people {
			found = append(found, what)
		}
	}
	for what, query := range map[string]string{
		"identities without a credential":                "SELECT count(*) FROM identities i WHERE NOT EXISTS (SELECT 1 FROM credentials c WHERE c.identity_id = i.id)",
		"identities without addresses":                   "SELECT count(*) FROM identities i WHERE NOT EXISTS (SELECT 1 FROM addresses a WHERE a.identity_id = i.id)",
		"sessions without a token":                       "SELECT count(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM session_tokens t WHERE t.session_id = s.id)",
		"sessions of nobody":                             "SELECT count(*) FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM identities i WHERE i.id = s.identity_id)",
		"flows ended without an outcome, or the reverse": "SELECT count(*) FROM flows WHERE completed <> (outcome IS NOT NULL)",
	} {
		if n := number(t, dsn, query); n != 0 {
			found = append(found, what)
		}
	}
	return found
}
