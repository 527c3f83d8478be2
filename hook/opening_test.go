package hook_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

var kinds = []string{"registration", "login", "settings", "recovery", "verification"}

// beforeEach puts hooks before each kind of flow.
func beforeEach(more []option, hooks ...object) []option {
	all := append([]option{enginetest.WithVerification(), enginetest.WithRecovery()}, more...)
	for _, kind := range kinds {
		all = append(all, enginetest.With("selfservice.flows."+kind+".before.hooks", hooks))
	}
	return all
}

// opens is what is told to a client that opens a flow: its status and, if it is
// refused, why. A browser reads why on the error page.
func opens(c client, path string) (told string, body []byte) {
	a := c.Get(path)
	if c.Kind != enginetest.HTML || a.Status != http.StatusSeeOther {
		return strings.TrimSpace(http.StatusText(a.Status) + " " + a.ErrorID()), a.Body
	}
	if to := a.Location(); to.Path == "/error" {
		a = c.Get("/self-service/errors?id=" + to.Query().Get("id"))
		var v struct {
			Error struct {
				ID     string `json:"id"`
				Status string `json:"status"`
			} `json:"error"`
		}
		if json.Unmarshal(a.Body, &v) != nil {
			return "unreadable", a.Body
		}
		return v.Error.Status + " " + v.Error.ID, a.Body
	}
	return http.StatusText(200), a.Body
}

// opened is where a client opens a kind of flow.
func opened(c client, kind string) string {
	if c.Kind == enginetest.Native {
		return "/self-service/" + kind + "/api"
	}
	return "/self-service/" + kind + "/browser"
}

// Who is not to come in is told so before a row is written, each kind of client
// in its own way, and learns nothing of the lists.
func TestRefusedAtTheDoor(t *testing.T) {
	ip := object{"hook": "ip_range", "config": object{"deny": []string{"203.0.113.0/24", "2001:db8::/32"}}}
	ipAllow := object{"hook": "ip_range", "config": object{"allow": []string{"198.51.100.0/24"}}}
	country := object{"hook": "country", "config": object{"deny": []string{"AQ"}}}
	countryAllow := object{"hook": "country", "config": object{"allow": []string{"DE", "NO"}, "header": "X-Land"}}
	trusted := []option{enginetest.With("serve.public.trusted_proxies", []string{"127.0.0.0/8"})}
	const noNetwork, noCountry = "Forbidden flow_refused_by_ip_range", "Forbidden flow_refused_by_country"
	for name, world := range map[string]struct {
		hook  object
		more  []option
		heads map[string]string // what is told, by the header sent
	}{
		"denied network":  {ip, trusted, map[string]string{"X-Forwarded-For: 203.0.113.9": noNetwork, "X-Forwarded-For: 198.51.100.7": "OK", "X-Forwarded-For: 2001:db8::1": noNetwork, "X-Forwarded-For: 203.0.113.9, 198.51.100.7": "OK", "": "OK"}},
		"allowed network": {ipAllow, trusted, map[string]string{"X-Forwarded-For: 198.51.100.7": "OK", "X-Forwarded-For: 203.0.113.9": noNetwork, "X-Forwarded-For: nobody": noNetwork, "": noNetwork}},
		"no proxy":        {ipAllow, nil, map[string]string{"X-Forwarded-For: 198.51.100.7": noNetwork, "": noNetwork}},
		"denied country":  {country, trusted, map[string]string{"Cf-Ipcountry: aq": noCountry, "Cf-Ipcountry: DE": "OK", "": "OK"}},
		"allowed country": {countryAllow, trusted, map[string]string{"X-Land: NO": "OK", "X-Land: AQ": noCountry, "X-Land: NO, AQ": noCountry, "Cf-Ipcountry: NO": noCountry, "": noCountry}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			env := enginetest.New(t, beforeEach(world.more, webHook(r.URL, object{"can_interrupt": true, "body": nil, "id": nil}), world.hook)...)
			for m, c := range env.Clients() {
				exists(c, string(c.Kind)+"@example.org")
				among := kinds
				if name == "no proxy" {
					among = []string{"registration", "login", "recovery", "verification"} // nobody gets in
				} else {
					c.Head.Set("X-Forwarded-For", "198.51.100.7")
					c.Head.Set("X-Land", "NO")
					c.SignIn("", enginetest.Credentials(string(c.Kind)+"@example.org"))
					c.Head.Del("X-Forwarded-For")
					c.Head.Del("X-Land")
				}
				for n, head := range slices.Sorted(maps.Keys(world.heads)) {
					want := world.heads[head]
					for o, kind := range among {
						if (m+n+o)%3 != 0 {
							continue // each with each would take long
						}
						who := c
						if kind != "settings" {
							who = clientLike(c)
						}
						at, value, _ := strings.Cut(head, ": ")
						if at != "" {
							who.Head.Set(at, value)
						}
						r.got()
						before := env.Rows()
						told, body := opens(who, opened(c, kind))
						require.Equal(t, want, told, "%s %s %s: %s", c.Kind, kind, head, body)
						written := env.Rows().Since(before)
						who.Head.Del(at)
						if want == "OK" {
							require.Equal(t, "flows+1", written)
							require.Len(t, r.got(), 1)
							continue
						}
						if c.Kind == enginetest.HTML {
							require.Equal(t, "flow_errors+1", written, "for the error page")
						} else {
							require.Empty(t, written)
						}
						require.Empty(t, r.got(), "nobody outside is asked about who is refused here")
						for _, secret := range []string{"203.0", "198.51", "2001:", "AQ", "NO", "DE", "X-Land"} {
							require.NotContains(t, string(body), secret)
						}
					}
				}
			}
		})
	}
}

