package selfservice_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// drafted submits a valid registration, whose address is to be proved now.
func drafted(t *testing.T, c client, email string) flow {
	t.Helper()
	f := c.Say(c.Open(""), enginetest.Person(email).With("traits.name.first", "Ada"))
	require.Equal(t, "sent_email", f.State, "%s", messages(f))
	return f
}

// Each row of the protocol's table for a code that completes a registration.
func TestProofCompletesRegistration(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := address()
			submit := func(f flow, v values) string { return tell(c, c.Submit(f, v)) }
			f := c.Open("")
			before, filled := env.Rows(), enginetest.Person(email).With("traits.name.first", "Ada")
			require.Equal(t, per(c, 400, "1040005"), submit(f, filled))
			require.Equal(t, "budgets+1 flows~1 messages+1", env.Rows().Since(before))
			f = c.Read(f.ID)
			require.Equal(t, "sent_email", f.State)
			require.Equal(t, "code", f.Active)
			form := []string{
				"default csrf_token hidden 0", "default traits.email hidden 0 " + email, "default traits.name.first hidden 0 Ada",
				"code method hidden 0 code", "code code text 1070012", "code method submit 1070009 code", "code resend submit 1070008 code",
			}
			require.ElementsMatch(t, form, drawn(f))
			require.Equal(t, form[0], drawn(f)[0])

			require.Equal(t, per(c, 400, "1040005"), submit(f, filled), "a double click is told the same and sends nothing")
			require.Len(t, env.Inbox(email), 1)
			mail := env.Inbox(email)[0]
			require.Equal(t, "registration_code_valid", mail.Template)
			right := values{"method": "code", "code": mail.Code(), "traits.email": email, "traits.name.first": "Ada"}

			require.Equal(t, per(c, 400, "code:4000002"), submit(f, right.Without("code")))
			require.Equal(t, per(c, 400, "4040003"), submit(f, right.With("code", other(mail.Code()))))
			require.Equal(t, per(c, 400, "4040003"), submit(f, right.With("code", "x")))
			require.ElementsMatch(t, form, drawn(c.Read(f.ID)), "what was typed is not shown again")
			for name, value := range map[string]string{"traits.email": "x" + email, "traits.name.first": "Eve", "traits.plan": "pro"} {
				require.Equal(t, per(c, 400, "4000036"), submit(f, right.With(name, value)), name)
			}
			require.Equal(t, per(c, 400, "4010003"), submit(f, right.Without("method")))
			require.Equal(t, per(c, 400, "4010003"), submit(f, right.With("method", "magic")))
			require.Empty(t, env.Inbox(email)[1:])
			require.NotContains(t, env.Rows().Since(before), "identities")

			// Guesses with other traits were paid for as well: none is left.
			require.Equal(t, per(c, 400, "4000001"), submit(f, right))

			// A new flow, ended well.
			env.Clock.Advance(10 * time.Minute)
			f = drafted(t, c, email)
			right = right.With("code", env.Inbox(email)[0].Code())
			before = env.Rows()
			csrf := c.Cookie("csrf_token")
			a := c.Submit(f, right)
			switch c.Kind {
			case enginetest.HTML:
				require.Equal(t, "303 http://127.0.0.1:4455/", tell(c, a))
			case enginetest.JSON:
				require.Equal(t, "200 done session", tell(c, a))
			default:
				require.Equal(t, "200 done session token", tell(c, a))
			}
			require.Equal(t, "addresses+2 budgets~1 credentials+1 flows~1 identifiers+1 identities+1 session_tokens+1 sessions+1", env.Rows().Since(before))
			require.True(t, verified(t, env, email))
			if c.Kind == enginetest.Native {
				require.Equal(t, http.StatusOK, c.Whoami(token(t, a)).Status)
			} else {
				require.Equal(t, http.StatusOK, c.Whoami("").Status)
				require.NotEqual(t, csrf, c.Cookie("csrf_token"), "the CSRF secret is changed with the session")
			}
			require.Len(t, env.Inbox(email), 2, "nothing is left to verify")
			require.Equal(t, tell(c, a), submit(f, right), "the same again has the same outcome")
		})
	}
}

// Whoever signs up a hundred times with somebody's address makes nobody, takes
// nothing and does not keep the owner out.
func TestHundredUnprovenSignUps(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	email := address()
	c := env.Native()
	for range 100 {
		drafted(t, c, email)
	}
	rows := env.Rows()
	for _, table := range []string{"identities", "identifiers", "addresses", "credentials", "sessions", "session_tokens"} {
		require.Empty(t, rows[table], table)
	}
	require.Len(t, env.Inbox(email), 3)
	require.Len(t, rows["messages"], 100, "a mail that is held back has its row")

	env.Clock.Advance(10 * time.Minute)
	owner := env.SPA()
	f := drafted(t, owner, email)
	require.Len(t, env.Inbox(email), 4)
	require.Equal(t, "200 done session", tell(owner, owner.Submit(f, values{"method": "code", "code": code(t, env, email)})))
	require.True(t, verified(t, env, email))
	require.Equal(t, 1, env.Identities())
}

