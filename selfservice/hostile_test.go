package selfservice_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// refusals are twenty ways to be refused, each with a body for the flow.
func refusals(email string) map[string]func(c client, f flow) answer {
	form := func(v values) func(client, flow) answer {
		return func(c client, f flow) answer { return c.Submit(f, v) }
	}
	raw := func(contentType, text string) func(client, flow) answer {
		return func(c client, f flow) answer { return post(c, f.UI.Action, contentType, text) }
	}
	valid := enginetest.Person(email)
	return map[string]func(client, flow) answer{
		"no method":          form(valid.Without("method")),
		"unknown method":     form(valid.With("method", "magic")),
		"no password":        form(valid.Without("password")),
		"short password":     form(valid.With("password", "xq7!")),
		"long password":      form(valid.With("password", strings.Repeat("xy Z", 100))),
		"known password":     form(valid.With("password", "password1")),
		"similar password":   form(valid.With("password", email)),
		"no address":         form(valid.With("traits.email", "nobody")),
		"taken address":      form(enginetest.Person("taken@example.org")),
		"wrong number":       form(valid.With("traits.age", "9")),
		"unknown trait":      form(valid.With("traits.role", "x")),
		"broken JSON":        raw("application/json", "{"),
		"deep JSON":          raw("application/json", strings.Repeat(`{"a":`, 40)),
		"duplicate key":      raw("application/json", `{"a":1,"a":2}`),
		"wrong content type": raw("text/plain", "x"),
		"empty":              raw("application/json", ""),
		"NUL":                raw("application/json", `{"a":"\u0000"}`),
		"traits no object":   raw("application/json", `{"method":"password","traits":1}`),
		"browser":            func(c client, f flow) answer { return post(c, f.UI.Action, "application/json", "{}", "Origin", "null") },
		"unknown flow":       func(c client, f flow) answer { return c.Post("/self-service/registration?flow="+unknown, valid) },
	}
}

// A refusal leaves nothing behind but itself on its flow.
func TestRefusalsLeaveNothing(t *testing.T) {
	times := 250
	if testing.Short() {
		times = 25
	}
	env := enginetest.New(t)
	c := env.Native()
	register(t, c, enginetest.Person("taken@example.org"))
	f := c.Open("")
	list := refusals("somebody@example.org")
	require.Len(t, list, 20)
	for name, refuse := range list { // warm up: connections, pools
		require.GreaterOrEqual(t, refuse(c, f).Status, 400, name)
	}
	before, goroutines := env.Rows(), runtime.NumGoroutine()
	for name, refuse := range list {
		for range times {
			a := refuse(c, f)
			require.GreaterOrEqual(t, a.Status, 400, name)
			require.Less(t, a.Status, 500, "%s: %s", name, a.Body)
		}
	}
	settled := func() bool { return runtime.NumGoroutine() <= goroutines+10 }
	require.Eventually(t, settled, 5*time.Second, 10*time.Millisecond, "%d goroutines before, %d after", goroutines, runtime.NumGoroutine())
	require.Equal(t, "flows~1", env.Rows().Since(before))
	// An open transaction would hold the one writer back.
	require.Equal(t, "200 done session token", tell(c, c.Submit(f, enginetest.Person("somebody@example.org"))))
}

