package race

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// many is how many come by a provider at once where each has a flow and a browser of
// their own.
const many = clients / 4

// An address that many register with a password and many bring from a provider, in
// flows of their own and several spellings, is one person's. Whoever is not that
// person is told: to choose another address, or to sign in.
func TestOneAddressByTwoDoors(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		// A hash that takes about as long as to ask the provider: now one door wins, now the other.
		h := newHouse(t, dsn, enginetest.With("hashers.argon2.memory", "16MB"))
		byPassword, byProvider := 0, 0
		for n := range *trips {
			var requests [][]byte
			var browsers []*enginetest.Client
			for i := range many {
				email := fmt.Sprintf([]string{"person-%d@example.org", "Person-%d@EXAMPLE.org", "PERSON-%d@Example.ORG"}[i%3], n)
				person(h.op, fmt.Sprintf("subject-%d-%d", n, i), email)
				c, app := h.browser(), h.app()
				browsers = append(browsers, c)
				door := []string{"registration", "login"}[i/2%2]
				requests = append(requests, h.away(c, c.OpenKind(door, ""), h.op, by("op")), submit(t, app.Env, app.Open("").ID, email))
			}
			won := 0
			for i, a := range release(t, requests, h.servers...) {
				session, _ := h.who(a)
				if session != "" {
					won++
				}
				if i%2 == 1 {
					require.True(t, a.Status == http.StatusOK && session != "" || a.Status == http.StatusBadRequest && a.Says(ui.ErrTaken), "%s", a)
					byPassword += len(session) / 36
					continue
				}
				byProvider += len(session) / 36
				if path, says := h.page(browsers[i/2], a); session == "" {
					require.Contains(t, []string{"/login", "/registration"}, path)
					require.Equal(t, []int{map[string]int{"/login": ui.InfoLink, "/registration": ui.ErrTaken}[path]}, says)
				}
			}
			require.Equal(t, 1, won)
			require.Len(t, withAddress(t, h.servers[0], fmt.Sprintf("person-%d@example.org", n)), 1)
			require.Equal(t, n+1, h.count("SELECT count(*) FROM identities"))
		}
		t.Logf("%d addresses × %d by each door at %d servers: one person each, %d by password, %d by provider", *trips, many, len(h.servers), byPassword, byProvider)
	})
}

// Strangers who come at once by one account with a provider, each in a flow of their
// own, are one person, and all of them are in.
func TestOneStranger(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		for n := range *trips {
			person(h.op, fmt.Sprintf("subject-%d", n), fmt.Sprintf("person-%d@example.org", n))
			var requests [][]byte
			for i := range many {
				c := h.browser()
				requests = append(requests, h.away(c, c.OpenKind([]string{"registration", "login"}[i/2%2], ""), h.op, by("op")))
			}
			sessions, people := map[string]bool{}, map[string]bool{}
			for _, a := range release(t, requests, h.servers...) {
				session, person := h.who(a)
				require.NotEmpty(t, session, "%s to %s", a, a.Header.Get("Location"))
				sessions[session], people[person] = true, true
			}
			require.Len(t, sessions, many)
			require.Len(t, people, 1)
			require.Equal(t, n+1, h.count("SELECT count(*) FROM identities"))
		}
		require.Empty(t, h.op.Faults())
		t.Logf("%d accounts × %d flows at %d servers: one person each", *trips, many, len(h.servers))
	})
}

// registered is a browser of somebody who has a password.
func (h *house) registered(email string, more enginetest.Values) *enginetest.Client {
	c := h.browser()
	v := enginetest.Person(email)
	for name, value := range more {
		v[name] = value
	}
	c.SignUp(v)
	return c
}

// Of those who link one account with a provider at once, each in a browser of their
// own, one has it.
func TestOneLink(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		for n := range 2 * *trips {
			person(h.op, fmt.Sprintf("subject-%d", n), fmt.Sprintf("elsewhere-%d@example.org", n))
			var people []*enginetest.Client
			var requests [][]byte
			for i := range 4 {
				c := h.registered(fmt.Sprintf("person-%d-%d@example.org", n, i), nil)
				people = append(people, c)
				requests = append(requests, h.away(c, c.OpenKind("settings", ""), h.op, enginetest.Values{"link": "op"}))
			}
			winner := ""
			for i, a := range release(t, requests, h.servers...) {
				path, says := h.page(people[i], a)
				require.Equal(t, "/settings", path)
				if says[0] == ui.SuccessSaved {
					require.Empty(t, winner)
					_, winner = whose(people[i])
					continue
				}
				require.Equal(t, []int{ui.ErrLinkedElsewhere}, says)
			}
			require.NotEmpty(t, winner)
			require.Equal(t, n+1, h.count("SELECT count(*) FROM credentials WHERE type = 'oidc'"))
			_, in := h.who(h.comes(h.browser(), "login", "op"))
			require.Equal(t, winner, in)
		}
		require.Empty(t, h.op.Faults())
	})
}

