package selfservice_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// However often a state comes back at once, the provider is asked once, and there
// is one person and one session; all who brought it are in.
func TestProviderManyReturnsAtOnce(t *testing.T) {
	p := withProvider(t, nil)
	for round, c := range []client{p.Browser(), p.SPA()} {
		asked, sessions := len(p.op.Requests(opsim.Token)), len(p.Rows()["sessions"])
		back, err := p.op.Approve(c.Submit(c.OpenKind([]string{"registration", "login"}[round], ""), by("op")).Elsewhere())
		require.NoError(t, err)
		const many = 64
		clients := make([]client, many)
		for n := range clients {
			clients[n] = c.Copy()
		}
		var wg sync.WaitGroup
		locations, statuses := make([]string, many), make([]int, many)
		for n, one := range clients {
			wg.Go(func() {
				req, err := http.NewRequest(http.MethodGet, back.To.String(), nil)
				if err != nil {
					return
				}
				req.Header.Set("Accept", "text/html")
				if a, err := one.Try(req); err == nil {
					statuses[n], locations[n] = a.Status, a.Header.Get("Location")
				}
			})
		}
		wg.Wait()
		for n, one := range clients {
			require.Equal(t, http.StatusSeeOther, statuses[n])
			require.Equal(t, "http://127.0.0.1:4455/", locations[n])
			require.True(t, one.SignedIn(), n)
		}
		require.Equal(t, 1, p.Identities())
		require.Equal(t, sessions+1, len(p.Rows()["sessions"]), "one session")
		require.Equal(t, asked+1, len(p.op.Requests(opsim.Token)), "the code was sent once")
	}
	require.Empty(t, p.op.Faults())
}

// A browser that goes back to where the provider sent it, or reloads that, sees
// how things stand, and nothing happens twice.
func TestProviderReturnAgain(t *testing.T) {
	p := withProvider(t, nil, withWebsite)
	c := p.Browser()
	f := c.OpenKind("login", "")
	back, err := p.op.Approve(c.Submit(f, by("op")).Elsewhere())
	require.NoError(t, err)
	first := c.Return(back)
	form := c.Landed("registration", first)
	before := p.Rows()
	require.Equal(t, first.Location(), c.Return(back).Location())
	require.Empty(t, p.Rows().Since(before), "nothing was written")
	require.Less(t, c.Submit(form, values{"provider": "op", "traits.email": "ada@example.com", "traits.website": "https://a.example.com", "traits.plan": "pro"}).Status, 400)
	require.True(t, c.SignedIn())
	require.Equal(t, "/", c.Return(back).Location().Path, "who is signed in goes on")

	c = p.Browser()
	p.op.SetLie(opsim.Named("back_denied"))
	f = c.OpenKind("login", "")
	back, err = p.op.Approve(c.Submit(f, by("op")).Elsewhere())
	require.NoError(t, err)
	for range 2 {
		f = c.Landed("login", c.Return(back))
		require.Equal(t, []int{4000001}, f.IDs(""))
		require.Contains(t, f.UI.Messages[0].Text, "cancelled or refused")
	}
	p.op.SetLie(opsim.Lie{})
	require.Equal(t, "/", c.Visit(p.op, c.Submit(f, by("op"))).Location().Path, "the flow can be used again")
}

// A trip has ten minutes, the flow it left from goes on.
func TestProviderTakesTooLong(t *testing.T) {
	p := withProvider(t, nil)
	for _, c := range []client{p.Browser(), p.SPA()} {
		f := c.OpenKind("registration", "")
		back, err := p.op.Approve(c.Submit(f, by("op")).Elsewhere())
		require.NoError(t, err)
		p.Clock.Advance(10*time.Minute + time.Second)
		f = c.Landed("registration", c.Return(back))
		require.Equal(t, []int{4000103}, f.IDs(""))
		require.Empty(t, p.op.Requests(opsim.Token))
	}
	require.Zero(t, p.Identities())
}

// A provider that is down is 502, and the flow can be used again.
func TestProviderDown(t *testing.T) {
	p := withProvider(t, nil)
	for _, c := range []client{p.Browser(), p.SPA()} {
		f := c.OpenKind("registration", "")
		back, err := p.op.Approve(c.Submit(f, by("op").With("traits.age", 30)).Elsewhere())
		require.NoError(t, err)
		p.op.SetLie(opsim.Named("token_500"))
		a := c.Return(back)
		require.Equal(t, "/error", a.Location().Path)
		stored := c.Get("/self-service/errors?id=" + a.Location().Query().Get("id")).JSON()["error"].(map[string]any)
		require.EqualValues(t, 502, stored["code"])
		require.Equal(t, "oidc_provider_unavailable", stored["id"])
		p.op.SetLie(opsim.Lie{})
		again := c.Landed("registration", c.Return(back))
		require.Equal(t, f.ID, again.ID, "the same return shows the form again")
		require.EqualValues(t, 30, again.Value("traits.age"))
		require.Equal(t, "/", c.Visit(p.op, c.Submit(again, by("op"))).Location().Path)
		require.True(t, c.SignedIn())
		c.SignOut()
		p.op.SetPerson(opsim.Eve)
	}
}

