package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"
)

// tab drives one page of a headless Chromium over its debugging socket.
type tab struct {
	t    *testing.T
	conn *websocket.Conn
	id   int
}

// openTab starts a browser of its own for the test. Without one installed the
// test is skipped, or fails where CI promises one.
func openTab(t *testing.T) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no chromium, and CI promises one")
		}
		t.Skip("no chromium in PATH (Debian: apt-get install chromium)")
	}
	profile, err := os.MkdirTemp("", "ui-chromium")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	browser := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+profile, "--remote-debugging-port=0", "--remote-allow-origins=*", "about:blank")
	require.NoError(t, browser.Start())
	t.Cleanup(func() {
		stop()
		_ = browser.Wait()
		_ = os.RemoveAll(profile)
	})
	var port []byte
	require.Eventually(t, func() bool {
		port, err = os.ReadFile(filepath.Join(profile, "DevToolsActivePort"))
		return err == nil && strings.Count(string(port), "\n") > 0
	}, 30*time.Second, 50*time.Millisecond)
	base := "http://127.0.0.1:" + strings.SplitN(string(port), "\n", 2)[0]
	var targets []struct {
		Type string `json:"type"`
		URL  string `json:"webSocketDebuggerUrl"`
	}
	require.Eventually(t, func() bool {
		res, err := http.Get(base + "/json/list")
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		return json.NewDecoder(res.Body).Decode(&targets) == nil && len(targets) > 0
	}, 30*time.Second, 50*time.Millisecond)
	for _, target := range targets {
		if target.Type == "page" {
			conn, err := websocket.Dial(target.URL, "", "http://127.0.0.1")
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			b := &tab{t: t, conn: conn}
			b.call("Page.enable", nil)
			return b
		}
	}
	t.Fatal("the browser has no page")
	return nil
}

type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

func (b *tab) receive(until func(answer) bool) answer {
	b.t.Helper()
	require.NoError(b.t, b.conn.SetDeadline(time.Now().Add(30*time.Second)))
	for {
		var a answer
		require.NoError(b.t, websocket.JSON.Receive(b.conn, &a))
		if until(a) {
			return a
		}
	}
}

func (b *tab) call(method string, params any) json.RawMessage {
	b.t.Helper()
	b.id++
	require.NoError(b.t, websocket.JSON.Send(b.conn, map[string]any{"id": b.id, "method": method, "params": params}))
	a := b.receive(func(a answer) bool { return a.ID == b.id })
	require.Empty(b.t, string(a.Error), method)
	return a.Result
}

func (b *tab) visit(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url})
	b.loaded()
}

func (b *tab) loaded() {
	b.t.Helper()
	b.receive(func(a answer) bool { return a.Method == "Page.loadEventFired" })
}

// eval returns what a JavaScript expression gives, as text.
func (b *tab) eval(expression string) string {
	b.t.Helper()
	var out struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		ExceptionDetails json.RawMessage `json:"exceptionDetails"`
	}
	require.NoError(b.t, json.Unmarshal(b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}), &out))
	require.Empty(b.t, string(out.ExceptionDetails), expression)
	return fmt.Sprint(out.Result.Value)
}

// focuses waits until what has the focus has an attribute of that value: a
// browser moves the focus with a frame, after the page has loaded.
func (b *tab) focuses(attribute, want string) {
	b.t.Helper()
	got := ""
	for range 250 {
		if got = b.eval("String(document.activeElement.getAttribute(" + strconv.Quote(attribute) + "))"); got == want {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	require.Equal(b.t, want, got, "what has the focus")
}

// press presses a button, named name=value, as a click does; or Enter in a field.
func (b *tab) press(what string) {
	b.t.Helper()
	if name, value, button := strings.Cut(what, "="); button {
		b.eval(fmt.Sprintf(`document.querySelector("button[name='%s'][value='%s']").click()`, name, value))
		return
	}
	b.eval(fmt.Sprintf(`document.querySelector("input[name='%s']").focus()`, what))
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"})
	}
}

func (b *tab) screen(width, height int, scheme string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
}

func (b *tab) shoot(path string) {
	b.t.Helper()
	var out struct {
		Data string `json:"data"`
	}
	require.NoError(b.t, json.Unmarshal(b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}), &out))
	picture, err := base64.StdEncoding.DecodeString(out.Data)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(path, picture, 0o600))
}