// What a draft holds is sealed: nothing of it can be read from the database,
// its log or its index, nor stands among the values that are shown again.
func TestDraftIsSealed(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	for _, email := range []string{"planted-free@example.org", "planted-taken@example.org"} {
		c := env.SPA()
		c.Head.Set("User-Agent", "planted-device")
		sent := c.Say(c.Open(""), values{
			"method": "password", "traits.email": email, "password": "Planted-Passphrase-9", "traits.name.first": "Planted-Name",
			"transient_payload": map[string]any{"k": "planted-carried"},
		})
		require.Equal(t, "sent_email", sent.State)
		right := code(t, env, email)
		// The recipient is what a message's row is for, and goes with it.
		env.Exec("UPDATE messages SET recipient = ''")
		for table, rows := range env.Rows() {
			for _, row := range rows {
				for _, s := range []string{"planted", "Planted", "argon2"} {
					require.NotContains(t, row, s, table)
					require.NotContains(t, row, hex.EncodeToString([]byte(s)), table)
				}
				if table == "flows" {
					require.NotContains(t, row, hex.EncodeToString([]byte(right)))
					require.NotContains(t, strings.Split(row, "\x1f"), right)
				}
			}
		}
	}
}

// The address may be taken, and the schema changed, while somebody looks for
// the mail.
func TestTakenMeanwhile(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	for _, c := range env.Clients() {
		email := address()
		f := drafted(t, c, email)
		right := code(t, env, email)
		person(t, env, strings.ToUpper(email))
		before := env.Rows().Without("flows", "budgets")
		require.Equal(t, per(c, 400, "4000007"), tell(c, c.Submit(f, values{"method": "code", "code": right})))
		require.Empty(t, env.Rows().Without("flows", "budgets").Since(before))
		require.Equal(t, http.StatusUnauthorized, c.Whoami("").Status)
	}
}

// Two who sign up with one address both wait for a code; who proves it first
// has it, and the other's code is of no use.
func TestTwoDraftsOfOneAddress(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	email := address()
	first, second := env.SPA(), env.Native()
	f := drafted(t, first, email)
	g := drafted(t, second, strings.ToUpper(email))
	codes := env.Inbox("")
	require.Equal(t, "400 form 4040003", tell(first, first.Submit(f, values{"method": "code", "code": codes[0].Code()})))
	require.Equal(t, "200 done session token", tell(second, second.Submit(g, values{"method": "code", "code": codes[0].Code()})))
	require.Equal(t, "400 form 4000007", tell(first, first.Submit(f, values{"method": "code", "code": codes[1].Code()})))
	require.Equal(t, 1, env.Identities())
	require.Len(t, env.Rows()["sessions"], 1)
}

// A draft outlives its code, not its flow: the successor holds what was typed,
// and nobody has come to be.
func TestDraftExpires(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	for _, c := range env.Clients() {
		email := address()
		f := drafted(t, c, email)
		old := code(t, env, email)
		env.Clock.Advance(11 * time.Minute)
		require.Equal(t, per(c, 400, "4040003"), tell(c, c.Submit(f, values{"method": "code", "code": old})))
		require.Equal(t, per(c, 400, "1040005"), tell(c, c.Submit(f, values{"method": "code", "resend": "code"})))
		fresh := code(t, env, email)
		require.Equal(t, per(c, 400, "4040003"), tell(c, c.Submit(f, values{"method": "code", "code": old})))

		env.Clock.Advance(time.Hour)
		a := c.Submit(f, values{"method": "code", "code": fresh})
		var heir string
		if c.Kind == enginetest.HTML {
			require.Equal(t, "303 form 4040001", tell(c, a))
			heir = a.Location().Query().Get("flow")
		} else {
			require.Equal(t, "410 self_service_flow_expired", tell(c, a))
			heir = a.JSON()["use_flow_id"].(string)
		}
		next := c.Read(heir)
		require.Equal(t, "choose_method", next.State)
		require.Equal(t, email, next.Value("traits.email"))
		require.Equal(t, "Ada", next.Value("traits.name.first"))
		require.Nil(t, next.Value("password"))
		require.Nil(t, next.Node("code"))
		require.Zero(t, env.Identities())
	}
}

