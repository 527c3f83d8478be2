package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// registers takes the browser through a registration, to where the address is
// to be proved.
func (b *browser) registers(email string) {
	b.t.Helper()
	b.visit(b.p.UI + "/registration")
	b.lands("/registration")
	b.fillRight(email)
	b.click(submitButton, 1)
	b.until(field("code"))
}

func (b *browser) heading() string {
	return eval[string](b, `document.querySelector("h1").innerText`)
}

// typing waits until the page has put the focus where the code is typed.
func (b *browser) typing() {
	b.t.Helper()
	b.until(`document.activeElement.name === "code"`)
}

// The whole way: a wrong code, the right one from the mail, and on.
func TestBrowserVerifies(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.registers("ada@example.org")
	b.lands("/verification")
	b.typing()
	require.Equal(t, "Verify your address", b.heading())
	require.Contains(t, b.text(), "Sent to ada@example.org")
	require.Equal(t, p.Admin+"/admin/inbox", eval[string](b, `[...document.querySelectorAll("a")].find(a => a.innerText === "inbox").href`))
	for attribute, want := range map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric", "type": "text"} {
		require.Equal(t, want, eval[string](b, fmt.Sprintf("%s.getAttribute(%q)", field("code"), attribute)))
	}
	require.Contains(t, b.beside("code"), "enter the code", "what the page says is said with the field")
	require.False(t, eval[bool](b, `!!document.querySelector("[data-seconds]")`), "the first other message can be had at once")
	b.shoot("1-asked")
	m := p.mailed("ada@example.org")

	b.press(m.wrong())
	b.enter()
	b.until(`document.activeElement.getAttribute("role") === "alert"`)
	require.Contains(t, b.text(), "wrong or no longer valid")
	require.Empty(t, b.value("code"))
	b.shoot("2-wrong")
	require.False(t, p.verified("ada@example.org"))

	// As it is copied from a mail that sets it apart.
	b.fill("code", " "+m.code()[:3]+" "+m.code()[3:])
	b.click(submitButton, 1)
	b.until(`document.querySelector("h1").innerText === "Your address is verified"`)
	b.until(`document.activeElement.getAttribute("role") === "status"`)
	b.shoot("3-verified")
	require.True(t, p.verified("ada@example.org"))
	b.click("a.button.primary", 1)
	b.welcomed("ada@example.org")
	require.Contains(t, b.text(), "Verified")
	require.NotContains(t, b.text(), "Not verified yet")
}

func TestBrowserAsksForAnotherCode(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.registers("again@example.org")
	resend := `button[name="email"]`
	b.click(resend, 1)
	b.until(`document.querySelector("[data-seconds]")`)
	b.typing()
	require.Len(t, p.inbox("again@example.org"), 2)
	b.shoot("1-waits")
	require.Regexp(t, `Available in \d+ seconds`, b.text())
	b.until(`/Available in ([1-4]?\d|5[0-7]) seconds/.test(document.body.innerText)`) // it counts

	b.click(resend, 1)
	b.until(`document.querySelector("[id$=-says]").innerText.startsWith("Another message can be sent in")`)
	require.Len(t, p.inbox("again@example.org"), 2)
	require.True(t, eval[bool](b, `document.querySelector('`+resend+`').getAttribute("aria-disabled") === "true"`))

	// The minute passes.
	eval[chromedp.Void](b, `(now => { Date.now = () => now() + 61000 })(Date.now.bind(Date)), undefined`)
	b.until(`!document.querySelector("[data-seconds]")`)
	b.until(`document.querySelector("[id$=-says]").innerText === "Another message can be sent now."`)
	require.False(t, eval[bool](b, `document.querySelector('`+resend+`').hasAttribute("aria-disabled")`))

	b.fill("code", p.inbox("again@example.org")[0].code())
	b.enter()
	b.until(`document.querySelector("h1").innerText === "Your address is verified"`)
}

// The mail is read on a phone: there a button, here a page that moves on.
func TestBrowserLinkOnAnotherDevice(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.registers("two@example.org")
	eval[chromedp.Void](b, "window.before = true, undefined")

	phone := b.tab(true)
	phone.screen(390, 844, "light")
	phone.visit(p.mailed("two@example.org").link())
	phone.lands("/verification")
	require.False(t, p.verified("two@example.org"), "following a link does nothing")
	require.True(t, eval[bool](b, "window.before"))
	require.NotEqual(t, b.flow(), phone.flow())
	require.Regexp(t, `^Confirm .+@`, eval[string](phone, `document.querySelector("`+submitButton+`").innerText`))
	phone.shoot("1-phone")
	phone.click(submitButton, 1)
	phone.until(`document.querySelector("h1").innerText === "Your address is verified"`)
	require.True(t, p.verified("two@example.org"))

	b.until(`!window.before && document.querySelector("h1").innerText === "Your address is verified"`)
	b.until(`document.activeElement.getAttribute("role") === "status"`)
	b.shoot("2-moved-on")
	b.click("a.button.primary", 1)
	b.lands("/")
}

