package selfservice_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// returning are the ends of a trip that store more than the flow: what is there
// before, and the door by which the client then comes. Each ends in a session.
var returning = map[string]struct {
	door   string
	before func(p *provided)
}{
	"registration":                 {door: "registration"},
	"registration from a login":    {door: "login"},
	"sign-in":                      {door: "login", before: func(p *provided) { p.come(p.Native(), "login", "") }},
	"sign-in from a registration":  {door: "registration", before: func(p *provided) { p.come(p.Native(), "login", "") }},
	"takeover":                     {door: "login", before: steals},
	"takeover from a registration": {door: "registration", before: steals},
}

// steals registers the address of the provider's person.
func steals(p *provided) { p.SPA().SignUp(enginetest.Person("ada@example.com")) }

// Whatever table cannot be written when a client returns: nothing is stored but that
// it was back, nobody is told to be in, and the same button leads in afterwards.
func TestProviderReturnIsWhole(t *testing.T) {
	for name, j := range returning {
		t.Run(name, func(t *testing.T) {
			failed := 0
			for _, write := range []string{
				"INSERT ON identities", "UPDATE ON identities", "INSERT ON credentials", "UPDATE ON credentials", "INSERT ON identifiers",
				"INSERT ON addresses", "UPDATE ON addresses", "INSERT ON sessions", "UPDATE ON sessions", "INSERT ON session_tokens", "INSERT ON flows",
			} {
				p := withProvider(t, map[string]any{"authoritative_for": []string{"*"}}, enginetest.WithVerification())
				if j.before != nil {
					j.before(p)
				}
				c := p.Browser()
				f := c.OpenKind(j.door, "")
				back, err := p.op.Approve(c.Submit(f, by("op")).Elsewhere())
				require.NoError(t, err)
				before := p.Rows()
				p.Exec("CREATE TRIGGER broken BEFORE " + write + " BEGIN SELECT RAISE(ABORT, 'broken by test'); END")
				a := c.Return(back)
				p.Exec("DROP TRIGGER broken")
				if c.SignedIn() {
					continue // it writes nothing there
				}
				failed++
				require.Equal(t, "/error", a.Location().Path, "%s", a.Body)
				require.Equal(t, "flow_errors+1 flows~1", p.Rows().Since(before), write)
				require.Less(t, c.Visit(p.op, c.Submit(c.ReadKind(j.door, f.ID), by("op"))).Status, 400)
				require.True(t, c.SignedIn(), "%s", write)
				require.Equal(t, 1, p.Identities())
			}
			require.GreaterOrEqual(t, failed, 2)
			t.Logf("%d tables at which it failed", failed)
		})
	}
}
