package cmd_test

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// signIn comes back in every way there is, and is refused for every reason.
func (w *witness) signIn(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.WithPasswordless(), enginetest.WithSchema(enginetest.CodeSchema),
		enginetest.With("selfservice.flows.login.after.hooks", []map[string]any{{"hook": "require_verified_address"}}))
	for _, c := range env.Clients() {
		w.watch(t, c)
		at := string(c.Kind) + "@example.org"
		c.SignUp(enginetest.Person(at))
		c.SignOut()
		right := enginetest.Credentials(at)
		c.SignIn("return_to=http://127.0.0.1:4455/there&state=opaque&login_hint="+at, right.With("password", "wrong"))
		c.SignIn("", right) // not proved yet
		f := c.Say(c.OpenKind("login", ""), enginetest.Values{"method": "code", "identifier": at})
		c.Submit(f, enginetest.Values{"method": "code", "code": "000000"})
		env.Deliver()
		code := enginetest.Values{"method": "code", "code": env.Inbox(at)[0].Code(), "transient_payload.a": "1"}
		c.Adopt(c.Submit(f, code))
		require.True(t, c.SignedIn())
		c.Get("/self-service/login?flow=" + f.ID)
		c.Submit(f, code)
		c.Submit(f, right)
		w.openSignedIn(c, "login")
		f = c.OpenKind("login", "refresh=true")
		c.Submit(f, right.With("password", "wrong"))
		f = c.OpenKind("login", "refresh=true")
		other := w.watch(t, env.Native())
		other.SignUp(enginetest.Person("other-" + at))
		if c.Kind == enginetest.Native {
			other.Submit(f, right) // somebody else's refresh
		}
		c.Adopt(c.Submit(f, right))
		second := c.OpenKind("login", "aal=aal2")
		c.SignOut()
		c.Submit(second, right)
		c.Get("/self-service/login/browser?aal=aal2")
		c.Get("/self-service/login/api?aal=aal2")
		c.Get("/self-service/login/api?aal=aal3")
		w.misuse(t, c, "login", right)
	}
}

// openSignedIn opens what makes no sense to who is signed in.
func (w *witness) openSignedIn(c *enginetest.Client, kind string) {
	for _, path := range []string{"/browser", "/api"} {
		c.Get("/self-service/" + kind + path)
	}
}

// twoSteps signs up and in by forms that ask who first.
func (w *witness) twoSteps(t *testing.T) {
	env := enginetest.New(t, enginetest.WithPasswordless(), enginetest.WithSchema(enginetest.CodeSchema),
		enginetest.With("selfservice.flows.registration.style", "profile_first"), enginetest.With("selfservice.flows.login.style", "identifier_first"))
	for _, c := range env.Clients() {
		w.watch(t, c)
		at := string(c.Kind) + "@example.org"
		who := enginetest.Values{"method": "profile", "traits.email": at}
		f := c.Say(c.Open(""), who)
		f = c.Say(f, enginetest.Values{"screen": "previous"})
		f = c.Say(f, who)
		f = c.Say(f, enginetest.Values{"method": "code"})
		f = c.Say(f, enginetest.Values{"screen": "credential-selection"})
		c.Adopt(c.Submit(f, enginetest.Person(at).Without("traits.email")))
		c.SignOut()
		f = c.Say(c.OpenKind("login", ""), enginetest.Values{"method": "identifier_first", "identifier": at})
		f = c.Say(f, enginetest.Values{"method": "code"})
		f = c.Say(f, enginetest.Values{"method": "code", "resend": "code"})
		f = c.Say(f, enginetest.Values{"screen": "previous"})
		f = c.Say(f, enginetest.Values{"method": "identifier_first", "identifier": at})
		c.Adopt(c.Submit(f, enginetest.Credentials(at).Without("identifier")))
		require.True(t, c.SignedIn())
	}
}

// recover lets people back in, by code and by link, as both protocols have it.
func (w *witness) recover(t *testing.T) {
	for _, options := range [][]enginetest.Option{
		{enginetest.WithRecovery()},
		{enginetest.WithRecovery(), enginetest.With("feature_flags.use_continue_with_transitions", true)},
		{enginetest.WithRecovery(), enginetest.With("selfservice.flows.recovery.use", "link"), enginetest.With("selfservice.methods.link.enabled", true)},
	} {
		env := enginetest.New(t, options...)
		for _, c := range env.Clients() {
			w.watch(t, c)
			at := string(c.Kind) + "@example.org"
			c.SignUp(enginetest.Person(at))
			w.openSignedIn(c, "recovery")
			c.SignOut()
			f := c.OpenKind("recovery", "return_to=http://127.0.0.1:4455/there&state=opaque")
			way := f.Active
			f = c.Say(f, enginetest.Values{"method": way, "email": at, "transient_payload.a": "1"})
			c.Submit(f, enginetest.Values{"method": way, "code": "000000", "token": ""})
			env.Deliver()
			mail := env.Inbox(at)[0]
			answer := enginetest.Values{"method": way, "code": mail.Code()}
			if link, err := url.Parse(mail.Link()); way == "link" {
				require.NoError(t, err)
				w.watch(t, env.Browser()).Follow(mail.Link())
				w.watch(t, env.SPA()).Follow(mail.Link())
				answer = enginetest.Values{"method": way, "token": link.Query().Get("token")}
			}
			c.Adopt(c.Submit(f, answer))
			require.True(t, c.SignedIn())
			c.Submit(f, answer)
			c.Submit(f, enginetest.Values{"method": way, "email": at})
			c.SignOut()
			for _, v := range []enginetest.Values{{"method": way}, {"method": way, "email": "nobody"}, {"method": "telepathy"}} {
				c.Submit(c.OpenKind("recovery", ""), v)
			}
			w.misuse(t, c, "recovery", enginetest.Values{"method": way, "email": at})
		}
	}
}

