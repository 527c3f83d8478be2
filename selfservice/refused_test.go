package selfservice_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// Whoever sends nonsense many times at once is told so every time.
func TestRefusedAtOnce(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	f := c.Open("")
	statuses := make([]int, 32)
	together(len(statuses), func(i int) {
		req := c.Request(http.MethodPost, f.UI.Action, jsonBody(someone().With("traits.age", "9")))
		req.Header.Set("Content-Type", "application/json")
		if a, err := c.Try(req); err == nil {
			statuses[i] = a.Status
		}
	})
	for _, status := range statuses {
		require.Equal(t, http.StatusBadRequest, status)
	}
	require.Equal(t, http.StatusOK, c.Submit(f, someone()).Status)
}

// What the form has no field for is not kept: it may be a secret under a wrong name.
func TestUnknownTraitsAreNotKept(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		f := c.Open("")
		v := someone().With("traits.password", "hunter2-planted").With("traits.name.secret", "hunter2-planted").With("traits.name.first", "Ada")
		refused := c.Refused(f, v)
		require.Equal(t, "Ada", refused.Value("traits.name.first"))
		require.NotEmpty(t, refused.IDs(""))
		for name, content := range env.Files() {
			require.False(t, bytes.Contains(content, []byte("hunter2-planted")), name)
		}
	}
}

// A form's fields are words, in a transient payload too, not lists of words.
func TestTransientPayloadOfAForm(t *testing.T) {
	env := enginetest.New(t)
	c := env.Browser()
	f := c.Refused(c.Open(""), someone().With("transient_payload.campaign.name", "spring").With("traits.age", "9"))
	require.JSONEq(t, `{"campaign":{"name":"spring"}}`, string(f.Transient))
}
