package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/contrib/client"
	"github.com/foyer-id/foyer/internal/enginetest"
)

// scenario is one journey, the same for every client. In all its texts $name is
// one of Words, $kind the client's, and "code of ADDRESS" the one mailed last.
type scenario struct {
	Words map[string]string
	Steps []step
}

// step is what a person does on one of their devices, and all that may come of it.
type step struct {
	Name   string
	Device string // each has its own cookies or token; "" is one, too
	After  string // how much time goes by before

	Open    string          // opens a flow of this kind, "last" for where the last step has led
	Query   string          // of opening it
	Answers []client.Values // what the forms are answered, one after another
	SignOut bool
	End     bool // ends the first of the other sessions
	Others  bool // ends all others

	Ends     string         // what the last answer says to do; "" for no matter
	Says     []int          // the messages in it
	Holds    map[string]any // values of its fields
	Fails    string         // the id of the error it is
	SignedIn map[string]bool
	Sessions int            // of the device's owner besides its own, if SignedIn
	Mails    map[string]int // messages queued meanwhile; to nobody else any
}

// world is where a scenario is played by one kind of client.
type world struct {
	t       *testing.T
	env     *enginetest.Env
	kind    string
	devices map[string]*client.Client
	last    *client.Answer
	mails   int
}

func newWorld(t *testing.T, kind string, options ...enginetest.Option) *world {
	return &world{t: t, env: enginetest.New(t, options...), kind: kind, devices: map[string]*client.Client{}}
}

// device is a client that keeps its cookies or token.
func (w *world) device(name string) *client.Client {
	if c := w.devices[name]; c != nil {
		return c
	}
	c := &client.Client{API: w.env.PublicURL, HTML: w.kind == "browser",
		HTTP: &http.Client{Transport: &http.Transport{}, CheckRedirect: client.Within(w.env.PublicURL)}}
	if w.kind != "native" {
		c.HTTP.Jar = jar(w.t)
	}
	w.t.Cleanup(c.HTTP.CloseIdleConnections)
	w.devices[name] = c
	return c
}

func jar(t *testing.T) http.CookieJar {
	j, err := cookiejar.New(nil)
	require.NoError(t, err)
	return j
}

// door is where a client of this kind opens a flow.
func (w *world) door(kind string) string {
	if w.kind == "native" {
		return "/self-service/" + kind + "/api?"
	}
	return "/self-service/" + kind + "/browser?"
}

// ask is a request beside the flows. It returns the status.
func (w *world) ask(c *client.Client, method, path, body string, into any) int {
	if strings.HasPrefix(path, "/") {
		path = c.API + path
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	require.NoError(w.t, err)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		req.Header.Set("X-Session-Token", c.Token)
	}
	res, err := c.HTTP.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	if into != nil && res.StatusCode < 300 {
		require.NoError(w.t, json.NewDecoder(res.Body).Decode(into))
	}
	return res.StatusCode
}

func (w *world) signOut(c *client.Client) {
	if w.kind == "native" {
		require.Equal(w.t, http.StatusNoContent, w.ask(c, http.MethodDelete, "/self-service/logout/api", `{"session_token":"`+c.Token+`"}`, nil))
		return
	}
	var link struct {
		URL string `json:"logout_url"`
	}
	require.Equal(w.t, http.StatusOK, w.ask(c, http.MethodGet, "/self-service/logout/browser", "", &link))
	require.Equal(w.t, http.StatusNoContent, w.ask(c, http.MethodGet, link.URL, "", nil))
}

// sessions lists the others of the device's owner.
func (w *world) sessions(c *client.Client) (ids []string) {
	var list []struct{ ID string }
	require.Equal(w.t, http.StatusOK, w.ask(c, http.MethodGet, "/sessions", "", &list))
	for _, one := range list {
		ids = append(ids, one.ID)
	}
	return ids
}

func (w *world) play(s step) {
	w.t.Helper()
	c := w.device(s.Device)
	if s.After != "" {
		d, err := time.ParseDuration(s.After)
		require.NoError(w.t, err)
		w.env.Clock.Advance(d)
	}
	switch {
	case s.Open != "":
		w.goThrough(c, s)
	case s.SignOut:
		w.signOut(c)
	case s.End:
		require.Equal(w.t, http.StatusNoContent, w.ask(c, http.MethodDelete, "/sessions/"+w.sessions(c)[0], "", nil))
	case s.Others:
		require.Equal(w.t, http.StatusOK, w.ask(c, http.MethodDelete, "/sessions", "", nil))
	}
	for name, in := range s.SignedIn {
		who := w.device(name)
		want := http.StatusUnauthorized
		if in {
			want = http.StatusOK
		}
		require.Equal(w.t, want, w.ask(who, http.MethodGet, "/sessions/whoami", "", nil), "%q", name)
	}
	if s.SignedIn[s.Device] {
		require.Len(w.t, w.sessions(c), s.Sessions)
	}
	w.env.Deliver()
	got, all := map[string]int{}, w.env.Inbox("")
	for _, m := range all[:len(all)-w.mails] {
		got[m.Recipient]++
	}
	w.mails = len(all)
	if s.Mails == nil {
		s.Mails = map[string]int{}
	}
	require.Equal(w.t, s.Mails, got, "mails")
}

