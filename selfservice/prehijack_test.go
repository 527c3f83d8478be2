package selfservice_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

// contested is a schema with two addresses that do all an address can, and a
// name to sign in with.
var contested = func() string {
	address := `{"type": "string", "format": "email", "ory.sh/kratos": {
		"credentials": {"password": {"identifier": true}, "code": {"identifier": true, "via": "email"}},
		"verification": {"via": "email"}, "recovery": {"via": "email"}}}`
	return `{"type": "object", "properties": {"traits": {"type": "object", "properties": {
		"email": ` + address + `, "work": ` + address + `,
		"name": {"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}}
	}, "required": ["email"], "additionalProperties": false}}}`
}()

func contestedOptions() []enginetest.Option {
	return []enginetest.Option{
		enginetest.WithVerification(), enginetest.WithRecovery(), enginetest.WithPasswordless(), enginetest.WithSchema(contested),
		enginetest.With("feature_flags.use_continue_with_transitions", true), enginetest.With("courier.budget.per_10_minutes", 100),
	}
}

// contest is an account that an attacker has registered in a victim's name.
type contest struct {
	t                 *testing.T
	theirs, ours      *enginetest.Env // the servers that the attacker and the victim talk to
	victim, own, name string          // the victim's address; the attacker's address and name
	id                string          // of the account
	attacker          client
	signUp            func() answer // repeats the submit that registered
	flow              flow          // that the attacker keeps
	who               values        // as whom it was asked for a message
	mailed            enginetest.Mail
}

// foothold is what an attacker keeps of an account.
type foothold struct {
	name  string
	app   bool           // the attacker has an app, else a browser
	owns  []string       // "work", "name": the traits that are the attacker's own
	take  func(*contest) // nil where signing up is all
	holds func(*contest) bool
	// password: it is the password that leads back in, which a proof leaves.
	password bool
}

// footholds lists what is kept, with how it is told that it still leads in, or
// moves anything.
func footholds() []foothold {
	list := []foothold{
		{name: "session cookie", holds: (*contest).signedIn},
		{name: "session token", app: true, holds: (*contest).signedIn},
		{name: "password", owns: []string{"work", "name"}, password: true, holds: func(c *contest) bool { return c.logsIn(c.victim) }},
		{name: "password with an own address", owns: []string{"work"}, password: true, holds: func(c *contest) bool { return c.logsIn(c.own) }},
		{name: "password with an own name", owns: []string{"name"}, password: true, holds: func(c *contest) bool { return c.logsIn(c.name) }},
		{name: "own address, unproved", owns: []string{"work"}, holds: (*contest).usesOwn},
		{name: "submit of a browser, repeated", holds: func(c *contest) bool { c.signUp(); return c.signedIn() }},
		{name: "submit of an app, repeated", app: true, holds: func(c *contest) bool { c.attacker.Adopt(c.signUp()); return c.signedIn() }},
		{name: "address change under way", owns: []string{"name"}, take: (*contest).changesAddress, holds: func(c *contest) bool {
			return c.answers("verification") || c.usesOwn()
		}},
	}
	for _, app := range []bool{false, true} {
		who := map[bool]string{false: "of a browser", true: "of an app"}[app]
		list = append(list,
			foothold{name: "open settings " + who, app: app, take: opens("settings", ""), holds: func(c *contest) bool {
				return c.says("success", values{"method": "password", "password": "another Passphrase 10"}) ||
					c.says("success", values{"method": "profile", "traits.email": c.victim, "traits.work": c.own})
			}},
			foothold{name: "open refresh " + who, app: app, take: opens("login", "refresh=true"), password: true, holds: func(c *contest) bool {
				c.attacker.Adopt(c.attacker.Submit(c.flow, enginetest.Credentials(c.victim)))
				return c.signedIn()
			}},
		)
		for _, kind := range []string{"verification", "recovery", "login"} {
			list = append(list,
				foothold{name: kind + " under way to the victim " + who, app: app, take: asks(kind, false), holds: func(c *contest) bool { return c.answers(kind) }},
				foothold{name: kind + " under way to an own address " + who, app: app, owns: []string{"work"}, take: asks(kind, true), holds: func(c *contest) bool {
					return c.answers(kind) || c.resends() && c.answers(kind) || c.usesOwn()
				}},
			)
		}
	}
	return list
}