// A link of a registration opened where that was begun completes it at the
// press of a button. Elsewhere it shows the code and who asks, and nothing sent
// from there makes anybody.
func TestSignUpLink(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	for _, c := range env.Clients() {
		email, people := address(), env.Identities()
		c.Head.Set("User-Agent", "Support: call +1 555 0100 (Linux) Firefox/145.0")
		f := drafted(t, c, email)
		mail := env.Inbox(email)[0]

		for _, elsewhere := range []client{env.Browser(), env.SPA()} {
			shown := elsewhere.Follow(mail.Link())
			require.NotEqual(t, f.ID, shown.ID)
			require.Equal(t, []string{"csrf_token", "", ""}, nodes(shown))
			require.Equal(t, mail.Code(), shown.UI.Nodes[1].Attributes.Text.Context["code"])
			require.Equal(t, "Firefox, Linux", shown.UI.Nodes[2].Attributes.Text.Context["device"])
			require.Equal(t, "127.0.0.1", shown.UI.Nodes[2].Attributes.Text.Context["ip"])
			require.NotContains(t, fmt.Sprint(shown), "call", "nothing a stranger wrote")
			require.NotContains(t, fmt.Sprint(shown), "token=", "the link's own secret is not needed there")
			before := env.Rows().Without("flows", "flow_errors")
			for _, v := range []values{
				{"method": "code", "code": mail.Code()}, {"method": "code", "code": mail.Code(), "traits.email": email},
				{"method": "code", "token": "x"}, {"method": "code", "resend": "code"}, {"method": "code"},
				enginetest.Person(email).With("code", mail.Code()),
			} {
				a := elsewhere.Submit(shown, v)
				require.NotRegexp(t, `done|http://127.0.0.1:4455/$`, tell(elsewhere, a), "%v", v)
				require.Less(t, a.Status, 500)
			}
			after := env.Rows().Without("flows", "flow_errors")
			require.NotContains(t, after.Since(before), "identit")
			require.Equal(t, http.StatusUnauthorized, elsewhere.Whoami("").Status)
		}
		require.Equal(t, people, env.Identities())

		if c.Kind == enginetest.Native {
			require.Equal(t, "200 done session token", tell(c, c.Submit(f, values{"method": "code", "code": mail.Code()})))
		} else {
			shown := c.Follow(mail.Link())
			require.Equal(t, f.ID, shown.ID)
			require.Equal(t, mail.Code(), shown.Value("code"))
			v := values{"method": "code"}
			for _, name := range []string{"code", "token", "traits.email", "traits.name.first"} {
				v[name] = shown.Value(name)
			}
			require.Regexp(t, `done session$|303 http://127.0.0.1:4455/$`, tell(c, c.Submit(shown, v)))
			require.Equal(t, http.StatusOK, c.Whoami("").Status)
		}
		require.True(t, verified(t, env, email))

		late := env.Browser().Follow(mail.Link())
		require.Equal(t, []int{4040003}, late.IDs(""), "it is over")
	}
}

// A schema that changed while a draft waited: what it refuses now is told, and
// the form is as at the beginning.
func TestSchemaChangedMeanwhile(t *testing.T) {
	dsn := "sqlite://" + t.TempDir() + "/foyer.sqlite"
	env := enginetest.New(t, enginetest.WithProofFirst(), enginetest.WithDSN(dsn))
	c := env.Native()
	email := address()
	f := drafted(t, c, email)
	right := code(t, env, email)
	kept := strings.Replace(enginetest.PersonSchema, `"required": ["email"]`, `"required": ["email", "age"]`, 1)
	require.NotEqual(t, kept, enginetest.PersonSchema)
	env2 := enginetest.New(t, enginetest.WithProofFirst(), enginetest.WithDSN(dsn), enginetest.WithSchema(kept))
	c2 := env2.Native()
	a := c2.Post("/self-service/registration?flow="+f.ID, values{"method": "code", "code": right})
	require.Equal(t, "400 form traits.age:4000002", tell(c2, a))
	next := a.Flow()
	require.Equal(t, "choose_method", next.State)
	require.Equal(t, email, next.Value("traits.email"))
	require.NotNil(t, next.Node("password"))
	require.Zero(t, env2.Identities())
	sent := c2.Say(c2.Read(f.ID), enginetest.Person(email).With("traits.age", 40))
	require.Equal(t, "sent_email", sent.State, messages(sent))
	require.Equal(t, "200 done session token", tell(c2, c2.Submit(sent, values{"method": "code", "code": code(t, env2, email)})))
}

