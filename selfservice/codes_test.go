package selfservice_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// person makes somebody by the admin API, without a mail, and returns the id.
func person(t *testing.T, env *enginetest.Env, email string) string {
	t.Helper()
	a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"schema_id": "default", "traits": map[string]any{"email": email}})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	return a.JSON()["id"].(string)
}

// ask opens a verification and has a secret sent to an address.
func ask(t *testing.T, c client, email string) flow {
	t.Helper()
	f := c.OpenKind("verification", "")
	require.Equal(t, "choose_method", f.State)
	f = c.Say(f, values{"method": f.Active, "email": email})
	require.Equal(t, "sent_email", f.State, "%v", messages(f))
	return f
}

// code is the code in the newest mail to an address.
func code(t *testing.T, env *enginetest.Env, email string) string {
	t.Helper()
	mails := env.Inbox(email)
	require.NotEmpty(t, mails, email)
	require.NotEmpty(t, mails[0].Code(), "%s: %v", email, mails[0])
	return mails[0].Code()
}

// per is the line tell makes of a form for this client: a browser is sent to
// the page whatever the status.
func per(c client, status int, rest string) string {
	if c.Kind == enginetest.HTML {
		status = http.StatusSeeOther
	}
	return strings.TrimSpace(fmt.Sprint(status, " form ", rest))
}

// node is all that sets a node apart, on one line.
func node(n enginetest.Node) string {
	a := n.Attributes
	line := fmt.Sprint(n.Group, " ", a.Name, " ", a.Type, " ", n.Meta.Label.ID)
	if a.Value != nil && a.Name != "csrf_token" {
		line += fmt.Sprint(" ", a.Value)
	}
	return line
}

func drawn(f flow) []string {
	var out []string
	for _, n := range f.UI.Nodes {
		out = append(out, node(n))
	}
	return out
}

// Each row of the protocol's table for verification by code, for each client.
func TestVerificationByCode(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := address()
			person(t, env, email)
			submit := func(f flow, v values) string { return tell(c, c.Submit(f, v)) }
			again := func(f flow) flow { return c.ReadKind("verification", f.ID) }

			f := c.OpenKind("verification", "")
			require.Equal(t, "choose_method", f.State)
			require.Equal(t, "code", f.Active)
			require.Equal(t, map[bool]string{true: "api", false: "browser"}[c.Kind == enginetest.Native], f.Type)
			require.Equal(t, env.PublicURL+"/self-service/verification?flow="+f.ID, f.UI.Action)
			require.Equal(t, "POST", f.UI.Method)
			require.Empty(t, messages(f))
			require.Equal(t, []string{"default csrf_token hidden 0", "code email email 1070007", "code method submit 1070009 code"}, drawn(f))

			for _, v := range []values{{"method": "code"}, {"method": "code", "email": ""}, {"method": "code", "email": " "}} {
				require.Equal(t, per(c, 400, "email:4000002"), submit(f, v), "%v", v)
			}
			for _, bad := range []string{
				"@", "a@", "@example.org", "a b@example.org", "a@example.org,b@example.org", "a@example.org\r\nBcc: b@example.org",
				"Ada <a@example.org>", "a@exa\u200bmple.org", strings.Repeat("a", 400) + "@example.org",
			} {
				require.Equal(t, per(c, 400, "email:4000040"), submit(f, values{"method": "code", "email": bad}), "%q", bad)
				require.Equal(t, "choose_method", again(f).State)
			}
			require.Equal(t, per(c, 400, "email:4000040"), submit(f, values{"method": "code", "email": "nobody"}), "nobody here has a phone")
			for _, v := range []values{{"email": email}, {"method": "magic", "email": email}, {"method": "password", "email": email}} {
				require.Equal(t, per(c, 400, "4010006"), submit(f, v), "%v", v)
			}
			disabled := "404 self_service_method_disabled"
			if c.Kind == enginetest.HTML {
				disabled = "303 error " + disabled
			}
			require.Equal(t, disabled, submit(f, values{"method": "link", "email": email}))
			require.Empty(t, env.Inbox(email), "nothing was sent by any of these")

			require.Equal(t, per(c, 200, "1080003"), submit(f, values{"method": "code", "email": strings.ToUpper(email)}))
			f = again(f)
			require.Equal(t, "sent_email", f.State)
			sent := []string{
				"default csrf_token hidden 0", "code code text 1070011", "code method hidden 0 code", "code method submit 1070009 code",
				"code email submit 1070008 " + strings.ToUpper(email),
			}
			require.Equal(t, sent, drawn(f))
			mails := env.Inbox("")
			require.Equal(t, email, mails[0].Recipient, "the owner's spelling")
			require.Equal(t, "verification_code_valid", mails[0].Template)
			right := mails[0].Code()

			for _, empty := range []values{{"method": "code"}, {"method": "code", "code": ""}, {"method": "code", "code": " - "}} {
				require.Equal(t, per(c, 400, "code:4000002"), submit(f, empty), "%v", empty)
			}
			for _, wrong := range []string{other(right), "x", "'; DROP TABLE flows; --", strings.Repeat("9", 5000)} {
				require.Equal(t, per(c, 200, "4070006"), submit(f, values{"method": "code", "code": wrong}), "%.20q", wrong)
				require.Equal(t, sent, drawn(again(f)), "what was typed is not shown again")
			}
			require.False(t, verified(t, env, email))

			done := f.Fill(values{"method": "code", "code": right})
			a := c.Post(f.UI.Action, done)
			require.Equal(t, per(c, 200, "1080002"), tell(c, a))
			f = again(f)
			require.Equal(t, "passed_challenge", f.State)
			require.Equal(t, "GET", f.UI.Method)
			require.Equal(t, []string{"code   1070009"}, drawn(f))
			require.Equal(t, "continue", f.UI.Nodes[0].Attributes.ID)
			require.True(t, verified(t, env, email))

			require.Equal(t, tell(c, a), tell(c, c.Post(f0(f, env), done)), "the same again is told the same")
			other := tell(c, c.Post(f0(f, env), done.With("code", other(right))))
			if c.Kind == enginetest.HTML {
				require.Equal(t, "303 form 1080002", other, "a page shows the flow as it ended")
			} else {
				require.Equal(t, "400 form 4070002", other)
			}
			env.Clock.Advance(2 * time.Hour)
		})
	}
}

