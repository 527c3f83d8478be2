package race

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/process"
	"github.com/foyer-id/foyer/internal/testdb"
	"github.com/foyer-id/foyer/selfservice/ui"
)

const oldPassword = "a good long Passphrase 9"

// codeSchema is that of process, for people who sign in by codes, too.
var codeSchema = strings.Replace(process.Person, `{"password": {"identifier": true}}`, `{"password": {"identifier": true}, "code": {"identifier": true, "via": "email"}}`, 1)

// member registers somebody and returns a client that is signed in.
func member(t *testing.T, env *enginetest.Env, email string) *enginetest.Client {
	t.Helper()
	c := env.Native()
	c.SignUp(enginetest.Values{"method": "password", "password": oldPassword, "traits.email": email})
	require.True(t, c.SignedIn())
	return c
}

// says is a whole submit of fields to a flow, signed in by token where there is one.
func says(t *testing.T, env *enginetest.Env, kind, flow, token string, fields process.Fields) []byte {
	t.Helper()
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	request := post(env, "/self-service/"+kind+"?flow="+flow, body)
	if token == "" {
		return request
	}
	return []byte(strings.Replace(string(request), "\r\n", "\r\nX-Session-Token: "+token+"\r\n", 1))
}

// session is the session of a token at a server, empty for none.
func session(env *enginetest.Env, token string) string {
	a := env.Native().Whoami(token)
	if a.Status != http.StatusOK {
		return ""
	}
	return a.JSON()["id"].(string)
}

// One code of a recovery or a login sent by many at once, at two servers, lets in
// once: whoever is told so is in one and the same session, and who is not was one
// too many.
func TestOneSession(t *testing.T) {
	for _, kind := range []string{"recovery", "login"} {
		t.Run(kind, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, dsn string) {
				all := servers(t, dsn, enginetest.WithSchema(codeSchema), enginetest.WithRecovery(), enginetest.WithPasswordless(),
					enginetest.With("feature_flags.use_continue_with_transitions", true))
				env, last := all[0], all[len(all)-1]
				for n := range *proofs {
					email := fmt.Sprintf("person-%d@example.org", n)
					before := member(t, env, email)
					c := env.Native()
					f := c.OpenKind(kind, "")
					who := map[string]enginetest.Values{"recovery": {"method": "code", "email": email}, "login": {"method": "code", "identifier": email}}[kind]
					require.Equal(t, "sent_email", c.Say(f, who).State)
					code := env.Inbox(email)[0].Code()
					sessions, settings := map[string]bool{}, map[string]bool{}
					for _, a := range release(t, repeat(says(t, env, kind, f.ID, "", process.Fields{"method": "code", "code": code}), clients), all...) {
						switch {
						case a.Token() != "":
							require.Equal(t, http.StatusOK, a.Status, "%s", a)
							sessions[session(last, a.Token())], settings[a.LeadsTo("settings")] = true, true
						case a.Status == http.StatusBadRequest && tooMany(a):
						default:
							t.Errorf("%s", a)
						}
					}
					require.Len(t, sessions, 1)
					require.NotContains(t, sessions, "")
					require.Len(t, settings, 1)
					require.False(t, kind == "recovery" && session(last, before.Token()) != "", "a first proof puts everybody else out")
				}
				t.Logf("%d flows × %d clients at %d servers: one session each", *proofs, clients, len(all))
			})
		})
	}
}

// One save of a new password sent by many at once, as by an impatient finger, is
// made once, and everybody is told so.
func TestOneSave(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		all := servers(t, dsn)
		env, last := all[0], all[len(all)-1]
		for n := range *proofs {
			email, password := fmt.Sprintf("person-%d@example.org", n), fmt.Sprintf("another Passphrase %d", n)
			c := member(t, env, email)
			elsewhere := env.Native()
			elsewhere.SignIn("", enginetest.Credentials(email))
			require.NotEmpty(t, session(last, elsewhere.Token()))
			f := c.OpenKind("settings", "")
			saved := 0
			for _, a := range release(t, repeat(says(t, env, "settings", f.ID, c.Token(), process.Fields{"method": "password", "password": password}), clients), all...) {
				switch {
				case a.Status == http.StatusOK && a.Says(ui.SuccessSaved):
					saved++
				case a.Status == http.StatusServiceUnavailable && strings.Contains(string(a.Raw), "flow_contended"):
				default:
					t.Errorf("%s", a)
				}
			}
			require.Positive(t, saved)
			require.NotEmpty(t, session(last, c.Token()), "whoever saves stays")
			require.Empty(t, session(last, elsewhere.Token()), "nobody else does, at any server")
			require.Equal(t, 400, last.Native().SignIn("", enginetest.Credentials(email)).Status)
			require.Equal(t, 200, last.Native().SignIn("", enginetest.Credentials(email).With("password", password)).Status)
		}
	})
}

