package selfservice_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// victim is a browser with a flow open, and what an attacker's page could make
// it send.
type victim struct {
	c        client
	f        flow
	attacker client // another browser, with a flow of its own
	theirs   flow
}

// attack is one request; v is changed before it is encoded, the request after.
type attack struct {
	name   string
	values func(x *victim, v values) values
	alter  func(x *victim, req *http.Request)
	told   string // 403 security_csrf_violation unless given
}

func cookieHeader(cookies []*http.Cookie) string {
	var parts []string
	for _, c := range cookies {
		parts = append(parts, c.Name+"="+c.Value)
	}
	return strings.Join(parts, "; ")
}

// sent replaces the cookies of a request, whose client then has to be without.
func sent(cookies string) func(*victim, *http.Request) {
	return func(_ *victim, req *http.Request) { req.Header.Set("Cookie", cookies) }
}

func header(name, value string) func(*victim, *http.Request) {
	return func(_ *victim, req *http.Request) { req.Header.Set(name, value) }
}

func token0(token func(x *victim) string) func(*victim, values) values {
	return func(x *victim, v values) values { return v.With("csrf_token", token(x)) }
}

// mutated changes one byte of the victim's token, in its encoded form.
func mutated(at int) func(*victim, values) values {
	return token0(func(x *victim) string {
		raw := []byte(x.f.Value("csrf_token").(string))
		if raw[at] == 'A' {
			raw[at] = 'B'
		} else {
			raw[at] = 'A'
		}
		return string(raw)
	})
}

var attacks = []attack{
	{name: "no token", values: token0(func(*victim) string { return "" })},
	{name: "a token of nobody", values: token0(func(*victim) string { return base64.StdEncoding.EncodeToString(make([]byte, 64)) })},
	{name: "a token of 32 zero bytes", values: token0(func(*victim) string { return base64.StdEncoding.EncodeToString(make([]byte, 32)) })},
	{name: "the attacker's token", values: token0(func(x *victim) string { return x.theirs.Value("csrf_token").(string) })},
	{name: "the attacker's secret, unmasked", values: token0(func(x *victim) string { return x.attacker.Cookie("csrf_token") })},
	{name: "a token with one bit of the pad changed", values: mutated(3)},
	{name: "a token with one bit of the secret changed", values: mutated(60)},
	{name: "a token cut short", values: token0(func(x *victim) string { return x.f.Value("csrf_token").(string)[:44] })},
	{name: "a token twice as long", values: token0(func(x *victim) string { s := x.f.Value("csrf_token").(string); return s + s })},
	{name: "a token without padding", values: token0(func(x *victim) string { return strings.TrimRight(x.f.Value("csrf_token").(string), "=") })},
	{name: "a token in the header alone", values: token0(func(*victim) string { return "" }), alter: func(x *victim, req *http.Request) {
		req.Header.Set("X-CSRF-Token", x.f.Value("csrf_token").(string))
	}},
	{name: "a token in the query alone", values: token0(func(*victim) string { return "" }), alter: func(x *victim, req *http.Request) {
		req.URL.RawQuery += "&csrf_token=" + url.QueryEscape(x.f.Value("csrf_token").(string))
	}},
	{name: "no cookies", alter: sent("")},
	{name: "the attacker's cookie", alter: func(x *victim, req *http.Request) { req.Header.Set("Cookie", cookieHeader(x.attacker.Cookies())) }},
	{name: "the attacker's cookie with his token", values: token0(func(x *victim) string { return x.theirs.Value("csrf_token").(string) }),
		alter: func(x *victim, req *http.Request) { req.Header.Set("Cookie", cookieHeader(x.attacker.Cookies())) }},
	{name: "the attacker's cookie in front of the victim's", values: token0(func(x *victim) string { return x.theirs.Value("csrf_token").(string) }),
		alter: func(x *victim, req *http.Request) {
			req.Header.Set("Cookie", cookieHeader(append(x.attacker.Cookies(), x.c.Cookies()...)))
		}},
	{name: "the attacker's cookie behind the victim's", values: token0(func(x *victim) string { return x.theirs.Value("csrf_token").(string) }),
		alter: func(x *victim, req *http.Request) {
			req.Header.Set("Cookie", cookieHeader(append(x.c.Cookies(), x.attacker.Cookies()...)))
		}},
	{name: "the cookie under another name", alter: func(x *victim, req *http.Request) {
		req.Header.Set("Cookie", "csrf_token="+x.c.Cookie("csrf_token"))
	}},
	{name: "the cookie in another case", alter: func(x *victim, req *http.Request) {
		req.Header.Set("Cookie", strings.Replace(cookieHeader(x.c.Cookies()), "csrf_token_", "CSRF_token_", 1))
	}},
	{name: "an origin that hides", alter: header("Origin", "null")},
	{name: "a foreign origin", alter: header("Origin", "https://evil.example.com")},
	{name: "a sibling of the page", alter: header("Origin", "http://127.0.0.1:9999")},
	{name: "the page by another scheme", alter: header("Origin", "https://127.0.0.1:4455")},
	{name: "a look-alike of the page", alter: header("Origin", "http://127.0.0.1:4455.evil.example.com")},
	{name: "a place to return to that is no page of ours", alter: header("Origin", "https://app.example.org")},
	{name: "two origins", alter: func(_ *victim, req *http.Request) {
		req.Header["Origin"] = []string{"http://127.0.0.1:4455", "https://evil.example.com"}
	}},
	{name: "cross-site without origin", alter: func(_ *victim, req *http.Request) {
		req.Header["Origin"] = nil
		req.Header.Set("Sec-Fetch-Site", "cross-site")
	}},
	{name: "text/plain", alter: header("Content-Type", "text/plain"), told: "400 content_type_unsupported"},
	{name: "no content type", alter: func(_ *victim, req *http.Request) { req.Header.Del("Content-Type") }, told: "400 content_type_unsupported"},
}