// However large, deep or strange: an answer below 500 and soon, and nobody
// registered. The times are generous, so that a slow machine passes and a
// quadratic reader does not.
func TestHostileBodies(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	f := c.Open("")
	keys := func(n int, pattern, separator string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteString(separator)
			}
			fmt.Fprintf(&b, pattern, i)
		}
		return b.String()
	}
	valid := `"method":"password","password":"a good long Passphrase 9","traits":`
	long := strings.Repeat("x", 1<<20-200)
	before := env.Rows().Without("flows")
	for name, one := range map[string]struct{ contentType, body, told string }{
		"5 MB form":                {"application/x-www-form-urlencoded", "a=" + strings.Repeat("x", 5<<20), "413"},
		"5 MB JSON":                {"application/json", `{"a":"` + strings.Repeat("x", 5<<20) + `"}`, "413"},
		"100,000 deep":             {"application/json", strings.Repeat(`{"a":`, 100_000), "400"},
		"100,000 deep in lists":    {"application/json", `{"a":` + strings.Repeat("[", 100_000), "400"},
		"100,000 form keys":        {"application/x-www-form-urlencoded", keys(100_000, "k%d=", "&"), "4"},
		"100,000 JSON keys":        {"application/json", "{" + keys(70_000, `"k%d":1`, ",") + "}", "400"},
		"100,000 dots":             {"application/x-www-form-urlencoded", strings.Repeat("a.", 100_000) + "a=1", "400"},
		"a megabyte of address":    {"application/json", "{" + valid + `{"email":"` + long + `@example.org"}}`, "413"},
		"a megabyte of password":   {"application/json", `{"method":"password","traits":{"email":"a@example.org"},"password":"` + long + `"}`, "400"},
		"a megabyte of method":     {"application/json", `{"method":"` + long + `"}`, "400"},
		"a name of 64 KB":          {"application/json", "{" + valid + `{"email":"a@example.org","name":{"first":"` + strings.Repeat("ﷺ", 16<<10) + `"}}}`, "4"},
		"letters that expand":      {"application/json", "{" + valid + `{"email":"` + strings.Repeat("ﷺ", 10_000) + `@example.org"}}`, "400"},
		"marks without end":        {"application/json", `{"method":"password","traits":{"email":"a@example.org"},"password":"a` + strings.Repeat("\u0301\u0323", 50_000) + `"}`, "400"},
		"20,000 tags":              {"application/json", "{" + valid + `{"email":"a@example.org","tags":[` + keys(20_000, `"%d"`, ",") + `]}}`, "400"},
		"tags without end, a form": {"application/x-www-form-urlencoded", keys(40_000, "traits.tags=%d", "&"), "400"},
		"a number of 300 KB":       {"application/json", "{" + valid + `{"email":"a@example.org","age":` + strings.Repeat("9", 300<<10) + `}}`, "400"},
		"an exponent":              {"application/json", "{" + valid + `{"email":"a@example.org","age":1e400000000}}`, "400"},
		"a number in words":        {"application/x-www-form-urlencoded", "method=password&traits.age=" + strings.Repeat("9", 300<<10), "4"},
		"100,000 parts":            {"multipart/form-data; boundary=x", keys(9_000, "--x\r\nContent-Disposition: form-data; name=\"k%d\"\r\n\r\n1", "\r\n") + "\r\n--x--", "400"},
		"a boundary without end":   {"multipart/form-data; boundary=" + strings.Repeat("x", 5000), "--x", "400"},
	} {
		start := time.Now()
		a := post(c, f.UI.Action, one.contentType, one.body)
		require.True(t, strings.HasPrefix(fmt.Sprint(a.Status), one.told), "%s: %d %.300s", name, a.Status, a.Body)
		require.Less(t, a.Status, 500, name)
		require.Less(t, time.Since(start), 3*time.Second, name)
		require.Less(t, len(a.Body), 200<<10, "%s is not sent back", name)
	}
	require.Empty(t, env.Rows().Without("flows").Since(before))
	require.Equal(t, "200 done session token", tell(c, c.Submit(c.Open(""), someone())))
}

// Clients that promise a body and dribble it hold nobody else up.
func TestDribblingClients(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	f := c.Open("")
	host := strings.TrimPrefix(env.PublicURL, "http://")
	var open []net.Conn
	for range 200 {
		conn, err := net.Dial("tcp", host)
		require.NoError(t, err)
		open = append(open, conn)
		_, err = fmt.Fprintf(conn, "POST /self-service/registration?flow=%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{", f.ID, host)
		require.NoError(t, err)
	}
	before := env.Rows()
	require.Equal(t, "200 done session token", tell(c, c.Submit(c.Open(""), someone())))
	for _, conn := range open {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return env.Rows().Since(before) == strings.Replace(done, "flows~1", "flows+1", 1) }, 5*time.Second, 20*time.Millisecond)
}

