package password_test

import (
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
