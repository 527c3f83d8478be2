package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// people lists the e-mail addresses of all identities.
func (p *program) people() []string {
	p.t.Helper()
	all, _, err := sdk(p.Admin, nil).IdentityAPI.ListIdentities(background).Execute()
	require.NoError(p.t, err)
	emails := []string{}
	for _, i := range all {
		emails = append(emails, i.Traits.(map[string]any)["email"].(string))
	}
	return emails
}

// fillRight puts valid answers into the form.
func (b *browser) fillRight(email string) {
	b.t.Helper()
	b.fill("traits.email", email)
	b.fill("password", goodPassword)
	b.fill("traits.name.first", "Ada")
}

// welcomed checks that the browser shows a person who they are.
func (b *browser) welcomed(email string) {
	b.t.Helper()
	b.isIn(email)
	require.Contains(b.t, b.text(), "Ada")
}

// isIn checks the same of somebody of any name.
func (b *browser) isIn(email string) {
	b.t.Helper()
	b.lands("/")
	b.until(`document.querySelector("h1").innerText === "You are signed in"`)
	require.Contains(b.t, b.text(), email)
}

// The whole way as a person goes it: wrong answers first.
func TestBrowserRegisters(t *testing.T) {
	p := start(t).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/")
	b.until(`document.body.innerText.includes("You are not signed in")`)
	b.shoot("1-welcome")
	b.click(`a[href="/registration"]`, 1)
	b.lands("/registration")
	require.Equal(t, []string{"E-mail", "Password", "First name", "Last name optional", "Age optional", "Plan optional", "Newsletter"},
		eval[[]string](b, `[...document.querySelectorAll("form label")].map(l => l.innerText.trim())`))
	require.Equal(t, []string{"Please choose", "Free", "Pro"}, eval[[]string](b, `[...document.querySelectorAll("select option")].map(o => o.innerText)`))
	b.shoot("2-form")

	b.fill("traits.email", "ada.example.org")
	b.fill("password", "short")
	b.fill("traits.age", "7")
	b.shoot("3-filled")
	b.click(submitButton, 1)
	b.until(`document.querySelector('[role=alert]')`)
	b.lands("/registration")
	b.shoot("4-refused")
	b.until(`document.activeElement.getAttribute("role") === "alert"`)
	require.True(t, strings.HasPrefix(eval[string](b, "document.title"), "Please correct"), "and is in the title")
	for name, words := range map[string]string{"traits.email": "e-mail", "password": "8 characters", "traits.age": "16", "traits.name.first": "at least 1"} {
		require.True(t, b.invalid(name), name)
		require.Contains(t, b.beside(name), words)
		require.True(t, b.near(name), name)
	}
	require.False(t, b.invalid("traits.name.last"))
	require.Equal(t, "ada.example.org", b.value("traits.email"), "what was typed is still there")
	require.Equal(t, "7", b.value("traits.age"))
	require.Empty(t, b.value("password"), "except for the password")
	require.Empty(t, p.people())

	b.fillRight("ada@example.org")
	b.fill("traits.age", "36")
	b.click(submitButton, 1)
	b.welcomed("ada@example.org")
	b.shoot("5-registered")
	require.Equal(t, []string{"ada@example.org"}, p.people())

	t.Run("back", func(t *testing.T) {
		b := b.in(t)
		eval[chromedp.Void](b, "window.before = true, history.back(), undefined")
		b.until("!window.before")
		b.shoot("6-back")
		if eval[bool](b, `!!document.querySelector("form")`) { // the browser has kept the page
			b.fillRight("ada@example.org")
			b.click(submitButton, 1)
		} else {
			require.Contains(t, b.text(), "already complete")
			b.click("a.button.primary", 1)
		}
		b.welcomed("ada@example.org")
		require.Equal(t, []string{"ada@example.org"}, p.people())
	})
	t.Run("a form is not offered to who is signed in", func(t *testing.T) {
		b := b.in(t)
		b.visit(p.UI + "/registration")
		b.welcomed("ada@example.org")
	})
}