// goThrough answers the forms of a flow and those it leads to.
func (w *world) goThrough(c *client.Client, s step) {
	w.t.Helper()
	open, left := w.door(s.Open)+s.Query, s.Answers
	if s.Open == "last" {
		open = w.last.Foyer.Next.URL
	}
	a, err := c.Go(w.t.Context(), open, func(*client.Answer) client.Values {
		if len(left) == 0 {
			return nil
		}
		values := client.Values{}
		for name, v := range left[0] {
			if to, ok := strings.CutPrefix(text(v), "code of "); ok {
				w.env.Deliver()
				v = w.env.Inbox(to)[0].Code()
			}
			values[name] = v
		}
		left = left[1:]
		return values
	})
	if failed := (*client.Error)(nil); errors.As(err, &failed) {
		require.Equal(w.t, s.Fails, failed.ID, "%s", failed.Reason)
		return
	}
	require.NoError(w.t, err)
	require.Empty(w.t, s.Fails)
	require.Empty(w.t, left, "answers nobody has asked for")
	w.last = a
	if s.Ends != "" {
		require.Equal(w.t, s.Ends, a.Foyer.Next.Do, "%s", a.Raw)
	}
	if s.Says != nil {
		require.Equal(w.t, s.Says, a.Says(), "%s", a.Raw)
	}
	for name, want := range s.Holds {
		require.Equal(w.t, want, value(a, name), name)
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func value(a *client.Answer, name string) any {
	for _, n := range a.UI.Nodes {
		if n.Attributes.Name == name {
			return n.Attributes.Value
		}
	}
	return nil
}

var word = regexp.MustCompile(`\$\w+`)

// read reads a scenario for one kind of client.
func read(t *testing.T, file, kind string) scenario {
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var s scenario
	require.NoError(t, json.Unmarshal(raw, &s))
	s.Words["kind"] = kind
	for word.Match(raw) {
		raw = word.ReplaceAllFunc(raw, func(name []byte) []byte {
			text, ok := s.Words[string(name[1:])]
			require.True(t, ok, "%s is no word", name)
			return []byte(text)
		})
	}
	s = scenario{}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&s))
	return s
}

// playAll plays a scenario as every kind of client.
func playAll(t *testing.T, file string, options ...enginetest.Option) {
	for _, kind := range []string{"browser", "json", "native"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, kind, append(options, enginetest.WithVerification(), enginetest.WithRecovery())...)
			for _, s := range read(t, file, kind).Steps {
				ok := t.Run(strings.ReplaceAll(s.Name, " ", "_"), func(t *testing.T) {
					w.t = t
					w.play(s)
				})
				require.True(t, ok, "what follows builds on it")
			}
		})
	}
}

// One person's whole life with an account, in the same words for every client.
func TestJourney(t *testing.T) {
	for _, transitions := range []bool{true, false} {
		t.Run(map[bool]string{true: "transitions", false: "redirects"}[transitions], func(t *testing.T) {
			playAll(t, "testdata/journey.json",
				enginetest.With("feature_flags.use_continue_with_transitions", transitions),
				enginetest.With("selfservice.flows.settings.after.profile.hooks", []map[string]any{{"hook": "show_verification_ui"}}))
		})
	}
}

// The same loop where forms come in two steps and codes take the place of
// passwords.
func TestCodesInTwoSteps(t *testing.T) {
	playAll(t, "testdata/codes.json", enginetest.WithSchema(enginetest.CodeSchema), enginetest.WithPasswordless(),
		enginetest.With("selfservice.flows.registration.style", "profile_first"),
		enginetest.With("selfservice.flows.login.style", "identifier_first"),
		enginetest.With("selfservice.flows.registration.after.code.hooks", []map[string]any{{"hook": "session"}}))
}

// Who waits for a link is taken on as soon as it is followed, wherever that is.
func TestWaitForALink(t *testing.T) {
	for _, kind := range []string{"browser", "json", "native"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, me := newWorld(t, kind, enginetest.WithLinks()), "ada@example.org"
			type end struct {
				a   *client.Answer
				err error
			}
			ended := make(chan end, 1)
			go func(c *client.Client) {
				a, err := c.Go(t.Context(), w.door("registration"), func(*client.Answer) client.Values {
					return client.Values{"method": "password", "traits.email": me, "password": "tide pool, seven herons"}
				})
				ended <- end{a, err}
			}(w.device(""))
			require.Eventually(t, func() bool {
				w.env.Deliver()
				return len(w.env.Inbox(me)) == 1
			}, 10*time.Second, 10*time.Millisecond)
			require.Empty(t, ended, "it waits")

			elsewhere := &client.Client{API: w.env.PublicURL, HTML: true, HTTP: &http.Client{Jar: jar(t), CheckRedirect: client.Within(w.env.PublicURL)}}
			pressed := 0
			a, err := elsewhere.Go(t.Context(), w.env.Inbox(me)[0].Link(), func(*client.Answer) client.Values {
				pressed++
				return client.Values{"method": "link"}
			})
			require.NoError(t, err)
			require.Equal(t, "done", a.Foyer.Next.Do, "%s", a.Raw)
			require.Equal(t, 1, pressed, "following the link alone proves nothing")
			last := <-ended
			require.NoError(t, last.err)
			require.Equal(t, "done", last.a.Foyer.Next.Do, "%s", last.a.Raw)
			require.Equal(t, "passed_challenge", last.a.State)
		})
	}
}

// What nobody can go on from is told as it is.
func TestErrors(t *testing.T) {
	for _, kind := range []string{"browser", "json", "native"} {
		w := newWorld(t, kind)
		nothing := func(*client.Answer) client.Values { return nil }
		for open, want := range map[string]string{
			w.door("registration") + "return_to=https%3A%2F%2Fevil.example": "self_service_flow_return_to_forbidden",
			w.door("recovery"): "self_service_flow_disabled",
			w.door("nothing"):  "route_not_found",
		} {
			_, err := w.device("").Go(t.Context(), open, nothing)
			var failed *client.Error
			require.ErrorAs(t, err, &failed, "%s %s", kind, open)
			require.Equal(t, want, failed.ID)
			require.ErrorContains(t, err, want+": "+failed.Reason)
		}
	}
}
