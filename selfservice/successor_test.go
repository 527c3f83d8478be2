package selfservice_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// succeeded submits to an expired flow and returns the flow that took over.
func succeeded(t *testing.T, c client, f flow, v values) flow {
	t.Helper()
	a := c.Submit(f, v)
	if c.Kind == enginetest.HTML {
		require.Equal(t, http.StatusSeeOther, a.Status, "%s", a.Body)
		require.Equal(t, "/registration", a.Location().Path)
		return c.Read(a.Location().Query().Get("flow"))
	}
	require.Equal(t, "410 self_service_flow_expired", tell(c, a))
	body := a.JSON()
	require.Greater(t, body["since"], float64(0))
	require.Equal(t, f.ExpiresAt, body["expired_at"])
	return c.Read(body["use_flow_id"].(string))
}

func TestSuccessor(t *testing.T) {
	for i := range 3 {
		env := enginetest.New(t, enginetest.WithSchemas("staff", enginetest.PersonSchema))
		c := env.Clients()[i]
		t.Run(string(c.Kind), func(t *testing.T) {
			f := c.Open("return_to=https%3A%2F%2Fapp.example.org%2Fin&identity_schema=staff&state=opaque")
			env.Clock.Advance(time.Hour)
			v := someone().With("traits.name.first", "Ada").With("traits.age", "20").With("traits.newsletter", true)
			if c.Kind != enginetest.HTML {
				v = v.With("transient_payload", map[string]any{"campaign": "spring"})
			}
			before := env.Rows()
			heir := succeeded(t, c, f, v)
			require.Equal(t, "flows+1 flows~1", env.Rows().Since(before))

			require.NotEqual(t, f.ID, heir.ID)
			require.Equal(t, f.Type, heir.Type)
			require.Equal(t, "choose_method", heir.State)
			require.Equal(t, []int{ui.ErrRegistrationExpired}, heir.IDs(""))
			require.Contains(t, heir.UI.Messages[0].Context, "expired_at")
			require.Contains(t, heir.UI.Messages[0].Context, "expired_at_unix")
			require.Equal(t, v["traits.email"], heir.Value("traits.email"))
			require.Equal(t, "Ada", heir.Value("traits.name.first"))
			require.EqualValues(t, 20, heir.Value("traits.age"))
			require.Nil(t, heir.Value("password"))
			require.Equal(t, "https://app.example.org/in", heir.ReturnTo)
			require.Equal(t, "staff", heir.Schema)
			require.Equal(t, "opaque", heir.Foyer.State)
			if c.Kind != enginetest.HTML {
				require.JSONEq(t, `{"campaign":"spring"}`, string(heir.Transient))
			}

			// Sent again, in the same and in other words: one successor, which
			// holds what was typed last.
			before = env.Rows()
			require.Equal(t, heir.ID, succeeded(t, c, f, v).ID)
			require.Empty(t, env.Rows().Since(before))
			other := someone()
			require.Equal(t, heir.ID, succeeded(t, c, f, other).ID)
			last := succeeded(t, c, f, values{"method": "magic"})
			require.Equal(t, heir.ID, last.ID)
			require.Equal(t, other["traits.email"], last.Value("traits.email"))
			require.Equal(t, "flows~1", env.Rows().Since(before))
			require.Zero(t, env.Identities())

			// The same submit to the successor ends the journey.
			a := c.Submit(heir, v)
			require.Less(t, a.Status, 400, "%s", a.Body)
			if c.Kind == enginetest.HTML {
				require.Equal(t, "https://app.example.org/in?state=opaque", a.Header.Get("Location"))
			}
			require.Equal(t, 1, env.Identities())

			// Whoever comes back with the first flow is led to the end of it.
			if c.Kind == enginetest.Native {
				last := succeeded(t, c, f, v)
				require.Equal(t, heir.ID, last.ID)
				require.Equal(t, "passed_challenge", last.State)
				require.Equal(t, "200 done session token", tell(c, c.Submit(heir, v)))
				require.Equal(t, 1, env.Identities())
			}
		})
	}
}

// Ten late submits released together have one successor.
func TestSuccessorInParallel(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	f := c.Open("")
	env.Clock.Advance(2 * time.Hour)
	before := env.Rows()
	heirs := make([]string, 10)
	together(len(heirs), func(i int) {
		req := c.Request(http.MethodPost, f.UI.Action, jsonBody(someone()))
		req.Header.Set("Content-Type", "application/json")
		if a, err := c.Try(req); err == nil && a.Status == http.StatusGone {
			heirs[i], _ = a.JSON()["use_flow_id"].(string)
		}
	})
	for _, id := range heirs {
		require.NotEmpty(t, id)
		require.Equal(t, heirs[0], id)
	}
	require.Equal(t, "flows+1 flows~1", env.Rows().Since(before))
}

// A successor that has run out itself is replaced: nobody is sent to a dead end.
func TestSuccessorOfTheSameFlow(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients()[1:] {
		f := c.Open("")
		env.Clock.Advance(2 * time.Hour)
		second := succeeded(t, c, f, someone())
		env.Clock.Advance(2 * time.Hour)
		v := someone()
		third := succeeded(t, c, f, v)
		require.NotEqual(t, second.ID, third.ID)
		require.Equal(t, v["traits.email"], third.Value("traits.email"))
		require.Less(t, c.Submit(third, v).Status, 400)
	}
}

// A successor grows old as well.
func TestSuccessorExpires(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	f := c.Open("return_to=https%3A%2F%2Fapp.example.org%2Fin")
	env.Clock.Advance(2 * time.Hour)
	second := succeeded(t, c, f, someone().With("traits.name.first", "Ada"))
	env.Clock.Advance(2 * time.Hour)
	third := succeeded(t, c, second, values{"method": "password", "password": "a good long Passphrase 9"})
	require.Equal(t, "Ada", third.Value("traits.name.first"), "what was typed earlier is still there")
	require.Equal(t, "https://app.example.org/in", third.ReturnTo)
	require.Equal(t, "200 done session", tell(c, c.Submit(third, someone())))
}

// The guard comes before the successor: a stranger learns and opens nothing.
func TestSuccessorIsGuarded(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	f := c.Open("")
	stranger := env.SPA()
	stranger.Open("")
	env.Clock.Advance(2 * time.Hour)
	before := env.Rows()
	a := stranger.Submit(f, someone())
	require.Equal(t, "403 security_csrf_violation", tell(stranger, a))
	require.NotContains(t, string(a.Body), "use_flow_id")
	require.Empty(t, env.Rows().Since(before))

	heir := succeeded(t, c, f, someone())
	require.Equal(t, "403 security_csrf_violation", tell(stranger, read(stranger, heir.ID)))
}