// deeds is what a victim does, as the person or by proving the address.
var deeds = []struct {
	name string
	in   bool // it lets the victim in
	do   func(c *contest, victim client)
}{
	{"recovers by code", true, func(c *contest, victim client) {
		f := victim.Say(victim.OpenKind("recovery", ""), values{"method": "code", "email": c.victim})
		victim.Adopt(victim.Submit(f, values{"method": "code", "code": c.mail("recovery").Code()}))
	}},
	{"recovers by link", true, func(c *contest, victim client) {
		app := c.ours.Native()
		app.Say(app.OpenKind("recovery", ""), values{"method": "code", "email": c.victim})
		f := victim.Follow(c.mail("recovery").Link())
		victim.Submit(f, values{"method": "code", "token": f.Value("token")})
	}},
	{"signs in by code", true, func(c *contest, victim client) {
		who := values{"method": "code", "identifier": c.victim}
		f := victim.Say(victim.OpenKind("login", ""), who)
		victim.Adopt(victim.Submit(f, who.With("code", c.mail("login").Code())))
	}},
	{"verifies by code", false, func(c *contest, victim client) {
		f := victim.Say(victim.OpenKind("verification", ""), values{"method": "code", "email": c.victim})
		victim.Submit(f, values{"method": "code", "code": c.mail("verification").Code()})
	}},
	{"verifies by link elsewhere", false, func(c *contest, victim client) {
		app := c.ours.Native()
		app.Say(app.OpenKind("verification", ""), values{"method": "code", "email": c.victim})
		f := victim.Follow(c.mail("verification").Link())
		victim.Submit(f, values{"method": "code", "token": f.Value("token")})
	}},
}

// Whoever registers somebody else's address is out, by every way they kept, once
// its owner comes: by each of what an owner does first, on one server and on two.
func TestPrehijack(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		env := enginetest.New(t, contestedOptions()...)
		hijack(t, env, env)
	})
	t.Run("two servers", func(t *testing.T) {
		on := append(contestedOptions(), enginetest.WithDSN(testdb.Postgres(t)))
		hijack(t, enginetest.New(t, on...), enginetest.New(t, on...))
	})
}

func hijack(t *testing.T, theirs, ours *enginetest.Env) {
	var rows, open atomic.Int32
	t.Run("rows", func(t *testing.T) {
		for _, held := range footholds() {
			t.Run(held.name, func(t *testing.T) {
				t.Parallel()
				require.True(t, held.holds(begin(t, theirs, ours, held)), "leads in at first")
				for _, deed := range deeds {
					c := begin(t, theirs, ours, held)
					victim := ours.Browser()
					deed.do(c, victim)
					require.Equal(t, deed.in, victim.SignedIn(), deed.name)
					require.True(t, verified(t, ours, c.victim), deed.name)
					holds := held.holds(c)
					if held.password && !deed.in {
						require.True(t, holds, "a proof alone leaves the password: %s", deed.name)
					} else if holds {
						open.Add(1)
						t.Error("still open:", deed.name)
					}
					if deed.in {
						require.True(t, victim.SignedIn(), "stays: %s", deed.name)
						require.Equal(t, c.id, whoIs(victim), deed.name)
					}
					rows.Add(1)
				}
			})
		}
	})
	t.Logf("%d rows, %d ways in left open", rows.Load(), open.Load())
}

