package hook_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// jsonnetBody is Jsonnet in a configuration.
func jsonnetBody(source string) string {
	return "base64://" + base64.StdEncoding.EncodeToString([]byte(source))
}

// with joins settings of a hook.
func with(all ...object) object {
	out := object{}
	for _, one := range all {
		for key, value := range one {
			out[key] = value
		}
	}
	return out
}

func adult(email string, age int) values { return enginetest.Person(email).With("traits.age", age) }

// A body in Jsonnet is a function of ctx; where it says "cancel", nobody is
// called, nothing is reserved, and all goes well.
func TestScripts(t *testing.T) {
	const who = `function(ctx) if ctx.identity.traits.age > 60 then error "cancel" else {who: ctx.identity.traits.email, flow: ctx.flow.type, cookies: ctx.request_cookies}`
	r := newReceiver(t)
	script := object{"body": jsonnetBody(who)}
	env := enginetest.New(t, enginetest.WithJsonnet(), after("registration.after.password",
		named(r, "asked", with(blocks, script)), named(r, "told", script), named(r, "holds", with(script, object{"reserve": true})), object{"hook": "session"}))
	a := env.SPA().SignUp(adult("ada@example.org", 36))
	require.Contains(t, string(a.Body), "ada@example.org")
	env.Deliver()
	got := r.got()
	require.ElementsMatch(t, []string{"asked", "told", "holds", "holds"}, paths(got))
	for _, c := range got {
		if c.Header.Get("Foyer-Reservation-Phase") != "confirm" {
			require.Equal(t, object{"who": "ada@example.org", "flow": "browser", "cookies": object{}}, c.Body, c.Path)
		}
	}
	r.answers(500, "")
	env.SPA().SignUp(adult("eve@example.org", 61))
	env.Deliver()
	env.Clock.Advance(3600e9)
	env.Deliver()
	require.Empty(t, r.got(), "no question, no row that is tried, no confirmation of what was never held")
	require.Equal(t, 2, env.Identities())
	require.Equal(t, 1, strings.Count(strings.Join(env.Rows()["messages"], "\n"), "reservation."), "that of the first, and nothing else")
}

// A script that fails is the operator's to mend: they read the place in the log,
// nobody else learns anything, and everything else goes on.
func TestScriptsThatFail(t *testing.T) {
	r := newReceiver(t)
	for name, script := range map[string]struct{ source, logged string }{
		"an error":  {"function(ctx)\n  error 'no ' + ctx.identity.traits.email", ":2:3: "},
		"no field":  {"function(ctx)\n\n  {a: ctx.identity.nothing}", ":3:7: "},
		"endless":   {"function(ctx) local f(x) = f(x) + 1; f(1)", ":1:28: "},
		"oversized": {"function(ctx) std.repeat('x', 20000000)", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "crm.jsonnet")
			require.NoError(t, os.WriteFile(file, []byte(script.source), 0o600))
			body := object{"body": "file://" + file}
			env := enginetest.New(t, enginetest.WithJsonnet(), after("registration.after.password", named(r, "asked", with(blocks, body))),
				after("login.after.password", named(r, "told", body)), after("login.after", named(r, "open", with(blocks, body, object{"fail_open": true}))))
			c := env.Native()
			f := c.Open("")
			before := env.Rows()
			a := c.Submit(f, enginetest.Person("canary-who@example.org"))
			require.Equal(t, 500, a.Status, "%s", a.Body)
			require.Equal(t, "invalid_configuration", a.ErrorID())
			require.Contains(t, string(a.Body), "web_hook_body")
			require.NotContains(t, string(a.Body), "jsonnet")
			require.NotContains(t, string(a.Body), "asked")
			require.Empty(t, env.Rows().Since(before))
			require.Contains(t, env.Logs.String(), "crm.jsonnet"+map[bool]string{true: script.logged}[strings.HasPrefix(script.logged, ":")])
			require.Contains(t, env.Logs.String(), script.logged)

			exists(c, "canary-who@example.org")
			c.SignIn("", enginetest.Credentials("canary-who@example.org"))
			require.True(t, c.SignedIn(), "what may fail is passed over, what is stored is nobody's trouble")
			env.Deliver()
			require.Empty(t, r.got())
			require.NotContains(t, env.Logs.String(), "canary-who", "the log quotes no value")
			require.Equal(t, 200, env.Native().Get("/health/alive").Status)
		})
	}
}

// A list of paths needs no Jsonnet, and no process that evaluates it.
func TestPathsNeedNoProcess(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithJsonnet(), after("registration.after.password", named(r, "asked", blocks), named(r, "told", object{"condition": `identity.traits.age > 20`}), object{"hook": "session"}))
	before := children(t)
	env.Native().SignUp(adult("ada@example.org", 36))
	env.Deliver()
	require.Equal(t, []string{"asked", "told"}, paths(r.got()))
	require.Equal(t, before, children(t))
}

// children counts the processes that this one has started.
func children(t *testing.T) (n int) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, one := range all {
		raw, err := os.ReadFile(one)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		var state string
		var parent int
		if _, err := fmt.Sscan(rest, &state, &parent); err == nil && parent == os.Getpid() {
			n++
		}
	}
	return n
}