// Who got hold of an address that is not theirs loses the account's sessions
// once the owner proves it by the link. The code typed into the registration's
// own verification flow spares that registration's session.
func TestProofElsewhereEndsSessions(t *testing.T) {
	for use, option := range map[string]enginetest.Option{"code": enginetest.WithVerification(), "link": enginetest.WithLinks()} {
		env := enginetest.New(t, option)
		for _, attacker := range env.Clients() {
			email := address()
			first := attacker.Open("")
			body := first.Fill(enginetest.Person(email))
			a := attacker.Post(first.UI.Action, body)
			session := ""
			if attacker.Kind == enginetest.Native {
				session = token(t, a)
			}
			require.Equal(t, http.StatusOK, attacker.Whoami(session).Status)
			second := attacker.Copy()
			victim := env.Browser()
			shown := victim.Follow(env.Inbox(email)[0].Link())
			require.Equal(t, "303 form 1080002", tell(victim, victim.Submit(shown, values{"method": use, "token": shown.Value("token")})))
			for _, c := range []client{attacker, second} {
				require.Equal(t, http.StatusUnauthorized, c.Whoami(session).Status, use)
			}
			// Nor does what was submitted first, sent again, bring one back.
			a = attacker.Post(first.UI.Action, body)
			require.NotRegexp(t, "done", tell(attacker, a))
			require.Equal(t, http.StatusUnauthorized, attacker.Whoami(session).Status)
		}
		if use == "link" {
			continue
		}
		for _, owner := range env.Clients() {
			email := address()
			a := owner.Submit(owner.Open(""), enginetest.Person(email))
			session := ""
			var f flow
			switch owner.Kind {
			case enginetest.Native:
				session = token(t, a)
				fallthrough
			case enginetest.JSON:
				f = owner.ReadKind("verification", regexpFlow(a))
			default:
				f = owner.ReadKind("verification", a.Location().Query().Get("flow"))
			}
			require.Equal(t, per(owner, 200, "1080002"), tell(owner, owner.Submit(f, values{"method": "code", "code": code(t, env, email)})))
			require.Equal(t, http.StatusOK, owner.Whoami(session).Status, "%s: the registration's own session lives on", owner.Kind)
		}
	}
}

// regexpFlow is the id of the verification flow that an answer goes on with.
func regexpFlow(a answer) string {
	for _, item := range a.JSON()["continue_with"].([]any) {
		if f, ok := item.(map[string]any)["flow"].(map[string]any); ok {
			return f["id"].(string)
		}
	}
	return ""
}

// Who mistyped the address goes back and corrects it, in the same flow: what
// was sent to the wrong one is void.
func TestCorrectTheAddress(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			typo, email := string(c.Kind)+"@exmaple.org", string(c.Kind)+"@example.org"
			first := c.Open("")
			sent := c.Say(first, enginetest.Person(typo))
			require.Equal(t, "sent_email", sent.State)
			wrong := env.Inbox(typo)[0].Code()

			poor := c.Say(first, enginetest.Person("no address"))
			require.Equal(t, "choose_method", poor.State)
			require.Equal(t, []int{ui.ErrEmail}, poor.IDs("traits.email"))

			again := c.Say(first, enginetest.Person(email))
			require.Equal(t, first.ID, again.ID)
			require.Equal(t, "sent_email", again.State)
			require.Equal(t, email, again.Value("traits.email"))
			require.Equal(t, []int{ui.ErrSignUpCode}, c.Say(again, enginetest.Values{"method": "code", "code": wrong}).IDs(""))
			a := c.Submit(again, enginetest.Values{"method": "code", "code": env.Inbox(email)[0].Code()})
			require.Contains(t, []int{http.StatusOK, http.StatusSeeOther}, a.Status, "%s", a.Body)
			require.True(t, verified(t, env, email))
		})
	}
}

// The mail of a native sign-up lies about for years, and a native flow is bound
// to no client: what is in the mail signs in once, and again only while an
// answer may have been lost.
func TestMailedCodeIsNoKey(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	c := env.Native()
	email := address()
	f := drafted(t, c, email)
	answer := values{"method": "code", "code": code(t, env, email)}
	token := func(a *enginetest.Answer) string {
		found, _ := a.JSON()["session_token"].(string)
		return found
	}
	require.NotEmpty(t, token(c.Submit(f, answer)))
	require.NotEmpty(t, token(c.Submit(f, answer)), "the first answer was lost")
	env.Clock.Advance(31 * time.Second)
	late := env.Native().Submit(f, answer)
	require.Equal(t, http.StatusBadRequest, late.Status)
	require.Empty(t, token(late))
	require.Equal(t, []int{ui.ErrRegistrationCompleted}, late.Flow().IDs(""))
}
