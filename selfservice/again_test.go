package selfservice_test

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// finished is a flow that somebody has completed, and all that is needed to
// send the same submit again.
type finished struct {
	c, before   client // with the cookies after and before
	f           flow
	v           values
	first       answer
	env         *enginetest.Env
	contentType string
	body        []byte
}

func finish(t *testing.T, c client, query string) *finished {
	t.Helper()
	d := &finished{c: c, env: c.Env, f: c.Open(query), v: someone()}
	d.before = c.Copy()
	d.contentType, d.body = c.Encode(d.f.Fill(d.v))
	d.first = d.send(c)
	require.Less(t, d.first.Status, 400, "%s", d.first.Body)
	return d
}

func (d *finished) send(c client) answer { return c.PostBody(d.f.UI.Action, d.contentType, d.body) }

// sessionID is the session an answer has led to.
func (d *finished) sessionID(t *testing.T, c client, a answer) string {
	t.Helper()
	token := ""
	if c.Kind == enginetest.Native {
		token = a.JSON()["session_token"].(string)
	}
	who := c.Whoami(token)
	require.Equal(t, http.StatusOK, who.Status, "%s", who.Body)
	return who.JSON()["id"].(string)
}

// replayed is what a second answer to a completed flow writes: a token.
const replayed = "session_tokens+1"

func TestSameSubmitAgain(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			d := finish(t, c, "return_to=https%3A%2F%2Fapp.example.org%2Fin&state=opaque")
			want := tell(c, d.first)
			id := d.sessionID(t, c, d.first)
			var tokens []string
			for name, sender := range map[string]client{"with the new cookies": c, "with the old cookies": d.before, "and again": d.before} {
				before := env.Rows()
				a := d.send(sender)
				require.Equal(t, want, tell(sender, a), name)
				require.Equal(t, replayed, env.Rows().Since(before), name)
				require.Equal(t, id, d.sessionID(t, sender, a), name)
				if c.Kind == enginetest.Native {
					tokens = append(tokens, token(t, a))
				}
			}
			if c.Kind == enginetest.Native {
				tokens = append(tokens, token(t, d.first))
				slices.Sort(tokens)
				require.Len(t, slices.Compact(tokens), 4, "a fresh token each time")
				for _, one := range tokens {
					require.Equal(t, id, c.Whoami(one).JSON()["id"], "every token leads to the one session")
				}
			}
		})
	}
	require.Equal(t, 3, env.Identities())
	require.Len(t, env.Rows()["sessions"], 3)
}

// Equal means equal in what it says: another order of names, another CSRF
// token of the same browser, another encoding of the same JSON.
func TestSameSubmitInOtherWords(t *testing.T) {
	env := enginetest.New(t)
	c := env.Native()
	f := c.Open("")
	first := post(c, f.UI.Action, "application/json", `{"method":"password","traits":{"email":"a@example.org"},"password":"a good long Passphrase 9"}`)
	require.Equal(t, "200 done session token", tell(c, first))
	for _, text := range []string{
		`{"password":"a good long Passphrase 9", "traits.email":"a@example.org","method":"password"}`,
		`{"password":"a good long Passphrase \u0039","traits":{"email":"a\u0040example.org"},"method":"password","csrf_token":"x"}`,
	} {
		require.Equal(t, "200 done session token", tell(c, post(c, f.UI.Action, "application/json", text)))
	}
	b := env.Browser()
	d := finish(t, b, "")
	late := d.before.Read(d.f.ID)
	require.Equal(t, tell(b, d.first), tell(d.before, d.before.Submit(late, d.v)), "with the token of another rendering")
}

func TestOtherSubmitAfterwards(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			d := finish(t, c, "")
			before := env.Rows()
			for name, v := range map[string]values{
				"other password":   d.v.With("password", "another long Passphrase 9"),
				"other address":    d.v.With("traits.email", address()),
				"one field more":   d.v.With("traits.age", "20"),
				"one field less":   d.v.Without("password"),
				"other transient":  d.v.With("transient_payload", map[string]any{"a": "b"}),
				"no method":        d.v.Without("method"),
				"only the token":   {},
				"an unknown thing": {"method": "magic"},
			} {
				if c.Kind == enginetest.HTML {
					v = v.Without("transient_payload").With("more", name)
				}
				require.Equal(t, over(c), tell(d.before, d.before.Submit(d.f, v)), name)
			}
			require.Empty(t, env.Rows().Since(before))
		})
	}
	require.Equal(t, 3, env.Identities())
}

// over is what a client is told about a flow that is complete.
func over(c client) string {
	if c.Kind == enginetest.HTML {
		return "303 form 4040002"
	}
	return "400 form 4040002"
}

// Ten submits released together: one of them registers, the others are given
// its outcome.
func TestSameSubmitInParallel(t *testing.T) {
	const at = 10
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			f := c.Open("")
			before := env.Rows()
			contentType, body := c.Encode(f.Fill(someone()))
			senders := make([]client, at)
			answers := make([]answer, at)
			for i := range senders {
				senders[i] = c.Copy()
			}
			together(at, func(i int) {
				req := senders[i].Request(http.MethodPost, f.UI.Action, bytes.NewReader(body))
				req.Header.Set("Content-Type", contentType)
				answers[i], _ = senders[i].Try(req)
			})
			ids := map[string]bool{}
			for i, a := range answers {
				require.NotNil(t, a)
				require.Less(t, a.Status, 400, "%s", a.Body)
				ids[(&finished{}).sessionID(t, senders[i], a)] = true
			}
			require.Len(t, ids, 1)
			require.Equal(t, "addresses+2 credentials+1 flows~1 identifiers+1 identities+1 session_tokens+10 sessions+1", env.Rows().Since(before))
		})
	}
}

