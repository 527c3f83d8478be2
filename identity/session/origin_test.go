package session_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// A page of somebody else's ends no session by the cookie that travels with its
// request; a token in a header travels with nothing.
func TestForeignPagesEndNoSession(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	c.SignUp(enginetest.Person("ada@example.org"))
	other := env.SPA()
	other.SignIn("", enginetest.Credentials("ada@example.org"))
	for _, path := range []string{"/sessions", "/sessions/3a6f1a3e-0f7c-4f0e-9f53-6a6a3a1f5c11"} {
		for header, value := range map[string]string{"Origin": "https://evil.example.org", "Sec-Fetch-Site": "cross-site"} {
			req := c.Request(http.MethodDelete, path, nil)
			req.Header.Set(header, value)
			a := c.Do(req)
			require.Equal(t, http.StatusForbidden, a.Status, "%s %s: %s", path, header, a.Body)
			require.Contains(t, string(a.Body), "security_csrf_violation")
		}
	}
	require.True(t, other.SignedIn())
	app := env.Native()
	app.SignIn("", enginetest.Credentials("ada@example.org"))
	req := app.Request(http.MethodDelete, "/sessions", nil)
	req.Header.Set("Origin", "https://app.example.org")
	require.Equal(t, http.StatusOK, app.Do(req).Status)
	require.False(t, other.SignedIn())
}
