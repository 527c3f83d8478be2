package hook_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

func after(moment string, hooks ...object) option {
	return enginetest.With("selfservice.flows."+moment+".hooks", hooks)
}

// named is webHook with a path and an id of its own.
func named(r *receiver, name string, more object) object {
	config := object{"id": name}
	for key, value := range more {
		config[key] = value
	}
	return webHook(r.URL+"/"+name, config)
}

// Global hooks and those of the method run both. Whatever the order in the
// configuration, those that block come before those that are stored, and the
// session last; within a turn the global ones come first.
func TestOrder(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t,
		after("registration.after", named(r, "told-of-all", nil), named(r, "asked-of-all", parses)),
		after("registration.after.password", object{"hook": "session"}, named(r, "told-of-passwords", nil), named(r, "asked-of-passwords", parses)))
	r.says(func(c call) (int, string) {
		switch c.Path {
		case "/asked-of-all":
			return 200, `{"identity":{"traits":{"email":"first@example.org","plan":"free"}}}`
		case "/asked-of-passwords":
			return 200, `{"identity":{"traits":{"email":"last@example.org","plan":"pro"}}}`
		}
		return 204, ""
	})
	a := env.Native().SignUp(enginetest.Person("ada@example.org"))
	require.Contains(t, string(a.Body), `"session_token"`)
	got := r.got()
	require.Equal(t, []string{"asked-of-all", "asked-of-passwords"}, paths(got))
	emailOf := func(c call) any { return c.Body["identity"].(object)["traits"].(object)["email"] }
	require.Equal(t, "ada@example.org", emailOf(got[0]))
	require.Equal(t, "first@example.org", emailOf(got[1]), "each sees what the ones before have made of the person")
	env.Deliver()
	got = r.got()
	require.ElementsMatch(t, []string{"told-of-all", "told-of-passwords"}, paths(got))
	require.Equal(t, []any{"last@example.org", "last@example.org"}, []any{emailOf(got[0]), emailOf(got[1])}, "those who are told see what came of it")

	r.says(func(c call) (int, string) {
		if c.Path == "/asked-of-passwords" {
			return 400, veto
		}
		return 200, `{"identity":{"traits":{"email":"first@example.org"}}}`
	})
	for _, c := range env.Clients() {
		f := c.Open("")
		before := env.Rows()
		c.Submit(f, enginetest.Person("bob@example.org"))
		require.Equal(t, "flows~1", env.Rows().Since(before))
		require.Equal(t, "bob@example.org", c.Read(f.ID).Value("traits.email"), "what was typed, not what the first had made of it")
		require.False(t, c.SignedIn())
		require.Equal(t, []string{"asked-of-all", "asked-of-passwords"}, paths(r.got()))
	}
	env.Deliver()
	require.Empty(t, r.got())
}

// Who is not let in by what is known here is nobody's business elsewhere.
func TestJudgedBeforeAnybodyIsAsked(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithVerification(), after("login.after", named(r, "asked", blocks), named(r, "told", nil), object{"hook": "require_verified_address"}))
	c := env.SPA()
	exists(c, "ada@example.org")
	env.Exec("UPDATE addresses SET verified = 0, status = 'pending'")
	require.Equal(t, 403, c.SignIn("", enginetest.Credentials("ada@example.org")).Status)
	env.Deliver()
	require.Empty(t, r.got())
	env.Exec("UPDATE addresses SET verified = 1, status = 'completed'")
	c.SignIn("", enginetest.Credentials("ada@example.org"))
	require.True(t, c.SignedIn())
	env.Deliver()
	require.Equal(t, []string{"asked", "told"}, paths(r.got()))
}

// Where a hook changes the address, the one that was typed hears of nothing.
func TestMailToTheChangedAddress(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, enginetest.WithVerification(),
		after("registration.after.password", object{"hook": "session"}, object{"hook": "show_verification_ui"}, named(r, "crm", parses)))
	for _, c := range env.Clients() {
		typed, changed := string(c.Kind)+"@typed.example", string(c.Kind)+"@changed.example"
		r.answers(200, `{"identity":{"traits":{"email":"`+changed+`"}}}`)
		a := c.SignUp(enginetest.Person(typed))
		require.Empty(t, env.Inbox(typed))
		require.Len(t, env.Inbox(changed), 1)
		f := c.Arrive("verification", a)
		c.Submit(f, values{"method": "code", "code": newest(c, changed).Code()})
		require.Contains(t, string(c.Whoami("").Body), `"status":"completed"`)
		require.NotContains(t, string(c.Whoami("").Body), typed)
	}
}

// endings tells for each reservation how it was said to end.
func endings(calls []call) map[string][]string {
	all := map[string][]string{}
	for _, c := range calls {
		id := c.Header.Get("Foyer-Reservation-Id")
		all[id] = append(all[id], c.Header.Get("Foyer-Reservation-Phase"))
	}
	return all
}

// A no of the second takes back what the first was asked to hold.
func TestVetoCancelsReservations(t *testing.T) {
	r := newReceiver(t)
	env := enginetest.New(t, after("registration.after.password", named(r, "holds", object{"reserve": true}), named(r, "asked", blocks)))
	r.vetoes("asked")
	c := env.Native()
	require.Equal(t, 400, c.Submit(c.Open(""), enginetest.Person("ada@example.org")).Status)
	env.Deliver()
	env.Clock.Advance(time.Hour)
	env.Deliver()
	got := r.got()
	require.Equal(t, []string{"holds", "asked", "holds"}, paths(got))
	require.Equal(t, []string{"reserve", "cancel"}, endings(slices.Delete(got, 1, 2))[got[0].Header.Get("Foyer-Reservation-Id")])
}