// Different submits released together: one registers, nobody else does.
func TestOtherSubmitsInParallel(t *testing.T) {
	const at = 8
	env := enginetest.New(t)
	for _, c := range env.Clients() {
		f := c.Open("")
		people := env.Identities()
		told := make([]string, at)
		answers := make([]answer, at)
		senders := make([]client, at)
		bodies := make([][]byte, at)
		contentType := ""
		for i := range senders {
			senders[i] = c.Copy()
			contentType, bodies[i] = c.Encode(f.Fill(someone()))
		}
		together(at, func(i int) {
			req := senders[i].Request(http.MethodPost, f.UI.Action, bytes.NewReader(bodies[i]))
			req.Header.Set("Content-Type", contentType)
			answers[i], _ = senders[i].Try(req)
		})
		for i, a := range answers {
			require.NotNil(t, a)
			told[i] = tell(senders[i], a)
		}
		won := 0
		for _, one := range told {
			if one != over(c) {
				won++
			}
		}
		require.Equal(t, 1, won, "%s: %v", c.Kind, told)
		require.Equal(t, people+1, env.Identities())
	}
}

// Impatient clicks on a form that has mistakes in it: each of them is told.
func TestRefusedInParallel(t *testing.T) {
	const at = 4
	env := enginetest.New(t)
	c := env.SPA()
	f := c.Open("")
	contentType, body := c.Encode(f.Fill(someone().With("traits.email", "nobody")))
	senders, answers := make([]client, at), make([]answer, at)
	for i := range senders {
		senders[i] = c.Copy()
	}
	together(at, func(i int) {
		req := senders[i].Request(http.MethodPost, f.UI.Action, bytes.NewReader(body))
		req.Header.Set("Content-Type", contentType)
		answers[i], _ = senders[i].Try(req)
	})
	for i, a := range answers {
		require.NotNil(t, a)
		require.Equal(t, "400 form traits.email:4000040", tell(senders[i], a), "%s", a.Body)
	}
	require.Equal(t, "200 done session", tell(c, c.Submit(f, someone())), "the flow is as usable as before")
}

// together runs fn n times at once and waits for all.
func together(n int, fn func(i int)) {
	var ready, ended sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	ended.Add(n)
	for i := range n {
		go func() {
			defer ended.Done()
			ready.Done()
			<-start
			fn(i)
		}()
	}
	ready.Wait()
	close(start)
	ended.Wait()
}

// Once the outcome is gone it is not given again, and nothing comes back to life.
func TestSameSubmitAfterTheOutcomeIsGone(t *testing.T) {
	gone := map[string]func(*finished){
		"the session was revoked": func(d *finished) { d.env.Exec("UPDATE sessions SET active = 0") },
		"the identity was deleted": func(d *finished) {
			list := d.env.Admin("GET", "/admin/identities?credentials_identifier="+d.v["traits.email"].(string), nil)
			id := regexpID.FindString(string(list.Body))
			require.Equal(t, http.StatusNoContent, d.env.Admin("DELETE", "/admin/identities/"+id, nil).Status)
		},
		"the session has expired": func(d *finished) { d.env.Clock.Advance(25 * time.Hour) },
		"the flow has expired":    func(d *finished) { d.env.Clock.Advance(61 * time.Minute) },
	}
	for name, take := range gone {
		t.Run(name, func(t *testing.T) {
			// The clock is moved so far that every client needs a program of its own.
			for _, kind := range []enginetest.ClientKind{enginetest.HTML, enginetest.JSON, enginetest.Native} {
				env := enginetest.New(t)
				i := slices.IndexFunc(env.Clients(), func(c client) bool { return c.Kind == kind })
				d := finish(t, env.Clients()[i], "")
				take(d)
				before := env.Rows()
				require.Equal(t, over(d.c), tell(d.before, d.send(d.before)), kind)
				require.Empty(t, env.Rows().Since(before), kind)
				if kind == enginetest.Native {
					continue
				}
				told := tell(d.c, d.send(d.c))
				if name == "the flow has expired" {
					require.Equal(t, over(d.c), told, "the session still proves whose flow it was")
				} else {
					require.Contains(t, told, "403 security_csrf_violation")
				}
			}
		})
	}
}

// Without the session hook the outcome is the identity, again and again.
func TestSameSubmitAgainWithoutSession(t *testing.T) {
	env := enginetest.New(t, enginetest.WithoutSession())
	for _, c := range env.Clients() {
		d := finish(t, c, "")
		before := env.Rows()
		again := d.send(c)
		require.Equal(t, tell(c, d.first), tell(c, again))
		require.Empty(t, env.Rows().Since(before))
		if c.Kind != enginetest.HTML {
			require.Equal(t, d.first.JSON()["identity"].(map[string]any)["id"], again.JSON()["identity"].(map[string]any)["id"])
		}
	}
}

// Who is not the client of the flow gets nothing of its outcome, though he
// knows the body and the id.
func TestSameSubmitByAnother(t *testing.T) {
	env := enginetest.New(t)
	for _, c := range env.Clients()[:2] {
		d := finish(t, c, "")
		thief := env.Browser()
		if c.Kind == enginetest.JSON {
			thief = env.SPA()
		}
		thief.Open("")
		before := env.Rows()
		require.Contains(t, tell(thief, d.send(thief)), "403 security_csrf_violation")
		register(t, thief, someone())
		require.Contains(t, tell(thief, d.send(thief)), "403 security_csrf_violation", "nor with a session of his own")
		require.NotContains(t, env.Rows().Since(before), "session_tokens+2")
	}
}
