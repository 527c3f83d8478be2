package selfservice_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// Planted secrets of a whole journey are looked for wherever they could have
// been left: answers, headers, logs at debug level, the database with its log.
func TestSecretsStayNowhere(t *testing.T) {
	env := enginetest.New(t, enginetest.With("log.leak_sensitive_values", false))
	secrets := map[string]string{}
	var said []string
	hear := func(c client, a answer) answer {
		said = append(said, fmt.Sprint(a.Header), string(a.Body))
		return a
	}
	for _, c := range env.Clients() {
		plant := func(what string) string {
			s := fmt.Sprintf("Canary-%s-%s-7Zq", strings.ReplaceAll(what, " ", "-"), c.Kind)
			secrets[what+" "+string(c.Kind)] = s
			return s
		}
		f := c.Open("state=carried")
		v := someone().With("password", plant("refused password")).With("traits.email", "nobody")
		hear(c, c.Submit(f, v))
		hear(c, c.Submit(f, v.With("method", "magic")))
		hear(c, c.Submit(f, someone().With("password", plant("password with a nested twin")).With("traits", "x")))
		hear(c, post(c, f.UI.Action, "application/json", `{"password":"`+plant("password in broken JSON")+`",,}`))
		hear(c, post(c, f.UI.Action, "application/json", `{"password":"`+plant("password twice")+`","password":"x"}`))
		hear(c, post(c, f.UI.Action, "application/x-www-form-urlencoded", "password="+plant("password in a form")+"&x=%zz"))
		hear(c, post(c, f.UI.Action, "text/plain", "password="+plant("password in text")))
		hear(c, c.Post(f.UI.Action+"0", someone().With("password", plant("password for nobody"))))
		hear(c, c.Get(f.UI.Action+"&password="+plant("password in a link")))
		hear(c, c.Submit(f, someone().With("password", strings.Repeat(plant("long password"), 20))))
		if c.Kind != enginetest.HTML { // where a list of one is no list
			hear(c, c.Submit(f, someone().With("password", []any{plant("password in a list")})))
		}
		hear(c, post(c, f.UI.Action, "application/json", body(c, f, someone().With("csrf_token", plant("token")).With("password", plant("password of a stranger"))), "Origin", "null"))
		d := someone().With("password", plant("password"))
		a := hear(c, c.Submit(f, d))
		require.Contains(t, []string{"303 http://127.0.0.1:4455/?state=carried", "200 done session", "200 done session token"}, tell(c, a))
		hear(c, c.Submit(f, d.With("password", plant("password of another body"))))
		if c.Kind == enginetest.Native {
			one := token(t, a)
			secrets["session token"] = one
			said[len(said)-3], said[len(said)-4] = "", "" // where it belongs
			c.Head.Set("X-Session-Token", one+"x")
			hear(c, c.Whoami(""))
			continue
		}
		secrets["session cookie "+string(c.Kind)] = c.Cookie("ory_kratos_session")
		secrets["CSRF secret "+string(c.Kind)] = c.Cookie("csrf_token")
		said[len(said)-4] = ""
	}
	places := map[string]string{"the log": env.Logs.String(), "what clients were told": strings.Join(said, "\n")}
	for name, raw := range env.Files() {
		places[name] = string(raw)
	}
	require.Greater(t, len(places), 2)
	require.Contains(t, places["the log"], `"level":"DEBUG"`)
	require.Contains(t, places["the log"], "/self-service/registration")
	require.GreaterOrEqual(t, len(secrets), 38)
	for what, secret := range secrets {
		require.NotEmpty(t, secret, what)
		for place, text := range places {
			require.NotContains(t, text, secret, "%s in %s", what, place)
		}
	}
	// The search finds what is there: an address that was stored.
	stored := false
	for name, text := range places {
		stored = stored || strings.HasPrefix(name, "foyer.sqlite") && bytes.Contains([]byte(text), []byte("@example.org"))
	}
	require.True(t, stored)
}

// What a client lets a flow carry is sealed in the database.
func TestCarriedThingsAreSealed(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	c.Refused(c.Open(""), someone().With("traits.email", "nobody").With("transient_payload", map[string]any{"coupon": "Canary-coupon"}))
	for name, raw := range env.Files() {
		require.NotContains(t, string(raw), "Canary-coupon", name)
	}
}

// Errors tell an id and a reason, never how the program is made.
func TestErrorsTellNothingOfTheInside(t *testing.T) {
	env := enginetest.New(t)
	c := env.SPA()
	env.Exec("ALTER TABLE identities RENAME TO elsewhere")
	a := c.Submit(c.Open(""), someone())
	require.Equal(t, "500 internal_error", tell(c, a))
	for _, inside := range []string{"identities", "SQL", "sql", "sqlite", "no such table", ".go", "goroutine", "/"} {
		require.NotContains(t, strings.ReplaceAll(string(a.Body), "application/json", ""), inside)
	}
	require.Contains(t, env.Logs.String(), "no such table", "who runs the program is told")
	env.Exec("ALTER TABLE elsewhere RENAME TO identities")
	require.Equal(t, "200 done session", tell(c, c.Submit(c.Open(""), someone())))
}
