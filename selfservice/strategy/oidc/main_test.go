package oidc_test

import (
	"os"
	"testing"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

// evaluator has one child, the test's own program, for all tests.
var evaluator = &jsonnet.Pool{Command: enginetest.JsonnetCommand(), Size: 1, Timeout: 20e9}

func TestMain(m *testing.M) {
	enginetest.Jsonnet()
	code := m.Run()
	evaluator.Close()
	os.Exit(code)
}