// Of two providers that are each other's last alternative, and that are unlinked at
// once, one stays.
func TestLastWayIn(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		for n := range 2 * *trips {
			person(h.op, fmt.Sprintf("subject-%d", n), fmt.Sprintf("person-%d@example.org", n))
			person(h.more, fmt.Sprintf("subject-%d", n), "")
			c := h.browser()
			h.comes(c, "registration", "op")
			_, who := whose(c)
			linked := release(t, [][]byte{h.away(c, c.OpenKind("settings", ""), h.more, enginetest.Values{"link": "more"})}, h.last())[0]
			_, says := h.page(c, linked)
			require.Equal(t, []int{ui.SuccessSaved}, says)
			providers := []string{"op", "more"}
			var requests [][]byte
			for _, id := range providers {
				requests = append(requests, h.submits(c, c.OpenKind("settings", ""), enginetest.Values{"unlink": id}))
			}
			left := ""
			for i, a := range release(t, requests, h.servers...) {
				if a.Status == http.StatusOK && a.Says(ui.SuccessSaved) {
					require.Empty(t, left, "both are gone")
					left = providers[1-i]
					continue
				}
				require.True(t, a.Status == http.StatusBadRequest && a.Says(ui.ErrLastWayIn), "%s", a)
			}
			require.NotEmpty(t, left)
			_, in := h.who(h.comes(h.browser(), "login", left))
			require.Equal(t, who, in)
		}
	})
}

// twoAddresses has people sign in, prove and recover by either of two addresses.
var twoAddresses = func() string {
	address := `{"type": "string", "format": "email", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}}`
	return `{"type": "object", "properties": {"traits": {"type": "object", "properties": {"email": ` + address + `, "work": ` + address + `}, "required": ["email"]}}}`
}()

const newPassword = "another good Passphrase 9"

// theft is an account that a thief has registered with an address of somebody else,
// who comes by a provider that counts while the thief digs in.
type theft struct {
	*house
	thief       *enginetest.Client
	victim, own string // addresses
	recovery    *enginetest.Flow
	code        string // sent to the victim by that
}

// digsIn lists what the thief does at the moment at which the victim comes.
func (v *theft) digsIn() [][]byte {
	settings := func() *enginetest.Flow { return v.thief.OpenKind("settings", "") }
	login := v.app()
	return [][]byte{
		v.submits(v.thief, settings(), enginetest.Values{"method": "password", "password": newPassword}),
		v.submits(v.thief, settings(), enginetest.Values{"method": "profile", "traits": map[string]any{"email": v.victim, "work": v.own}}),
		v.away(v.thief, settings(), v.more, enginetest.Values{"link": "more"}),
		v.submits(login, login.OpenKind("login", ""), enginetest.Credentials(v.victim)),
		v.submits(v.thief, settings(), enginetest.Values{"method": "profile", "traits": map[string]any{"email": v.own}}),
	}
}

// leadsIn lists what of the thief's leads to a person afterwards.
func (v *theft) leadsIn(who string, told []*process.Answer) (ways []string) {
	is := func(way string, person string) {
		if person == who {
			ways = append(ways, way)
		}
	}
	_, person := whose(v.thief)
	is("session", person)
	for _, a := range told {
		_, person := v.who(a)
		is("answer", person)
	}
	for _, address := range []string{v.victim, v.own} {
		for _, password := range []string{oldPassword, newPassword} {
			app := v.app()
			app.SignIn("", enginetest.Credentials(address).With("password", password))
			if app.Token() != "" {
				_, person := whose(app)
				is(address+" with "+password, person)
			}
		}
	}
	_, person = v.who(v.comes(v.browser(), "login", "more"))
	is("provider", person)
	app := v.app()
	if app.Adopt(app.Submit(v.recovery, enginetest.Values{"method": "code", "code": v.code})); app.Token() != "" {
		_, person = whose(app)
		is("recovery", person)
	}
	return ways
}

// Who takes over an account that a thief has registered with their address has it
// alone, whatever the thief does to it at that moment.
func TestTakeoverAgainstThief(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn, enginetest.WithSchema(twoAddresses), enginetest.WithRecovery(), enginetest.With("feature_flags.use_continue_with_transitions", true))
		overtook := 0
		for n := range 8 * *trips {
			v := &theft{house: h, victim: fmt.Sprintf("victim-%d@example.org", n), own: fmt.Sprintf("thief-%d@example.org", n)}
			v.thief = h.registered(v.victim, nil)
			_, stolen := whose(v.thief)
			app := h.app()
			v.recovery = app.Say(app.OpenKind("recovery", ""), enginetest.Values{"method": "code", "email": v.victim})
			v.code = h.servers[0].Inbox(v.victim)[0].Code()
			person(h.more, fmt.Sprintf("thief-%d", n), v.own)
			requests := v.digsIn()
			requests = [][][]byte{requests[:1], requests[1:2], requests[2:3], requests[3:4], requests[4:], requests[:4], requests[1:], requests}[n%8]
			person(h.op, fmt.Sprintf("victim-%d", n), v.victim)
			c := h.browser()
			told := release(t, append([][]byte{h.away(c, c.OpenKind("login", ""), h.op, by("counts"))}, requests...), h.servers...)
			_, who := h.who(told[0])
			require.NotEmpty(t, who, "%d: %s", n, told[0].Header.Get("Location"))
			if who == stolen {
				overtook++
			}
			require.Empty(t, v.leadsIn(who, told[1:]), "%d", n)
			found := h.servers[0].Admin(http.MethodGet, "/admin/identities?credentials_identifier="+url.QueryEscape(v.victim), nil)
			require.Contains(t, string(found.Body), who)
			require.True(t, verified(t, h.servers[0], v.victim))
			_, again := h.who(h.comes(h.browser(), "login", "counts"))
			require.Equal(t, who, again)
		}
		require.Positive(t, overtook)
		t.Logf("%d accounts at %d servers: %d taken over, none shared", 8**trips, len(h.servers), overtook)
	})
}
