package selfservice_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// withNewAddresses has a new address proved at once.
func withNewAddresses() []enginetest.Option {
	return []enginetest.Option{enginetest.WithVerification(), enginetest.WithRecovery(),
		enginetest.With("selfservice.flows.settings.after.profile.hooks", []map[string]any{{"hook": "show_verification_ui"}})}
}

// save submits a change and requires that it is saved.
func save(t *testing.T, c client, v values) answer {
	t.Helper()
	a := c.Submit(c.OpenKind("settings", ""), v)
	if c.Kind == enginetest.HTML {
		require.Contains(t, []string{"/settings", "/verification"}, a.Location().Path, "%s", a.Body)
		require.NotContains(t, tell(c, a), "400")
		return a
	}
	require.Equal(t, "200 form 1050001", tell(c, a), "%s", a.Body)
	return a
}

// addresses tells of each address of a person whether it is verified.
func addresses(t *testing.T, c client) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, one := range c.Whoami("").JSON()["identity"].(map[string]any)["verifiable_addresses"].([]any) {
		a := one.(map[string]any)
		out[a["value"].(string)] = a["verified"].(bool)
	}
	return out
}

// proveOwn has the address of who registered last proved.
func proveOwn(t *testing.T, env *enginetest.Env, c client, email string) {
	t.Helper()
	f := ask(t, c, email)
	c.Say(f, values{"method": "code", "code": code(t, env, email)})
	require.True(t, addresses(t, c)[email])
}

// A new address has to be proved, is what its owner signs in with from now on,
// and whatever was sent to the old one is void. The old one is anybody's again.
func TestSettingsMoveTheAddress(t *testing.T) {
	env := enginetest.New(t, withNewAddresses()...)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			proveOwn(t, env, c, email)
			session := c.Whoami("").JSON()["id"]
			recovering, signingIn := env.SPA(), env.SPA()
			recovery := recovering.Say(recovering.OpenKind("recovery", ""), values{"method": "code", "email": email})
			void := code(t, env, email)

			a := save(t, c, profileOf("new-"+email))
			require.Equal(t, map[string]bool{"new-" + email: false}, addresses(t, c))
			require.Equal(t, session, c.Whoami("").JSON()["id"], "the session goes on")
			var f flow
			if c.Kind == enginetest.HTML {
				f = c.Arrive("verification", a)
			} else {
				list := a.JSON()["continue_with"].([]any)
				show := list[len(list)-1].(map[string]any)
				require.Equal(t, "show_verification_ui", show["action"])
				require.Equal(t, "new-"+email, show["flow"].(map[string]any)["verifiable_address"])
				f = c.ReadKind("verification", show["flow"].(map[string]any)["id"].(string))
			}
			require.Equal(t, "sent_email", f.State)

			r := recovering.Submit(recovery, values{"method": "code", "code": void})
			require.Contains(t, tell(recovering, r), "4060006")
			require.False(t, recovering.SignedIn(), "a code sent to the old address leads nowhere")

			f = c.Say(f, values{"method": "code", "code": code(t, env, "new-"+email)})
			require.Equal(t, "passed_challenge", f.State)
			require.Equal(t, map[string]bool{"new-" + email: true}, addresses(t, c))
			require.True(t, c.SignedIn(), "who proved it stays")

			require.Equal(t, "400 form 4000006", tell(signingIn, signingIn.SignIn("", enginetest.Credentials(email))))
			require.Less(t, signingIn.SignIn("", enginetest.Credentials("new-"+email)).Status, 400)
			require.True(t, signingIn.SignedIn())
			for _, again := range env.Clients()[:2] {
				a := again.Submit(again.Open(""), enginetest.Person("new-"+email))
				require.Equal(t, per(again, 400, "4000007"), tell(again, a))
			}
			register(t, env.SPA(), enginetest.Person(email))
		})
	}
}

// An address that is another's is not taken over, and nothing else of the form
// is saved either.
func TestSettingsTakeNoAddressOfAnother(t *testing.T) {
	env := enginetest.New(t, withNewAddresses()...)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email, taken := mine(c), address()
			person(t, env, taken)
			for _, spelled := range []string{taken, strings.ToUpper(taken)} {
				f := c.OpenKind("settings", "")
				before := env.Rows()
				a := c.Submit(f, profileOf(spelled).With("traits.age", 40))
				require.Equal(t, per(c, 400, "4000007"), tell(c, a))
				require.Equal(t, "flows~1", env.Rows().Since(before))
			}
			who := c.Whoami("").JSON()["identity"].(map[string]any)["traits"].(map[string]any)
			require.Equal(t, map[string]any{"email": email}, who)
			require.Empty(t, env.Inbox(taken))
		})
	}
}

// Another spelling of the same address is the same address: it stays proved and
// nothing is sent.
func TestSettingsSpellAnAddressAnew(t *testing.T) {
	env := enginetest.New(t, append(withNewAddresses(), enginetest.With("selfservice.flows.settings.privileged_session_max_age", "1s"))...)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			proveOwn(t, env, c, email)
			mails := len(env.Inbox(""))
			env.Clock.Advance(time.Minute)
			spelled := strings.ToUpper(email[:1]) + email[1:]
			a := save(t, c, profileOf(spelled))
			require.NotContains(t, string(a.Body), "show_verification_ui")
			require.Equal(t, map[string]bool{email: true}, addresses(t, c), "messages go where the proof came from")
			require.Equal(t, spelled, c.OpenKind("settings", "").Value("traits.email"))
			require.Len(t, env.Inbox(""), mails)
			require.Less(t, env.SPA().SignIn("", enginetest.Credentials(email)).Status, 400)
		})
	}
}