// A phone that sends again, a second tab: the same form twice is one person.
func TestBrowserSendsTwice(t *testing.T) {
	p := start(t).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/registration")
	b.lands("/registration")
	second := b.tab(false)
	second.visit(eval[string](b, "location.href"))
	for _, tab := range []*browser{b, second} {
		tab.fillRight("twice@example.org")
	}
	b.click(submitButton, 1)
	b.welcomed("twice@example.org")
	first := eval[string](b, `document.querySelector("code").innerText`)
	second.click(submitButton, 1)
	second.welcomed("twice@example.org")
	require.Equal(t, first, eval[string](second, `document.querySelector("code").innerText`))
	require.Equal(t, []string{"twice@example.org"}, p.people())

	t.Run("another body is not acted on", func(t *testing.T) {
		b := b.in(t)
		other := b.tab(true)
		other.visit(p.UI + "/registration")
		other.lands("/registration")
		late := other.tab(false)
		late.visit(eval[string](other, "location.href"))
		other.fillRight("other@example.org")
		late.fillRight("late@example.org")
		other.click(submitButton, 1)
		other.welcomed("other@example.org")
		late.click(submitButton, 1)
		late.until(`document.querySelector("h1").innerText === "This is done already"`)
		late.shoot("1-late")
		late.click("a.button.primary", 1)
		late.welcomed("other@example.org")
		require.ElementsMatch(t, []string{"twice@example.org", "other@example.org"}, p.people())
	})
}

// Two quick clicks send the form twice, the second while the first is at work.
func TestBrowserDoubleClick(t *testing.T) {
	p := start(t, with("hashers.argon2.memory", "19MiB"), with("hashers.argon2.iterations", 8)).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/registration")
	b.fillRight("double@example.org")
	b.click(submitButton, 2)
	b.welcomed("double@example.org")
	require.Equal(t, []string{"double@example.org"}, p.people())
	require.Contains(t, p.running.out.String(), `"/self-service/registration","status":303`)
}

// Everything with the keyboard alone: to the form, through it, from what is
// wrong to its field, and on.
func TestBrowserKeyboardOnly(t *testing.T) {
	p := start(t).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/")
	focused := func() string {
		return eval[string](b, `(e => e.name || e.innerText.trim())(document.activeElement)`)
	}
	tabTo := func(what string) {
		t.Helper()
		for range 20 {
			if focused() == what {
				require.True(t, eval[bool](b, `(s => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2)(getComputedStyle(document.activeElement))`), "%s: the focus can be seen", what)
				return
			}
			b.press(kb.Tab)
		}
		require.Fail(t, "no way to "+what+" by keyboard", "at %q", focused())
	}
	b.press(kb.Tab)
	require.Equal(t, "Skip to content", focused(), "the way past what every page repeats comes first")
	tabTo("Create an account")
	b.enter()
	b.lands("/registration")
	tabTo("traits.email")
	b.press("grace@example.org" + kb.Tab)
	require.Equal(t, "password", focused())
	b.press("short")
	b.enter()
	// A browser moves the focus with its first frame, after the page has loaded.
	b.until(`document.activeElement.getAttribute("role") === "alert"`)
	tabTo("Password")
	b.shoot("1-on-the-way")
	b.enter()
	b.until(`document.activeElement.name === "password"`)
	b.press(goodPassword)
	require.Equal(t, goodPassword, b.value("password"))
	tabTo("traits.name.first")
	b.press("Ada")
	tabTo("traits.plan")
	b.press(kb.ArrowDown + kb.ArrowDown)
	require.Equal(t, "Pro", b.value("traits.plan"))
	tabTo("traits.newsletter")
	b.press(" ")
	tabTo("method")
	require.Equal(t, goodPassword, b.value("password"))
	b.enter()
	b.welcomed("grace@example.org")
	require.Equal(t, "E-mail grace@example.org First name Ada Plan Pro Newsletter Yes",
		eval[string](b, `document.querySelector("dl").innerText.trim().split(/\s*\n\s*/).join(" ")`), "as the schema names and orders it")
	require.Equal(t, []string{"grace@example.org"}, p.people())
}

func TestBrowserWithoutScripts(t *testing.T) {
	p := start(t).withUI()
	b := newBrowser(t, p)
	b.withoutScripts()
	b.visit(p.UI + "/")
	b.click(`a[href="/registration"]`, 1)
	b.lands("/registration")
	b.fill("traits.email", "noscript")
	b.click(submitButton, 1)
	b.until(`document.querySelector('[role=alert]')`)
	require.True(t, b.invalid("traits.email"))
	require.NotEmpty(t, b.beside("traits.email"))
	require.NotEmpty(t, b.beside("password"))
	b.fillRight("noscript@example.org")
	b.click(`[name="traits.newsletter"]`, 1)
	b.click(submitButton, 1)
	b.welcomed("noscript@example.org")
	require.Equal(t, []string{"noscript@example.org"}, p.people())
}

