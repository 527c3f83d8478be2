package selfservice_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice"
)

const unknown = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"

// read fetches a flow as the page does that draws it.
func read(c client, id string) answer { return c.Get("/self-service/registration/flows?id=" + id) }

func TestRead(t *testing.T) {
	env := enginetest.New(t)
	fetch := func(change func(c client, f flow) (client, string)) func(client, flow) answer {
		return func(c client, f flow) answer {
			reader, id := change(c, f)
			return read(reader, id)
		}
	}
	id := func(raw string) func(client, flow) answer {
		return fetch(func(c client, _ flow) (client, string) { return c, raw })
	}
	play(t, env, []scenario{
		{name: "own", all: "200 form", do: fetch(func(c client, f flow) (client, string) { return c, f.ID })},
		{name: "by a browser without cookies", html: "403 security_csrf_violation", json: "403 security_csrf_violation", native: "200 form",
			do: fetch(func(c client, f flow) (client, string) {
				other := c.Env.Native()
				return other, f.ID
			})},
		{name: "by a browser with a flow of its own", html: "403 security_csrf_violation", json: "403 security_csrf_violation", native: "200 form", writes: "flows+1",
			do: fetch(func(c client, f flow) (client, string) {
				other := c.Env.SPA()
				other.Open("")
				return other, f.ID
			})},
		{name: "unknown", all: "404 self_service_flow_not_found", do: id(unknown)},
		{name: "no uuid", all: "400 flow_id_invalid", do: id("abc")},
		{name: "nil uuid", all: "400 flow_id_invalid", do: id(uuid.Nil.String())},
		{name: "without id", all: "400 flow_id_invalid", do: id("")},
		{name: "injected", all: "400 flow_id_invalid", do: id("%27%20OR%201%3D1--")},
	})
}

// A completed flow can be read by who completed it, shows no form any more and
// nothing of what was typed.
func TestReadCompleted(t *testing.T) {
	env := enginetest.New(t, enginetest.WithoutSession())
	for _, c := range env.Clients() {
		f := c.Open("")
		v := someone()
		require.Less(t, c.Submit(f, v).Status, 400)
		over := c.Read(f.ID)
		require.Equal(t, "passed_challenge", over.State)
		require.Equal(t, "password", over.Active)
		require.Equal(t, []string{"csrf_token"}, nodes(over))
		require.NotContains(t, string(read(c, f.ID).Body), v["traits.email"])
	}
}

func TestReadExpired(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		f := c.Open("return_to=https%3A%2F%2Fapp.example.org%2Fin%3Fa%3D1%26b%3D2")
		bare := c.Open("")
		env.Clock.Advance(time.Hour + time.Second)
		before := env.Rows()
		a := read(c, f.ID)
		require.Equal(t, "410 self_service_flow_expired", tell(c, a))
		require.NotContains(t, a.JSON(), "use_flow_id", "reading opens nothing")
		details := a.JSON()["error"].(map[string]any)["details"]
		base := env.PublicURL + "/self-service/registration/"
		if c.Kind == enginetest.Native {
			require.Equal(t, map[string]any{"api": base + "api?return_to=https%3A%2F%2Fapp.example.org%2Fin%3Fa%3D1%26b%3D2"}, details)
			details = read(c, bare.ID).JSON()["error"].(map[string]any)["details"]
			require.Equal(t, map[string]any{"api": base + "api"}, details)
		} else {
			require.Equal(t, map[string]any{
				"redirect_to": base + "browser?return_to=https%3A%2F%2Fapp.example.org%2Fin%3Fa%3D1%26b%3D2",
				"return_to":   "https://app.example.org/in?a=1&b=2",
			}, details)
			details = read(c, bare.ID).JSON()["error"].(map[string]any)["details"]
			require.Equal(t, map[string]any{"redirect_to": base + "browser", "return_to": ""}, details)
			// What the client is told to do works.
			require.Equal(t, http.StatusOK, env.SPA().Get(base+"browser?return_to=https%3A%2F%2Fapp.example.org%2Fin%3Fa%3D1%26b%3D2").Status)
		}
		require.Empty(t, env.Rows().Without("flows").Since(before.Without("flows")))
	}
}

// Whoever has to open a new flow is told how, with all that was asked for.
func TestReadExpiredKeepsWhatWasAsked(t *testing.T) {
	env := enginetest.New(t, enginetest.WithSchemas("staff", enginetest.PersonSchema))
	for _, c := range env.Clients() {
		f := c.Open("identity_schema=staff&state=a%26b")
		env.Clock.Advance(time.Hour + time.Second)
		details := read(c, f.ID).JSON()["error"].(map[string]any)["details"].(map[string]any)
		again := details["redirect_to"]
		if c.Kind == enginetest.Native {
			again = details["api"]
		}
		require.Contains(t, again, "?identity_schema=staff&state=a%26b")
	}
}

// To the microsecond: a flow lives until the moment before it expires.
func TestExpiryIsExact(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	f := c.Open("")
	expires, err := time.Parse(time.RFC3339Nano, f.ExpiresAt)
	require.NoError(t, err)
	env.Clock.Advance(expires.Sub(env.Clock.Now()) - time.Millisecond)
	require.Equal(t, "200 form", tell(c, read(c, f.ID)))
	env.Clock.Advance(time.Millisecond)
	require.Equal(t, "410 self_service_flow_expired", tell(c, read(c, f.ID)))
}

// A flow of another kind is none, whoever asks.
func TestFlowOfAnotherKind(t *testing.T) {
	env := enginetest.New(t)
	now := env.Clock.Now()
	id := uuid.Must(uuid.NewV4())
	require.NoError(t, env.App.Store.InsertFlow(context.Background(), &selfservice.Flow{
		ID: id, Kind: selfservice.Login, State: selfservice.StateChooseMethod, Native: true,
		SchemaID: "default", IssuedAt: now, ExpiresAt: now.Add(time.Hour),
	}))
	before := env.Rows()
	c := env.Native()
	require.Equal(t, "404 self_service_flow_not_found", tell(c, read(c, id.String())))
	require.Equal(t, "404 self_service_flow_not_found", tell(c, c.Get("/self-service/registration?flow="+id.String())))
	require.Equal(t, "404 self_service_flow_not_found", tell(c, c.Post("/self-service/registration?flow="+id.String(), someone())))
	require.Empty(t, env.Rows().Since(before))
}

// A GET on the submit URL shows the form, as a reload does, and acts on nothing.
func TestShow(t *testing.T) {
	env := enginetest.New(t)
	query := "&method=password&password=a+good+long+Passphrase+9&traits.email=get%40example.org"
	show := func(c client, f flow) answer { return c.Get(f.UI.Action + query) }
	play(t, env, []scenario{
		{name: "GET", html: "303 form", json: "200 form", native: "200 form", do: show},
		{name: "unknown flow", noFlow: true, refused: "404 self_service_flow_not_found", do: func(c client, _ flow) answer {
			return c.Get("/self-service/registration?flow=" + unknown)
		}},
		{name: "no flow", noFlow: true, refused: "400 flow_id_invalid", do: func(c client, _ flow) answer {
			return c.Get("/self-service/registration")
		}},
	})
	c := env.SPA()
	f := c.Open("")
	other := env.SPA()
	other.Open("")
	require.Equal(t, "403 security_csrf_violation", tell(other, show(other, f)))
	head := c.Do(c.Request(http.MethodHead, f.UI.Action+query, nil))
	require.Equal(t, http.StatusOK, head.Status)
	require.Zero(t, env.Identities())
}
