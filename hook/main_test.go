package hook_test

import (
	"os"
	"testing"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

// TestMain lets the test's own program be the children that evaluate Jsonnet.
func TestMain(m *testing.M) {
	enginetest.Jsonnet()
	if len(os.Args) == 2 && os.Args[1] == "jsonnet" {
		if jsonnet.Child(os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// newEvaluator returns a pool of such children, which ends with the test.
func newEvaluator(t testing.TB) *jsonnet.Pool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &jsonnet.Pool{Command: []string{self, "jsonnet"}, Size: 1, Timeout: 20e9}
	t.Cleanup(p.Close)
	return p
}
