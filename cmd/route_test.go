package cmd_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// What only an operator may do cannot be reached through the public listener,
// however the path is spelt.
func TestAdminIsNotPublic(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	public := map[string]bool{}
	for _, r := range env.App.Routes {
		public[r.Method+r.Path] = true
	}
	probed := 0
	for _, r := range env.App.Routes {
		if !strings.HasPrefix(r.Path, "/admin/") {
			continue
		}
		path := strings.ReplaceAll(r.Path, ":id", "00000000-0000-4000-8000-000000000001")
		short := strings.TrimPrefix(path, "/admin")
		for _, spelt := range []string{
			path, path + "/", "/" + path, "/./admin" + short, "/x/../admin" + short, "/%61dmin" + short,
			"/ADMIN" + short, "/admin%2f" + short[1:], "/admin;x=1" + short, short, short + "/",
		} {
			if public[r.Method+strings.TrimPrefix(r.Path, "/admin")] && spelt == short {
				continue // health and schemas are public too
			}
			req, err := http.NewRequest(r.Method, env.PublicURL, nil)
			require.NoError(t, err)
			req.URL.Opaque = "//" + req.URL.Host + spelt
			a := c.Do(req)
			require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, a.Status, "%s %s: %s", r.Method, spelt, a.Body)
			probed++
		}
	}
	require.Greater(t, probed, 80)
}

// The admin API is called with and without its prefix, and sends those who
// mistook the port to the public one.
func TestAdminPrefix(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	for _, path := range []string{"/admin/identities", "/identities", "/admin/health/alive", "/health/alive", "/version"} {
		require.Equal(t, http.StatusOK, c.Get(env.AdminURL+path).Status, path)
	}
	a := c.Get(env.AdminURL + "/self-service/registration/api?return_to=x")
	require.Equal(t, http.StatusTemporaryRedirect, a.Status)
	require.Equal(t, env.PublicURL+"/self-service/registration/api?return_to=x", a.Header.Get("Location"))
	require.Equal(t, http.StatusNotFound, c.Get(env.AdminURL+"/sessions/whoami").Status)
}