// together does fn n times at once.
func together(n int, fn func(int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { fn(i) })
	}
	all.Wait()
}

// However often the same submit comes at once, while a slow hook is asked, one
// person comes to be, one reservation is confirmed and all others are cancelled.
func TestDoubleClicksWhileAHookIsAsked(t *testing.T) {
	const n = 6
	r := newReceiver(t)
	env := enginetest.New(t, after("registration.after.password", named(r, "holds", object{"reserve": true}), named(r, "told", nil), object{"hook": "session"}))
	for name, sameFlow := range map[string]bool{"same flow": true, "same address": false} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			asked, all := 0, make(chan struct{})
			r.says(func(c call) (int, string) {
				if c.Header.Get("Foyer-Reservation-Phase") != "reserve" {
					return 204, ""
				}
				mu.Lock()
				if asked++; asked == n {
					close(all)
				}
				mu.Unlock()
				select {
				case <-all:
				case <-time.After(3 * time.Second):
				}
				return 204, ""
			})
			before, people, email := env.Rows(), env.Identities(), map[bool]string{true: "flow", false: "address"}[sameFlow]+"@example.org"
			c := env.Native()
			flows := make([]*enginetest.Flow, n)
			for i := range flows {
				if flows[i] = flows[0]; i == 0 || !sameFlow {
					flows[i] = c.Open("")
				}
			}
			answers := make([]*enginetest.Answer, n)
			together(n, func(i int) {
				kind, body := c.Encode(enginetest.Person(email))
				req := c.Request("POST", flows[i].UI.Action, bytes.NewReader(body))
				req.Header.Set("Content-Type", kind)
				answers[i], _ = c.Copy().Try(req)
			})
			in := 0
			for _, a := range answers {
				require.NotNil(t, a)
				require.Contains(t, []int{200, 400}, a.Status, "%s", a.Body)
				if a.Status == 200 {
					in++
				}
			}
			if sameFlow {
				require.Equal(t, n, in, "all get the first answer")
			} else {
				require.Equal(t, 1, in)
			}
			require.Equal(t, people+1, env.Identities())
			require.Len(t, env.Rows()["sessions"], len(before["sessions"])+1)
			env.Deliver()
			env.Clock.Advance(time.Hour)
			env.Deliver()
			got, told := r.got(), 0
			held := slices.DeleteFunc(slices.Clone(got), func(c call) bool { return c.Path != "/holds" })
			told = len(got) - len(held)
			require.Equal(t, 1, told)
			confirmed := 0
			for id, phases := range endings(held) {
				require.Len(t, phases, 2, id)
				require.Equal(t, "reserve", phases[0])
				if phases[1] == "confirm" {
					confirmed++
				} else {
					require.Equal(t, "cancel", phases[1])
				}
			}
			require.Equal(t, 1, confirmed)
			require.GreaterOrEqual(t, len(endings(held)), n, "all were asked at once")
		})
	}
}

// A client that goes away while a hook is asked leaves nothing, not even where
// that hook may fail.
func TestClientGoesWhileAHookIsAsked(t *testing.T) {
	for _, slow := range []string{"holds", "asked"} {
		t.Run(slow, func(t *testing.T) {
			r := newReceiver(t)
			env := enginetest.New(t, after("registration.after.password", named(r, "holds", object{"reserve": true}), named(r, "asked", with(blocks, object{"fail_open": true})),
				named(r, "told", nil), object{"hook": "session"}), listens(r, everything))
			asked, gone := make(chan struct{}), make(chan struct{})
			r.says(func(c call) (int, string) {
				if c.Path == "/"+slow && c.Header.Get("Foyer-Reservation-Phase") != "cancel" {
					close(asked)
					<-gone
				}
				return 204, ""
			})
			c := env.Native()
			f := c.Open("")
			before := env.Rows()
			ctx, leave := context.WithCancel(t.Context())
			kind, body := c.Encode(enginetest.Person("ada@example.org"))
			req := c.Request(http.MethodPost, f.UI.Action, bytes.NewReader(body)).WithContext(ctx)
			req.Header.Set("Content-Type", kind)
			go func() {
				<-asked
				leave()
			}()
			_, err := c.Try(req)
			require.ErrorIs(t, err, context.Canceled)
			hastened := func() bool {
				env.Deliver()
				return slices.Contains(phasesOf(r), "cancel")
			}
			require.Eventually(t, hastened, 10*time.Second, 10*time.Millisecond)
			close(gone)
			require.Empty(t, env.Rows().Without("messages", "message_attempts").Since(before.Without("messages", "message_attempts")))
			require.NotContains(t, paths(r.got()), "told")
			r.answers(204, "")
			c.SignUp(enginetest.Person("ada@example.org"))
			env.Deliver()
			env.Clock.Advance(time.Hour)
			env.Deliver()
			require.Equal(t, 1, env.Identities())
			require.Equal(t, []string{"reserve", "confirm"}, slices.DeleteFunc(phasesOf(r), func(s string) bool { return s == "" }), "the second is another one")
		})
	}
}

// phasesOf lists the phases that a receiver was told of, and forgets nothing.
func phasesOf(r *receiver) (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		all = append(all, c.Header.Get("Foyer-Reservation-Phase"))
	}
	return all
}
