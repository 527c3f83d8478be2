package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// two are an honest provider that is authoritative, and one that is not.
var two = []setup{
	{id: "one", sim: opsim.Config{Alg: "ES256"}},
	{id: "two", sim: opsim.Config{Alg: "ES256"}, keys: map[string]any{"authoritative_for": []string{}}},
}

// away is a client that is on its way back from a provider.
type away struct {
	*enginetest.Client
	flow *enginetest.Flow
	back *opsim.Arrival
}

func (h *house) away(c *enginetest.Client, kind, provider string) away {
	h.t.Helper()
	f := c.OpenKind(kind, "")
	to, a := h.leave(c, f, provider)
	require.NotEmpty(h.t, to, "%d %s", a.Status, a.Body)
	return away{c, f, h.approve(provider, to)}
}

// changed is where the provider sends the client, with a parameter replaced.
func (a away) changed(name, value string) string {
	u, q := *a.back.To, a.back.To.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func (a away) without(name string) string {
	u, q := *a.back.To, a.back.To.Query()
	q.Del(name)
	u.RawQuery = q.Encode()
	return u.String()
}

func (a away) state() string { return a.back.Values.Get("state") }

func flip(s string, at int) string {
	other := "A"
	if s[at] == 'A' {
		other = "B"
	}
	return s[:at] + other + s[at+1:]
}

// What comes back with a state that is not the browser's, the flow's, the provider's
// or today's gets nobody in, asks no provider for anything, and the right return
// still counts afterwards, once.
func TestStates(t *testing.T) {
	h := newHouse(t, two)
	cases := 0
	refused := func(name string, c *enginetest.Client, to string) {
		t.Helper()
		cases++
		before := len(h.ops["one"].Requests(opsim.Token)) + len(h.ops["two"].Requests(opsim.Token))
		a := c.Get(to)
		require.NotEmpty(t, h.refusal(c, a), "%s: %d %s", name, a.Status, a.Location())
		require.Less(t, a.Status, 500, "%s: %s", name, a.Body)
		require.Empty(t, whose(c), name)
		require.Equal(t, before, len(h.ops["one"].Requests(opsim.Token))+len(h.ops["two"].Requests(opsim.Token)), "%s: a code was sent off", name)
	}
	for _, client := range []func() *enginetest.Client{h.Browser, h.SPA} {
		for _, kind := range []string{"registration", "login"} {
			people := h.Identities()
			name := somebody(kind + string(client().Kind))
			h.ops["one"].SetPerson(name)
			a := h.away(client(), kind, "one")

			stranger := client()
			refused("a browser without a flow", stranger, a.back.To.String())
			stranger.OpenKind(kind, "")
			refused("a browser with a flow of its own", stranger, a.back.To.String())
			theirs := h.away(client(), kind, "one")
			refused("a browser that is on a trip of its own", theirs.Client, a.back.To.String())
			refused("an app", h.Native(), a.back.To.String())
			for at := range a.state() {
				if at%7 == 0 || at == len(a.state())-1 {
					refused("a letter of state flipped", a.Client, a.changed("state", flip(a.state(), at)))
				}
			}
			refused("state cut", a.Client, a.changed("state", a.state()[:len(a.state())-1]))
			refused("state with a tail", a.Client, a.changed("state", a.state()+"A"))
			refused("state in other letters", a.Client, a.changed("state", strings.ToUpper(a.state())))
			refused("no state", a.Client, a.without("state"))
			refused("empty state", a.Client, a.changed("state", ""))
			refused("state twice", a.Client, a.back.To.String()+"&state="+url.QueryEscape(a.state()))
			refused("the flow's id as state", a.Client, a.changed("state", a.flow.ID))
			refused("state of another browser's trip", a.Client, a.changed("state", theirs.state()))
			refused("another provider's address", a.Client, strings.Replace(a.back.To.String(), "callback/one", "callback/two", 1))
			refused("an unknown provider's address", a.Client, strings.Replace(a.back.To.String(), "callback/one", "callback/three", 1))

			require.Equal(t, people, h.Identities())
			bring(a.Client, a.back)
			who := whose(a.Client)
			require.NotEmpty(t, who, "the right return counts in spite of all that")
			require.Equal(t, people+1, h.Identities())
			exchanged := len(h.ops["one"].Requests(opsim.Token))
			bring(a.Client, a.back)
			require.Equal(t, who, whose(a.Client), "the same return of the same browser changes nothing")
			require.Len(t, h.ops["one"].Requests(opsim.Token), exchanged, "and the code is not sent again")
			refused("a replay in another browser, after success", client(), a.back.To.String())
			a.SignOut()
			again := bring(a.Client, a.back)
			require.Empty(t, whose(a.Client), "a replay after signing out: %d %s", again.Status, again.Location())
			cases++
		}
	}
	require.NotContains(t, h.ops["one"].Faults(), opsim.SpentCode)
	t.Logf("%d returns that are not right, accepted 0", cases)
}

// A trip that began before another one from the same flow no longer counts, and
// neither does one that took too long.
func TestStatesThatAreOver(t *testing.T) {
	h := newHouse(t, two)
	h.ops["one"].SetPerson(somebody("late"))
	for _, kind := range []string{"registration", "login"} {
		first := h.away(h.Browser(), kind, "one")
		to, _ := h.leave(first.Client, first.flow, "one")
		second := h.approve("one", to)
		a := bring(first.Client, first.back)
		require.NotEmpty(t, h.refusal(first.Client, a))
		require.Empty(t, whose(first.Client), "an older trip of the same flow")
		bring(first.Client, second)
		require.NotEmpty(t, whose(first.Client))

		c := h.away(h.Browser(), kind, "one")
		h.Clock.Advance(10*time.Minute + time.Second)
		a = bring(c.Client, c.back)
		require.Equal(t, []any{4000103}, h.refusal(c.Client, a))
		require.Empty(t, whose(c.Client))
		h.tripFrom(c.Client, c.flow, "one")
		require.NotEmpty(t, whose(c.Client), "the flow is good for another trip")
	}
}

// Codes go to the provider that gave them and nowhere else, whoever mixes up what
// comes from whom (RFC 9700, 4.4).
func TestProvidersMixedUp(t *testing.T) {
	forced := map[string]any{"pkce": "force", "authoritative_for": []string{"example.com"}}
	for name, providers := range map[string][]setup{
		"an address for each": two,
		"one address for all": {{id: "one", sim: opsim.Config{Alg: "ES256"}, keys: forced}, {id: "two", sim: opsim.Config{Alg: "ES256"}, keys: forced}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, providers)
			// The attacker's provider sends the browser on to the honest one, with the
			// state of the trip to itself.
			to, _ := h.leave(h.Browser(), h.Browser().Open(""), "two")
			require.Empty(t, to, "a flow of another browser")
			for _, callback := range []string{"", "/one", "/two"} {
				c := h.Browser()
				to, _ = h.leave(c, c.Open(""), "two")
				u, err := url.Parse(strings.Replace(to, h.ops["two"].Issuer(), h.ops["one"].Issuer(), 1))
				require.NoError(t, err)
				q := u.Query()
				q.Set("redirect_uri", h.PublicURL+"/self-service/methods/oidc/callback"+callback)
				u.RawQuery = q.Encode()
				a := bring(c, h.approve("one", u.String()))
				require.NotEmpty(t, h.refusal(c, a), "%d %s", a.Status, a.Location())
				require.Empty(t, whose(c))
				// The same where the honest provider does not name itself.
				h.ops["one"].SetLie(opsim.Named("back_iss_missing"))
				a = bring(c, h.approve("one", u.String()))
				require.NotEmpty(t, h.refusal(c, a), "%d %s", a.Status, a.Location())
				require.Empty(t, whose(c))
				h.ops["one"].SetLie(opsim.Lie{})
			}
			// And the other way round: the honest provider's state with a foreign code.
			c, attacker := h.away(h.Browser(), "login", "one"), h.away(h.Browser(), "login", "two")
			a := c.Get(c.changed("code", attacker.back.Values.Get("code")))
			require.NotEmpty(t, h.refusal(c.Client, a))
			require.Empty(t, whose(c.Client))

			require.Zero(t, h.Identities())
			require.NotContains(t, h.ops["two"].Faults(), opsim.ForeignCode, "the honest provider's code was sent to the attacker")
			require.Empty(t, h.ops["two"].Requests(opsim.Token))
			require.NotContains(t, h.ops["one"].Faults(), opsim.NoChallenge)
			require.NotContains(t, h.ops["two"].Faults(), opsim.NoChallenge)
		})
	}
}

