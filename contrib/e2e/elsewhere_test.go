package e2e_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// callback is where the provider "house" sends people back to.
const callback = "/self-service/methods/oidc/callback/house"

// withHouse starts a program to which people can come by a provider, here called
// "house", of which it takes the address and believes it; and by another one, "garden",
// that is closed. More are further keys of the house's configuration.
func withHouse(t *testing.T, begin func(*testing.T, ...string) upstream, more map[string]any, options ...option) (*program, upstream) {
	t.Helper()
	p := prepare(t, "http", append([]option{accounts}, options...)...)
	u := begin(t, p.Public+callback)
	house := map[string]any{
		"id": "house", "label": "The House", "provider": "generic", "issuer_url": u.Issuer, "client_id": u.ClientID, "client_secret": u.ClientSecret,
		"mapping": map[string]any{"traits": map[string]any{"email": "email"}}, "authoritative_for": []string{"*"},
	}
	if u.FromUserInfo {
		house["claims_source"] = "userinfo"
	}
	garden := maps.Clone(house)
	maps.Copy(garden, map[string]any{"id": "garden", "label": "The Garden", "issuer_url": fmt.Sprintf("http://127.0.0.1:%d", freePorts(t, 1)[0])})
	maps.Copy(house, more)
	with("selfservice.methods.oidc", map[string]any{"enabled": true, "config": map[string]any{"providers": []any{house, garden}}})(p)
	with("selfservice.flows.registration.after.oidc.hooks", []map[string]any{{"hook": "session"}})(p)
	p.run()
	return p, u
}

const byHouse = `button[name="provider"][value="house"]`

// goes presses the button of the house, says there who they are, and comes back.
func (b *browser) goes(u upstream, button string) {
	b.t.Helper()
	b.click(button, 1)
	b.until(fmt.Sprintf("location.origin === %q", u.Issuer))
	for _, name := range []string{"username", "login", "password"} {
		if typed, asked := u.Form[name]; asked {
			b.fill(name, typed)
		}
	}
	b.enter()
	if u.Consents {
		b.until(`!document.querySelector("[name=password]") && document.querySelector("button[type=submit]")`)
		b.click("button[type=submit]", 1)
	}
}

// leaves signs out.
func (b *browser) leaves() {
	b.t.Helper()
	b.visit(b.p.UI + "/")
	b.click(`a[href*="/self-service/logout?"]`, 1)
	b.says("You are not signed in")
}

func heading(words string) string {
	return fmt.Sprintf(`document.querySelector("h1")?.innerText === %q`, words)
}

// What a person does who has an account elsewhere, over a year.
func TestBrowserComesFromElsewhere(t *testing.T) {
	p, u := withHouse(t, zitadel, nil)
	p.withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/registration")
	b.lands("/registration")
	b.shoot("01-sign-up")
	b.goes(u, byHouse)

	b.until(heading("Almost done"))
	b.lands("/registration")
	b.shoot("02-missing")
	require.Equal(t, u.Email, b.value("traits.email"), "what the house has said is there")
	require.True(t, b.invalid("traits.name.first"))
	require.True(t, b.near("traits.name.first"))
	require.Contains(t, b.beside("traits.name.first"), "missing", "nobody has typed anything yet")
	require.Empty(t, p.people())
	b.fill("traits.name.last", "Lovelace")
	b.fill("traits.age", "7")
	b.enter()
	b.until(field("traits.age") + `?.getAttribute("aria-invalid") === "true"`)
	b.shoot("03-still-missing")
	require.Equal(t, "Lovelace", b.value("traits.name.last"), "what was typed is still there")
	require.Equal(t, "7", b.value("traits.age"))
	require.Equal(t, u.Email, b.value("traits.email"))
	b.fill("traits.name.first", "Ada")
	b.fill("traits.age", "36")
	b.enter()
	b.welcomed(u.Email)
	require.Contains(t, b.text(), "Signed in with\nHouse")
	require.NotContains(t, b.text(), "Not verified")
	require.EqualValues(t, 1, u.Exchanges.Load(), "the house is asked once")

	b.leaves()
	b.visit(p.UI + "/login")
	b.lands("/login")
	b.shoot("05-sign-in")
	b.goes(u, byHouse)
	b.welcomed(u.Email)

	b.keepsAWayIn(u)
	b.linksWithPassword(u)
	require.Equal(t, []string{u.Email}, p.people(), "all of it is one person")
}

