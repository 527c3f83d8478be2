package selfservice_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/opsim"
)

// Where registration is closed nobody comes to be by the door of signing in, and
// who is known still signs in; who has an account still links.
func TestProviderRegistrationClosed(t *testing.T) {
	p := withProvider(t, nil, enginetest.With("selfservice.flows.registration.enabled", false))
	for _, c := range p.Clients() {
		f := c.OpenKind("login", "return_session_token_exchange_code=true")
		a := c.Visit(p.op, c.Submit(f, by("op")))
		if c.Kind == enginetest.Native {
			f = c.Unfinished("login", f, a)
		} else {
			f = c.Landed("login", a)
		}
		require.Equal(t, []int{4000106}, f.IDs(""))
		require.False(t, c.SignedIn())
	}
	require.Zero(t, p.Identities())
	a := p.Admin(http.MethodPost, "/admin/identities", map[string]any{
		"schema_id": "default", "traits": map[string]any{"email": "ada@example.com"},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": "a good long Passphrase 9"}}},
	})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	c := p.Browser()
	f := c.Landed("login", p.come(c, "login", ""))
	require.Equal(t, []int{1010016}, f.IDs(""))
	require.Less(t, c.Submit(f, enginetest.Credentials("ada@example.com")).Status, 400)
	c.SignOut()
	p.come(c, "login", "")
	require.True(t, c.SignedIn())
	require.Equal(t, 1, p.Identities())
}

// Under stealth a taken address that the provider does not prove is answered, and
// leaves rows, like a free one; what differs is in the mail.
func TestProviderStealth(t *testing.T) {
	p := withProvider(t, map[string]any{"authoritative_for": []string{"proved.example.com"}}, enginetest.WithStealth())
	made := p.Admin(http.MethodPost, "/admin/identities", map[string]any{"schema_id": "default", "traits": map[string]any{"email": "owned@example.com"}})
	require.Equal(t, http.StatusCreated, made.Status)
	seen := map[string][]string{}
	for _, email := range []string{"owned@example.com", "freed@example.com"} {
		c := p.Browser()
		p.op.SetPerson(opsim.Person{"sub": email, "email": email, "email_verified": true})
		before := p.Rows()
		a := p.come(c, "registration", "")
		f := c.Landed("registration", a)
		require.Equal(t, "sent_email", f.State)
		require.Equal(t, []int{1040005}, f.IDs(""))
		for table, list := range p.Rows() {
			if n := len(list) - len(before[table]); n != 0 {
				seen[email] = append(seen[email], fmt.Sprint(table, n))
			}
		}
		slices.Sort(seen[email])
		p.Deliver()
		mails := p.Inbox(email)
		require.Len(t, mails, 1)
		if email == "freed@example.com" {
			require.Less(t, c.Submit(f, enginetest.Values{"method": "code", "code": mails[0].Code()}).Status, 400)
			require.True(t, c.SignedIn())
			c.SignOut()
			p.come(c, "login", "")
			require.True(t, c.SignedIn(), "the provider is linked")
		}
	}
	require.NotEmpty(t, seen["owned@example.com"])
	require.Equal(t, seen["owned@example.com"], seen["freed@example.com"])
	require.Equal(t, 2, p.Identities())

	p.op.SetPerson(opsim.Person{"sub": "x", "email": "x@proved.example.com", "email_verified": true})
	c := p.Browser()
	p.come(c, "registration", "")
	require.True(t, c.SignedIn(), "what the provider proves needs no code")
}

// The hooks are those of the flow that it has become.
func TestProviderHooks(t *testing.T) {
	p := withProvider(t, nil, enginetest.WithVerification(),
		enginetest.With("selfservice.flows.login.after.oidc.hooks", []map[string]any{{"hook": "require_verified_address"}}))
	c := p.SPA()
	p.come(c, "login", "")
	require.True(t, c.SignedIn(), "a registration, by its hooks")
	c.SignOut()
	a := p.come(c, "registration", "")
	require.Equal(t, "/verification", a.Location().Path, "a login, by its hooks")
	require.False(t, c.SignedIn())
	require.NotEmpty(t, p.Inbox("ada@example.com"), "our own code is sent to what the provider does not prove")
}

