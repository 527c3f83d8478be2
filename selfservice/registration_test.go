package selfservice_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// The journey of every client: open, be told what is wrong, mend it, be
// registered, be known.
func TestRegister(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := string(c.Kind) + "@example.org"
			f := c.Open("")
			refused := c.Refused(f, enginetest.Values{
				"method": "password", "traits.email": "nobody", "traits.age": "9", "traits.name.first": "Ada", "password": "xq7!",
			})
			require.Equal(t, f.ID, refused.ID)
			require.Equal(t, []int{ui.ErrEmail}, refused.IDs("traits.email"))
			require.Equal(t, []int{ui.ErrMinimum}, refused.IDs("traits.age"))
			require.Equal(t, []int{ui.ErrPasswordTooShort}, refused.IDs("password"))
			require.Empty(t, refused.IDs(""))
			require.Equal(t, "nobody", refused.Value("traits.email"))
			require.Equal(t, "Ada", refused.Value("traits.name.first"))
			require.Nil(t, refused.Value("password"))

			a := c.Submit(refused, enginetest.Person(email).With("traits.name.first", "Ada"))
			token := ""
			switch c.Kind {
			case enginetest.HTML:
				require.Equal(t, http.StatusSeeOther, a.Status)
				require.Equal(t, "http://127.0.0.1:4455/", a.Header.Get("Location"))
			case enginetest.JSON:
				require.Equal(t, http.StatusOK, a.Status)
				require.NotContains(t, a.JSON(), "session_token")
			case enginetest.Native:
				require.Equal(t, http.StatusOK, a.Status)
				token = a.JSON()["session_token"].(string)
				require.Empty(t, a.Header.Values("Set-Cookie"))
			}
			who := c.Whoami(token)
			require.Equal(t, http.StatusOK, who.Status)
			require.Equal(t, map[string]any{"email": email, "name": map[string]any{"first": "Ada"}},
				who.JSON()["identity"].(map[string]any)["traits"])
		})
	}
	require.Equal(t, 3, env.Identities())
}