// keepsAWayIn unlinks the house, and links it again, which is possible once there is
// a password.
func (b *browser) keepsAWayIn(u upstream) {
	b.t.Helper()
	b.visit(b.p.UI + "/settings")
	b.lands("/settings")
	b.shoot("06-the-only-way-in")
	require.False(b.t, eval[bool](b, `!!document.querySelector("[name=unlink], [name=link][value=house]")`))
	eval[chromedp.Void](b, `(f => { const i = document.createElement("input"); i.type = "hidden"; i.name = "unlink"; i.value = "house"; f.append(i); f.querySelectorAll("[name^=traits]").forEach(e => e.remove()); HTMLFormElement.prototype.submit.call(f) })(document.querySelector("form")), undefined`)
	b.says("This is the only way to sign in to your account.")
	b.shoot("07-the-last-stays")

	b.fill("password", goodPassword)
	b.enter()
	b.says("Your changes have been saved")
	b.click(`button[name="unlink"][value="house"]`, 1)
	b.until(`document.querySelector("button[name=link][value=house]")`)
	b.says("Your changes have been saved")
	b.shoot("08-unlinked")
	b.goes(u, `button[name="link"][value="house"]`)
	b.until(`document.querySelector("button[name=unlink][value=house]")`)
	b.says("Your changes have been saved")
	b.click(`button[name="unlink"][value="house"]`, 1)
	b.until(`document.querySelector("button[name=link][value=house]")`)
	b.leaves()
}

// linksWithPassword comes from the house with an address that somebody has, and
// proves with a password that it is them.
func (b *browser) linksWithPassword(u upstream) {
	b.t.Helper()
	b.visit(b.p.UI + "/registration")
	b.goes(u, byHouse)
	b.until(heading("You have an account already"))
	b.lands("/login")
	b.shoot("09-taken")
	b.says("The House is linked to it")
	require.Equal(b.t, u.Email, b.value("identifier"))
	require.Equal(b.t, "Sign in and link", eval[string](b, `document.querySelector("button.primary").innerText`))
	link := b.flow()
	b.fill("password", otherPassword)
	b.enter()
	b.until(`document.querySelector("[role=alert]")`)
	b.until(heading("You have an account already"))
	b.shoot("10-wrong-password")

	b.click(`.aside a[href^="/login"]`, 1)
	b.until(heading("Sign in"))
	require.NotEqual(b.t, link, b.flow(), "one can sign in without linking")
	b.visit(b.p.UI + "/login?flow=" + link)
	b.fill("password", goodPassword)
	b.enter()
	b.welcomed(u.Email)
	b.leaves()
	b.visit(b.p.UI + "/login")
	b.goes(u, byHouse)
	b.welcomed(u.Email)
}

// A house that posts its answer from its own site, as Apple does: the browser sends
// no cookie with that.
func TestBrowserIsPostedBack(t *testing.T) {
	p, u := withHouse(t, zitadel, wholePerson)
	p.withUI()
	set(p.house(), "auth_url", u.Issuer+"/auth?response_mode=form_post")
	p.restart()
	b := newBrowser(t, p)
	for _, door := range []string{"/registration", "/login"} {
		b.visit(p.UI + door)
		b.goes(u, byHouse)
		b.isIn(u.Email)
		require.Equal(t, []string{u.Email}, p.people())
		b.leaves()
	}
	require.Equal(t, 2, strings.Count(p.running.out.String(), `"method":"POST","route":"/self-service/methods/oidc/callback/:provider","status":303`))

	u.Down.Store(true)
	b.visit(p.UI + "/login")
	b.lands("/login")
	form := eval[string](b, "location.href")
	b.goes(u, byHouse)
	b.lands("/error")
	b.until(heading("The other site does not answer"))
	b.shoot("1-down")
	u.Down.Store(false)
	b.visit(form)
	b.goes(u, byHouse)
	b.isIn(u.Email)
}

// wholePerson is a mapping that leaves nothing to ask.
var wholePerson = map[string]any{"mapping": map[string]any{"traits": map[string]any{"email": "email", "name.first": "given_name"}}}

// house is its configuration.
func (p *program) house() map[string]any {
	return p.Config["selfservice"].(map[string]any)["methods"].(map[string]any)["oidc"].(map[string]any)["config"].(map[string]any)["providers"].([]any)[0].(map[string]any)
}

// Who says no at the house comes back to the form; and who finds it closed finds the
// form as it was.
func TestBrowserRefusedElsewhere(t *testing.T) {
	p, u := withHouse(t, certified, wholePerson)
	p.withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/login")
	b.click(byHouse, 1)
	b.until(fmt.Sprintf("location.origin === %q", u.Issuer))
	b.click(`a[href$="/abort"]`, 1)
	b.lands("/login")
	b.until(`document.querySelector("[role=alert]")`)
	b.shoot("1-refused")
	require.Empty(t, p.people())

	b.goes(u, byHouse)
	b.isIn(u.Email)
	require.Equal(t, []string{u.Email}, p.people())
	b.leaves()
	b.visit(p.UI + "/login")
	b.lands("/login")
	form := eval[string](b, "location.href")
	b.fill("identifier", "somebody@example.org")
	b.click(`button[name="provider"][value="garden"]`, 1)
	b.lands("/error")
	b.until(heading("The other site does not answer"))
	b.shoot("2-closed")
	b.visit(form)
	b.click(byHouse, 1) // which knows who they are by now
	b.isIn(u.Email)
}