// People are who they are at one provider by one issuer: promise 10.
func TestSubjectsAreNotConfused(t *testing.T) {
	h := newHouse(t, two)
	ada, eve := somebody("ada"), opsim.Person{"sub": "ada", "email": "eve@example.com", "email_verified": true}
	h.ops["one"].SetPerson(ada)
	h.ops["two"].SetPerson(eve)
	c := h.Browser()
	h.trip(c, "registration", "one")
	adas := whose(c)
	require.NotEmpty(t, adas)

	for _, kind := range []string{"login", "registration"} {
		c = h.Browser()
		h.trip(c, kind, "two")
		require.NotEmpty(t, whose(c))
		require.NotEqual(t, adas, whose(c), "the same subject at another provider is somebody else")
	}
	require.Equal(t, 2, h.Identities())
	require.Equal(t, []string{"one:ada"}, h.record(adas).links())

	// Tokens of one are none at the other.
	for from, to := range map[string]string{"one": "two", "two": "one"} {
		app := h.Native()
		a := h.present(app, app.OpenKind("login", ""), to, h.ops[from].Mint(opsim.ClientID, "a nonce"), "a nonce")
		require.Equal(t, "oidc_id_token_invalid", a.ErrorID())
		require.Empty(t, whose(app))
	}
	// Nor where the other publishes the same keys, which tenants of one house do.
	h.ops["two"].SetLie(opsim.Lie{JWT: func(_ *opsim.Provider, t *opsim.JWT) { t.Claims["iss"] = h.ops["one"].Issuer() }})
	app := h.Native()
	a := h.present(app, app.OpenKind("login", ""), "two", h.ops["two"].Mint(opsim.ClientID, "a nonce"), "a nonce")
	require.Equal(t, "oidc_id_token_invalid", a.ErrorID())
	require.Empty(t, whose(app))
	h.ops["two"].SetLie(opsim.Lie{})

	// A token works once, with its nonce, and not in a browser.
	token := h.ops["one"].Mint(opsim.ClientID, "a nonce")
	for _, wrong := range []string{"another nonce", "A nonce", ""} {
		a = h.present(app, app.OpenKind("login", ""), "one", token, wrong)
		require.NotEmpty(t, a.ErrorID())
		require.Empty(t, whose(app))
	}
	browser := h.SPA()
	a = h.present(browser, browser.OpenKind("login", ""), "one", token, "a nonce")
	require.Equal(t, "oidc_id_token_unexpected", a.ErrorID())
	require.Empty(t, whose(browser))
	h.present(app, app.OpenKind("login", ""), "one", token, "a nonce")
	require.Equal(t, adas, whose(app))
	thief := h.Native()
	a = h.present(thief, thief.OpenKind("login", ""), "one", token, "a nonce")
	require.Equal(t, "oidc_id_token_spent", a.ErrorID())
	require.Empty(t, whose(thief))
}