// f0 is where a flow is submitted, which its form no longer tells at its end.
func f0(f flow, env *enginetest.Env) string {
	return env.PublicURL + "/self-service/verification?flow=" + f.ID
}

// Whether anybody has an address, has proved it, or may sign in: a verification
// looks the same and writes the same.
func TestVerificationOfAnyAddress(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for _, c := range env.Clients() {
		people := map[string]string{"unknown": address(), "unverified": address(), "verified": address(), "inactive": address()}
		for state, email := range people {
			if state != "unknown" {
				person(t, env, email)
			}
		}
		env.Exec("UPDATE addresses SET verified = 1, status = 'completed' WHERE value = ?", people["verified"])
		env.Exec("UPDATE identities SET state = 'inactive' WHERE id = (SELECT identity_id FROM addresses WHERE value = ? LIMIT 1)", people["inactive"])
		var first []string
		for state, email := range people {
			var log []string
			f := c.OpenKind("verification", "")
			before := env.Rows()
			note := func(f flow, v values) {
				log = append(log, masked(c.Submit(f, v), email))
				if c.Kind == enginetest.JSON {
					after := env.Rows()
					log, before = append(log, after.Since(before)), after
				}
			}
			note(f, values{"method": "code", "email": email})
			for range 3 { // at once; too early, twice
				note(f, values{"method": "code", "email": email})
			}
			env.Clock.Advance(10 * time.Minute)
			note(f, values{"method": "code", "email": email})
			for range 6 {
				note(f, values{"method": "code", "code": "000000"})
			}
			log = append(log, masked(c.Get("/self-service/verification/flows?id="+f.ID), email))
			if first == nil {
				first = log
			}
			require.Equal(t, first, log, "%s: %s", c.Kind, state)
			require.True(t, c.Kind != enginetest.JSON || strings.Contains(log[1], "messages+1"), "a row is written, whether or not a mail leaves")
			wanted := 3
			if state == "unknown" {
				wanted = 0
			}
			require.Len(t, env.Inbox(email), wanted, state)
		}
	}
}

