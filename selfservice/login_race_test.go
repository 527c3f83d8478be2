package selfservice_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/testdb"
)

// crowd is how many submit at once.
const crowd = 64

// rush submits v to each flow at once and counts what is told.
func rush(t *testing.T, c client, flows []flow, v values) (told map[string]int, answers []answer) {
	t.Helper()
	answers = make([]answer, len(flows))
	failed := make([]error, len(flows))
	together(len(flows), func(i int) {
		req := c.Request(http.MethodPost, flows[i].UI.Action, jsonBody(flows[i].Fill(v)))
		req.Header.Set("Content-Type", "application/json")
		answers[i], failed[i] = c.Try(req)
	})
	told = map[string]int{}
	for i, a := range answers {
		require.NoError(t, failed[i])
		told[tell(c, a)]++
	}
	return told, answers
}

// 64 submits of one flow sign in once: one session, and a token for each answer.
func TestOneLoginAtOnce(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		env := enginetest.New(t, enginetest.WithDSN(dsn))
		known := signedUp(t, env)
		for _, c := range []client{env.SPA(), env.Native()} {
			f := c.OpenKind("login", "")
			told, answers := rush(t, c, repeatedFlow(f), known)
			want := "200 done session"
			if c.Kind == enginetest.Native {
				want += " token"
			}
			require.Equal(t, map[string]int{want: crowd}, told)
			sessions := map[any]int{}
			for _, a := range answers {
				sessions[a.JSON()["session"].(map[string]any)["id"]]++
				if c.Kind == enginetest.Native {
					require.Equal(t, http.StatusOK, env.Native().Whoami(token(t, a)).Status)
				}
			}
			require.Len(t, sessions, 1)

			f = env.Native().OpenKind("login", "")
			told, _ = rush(t, env.Native(), repeatedFlow(f), known.With("password", "wrong"))
			require.Equal(t, map[string]int{"400 form 4000006": crowd}, told)
		}
	})
}

func repeatedFlow(f flow) (all []flow) {
	for range crowd {
		all = append(all, f)
	}
	return all
}

// 64 logins of one person are 64 sessions, the password stored anew meanwhile or not.
func TestOnePersonAtOnce(t *testing.T) {
	dsn := enginetest.WithDSN("sqlite://" + filepath.Join(t.TempDir(), "foyer.sqlite"))
	known := signedUp(t, enginetest.New(t, dsn))
	env := enginetest.New(t, dsn, enginetest.With("hashers.argon2.iterations", 2))
	c := env.Native()
	for _, writes := range []string{"credentials~1 flows~64 identities~1 session_tokens+64 sessions+64", "flows~64 session_tokens+64 sessions+64"} {
		var flows []flow
		for range crowd {
			flows = append(flows, c.OpenKind("login", ""))
		}
		before := env.Rows()
		told, _ := rush(t, c, flows, known)
		require.Equal(t, map[string]int{"200 done session token": crowd}, told)
		require.Equal(t, writes, env.Rows().Since(before))
	}
	require.Equal(t, 1, strings.Count(strings.Join(env.Rows()["credentials"], "\n"), "$argon2id$v=19$m=64,t=2,p=1$"))
}

// 64 refreshes of one session leave one token of it alive. Who comes when the
// session's token is dead already signs in anew, or is told that it is over.
func TestOneSessionRefreshedAtOnce(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	v := come(t, c)
	id := sessionOf(c)
	var flows []flow
	for range crowd {
		flows = append(flows, c.OpenKind("login", "refresh=true"))
	}
	told, answers := rush(t, c, flows, v)
	require.Equal(t, crowd, told["200 done session token"]+told["401 session_inactive"], "%v", told)
	alive := 0
	for _, a := range answers {
		if a.Status != http.StatusOK {
			continue
		}
		live := env.Native().Whoami(token(t, a)).Status == http.StatusOK
		switch {
		case a.JSON()["session"].(map[string]any)["id"] != id:
			require.True(t, live)
		case live:
			alive++
		}
	}
	require.Equal(t, 1, alive)
	require.False(t, c.SignedIn(), "the token they all came with")
}
