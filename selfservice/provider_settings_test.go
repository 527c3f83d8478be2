package selfservice_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// choose submits a choice in settings, and goes to the provider where it leads
// there.
func (p *provided) choose(c client, button string) answer {
	a := c.Submit(c.OpenKind("settings", ""), values{button: "op"})
	if button == "link" && a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
		return c.Visit(p.op, a)
	}
	return a
}

// A person links a provider, signs in by it, and unlinks it; the last way in
// stays.
func TestProviderLinkedInSettings(t *testing.T) {
	more, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(more.Close)
	p := withProvider(t, nil, enginetest.WithProvider("more", more, nil), enginetest.With("selfservice.flows.settings.privileged_session_max_age", "15m"))
	for n, c := range []client{p.Browser(), p.SPA()} {
		email := string(rune('a'+n)) + "@example.com"
		p.op.SetPerson(opsim.Person{"sub": email, "email": "elsewhere-" + email})
		more.SetPerson(opsim.Person{"sub": email})
		c.SignUp(enginetest.Person(email))
		f := c.OpenKind("settings", "")
		require.Equal(t, 1050002, f.Node("link").Meta.Label.ID)
		require.Nil(t, f.Node("unlink"))
		landed := c.Landed("settings", p.choose(c, "link"))
		require.Equal(t, "success", landed.State)
		require.Equal(t, []int{1050001}, landed.IDs(""))
		require.Equal(t, "more", landed.Value("link"))
		require.Equal(t, 1050003, landed.Node("unlink").Meta.Label.ID)
		c.SignOut()
		p.come(c, "login", "")
		require.True(t, c.SignedIn())
		require.Contains(t, string(c.Whoami("").Body), email)

		require.Less(t, p.choose(c, "unlink").Status, 400)
		require.NotNil(t, c.OpenKind("settings", "").Node("link"))
		f = c.OpenKind("settings", "")
		require.Equal(t, []int{4000001}, c.Say(f, values{"unlink": "op"}).IDs(""), "not linked any more")
		c.SignOut()
		p.come(c, "login", "")
		require.NotContains(t, string(c.Whoami("").Body), `"`+email+`"`, "what is unlinked leads nowhere")
		require.Contains(t, string(c.Whoami("").Body), "elsewhere-")

		f = c.OpenKind("settings", "")
		require.Nil(t, f.Node("unlink"), "the only way in")
		require.Equal(t, []int{4000105}, c.Say(f, values{"unlink": "op"}).IDs(""))
		require.Equal(t, []int{1050001}, c.Landed("settings", c.Visit(more, c.Submit(f, values{"link": "more"}))).IDs(""))
		require.Less(t, c.Submit(c.OpenKind("settings", ""), values{"unlink": "op"}).Status, 400)
		require.Nil(t, c.OpenKind("settings", "").Node("unlink"), "now the other is")
		require.NotNil(t, c.OpenKind("settings", "").Node("link"))
		require.Equal(t, []int{1050001}, c.Landed("settings", p.choose(c, "link")).IDs(""))
		c.SignOut()

		c.SignIn("", enginetest.Credentials(email))
		f = c.OpenKind("settings", "")
		require.Equal(t, []int{4000027}, c.Landed("settings", c.Visit(p.op, c.Submit(f, values{"link": "op"}))).IDs(""), "it is another's now")
		c.SignOut()
	}
}

// Linking needs a fresh sign-in, and the session that asked for it.
func TestProviderLinkIsPrivileged(t *testing.T) {
	p := withProvider(t, nil, enginetest.With("selfservice.flows.settings.privileged_session_max_age", "15m"))
	c := p.SPA()
	c.SignUp(enginetest.Person("bob@example.com"))
	f := c.OpenKind("settings", "")
	a := c.Submit(f, values{"link": "op"})
	back, err := p.op.Approve(a.Elsewhere())
	require.NoError(t, err)
	require.Equal(t, "/self-service/login/browser", p.Browser().Return(back).Location().Path, "another browser")
	mallory := p.SPA()
	mallory.SignUp(enginetest.Person("mallory@example.com"))
	require.Equal(t, "/error", mallory.Return(back).Location().Path, "another person's")
	require.Empty(t, p.op.Requests(opsim.Token))
	c.SignOut()
	require.NotEqual(t, "/settings", c.Return(back).Location().Path, "the session has ended")
	require.Empty(t, p.op.Requests(opsim.Token))

	c.SignIn("", enginetest.Credentials("bob@example.com"))
	p.Clock.Advance(16 * time.Minute)
	for _, button := range []string{"link", "unlink"} {
		a = c.Submit(c.OpenKind("settings", ""), values{button: "op"})
		require.Equal(t, "session_refresh_required", a.ErrorID(), "%s", a.Body)
	}
	require.Equal(t, 1, len(p.op.Requests(opsim.Authorize)), "nobody is sent away by an old session")
}