// change saves settings, and is refused for every reason.
func (w *witness) change(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(),
		enginetest.With("selfservice.flows.settings.after.profile.hooks", []map[string]any{{"hook": "show_verification_ui"}}))
	for _, c := range env.Clients() {
		w.watch(t, c)
		at := string(c.Kind) + "@example.org"
		for _, path := range []string{"/browser", "/api"} {
			c.Get("/self-service/settings" + path)
		}
		c.SignUp(enginetest.Person(at))
		f := c.OpenKind("settings", "return_to=http://127.0.0.1:4455/there&state=opaque")
		for _, v := range []enginetest.Values{
			{"method": "profile", "traits.email": at, "traits.age": 5},
			{"method": "profile", "traits.email": at, "traits.age": 50},
			{"method": "profile", "traits.email": at, "traits.age": 50},
			{"method": "password", "password": "short"},
			{"method": "password", "password": "another Passphrase 10"},
			{"method": "profile", "traits.email": "new-" + at}, // to be proved
			{"method": "telepathy"},
			{"method": "totp"},
			{"method": "profile", "traits": "x"},
			{"method": "profile", "traits.email": at, "traits.name.last": strings.Repeat("x", 70<<10)},
		} {
			c.Submit(f, v)
		}
		c.Get("/self-service/settings?flow=" + f.ID)
		stranger := w.watch(t, env.Native())
		for _, sign := range []func(){func() {}, func() { stranger.SignUp(enginetest.Person("other-" + at)) }} {
			sign()
			stranger.Get("/self-service/settings/flows?id=" + f.ID)
			stranger.Get("/self-service/settings?flow=" + f.ID)
			stranger.Submit(f, enginetest.Values{"method": "password", "password": "another Passphrase 11"})
		}
		env.Clock.Advance(30 * time.Minute)
		f = c.OpenKind("settings", "")
		env.Clock.Advance(45 * time.Minute)
		c.Submit(f, enginetest.Values{"method": "password", "password": "another Passphrase 11"})
		w.misuse(t, c, "settings", enginetest.Values{"method": "password", "password": "another Passphrase 12"})
	}
}

// misuse asks one kind of flow for what is not there, too large, forbidden or
// too late. Valid is a submit that it would take.
func (w *witness) misuse(t *testing.T, c *enginetest.Client, kind string, valid enginetest.Values) {
	base, unknown := "/self-service/"+kind, uuid.Must(uuid.NewV4()).String()
	c.Get(base + "/browser?return_to=https://evil.example/")
	c.Get(base + "/api?return_to=https://evil.example/")
	f := c.OpenKind(kind, "")
	c.PostBody(f.UI.Action, "application/xml", []byte("<a/>"))
	c.PostBody(f.UI.Action, "application/json", bytes.Repeat([]byte(" "), 1<<20+1))
	c.Submit(f, valid.With("method", "lookup_secret"))
	for _, id := range []string{"", unknown} {
		c.Get(base + "/flows?id=" + id)
		c.Get(base + "?flow=" + id)
		c.Post(base+"?flow="+id, valid)
	}
	if c.Kind != enginetest.Native {
		stranger := w.watch(t, c.Env.SPA())
		stranger.Get(base + "/flows?id=" + f.ID)
		stranger.Get(base + "?flow=" + f.ID)
		stranger.Submit(f, valid)
	}
	c.Env.Clock.Advance(90 * time.Minute)
	c.Get(base + "/flows?id=" + f.ID)
	c.Get(base + "?flow=" + f.ID)
	require.NotEqual(t, http.StatusOK, c.Submit(f, valid).Status)
}

// rescue hands out what lets a person back in by an operator's own delivery.
func (w *witness) rescue(t *testing.T) {
	env := enginetest.New(t, enginetest.WithRecovery(), enginetest.With("selfservice.methods.link.enabled", true))
	c := w.watch(t, env.SPA())
	made := env.Admin("POST", "/admin/identities", map[string]any{"traits": map[string]any{"email": "ada@example.org"}}).JSON()["id"].(string)
	for _, what := range []string{"code", "link?return_to=http://127.0.0.1:4455/there"} {
		for _, body := range []string{
			`{"identity_id":"` + made + `","expires_in":"1h"}`, `{"identity_id":"` + uuid.Must(uuid.NewV4()).String() + `"}`,
			"{}", strings.Repeat("x", 5<<20+1),
		} {
			a := c.Do(outgoing(t, "POST", env.AdminURL+"/admin/recovery/"+what, body))
			if to, ok := a.JSON()["recovery_link"].(string); ok {
				w.watch(t, env.Browser()).Get("/self-service/recovery/flows?id=" + flowOf.FindString(to))
				w.watch(t, env.SPA()).Get("/self-service/recovery/flows?id=" + flowOf.FindString(to))
			}
		}
	}
}

var flowOf = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)
