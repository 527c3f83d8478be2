package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// accounts has people sign in, recover and change their accounts, besides what
// verifying does.
func accounts(p *program) {
	verifying(p)
	with("selfservice.flows.login.ui_url", p.UI+"/login")(p)
	with("selfservice.flows.recovery", map[string]any{"enabled": true, "ui_url": p.UI + "/recovery"})(p)
	with("selfservice.flows.settings", map[string]any{"ui_url": p.UI + "/settings", "privileged_session_max_age": "15m",
		"after": map[string]any{"profile": map[string]any{"hooks": []map[string]any{{"hook": "show_verification_ui"}}}}})(p)
}

const otherPassword = "eleven quiet harbours"

// signsIn fills in the form for signing in, and sends it.
func (b *browser) signsIn(email, password string) {
	b.t.Helper()
	b.lands("/login")
	b.fill("identifier", email)
	b.fill("password", password)
	b.click(submitButton, 1)
}

// proves types the newest code that was sent to an address.
func (b *browser) proves(email string) {
	b.t.Helper()
	b.typing()
	b.press(b.p.inbox(email)[0].code())
	b.enter()
}

func (b *browser) says(words string) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.body.innerText.includes(%q)", words))
}

// What a person does with an account in its first year, on a computer and a phone.
func TestBrowserAccount(t *testing.T) {
	const old, now = "ada@example.org", "ada.lovelace@example.org"
	p := start(t, accounts).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/")
	b.says("You are not signed in")
	b.shoot("01-welcome")
	b.registers(old)
	b.proves(old)
	b.says("Your address is verified")
	b.click("a.button.primary", 1)
	b.welcomed(old)
	b.shoot("02-signed-in")
	b.click(`a[href*="/self-service/logout?"]`, 1)
	b.says("You are not signed in")

	b.click(`a[href="/login"]`, 1)
	b.lands("/login")
	b.shoot("03-login")
	b.signsIn(old, otherPassword)
	b.until(`document.activeElement.getAttribute("role") === "alert"`)
	b.shoot("04-login-wrong")
	require.Equal(t, old, b.value("identifier"), "what was typed is still there")
	require.Empty(t, b.value("password"))
	b.fill("password", goodPassword)
	b.enter()
	b.welcomed(old)

	phone := b.tab(true)
	phone.visit(p.UI + "/login")
	phone.click(`a[href="/recovery"]`, 1)
	phone.lands("/recovery")
	phone.shoot("05-recovery")
	phone.fill("email", old)
	phone.enter()
	phone.says("Check your messages")
	phone.shoot("06-recovery-code")
	phone.typing()
	phone.press(p.inbox(old)[0].wrong())
	phone.enter()
	phone.until(`document.activeElement.getAttribute("role") === "alert"`)
	phone.shoot("07-recovery-wrong")
	phone.fill("code", p.inbox(old)[0].code())
	phone.enter()
	phone.lands("/settings")
	phone.shoot("08-recovered")
	require.Equal(t, "password", eval[string](phone, `document.querySelector("form input:not([type=hidden])").name`), "what there is to do comes first")
	phone.fill("password", "short")
	phone.enter()
	phone.until(`document.activeElement.getAttribute("role") === "alert"`)
	phone.shoot("09-password-refused")
	phone.fill("password", otherPassword)
	phone.enter()
	phone.says("Your changes have been saved")
	phone.shoot("10-password-saved")
	b.visit(p.UI + "/")
	b.says("You are not signed in")
	b.visit(p.UI + "/login")
	b.signsIn(old, goodPassword)
	b.until(`document.querySelector("[role=alert]")`)
	b.fill("password", otherPassword)
	b.enter()
	b.welcomed(old)

	b.changesAddress(old, now)

	phone.visit(p.UI + "/login")
	phone.signsIn(old, otherPassword)
	phone.until(`document.querySelector("[role=alert]")`)
	phone.fill("identifier", now)
	phone.fill("password", otherPassword)
	phone.enter()
	phone.welcomed(now)
	b.visit(p.UI + "/")
	b.until(`document.querySelector(".sessions button")`)
	b.shoot("15-devices")
	b.click(`.sessions button`, 1)
	b.says("You are signed in nowhere else")
	b.shoot("16-device-ended")
	phone.visit(p.UI + "/")
	phone.says("You are not signed in")
	require.Len(t, p.inbox(old), 2, "the code of the registration and of the recovery")
	require.Len(t, p.inbox(now), 1)
}