// The mail is read beside the page.
func TestBrowserLinkInTheSameBrowser(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.registers("same@example.org")
	eval[chromedp.Void](b, "window.before = true, undefined")
	other := b.tab(false)
	other.visit(p.mailed("same@example.org").link())
	other.lands("/verification")
	require.Equal(t, b.flow(), other.flow())
	other.click(submitButton, 1)
	other.until(`document.querySelector("h1").innerText === "Your address is verified"`)
	b.until(`!window.before && document.querySelector("h1").innerText === "Your address is verified"`)
	b.click("a.button.primary", 1)
	b.welcomed("same@example.org")
}

// From the welcome page, for an address that was registered some time ago.
func TestBrowserVerifiesLater(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.registers("later@example.org")
	b.click(`a[href="/"]:not(.brand)`, 1)
	b.welcomed("later@example.org")
	require.Contains(t, b.text(), "Not verified yet")
	b.shoot("1-welcome")
	b.click(`a[href="/verification"]`, 1)
	b.until(field("email"))
	b.lands("/verification")
	b.shoot("2-address")
	b.fill("email", "no address")
	b.enter()
	b.until(`document.querySelector('[role=alert]')`)
	require.True(t, b.invalid("email"))
	b.fill("email", "later@example.org")
	b.enter()
	b.until(field("code"))
	b.fill("code", p.inbox("later@example.org")[0].code())
	b.enter()
	b.until(`document.querySelector("h1").innerText === "Your address is verified"`)
	require.True(t, p.verified("later@example.org"))
}

func TestBrowserVerifiesByLinkAlone(t *testing.T) {
	p := start(t, verifying, with("selfservice.flows.verification.use", "link"), with("selfservice.methods.link.enabled", true)).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/registration")
	b.lands("/registration")
	b.fillRight("link@example.org")
	b.click(submitButton, 1)
	b.lands("/verification")
	b.shoot("1-asked")
	require.Empty(t, p.mailed("link@example.org").code())
	eval[chromedp.Void](b, "window.before = true, undefined")
	phone := b.tab(true)
	phone.visit(p.mailed("link@example.org").link())
	phone.lands("/verification")
	phone.click(submitButton, 1)
	phone.until(`document.querySelector("h1").innerText === "Your address is verified"`)
	b.until(`!window.before && document.querySelector("h1").innerText === "Your address is verified"`)
	require.True(t, p.verified("link@example.org"))

	t.Run("a link works once", func(t *testing.T) {
		late := phone.in(t).tab(true)
		late.visit(p.mailed("link@example.org").link())
		late.lands("/verification")
		late.click(submitButton, 1)
		late.until(`document.querySelector('[role=alert]')`)
		late.shoot("2-used")
		late.until(field("email"))
	})
}

// Five guesses, and no more: the link in the mail still works.
func TestBrowserGuesses(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.registers("guess@example.org")
	m := p.mailed("guess@example.org")
	for _, code := range []string{m.wrong(), m.wrong(), m.wrong(), m.wrong(), m.wrong(), m.code()} {
		eval[chromedp.Void](b, "window.before = true, undefined")
		b.fill("code", code)
		b.enter()
		b.until(`!window.before && document.querySelector('[role=alert]')`)
	}
	require.Contains(t, b.text(), "Too many codes were tried")
	b.shoot("1-too-many")
	require.False(t, p.verified("guess@example.org"))
	b.visit(m.link())
	b.lands("/verification")
	b.click(submitButton, 1)
	b.until(`document.querySelector("h1").innerText === "Your address is verified"`)
	require.True(t, p.verified("guess@example.org"))
}

// The page is left open until its time is over: it stays as it is, and who
// types the code then is told, and asked for the address again.
func TestBrowserVerifiesTooLate(t *testing.T) {
	// A flow lives at least as long as the code it waits for.
	p := start(t, verifying, with("selfservice.flows.verification.lifespan", "2s"), with("selfservice.methods.code.config.lifespan", "2s")).withUI()
	b := newBrowser(t, p)
	b.registers("slow@example.org")
	opened := time.Now()
	stale := b.flow()
	eval[chromedp.Void](b, "window.before = true, undefined")
	require.Eventually(t, func() bool { return time.Since(opened) > 3*time.Second }, 5*time.Second, 20*time.Millisecond)
	b.fill("code", p.mailed("slow@example.org").code())
	require.True(t, eval[bool](b, "window.before"), "it stays while somebody types")
	p.restart(with("selfservice.flows.verification.lifespan", "1h"), with("selfservice.methods.code.config.lifespan", "10m"))
	b.enter()
	b.until(`document.querySelector('[role=alert]')`)
	b.shoot("1-expired")
	require.NotEqual(t, stale, b.flow())
	require.Contains(t, b.text(), "expired")
	b.until(field("email"))
	b.fill("email", "slow@example.org")
	b.enter()
	b.until(field("code"))
	b.fill("code", p.inbox("slow@example.org")[0].code())
	b.enter()
	b.until(`document.querySelector("h1").innerText === "Your address is verified"`)
}