// Somebody leaves the form open, comes back after its time, and sends it.
func TestBrowserStaleFlow(t *testing.T) {
	p := start(t, with("selfservice.flows.registration.lifespan", "2s")).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/registration?return_to=" + p.UI + "/%3Fthere%3D1")
	b.lands("/registration")
	stale := b.flow()
	opened := time.Now()
	b.fillRight("stale@example.org")
	require.Eventually(t, func() bool { return time.Since(opened) > 2*time.Second }, 5*time.Second, 20*time.Millisecond)
	p.restart(with("selfservice.flows.registration.lifespan", "1h"))

	b.click(submitButton, 1)
	b.until(`document.querySelector('[role=alert]')`)
	b.lands("/registration")
	b.shoot("1-expired")
	require.NotEqual(t, stale, b.flow())
	require.Contains(t, b.text(), "expired")
	require.Equal(t, "stale@example.org", b.value("traits.email"), "nothing has to be typed again")
	require.Equal(t, "Ada", b.value("traits.name.first"))
	require.Empty(t, b.value("password"))
	b.fill("password", goodPassword)
	b.click(submitButton, 1)
	b.welcomed("stale@example.org")
	require.Equal(t, "?there=1", eval[string](b, "location.search"), "and the way back is remembered")

	t.Run("by its address", func(t *testing.T) {
		b := b.in(t)
		other := b.tab(true)
		other.visit(p.UI + "/registration?flow=" + stale)
		other.lands("/registration")
		require.NotEqual(t, stale, other.flow())
		require.Empty(t, other.value("traits.email"))
	})
}

// A link to somebody else's form, as it is mailed around, opens a form of one's own.
func TestBrowserForeignFlow(t *testing.T) {
	p := start(t).withUI()
	b := newBrowser(t, p)
	b.visit(p.UI + "/registration")
	b.fill("traits.email", "mine@example.org")
	b.click(submitButton, 1)
	b.until(`document.querySelector('[role=alert]')`)

	stranger := b.tab(true)
	stranger.visit(eval[string](b, "location.href"))
	stranger.lands("/registration")
	require.NotEqual(t, b.flow(), stranger.flow())
	require.NotContains(t, eval[string](stranger, "document.documentElement.outerHTML"), "mine@example.org")
	stranger.fillRight("theirs@example.org")
	stranger.click(submitButton, 1)
	stranger.welcomed("theirs@example.org")
	require.Equal(t, []string{"theirs@example.org"}, p.people())

	b.fillRight("mine@example.org")
	b.click(submitButton, 1)
	b.welcomed("mine@example.org")
}

func TestBrowserErrorPages(t *testing.T) {
	p := start(t).withUI()
	b := newBrowser(t, p)
	t.Run("a form that somebody changed", func(t *testing.T) {
		b := b.in(t)
		b.visit(p.UI + "/registration")
		b.fillRight("forged@example.org")
		eval[chromedp.Void](b, `document.querySelector("[name=csrf_token]").value = btoa("x".repeat(64)), undefined`)
		b.click(submitButton, 1)
		b.lands("/error")
		b.shoot("1-forged")
		require.Contains(t, b.text(), "We could not be sure this form came from you")
		require.Contains(t, b.text(), "security_csrf_violation")
		require.Empty(t, p.people())
		b.click("a.button.primary", 1)
		b.lands("/")
	})
	t.Run("a way back that is not ours", func(t *testing.T) {
		b := b.in(t)
		b.visit(p.UI + "/registration?return_to=https://evil.example/")
		b.lands("/error")
		b.shoot("2-return-to")
		require.Contains(t, b.text(), "We cannot send you back there")
	})
	t.Run("not built yet", func(t *testing.T) {
		b := b.in(t)
		b.visit(p.UI + "/")
		require.Zero(t, eval[int](b, `document.querySelectorAll("a[href='/login'], a[href='/recovery']").length`), "no link leads there")
		b.visit(p.UI + "/login")
		b.lands("/error")
		b.shoot("3-disabled")
		require.Contains(t, b.text(), "This is not offered here")
	})
	t.Run("somebody was faster", func(t *testing.T) {
		b := b.in(t)
		register(t, sdk(p.Public, nil), "taken@example.org")
		b.visit(p.UI + "/registration")
		b.fillRight("taken@example.org")
		b.click(submitButton, 1)
		b.until(`document.querySelector('[role=alert]')`)
		b.shoot("4-taken")
		require.Equal(t, "taken@example.org", b.value("traits.email"))
	})
	t.Run("the program is down", func(t *testing.T) {
		b := b.in(t)
		p.running.stop()
		b.visit(p.UI + "/")
		b.until(`document.body.innerText.includes("does not answer")`)
		b.shoot("5-down")
	})
}
