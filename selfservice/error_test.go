package selfservice_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// An HTML error is kept for the page that shows it, as the JSON client reads it.
func TestStoredError(t *testing.T) {
	env := enginetest.New(t)
	b := env.Browser()
	a := b.Get("/self-service/registration/browser?return_to=https%3A%2F%2Fevil.example.com")
	require.Equal(t, http.StatusSeeOther, a.Status)
	require.Equal(t, "127.0.0.1:4455", a.Location().Host)
	require.Equal(t, "/error", a.Location().Path)
	id := a.Location().Query().Get("id")
	require.NotEmpty(t, id)

	stored := env.Native().Get("/self-service/errors?id=" + id)
	require.Equal(t, http.StatusOK, stored.Status)
	body := stored.JSON()
	require.Equal(t, id, body["id"])
	require.Equal(t, body["created_at"], body["updated_at"])
	at, err := time.Parse(time.RFC3339Nano, body["created_at"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, env.Clock.Now(), at, time.Minute)

	inner := body["error"].(map[string]any)
	c := env.SPA()
	direct := c.Get("/self-service/registration/browser?return_to=https%3A%2F%2Fevil.example.com").JSON()["error"].(map[string]any)
	require.NotEqual(t, direct["request"], inner["request"])
	delete(direct, "request")
	delete(inner, "request")
	require.Equal(t, direct, inner)

	require.Equal(t, body["id"], env.Native().Get("/self-service/errors?error=" + id).JSON()["id"], "the older name of the parameter")
	require.Equal(t, body["id"], env.Native().Get("/self-service/errors?id=&error=" + id).JSON()["id"])
}

func TestErrorEndpoint(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	stub := c.Get("/self-service/errors?id=stub:500")
	require.Equal(t, http.StatusOK, stub.Status)
	require.EqualValues(t, 500, stub.JSON()["error"].(map[string]any)["code"])
	require.NotEmpty(t, stub.JSON()["id"])
	require.Equal(t, "404 self_service_error_not_found", tell(c, c.Get("/self-service/errors?id="+unknown)))
	require.Equal(t, "400 flow_id_invalid", tell(c, c.Get("/self-service/errors?id=abc")))
	require.Equal(t, "400 flow_id_invalid", tell(c, c.Get("/self-service/errors")))
	require.Equal(t, "400 flow_id_invalid", tell(c, c.Get("/self-service/errors?id="+uuid.Nil.String())))
}

// A stored error says nothing about who looked at what, and goes in its time.
func TestStoredErrorExpires(t *testing.T) {
	env := enginetest.New(t)
	b := env.Browser()
	b.Get("/self-service/registration/browser?return_to=https%3A%2F%2Fevil.example.com")
	require.Len(t, env.Rows()["flow_errors"], 1)
	sweep(t, env)
	require.Len(t, env.Rows()["flow_errors"], 1)
	env.Clock.Advance(time.Hour + time.Second)
	sweep(t, env)
	require.Empty(t, env.Rows()["flow_errors"])
}

// An error page whose address has a query of its own keeps it.
func TestErrorPageWithQuery(t *testing.T) {
	env := enginetest.New(t,
		enginetest.With("selfservice.flows.error.ui_url", "http://127.0.0.1:4455/error?theme=dark"),
		enginetest.With("selfservice.flows.registration.ui_url", "http://127.0.0.1:4455/registration?theme=dark&flow=none"))
	b := env.Browser()
	to := b.Get("/self-service/registration?flow=abc").Location().Query()
	require.Equal(t, "dark", to.Get("theme"))
	require.NotEmpty(t, to.Get("id"))
	to = b.Get("/self-service/registration/browser").Location().Query()
	require.Equal(t, "dark", to.Get("theme"))
	require.Len(t, to["flow"], 1)
	require.Equal(t, http.StatusOK, read(b, to.Get("flow")).Status)
}

// Where nobody built an error page, or a stranger asks, an error still has a
// shape.
func TestAcceptDecidesTheShape(t *testing.T) {
	env := enginetest.New(t)
	for accept, json := range map[string]bool{
		"":                                    false,
		"*/*":                                 false,
		"text/html":                           false,
		"text/html, application/json;q=0.9":   false,
		"application/json":                    true,
		"application/json, text/plain, */*":   true,
		"application/json, text/html;q=0.5":   true,
		"application/json;q=0.1, text/html;q": true,
	} {
		c := env.Browser()
		c.Head = http.Header{}
		req := with(c.Request("GET", "/self-service/registration/browser", nil), "Accept", accept)
		a := c.Do(req)
		if accept == "application/json;q=0.1, text/html;q" {
			require.Contains(t, []int{200, 303}, a.Status, "nothing worse than a choice")
			continue
		}
		require.Equal(t, json, a.Status == http.StatusOK, accept)
		a = c.Do(with(c.Request("POST", "/self-service/registration?flow="+unknown, nil), "Accept", accept, "Content-Type", "application/x-www-form-urlencoded"))
		require.Equal(t, json, a.Status == http.StatusBadRequest, accept)
		require.Equal(t, !json, a.Status == http.StatusSeeOther, accept)
	}
}
