package selfservice_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

var pairs = flag.Int("pairs", 8, "pairs of a taken and a free address to compare, for each client")

var (
	regexpTime  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	regexpCount = regexp.MustCompile(`(_unix|since)":\d{10,}`)
	regexpToken = regexp.MustCompile(`(_token=|","value":")[A-Za-z0-9+/_=.-]+`)
)

// masked is an answer without what differs from one flow to the next: ids,
// masked tokens, cookies' values, times, and the address itself. How long a
// token is remains.
func masked(a answer, email string) string {
	mask := func(s string) string {
		s = regexpID.ReplaceAllString(s, "ID")
		s = regexpTime.ReplaceAllString(s, "TIME")
		s = regexpCount.ReplaceAllString(s, `$1":TIME`)
		s = regexpToken.ReplaceAllStringFunc(s, func(token string) string {
			if len(token) < 80 {
				return token
			}
			return fmt.Sprint("TOKEN-", len(token))
		})
		return strings.ReplaceAll(s, email, "ADDRESS")
	}
	var lines []string
	for name, list := range a.Header {
		for _, value := range list {
			switch name {
			case "Date", "Content-Length": // the length of times differs
				value = ""
			case "X-Request-Id":
				value = fmt.Sprint(len(value))
			}
			lines = append(lines, name+": "+mask(value))
		}
	}
	slices.Sort(lines)
	return fmt.Sprint(a.Status, "\n", strings.Join(lines, "\n"), "\n\n", mask(string(a.Body)))
}

// soon is when a form says that a message can be sent again, to the minute
// after now.
func soon(env *enginetest.Env, a answer) string {
	i := strings.Index(string(a.Body), `"available_at":"`)
	if i < 0 {
		return ""
	}
	at, err := time.Parse(time.RFC3339Nano, strings.SplitN(string(a.Body)[i+len(`"available_at":"`):], `"`, 2)[0])
	if err != nil {
		return err.Error()
	}
	return at.Sub(env.Clock.Now()).Round(10 * time.Second).String()
}

// Where accounts are not to be enumerated, a taken address and a free one are
// answered with the same bytes at every step, and write the same rows.
func TestStealthPairs(t *testing.T) {
	signUp := func(email string) values { return enginetest.Person(email).With("traits.name.first", "Ada") }
	steps := []func(email string) values{
		signUp,
		signUp, // a double click
		func(string) values { return values{"method": "code"} },
		func(string) values { return values{"method": "code", "code": "000000"} },
		func(string) values { return values{"method": "code", "resend": "code"} },
		func(string) values { return values{"method": "code", "resend": "code"} }, // too early
		func(email string) values {
			return values{"method": "code", "code": "000000", "traits.email": "x" + email, "traits.name.first": "Ada"}
		},
		func(email string) values {
			return values{"method": "code", "code": "000000", "traits.email": email, "traits.name.first": "Ada"}
		},
		func(string) values { return values{"method": "code", "token": strings.Repeat("x", 32)} },
		func(email string) values { return signUp(email).With("password", "another good Passphrase 9") },
		nil, // ten minutes pass
		func(string) values { return values{"method": "code", "resend": "code"} },
		func(string) values { return values{"method": "code", "code": "000000"} },
		func(string) values { return values{"method": "code", "code": "000000"} },
		func(string) values { return values{"method": "code", "code": "000000"} },
		func(string) values { return values{"method": "code", "code": "000000"} }, // too many
		func(string) values { return values{"method": "code", "resend": "code"} },
		nil, nil, nil, nil, nil, nil, // the flow has expired
		signUp,
	}
	for _, kind := range []enginetest.ClientKind{enginetest.HTML, enginetest.JSON, enginetest.Native} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			env := enginetest.New(t, enginetest.WithStealth())
			for n := range *pairs {
				compare(t, env, kind, n, steps)
			}
			require.Len(t, env.Rows()["identities"], *pairs)
		})
	}
}

// compare takes one pair through the steps, nil for ten minutes that pass. The
// first pairs' rows are looked at, too.
func compare(t *testing.T, env *enginetest.Env, kind enginetest.ClientKind, n int, steps []func(string) values) {
	t.Helper()
	taken, free := address(), address()
	for len(taken) != len(free) {
		taken, free = free, address()
	}
	id := person(t, env, taken)
	if n%3 == 1 {
		env.Exec("UPDATE identities SET state = 'inactive' WHERE id = ?", id)
	}
	if n%3 == 2 {
		env.Exec("UPDATE addresses SET verified = 1, status = 'completed' WHERE identity_id = ?", id)
	}
	both := []*sneak{{email: taken, rows: n < 3}, {email: free, rows: n < 3}}
	for _, one := range both {
		one.client = clientOf(env, kind)
		one.flow = one.client.Open("")
	}
	for i, step := range steps {
		if step == nil {
			env.Clock.Advance(10 * time.Minute)
			continue
		}
		for _, turn := range rand.Perm(2) {
			both[turn].take(env, step)
		}
		require.Equal(t, both[0].last, both[1].last, "step %d", i)
	}
	taking, freeing := env.Inbox(taken), env.Inbox(free)
	require.Equal(t, len(freeing), len(taking))
	require.GreaterOrEqual(t, len(taking), 3)
	for i := range taking {
		require.Equal(t, "registration_code_invalid", taking[i].Template)
		require.Equal(t, "registration_code_valid", freeing[i].Template)
	}
}

