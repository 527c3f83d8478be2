package persistence_test

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

// A database that takes what is sent and never answers keeps nobody waiting,
// neither on the connections that were open nor on new ones, and when it
// answers again everything works.
func TestFrozenDatabaseKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{"postgres": testdb.Postgres, "mysql": testdb.MySQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, line := throughLine(t, fresh(t))
			s := migrated(t, dsn)
			r := newRegistration(t, s)
			require.NoError(t, r.submit(t.Context(), s))
			persistence.Patience(s, 100*time.Millisecond)
			line.freeze()
			for range 2 {
				for what, ask := range map[string]func() error{
					"flow":     func() error { _, err := s.Flow(t.Context(), r.flow.Kind, r.flow.ID); return err },
					"identity": func() error { _, err := s.Identity(t.Context(), r.person.ID); return err },
					"token":    func() error { _, err := s.SessionByToken(t.Context(), r.hash()); return err },
					"ping":     func() error { return s.Ping(t.Context()) },
					"pending":  func() error { _, err := s.Pending(t.Context()); return err },
				} {
					begun := time.Now()
					err := ask()
					require.Less(t, time.Since(begun), 3*time.Second, what)
					require.NotNil(t, fail.As(err), "%s: %v", what, err)
					require.Equal(t, "storage_unavailable", fail.As(err).ID, what)
				}
			}
			line.thaw()
			persistence.Patience(s, 0)
			require.Eventually(t, func() bool { return s.Ping(t.Context()) == nil }, 5*time.Second, 10*time.Millisecond)
			require.True(t, r.stored(t, s))
		})
	}
}

// Nor does one that never answered at all.
func TestServerThatNeverAnswersIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	ear, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody reads
	require.NoError(t, err)
	t.Cleanup(func() { _ = ear.Close() })
	var both sync.WaitGroup
	for _, dsn := range []string{"postgres://u@%s/d?sslmode=disable", "mysql://u@tcp(%s)/d"} {
		both.Go(func() {
			begun := time.Now()
			o := persistence.Options{DSN: fmt.Sprintf(dsn, ear.Addr()), Now: time.Now}
			_, err := persistence.OpenImpatient(t.Context(), o, 200*time.Millisecond)
			if f := fail.As(err); f == nil || f.ID != "storage_unavailable" || time.Since(begun) > 2*time.Second {
				t.Errorf("%s: %v after %s", dsn, err, time.Since(begun))
			}
		})
	}
	both.Wait()
}

// line is a TCP proxy that can stop carrying.
type line struct {
	target string
	mu     sync.Mutex
	moving chan struct{} // closed while bytes may pass
}

var hostPort = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// throughLine returns dsn with its server behind a line.
func throughLine(t *testing.T, dsn string) (string, *line) {
	l := &line{target: hostPort.FindString(dsn), moving: make(chan struct{})}
	if l.target == "" {
		u, err := url.Parse(dsn)
		require.NoError(t, err)
		l.target = u.Host
	}
	close(l.moving)
	ear, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ear.Close() })
	go func() {
		for {
			in, err := ear.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", l.target)
			if err != nil {
				_ = in.Close()
				continue
			}
			go l.carry(out, in)
			go l.carry(in, out)
		}
	}()
	return hostPort.ReplaceAllString(dsn, ear.Addr().String()), l
}

func (l *line) carry(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		moving := l.moving
		l.mu.Unlock()
		<-moving
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

func (l *line) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moving = make(chan struct{})
}

func (l *line) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.moving)
}
