package session_test

import (
	"os"
	"testing"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/seal"
)

func TestMain(m *testing.M) {
	enginetest.Jsonnet()
	os.Exit(m.Run())
}

// cookieRing is what the programs under test seal cookies with.
var cookieRing = func() *seal.Ring {
	r, err := seal.NewRing("cookie", "a secret of the tests, and theirs alone")
	if err != nil {
		panic(err)
	}
	return r
}()