// The codes of an app work together, once, for ten minutes, and not for others.
func TestExchangeCodes(t *testing.T) {
	p := withProvider(t, nil)
	app := p.Native()
	f := app.OpenKind("login", "return_session_token_exchange_code=true&return_to=https://app.example.org/in")
	require.Len(t, f.ExchangeCode, 64)
	require.Empty(t, app.OpenKind("login", "").ExchangeCode)
	exchange := func(code, returned string) string {
		return tell(app, app.Get("/sessions/token-exchange?init_code="+code+"&return_to_code="+returned))
	}
	require.Equal(t, "404 session_token_exchange_not_found", exchange(f.ExchangeCode, f.ExchangeCode), "nobody is home yet")
	require.Equal(t, "400 session_token_exchange_codes_missing", exchange(f.ExchangeCode, ""))
	browser := p.Browser()
	back, err := p.op.Approve(app.Submit(f, by("op")).Elsewhere())
	require.NoError(t, err)
	a := browser.Return(back)
	to := a.Location()
	require.Equal(t, "https://app.example.org/in", to.Scheme+"://"+to.Host+to.Path)
	require.Empty(t, to.Query().Get("flow"))
	require.False(t, browser.SignedIn(), "the session is the app's")
	require.Empty(t, browser.Cookie("ory_kratos_session"))
	returned := to.Query().Get("code")
	require.Len(t, returned, 64)
	other := app.OpenKind("login", "return_session_token_exchange_code=true")
	for _, wrong := range [][2]string{{f.ExchangeCode, other.ExchangeCode}, {other.ExchangeCode, returned}, {returned, f.ExchangeCode}, {f.ExchangeCode[:63] + "-", returned}, {f.ExchangeCode, returned[:63]}} {
		require.Equal(t, "404 session_token_exchange_not_found", exchange(wrong[0], wrong[1]))
	}
	require.NotContains(t, fmtRows(p.Env), returned, "the database holds no code")
	var wg sync.WaitGroup
	got := make([]string, 32)
	for n := range got {
		wg.Go(func() {
			req, err := http.NewRequest(http.MethodGet, p.PublicURL+"/sessions/token-exchange?init_code="+f.ExchangeCode+"&return_to_code="+returned, nil)
			if err != nil {
				return
			}
			if a, err := p.Native().Try(req); err == nil {
				got[n] = string(rune('0'+a.Status/100)) + a.ErrorID()
			}
		})
	}
	wg.Wait()
	tokens := 0
	for _, one := range got {
		if one == "2" {
			tokens++
			continue
		}
		require.Equal(t, "4session_token_exchange_spent", one)
	}
	require.Equal(t, 1, tokens, "spent once")

	f = app.OpenKind("login", "return_session_token_exchange_code=true")
	a = app.Visit(p.op, app.Submit(f, by("op")))
	p.Clock.Advance(10*time.Minute + time.Second)
	require.Equal(t, "404 session_token_exchange_not_found", tell(app, app.Exchange(f, a)))

	f = app.OpenKind("login", "")
	require.Equal(t, "400 session_token_exchange_required", tell(app, app.Submit(f, by("op"))))
}

