package selfservice_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// stored is the credentials in the database that hold text.
func stored(env *enginetest.Env, text string) int {
	return strings.Count(strings.Join(env.Rows()["credentials"], "\n"), text)
}

// rehashed is what a login writes that stores the password anew.
const rehashed = "credentials~1 flows~1 identities~1 session_tokens+1 sessions+1"

// A password is stored anew when it is known in the clear and the settings have
// changed, and only then.
func TestRehash(t *testing.T) {
	dsn := enginetest.WithDSN("sqlite://" + filepath.Join(t.TempDir(), "foyer.sqlite"))
	old := enginetest.New(t, dsn)
	var known []values
	for range old.Clients() {
		known = append(known, signedUp(t, old))
	}
	const made, now = "$argon2id$v=19$m=64,t=1,p=1$", "$argon2id$v=19$m=64,t=2,p=1$"
	require.Equal(t, 3, stored(old, made))

	env := enginetest.New(t, dsn, enginetest.With("hashers.argon2.iterations", 2))
	for n, c := range env.Clients() {
		before := env.Rows()
		require.Equal(t, per(c, 400, "4000006"), tell(c, c.Submit(c.OpenKind("login", ""), known[n].With("password", "wrong"))))
		require.Equal(t, 3-n, stored(env, made), "a wrong password changes nothing")
		require.Equal(t, "flows+1", env.Rows().Since(before))

		for _, writes := range []string{rehashed, "flows~1 session_tokens+1 sessions+1"} {
			fresh := clientOf(env, c.Kind)
			f := fresh.OpenKind("login", "")
			before = env.Rows()
			require.Less(t, fresh.Submit(f, known[n]).Status, 400)
			require.Equal(t, writes, env.Rows().Since(before))
		}
		require.Equal(t, n+1, stored(env, now))
	}
	list := env.Admin("GET", "/admin/identities?credentials_identifier="+known[0]["identifier"].(string), nil)
	who := env.Admin("GET", "/admin/identities/"+regexpID.FindString(string(list.Body)), nil)
	require.Contains(t, string(who.Body), `"version":1`)
}

// Whoever comes with a hash of another program keeps the password.
func TestLoginByImportedHash(t *testing.T) {
	env := enginetest.New(t)
	brought, err := bcrypt.GenerateFromPassword([]byte("abc123xyz"), 10)
	require.NoError(t, err)
	email := address()
	a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"schema_id": "default", "traits": map[string]any{"email": email},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"hashed_password": string(brought)}}}})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	v := enginetest.Credentials(email)
	c := env.Native()
	require.Equal(t, "400 form 4000006", tell(c, c.Submit(c.OpenKind("login", ""), v)))
	require.Equal(t, 1, stored(env, string(brought)))
	require.Equal(t, "200 done session token", tell(c, c.Submit(c.OpenKind("login", ""), v.With("password", "abc123xyz"))))
	require.Zero(t, stored(env, "$2a$"), "it is stored as ours are")
	require.Equal(t, "200 done session token", tell(c, c.Submit(c.OpenKind("login", ""), v.With("password", "abc123xyz"))))
}

// A password that today's settings cannot store still lets its owner in.
func TestPasswordThatCannotBeStoredAnew(t *testing.T) {
	dsn := enginetest.WithDSN("sqlite://" + filepath.Join(t.TempDir(), "foyer.sqlite"))
	old := enginetest.New(t, dsn)
	email := address()
	v := enginetest.Credentials(email).With("password", strings.Repeat("a good long Passphrase 9 ", 6))
	register(t, old.Native(), enginetest.Person(email).With("password", v["password"]))

	env := enginetest.New(t, dsn, enginetest.With("hashers.algorithm", "bcrypt"), enginetest.With("hashers.bcrypt.cost", 4))
	for _, c := range env.Clients() {
		a := c.Submit(c.OpenKind("login", ""), v)
		require.NotContains(t, a.Header.Get("Location")+string(a.Body), "flow=", "%s", a.Body)
		require.Less(t, a.Status, 400, "%s", a.Body)
	}
	require.Equal(t, 1, stored(env, "$argon2id$"))
	c := env.Native()
	for _, who := range []string{email, "nobody@example.org"} {
		require.Equal(t, "400 form 4000006", tell(c, c.Submit(c.OpenKind("login", ""), v.With("identifier", who).With("password", strings.Repeat("wrong", 30)))))
	}
}

// A password of any length is only wrong.
func TestLongPasswords(t *testing.T) {
	env := enginetest.New(t)
	known := signedUp(t, env)
	for _, n := range []int{1024, 1025, 900_000} {
		for _, who := range []any{known["identifier"], "nobody@example.org"} {
			for _, c := range env.Clients() {
				v := enginetest.Credentials(who.(string)).With("password", strings.Repeat("p", n))
				require.Equal(t, per(c, 400, "4000006"), tell(c, c.Submit(c.OpenKind("login", ""), v)))
			}
		}
	}
}
