package selfservice_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

var regexpAfter = regexp.MustCompile(`&after=\d+`)

// availableAt is when the form says that another message can be sent.
func availableAt(t *testing.T, f flow, name string) time.Time {
	t.Helper()
	for _, n := range f.UI.Nodes {
		if n.Attributes.Name == name && n.Meta.Label.ID == 1070008 {
			at, err := time.Parse(time.RFC3339Nano, n.Meta.Label.Context["available_at"].(string))
			require.NoError(t, err)
			return at
		}
	}
	t.Fatalf("no resend button %s in %v", name, drawn(f))
	return time.Time{}
}

// The first resend is sent at once, the next after a minute, then after ten.
// What comes too early is answered like any other and sends nothing.
func TestResend(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, client, string) (flow, string, values){
		"verification": func(t *testing.T, c client, email string) (flow, string, values) {
			person(t, c.Env, email)
			return ask(t, c, email), "email", values{"method": "code", "email": email}
		},
		"registration": func(t *testing.T, c client, email string) (flow, string, values) {
			return drafted(t, c, email), "resend", values{"method": "code", "resend": "code"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			option := enginetest.WithVerification()
			if name == "registration" {
				option = enginetest.WithProofFirst()
			}
			env := enginetest.New(t, option, enginetest.With("courier.budget", map[string]any{"per_10_minutes": 100, "per_day": 100}))
			for _, c := range env.Clients() {
				email := address()
				f, button, again := prepare(t, c, email)
				var answers []string
				resend := func(mails int, wait time.Duration) {
					t.Helper()
					a := c.Submit(f, again)
					answers = append(answers, masked(a, email))
					require.Len(t, env.Inbox(email), mails)
					left := availableAt(t, c.ReadKind(name, f.ID), button).Sub(env.Clock.Now())
					require.InDelta(t, wait, left, float64(5*time.Second))
				}
				require.InDelta(t, 0, availableAt(t, f, button).Sub(env.Clock.Now()), float64(5*time.Second))
				old := code(t, env, email)
				resend(2, time.Minute)
				resend(2, time.Minute)
				env.Clock.Advance(50 * time.Second)
				resend(2, 10*time.Second)
				env.Clock.Advance(10 * time.Second)
				resend(3, 10*time.Minute)
				env.Clock.Advance(9 * time.Minute)
				resend(3, time.Minute)
				env.Clock.Advance(time.Minute)
				resend(4, 10*time.Minute)
				for _, one := range answers { // the revision to wait for is another each time
					require.Equal(t, regexpAfter.ReplaceAllString(answers[0], ""), regexpAfter.ReplaceAllString(one, ""))
				}
				// Only the last code counts, and a code in the way of a resend does not.
				require.NotRegexp(t, "1080002|done|4455/$", tell(c, c.Submit(f, again.With("code", code(t, env, email)))))
				said := tell(c, c.Submit(f, values{"method": "code", "code": old}))
				require.Regexp(t, "4070006|4040003", said, "the old code is dead")
				require.Regexp(t, "1080002|done|4455/$", tell(c, c.Submit(f, values{"method": "code", "code": code(t, env, email)})))
			}
		})
	}
}

// An address gets three mails in ten minutes and ten a day, over all flows of
// all kinds and however it is spelled. Nobody can tell from the answers.
func TestMailBudget(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	c := env.SPA()
	email := "Ada@example.org"
	person(t, env, email)
	spellings := []string{"Ada@example.org", "ada@example.org", "ADA@EXAMPLE.ORG", "aDa@Example.Org"}
	var verifying, registering []string
	sent := 0
	for n := range 60 {
		spelling := spellings[n%len(spellings)]
		if n%2 == 0 {
			f := c.OpenKind("verification", "")
			verifying = append(verifying, masked(c.Submit(f, values{"method": "code", "email": spelling}), spelling))
		} else {
			registering = append(registering, masked(c.Submit(c.Open(""), enginetest.Person(spelling)), spelling))
		}
		now := len(env.Inbox(email))
		require.LessOrEqual(t, now-sent, 1)
		sent = now
		require.Equal(t, min(3*(n/10+1), 10, n+1, 3*(n/10)+n%10+1), sent, "after %d", n+1)
		if n%10 == 9 {
			env.Clock.Advance(10 * time.Minute)
		}
	}
	for _, list := range [][]string{verifying, registering} {
		for _, one := range list {
			require.Equal(t, list[0], one)
		}
	}
	require.Len(t, env.Inbox(""), 10, "to the stored spelling only")
	env.Clock.Advance(24 * time.Hour)
	ask(t, c, email)
	require.Len(t, env.Inbox(email), 11)
}

// A server sends no more than so many messages a minute, whoever to, and
// answers the same all the while.
func TestMailFlood(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst(), enginetest.With("courier.budget.per_minute_total", 10))
	c := env.SPA()
	var told []string
	for n := range 30 {
		email := fmt.Sprintf("flood-%02d@example.org", n)
		told = append(told, masked(c.Submit(c.Open(""), enginetest.Person(email)), email))
		require.Equal(t, told[0], told[len(told)-1])
	}
	require.Len(t, env.Inbox(""), 10)
	env.Clock.Advance(time.Minute)
	drafted(t, c, address())
	require.Len(t, env.Inbox(""), 11)
	require.Equal(t, http.StatusOK, c.Get("/health/alive").Status)
}

// Somebody who sends all the mail an address may have keeps its owner from
// neither link: what was sent still works.
func TestSpentBudgetsKeepNobodyOut(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	owner := env.SPA()
	email := address()
	f := registered(t, owner, email)
	mine := env.Inbox(email)[0]
	attacker := env.Native()
	for range 6 {
		g := attacker.OpenKind("verification", "")
		require.Equal(t, "200 form 1080003", tell(attacker, attacker.Submit(g, values{"method": "code", "email": email})))
		for range 5 {
			attacker.Submit(g, values{"method": "code", "code": "x"})
		}
	}
	require.Equal(t, "400 form 4000101", tell(owner, owner.Submit(f, values{"method": "code", "code": mine.Code()})), "codes are used up")
	require.Equal(t, http.StatusOK, owner.Whoami("").Status, "nobody is signed out by that")
	shown := owner.Follow(mine.Link())
	require.Equal(t, "200 form 1080002", tell(owner, owner.Submit(shown, values{"method": "code", "token": shown.Value("token")})))
	require.Equal(t, http.StatusOK, owner.Whoami("").Status, "it was the registration's own flow")
}
