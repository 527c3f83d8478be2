package process

import (
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Shared is the program, built once for all tests of a package. Its zero value
// is ready for use, by any number of tests at the same time.
type Shared struct {
	once   sync.Once
	dir    string
	binary string
	err    error
}

// Run runs the tests, takes away what was built for them, and returns the
// status to exit with. TestMain calls it.
func (s *Shared) Run(m *testing.M) int {
	status := m.Run()
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
	return status
}

// Binary builds the program for the first test that asks, and returns the
// file's path.
func (s *Shared) Binary(t testing.TB) string {
	t.Helper()
	s.once.Do(func() {
		if s.dir, s.err = os.MkdirTemp("", "foyer-built"); s.err == nil {
			s.binary, s.err = Build(t.Context(), s.dir)
		}
	})
	require.NoError(t, s.err)
	return s.binary
}