// contrastScript lists texts whose contrast with what is painted behind them
// is below WCAG AA.
const contrastScript = `(() => {
  const rgb = c => { const m = c.match(/[\d.]+/g).map(Number); return c.startsWith("color(") ? [m[0]*255, m[1]*255, m[2]*255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1]; };
  const lum = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v/12.92 : ((v+0.055)/1.055)**2.4); return 0.2126*r + 0.7152*g + 0.0722*b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255]; };
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    if (!e.offsetParent || e.matches(":disabled, .quiet, .quiet *, .skip")) continue;
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && !e.matches("input:not([type=hidden])")) continue;
    const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(e.tagName + " " + e.textContent.trim().slice(0, 30) + " " + ratio.toFixed(2));
  }
  return bad.join("; ");
})()`

// unnamedScript lists what is to be filled in or pressed and has no name that
// could be read out.
const unnamedScript = `[...document.querySelectorAll("button, a, input:not([type=hidden]), select")]
  .filter(e => !e.hidden && !(e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && [...e.labels].some(l => l.textContent.trim()))))
  .map(e => e.outerHTML.slice(0, 80)).join("; ")`

// smallScript lists what is to be pressed and is lower than 44 pixels.
const smallScript = `[...document.querySelectorAll("button, .button, input:not([type=hidden]):not([type=checkbox]), select, .check label, .aside a, .brand")]
  .filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 80) + " " + e.getBoundingClientRect().height).join("; ")`

// looks checks what every page owes those who see it. Where shots names a
// folder, it leaves a picture there.
func (b *tab) looks(shots, where string) {
	b.t.Helper()
	require.Equal(b.t, "0", b.eval("Math.max(0, document.documentElement.scrollWidth - innerWidth)"), "%s scrolls sideways", where)
	require.Empty(b.t, b.eval(contrastScript), where)
	require.Empty(b.t, b.eval(smallScript), where)
	require.Empty(b.t, b.eval(unnamedScript), where)
	if shots != "" && !strings.Contains(where, "-320-") {
		b.shoot(filepath.Join(shots, where+".png"))
	}
}

// With FOYER_UI_SHOTS=<folder> this also leaves a picture of every page there.
func TestPagesInABrowser(t *testing.T) {
	api := newFakeAPI(t)
	ui := httptest.NewServer(newSite(t, api, func(c *config) { c.Footer = "Reference pages of an identity service" }))
	defer ui.Close()
	b := openTab(t)
	shots := os.Getenv("FOYER_UI_SHOTS")
	for name, path := range map[string]string{
		"fresh": "/registration?flow=fresh", "refused": "/registration?flow=refused", "nodes": "/registration?flow=nodes", "hostile": "/registration?flow=hostile",
		"lists": "/registration?flow=lists", "lists-refused": "/registration?flow=lists_refused",
		"providers": "/registration?flow=providers", "providers-login": "/login?flow=login_providers", "providers-only": "/login?flow=providers_only", "providers-missing": "/registration?flow=answers_missing",
		"providers-linking": "/login?flow=linking", "providers-settings": "/settings?flow=settings_providers",
		"login": "/login?flow=login", "settings": "/settings?flow=settings",
		"login-both": "/login?flow=login_both", "login-refresh": "/login?flow=login_refresh", "login-code": "/login?flow=login_code",
		"recovery": "/recovery?flow=recovery", "recovery-sent": "/recovery?flow=recovery_sent", "two-second": "/registration?flow=two_second", "settings-refused": "/settings?flow=settings_refused",
		"sent": "/verification?flow=sent", "link": "/verification?flow=link", "followed": "/verification?flow=followed", "passed": "/verification?flow=passed",
		"draft": "/registration?flow=draft", "elsewhere": "/registration?flow=elsewhere", "error": "/error?id=known", "down": "/registration?flow=page", "cookies": "/registration?again=1", "out": "/", "in": "/", "in-elsewhere": "/",
	} {
		api.signedIn, api.others = strings.HasPrefix(name, "in"), name == "in-elsewhere"
		for _, width := range []int{1280, 375, 320} {
			for _, scheme := range []string{"light", "dark"} {
				b.screen(width, 812, scheme)
				b.visit(ui.URL + path)
				b.looks(shots, fmt.Sprintf("%s-%d-%s", name, width, scheme))
			}
		}
	}
}