// What was the attacker's own stays a trait until the owner changes it. It leads
// nowhere again by being saved along with the rest.
func TestPrehijackTraitsLeadNowhere(t *testing.T) {
	env := enginetest.New(t, contestedOptions()...)
	for _, deed := range deeds[:3] {
		c := begin(t, env, env, foothold{owns: []string{"work", "name"}})
		victim := env.Browser()
		deed.do(c, victim)
		f := victim.OpenKind("settings", "")
		require.Equal(t, c.own, f.Value("traits.work"))
		f = victim.Say(f, values{"method": "password", "password": "another Passphrase 10"})
		require.Equal(t, []int{1050001}, f.IDs(""), deed.name)
		f = victim.Say(f, values{"method": "profile", "traits.email": c.victim, "traits.work": c.own, "traits.name": c.name})
		require.Equal(t, []int{1050001}, f.IDs(""), deed.name)
		require.Empty(t, env.Inbox(c.own), "nobody proves it by a mail that the owner did not mean to ask for")
		require.False(t, c.usesOwn(), deed.name)
		for _, name := range []string{c.victim, c.own, c.name} {
			require.False(t, c.logsIn(name), deed.name)
		}
		require.True(t, victim.SignedIn())
	}
}

// Beside an address that was proved, one that was not is only a claim: neither
// its owner nor anybody else comes by it into an account that is another's.
func TestClaimBesideProvedAddress(t *testing.T) {
	env := enginetest.New(t, contestedOptions()...)
	for _, app := range []bool{false, true} {
		c := begin(t, env, env, foothold{app: app, owns: []string{"work"}})
		signedUp := c.mail("verification")
		require.True(t, c.asks("verification", c.own))
		require.True(t, c.answers("verification"))
		stranger := env.Browser()
		for kind, v := range map[string]values{
			"recovery": {"method": "code", "email": c.victim}, "verification": {"method": "code", "email": c.victim}, "login": {"method": "code", "identifier": c.victim},
		} {
			f := stranger.Say(stranger.OpenKind(kind, ""), v)
			require.Equal(t, "sent_email", f.State)
			require.Len(t, env.Inbox(c.victim), 1, "%s: told as always, and nothing sent", kind)
		}
		f := stranger.Follow(signedUp.Link())
		require.Equal(t, "303 form 4070001", tell(stranger, stranger.Submit(f, values{"method": "code", "token": f.Value("token")})))
		require.False(t, verified(t, env, c.victim))
		require.False(t, stranger.SignedIn())
		again := begin(t, env, env, foothold{app: app})
		require.NotEqual(t, c.id, again.id)
		c.attacker = env.Browser()
		c.attacker.SignIn("", enginetest.Credentials(c.own))
		require.True(t, c.asks("verification", c.victim), "who is signed in may ask")
	}
}

// begin has an attacker register a victim's address and keep something.
func begin(t *testing.T, theirs, ours *enginetest.Env, held foothold) *contest {
	t.Helper()
	c := &contest{t: t, theirs: theirs, ours: ours, victim: address(), own: address(), attacker: theirs.Browser()}
	if held.app {
		c.attacker = theirs.Native()
	}
	c.name = "name-" + c.own
	v := enginetest.Person(c.victim)
	for _, trait := range held.owns {
		v = v.With("traits."+trait, map[string]string{"work": c.own, "name": c.name}[trait])
	}
	f := c.attacker.Open("")
	c.signUp = func() answer { return c.attacker.Submit(f, v) }
	a := c.attacker.Adopt(c.signUp())
	require.Less(t, a.Status, 400, "%s", a.Body)
	require.True(t, c.signedIn())
	c.id = whoIs(c.attacker)
	if held.take != nil {
		held.take(c)
	}
	return c
}

// mail is the newest message to the victim, which has to be of a kind.
func (c *contest) mail(kind string) enginetest.Mail {
	c.t.Helper()
	list := c.ours.Inbox(c.victim)
	require.NotEmpty(c.t, list)
	require.Equal(c.t, kind+"_code_valid", list[0].Template)
	return list[0]
}

func (c *contest) signedIn() bool { return c.attacker.SignedIn() }

// logsIn tries the attacker's password.
func (c *contest) logsIn(as string) bool {
	app := c.theirs.Native()
	app.SignIn("", enginetest.Credentials(as))
	return app.SignedIn()
}