// What an app got from the provider itself counts once, with its nonce, in an
// app's flow.
func TestProviderIDToken(t *testing.T) {
	p := withProvider(t, nil, withWebsite)
	app, spa := p.Native(), p.SPA()
	token := p.op.Mint(opsim.ClientID, "a nonce of the app")
	sent := by("op").With("id_token", token).With("id_token_nonce", "a nonce of the app")
	for _, wrong := range []values{sent.With("id_token_nonce", "another"), sent.With("id_token", token[:len(token)-4]+"AAAA")} {
		require.Equal(t, "403 oidc_id_token_invalid", tell(app, app.Submit(app.OpenKind("login", ""), wrong)))
	}
	require.Equal(t, "400 oidc_id_token_nonce_missing", tell(app, app.Submit(app.OpenKind("login", ""), sent.Without("id_token_nonce"))))
	require.Equal(t, "400 oidc_id_token_unexpected", tell(spa, spa.Submit(spa.OpenKind("login", ""), sent)))
	a := app.Submit(app.OpenKind("login", ""), sent)
	require.Equal(t, http.StatusBadRequest, a.Status)
	f := app.ReadKind("registration", a.Flow().ID)
	require.Equal(t, []int{4000002}, f.IDs("traits.website"))
	require.Equal(t, "403 oidc_id_token_spent", tell(app, app.Submit(app.OpenKind("login", ""), sent)))
	app.Adopt(app.Submit(f, values{"provider": "op", "traits": map[string]any{"website": "https://a.example.com", "plan": "pro"}}))
	require.True(t, app.SignedIn())
	require.Contains(t, string(app.Whoami("").Body), "ada@example.com")
	app = p.Native()
	app.Adopt(app.Submit(app.OpenKind("registration", ""), sent.With("id_token", p.op.Mint(opsim.ClientID, "n")).With("id_token_nonce", "n")))
	require.True(t, app.SignedIn(), "known")
	require.Equal(t, 1, p.Identities())
	require.Empty(t, p.op.Requests(opsim.Token))
}

func fmtRows(env *enginetest.Env) string {
	out := ""
	for _, rows := range env.Rows() {
		for _, row := range rows {
			out += row + "\n"
		}
	}
	return out
}

// Who opens an app's flow and has another person go to the provider for it gets
// neither their session nor what the provider says of them: that is for who is
// handed the code.
func TestProviderLureIntoAnAppsFlow(t *testing.T) {
	p := withProvider(t, nil, withWebsite)
	for _, door := range []string{"registration", "login"} {
		mallory, victim := p.Native(), p.Browser()
		f := mallory.OpenKind(door, "return_session_token_exchange_code=true")
		back, err := p.op.Approve(mallory.Submit(f, by("op").With("traits.plan", "pro")).Elsewhere())
		require.NoError(t, err)
		a := victim.Return(back)
		code := a.Location().Query().Get("code")
		require.NotEmpty(t, code)
		require.Empty(t, a.Location().Query().Get("flow"), "no flow that knows the victim is named")
		for _, thief := range []client{mallory, p.Native()} {
			seen := thief.Get("/self-service/" + door + "/flows?id=" + f.ID)
			require.NotContains(t, string(seen.Body), "ada@example.com")
			require.NotContains(t, string(seen.Body), "1040003")
		}
		rest := by("op").With("traits.website", "https://m.example.com").With("traits.plan", "pro")
		if door == "login" {
			rest = by("op")
		}
		require.Equal(t, http.StatusUnprocessableEntity, mallory.Submit(f, rest).Status, "it only leads to the provider again")
		require.Equal(t, "404 session_token_exchange_not_found", tell(mallory, mallory.Get("/sessions/token-exchange?init_code="+f.ExchangeCode+"&return_to_code="+f.ExchangeCode)))
		require.Zero(t, p.Identities())
	}
}