// A provider that is gone signs nobody in, not even who is on the way, and one that
// has become another is not believed about those that the first one knew.
func TestProvidersThatChange(t *testing.T) {
	dsn := enginetest.WithDSN("sqlite://" + t.TempDir() + "/foyer.sqlite")
	h := newHouse(t, two, dsn)
	h.ops["one"].SetPerson(somebody("ada"))
	h.ops["two"].SetPerson(somebody("ada"))
	c := h.Browser()
	h.trip(c, "registration", "one")
	adas := whose(c)
	require.NotEmpty(t, adas)
	onTheWay := h.away(h.Browser(), "login", "one")
	path := onTheWay.back.To.RequestURI()

	h.run(two[1:], dsn)
	gone := h.Browser()
	to, a := h.leave(gone, gone.OpenKind("login", ""), "one")
	require.Empty(t, to)
	require.Equal(t, []any{"oidc_provider_unknown"}, h.refusal(gone, a))
	moved := h.follow(onTheWay.Client)
	a = moved.Get(path)
	require.NotEmpty(t, h.refusal(moved, a))
	require.Empty(t, whose(moved))
	app := h.Native()
	a = h.present(app, app.OpenKind("login", ""), "one", h.ops["one"].Mint(opsim.ClientID, "a nonce"), "a nonce")
	require.Equal(t, "oidc_provider_unknown", a.ErrorID())
	require.Empty(t, whose(app))

	h.ops["one"] = h.ops["two"] // the id stays, the issuer is another
	h.run(two[:1], dsn)
	for _, kind := range []string{"login", "registration"} {
		c = h.Browser()
		a = h.trip(c, kind, "one")
		require.Equal(t, []any{4000104}, h.refusal(c, a))
		require.Empty(t, whose(c))
	}
	require.Equal(t, 1, h.Identities())
	require.Equal(t, []string{"one:ada"}, h.record(adas).links())
}

