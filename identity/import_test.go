package identity_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Whoever comes with a hash of another system signs in with their password, and
// has a hash of ours from then on. testdata/hashes.json has one of each format,
// made of the same password by libxcrypt, openssl, Python's hashlib and, argon2,
// x/crypto.
func TestSignInWithAHashBroughtAlong(t *testing.T) {
	raw, err := os.ReadFile("testdata/hashes.json")
	require.NoError(t, err)
	var hashes []string
	require.NoError(t, json.Unmarshal(raw, &hashes))
	require.Len(t, hashes, 31)

	env := enginetest.New(t)
	stored := func() string { return strings.Join(env.Rows()["credentials"], "\n") }
	for n, foreign := range hashes {
		email := fmt.Sprintf("moved%d@example.org", n)
		create(t, env, with(person(email), "credentials.password.config.hashed_password", foreign))
		before := stored()
		require.Contains(t, before, foreign)

		values := enginetest.Credentials(email)
		app := env.Native()
		f := app.Refused(app.OpenKind("login", ""), values.With("password", "correct horse batterY"))
		require.Equal(t, ui.ErrCredentials, f.UI.Messages[0].ID, foreign)
		require.Equal(t, before, stored(), "a wrong password changes nothing")

		right := values.With("password", "correct horse battery")
		app.SignIn("", right)
		require.True(t, app.SignedIn(), foreign)
		after := stored()
		require.NotContains(t, after, foreign)
		require.Equal(t, n+1, strings.Count(after, "$argon2id$v=19$m=64,t=1,p=1$"), foreign)

		again := env.Native()
		again.SignIn("", right)
		require.True(t, again.SignedIn(), foreign)
		require.Equal(t, after, stored(), "rehashed once")
	}
}

// What no hasher here could verify is refused with a reason, and leaves nobody
// behind.
func TestHashesThatCannotBeUsed(t *testing.T) {
	env := enginetest.New(t)
	before := env.Rows()
	for foreign, reason := range map[string]string{
		"$6$saltsalt$x":                     "of no known format",
		"$2a$31$" + strings.Repeat("a", 53): "outside the limits: bcrypt needs a cost of 4 to 15",
		"$scrypt$ln=1073741824,r=8,p=1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==":                    "outside the limits: scrypt needs",
		"$pbkdf2-sha256$i=1000000000,l=32$c2FsdA$" + strings.Repeat("A", 43):                 "outside the limits: PBKDF2 needs",
		"$sha256$pf=e1NBTFR9$c2FsdA==$" + strings.Repeat("A", 43) + "=":                      "malformed: the template",
		"$md5$" + strings.Repeat("A", 2000):                                                  "malformed: it has more than 1024 bytes",
		"$argon2id$v=19$m=1048576,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$" + strings.Repeat("A", 43): "hashers.argon2.dedicated_memory",
	} {
		a := env.Admin("POST", "/admin/identities", with(person("a@example.org"), "credentials.password.config.hashed_password", foreign))
		require.Equal(t, "400 password_hash_unsupported", fmt.Sprint(a.Status, " ", a.ErrorID()), "%.60s: %s", foreign, a.Body)
		require.Contains(t, string(a.Body), reason)
		require.NotContains(t, string(a.Body), foreign)
	}
	require.Empty(t, env.Rows().Since(before))
}