// Nobody exists before the address is proved.
func TestBrowserProvesFirst(t *testing.T) {
	p := start(t, provingFirst).withUI()
	t.Run("typed", func(t *testing.T) {
		b := newBrowser(t, p)
		b.registers("typed@example.org")
		b.lands("/registration")
		b.typing()
		require.Equal(t, "Confirm your address", b.heading())
		require.Contains(t, b.text(), "Sent to typed@example.org")
		require.NotContains(t, eval[string](b, "document.documentElement.outerHTML"), goodPassword)
		b.shoot("1-asked")
		b.press(p.mailed("typed@example.org").wrong())
		b.enter()
		b.until(`document.querySelector('[role=alert]')`)
		b.shoot("2-wrong")
		require.Empty(t, p.people())
		b.fill("code", p.mailed("typed@example.org").code())
		b.enter()
		b.welcomed("typed@example.org")
		require.NotContains(t, b.text(), "Not verified yet")
		require.True(t, p.verified("typed@example.org"))
	})
	t.Run("link in the same browser", func(t *testing.T) {
		b := newBrowser(t, p)
		b.registers("same@example.org")
		b.visit(p.mailed("same@example.org").link())
		b.lands("/registration")
		require.Equal(t, []string{"typed@example.org"}, p.people(), "following a link does nothing")
		require.Equal(t, "Confirm and create the account", eval[string](b, `document.querySelector("`+submitButton+`").innerText`))
		b.shoot("1-confirm")
		b.click(submitButton, 1)
		b.welcomed("same@example.org")
		require.True(t, p.verified("same@example.org"))
	})
	t.Run("link in another browser", func(t *testing.T) {
		b := newBrowser(t, p)
		b.registers("else@example.org")
		before := p.people()
		m := p.mailed("else@example.org")
		phone := b.tab(true)
		phone.visit(m.link())
		phone.lands("/registration")
		require.Equal(t, "Your code to sign up", phone.heading())
		require.Contains(t, phone.text(), m.code())
		require.Contains(t, phone.text(), "It was asked for at")
		require.Zero(t, eval[int](phone, `document.querySelectorAll("button").length`), "nobody finishes what a stranger began")
		require.NotContains(t, phone.text(), "else@example.org")
		phone.shoot("1-elsewhere")
		require.Equal(t, before, p.people())
		b.fill("code", m.code())
		b.enter()
		b.welcomed("else@example.org")
	})
	t.Run("another address", func(t *testing.T) {
		b := newBrowser(t, p)
		b.registers("tpyo@example.org")
		b.click(`a[href="/registration"]`, 1)
		b.until(field("traits.email"))
		b.fillRight("typo@example.org")
		b.click(submitButton, 1)
		b.until(field("code"))
		b.fill("code", p.mailed("typo@example.org").code())
		b.enter()
		b.welcomed("typo@example.org")
		require.NotContains(t, p.people(), "tpyo@example.org")
	})
}

func TestBrowserVerifiesByKeyboard(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.registers("keys@example.org")
	b.typing()
	reached := []string{}
	for range 4 {
		b.press(kb.Tab)
		reached = append(reached, eval[string](b, `document.activeElement.innerText.trim()`))
		require.True(t, eval[bool](b, `(s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2)(getComputedStyle(document.activeElement))`), "the focus can be seen")
	}
	require.Equal(t, []string{"Continue", "Send a new code", "inbox", "Use another one"}, reached)
	for range 4 {
		b.press(kb.Shift + kb.Tab)
	}
	eval[chromedp.Void](b, field("code")+".focus(), undefined")
	b.press(p.mailed("keys@example.org").code())
	b.enter()
	b.until(`document.activeElement.getAttribute("role") === "status"`)
	b.press(kb.Tab)
	require.Equal(t, "Continue", eval[string](b, `document.activeElement.innerText.trim()`))
	b.enter()
	b.welcomed("keys@example.org")
}

func TestBrowserVerifiesWithoutScripts(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.withoutScripts()
	b.registers("plain@example.org")
	b.click(`button[name="email"]`, 1)
	b.until(`document.querySelector("[data-seconds]")`)
	require.Regexp(t, `Available in \d+ seconds`, b.text())
	b.click(`button[name="email"]`, 1) // too early, and no mistake
	b.until(field("code"))
	require.Len(t, p.inbox("plain@example.org"), 2)

	phone := b.tab(true)
	phone.withoutScripts()
	phone.visit(p.inbox("plain@example.org")[0].link())
	phone.lands("/verification")
	phone.click(submitButton, 1)
	phone.until(`document.querySelector("h1").innerText === "Your address is verified"`)

	b.click(submitButton, 1) // whatever is pressed, the page knows
	b.until(`document.querySelector("h1").innerText === "Your address is verified"`)
}

// The API speaks the browser's language, and the page says which it is.
func TestBrowserVerifiesInGerman(t *testing.T) {
	p := start(t, verifying).withUI()
	b := newBrowser(t, p)
	b.reads("de-AT,de,en")
	b.registers("deutsch@example.org")
	b.lands("/verification")
	require.Equal(t, "de", p.mailed("deutsch@example.org").Locale)
	require.Equal(t, "de", eval[string](b, field("code")+`.closest("[lang]").lang`))
	require.NotContains(t, b.text(), "Send a new code")
	b.shoot("1-asked")
}