// Any brand: its own colours in both themes, and text half as large again.
func TestBrandsInABrowser(t *testing.T) {
	api := newFakeAPI(t)
	api.signedIn, api.others = true, true
	wide := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 60"><rect width="240" height="60" fill="#7a1fa2"/></svg>`
	s, err := branded(t, api, fmt.Sprintf(`{"name": "Vereinigte Dampfschifffahrtsgesellschaften", "logo": %q, "font_size": 24, "footer": "A line of text",
		"colors": {"light": {"accent": "#7a1fa2", "background": "#fff3d6", "text": "#3b2a00"}, "dark": {"accent": "#ffcf70", "background": "#24103a", "text": "#efe6ff"}}}`,
		write(t, t.TempDir(), "logo.svg", wide)))
	require.NoError(t, err)
	ui := httptest.NewServer(s)
	defer ui.Close()
	b := openTab(t)
	for name, path := range map[string]string{"in": "/", "login": "/login?flow=login_both", "code": "/recovery?flow=recovery_sent", "settings": "/settings?flow=settings_refused", "fresh": "/registration?flow=fresh", "error": "/error?id=known"} {
		for _, width := range []int{1280, 320} {
			for _, scheme := range []string{"light", "dark"} {
				b.screen(width, 812, scheme)
				b.visit(ui.URL + path)
				b.looks(os.Getenv("FOYER_UI_SHOTS"), fmt.Sprintf("brand-%s-%d-%s", name, width, scheme))
			}
		}
	}
	require.Equal(t, "144", b.eval(`document.querySelector(".brand img").getBoundingClientRect().width`), "a wide logo stays wide")
}

// Tab reaches every input of a list and of a group, Space ticks, and what is
// typed and ticked is what is sent.
func TestListsByKeyboard(t *testing.T) {
	ui := httptest.NewServer(newSite(t, newFakeAPI(t)))
	defer ui.Close()
	b := openTab(t)
	press := func(key, code, text string, number int) {
		for _, kind := range []string{"keyDown", "keyUp"} {
			b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number, "text": text})
		}
	}
	b.visit(ui.URL + "/registration?flow=lists_refused")
	b.eval(`document.querySelector(".notice a").focus()`)
	press("Enter", "Enter", "\r", 13)
	b.focuses("aria-label", "Tags, entry 1") // the summary leads into the list
	press("Tab", "Tab", "", 9)
	b.call("Input.insertText", map[string]any{"text": "cello"})
	press("Tab", "Tab", "", 9)
	b.focuses("aria-label", "Tags, entry 3")
	press("Tab", "Tab", "", 9)
	press("Tab", "Tab", "", 9)
	press(" ", "Space", " ", 32)
	require.Equal(t, "choral singing", b.eval(`document.activeElement.labels[0].textContent`))
	require.Equal(t, `[["violin","cello",""],["","choral singing"],["1","3"],["7","eleven",""],[]]`, b.eval(
		`(d => JSON.stringify(["tags", "clubs", "days", "numbers", "badges"].map(n => d.getAll("traits." + n))))(new FormData(document.querySelector("form")))`))
}

// A form leads to the API, which sends the browser back here: the page's own
// policy must let both steps pass, and nobody else's address.
func TestPostingThroughThePolicy(t *testing.T) {
	var posted, origins []string
	api := newFakeAPI(t)
	ui := httptest.NewServer(newSite(t, api))
	defer ui.Close()
	inner := api.Config.Handler
	api.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			posted, origins = append(posted, string(body)), append(origins, r.Header.Get("Origin"))
			http.Redirect(w, r, ui.URL+"/registration?flow=refused", http.StatusSeeOther)
			return
		}
		inner.ServeHTTP(w, r)
	})
	b := openTab(t)
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	b.visit(ui.URL + "/registration?flow=fresh")
	b.eval(`document.querySelector("input[type=email]").focus()`)
	b.call("Input.insertText", map[string]any{"text": "ada@example"})
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"})
	}
	b.loaded()
	require.Equal(t, ui.URL+"/registration?flow=refused", b.eval("location.href"))
	require.Len(t, posted, 1)
	require.Contains(t, posted[0], "traits.email=ada%40example")
	require.Contains(t, posted[0], "method=password")
	require.Contains(t, posted[0], "csrf_token=q0s%2Fcsrf%2Btoken%3D%3D")
	require.Equal(t, []string{ui.URL}, origins, "the API may check Origin: it must not be null")
	b.focuses("role", "alert")
	require.Equal(t, "rgb(168, 32, 26)", b.eval(`getComputedStyle(document.querySelector(".message.error")).color`), "the style sheet is allowed")
}