// A condition says whether a hook is called at all. One that cannot be judged
// is a failure where somebody waits, and a row that an operator sees elsewhere.
func TestConditions(t *testing.T) {
	r := newReceiver(t)
	when := object{"condition": `identity.traits.age >= 18 && flow.type == "api"`}
	env := enginetest.New(t, after("registration.after.password", named(r, "asked", with(blocks, when)), named(r, "holds", with(when, object{"reserve": true})), named(r, "told", when), object{"hook": "session"}))
	env.Native().SignUp(adult("ada@example.org", 18))
	env.Native().SignUp(adult("kid@example.org", 17))
	env.SPA().SignUp(adult("eve@example.org", 40))
	env.Deliver()
	got := r.got()
	require.ElementsMatch(t, []string{"asked", "holds", "holds", "told"}, paths(got))
	require.Contains(t, string(got[0].Raw), "ada@example.org")

	c := env.Native()
	a := c.Submit(c.Open(""), enginetest.Person("ageless@example.org"))
	require.Equal(t, 500, a.Status)
	require.Contains(t, string(a.Body), "web_hook_condition")
	require.NotContains(t, string(a.Body), "traits")
	require.Contains(t, env.Logs.String(), "condition:1:21")
	require.Equal(t, 3, env.Identities())

	open := enginetest.New(t, after("registration.after.password", named(r, "asked", with(blocks, when, object{"fail_open": true})), named(r, "told", when), object{"hook": "session"}))
	open.Native().SignUp(enginetest.Person("ageless@example.org"))
	open.Deliver()
	require.Empty(t, r.got())
	require.Contains(t, strings.Join(open.Rows()["messages"], "\n"), "abandoned", "it is not tried again, and not lost")
	require.Contains(t, open.Logs.String(), "condition:1:21")
}

// Where a hook may fail the flow goes on, whatever the failure; a no is none.
func TestFailingOpen(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, after("registration.after.password", named(r, "crm", with(parses, object{"fail_open": true, "timeout": "100ms"})), object{"hook": "session"}))
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for n, answer := range []struct {
		status int
		body   string
	}{{500, "{}"}, {500, "<html>"}, {403, "{}"}, {403, `{"messages":[]}`}, {302, ""}, {200, "<html>"}, {200, "["}, {200, `{"identity":{"traits":{}}}`}, {200, strings.Repeat(" ", 2<<20)}, {0, ""}} {
		r.says(func(call) (int, string) {
			if answer.status == 0 {
				<-hang
				return 204, ""
			}
			return answer.status, answer.body
		})
		email := fmt.Sprintf("ada-%d@example.org", n)
		a := env.Native().SignUp(enginetest.Person(email))
		require.Contains(t, string(a.Body), email)
		require.Len(t, r.got(), 1, "nobody is asked twice")
	}
	require.Equal(t, 10, strings.Count(env.Logs.String(), "a web_hook failed and was passed over"))
	r.answers(403, veto)
	c := env.Native()
	require.Equal(t, 400, c.Submit(c.Open(""), enginetest.Person("bob@example.org")).Status)
	require.Equal(t, 10, env.Identities())
}

// How a receiver knows who calls, and what goes without a body.
func TestCallsAsConfigured(t *testing.T) {
	r := newReceiver(t)
	auth := func(kind string, config object) object {
		return object{"auth": object{"type": kind, "config": config}}
	}
	hooks := []object{{"hook": "session"}}
	want := map[string]string{}
	for name, one := range map[string]struct {
		more   object
		header string
		value  string
	}{
		"header": {auth("api_key", object{"name": "X-Key", "value": "key-canary", "in": "header"}), "X-Key", "key-canary"},
		"cookie": {auth("api_key", object{"name": "key", "value": "cookie-canary", "in": "cookie"}), "Cookie", "key=cookie-canary"},
		"basic":  {auth("basic_auth", object{"user": "foyer", "password": "basic-canary"}), "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("foyer:basic-canary"))},
		"bearer": {auth("bearer", object{"token": "bearer-canary"}), "Authorization", "Bearer bearer-canary"},
		"fixed":  {object{"headers": object{"X-Tenant": "tenant-canary"}}, "X-Tenant", "tenant-canary"},
	} {
		for mode, how := range map[string]object{"asked": blocks, "told": {}} {
			hooks = append(hooks, named(r, name+"-"+mode, with(one.more, how)), named(r, name+"-get-"+mode, with(one.more, how, object{"method": "GET", "body": nil})))
		}
		want[name] = one.header + ": " + one.value
	}
	env := enginetest.New(t, after("registration.after.password", hooks...))
	env.Native().SignUp(enginetest.Person("ada@example.org"))
	env.Deliver()
	got := r.got()
	require.Len(t, got, len(hooks)-1)
	for _, c := range got {
		name, _, _ := strings.Cut(strings.TrimPrefix(c.Path, "/"), "-")
		header, value, _ := strings.Cut(want[name], ": ")
		require.Equal(t, value, c.Header.Get(header), c.Path)
		if strings.Contains(c.Path, "-get-") {
			require.Empty(t, c.Raw, c.Path)
			require.Equal(t, "GET", c.Method)
		} else {
			require.Contains(t, string(c.Raw), "ada@example.org")
			require.Equal(t, "application/json", c.Header.Get("Content-Type"))
		}
	}
	r.answers(500, "")
	c := env.Native()
	a := c.Submit(c.Open(""), enginetest.Person("bob@example.org"))
	require.Equal(t, 502, a.Status)
	env.Deliver()
	for _, secret := range []string{"key-canary", "cookie-canary", "basic-canary", "bearer-canary", "tenant-canary", base64.StdEncoding.EncodeToString([]byte("foyer:basic-canary"))} {
		require.NotContains(t, env.Logs.String(), secret)
		require.NotContains(t, string(a.Body), secret)
		for table, rows := range env.Rows() {
			require.NotContains(t, strings.Join(rows, "\n"), secret, table)
		}
	}
}
