package selfservice_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// Whichever of its rows cannot be written: a registration leaves none of them,
// no mail without its person and no person without the mail, and says so; sent
// again once the trouble is over, it succeeds with one of each.
func TestRegistrationAndMailAreOne(t *testing.T) {
	for name, option := range map[string]enginetest.Option{"after": enginetest.WithVerification(), "before": enginetest.WithProofFirst()} {
		t.Run(name, func(t *testing.T) {
			env := enginetest.New(t, option)
			c := env.Native()
			writes := []string{"UPDATE ON flows", "INSERT ON budgets", "UPDATE ON budgets", "INSERT ON messages"}
			if name == "after" {
				writes = append(writes, "INSERT ON flows", "INSERT ON identities", "INSERT ON credentials", "INSERT ON identifiers",
					"INSERT ON addresses", "INSERT ON sessions", "INSERT ON session_tokens")
			}
			for _, write := range writes {
				email := address()
				f := c.Open("")
				before := env.Rows()
				env.Exec(fmt.Sprintf("CREATE TRIGGER trouble BEFORE %s BEGIN SELECT RAISE(ABORT, 'trouble'); END", write))
				a := c.Submit(f, enginetest.Person(email))
				require.GreaterOrEqual(t, a.Status, 500, "%s: %s", write, a.Body)
				require.NotContains(t, string(a.Body), "trouble")
				require.Empty(t, env.Rows().Since(before), write)
				env.Exec("DROP TRIGGER trouble")

				a = c.Submit(f, enginetest.Person(email))
				if name == "after" {
					require.Equal(t, http.StatusOK, a.Status, "%s: %s", write, a.Body)
				} else {
					require.Equal(t, "400 form 1040005", tell(c, a), write)
				}
				require.Len(t, env.Inbox(email), 1, write)
			}
		})
	}
}

// The same for the proof: verified, epoch, sessions' end and both flows are one.
func TestProofIsOne(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for _, write := range []string{"UPDATE ON flows", "UPDATE ON identities", "UPDATE ON addresses", "UPDATE ON sessions"} {
		attacker := env.SPA()
		email := address()
		registered(t, attacker, email)
		c := env.Browser()
		f := c.Follow(env.Inbox(email)[0].Link())
		before := env.Rows()
		env.Exec(fmt.Sprintf("CREATE TRIGGER trouble BEFORE %s BEGIN SELECT RAISE(ABORT, 'trouble'); END", write))
		v := values{"method": "code", "token": f.Value("token")}
		require.Regexp(t, "^(50|303 error 50)", tell(c, c.Submit(f, v)), write)
		require.Empty(t, env.Rows().Without("flow_errors").Since(before), write)
		require.Equal(t, http.StatusOK, attacker.Whoami("").Status, "nothing was proved")
		env.Exec("DROP TRIGGER trouble")
		require.Equal(t, "303 form 1080002", tell(c, c.Submit(f, v)))
		require.Equal(t, http.StatusUnauthorized, attacker.Whoami("").Status)
	}
}
