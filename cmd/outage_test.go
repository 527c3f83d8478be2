package cmd_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

// While the database is away nobody is told a falsehood: no success, no "you
// are not signed in", no "wrong". Afterwards everything goes on where it was.
func TestDatabaseOutage(t *testing.T) {
	for name, fresh := range map[string]func(testing.TB) string{"postgres": testdb.Postgres, "mysql": testdb.MySQL} {
		t.Run(name, func(t *testing.T) {
			dsn, wire := throughProxy(t, fresh(t))
			env := enginetest.New(t, enginetest.WithDSN(dsn))
			c := env.Native()
			f := c.Open("")
			person := enginetest.Person("before@example.org")
			token := c.Submit(f, person).JSON()["session_token"].(string)
			waiting := c.Open("")
			wrong := enginetest.Values{"method": "password", "traits.email": "nobody", "password": "x"}

			wire.cut()
			for what, ask := range map[string]func() *enginetest.Answer{
				"open":    func() *enginetest.Answer { return c.Get("/self-service/registration/api") },
				"read":    func() *enginetest.Answer { return c.Get("/self-service/registration/flows?id=" + waiting.ID) },
				"refused": func() *enginetest.Answer { return c.Submit(waiting, wrong) },
				"submit":  func() *enginetest.Answer { return c.Submit(waiting, enginetest.Person("during@example.org")) },
				"again":   func() *enginetest.Answer { return c.Submit(f, person) },
				"whoami":  func() *enginetest.Answer { return c.Whoami(token) },
				"logout":  func() *enginetest.Answer { return c.As(token).Send("DELETE", "/sessions") },
			} {
				a := ask()
				require.Equal(t, http.StatusServiceUnavailable, a.Status, "%s: %s", what, a.Body)
				require.NotEmpty(t, a.Header.Get("Retry-After"), what)
				require.Equal(t, "storage_unavailable", a.ErrorID(), what)
				require.NotContains(t, string(a.Body), "127.0.0.1", what)
			}
			require.Equal(t, http.StatusServiceUnavailable, c.Get("/health/ready").Status)
			require.Equal(t, http.StatusOK, c.Get("/health/alive").Status)

			wire.mend()
			require.Eventually(t, func() bool { return c.Get("/health/ready").Status == http.StatusOK }, 5*time.Second, 20*time.Millisecond)
			require.Equal(t, http.StatusOK, c.Whoami(token).Status)
			require.Empty(t, c.Read(waiting.ID).UI.Messages)
			require.Equal(t, http.StatusOK, c.Submit(waiting, enginetest.Person("during@example.org")).Status)
			require.Equal(t, 2, env.Identities())
		})
	}
}

// cable is a TCP connection to the database that a test can cut.
type cable struct {
	target string
	mu     sync.Mutex
	broken bool
	open   []net.Conn
}

var hostPort = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// throughProxy returns dsn with its server behind a cable.
func throughProxy(t *testing.T, dsn string) (string, *cable) {
	c := &cable{target: hostPort.FindString(dsn)}
	if c.target == "" {
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		c.target = u.Host
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(in)
		}
	}()
	return hostPort.ReplaceAllString(dsn, l.Addr().String()), c
}

func (c *cable) carry(in net.Conn) {
	defer in.Close()
	c.mu.Lock()
	if c.broken {
		c.mu.Unlock()
		return
	}
	out, err := net.Dial("tcp", c.target)
	if err != nil {
		c.mu.Unlock()
		return
	}
	c.open = append(c.open, in, out)
	c.mu.Unlock()
	defer out.Close()
	go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
	_, _ = io.Copy(in, out)
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	for _, one := range c.open {
		_ = one.Close()
	}
	c.open = nil
}

func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = false
}
