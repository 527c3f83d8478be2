package password_test

import (
	"crypto/md5"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// The button says what it does: sign in, or that and link an account elsewhere.
func TestLabelOfALoginThatLinks(t *testing.T) {
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	env := enginetest.New(t, enginetest.WithProvider("op", op, nil))
	env.Native().SignUp(enginetest.Person(opsim.Ada["email"].(string)))
	b := env.Browser()
	f := b.OpenKind("login", "")
	require.Equal(t, ui.LabelSignIn, f.Node("method").Meta.Label.ID)
	f = b.Landed("login", b.Visit(op, b.Submit(f, enginetest.Values{"provider": "op"})))
	require.Equal(t, ui.LabelSignInAndLink, f.Node("method").Meta.Label.ID)
	b.Adopt(b.Submit(f, enginetest.Credentials(opsim.Ada["email"].(string))))
	require.True(t, b.SignedIn())
	require.Equal(t, 1, env.Identities())
}

// Who came with a password that cannot be hashed as passwords are here keeps the
// hash they came with.
func TestAPasswordThatCannotBeRehashed(t *testing.T) {
	env := enginetest.New(t, enginetest.With("hashers.algorithm", "bcrypt"), enginetest.With("hashers.bcrypt.cost", 4))
	long := strings.Repeat("long ", 20)
	sum := md5.Sum([]byte(long))
	foreign := "$md5$" + base64.StdEncoding.EncodeToString(sum[:])
	created := env.Admin("POST", "/admin/identities", map[string]any{
		"traits":      map[string]any{"email": "long@example.org"},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"hashed_password": foreign}}},
	})
	require.Equal(t, 201, created.Status, "%s", created.Body)
	app := env.Native()
	a := app.SignIn("", enginetest.Credentials("long@example.org").With("password", long))
	require.True(t, app.SignedIn(), "%s", a.Body)
	require.Contains(t, strings.Join(env.Rows()["credentials"], "\n"), foreign)
}