// Equal subjects at two providers are two people, and so is the subject of another
// issuer under the same id.
func TestProviderSubjects(t *testing.T) {
	other, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(other.Close)
	p := withProvider(t, nil, enginetest.WithProvider("other", other, nil))
	p.op.SetPerson(opsim.Person{"sub": "1", "email": "one@example.com"})
	other.SetPerson(opsim.Person{"sub": "1", "email": "two@example.com"})
	c := p.SPA()
	p.come(c, "registration", "")
	require.Contains(t, string(c.Whoami("").Body), "one@example.com")
	c.SignOut()
	c.Visit(other, c.Submit(c.OpenKind("registration", ""), by("other")))
	require.Contains(t, string(c.Whoami("").Body), "two@example.com")
	c.SignOut()
	require.Equal(t, 2, p.Identities())

	f := c.OpenKind("login", "")
	back, err := p.op.Approve(c.Submit(f, by("op")).Elsewhere())
	require.NoError(t, err)
	back.To.Path = "/self-service/methods/oidc/callback/other"
	require.Equal(t, "/error", c.Return(back).Location().Path)
	require.Len(t, other.Requests(opsim.Token), 1, "no code goes to another provider")

	p.Exec(`UPDATE credentials SET config = replace(config, ?, 'https://before.example.com') WHERE type = 'oidc'`, p.op.Issuer())
	f = c.Landed("login", p.come(c, "login", ""))
	require.Equal(t, []int{4000104}, f.IDs(""), "the subject of another issuer")
	require.False(t, c.SignedIn())
}

// Forms in two steps have the buttons in both, and what was typed in the first
// stands beside what the provider says.
func TestProviderInTwoSteps(t *testing.T) {
	p := withProvider(t, nil, withWebsite, enginetest.With("selfservice.flows.registration.style", "profile_first"), enginetest.With("selfservice.flows.login.style", "identifier_first"))
	for n, c := range p.Clients() {
		email := string(rune('a'+n)) + "@example.com"
		p.op.SetPerson(opsim.Person{"sub": email, "email": email})
		query := ""
		if c.Kind == enginetest.Native {
			query = "return_session_token_exchange_code=true"
		}
		f := c.OpenKind("registration", query)
		require.Equal(t, 1040002, f.Node("provider").Meta.Label.ID)
		f = c.Say(f, values{"method": "profile", "traits.email": email, "traits.website": "https://a.example.com", "traits.plan": "pro"})
		require.Equal(t, []int{1040009}, f.IDs(""))
		require.Equal(t, 1040002, f.Node("provider").Meta.Label.ID)
		a := c.Visit(p.op, c.Submit(f, by("op")))
		if c.Kind == enginetest.Native {
			require.Equal(t, http.StatusOK, c.Exchange(f, a).Status)
		}
		require.True(t, c.SignedIn(), "%s", a.Location())
		require.Contains(t, string(c.Whoami("").Body), `"website":"https://a.example.com"`)
		c.SignOut()
		f = c.OpenKind("login", query)
		require.Equal(t, 1010002, f.Node("provider").Meta.Label.ID)
		f = c.Say(f, values{"method": "identifier_first", "identifier": email})
		require.Equal(t, 1010002, f.Node("provider").Meta.Label.ID)
		a = c.Visit(p.op, c.Submit(f, by("op")))
		if c.Kind == enginetest.Native {
			require.Equal(t, http.StatusOK, c.Exchange(f, a).Status)
		}
		require.True(t, c.SignedIn())
		c.SignOut()
	}
	require.Equal(t, 3, p.Identities())
}

// Hooks before a flow hear of one that is crossed into like of any other.
func TestProviderCrossingIsHeardOf(t *testing.T) {
	r, err := hooksim.Start()
	require.NoError(t, err)
	t.Cleanup(r.Close)
	hook := map[string]any{"hook": "web_hook", "config": map[string]any{"id": "before", "url": r.URL(""), "method": "POST", "response": map[string]any{"ignore": true}}}
	p := withProvider(t, nil, withWebsite, enginetest.With("selfservice.flows.registration.before.hooks", []any{hook}))
	c := p.Browser()
	c.OpenKind("registration", "")
	before := len(p.Rows()["messages"])
	require.Equal(t, 1, before)
	c.Landed("registration", p.come(c, "login", ""))
	require.Equal(t, 1, len(p.Rows()["messages"])-before)
}

