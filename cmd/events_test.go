package cmd_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// told is a receiver of events, which refuses those of its choice.
type told struct {
	mu     sync.Mutex
	ids    []string
	refuse func(body string) bool
}

func (r *told) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body json.RawMessage
	_ = json.NewDecoder(req.Body).Decode(&body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil && r.refuse(string(body)) {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	r.ids = append(r.ids, req.Header.Get("Webhook-Id"))
}

// taken are the ids that came since it was last asked.
func (r *told) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := r.ids
	r.ids = nil
	return ids
}

// newsroom is a program that tells one receiver of everybody who is made.
func newsroom(t *testing.T, options ...enginetest.Option) (*enginetest.Env, *told) {
	to := &told{}
	receiver := httptest.NewServer(to)
	t.Cleanup(receiver.Close)
	env := enginetest.New(t, append(options, enginetest.With("events.endpoints", []map[string]any{
		{"id": "crm", "url": receiver.URL, "types": []string{"identity.created"}},
	}))...)
	t.Setenv("FOYER_ADMIN_URL", env.AdminURL)
	return env, to
}

// happen makes a person and returns their id.
func happen(t *testing.T, env *enginetest.Env, name string) string {
	a := env.Admin("POST", "/admin/identities", map[string]any{"traits": map[string]any{"email": name + "@example.org"}})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	return a.JSON()["id"].(string)
}

type event struct {
	ID, Subject, Status string
	Attempts            []struct{ Error string }
	Payload             struct{ Type string }
}

// listed runs the command and decodes what it prints.
func listed(t *testing.T, args ...string) (all []event) {
	t.Helper()
	status, out, errOut := run(append([]string{"events", "list", "--format", "json"}, args...)...)
	require.Zero(t, status, errOut)
	require.NoError(t, json.Unmarshal([]byte(out), &all), out)
	return all
}

func TestEventsCommand(t *testing.T) {
	env, to := newsroom(t)
	status, out, errOut := run("events", "list")
	require.Zero(t, status, errOut)
	require.Equal(t, "There are none.\n", out)
	require.Empty(t, listed(t))

	to.refuse = func(body string) bool { return strings.Contains(body, "bob@") }
	ada, bob := happen(t, env, "ada"), happen(t, env, "bob")
	env.Deliver()
	require.Len(t, to.taken(), 1)
	delivered, queued := listed(t, "--status", "delivered"), listed(t, "--status", "queued", "--type", "identity.created", "--since", "1h")
	require.Len(t, delivered, 1)
	require.Len(t, queued, 1)
	require.Equal(t, []string{ada, bob}, []string{delivered[0].Subject, queued[0].Subject})
	require.Len(t, listed(t, "--receiver", "crm", "--subject", bob), 1)
	require.Empty(t, listed(t, "--until", "1h"))
	require.Empty(t, listed(t, "--receiver", "audit"))

	_, out, _ = run("events", "list")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3)
	require.Regexp(t, `^ID +TYPE +RECEIVER +SUBJECT +STATUS +ATTEMPTS +CREATED +LAST ERROR$`, lines[0])
	require.Regexp(t, "^"+queued[0].ID+` +identity\.created +crm +`+bob+` +queued +1 +\S+ \S+Z +.*418`, lines[1], "newest first")
	require.Regexp(t, "^"+delivered[0].ID+` +identity\.created +crm +`+ada+` +delivered +1 +\S+ \S+Z +–$`, lines[2])

	status, out, _ = run("events", "get", queued[0].ID)
	require.Zero(t, status)
	require.Regexp(t, `(?s)status +queued.*next attempt +\d.*ATTEMPT +TOOK +CAME OF IT\n\d\S+ \S+Z +\S+ +.*418.*"type": "identity.created"`, out)
	status, out, _ = run("events", "get", queued[0].ID, "--format", "json")
	require.Zero(t, status)
	var one event
	require.NoError(t, json.Unmarshal([]byte(out), &one))
	require.Equal(t, "identity.created", one.Payload.Type)
	require.Len(t, one.Attempts, 1)
}