// encodings write a body in each way that a page can.
var encodings = map[string]func(values) string{
	"application/x-www-form-urlencoded": func(v values) string {
		form := url.Values{}
		for name, value := range v {
			form.Set(name, value.(string))
		}
		return form.Encode()
	},
	"application/json": func(v values) string { raw, _ := json.Marshal(v); return string(raw) },
	"multipart/form-data; boundary=x": func(v values) string {
		var b strings.Builder
		for name, value := range v {
			fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
		}
		return b.String() + "--x--\r\n"
	},
}

// Every attack in every encoding, on flows in every state: none is accepted and
// none leaves a trace on the flow.
func TestAttacks(t *testing.T) {
	for state, reach := range map[string]func(x *victim){
		"open":      func(*victim) {},
		"refused":   func(x *victim) { x.f = x.c.Refused(x.f, someone().With("traits.email", "nobody")) },
		"completed": func(x *victim) { x.c.Submit(x.f, someone()) },
		"expired":   func(x *victim) { x.c.Env.Clock.Advance(2 * time.Hour) },
	} {
		t.Run(state, func(t *testing.T) {
			env := enginetest.New(t, enginetest.WithoutSession())
			x := &victim{c: env.SPA(), attacker: env.SPA()}
			x.f, x.theirs = x.c.Open(""), x.attacker.Open("")
			reach(x)
			before := env.Rows()
			tried := 0
			for _, a := range attacks {
				for contentType, encode := range encodings {
					for _, accept := range []string{"application/json", "text/html"} {
						x.try(t, a, contentType, accept, encode)
						tried++
					}
				}
			}
			require.GreaterOrEqual(t, tried, 150)
			require.Empty(t, env.Rows().Without("flow_errors").Since(before.Without("flow_errors")))
			if state == "open" || state == "refused" {
				require.Equal(t, "200 done", tell(x.c, x.c.Submit(x.f, someone())), "the victim is not disturbed")
			}
		})
	}
}