// What a provider claims is bounded like what people type.
func TestProviderClaimsTooMuch(t *testing.T) {
	fields, mapped := "", map[string]any{"email": "email"}
	for n := range 8 {
		fields += fmt.Sprintf(`"t%d": {"type": "string"}, `, n)
		mapped[fmt.Sprint("t", n)] = "raw_claims.long"
	}
	p := withProvider(t, map[string]any{"mapping": map[string]any{"traits": mapped}},
		enginetest.WithSchema(strings.Replace(enginetest.PersonSchema, `"newsletter":`, fields+`"newsletter":`, 1)))
	p.op.SetPerson(opsim.Person{"sub": "1", "email": "a@example.com", "long": strings.Repeat("x", 9<<10)})
	c := p.Browser()
	a := p.come(c, "registration", "")
	require.Equal(t, "/error", a.Location().Path)
	require.Zero(t, p.Identities())
}

// What a provider has said counts for as long as it is configured, as the issuer
// it was.
func TestProviderTakenAway(t *testing.T) {
	dsn := "sqlite://" + filepath.Join(t.TempDir(), "foyer.sqlite")
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	other, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(other.Close)
	var unfinished, linking *enginetest.Flow
	t.Run("there", func(t *testing.T) {
		env := enginetest.New(t, enginetest.WithProvider("op", op, nil), withWebsite, enginetest.WithDSN(dsn))
		app := env.Native()
		f := app.OpenKind("login", "return_session_token_exchange_code=true")
		unfinished = app.Unfinished("registration", f, app.Visit(op, app.Submit(f, by("op"))))
		app.SignUp(enginetest.Person("eve@example.com").With("traits.website", "https://e.example.com").With("traits.plan", "pro"))
		op.SetPerson(opsim.Person{"sub": "eve", "email": "eve@example.com"})
		app.SignOut()
		f = app.OpenKind("login", "return_session_token_exchange_code=true")
		linking = app.Unfinished("login", f, app.Visit(op, app.Submit(f, by("op"))))
		require.Equal(t, []int{1010016}, linking.IDs(""))
	})
	for name, option := range map[string]enginetest.Option{
		"another issuer": enginetest.WithProvider("op", other, nil), "another provider": enginetest.WithProvider("other", other, nil),
		"none": enginetest.With("selfservice.methods.oidc.enabled", false),
	} {
		t.Run(name, func(t *testing.T) {
			env := enginetest.New(t, option, withWebsite, enginetest.WithDSN(dsn))
			app := env.Native()
			f := app.ReadKind("registration", unfinished.ID)
			require.NotNil(t, f.Node("password"), "every way that there is")
			require.NotContains(t, fmt.Sprint(f.UI.Nodes), "ada@example.com")
			a := app.Submit(f, by("op").With("traits.website", "https://a.example.com").With("traits.plan", "pro"))
			require.GreaterOrEqual(t, a.Status, 400, "%s", a.Body)
			require.Equal(t, 1, env.Identities())
			f = app.ReadKind("login", linking.ID)
			require.Empty(t, f.IDs(""))
		})
	}
}

// A second account at a provider is not offered, and not taken.
func TestProviderLinkedAlready(t *testing.T) {
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	p := withProvider(t, nil, enginetest.WithProvider("more", op, nil))
	c := p.SPA()
	p.come(c, "registration", "")
	require.Equal(t, []int{4000001}, c.Say(c.OpenKind("settings", ""), values{"link": "op"}).IDs(""))
}

// A login that links goes on linking once its time has run out.
func TestProviderLinkSurvivesExpiry(t *testing.T) {
	p := withProvider(t, nil)
	c := p.SPA()
	c.SignUp(enginetest.Person("ada@example.com"))
	c.SignOut()
	f := c.Landed("login", p.come(c, "login", ""))
	p.Clock.Advance(2 * time.Hour)
	a := c.Submit(f, enginetest.Credentials("ada@example.com"))
	require.Equal(t, "410 self_service_flow_expired", tell(c, a))
	f = c.ReadKind("login", a.JSON()["use_flow_id"].(string))
	require.Less(t, c.Submit(f, enginetest.Credentials("ada@example.com")).Status, 400)
	require.Contains(t, fmt.Sprint(p.Rows()["credentials"]), "op:ada")
}