// clientLike is a fresh client of the same kind.
func clientLike(c client) client {
	for _, other := range c.Env.Clients() {
		if other.Kind == c.Kind {
			return other
		}
	}
	return nil
}

// A schedule tells when it is open again, and a flow that was opened in time is
// not prolonged afterwards.
func TestClosedNow(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(),
		enginetest.With("selfservice.flows.registration.before.hooks", []object{{"hook": "schedule", "config": object{"days": []string{"monday"}, "from": "09:00", "to": "17:00"}}}))
	now := env.Clock.Now()
	monday := now.Truncate(24 * time.Hour)
	for monday.Weekday() != time.Monday || monday.Before(now) {
		monday = monday.Add(24 * time.Hour)
	}
	env.Clock.Advance(monday.Add(16*time.Hour + 30*time.Minute).Sub(now))
	flows := map[enginetest.ClientKind]*enginetest.Flow{}
	clients := env.Clients()
	for _, c := range clients {
		flows[c.Kind] = c.Open("")
	}
	env.Clock.Advance(2 * time.Hour)
	for _, c := range clients {
		before := env.Rows().Without("flow_errors")
		told, body := opens(c, opened(c, "registration"))
		require.Equal(t, "Forbidden flow_refused_by_schedule", told)
		require.Contains(t, string(body), monday.Add(7*24*time.Hour+9*time.Hour).Format(time.RFC3339))
		a := c.Submit(flows[c.Kind], enginetest.Person("ada@example.org"))
		if c.Kind == enginetest.HTML {
			require.Equal(t, "/error", a.Location().Path)
		} else {
			require.Equal(t, "flow_refused_by_schedule", a.ErrorID(), "%s", a.Body)
		}
		require.Empty(t, env.Rows().Without("flow_errors").Since(before), "an expired flow has no successor now")
	}
	env.Clock.Advance(7*24*time.Hour - 3*time.Hour)
	for _, c := range clients {
		told, _ := opens(clientLike(c), opened(c, "registration"))
		require.Equal(t, "OK", told)
	}
}

// A mailed link opens no flow for who may not open one.
func TestLinksAtTheDoor(t *testing.T) {
	env := enginetest.New(t, enginetest.WithLinks(), enginetest.WithRecovery(), enginetest.With("selfservice.flows.recovery.use", "link"),
		enginetest.With("serve.public.trusted_proxies", []string{"127.0.0.0/8"}),
		enginetest.With("selfservice.flows.recovery.before.hooks", []object{{"hook": "ip_range", "config": object{"deny": []string{"203.0.113.0/24"}}}}))
	c := env.SPA()
	exists(c, "ada@example.org")
	c.Say(c.OpenKind("recovery", ""), values{"method": "link", "email": "ada@example.org"})
	link := newest(c, "ada@example.org").Link()
	elsewhere := env.SPA()
	elsewhere.Head.Set("X-Forwarded-For", "203.0.113.9")
	before := env.Rows()
	require.Equal(t, "flow_refused_by_ip_range", elsewhere.Get(link).ErrorID())
	require.Empty(t, env.Rows().Since(before))
	elsewhere.Head.Del("X-Forwarded-For")
	f := elsewhere.Follow(link)
	elsewhere.Submit(f, values{"method": "link", "token": f.Value("token")})
	require.True(t, elsewhere.SignedIn())
}

// What a receiver says at the door is told to who stands there; one that is only
// told hears of flows that were opened, and of no others.
func TestReceiversAtTheDoor(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, beforeEach(nil, webHook(r.URL+"/told", object{"id": nil, "body": []string{"flow", "request_method", "identity"}}),
		webHook(r.URL+"/asked", object{"id": nil, "can_interrupt": true, "body": []string{"flow.id"}}))...)
	for _, c := range env.Clients() {
		r.answers(204, "")
		exists(c, string(c.Kind)+"@example.org")
		c.SignIn("", enginetest.Credentials(string(c.Kind)+"@example.org"))
		for _, kind := range kinds {
			who := c
			if kind != "settings" {
				who = clientLike(c)
			}
			env.Deliver()
			r.got()
			r.vetoes("asked")
			before := env.Rows()
			told, body := opens(who, opened(c, kind))
			require.Equal(t, "Forbidden flow_refused_by_web_hook", told)
			require.Contains(t, string(body), "Not while the moon is full.")
			require.NotContains(t, string(body), r.URL)
			require.Equal(t, map[bool]string{true: "flow_errors+1"}[c.Kind == enginetest.HTML], env.Rows().Since(before))
			env.Deliver()
			require.Equal(t, []string{"asked"}, paths(r.got()))

			r.answers(500, "")
			told, _ = opens(who, opened(c, kind))
			require.Equal(t, "Bad Gateway upstream_error", told, "who does not answer lets nobody in")
			r.answers(204, "")
			r.got()
			before = env.Rows()
			f := who.OpenKind(kind, "")
			require.Equal(t, "flows+1 messages+1", env.Rows().Since(before))
			env.Deliver()
			got := r.got()
			require.Equal(t, []string{"asked", "told"}, paths(got))
			require.Equal(t, []any{f.ID, f.Type, "GET"}, []any{got[1].Body["flow"].(object)["id"], got[1].Body["flow"].(object)["type"], got[1].Body["request_method"]})
			require.Equal(t, kind == "settings", got[1].Body["identity"] != nil)
		}
	}
}