func (x *victim) try(t *testing.T, a attack, contentType, accept string, encode func(values) string) {
	t.Helper()
	bare := x.c.Env.Native()
	v := x.f.Fill(someone())
	if a.values != nil {
		v = a.values(x, v)
	}
	req := bare.Request(http.MethodPost, x.f.UI.Action, strings.NewReader(encode(v)))
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", accept)
	req.Header.Set("Cookie", cookieHeader(x.c.Cookies()))
	if a.alter != nil {
		a.alter(x, req)
	}
	want := a.told
	if want == "" {
		want = "403 security_csrf_violation"
	}
	if accept == "text/html" && req.Header.Get("Content-Type") != "application/json" {
		want = "303 error " + want
	}
	got := bare.Do(req)
	require.Equal(t, want, tell(x.c, got), "%s as %s", a.name, contentType)
	require.Empty(t, got.Header.Values("Set-Cookie"), a.name)
}

// A refusal says which check failed and what to do.
func TestViolationDetails(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	f := c.Open("")
	reason := func(a answer) (string, map[string]any) {
		d := a.JSON()["error"].(map[string]any)["details"].(map[string]any)
		require.NotEmpty(t, d["hint"])
		require.NotEmpty(t, d["docs"])
		return d["reject_reason"].(string), d
	}
	got, _ := reason(c.Submit(f, someone().With("csrf_token", "")))
	require.Equal(t, "csrf_token_missing", got)
	got, _ = reason(c.Submit(f, someone().With("csrf_token", "x")))
	require.Equal(t, "csrf_token_mismatch", got)
	got, d := reason(post(env.Native(), f.UI.Action, "application/json", body(c, f, someone())))
	require.Equal(t, "csrf_cookie_missing", got)
	require.Equal(t, "cookies.domain", d["config_key"])
	got, d = reason(post(c, f.UI.Action, "application/json", body(c, f, someone()), "Origin", "https://evil.example.com"))
	require.Equal(t, "origin_not_listed", got)
	require.Equal(t, "selfservice.allowed_return_urls", d["config_key"])
}

// What must not be submitted at all: methods that links, prefetchers and
// scanners use, and ways to smuggle another method.
func TestOtherMethods(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		f := c.Open("")
		before := env.Rows()
		query := "&" + body(env.Browser(), f, someone())
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POSTX"} {
			req := c.Request(method, f.UI.Action+query, strings.NewReader(body(c, f, someone())))
			req.Header.Set("Content-Type", "application/json")
			a := c.Do(req)
			switch method {
			case "GET", "HEAD":
				require.Less(t, a.Status, 400)
			default:
				require.Equal(t, http.StatusMethodNotAllowed, a.Status, method)
			}
		}
		for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			a := c.Do(with(c.Request("GET", f.UI.Action+query+"&_method=POST", nil), name, "POST"))
			require.Less(t, a.Status, 400)
		}
		require.Empty(t, env.Rows().Since(before))
	}
	require.Zero(t, env.Identities())
}

