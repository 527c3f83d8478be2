// Package hooks holds the tests of what becomes of people whose registration
// asks and tells receivers that misbehave in every way there is: the program,
// its databases and what the receivers were told have to agree in the end.
package hooks

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/hooksim"
	"github.com/foyer-id/foyer/internal/testdb"
)

var (
	repeats       = flag.Int("repeats", 1, "repeats of each way to fail, on each database")
	registrations = flag.Int("registrations", 40, "people who register while receivers and databases fail, on each database")
	refused       = flag.Int("refusals", 40, "submits that are refused while goroutines are counted")
	rounds        = flag.Int("rounds", 12, "reservations for which a commit and a cancellation race, on each database")
)

func TestMain(m *testing.M) {
	enginetest.Jsonnet()
	_ = mysql.SetLogger(log.New(io.Discard, "", 0)) // it tells of every connection that is ended here
	os.Exit(m.Run())
}

type object = map[string]any

const (
	hookTime = 400 * time.Millisecond // of a call that hangs
	ample    = 20 * time.Second       // of one that does not, however busy the machine is
	told     = 50 * time.Millisecond  // what a failing hook may take beyond its time
)

// newReceiver starts one that ends with the test.
func newReceiver(t testing.TB) *hooksim.Receiver {
	t.Helper()
	r, err := hooksim.Start()
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// start runs the program with hooks after a registration by password.
func start(t testing.TB, dsn string, hooks []object, options ...enginetest.Option) *enginetest.Env {
	t.Helper()
	hooks = append(slices.Clone(hooks), object{"hook": "session"}, object{"hook": "show_verification_ui"})
	return enginetest.New(t, append([]enginetest.Option{
		enginetest.WithVerification(), enginetest.WithDSN(dsn), enginetest.With("log.level", "error"),
		enginetest.With("selfservice.flows.registration.after.password.hooks", hooks),
		enginetest.With("selfservice.flows.registration.lifespan", "240h"),
		enginetest.With("secrets.web_hook", []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}),
		enginetest.With("courier.budget", object{"per_minute_total": 0}),
	}, options...)...)
}

// webHook is one as it is configured; more adds to it.
func webHook(id, url string, more object) object {
	config := object{"id": id, "url": url, "method": "POST", "timeout": ample.String()}
	for key, value := range more {
		if config[key] = value; value == nil {
			delete(config, key)
		}
	}
	return object{"hook": "web_hook", "config": config}
}

// events sends all there are to a place.
func events(url string) enginetest.Option {
	return enginetest.With("events.endpoints", []object{{"id": "warehouse", "url": url, "types": []string{"*"}}})
}

// deliverAll moves the clock and delivers until nothing waits.
func deliverAll(t testing.TB, env *enginetest.Env, db *sql.DB) {
	t.Helper()
	for range 20 {
		env.Deliver()
		if number(t, db, "SELECT count(*) FROM messages WHERE queue = 'events' AND due_at IS NOT NULL") == 0 {
			return
		}
		env.Clock.Advance(20 * time.Minute)
	}
	t.Fatal("some of what is stored for receivers is not delivered")
}

// number asks a database for one.
func number(t testing.TB, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRow(query, args...).Scan(&n), query)
	return n
}

// column asks a database for one.
func column(t testing.TB, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err, query)
	defer rows.Close()
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(t, rows.Err())
	return out
}

// counter counts the rows of each table that requests write to.
type counter struct {
	db    *sql.DB
	query string
}

func newCounter(t testing.TB, dsn string, db *sql.DB) *counter {
	t.Helper()
	names := "SELECT name FROM sqlite_master WHERE type = 'table'"
	switch {
	case strings.HasPrefix(dsn, "postgres"):
		names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	case strings.HasPrefix(dsn, "mysql"):
		names = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
	}
	var parts []string
	for _, name := range column(t, db, names) {
		parts = append(parts, fmt.Sprintf("SELECT '%s', count(*) FROM %s", name, name))
	}
	require.Greater(t, len(parts), 8)
	return &counter{db: db, query: strings.Join(parts, " UNION ALL ")}
}

func (c *counter) rows(t testing.TB) map[string]int {
	t.Helper()
	rows, err := c.db.Query(c.query)
	require.NoError(t, err)
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var name string
		var n int
		require.NoError(t, rows.Scan(&name, &n))
		out[name] = n
	}
	require.NoError(t, rows.Err())
	return out
}

// since lists what has come and gone since before: "messages+1 sessions-1".
func (c *counter) since(t testing.TB, before map[string]int) string {
	t.Helper()
	var out []string
	for name, n := range c.rows(t) {
		if n != before[name] {
			out = append(out, fmt.Sprintf("%s%+d", name, n-before[name]))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// failure is the id of an error and which of the ways it was, as the client is told; a
// browser is sent to a page for it, which asks for the same.
func failure(t testing.TB, c *enginetest.Client, a *enginetest.Answer) (status int, id, why string) {
	t.Helper()
	var v struct {
		Error struct {
			Code    int
			ID      string
			Details struct{ Failure string }
		}
	}
	body := a.Body
	if id := a.Location().Query().Get("id"); c.Kind == enginetest.HTML && id != "" {
		body = c.Env.Native().Get("/self-service/errors?id=" + id).Body
	}
	require.NoError(t, json.Unmarshal(body, &v), "%d %s", a.Status, body)
	for _, where := range []string{"127.0.0.1", "receiver.invalid", "connection", "closed."} {
		require.NotContains(t, string(body), where, "nobody is told where the receiver is, or what it is called")
	}
	if c.Kind != enginetest.HTML {
		require.Equal(t, a.Status, v.Error.Code)
	}
	return v.Error.Code, v.Error.ID, v.Error.Details.Failure
}

// skips reports whether the n-th of so many variants is left to another database:
// once over, each is tried on one of them.
func skips(env *enginetest.Env, n, variant, variants int) bool {
	first := map[string]int{"postgres": 1, "mysql": 2}
	return *repeats == 1 && (n+first[env.App.Store.Dialect()])%variants != variant
}

// each is testdb.Each for tests that mostly wait.
func each(t *testing.T, fn func(t *testing.T, dsn string)) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, dsn string) {
		t.Parallel()
		fn(t, dsn)
	})
}
