package e2e_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// browser is one tab of a headless Chromium, and a person's cookies.
type browser struct {
	t     *testing.T
	p     *program
	ctx   context.Context
	shots string // folder of its pictures
}

// patience is how long a page may take to become what is waited for.
const patience = 15 * time.Second

// newBrowser starts a Chromium with a profile of its own. Without one installed
// the test is skipped, or fails where CI promises one. Pictures go to the
// folder that FOYER_SHOTS names.
func newBrowser(t *testing.T, p *program) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		missing(t, "no Chromium in PATH (Debian: apt-get install chromium)")
	}
	shots := t.TempDir()
	if folder := os.Getenv("FOYER_SHOTS"); folder != "" {
		shots = filepath.Join(folder, strings.TrimPrefix(t.Name(), "TestBrowser"))
		require.NoError(t, os.MkdirAll(shots, 0o700))
	}
	profile, err := os.MkdirTemp("", "foyer-e2e-chromium")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	allocated, endBrowser := chromedp.NewExecAllocator(background, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))...)
	t.Cleanup(endBrowser)
	ctx, endTab := chromedp.NewContext(allocated)
	t.Cleanup(endTab)
	b := &browser{t: t, p: p, ctx: ctx, shots: shots}
	b.open()
	return b
}

// tab opens another tab for the same person, or, as a stranger, for somebody else.
func (b *browser) tab(stranger bool) *browser {
	b.t.Helper()
	var options []chromedp.ContextOption
	if stranger {
		options = append(options, chromedp.WithNewBrowserContext())
	}
	ctx, end := chromedp.NewContext(b.ctx, options...)
	b.t.Cleanup(end)
	other := *b
	other.ctx = ctx
	other.open()
	return &other
}

// in is the same tab, for a subtest.
func (b *browser) in(t *testing.T) *browser {
	same := *b
	same.t = t
	return &same
}

// open starts browser and tab. They end with the context that starts them, so
// that one has no deadline.
func (b *browser) open() {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx))
	b.screen(1280, 900, "light")
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

func (b *browser) visit(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// eval returns what a JavaScript expression gives. It works with scripts of
// pages switched off, too.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return v
}

// until waits for a JavaScript expression to be true, over page changes.
func (b *browser) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!("+expression+")")); err == nil && ok {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	require.Fail(b.t, "the page never is: "+expression, "%s", text)
}

// lands waits until the browser has come to rest on a path of the UI.
func (b *browser) lands(path string) {
	b.t.Helper()
	b.until(fmt.Sprintf("location.origin + location.pathname === %q", b.p.UI+path))
}

// flow is the id in the page's address.
func (b *browser) flow() string {
	b.t.Helper()
	u, err := url.Parse(eval[string](b, "location.href"))
	require.NoError(b.t, err)
	return u.Query().Get("flow")
}

func field(name string) string {
	return fmt.Sprintf("document.querySelector('[name=%q]:not([type=hidden])')", name)
}

// fill types over what a field holds.
func (b *browser) fill(name, text string) {
	b.t.Helper()
	b.until(field(name))
	eval[chromedp.Void](b, field(name)+".focus(), "+field(name)+".select(), undefined")
	b.press(text)
}

// press sends keys to whatever has the focus.
func (b *browser) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// enter presses the Enter key as a keyboard does: where the key itself is acted
// upon, as a link does, no character follows it to wherever the focus is then.
func (b *browser) enter() {
	b.t.Helper()
	for _, e := range []input.DispatchKeyEventParams{{Type: kb.KeyRawDown}, {Type: kb.KeyChar, Text: "\r"}, {Type: kb.KeyUp}} {
		e.Key, e.Code, e.WindowsVirtualKeyCode, e.NativeVirtualKeyCode = "Enter", "Enter", 13, 13
		_, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, e)
		require.NoError(b.t, err)
	}
}

// click presses the left button in the middle of the first element that matches.
func (b *browser) click(selector string, times int) {
	b.t.Helper()
	b.until(fmt.Sprintf("document.querySelector(%q)", selector))
	at := eval[[]float64](b, fmt.Sprintf(`(e => { e.scrollIntoView({block: "center", behavior: "instant"}); const r = e.getBoundingClientRect(); return [r.x + r.width/2, r.y + r.height/2] })(document.querySelector(%q))`, selector))
	var steps []chromedp.Action[chromedp.Void]
	for range times {
		steps = append(steps, chromedp.MouseClickXY(at[0], at[1]))
	}
	b.do(steps...)
}

const submitButton = "button.primary"

// text is what a person can read on the page.
func (b *browser) text() string { return eval[string](b, "document.body.innerText") }

// beside returns what is said about a field where a person and a screen reader
// find it: in the elements that aria-describedby names.
func (b *browser) beside(name string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`(e => (e.getAttribute("aria-describedby") || "").split(" ").filter(Boolean).map(id => document.getElementById(id).innerText).join(" "))(%s)`, field(name)))
}

// near reports whether that text is drawn under its field and close to it.
func (b *browser) near(name string) bool {
	b.t.Helper()
	return eval[bool](b, fmt.Sprintf(`(e => { const f = e.getBoundingClientRect(), m = document.getElementById(e.getAttribute("aria-describedby").split(" ")[0]).getBoundingClientRect();
		return m.top >= f.top && m.top - f.bottom < 60 && m.height > 0 })(%s)`, field(name)))
}

func (b *browser) invalid(name string) bool {
	b.t.Helper()
	return eval[bool](b, field(name)+`.getAttribute("aria-invalid") === "true"`)
}

func (b *browser) value(name string) string {
	b.t.Helper()
	return eval[string](b, field(name)+".value")
}

func (b *browser) screen(width, height int64, scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
	require.NoError(b.t, err)
	_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		// Without motion, so that no picture shows a colour on its way to another.
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	require.NoError(b.t, err)
}

// shoot takes pictures of the page as it is: desktop and phone, light and dark.
// On the way it checks that nothing has to be scrolled sideways.
func (b *browser) shoot(name string) {
	b.t.Helper()
	for _, s := range []struct {
		what          string
		width, height int64
	}{{"desktop", 1280, 900}, {"phone", 390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			b.screen(s.width, s.height, scheme)
			require.Zero(b.t, eval[int](b, "Math.max(0, document.documentElement.scrollWidth - innerWidth)"), "%s at %d", name, s.width)
			shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: new(true)})
			require.NoError(b.t, err)
			require.NoError(b.t, os.WriteFile(filepath.Join(b.shots, fmt.Sprintf("%s-%s-%s.png", name, s.what, scheme)), shot.Data, 0o600))
		}
	}
	b.screen(1280, 900, "light")
}

// reads makes the browser ask for languages.
func (b *browser) reads(languages string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "e2e", AcceptLanguage: languages})
	require.NoError(b.t, err)
}

// withoutScripts makes the browser run no script of any page.
func (b *browser) withoutScripts() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(b.t, err)
}