// changesAddress changes the address long after signing in, and verifies the new
// one.
func (b *browser) changesAddress(old, now string) {
	b.t.Helper()
	p := b.p
	p.restart(with("selfservice.flows.settings.privileged_session_max_age", "1s"))
	proved := time.Now()
	b.visit(p.UI + "/")
	b.click(`a[href="/settings"]`, 1)
	b.lands("/settings")
	b.shoot("11-settings")
	require.Eventually(b.t, func() bool { return time.Since(proved) > time.Second }, 5*time.Second, 20*time.Millisecond)
	b.fill("traits.email", now)
	b.enter()
	b.lands("/login")
	require.Equal(b.t, "Confirm that it is you", b.heading())
	b.shoot("12-confirm")
	p.restart(with("selfservice.flows.settings.privileged_session_max_age", "15m"))
	b.fill("password", otherPassword)
	b.enter()
	b.lands("/settings")
	require.Equal(b.t, now, b.value("traits.email"), "nothing has to be typed again")
	require.Equal(b.t, []string{old}, p.people())
	b.shoot("13-back")
	b.fill("traits.email", now)
	b.enter()
	b.lands("/verification")
	require.Contains(b.t, b.text(), now)
	b.shoot("14-verify")
	b.proves(now)
	b.says("Your address is verified")
	b.click("a.button.primary", 1)
	b.welcomed(now)
	require.Equal(b.t, []string{now}, p.people())
}

// Who has no password signs in by what is mailed, in two steps.
func TestBrowserSignsInByCode(t *testing.T) {
	p := start(t, accounts, withSchema("code.schema.json"),
		with("selfservice.methods.code.passwordless_enabled", true),
		with("selfservice.flows.login.style", "identifier_first"),
		with("selfservice.flows.registration.style", "profile_first"),
		with("selfservice.flows.registration.after.code.hooks", []map[string]any{{"hook": "session"}})).withUI()
	b := newBrowser(t, p)
	const me = "ada@example.org"
	b.visit(p.UI + "/registration")
	b.lands("/registration")
	b.fill("traits.email", me)
	b.fill("traits.name.first", "Ada")
	b.shoot("1-who")
	b.click(submitButton, 1)
	b.until(`document.querySelector("button[value=code]")`)
	b.shoot("2-how")
	b.click("button[value=code]", 1)
	b.until(field("code"))
	b.shoot("3-code")
	b.proves(me)
	b.welcomed(me)
	b.click(`a[href*="/self-service/logout?"]`, 1)
	b.says("You are not signed in")

	b.visit(p.UI + "/login")
	b.lands("/login")
	b.shoot("4-login-who")
	b.fill("identifier", me)
	b.enter()
	b.until(`document.querySelector("button[value=code]")`)
	b.shoot("5-login-how")
	require.Contains(t, b.text(), "as "+me)
	require.Equal(t, []string{"Sign in with password", "Send a sign-in code", "Back"}, eval[[]string](b, `[...document.querySelectorAll("form button")].map(e => e.innerText)`))
	b.click("button[value=code]", 1)
	b.until(field("code"))
	b.shoot("6-login-code")
	b.proves(me)
	b.welcomed(me)
}

// Pages that are asked for at the wrong time lead where there is something to do.
func TestBrowserLeadsOn(t *testing.T) {
	p := start(t, accounts, with("selfservice.flows.login.lifespan", "2s")).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/settings")
	b.lands("/login")
	opened := time.Now()
	b.fill("identifier", "nobody@example.org")
	require.Eventually(t, func() bool { return time.Since(opened) > 2*time.Second }, 5*time.Second, 20*time.Millisecond)
	b.fill("password", goodPassword)
	b.click(submitButton, 1)
	b.until(`document.querySelector("[role=alert]")`)
	b.lands("/login")
	require.Contains(t, b.text(), "expired")
	require.Equal(t, "nobody@example.org", b.value("identifier"))
	b.shoot("1-expired")

	b.visit(p.Public + "/self-service/logout?token=forged")
	b.lands("/error")
	b.shoot("2-logout-error")
	b.click(`a[href="/login"]`, 1)
	b.lands("/login")
	b.registers("ada@example.org")
	b.visit(p.Public + "/self-service/logout?token=forged")
	b.lands("/error")
	b.shoot("3-forged-logout")
	b.visit(p.UI + "/login")
	b.welcomed("ada@example.org")
	require.Contains(t, b.text(), "Not verified yet")
	b.shoot("4-unverified")
	b.visit(p.UI + "/recovery")
	b.welcomed("ada@example.org")
}