// follow is a client with the same cookies at the program that runs now.
func (h *house) follow(c *enginetest.Client) *enginetest.Client {
	h.t.Helper()
	out := h.Env.Browser()
	old, err := url.Parse(c.Env.PublicURL)
	require.NoError(h.t, err)
	now, err := url.Parse(h.PublicURL)
	require.NoError(h.t, err)
	out.HTTP.Jar.SetCookies(now, c.HTTP.Jar.Cookies(old))
	return out
}

// Neither a start of a trip nor a link is to be had by a form of another site.
func TestTripsBeginHere(t *testing.T) {
	h := newHouse(t, two)
	for _, client := range []func() *enginetest.Client{h.Browser, h.SPA} {
		for _, kind := range []string{"registration", "login"} {
			c := client()
			f := c.OpenKind(kind, "")
			for _, token := range []string{"", "wrong", client().OpenKind(kind, "").Value("csrf_token").(string)} {
				to, a := departed(c, c.Submit(f, enginetest.Values{"method": "oidc", "provider": "one", "csrf_token": token}))
				require.Empty(t, to, "%s", a.Body)
				require.NotEmpty(t, h.refusal(c, a))
			}
			a := c.Get(f.UI.Action + "&method=oidc&provider=one")
			require.NotContains(t, a.Header.Get("Location"), "client_id=", "a trip does not begin by a GET")
		}
	}
	h.ops["one"].SetPerson(somebody("ada"))
	c := h.Browser()
	h.trip(c, "registration", "one")
	f := c.OpenKind("settings", "")
	to, a := departed(c, c.Submit(f, enginetest.Values{"method": "oidc", "link": "two", "csrf_token": "wrong"}))
	require.Empty(t, to, "%s", a.Body)
	a = c.Submit(f, enginetest.Values{"method": "oidc", "unlink": "one", "csrf_token": "wrong"})
	require.NotEmpty(t, h.refusal(c, a))
	require.Equal(t, []string{"one:ada"}, h.record(whose(c)).links())
	require.Equal(t, http.StatusOK, c.Whoami("").Status)
}