// Five guesses are judged, then none, the right one least of all; the reason
// is told. The link in the mail still works.
func TestTooManyGuesses(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for _, c := range env.Clients() {
		email := address()
		person(t, env, email)
		f := ask(t, c, email)
		mail := env.Inbox(email)[0]
		for range 5 {
			require.Equal(t, per(c, 200, "4070006"), tell(c, c.Submit(f, values{"method": "code", "code": other(mail.Code())})))
		}
		for range 2 {
			require.Equal(t, per(c, 400, "4000001"), tell(c, c.Submit(f, values{"method": "code", "code": mail.Code()})))
		}
		shown := c.ReadKind("verification", f.ID)
		require.NotEmpty(t, shown.UI.Messages[0].Context["reason"])
		require.False(t, verified(t, env, email))

		// Asking for another does not buy another five.
		require.Equal(t, per(c, 200, "1080003"), tell(c, c.Submit(f, values{"method": "code", "email": email})))
		fresh := code(t, env, email)
		require.Equal(t, per(c, 400, "4000001"), tell(c, c.Submit(f, values{"method": "code", "code": fresh})))
		require.False(t, verified(t, env, email))

		phone := env.Browser()
		shown = phone.Follow(env.Inbox(email)[0].Link())
		require.Equal(t, "303 form 1080002", tell(phone, phone.Submit(shown, values{"method": "code", "token": shown.Value("token")})))
		require.True(t, verified(t, env, email))
	}
}

// refusedGuess is what is told of a code that is not judged any more: the flow
// has seen too many, or the address has.
const refusedGuess = "(4000001|4000101)"

// Over all flows, however the address is spelled, ten codes are judged an hour
// and fifty a day. Links work all the while.
func TestGuessBudget(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.With("courier.budget", map[string]any{"per_10_minutes": 1000, "per_day": 1000}))
	c := env.Native()
	email := address()
	person(t, env, email)
	spellings := []string{email, strings.ToUpper(email), " " + email, "P" + email[1:]}
	day := 0
	for hour := range 7 {
		judged := 0
		for n := range 4 {
			f := ask(t, c, spellings[n])
			for range 5 {
				switch said := tell(c, c.Submit(f, values{"method": "code", "code": "x"})); said {
				case "200 form 4070006":
					judged++
				default:
					require.Regexp(t, "^400 form "+refusedGuess+"$", said)
				}
			}
			require.Len(t, env.Inbox(email), hour*4+n+1)
		}
		if hour < 5 {
			require.Equal(t, 10, judged, "hour %d", hour)
		} else {
			require.Zero(t, judged, "hour %d", hour)
		}
		day += judged
		env.Clock.Advance(time.Hour)
	}
	require.Equal(t, 50, day)
	f := ask(t, c, email)
	require.Regexp(t, "^400 form "+refusedGuess+"$", tell(c, c.Submit(f, values{"method": "code", "code": code(t, env, email)})))
	phone := env.Browser()
	shown := phone.Follow(env.Inbox(email)[0].Link())
	require.Equal(t, "303 form 1080002", tell(phone, phone.Submit(shown, values{"method": "code", "token": shown.Value("token")})))

	env.Clock.Advance(24 * time.Hour)
	f = ask(t, c, email)
	require.Equal(t, "200 form 1080002", tell(c, c.Submit(f, values{"method": "code", "code": code(t, env, email)})))
}

// A code that has expired is wrong, to the second, whatever the flow's own time.
func TestCodeExpires(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.With("selfservice.flows.verification.lifespan", "2h"))
	c := env.Native()
	for after, want := range map[time.Duration]string{
		10*time.Minute - 5*time.Second: "200 form 1080002", 10 * time.Minute: "200 form 4070006", 30 * time.Minute: "200 form 4070006",
	} {
		email := address()
		person(t, env, email)
		f := ask(t, c, email)
		right := code(t, env, email)
		link := env.Inbox(email)[0].Link()
		env.Clock.Advance(after)
		require.Equal(t, want, tell(c, c.Submit(f, values{"method": "code", "code": right})), after)
		if want == "200 form 4070006" {
			browser := env.Browser()
			shown := browser.Follow(link)
			require.Equal(t, "303 form 4070001", tell(browser, browser.Submit(shown, values{"method": "code", "token": shown.Value("token")})))
			require.False(t, verified(t, env, email))
		}
	}
}

