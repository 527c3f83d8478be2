package selfservice_test

import (
	"bytes"
	"net/http"
	"net/url"
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

// Half a surrogate pair is no character: two passwords that differ in nothing
// else would become one.
func TestLoneSurrogates(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	f := c.Open("")
	for _, password := range []string{`\ud800 tide pool, seven`, `\udfff tide pool, seven`, `\ud83d\ud83d tide pool`, `tide pool, seven \uD83D`} {
		a := c.PostBody(f.UI.Action, "application/json", []byte(`{"method":"password","password":"`+password+`","traits":{"email":"a@example.org"}}`))
		require.Equal(t, "json_surrogate_invalid", a.ErrorID(), password)
	}
	whole := `\ud83d\ude00 tide pool, \\ud800 seven`
	a := c.PostBody(f.UI.Action, "application/json", []byte(`{"method":"password","password":"`+whole+`","traits":{"email":"a@example.org"}}`))
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
}

// A compressed body is refused by name.
func TestCompressedBody(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	c.Head.Set("Content-Encoding", "gzip")
	require.Equal(t, "content_encoding_unsupported", c.Submit(c.Open(""), someone()).ErrorID())
}

// Pages that send JSON and forget to say what they accept are told in JSON what
// is wrong.
func TestRefusedByContentType(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	f := c.Open("")
	c.Head.Set("Accept", "*/*")
	a := c.Submit(f, someone().With("traits.age", "9"))
	require.Equal(t, http.StatusBadRequest, a.Status)
	require.Equal(t, []int{4000018}, a.Flow().IDs("traits.age"))
}

// Telephones add blanks to an address, and typed clients write 20.0.
func TestLooseSpellings(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	body := `{"method":"password","password":"tide pool, seven herons","traits":{"email":"  ada@example.org ","age":20.0}}`
	a := c.PostBody(c.Open("").UI.Action, "application/json", []byte(body))
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	traits := a.JSON()["identity"].(map[string]any)["traits"]
	require.Equal(t, map[string]any{"email": "ada@example.org", "age": float64(20)}, traits)
}

// The application's own parameters are not rewritten: they may be signed.
func TestStateLeavesTheRestAlone(t *testing.T) {
	env := enginetest.New(t)
	for to, want := range map[string]string{
		"https://app.example.org/in?x=a;b&y=1":       "https://app.example.org/in?x=a;b&y=1&state=S%26",
		"https://app.example.org/in?q=a+b%20c&s=%2f": "https://app.example.org/in?q=a+b%20c&s=%2f&state=S%26",
		"https://app.example.org/in?state=orig&k=1":  "https://app.example.org/in?state=orig&k=1",
		"https://app.example.org/in":                 "https://app.example.org/in?state=S%26",
	} {
		c := env.Browser()
		a := c.Submit(c.Open("state=S%26&return_to="+url.QueryEscape(to)), someone())
		require.Equal(t, want, a.Header.Get("Location"))
		a = c.Get("/self-service/registration/browser?state=S%26&return_to=" + url.QueryEscape(to))
		require.Equal(t, want, a.Header.Get("Location"), "signed in already")
	}
}