// Of many passwords chosen at once, each in a flow of its own, the one that holds
// in the end is one whose save was acknowledged, and no other does.
func TestManySaves(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		all := servers(t, dsn)
		env := all[0]
		email := "person@example.org"
		c := member(t, env, email)
		password := func(n int) string { return fmt.Sprintf("another Passphrase %d", n) }
		var requests [][]byte
		for n := range clients {
			f := c.OpenKind("settings", "")
			requests = append(requests, says(t, env, "settings", f.ID, c.Token(), process.Fields{"method": "password", "password": password(n)}))
		}
		acknowledged, refused, holds := 0, 0, 0
		for n, a := range release(t, requests, all...) {
			switch {
			case a.Status == http.StatusOK && a.Says(ui.SuccessSaved):
				acknowledged++
				if env.Native().SignIn("", enginetest.Credentials(email).With("password", password(n))).Status == http.StatusOK {
					holds++
				}
			case a.Status == http.StatusServiceUnavailable && strings.Contains(string(a.Raw), "flow_contended"):
				refused++
			default:
				t.Errorf("%s", a)
			}
		}
		require.Equal(t, 1, holds)
		require.Equal(t, 400, env.Native().SignIn("", enginetest.Credentials(email)).Status, "nor does the old one")
		t.Logf("%d passwords at %d servers: %d acknowledged, %d told to send it again, one holds", clients, len(all), acknowledged, refused)
	})
}

// Whoever signs in with the old password while it is changed is out once the
// change is acknowledged, whichever of the two came first.
func TestSignInAgainstSave(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		all := servers(t, dsn)
		env := all[0]
		in, late := 0, 0
		for n := range *proofs {
			email := fmt.Sprintf("person-%d@example.org", n)
			c := member(t, env, email)
			f := c.OpenKind("settings", "")
			var requests [][]byte
			for i := range clients {
				if i == clients/2 {
					requests = append(requests, says(t, env, "settings", f.ID, c.Token(), process.Fields{"method": "password", "password": "another Passphrase 1"}))
					continue
				}
				login := env.Native().OpenKind("login", "")
				requests = append(requests, says(t, env, "login", login.ID, "", process.Fields{"method": "password", "identifier": email, "password": oldPassword}))
			}
			answers := release(t, requests, all...)
			require.True(t, answers[clients/2].Says(ui.SuccessSaved), "%s", answers[clients/2])
			for i, a := range answers {
				switch {
				case i == clients/2:
				case a.Token() != "":
					in++
					require.Empty(t, session(env, a.Token()), "a session of the old password outlives it")
				case a.Says(ui.ErrCredentials):
					late++
				default:
					t.Errorf("%s", a)
				}
			}
			require.NotEmpty(t, session(env, c.Token()))
		}
		t.Logf("%d came in and were put out, %d were too late", in, late)
	})
}

// Of two sessions in which the password is changed at once one puts the other
// out, whose change is refused then.
func TestSaveAgainstSave(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		all := servers(t, dsn)
		env := all[0]
		for n := range 4 * *proofs {
			email := fmt.Sprintf("person-%d@example.org", n)
			one, two := member(t, env, email), env.Native()
			two.SignIn("", enginetest.Credentials(email))
			var requests [][]byte
			for i, c := range []*enginetest.Client{one, two} {
				f := c.OpenKind("settings", "")
				requests = append(requests, says(t, env, "settings", f.ID, c.Token(), process.Fields{"method": "password", "password": fmt.Sprintf("another Passphrase %d", i)}))
			}
			acknowledged := 0
			for i, a := range release(t, requests, all...) {
				saved := a.Status == http.StatusOK && a.Says(ui.SuccessSaved)
				if saved {
					acknowledged++
				} else {
					require.Equal(t, http.StatusUnauthorized, a.Status, "%s", a)
				}
				require.Equal(t, saved, session(env, []*enginetest.Client{one, two}[i].Token()) != "")
				in := env.Native().SignIn("", enginetest.Credentials(email).With("password", fmt.Sprintf("another Passphrase %d", i))).Status
				require.Equal(t, saved, in == http.StatusOK)
			}
			require.Equal(t, 1, acknowledged)
		}
	})
}