// What browsers and servers really send.
func TestLegitimateSubmits(t *testing.T) {
	env := enginetest.New(t, enginetest.WithoutSession())
	for _, c := range env.Clients()[:2] {
		for name, headers := range map[string][]string{
			"the page, with a form":               {"Origin", "http://127.0.0.1:4455", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate"},
			"the page, in capitals":               {"Origin", "HTTP://127.0.0.1:4455"},
			"the API's own origin":                {"Origin", env.PublicURL, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"},
			"a listed page, cross-site to itself": {"Origin", "http://127.0.0.1:4455", "Sec-Fetch-Site", "cross-site"},
			"a server-side app":                   {"Origin", ""},
			"a browser that sends no origin":      {"Origin", "", "Sec-Fetch-Site", "same-origin"},
			"typed by the user":                   {"Origin", "", "Sec-Fetch-Site", "none"},
			"a sibling sub-domain by fetch site":  {"Origin", "", "Sec-Fetch-Site", "same-site"},
			"an unmasked token":                   {"X-Unmasked", "1"},
		} {
			f := c.Open("")
			v := someone()
			if name == "an unmasked token" {
				v = v.With("csrf_token", c.Cookie("csrf_token"))
			}
			contentType, raw := c.Encode(f.Fill(v))
			a := post(c, f.UI.Action, contentType, string(raw), headers...)
			require.Less(t, a.Status, 400, "%s %s: %s", c.Kind, name, a.Body)
			require.NotContains(t, tell(c, a), "error", name)
		}
		// Two flows in two tabs, finished in the other order.
		one, two := c.Open(""), c.Open("")
		require.Less(t, c.Submit(two, someone()).Status, 400)
		require.Less(t, c.Submit(one, someone()).Status, 400)
		// A token of another tab of the same browser.
		one, two = c.Open(""), c.Open("")
		require.NotContains(t, tell(c, c.Submit(one, someone().With("csrf_token", two.Value("csrf_token")))), "403")
	}
}

// A native flow takes nothing that a browser adds by itself.
func TestNativeFlowInABrowser(t *testing.T) {
	env := enginetest.New(t, enginetest.WithoutSession())
	c := env.Native()
	f := c.Open("")
	before := env.Rows()
	for _, one := range []struct {
		header, value, told string
	}{
		{"Origin", "http://127.0.0.1:4455", "400 security_native_flow_origin"},
		{"Origin", env.PublicURL, "400 security_native_flow_origin"},
		{"Origin", "null", "400 security_native_flow_origin"},
		{"Cookie", "a=b", "400 security_native_flow_cookie"},
		{"Cookie", "__cf_bm=x; session=y", "400 security_native_flow_cookie"},
		{"Cookie", "ory_kratos_session=x", "400 security_native_flow_cookie"},
		{"Cookie", "xcf_=x", "400 security_native_flow_cookie"},
		{"Cookie", "CF_x=x", "400 security_native_flow_cookie"},
	} {
		for _, accept := range []string{"application/json", "text/html", ""} {
			a := post(c, f.UI.Action, "application/json", body(c, f, someone()), one.header, one.value, "Accept", accept)
			require.Equal(t, one.told, tell(c, a), "%s: %s", one.header, one.value)
			require.Equal(t, "application/json", a.Header.Get("Content-Type"))
		}
	}
	a := post(c, f.UI.Action, "application/json", body(c, f, someone()), "Cookie", "found=x")
	require.Equal(t, map[string]any{"found_cookie": "found"}, a.JSON()["error"].(map[string]any)["details"], "its name, never its value")
	require.Empty(t, env.Rows().Since(before))
	for _, cookie := range []string{"__cf_bm=x", "_cfuvid=x", "cf_clearance=x", "__cfduid=a; cf_x=b"} {
		f := c.Open("")
		require.Equal(t, "200 done", tell(c, post(c, f.UI.Action, "application/json", body(c, f, someone()), "Cookie", cookie)), cookie)
	}
	// Sec-Fetch headers of a client that is none do no harm, and a form is fine.
	f = c.Open("")
	require.Equal(t, "200 done", tell(c, post(c, f.UI.Action, "application/x-www-form-urlencoded", encodings["application/x-www-form-urlencoded"](someone()), "Accept", "text/html")), "a native flow is answered in JSON whatever it accepts")
}

// The id of a flow alone lets nobody submit a browser's flow, and the guard of
// a browser flow is not got around by calling it native.
func TestBrowserFlowByANativeClient(t *testing.T) {
	env := enginetest.New(t)
	b := env.SPA()
	f := b.Open("")
	before := env.Rows()
	thief := env.Native()
	require.Equal(t, "403 security_csrf_violation", tell(thief, thief.Post(f.UI.Action, someone())))
	require.Equal(t, "403 security_csrf_violation", tell(thief, thief.Post(f.UI.Action, f.Fill(someone()))))
	require.Equal(t, "403 security_csrf_violation", tell(thief, read(thief, f.ID)))
	require.Empty(t, env.Rows().Since(before))
}