// A client that hangs up in the middle of its submit has not registered half of
// anybody.
func TestClientHangsUp(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	host := strings.TrimPrefix(env.PublicURL, "http://")
	for n := range 40 {
		f := c.Open("")
		_, raw := c.Encode(someone())
		conn, err := net.Dial("tcp", host)
		require.NoError(t, err)
		request := fmt.Sprintf("POST /self-service/registration?flow=%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", f.ID, host, len(raw), raw)
		_, err = io.Copy(conn, bytes.NewReader([]byte(request)[:len(request)-n%4]))
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	// What was sent whole may have been stored whole.
	c.Open("")
	require.Eventually(t, func() bool {
		rows := env.Rows()
		people := len(rows["identities"])
		return people <= 10 && len(rows["credentials"]) == people && len(rows["identifiers"]) == people &&
			len(rows["addresses"]) == 2*people && len(rows["sessions"]) == people && len(rows["session_tokens"]) == people
	}, 5*time.Second, 20*time.Millisecond)
}

// With one hash at a time and no patience, most submits of a crowd are told to
// come back. Each flow stays as it was and ends well later.
func TestOverload(t *testing.T) {
	env := enginetest.New(t,
		enginetest.With("hashers.argon2.memory", "16MB"),
		enginetest.With("hashers.argon2.iterations", 2),
		enginetest.With("hashers.argon2.dedicated_memory", "17MB"),
		enginetest.With("hashers.max_wait", "1ms"))
	for _, kind := range []enginetest.ClientKind{enginetest.HTML, enginetest.JSON, enginetest.Native} {
		const at = 8
		clients, flows, bodies := make([]client, at), make([]flow, at), make([]values, at)
		for i := range clients {
			for _, c := range env.Clients() {
				if c.Kind == kind {
					clients[i] = c
				}
			}
			flows[i], bodies[i] = clients[i].Open(""), someone()
		}
		before := env.Rows()
		answers := make([]answer, at)
		together(at, func(i int) {
			contentType, raw := clients[i].Encode(flows[i].Fill(bodies[i]))
			req := clients[i].Request(http.MethodPost, flows[i].UI.Action, bytes.NewReader(raw))
			req.Header.Set("Content-Type", contentType)
			answers[i], _ = clients[i].Try(req)
		})
		busy := 0
		for i, a := range answers {
			require.NotNil(t, a)
			if a.Status != http.StatusServiceUnavailable {
				require.Less(t, a.Status, 400, "%s", a.Body)
				continue
			}
			busy++
			require.Equal(t, "overloaded", a.Header.Get("Ory-Error-Id"))
			require.Regexp(t, `^[1-9]\d*$`, a.Header.Get("Retry-After"))
			if kind == enginetest.HTML {
				require.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"))
				require.Contains(t, string(a.Body), "<h1>")
				require.Contains(t, string(a.Body), "in "+a.Header.Get("Retry-After")+" seconds")
			} else {
				require.Equal(t, "503 overloaded", tell(clients[i], a))
			}
		}
		require.Positive(t, busy, "%s: nobody was turned away", kind)
		require.Contains(t, env.Rows().Since(before), fmt.Sprintf("flows~%d identifiers+%d", at-busy, at-busy), "a flow that was turned away is as it was")
		for i, a := range answers {
			if a.Status == http.StatusServiceUnavailable {
				f := clients[i].Read(flows[i].ID)
				require.Empty(t, messages(f))
				require.Less(t, clients[i].Submit(f, bodies[i]).Status, 400)
			}
		}
	}
}

// When the disk gives back rubbish the program says that it cannot answer. It
// calls nobody signed out, no flow unknown, nothing done, and it stays up.
func TestStorageFails(t *testing.T) {
	env := enginetest.New(t)
	var clients []client
	for _, c := range env.Clients() {
		a := register(t, c, someone())
		if c.Kind == enginetest.Native {
			c.Head.Set("X-Session-Token", token(t, a))
		}
		clients = append(clients, c)
	}
	env.Ruin()
	for _, c := range clients {
		for name, a := range map[string]answer{
			"whoami": c.Whoami(""), "open": open("")(c, nil), "read": read(c, unknown),
			"submit": c.Post("/self-service/registration?flow="+unknown, someone()),
		} {
			require.Equal(t, http.StatusServiceUnavailable, a.Status, "%s %s: %s", c.Kind, name, a.Body)
			require.NotEmpty(t, a.Header.Get("Retry-After"), "%s %s", c.Kind, name)
			require.Equal(t, "storage_failed", a.Header.Get("Ory-Error-Id"))
		}
		require.Equal(t, http.StatusOK, c.Get("/health/alive").Status)
	}
}
