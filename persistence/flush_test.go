package persistence_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/persistence"
)

// fillVariable makes the test program a child of
// TestNothingIsAcknowledgedAfterAFailedFlush that fills the database it names.
const fillVariable = "FOYER_TEST_FILL"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(fillVariable); dsn != "" {
		fill(context.Background(), dsn)
		return
	}
	os.Exit(m.Run())
}

// fill inserts identities and prints the id of each that was acknowledged,
// then how the store refused the next and the one after it.
func fill(ctx context.Context, dsn string) {
	s, err := persistence.Open(ctx, persistence.Options{DSN: dsn, Now: time.Now})
	if err != nil {
		panic(err)
	}
	// A unit runs in the writer's goroutine: all flushes happen on one thread,
	// which strace counts by.
	err = s.Tx(ctx, func(context.Context) error { runtime.LockOSThread(); return nil })
	if err == nil {
		_, err = s.Migrate(ctx)
	}
	for n := 0; err == nil && n < 1000; n++ {
		p := newPerson(fmt.Sprintf("%d@example.org", n))
		if err = s.InsertIdentity(ctx, p); err == nil {
			fmt.Println("stored", p.ID)
		}
	}
	for _, err := range []error{err, s.InsertFlow(ctx, newFlow())} {
		if f := fail.As(err); f != nil {
			fmt.Println("refused", f.ID)
		}
	}
	fmt.Println("broken", s.Broken() != nil)
}

// The disk fails to flush from the n-th time on, at a commit or at a
// checkpoint: from then on nothing is acknowledged, and a restart finds all
// that was.
func TestNothingIsAcknowledgedAfterAFailedFlush(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		testdb.Missing(t, "strace is not installed: no flush can be made to fail")
	}
	for _, n := range []int{60, 403, 404, 405} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			dsn := testdb.SQLite(t)
			c := exec.Command(strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
				"-e", fmt.Sprintf("inject=fsync,fdatasync:error=EIO:when=%d+", n), os.Args[0])
			c.Env = append(os.Environ(), fillVariable+"="+dsn)
			out, _ := c.CombinedOutput()
			if bytes.Contains(out, []byte("Operation not permitted")) {
				require.NotEqual(t, "true", os.Getenv("CI"), "CI promises that strace may trace")
				t.Skip("strace may not trace here: the kernel refuses ptrace")
			}
			text := string(out)
			require.Equal(t, 2, strings.Count(text, "refused storage_failed\n"), "n=%d: %d stored, the end: %s", n, strings.Count(text, "stored"), text[max(0, len(text)-300):])
			require.Contains(t, text, "broken true")
			s := open(t, dsn)
			acknowledged := 0
			for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
				if id, ok := strings.CutPrefix(lines.Text(), "stored "); ok {
					acknowledged++
					_, err := s.Identity(t.Context(), uuid.FromStringOrNil(id))
					require.NoError(t, err, "n=%d", n)
				}
			}
			t.Logf("flush %d failed: %d acknowledged", n, acknowledged)
		})
	}
}