func TestEventsReplayCommand(t *testing.T) {
	env, to := newsroom(t)
	for _, name := range []string{"ada", "bob", "eve"} {
		happen(t, env, name)
	}
	env.Deliver()
	ids := to.taken()
	require.Len(t, ids, 3)

	status, out, errOut := run("events", "replay", ids[0], ids[2])
	require.Zero(t, status, errOut)
	require.Equal(t, 3, strings.Count(out, "\n"))
	env.Deliver()
	require.ElementsMatch(t, []string{ids[0], ids[2]}, to.taken(), "the same ids, and no other")

	const unknown = "7a1e4a0e-6b0c-4b7a-9a5e-3f1f3c1b2d4e"
	status, out, errOut = run("events", "replay", unknown, ids[1], "--format", "json")
	require.Equal(t, 1, status)
	require.Contains(t, out, ids[1], "one refusal stops no other")
	require.Equal(t, unknown+": event_not_found (404): There is no event with this id.\nfoyer: 1 of 2 were not queued again\n", errOut)
	env.Deliver()
	require.Equal(t, []string{ids[1]}, to.taken())

	for args, want := range map[string]string{
		"--since 1h": "3 queued again\n", "--since 1h --until 30m": "0 queued again\n", "--since 1h --status abandoned": "0 queued again\n",
		"--since 1h --receiver audit": "0 queued again\n", "--since 1h --type identity.created --format json": "{\"replayed\":3}\n",
	} {
		status, out, errOut = run(append([]string{"events", "replay"}, strings.Fields(args)...)...)
		require.Zero(t, status, errOut)
		require.Equal(t, want, out, args)
		env.Deliver()
		if strings.Contains(want, "3") {
			require.ElementsMatch(t, ids, to.taken())
		}
		require.Empty(t, to.taken())
	}
}

func TestEventsCommandFollowsPages(t *testing.T) {
	env, _ := newsroom(t)
	for n := range 251 {
		happen(t, env, "p"+string(rune('a'+n%26))+strings.Repeat("x", n/26))
	}
	status, out, errOut := run("events", "list")
	require.Zero(t, status)
	require.Equal(t, 251, strings.Count(out, "\n"), "a page, and its head")
	require.Equal(t, "There are more; --all lists them too.\n", errOut)
	status, out, errOut = run("events", "list", "--all")
	require.Zero(t, status)
	require.Equal(t, 252, strings.Count(out, "\n"))
	require.Empty(t, errOut)
}

// What is refused is told with the API's own reason, and nothing was done.
func TestEventsCommandRefuses(t *testing.T) {
	env, to := newsroom(t)
	happen(t, env, "ada")
	env.Deliver()
	require.Len(t, to.taken(), 1)
	id := listed(t)[0].ID
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>Sign in</html>")) }))
	defer html.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(env.AdminURL+"/admin/events", http.StatusFound))
	defer elsewhere.Close()
	refused(t, "events", map[string]string{
		"list --status sent":                         "1 foyer: event_status_invalid (400): status has to be queued, processing, delivered or abandoned.",
		"list --subject " + id:                       "1 event_receiver_required",
		"list --since yesterday":                     `2 --since is "yesterday" and has to be a duration such as 2h`,
		"list --until -2h":                           `2 --until is "-2h"`,
		"list --format yaml":                         "2 table or json",
		"list --endpoint localhost:4434":             "2 --endpoint has to be",
		"list --endpoint http://127.0.0.1:1":         "1 the admin API did not answer",
		"list --endpoint unix:/nowhere/sock":         "1 the admin API did not answer",
		"list --endpoint " + html.URL:                "1 none of the admin API's",
		"list --endpoint " + elsewhere.URL:           "1 the answer was 302",
		"list --endpoint " + env.PublicURL:           "1 route_not_found (404)",
		"get x":                                      "1 event_not_found (404)",
		"get":                                        "2 accepts 1 arg",
		"replay":                                     "2 --since",
		"replay --receiver crm":                      "2 --since",
		"replay " + id + " --since 2h":               "2 either",
		"replay --since 2h --status queued":          "1 event_status_invalid",
		"replay --endpoint http://127.0.0.1:1 " + id: "1 the admin API did not answer",
		"nothing":                                    `2 unknown command "nothing"`,
	})
	env.Deliver()
	require.Empty(t, to.taken(), "nothing was sent again")
}