// Who proves again to be themselves does so by the provider they are linked to, and
// by nobody else's account.
func TestProviderRefreshes(t *testing.T) {
	p := withProvider(t, nil)
	c := p.SPA()
	p.come(c, "registration", "")
	before := c.Whoami("").JSON()["authenticated_at"]
	p.Clock.Advance(30 * time.Second)
	f := c.OpenKind("login", "refresh=true")
	require.Equal(t, "op", f.Value("provider"))
	require.Nil(t, f.Node("password"))
	a := c.Submit(f, by("op"))
	require.Contains(t, a.Elsewhere(), "prompt=login")
	p.op.SetPerson(opsim.Eve)
	require.Equal(t, []int{4000006}, c.Landed("login", c.Visit(p.op, a)).IDs(""))
	p.op.SetPerson(opsim.Ada)
	require.Equal(t, "/", c.Visit(p.op, c.Submit(f, by("op"))).Location().Path)
	who := c.Whoami("").JSON()
	require.NotEqual(t, before, who["authenticated_at"])
	require.Equal(t, "op", who["authentication_methods"].([]any)[0].(map[string]any)["provider"])
	require.Equal(t, 1, p.Identities())

	p.op.SetPerson(opsim.Person{"sub": "ada", "email": "ada@example.com", "auth_time": time.Now().Add(-time.Hour).Unix()})
	f = c.Landed("login", c.Visit(p.op, c.Submit(c.OpenKind("login", "refresh=true"), by("op"))))
	require.Equal(t, []int{4000001}, f.IDs(""))
	require.Contains(t, f.UI.Messages[0].Text, "has not asked you to sign in again")
	require.Equal(t, who["authenticated_at"], c.Whoami("").JSON()["authenticated_at"])
}

// The only way in is told of, and stays.
func TestProviderIsTheOnlyWayIn(t *testing.T) {
	p := withProvider(t, nil)
	for n, c := range []client{p.Browser(), p.SPA()} {
		email := string(rune('a'+n)) + "@example.com"
		p.op.SetPerson(opsim.Person{"sub": email, "email": email})
		p.come(c, "registration", "")
		f := c.OpenKind("settings", "")
		require.Nil(t, f.Node("unlink"))
		told := f.UI.Nodes[len(f.UI.Nodes)-1]
		require.Equal(t, "oidc", told.Group)
		require.Equal(t, 1050101, told.Attributes.Text.ID)
		require.Equal(t, []int{4000105}, c.Say(f, values{"unlink": "op"}).IDs(""))
		require.Contains(t, string(c.Whoami("").Body), email)
		c.SignOut()
		p.come(c, "login", "")
		require.True(t, c.SignedIn())
		c.SignOut()
	}
}

// Who is unlinked is out; and what one browser has begun another does not end, though
// the same person is signed in there.
func TestProviderUnlinkedEndsOthers(t *testing.T) {
	p := withProvider(t, nil)
	owner, other := p.SPA(), p.SPA()
	owner.SignUp(enginetest.Person("ada@example.com"))
	other.SignIn("", enginetest.Credentials("ada@example.com"))
	begun := owner.Submit(owner.OpenKind("settings", ""), values{"link": "op"})
	back, err := p.op.Approve(begun.Elsewhere())
	require.NoError(t, err)
	require.Equal(t, "/error", other.Return(back).Location().Path)
	require.Empty(t, p.op.Requests(opsim.Token))
	require.Equal(t, "success", owner.Landed("settings", owner.Return(back)).State)
	came := p.SPA()
	p.come(came, "login", "")
	require.True(t, came.SignedIn())
	require.Equal(t, http.StatusOK, p.choose(owner, "unlink").Status)
	require.True(t, owner.SignedIn())
	require.False(t, came.SignedIn())
	require.False(t, other.SignedIn())
}
