package selfservice_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// goal is where an answer to a completed flow sends the person.
func goal(t *testing.T, c client, a answer) string {
	t.Helper()
	if c.Kind == enginetest.HTML {
		require.Equal(t, http.StatusSeeOther, a.Status, "%s", a.Body)
		return a.Header.Get("Location")
	}
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	item := a.JSON()["continue_with"].([]any)[0].(map[string]any)
	require.Equal(t, "redirect_browser_to", item["action"])
	return item["redirect_browser_to"].(string)
}

// Where a person wanted to go is where the person ends, whatever lies between.
func TestReturnToSurvives(t *testing.T) {
	env := enginetest.New(t, enginetest.WithoutSession())
	for asked, want := range map[string]string{
		"":                          "http://127.0.0.1:4455/",
		"state=opaque":              "http://127.0.0.1:4455/?state=opaque",
		"return_to=%2Fhere%3Fa%3D1": "http://127.0.0.1:4455/here?a=1",
		"return_to=%2Fhere&state=a%26b%3Dc+%F0%9F%92%A1":                                  "http://127.0.0.1:4455/here?state=a%26b%3Dc+%F0%9F%92%A1",
		"return_to=https%3A%2F%2Fapp.example.org%2Fin%2Fx%3Fq%3D%25C3%25A4%23top&state=s": "https://app.example.org/in/x?q=%C3%A4&state=s#top",
	} {
		for _, c := range env.Clients()[:2] {
			// Straight, by way of refusals, by way of expiry, and sent again.
			d := finish(t, c, asked)
			require.Equal(t, want, goal(t, c, d.first), asked)
			require.Equal(t, want, goal(t, c, d.send(c)), asked)

			f := c.Open(asked)
			for range 3 {
				f = c.Refused(f, someone().With("traits.email", "nobody"))
			}
			require.Equal(t, want, goal(t, c, c.Submit(f, someone())), asked)

			f = c.Open(asked)
			for range 3 {
				env.Clock.Advance(2 * time.Hour)
				f = succeeded(t, c, f, someone())
			}
			require.Equal(t, want, goal(t, c, c.Submit(f, someone())), asked)
		}
	}
}

// The place to go to is decided by the flow, then the method, then the kind,
// then the program.
func TestReturnToPrecedence(t *testing.T) {
	const at = "selfservice.flows.registration.after."
	kind := enginetest.With(at+"default_browser_return_url", "http://127.0.0.1:4455/by-kind")
	method := enginetest.With(at+"password.default_browser_return_url", "http://127.0.0.1:4455/by-method")
	for _, one := range []struct {
		want, query string
		options     []enginetest.Option
	}{
		{"http://127.0.0.1:4455/", "", nil},
		{"http://127.0.0.1:4455/by-kind", "", []enginetest.Option{kind}},
		{"http://127.0.0.1:4455/by-method", "", []enginetest.Option{kind, method}},
		{"http://127.0.0.1:4455/by-flow", "return_to=%2Fby-flow", []enginetest.Option{kind, method}},
	} {
		env := enginetest.New(t, one.options...)
		for _, c := range env.Clients()[:2] {
			require.Equal(t, one.want, goal(t, c, c.Submit(c.Open(one.query), someone())))
		}
	}
}

// A later submit cannot change where a flow goes.
func TestReturnToIsFixedAtTheStart(t *testing.T) {
	env := enginetest.New(t, enginetest.WithoutSession())
	for _, c := range env.Clients()[:2] {
		f := c.Open("")
		f.UI.Action += "&return_to=https%3A%2F%2Fapp.example.org%2Fin&state=other"
		a := c.Submit(f, someone().With("return_to", "https://app.example.org/in").With("state", "x"))
		require.Equal(t, "http://127.0.0.1:4455/", goal(t, c, a))
	}
}

// What a client gives to a flow to carry comes back with it, and not after it.
func TestTransientPayload(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients()[1:] {
		f := c.Open("")
		require.Empty(t, f.Transient)
		f = c.Refused(f, someone().With("traits.email", "nobody").With("transient_payload", map[string]any{"campaign": "spring", "n": 1}))
		require.JSONEq(t, `{"campaign":"spring","n":1}`, string(f.Transient))
		f = c.Refused(f, someone().With("traits.email", "nobody"))
		require.JSONEq(t, `{"campaign":"spring","n":1}`, string(f.Transient), "a submit without one leaves it alone")
		f = c.Refused(f, someone().With("traits.email", "nobody").With("transient_payload", map[string]any{}))
		require.JSONEq(t, `{}`, string(f.Transient))
		reader := c.Copy()
		require.Less(t, c.Submit(f, someone()).Status, 400)
		require.Empty(t, reader.Read(f.ID).Transient)
	}
	c := env.Browser()
	f := c.Refused(c.Open(""), someone().With("traits.email", "nobody").With("transient_payload.campaign", "spring"))
	require.NotEmpty(t, f.Transient)
	require.Contains(t, string(f.Transient), "spring")
}

// Once a flow is complete the row keeps nothing that was typed.
func TestCompletedFlowForgets(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	f := c.Refused(c.Open(""), someone().With("password", "xq7!").With("traits.name.first", "Countess-of-Lovelace").With("transient_payload", map[string]any{"k": "v"}))
	require.Less(t, c.Submit(f, someone()).Status, 400)
	for _, row := range env.Rows()["flows"] {
		require.NotContains(t, row, "Lovelace")
		require.NotContains(t, row, "person-")
	}
}