// The command reaches the API where there are a prefix, a proxy that asks for a
// token, or a socket.
func TestEventsCommandReaches(t *testing.T) {
	env, _ := newsroom(t)
	happen(t, env, "ada")
	at, err := url.Parse(env.AdminURL)
	require.NoError(t, err)
	forward := httputil.NewSingleHostReverseProxy(at)
	guarded := http.StripPrefix("/foyer", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer a-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Host = at.Host
		forward.ServeHTTP(w, r)
	}))
	proxy := httptest.NewServer(guarded)
	defer proxy.Close()
	t.Setenv("FOYER_ADMIN_URL", proxy.URL+"/foyer")
	status, _, errOut := run("events", "list")
	require.Equal(t, 1, status)
	require.Contains(t, errOut, "401")
	require.Len(t, listed(t, "--token", "a-token"), 1)
	t.Setenv("FOYER_ADMIN_TOKEN", "a-token")
	require.Len(t, listed(t), 1)
	status, _, errOut = run("events", "list", "--token", "another-token")
	require.Equal(t, 1, status)
	require.NotContains(t, errOut, "another-token")

	socket := filepath.Join(t.TempDir(), "admin")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: env.App.Admin, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	require.Len(t, listed(t, "--endpoint", "unix:"+socket), 1)
}

// What comes from elsewhere does not steer the terminal.
func TestEventsCommandPrintsPlainly(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			_, _ = w.Write([]byte(`[{"id":"x","type":"a\u001b[2Jb","last_error":"c\nd\te"}]`))
			return
		}
		_, _ = w.Write([]byte("{\"id\":\"x\",\"type\":\"\\u001b]0;t\\u0007\",\"payload\":{\"a\":\"\u009b2J\u202e\"}}"))
	}))
	defer server.Close()
	t.Setenv("FOYER_ADMIN_URL", server.URL)
	for _, args := range [][]string{{"list"}, {"get", "x"}} {
		status, out, errOut := run(append([]string{"events"}, args...)...)
		require.Zero(t, status, errOut)
		for _, r := range "\x1b\a\u009b\u202e" {
			require.NotContains(t, out, string(r))
		}
	}
	_, out, _ := run("events", "list")
	require.Equal(t, 2, strings.Count(out, "\n"))
	require.Contains(t, out, "c d�e")
}

// Why nobody was reached is told in a few words, without the receiver's address.
func TestEventsOfAReceiverThatIsAway(t *testing.T) {
	env := enginetest.New(t, enginetest.With("events.endpoints", []map[string]any{
		{"id": "crm", "url": "http://127.0.0.1:1/hook?key=a-secret", "types": []string{"*"}},
	}))
	t.Setenv("FOYER_ADMIN_URL", env.AdminURL)
	happen(t, env, "ada")
	env.Deliver()
	_, out, _ := run("events", "list")
	require.Contains(t, out, "  outbound_failed: dial tcp 127.0.0.1:1: connect: connection refused\n")
	require.NotContains(t, out, "a-secret")
	require.Contains(t, env.Logs.String(), `"to":"crm"`)
	require.NotContains(t, env.Logs.String(), "a-secret")
}

// Events that do not leave are seen by who looks after the program.
func TestEventsAreWatched(t *testing.T) {
	env, to := newsroom(t, enginetest.With("events.retries", 0))
	to.refuse = func(string) bool { return true }
	metrics := func() string { return string(env.Admin("GET", "/admin/metrics/prometheus", nil).Body) }
	warnings := func() any { return env.Admin("GET", "/admin/health/ready", nil).JSON()["warnings"] }
	happen(t, env, "ada")
	require.Nil(t, warnings())
	require.Contains(t, metrics(), "foyer_events_waiting 1\n")
	require.Contains(t, metrics(), "foyer_courier_waiting 0\n")
	env.Clock.Advance(6 * time.Minute)
	late, _ := warnings().(map[string]any)
	require.Contains(t, late["events"], "1 events wait, the oldest for 6m0s")
	require.NotContains(t, late, "courier")
	env.Deliver()
	late, _ = warnings().(map[string]any)
	require.Contains(t, late["events"], "1 events were given up")
	require.Contains(t, late["events"], "418")
	require.Contains(t, metrics(), "foyer_events_abandoned 1\n")
	require.Contains(t, metrics(), `foyer_events_attempts_total{outcome="abandoned"} 1`)
	require.Contains(t, metrics(), `foyer_courier_attempts_total{outcome="abandoned"} 0`)
	require.NotContains(t, metrics(), "foyer_events_suppressed")

	_, out, _ := run("events", "list")
	require.Contains(t, out, "the receiver answered 418")
	id := listed(t, "--status", "abandoned")[0].ID
	require.Equal(t, http.StatusOK, env.Admin("POST", "/admin/events/"+id+"/discard", nil).Status)
	require.Nil(t, warnings())
	require.Contains(t, metrics(), "foyer_events_abandoned 0\n")
}