// sneak is one of two who try to tell whether an address is taken.
type sneak struct {
	client client
	flow   flow
	email  string
	rows   bool // look into the database, too, which takes long
	last   []string
	seen   []string
}

// take sends a step and notes all that can be seen of it, from outside and in
// what was written.
func (s *sneak) take(env *enginetest.Env, step func(string) values) {
	var before enginetest.Rows
	if s.rows {
		before = env.Rows()
	}
	stats, written := env.App.Store.Stats(), ""
	a := s.client.Submit(s.flow, step(s.email))
	after := env.App.Store.Stats()
	if s.rows {
		written = env.Rows().Since(before)
	}
	s.last = []string{
		masked(a, s.email), soon(env, a), written,
		fmt.Sprint(after.Units-stats.Units, " units, ", after.Commits-stats.Commits, " commits"),
	}
	if a.Status == http.StatusSeeOther && a.Location().Path == "/registration" {
		page := s.client.Request(http.MethodGet, "/self-service/registration/flows?id="+a.Location().Query().Get("flow"), nil)
		page.Header.Set("Accept", "application/json")
		shown := s.client.Do(page)
		s.last = append(s.last, masked(shown, s.email), soon(env, shown))
	}
	s.seen = append(s.seen, s.last...)
}

func clientOf(env *enginetest.Env, kind enginetest.ClientKind) client {
	for _, c := range env.Clients() {
		if c.Kind == kind {
			return c
		}
	}
	return nil
}

// Thirty sign-ups in a row for one address meet the same limits whether it is
// taken or free, and get it three mails.
func TestStealthLimits(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	taken, free := address(), address()
	for len(taken) != len(free) {
		taken, free = free, address()
	}
	person(t, env, taken)
	seen := map[string][]string{}
	for n := range 30 {
		for _, email := range []string{taken, free} {
			one := &sneak{client: env.SPA(), email: email, rows: n < 3}
			one.flow = one.client.Open("")
			one.take(env, func(email string) values { return enginetest.Person(email) })
			for range 2 {
				one.take(env, func(string) values { return values{"method": "code", "code": "000000"} })
			}
			one.take(env, func(string) values { return values{"method": "code", "resend": "code"} })
			seen[email] = append(seen[email], one.seen...)
		}
	}
	require.Equal(t, seen[taken], seen[free])
	require.Len(t, env.Inbox(taken), 3)
	require.Len(t, env.Inbox(free), 3)
	require.Contains(t, strings.Join(seen[free], ""), "4000101", "the guesses of an address are used up")
}

// Whose mailbox it is learns in the mail that somebody tried; every other
// spelling of the address is theirs as well.
func TestStealthWritesToTheStoredSpelling(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	email := "Ada.Lovelace@Example.org"
	person(t, env, email)
	for _, spelling := range []string{email, "ada.lovelace@example.org", "ADA.LOVELACE@EXAMPLE.ORG"} {
		c := env.SPA()
		sent := c.Say(c.Open(""), enginetest.Person(spelling))
		require.Equal(t, spelling, sent.Value("traits.email"), "each is shown what they typed")
		require.Equal(t, []int{1040005}, sent.IDs(""))
	}
	require.Len(t, env.Inbox(""), 3)
	for _, m := range env.Inbox("") {
		require.Equal(t, email, m.Recipient)
		require.Equal(t, "registration_code_invalid", m.Template)
		require.Empty(t, m.Code())
		require.Empty(t, m.Link())
	}
}

// The code of a taken address matches nothing, not even what stands in the
// database in its place.
func TestStealthHasNoCodeForTheTaken(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	email := address()
	person(t, env, email)
	c := env.SPA()
	f := c.Say(c.Open(""), enginetest.Person(email))
	for _, v := range []values{{"code": ""}, {"code": "0"}, {"code": "000000"}, {"token": ""}, {"token": "0"}, {"code": "", "token": ""}} {
		a := c.Submit(f, v.With("method", "code"))
		require.Contains(t, []string{"400 form code:4000002", "400 form 4040003"}, tell(c, a))
	}
	require.Equal(t, 1, env.Identities())
}
