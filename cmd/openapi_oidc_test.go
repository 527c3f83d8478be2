package cmd_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// provide comes by a provider in every way there is, with a callback of its own
// and with the one of all, and is refused for every reason.
func (w *witness) provide(t *testing.T) {
	needs := strings.Replace(enginetest.PersonSchema, `"required": ["email"]`, `"required": ["email", "age"]`, 1)
	for _, pkce := range []string{"auto", "force"} {
		env, op := theirs(t, map[string]any{"pkce": pkce}, enginetest.WithSchema(needs))
		for _, c := range env.Clients() {
			w.watch(t, c)
			op.SetPerson(opsim.Person{"sub": string(c.Kind), "email": string(c.Kind) + "@example.org"})
			w.come(t, c, op)
			if c.Kind != enginetest.Native {
				w.misdirect(t, c, op)
			}
		}
		c := w.watch(t, env.Browser())
		for _, kind := range []string{"application/x-www-form-urlencoded", "application/xml"} {
			c.PostBody(callback(t, c, op).To.Path, kind, []byte("state=x&code=y"))
			c.PostBody(callback(t, c, op).To.Path, kind, bytes.Repeat([]byte("x"), 33<<10))
		}
		c = w.watch(t, env.SPA())
		late := callback(t, c, op)
		env.Clock.Advance(2 * time.Hour)
		c.Get(late.To.String())
	}
}

// come registers, says what is missing, links and unlinks; an app exchanges codes.
func (w *witness) come(t *testing.T, c *enginetest.Client, op *opsim.Provider) {
	const app = "return_session_token_exchange_code=true"
	f := c.OpenKind("registration", app)
	a := c.Visit(op, c.Submit(f, byOp))
	if c.Kind == enginetest.Native {
		browser := w.watch(t, c.Env.Browser())
		home := a.Location().Query()
		codes := func(init, back string) *enginetest.Answer {
			q := url.Values{"init_code": {init}, "return_to_code": {back}}
			return c.Adopt(c.Get("/sessions/token-exchange?" + q.Encode()))
		}
		codes("", "")
		codes("x", "y")
		left := codes(f.ExchangeCode, home.Get("code"))
		require.Equal(t, http.StatusUnprocessableEntity, left.Status)
		f = c.ReadKind("registration", left.Flow().ID)
		c.Adopt(c.Submit(f, byOp.With("traits.age", 36)))
		c.SignOut()
		f = c.OpenKind("login", app)
		back, err := op.Approve(c.Submit(f, byOp).Elsewhere())
		require.NoError(t, err)
		home = browser.Return(back).Location().Query()
		for range 2 {
			codes(f.ExchangeCode, home.Get("code"))
		}
		require.True(t, c.SignedIn())
		return
	}
	f = c.Landed("registration", a)
	c.Submit(f, byOp.With("traits.age", 36))
	require.True(t, c.SignedIn())
	c.Submit(c.OpenKind("settings", ""), enginetest.Values{"unlink": "op"}) // the last way in
	c.SignOut()
	c.SignUp(enginetest.Person(string(c.Kind)+"-2@example.org").With("traits.age", 36))
	f = c.OpenKind("settings", "")
	op.SetPerson(opsim.Person{"sub": string(c.Kind) + " 2"})
	c.Visit(op, c.Submit(f, enginetest.Values{"link": "op"}))
	c.Submit(c.OpenKind("settings", ""), enginetest.Values{"unlink": "op"})
	c.SignOut()
}

// callback is what a provider gives a browser along that registers.
func callback(t *testing.T, c *enginetest.Client, op *opsim.Provider) *opsim.Arrival {
	back, err := op.Approve(c.Submit(c.Open(""), byOp).Elsewhere())
	require.NoError(t, err)
	return back
}

// misdirect comes home with what is wrong, or in another browser.
func (w *witness) misdirect(t *testing.T, c *enginetest.Client, op *opsim.Provider) {
	back := callback(t, c, op)
	w.watch(t, c.Env.SPA()).Get(back.To.String())
	c.Get(back.To.String()) // of nobody who is known
	for _, state := range []string{"x", strings.Repeat("x", 32<<10), base64.RawURLEncoding.EncodeToString(make([]byte, 41))} {
		c.Get(back.To.Path + "?code=x&state=" + state)
	}
	op.SetPerson(opsim.Person{"sub": string(c.Kind)})
	c.Get(callback(t, c, op).To.String())
	require.True(t, c.SignedIn())
	c.SignOut()
}