// Whoever is lured to a provider by the flow of somebody else's app changes nothing by
// coming back: no account is made, linked or taken over, no session ends, no hook
// runs, before the app shows the code that the browser was handed.
func TestProviderLureChangesNothing(t *testing.T) {
	two, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(two.Close)
	trusted := map[string]any{"authoritative_for": []string{"*"}, "account_linking_mode": "both_verified"}
	p := withProvider(t, trusted, enginetest.WithProvider("two", two, nil), enginetest.WithVerification(), enginetest.WithRecovery())
	const app = "return_session_token_exchange_code=true"
	lured := func(f *enginetest.Flow, mallory, victim client, v values) {
		t.Helper()
		a := mallory.Submit(f, v)
		before := p.Rows()
		back, err := p.op.Approve(a.Elsewhere())
		require.NoError(t, err)
		require.NotEmpty(t, victim.Return(back).Location().Query().Get("code"))
		require.Regexp(t, `^(flows\S* ?)+$`, changed(p.Env, before), "the flow alone knows of it")
		require.Equal(t, "404 session_token_exchange_not_found", tell(mallory, mallory.Get("/sessions/token-exchange?init_code="+f.ExchangeCode+"&return_to_code="+f.ExchangeCode)))
	}

	// A login that links the thief's account at a provider to the victim's.
	victim, mallory := p.Browser(), p.Native()
	victim.SignUp(enginetest.Person("ada@example.com"))
	proveOwn(t, p.Env, victim, "ada@example.com")
	require.Equal(t, []int{1050001}, victim.Landed("settings", victim.Visit(p.op, victim.Submit(victim.OpenKind("settings", ""), values{"link": "op"}))).IDs(""))
	two.SetPerson(opsim.Person{"sub": "evil", "email": "ada@example.com"})
	token := func() values {
		nonce := fmt.Sprint(time.Now().UnixNano())
		return by("two").With("id_token", two.Mint(opsim.ClientID, nonce)).With("id_token_nonce", nonce)
	}
	a := mallory.Submit(mallory.OpenKind("login", app), token())
	f := mallory.ReadKind("login", a.Flow().ID)
	require.Equal(t, []int{1010016}, f.IDs(""))
	lured(f, mallory, p.Browser(), by("op"))
	require.NotContains(t, fmt.Sprint(p.Rows()["credentials"]), "two:evil")
	require.Equal(t, http.StatusBadRequest, mallory.Submit(mallory.OpenKind("login", app), token()).Status, "not linked")

	// A registration with the thief's address beside the victim's provider.
	p.op.SetPerson(opsim.Person{"sub": "new", "email": "new@example.com", "email_verified": true})
	lured(mallory.OpenKind("registration", app), mallory, p.Browser(), by("op").With("traits.email", "mallory@example.com"))
	require.Equal(t, 1, p.Identities())
	require.Empty(t, p.Inbox("mallory@example.com"))

	// An account of the victim that could be taken over.
	own := p.Browser()
	own.SignUp(enginetest.Person("new@example.com"))
	lured(mallory.OpenKind("login", app), mallory, p.Browser(), by("op"))
	require.True(t, own.SignedIn())
}

// The code that a browser is handed is for that browser alone: neither a return of
// before, nor one that is sent again, nor one that is made up tells it.
func TestProviderLureForTheCode(t *testing.T) {
	p := withProvider(t, nil)
	mallory, thief, victim := p.Native(), p.Browser(), p.Browser()
	f := mallory.OpenKind("login", "return_session_token_exchange_code=true&return_to=https://app.example.org/in")
	p.op.SetPerson(opsim.Eve)
	first := arrival(t, p, mallory.Submit(f, by("op")))
	old := thief.Return(first).Location().Query().Get("code")
	require.NotEmpty(t, old)

	p.op.SetPerson(opsim.Ada)
	sent := mallory.Submit(f, by("op")).Elsewhere()
	back, err := p.op.Approve(sent)
	require.NoError(t, err)
	exchange := func(code string) string {
		return tell(mallory, mallory.Get("/sessions/token-exchange?init_code="+f.ExchangeCode+"&return_to_code="+code))
	}
	require.Equal(t, "404 session_token_exchange_not_found", exchange(old), "the code of before, while somebody is away")
	handed := victim.Return(back).Location().Query().Get("code")
	require.NotEqual(t, old, handed)
	require.Equal(t, "404 session_token_exchange_not_found", exchange(old))
	state := back.To.Query().Get("state")
	made := state[:len(state)-4] + "AAAA"
	for _, again := range []string{
		back.To.String(), first.To.String(), strings.Replace(back.To.String(), state, made, 1),
		p.PublicURL + back.To.Path + "?state=" + state, p.PublicURL + back.To.Path + "?error=access_denied&state=" + state,
	} {
		a := thief.Navigate(again)
		require.Empty(t, a.Location().Query().Get("code"), again)
		require.NotContains(t, string(a.Body), handed)
	}
	for range 2 {
		require.NotContains(t, string(mallory.Get("/self-service/login/flows?id="+f.ID).Body), handed)
	}
	require.Equal(t, "200", exchange(handed)[:3], "who has both gets it still")
}

// What codes were exchanged for is had by nobody again: not by a form that says the
// same, not by the codes once the flow has led to another.
func TestExchangeLeavesNothing(t *testing.T) {
	p := withProvider(t, nil, withWebsite)
	app := p.Native()
	const query = "return_session_token_exchange_code=true"
	f := app.OpenKind("login", query)
	a := app.Visit(p.op, app.Submit(f, by("op")))
	first := app.Exchange(f, a)
	require.Equal(t, http.StatusUnprocessableEntity, first.Status)
	again := app.Exchange(f, a)
	require.Equal(t, http.StatusUnprocessableEntity, again.Status)
	require.Equal(t, first.Flow().ID, again.Flow().ID, "the same flow to go on with")
	led := app.ReadKind("registration", first.Flow().ID)
	done := app.Submit(led, values{"provider": "op", "traits": map[string]any{"website": "https://a.example.com", "plan": "pro"}})
	require.Equal(t, http.StatusOK, done.Status, "%s", done.Body)
	require.NotEqual(t, http.StatusOK, app.Exchange(f, a).Status)
	require.Len(t, p.Rows()["sessions"], 1)

	f = app.OpenKind("login", query)
	a = app.Visit(p.op, app.Submit(f, by("op")))
	require.Equal(t, http.StatusOK, p.Native().Exchange(f, a).Status)
	code := a.Location().Query().Get("code")
	for _, v := range []values{{"method": "oidc", "return_to_code": code}, {"method": "oidc", "return_to_code": code, "provider": "op"}} {
		require.Equal(t, "400 form 4010007", tell(app, app.Submit(f, v)))
	}
	require.Len(t, p.Rows()["sessions"], 2)
}