// opens keeps a flow that was opened with the attacker's session.
func opens(kind, query string) func(*contest) {
	return func(c *contest) { c.flow = c.attacker.OpenKind(kind, query) }
}

// says reports whether the kept flow comes to a state by a submit.
func (c *contest) says(state string, v values) bool {
	c.attacker.Submit(c.flow, v)
	return c.flowState(c.attacker) == state
}

// asks has a message sent to the victim, which the attacker has had a look at,
// or to the attacker's own address, and keeps the flow that waits for it.
func asks(kind string, own bool) func(*contest) {
	return func(c *contest) {
		to := map[bool]string{true: c.own, false: c.victim}[own]
		if kind != "verification" {
			c.attacker = c.outsider() // those flows are for who is not signed in
		}
		require.True(c.t, c.asks(kind, to), "%s", to)
	}
}

// asks has a message sent and keeps it and its flow. It reports whether one came.
func (c *contest) asks(kind, to string) bool {
	c.t.Helper()
	c.who = values{"method": "code", "email": to}
	if kind == "login" {
		c.who = values{"method": "code", "identifier": to}
	}
	before := len(c.theirs.Inbox(to))
	c.flow = c.attacker.Say(c.attacker.OpenKind(kind, ""), c.who)
	mails := c.theirs.Inbox(to)
	if len(mails) == before {
		return false
	}
	c.mailed = mails[0]
	require.Equal(c.t, kind+"_code_valid", c.mailed.Template)
	return true
}

// resends asks for another message in the kept flow. It reports whether one came.
func (c *contest) resends() bool {
	before := len(c.theirs.Inbox(c.own))
	c.attacker.Submit(c.flow, c.who.With("resend", "code"))
	mails := c.theirs.Inbox(c.own)
	if len(mails) == before {
		return false
	}
	c.mailed = mails[0]
	return true
}

// answers reports whether what was sent proves anything any more, as a code or
// as a link.
func (c *contest) answers(kind string) bool {
	c.t.Helper()
	c.attacker.Adopt(c.attacker.Submit(c.flow, c.who.Without("email").With("code", c.mailed.Code())))
	if c.attacker.SignedIn() || kind == "verification" && c.flowState(c.attacker) == "passed_challenge" {
		return true
	}
	if c.mailed.Link() == "" {
		return false
	}
	browser := c.theirs.Browser()
	c.flow = browser.Follow(c.mailed.Link())
	browser.Submit(c.flow, values{"method": "code", "token": c.flow.Value("token")})
	return browser.SignedIn() || kind == "verification" && c.flowState(browser) == "passed_challenge"
}

// flowState is the state of the flow, empty where who asks may not see it.
func (c *contest) flowState(who client) string {
	req := who.Request(http.MethodGet, c.flow.UI.Action, nil)
	req.Header.Set("Accept", "application/json")
	a := who.Do(req)
	if a.Status != http.StatusOK {
		return ""
	}
	return a.Flow().State
}

// usesOwn tries whatever can be asked for with an address of the attacker's own:
// to prove it, and to come in by it.
func (c *contest) usesOwn() bool {
	c.t.Helper()
	for _, kind := range []string{"verification", "recovery", "login"} {
		c.attacker = c.outsider()
		if c.asks(kind, c.own) && c.answers(kind) {
			return true
		}
	}
	return false
}

// outsider is another client of the attacker's kind, not signed in.
func (c *contest) outsider() client {
	if c.attacker.Kind == enginetest.Native {
		return c.theirs.Native()
	}
	return c.theirs.Browser()
}

// changesAddress makes an address of the attacker's own one of the account's; its
// proof is under way.
func (c *contest) changesAddress() {
	c.t.Helper()
	f := c.attacker.Say(c.attacker.OpenKind("settings", ""), values{"method": "profile", "traits.email": c.victim, "traits.work": c.own, "traits.name": c.name})
	require.Equal(c.t, []int{1050001}, f.IDs(""))
	require.True(c.t, c.asks("verification", c.own))
}