const manySchema = `{
  "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
  "properties": {"traits": {"type": "object", "properties": {
    "email": {"type": "string", "format": "email", "ory.sh/kratos": {
      "credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}},
    "work": {"type": "string", "format": "email", "ory.sh/kratos": {"verification": {"via": "email"}}},
    "phone": {"type": "string", "format": "tel", "ory.sh/kratos": {"verification": {"via": "sms"}}},
    "number": {"type": "string", "title": "Number", "disableFormField": true}
  }, "required": ["email"]}}
}`

// Of several addresses those that stay stay proved, and only the new one is
// written to.
func TestSettingsWithSeveralAddresses(t *testing.T) {
	env := enginetest.New(t, append(withNewAddresses(), enginetest.WithSchema(manySchema))...)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			proveOwn(t, env, c, email)
			v := profileOf(email).With("traits.work", "work-"+email)
			save(t, c, v)
			require.Equal(t, map[string]bool{email: true, "work-" + email: false}, addresses(t, c))
			require.Len(t, env.Inbox("work-"+email), 1)
			require.Len(t, env.Inbox(email), 2, "at sign-up, and when asked for")
			proveOwn(t, env, c, "work-"+email)

			phone := fmt.Sprintf("+4930901820%02d", serial()%100)
			save(t, c, v.With("traits.phone", phone))
			require.Equal(t, map[string]bool{email: true, "work-" + email: true, phone: false}, addresses(t, c))
			require.Equal(t, "sms", env.Inbox(phone)[0].Channel)
			require.Len(t, env.Inbox("work-"+email), 2, "at the change, and when asked for")
			save(t, c, profileOf(email))
			require.Equal(t, map[string]bool{email: true}, addresses(t, c))
		})
	}
}

// A trait that is only shown keeps its value whatever is sent for it.
func TestSettingsKeepWhatIsOnlyShown(t *testing.T) {
	env := enginetest.New(t, append(withNewAddresses(), enginetest.WithSchema(manySchema))...)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := address()
			a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"schema_id": "default",
				"traits": map[string]any{"email": email, "number": "N-1"}, "credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": passphrase}}}})
			require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
			c.SignIn("", enginetest.Credentials(email))
			for _, number := range []any{"N-2", ""} {
				save(t, c, profileOf("x"+email).With("traits.number", number))
			}
			save(t, c, profileOf("x"+email))
			who := c.Whoami("").JSON()["identity"].(map[string]any)["traits"].(map[string]any)
			require.Equal(t, map[string]any{"email": "x" + email, "number": "N-1"}, who)
		})
	}
}

// Codes to sign in with go to the new address, and no more to the old one.
func TestSettingsMoveWhereCodesGo(t *testing.T) {
	env := enginetest.New(t, append(withNewAddresses(), enginetest.WithSchema(enginetest.CodeSchema), enginetest.WithPasswordless())...)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			waiting := env.SPA()
			f := waiting.Say(waiting.OpenKind("login", ""), values{"method": "code", "identifier": email})
			void := code(t, env, email)
			save(t, c, profileOf("new-"+email))
			require.Equal(t, "400 form 4010008", tell(waiting, waiting.Submit(f, values{"method": "code", "identifier": email, "code": void})))
			mails := len(env.Inbox(email))
			waiting.Say(waiting.OpenKind("login", ""), values{"method": "code", "identifier": email})
			require.Len(t, env.Inbox(email), mails)
			f = waiting.Say(waiting.OpenKind("login", ""), values{"method": "code", "identifier": "new-" + email})
			a := waiting.Submit(f, values{"method": "code", "identifier": "new-" + email, "code": code(t, env, "new-"+email)})
			require.Less(t, a.Status, 400, "%s", a.Body)
			require.True(t, waiting.SignedIn())
		})
	}
}

// A new password ends every other session and all that was sent before; the
// session that chose it goes on. A new name ends nothing.
func TestWhatSettingsEnd(t *testing.T) {
	env := enginetest.New(t, withNewAddresses()...)
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := mine(c)
			var others []client
			for range 2 {
				for _, o := range env.Clients() {
					o.SignIn("", enginetest.Credentials(email))
					require.True(t, o.SignedIn())
					others = append(others, o)
				}
			}
			verifying, recovering := env.SPA(), env.SPA()
			verification := ask(t, verifying, email)
			verificationCode := code(t, env, email)
			recovery := recovering.Say(recovering.OpenKind("recovery", ""), values{"method": "code", "email": email})
			recoveryCode := code(t, env, email)

			save(t, c, profileOf(email).With("traits.age", 50))
			require.False(t, slices.ContainsFunc(others, func(o client) bool { return !o.SignedIn() }), "a new name ends nothing")

			save(t, c, newPassword("another Passphrase 10"))
			require.True(t, c.SignedIn())
			require.False(t, slices.ContainsFunc(others, client.SignedIn), "every other session")
			require.Contains(t, tell(recovering, recovering.Submit(recovery, values{"method": "code", "code": recoveryCode})), "4060006")
			require.False(t, recovering.SignedIn())
			verifying.Submit(verification, values{"method": "code", "code": verificationCode})
			require.False(t, addresses(t, c)[email])
			require.Equal(t, "400 form 4000006", tell(recovering, recovering.SignIn("", enginetest.Credentials(email))))
			require.Less(t, recovering.SignIn("", enginetest.Credentials(email).With("password", "another Passphrase 10")).Status, 400)
		})
	}
}