// A flow whose time is over hands on to another, which holds the address.
func TestVerificationFlowExpires(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for _, c := range env.Clients() {
		email := address()
		person(t, env, email)
		f := ask(t, c, email)
		right := code(t, env, email)
		env.Clock.Advance(25 * time.Hour)
		gone := c.Get("/self-service/verification/flows?id=" + f.ID)
		require.Equal(t, "410 self_service_flow_expired", tell(env.Native(), gone))
		a := c.Submit(f, values{"method": "code", "code": right})
		var heir string
		if c.Kind == enginetest.HTML {
			require.Equal(t, "303 form 4070005", tell(c, a))
			heir = a.Location().Query().Get("flow")
		} else {
			require.Equal(t, "410 self_service_flow_expired", tell(c, a))
			heir = a.JSON()["use_flow_id"].(string)
		}
		next := c.ReadKind("verification", heir)
		require.Equal(t, []int{4070005}, next.IDs(""))
		require.Equal(t, "choose_method", next.State)
		require.Equal(t, per(c, 200, "1080003"), tell(c, c.Submit(next, values{"method": "code", "email": email})))
		require.False(t, verified(t, env, email))
		require.Equal(t, per(c, 200, "1080002"), tell(c, c.Submit(next, values{"method": "code", "code": code(t, env, email)})))
	}
}

// Of the right code sent many times at once one counts: one proof, which ends
// other sessions once; and everybody who clicked twice is told that it worked.
func TestRightCodeInParallel(t *testing.T) {
	const at = 64
	env := enginetest.New(t, enginetest.WithVerification())
	for _, clicks := range []int{2, 3, at} {
		email := address()
		id := person(t, env, email)
		c := env.Native()
		f := ask(t, c, email)
		answers := parallel(c, f, repeated(values{"method": "code", "code": code(t, env, email)}, clicks))
		told := map[string]int{}
		for _, a := range answers {
			require.NotNil(t, a)
			told[tell(c, a)]++
		}
		if clicks < 4 {
			require.Equal(t, map[string]int{"200 form 1080002": clicks}, told)
		}
		require.Positive(t, told["200 form 1080002"])
		require.Equal(t, clicks, told["200 form 1080002"]+told["400 form 4000001"], "%v", told)
		require.True(t, verified(t, env, email))
		require.Equal(t, 1, epoch(t, env, id), "%d clicks", clicks)
	}
}

// Two hundred wrong codes at once, then the right one: five are judged, and
// the right one is refused.
func TestWrongCodesInParallel(t *testing.T) {
	const at = 200
	env := enginetest.New(t, enginetest.WithVerification())
	email := address()
	person(t, env, email)
	c := env.Native()
	f := ask(t, c, email)
	right := code(t, env, email)
	all := repeated(values{"method": "code", "code": other(right)}, at)
	told := map[string]int{}
	for _, a := range parallel(c, f, all) {
		require.NotNil(t, a)
		told[tell(c, a)]++
	}
	require.Equal(t, at, told["200 form 4070006"]+told["400 form 4000001"], "%v", told)
	require.LessOrEqual(t, told["200 form 4070006"], 5)
	require.Equal(t, "400 form 4000001", tell(c, c.Submit(f, values{"method": "code", "code": right})))
	require.False(t, verified(t, env, email))
	spent := 0
	for _, row := range env.Rows()["budgets"] {
		spent = max(spent, stamps(row))
	}
	require.Equal(t, 5, spent, "guesses paid from the address's budget")
}

// stamps counts what has been spent according to a row of budgets.
func stamps(row string) int {
	most := 0
	for _, column := range strings.Split(row, "\x1f") {
		if len(column) != 64 && len(column)%16 == 0 && strings.Trim(column, "0123456789abcdef") == "" {
			most = max(most, len(column)/16)
		}
	}
	return most
}

func repeated(v values, n int) (all []values) {
	for range n {
		all = append(all, v)
	}
	return all
}

// parallel submits to one flow at once, each from a client of its own.
func parallel(c client, f flow, all []values) []answer {
	senders, bodies, answers := make([]client, len(all)), make([][]byte, len(all)), make([]answer, len(all))
	contentType := ""
	for i := range all {
		senders[i] = c.Copy()
		contentType, bodies[i] = c.Encode(f.Fill(all[i]))
	}
	together(len(all), func(i int) {
		req := senders[i].Request(http.MethodPost, f.UI.Action, bytes.NewReader(bodies[i]))
		req.Header.Set("Content-Type", contentType)
		answers[i], _ = senders[i].Try(req)
	})
	return answers
}

// epoch counts how often something was proved by a person.
func epoch(t *testing.T, env *enginetest.Env, id string) (n int) {
	t.Helper()
	for _, row := range env.Rows()["identities"] {
		if strings.HasPrefix(row, id) {
			_, err := fmt.Sscan(row[strings.LastIndex(row, "\x1f")+1:], &n)
			require.NoError(t, err, "%s", row)
			return n
		}
	}
	t.Fatal("no such identity")
	return 0
}