// changed lists the tables whose rows are not as they were before.
func changed(env *enginetest.Env, before enginetest.Rows) string {
	var tables []string
	for table, rows := range env.Rows() {
		if !slices.Equal(rows, before[table]) {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return strings.Join(tables, " ")
}

// The browser of an app may be signed in here itself: that is nothing to the app,
// and nothing is taken from the browser.
func TestProviderOfAnAppInABrowserThatIsSignedIn(t *testing.T) {
	p := withProvider(t, nil)
	browser := p.Browser()
	p.come(browser, "login", "")
	for _, query := range []string{"", "&refresh=true"} {
		for _, door := range []string{"login", "registration"} {
			app := p.Native()
			if query != "" {
				if door == "registration" {
					continue
				}
				f := app.OpenKind("login", "return_session_token_exchange_code=true")
				app.Exchange(f, app.Visit(p.op, app.Submit(f, by("op"))))
				require.True(t, app.SignedIn())
			}
			f := app.OpenKind(door, "return_session_token_exchange_code=true"+query)
			back, err := p.op.Approve(app.Submit(f, by("op")).Elsewhere())
			require.NoError(t, err)
			a := browser.Return(back)
			require.NotEmpty(t, a.Location().Query().Get("code"))
			require.Equal(t, http.StatusOK, app.Exchange(f, a).Status)
			require.True(t, app.SignedIn())
			require.True(t, browser.SignedIn(), "as before")
		}
	}
	require.Equal(t, 1, p.Identities())
}

// What goes wrong on the way home is for the app to hear, too.
func TestProviderFailsAnApp(t *testing.T) {
	p := withProvider(t, nil)
	app, browser := p.Native(), p.Browser()
	f := app.OpenKind("login", "return_session_token_exchange_code=true&return_to=https://app.example.org/in")
	p.op.SetLie(opsim.Named("token_500"))
	a := browser.Return(arrival(t, p, app.Submit(f, by("op"))))
	require.Equal(t, "app.example.org", a.Location().Host)
	require.Equal(t, "oidc_provider_unavailable", a.Location().Query().Get("error"))
	p.op.SetLie(opsim.Lie{})
	back := arrival(t, p, app.Submit(f, by("op")))
	p.Clock.Advance(2 * time.Hour)
	a = browser.Return(back)
	require.Equal(t, "app.example.org", a.Location().Host)
	require.Empty(t, a.Location().RawQuery)
	require.Equal(t, "410 self_service_flow_expired", tell(app, app.Get("/self-service/login/flows?id="+f.ID)))
}

func arrival(t *testing.T, p *provided, a answer) *opsim.Arrival {
	t.Helper()
	back, err := p.op.Approve(a.Elsewhere())
	require.NoError(t, err)
	return back
}

// An id_token that was made before its owner was asked to prove again that it is
// them proves nothing of the kind.
func TestProviderRefreshByAnOldIDToken(t *testing.T) {
	p := withProvider(t, nil)
	app := p.Native()
	f := app.OpenKind("login", "return_session_token_exchange_code=true")
	app.Exchange(f, app.Visit(p.op, app.Submit(f, by("op"))))
	old := p.op.Mint(opsim.ClientID, "n")
	p.Clock.Advance(4 * time.Minute)
	f = app.OpenKind("login", "refresh=true")
	require.Equal(t, "403 oidc_id_token_invalid", tell(app, app.Submit(f, by("op").With("id_token", old).With("id_token_nonce", "n"))))
}

// An app cannot link: its browser has no session to link for.
func TestProviderLinkOfAnApp(t *testing.T) {
	p := withProvider(t, nil)
	app := p.Native()
	app.SignUp(enginetest.Person("bob@example.com"))
	require.Equal(t, "400 oidc_link_needs_browser", tell(app, app.Submit(app.OpenKind("settings", ""), values{"link": "op"})))
}
