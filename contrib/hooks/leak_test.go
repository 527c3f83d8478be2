package hooks

import (
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/testdb"
)

// Submits that are refused, by the form, by a hook or for want of its answer,
// leave no goroutine and no open file. What is waited for is the end of
// connections that were kept: the receiver ends them here, else they end after
// 30 seconds in which nobody used them.
func TestNothingLeaks(t *testing.T) {
	refusals := map[string]struct {
		mode   string
		person enginetest.Values
		status int
	}{
		"form":    {"ok", enginetest.Person("no address"), http.StatusBadRequest},
		"veto":    {"veto", enginetest.Person("ada@example.org"), http.StatusBadRequest},
		"error":   {"error_500", enginetest.Person("ada@example.org"), http.StatusBadGateway},
		"hang":    {"hang_before_headers", enginetest.Person("hang@example.org"), http.StatusGatewayTimeout},
		"half":    {"hang_mid_body", enginetest.Person("hang@example.org"), http.StatusGatewayTimeout},
		"close":   {"close_mid_body", enginetest.Person("ada@example.org"), http.StatusBadGateway},
		"endless": {"huge_endless", enginetest.Person("ada@example.org"), http.StatusBadGateway},
		"body":    {"ok", enginetest.Person("jsonnet@example.org"), http.StatusInternalServerError},
		"nobody":  {"ok", enginetest.Person("not_there@example.org"), http.StatusBadGateway},
		"garbage": {"ok", enginetest.Person("tls_garbage@example.org"), http.StatusBadGateway},
	}
	r := newReceiver(t)
	g := newGate(t, r.URL(""))
	most := object{"reserve": true, "response": object{"parse": true}}
	only := func(who string, more object) object {
		out := object{"condition": "identity.traits.email == '" + who + "@example.org'"}
		for _, m := range []object{most, more} {
			for key, value := range m {
				out[key] = value
			}
		}
		return out
	}
	dsn := testdb.SQLite(t)
	env := start(t, dsn, []object{
		webHook("crm", g.url(), only("ada", nil)),
		webHook("hurried", g.url(), only("hang", object{"timeout": "50ms"})),
		webHook("broken", g.url(), only("jsonnet", object{"body": "base64://ZXJyb3IgImJvb20i"})), // error "boom"
		webHook("away", r.URL("not_there"), only("not_there", nil)),
		webHook("garbage", r.URL("tls_garbage"), only("tls_garbage", nil)),
	}, events(g.url()+"/events"), enginetest.WithJsonnet(), enginetest.With("log.level", "fatal"))
	c := env.Native()
	f := c.OpenKind("registration", "")
	round := func() {
		for name, refusal := range refusals {
			r.SetFunc(func(call hooksim.Call) string {
				if call.Path == "/events" || phase(call) == "cancel" {
					return "ok"
				}
				return refusal.mode
			})
			a := c.Submit(f, refusal.person)
			require.Equal(t, refusal.status, a.Status, "%s: %s", name, a.Body)
		}
		env.Deliver()
	}
	rest := func() (goroutines, files int) {
		g.kill()
		g.open()
		c.HTTP.CloseIdleConnections()
		goroutines, files = runtime.NumGoroutine(), open(t)
		for until := time.Now().Add(time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
			if n, m := runtime.NumGoroutine(), open(t); n < goroutines || m < files {
				goroutines, files = min(n, goroutines), min(m, files)
				until = time.Now().Add(time.Second)
			}
		}
		return goroutines, files
	}
	round() // what is made once and kept, is
	goroutines, files := rest()
	begun := 0
	for n := 0; n < *refused; n += len(refusals) {
		round()
		begun += len(refusals)
	}
	after, filesAfter := rest()
	t.Logf("%d submits refused: goroutines %d before, %d after; open files %d before, %d after", begun, goroutines, after, files, filesAfter)
	if after > goroutines {
		stacks := make([]byte, 1<<20)
		t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
	}
	require.LessOrEqual(t, after, goroutines)
	require.LessOrEqual(t, filesAfter, files)

	require.Zero(t, env.Identities())
}

// open counts the open files of this process.
func open(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
