package selfservice_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// twoSteps is registrations and logins of two steps, by password and by code.
func twoSteps(t *testing.T, more ...enginetest.Option) *enginetest.Env {
	return enginetest.New(t, append([]enginetest.Option{
		enginetest.WithPasswordless(), enginetest.WithSchema(enginetest.CodeSchema),
		enginetest.With("selfservice.flows.registration.style", "profile_first"), enginetest.With("selfservice.flows.login.style", "identifier_first"),
		enginetest.With("selfservice.flows.registration.after.code.hooks", []map[string]any{{"hook": "session"}}),
	}, more...)...)
}

// traits is a registration's first step.
func traits(email string) values {
	return values{"method": "profile", "traits.email": email, "traits.age": "20"}
}

var (
	profileStep = []string{
		"default csrf_token hidden 0", "default traits.email email 1070002", "default traits.name.first text 1070002", "default traits.name.last text 1070002",
		"default traits.age number 1070002", "default traits.newsletter checkbox 1070002", "default traits.plan text 1070002", "default traits.tags text 1070002 []",
		"profile method submit 1040001 profile",
	}
	secondStep = func(email string) []string {
		return []string{
			"default csrf_token hidden 0", "default traits.email hidden 0 " + email, "password password password 1070001",
			"default traits.age hidden 0 20", "password method submit 1040001 password", "code method submit 1040006 code",
			"profile screen submit 1040008 previous",
		}
	}
)

// filled leaves out the hidden fields of traits that nobody filled in.
func filled(f flow) (out []string) {
	for _, n := range f.UI.Nodes {
		if n.Attributes.Type != "hidden" || n.Attributes.Value != nil {
			out = append(out, node(n))
		}
	}
	return out
}

// A registration of two steps: who somebody is, then how they will sign in.
func TestProfileFirst(t *testing.T) {
	env := twoSteps(t)
	for _, c := range env.Clients() {
		email := address()
		f := c.Open("")
		require.Empty(t, messages(f))
		require.ElementsMatch(t, profileStep, drawn(f))
		require.Equal(t, profileStep[len(profileStep)-1], drawn(f)[len(drawn(f))-1])
		require.Nil(t, f.Node("screen"))

		before := env.Rows()
		require.Equal(t, per(c, 400, "traits.email:4000040 traits.age:4000018"), tell(c, c.Submit(f, traits("nobody").With("traits.age", 9))))
		require.Equal(t, per(c, 400, "traits.email:4000002"), tell(c, c.Submit(f, values{"method": "profile"})))
		require.Equal(t, per(c, 400, "1040009"), tell(c, c.Submit(f, traits(email))))
		require.Equal(t, "flows~1", env.Rows().Since(before))
		f = c.Read(f.ID)
		require.Empty(t, f.Active, "no method is chosen yet")
		require.Equal(t, secondStep(email), filled(f))

		f = c.Say(f, values{"screen": "previous", "method": "profile", "traits.email": email, "traits.age": "20"})
		require.Empty(t, messages(f))
		require.Len(t, f.UI.Nodes, len(profileStep))
		require.Equal(t, email, f.Value("traits.email"))
		require.EqualValues(t, 20, f.Value("traits.age"))
		f = c.Say(f, traits(email).With("screen", "previous"))
		require.Equal(t, []int{1040009}, f.IDs(""), "the button that was pressed last is sent along")

		require.Equal(t, per(c, 400, "password:4000032"), tell(c, c.Submit(f, traits(email).With("method", "password").With("password", "xq7!"))))
		f = c.Read(f.ID)
		require.Equal(t, secondStep(email), filled(f))
		require.Equal(t, "password", f.Active)
		require.Equal(t, "[]\n", string(env.Admin("GET", "/admin/identities?credentials_identifier="+email, nil).Body))
		a := c.Adopt(c.Submit(f, traits(email).With("method", "password").With("password", "a good long Passphrase 9")))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.True(t, c.SignedIn())
	}
}

// What was typed in the first step need not be repeated, and may be changed.
func TestTraitsOfTheFirstStep(t *testing.T) {
	env := twoSteps(t)
	for _, c := range env.Clients() {
		kept, changed := address(), address()
		f := c.Say(c.Open(""), traits(kept))
		a := c.Submit(f, values{"method": "password", "password": "a good long Passphrase 9"})
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.NotContains(t, a.Header.Get("Location"), "flow=")

		fresh := clientOf(env, c.Kind)
		f = fresh.Say(fresh.Open(""), traits(address()))
		a = fresh.Submit(f, traits(changed).With("method", "password").With("password", "a good long Passphrase 9"))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.NotContains(t, a.Header.Get("Location"), "flow=")
		for _, email := range []string{kept, changed} {
			native := env.Native()
			require.Equal(t, "200 done session token", tell(native, native.Submit(native.OpenKind("login", ""), values{"method": "identifier_first", "identifier": email}.With("method", "password").With("password", "a good long Passphrase 9"))))
		}
	}
}

// What is wrong with a hidden field is shown where it can be mended.
func TestProblemsOfTheFirstStepInTheSecond(t *testing.T) {
	env := twoSteps(t)
	for _, c := range env.Clients() {
		taken := address()
		register(t, env.Native(), values{"method": "password", "traits.email": taken, "password": "a good long Passphrase 9"})
		f := c.Say(c.Open(""), traits(address()))
		f = c.Say(f, traits("nobody").With("method", "password").With("password", "a good long Passphrase 9"))
		require.Equal(t, []int{ui.ErrEmail}, f.IDs("traits.email"))
		require.Equal(t, "email", f.Node("traits.email").Attributes.Type, "it can be seen")
		require.Equal(t, "nobody", f.Value("traits.email"))

		f = c.Say(f, traits(taken))
		require.Equal(t, []int{1040009}, f.IDs(""), "the first step looks nobody up")
		f = c.Say(f, traits(taken).With("method", "password").With("password", "a good long Passphrase 9"))
		require.Equal(t, []int{ui.ErrTaken}, f.IDs(""))
		require.NotNil(t, f.Node("screen"), "there is a way back")
	}
}

// A page of the second step that was still open works after the person has gone
// back in another.
func TestPageOfTheSecondStep(t *testing.T) {
	env := twoSteps(t)
	for _, c := range env.Clients() {
		email := address()
		how := c.Say(c.Open(""), traits(email))
		c.Say(how, values{"screen": "previous"})
		f := c.Say(how, traits(email).With("method", "password").With("password", "short"))
		require.Equal(t, []int{ui.ErrPasswordTooShort}, f.IDs("password"))
		c.Say(how, values{"screen": "previous"})
		a := c.Submit(how, traits(email).With("method", "password").With("password", "a good long Passphrase 9"))
		require.Less(t, a.Status, 400, "%s", a.Body)
		require.NotContains(t, a.Header.Get("Location"), "flow=")

		fresh := clientOf(env, c.Kind)
		how = fresh.Say(fresh.OpenKind("login", ""), values{"method": "identifier_first", "identifier": email})
		fresh.Say(how, values{"screen": "previous"})
		f = fresh.Say(how, enginetest.Credentials(email).With("password", "wrong"))
		require.Equal(t, []int{ui.ErrCredentials}, f.IDs(""))
		require.NotNil(t, f.Node("password"))
		fresh.Say(how, values{"screen": "previous"})
		fresh.Adopt(fresh.Submit(how, enginetest.Credentials(email)))
		require.True(t, fresh.SignedIn())
	}
}

// The screen of the code leads back to the other methods, and what was typed stays.
func TestCodeScreenAndBack(t *testing.T) {
	env := twoSteps(t)
	for _, c := range env.Clients() {
		email := address()
		f := c.Say(c.Open(""), traits(email))
		f = c.Say(f, traits(email).With("method", "code"))
		require.Equal(t, []int{1040005}, f.IDs(""))
		require.Equal(t, "sent_email", f.State)
		require.Equal(t, []string{
			"default csrf_token hidden 0", "default traits.email hidden 0 " + email, "default traits.age hidden 0 20",
			"code method hidden 0 code", "code code text 1070012", "code method submit 1070009 code", "code resend submit 1070008 code", "code screen submit 1040008 credential-selection",
		}, filled(f))
		env.Deliver()
		sent := code(t, env, email)

		f = c.Say(f, traits(email).With("method", "code").With("screen", "credential-selection"))
		require.Equal(t, []int{1040009}, f.IDs(""))
		require.Equal(t, "choose_method", f.State)
		require.Equal(t, secondStep(email), filled(f))
		f = c.Say(f, traits(email).With("method", "code"))
		require.Equal(t, []int{1040005}, f.IDs(""), "the draft was given up; it begins anew")
		env.Deliver()
		require.Equal(t, per(c, 400, "4040003"), tell(c, c.Submit(f, traits(email).With("method", "code").With("code", sent))))
		require.Equal(t, per(c, 400, "4000036"), tell(c, c.Submit(f, traits(address()).With("method", "code").With("code", "000000"))))
		c.Adopt(c.Submit(f, traits(email).With("method", "code").With("code", code(t, env, email))))
		require.True(t, c.SignedIn())
	}
}

// Screens that there are not.
func TestUnknownScreens(t *testing.T) {
	env := twoSteps(t)
	for _, c := range env.Clients() {
		f := c.Open("")
		require.Equal(t, per(c, 400, ""), tell(c, c.Submit(f, values{"screen": "previous"})), "there is nothing before")
		require.Equal(t, per(c, 400, "4010003"), tell(c, c.Submit(f, values{"screen": "next"})))
		f = c.Say(f, traits(address()))
		require.Equal(t, per(c, 400, "4010003"), tell(c, c.Submit(f, values{"screen": "next"})))
		f = c.OpenKind("login", "")
		require.Equal(t, per(c, 400, "4010002"), tell(c, c.Submit(f, values{"screen": "next"})))
	}
	env = enginetest.New(t)
	c := env.Native()
	require.Equal(t, "400 form 4010003", tell(c, c.Submit(c.Open(""), values{"screen": "previous"})), "one step has no screens")
	require.Equal(t, "404 self_service_method_disabled", tell(c, c.Submit(c.Open(""), traits(address()))))
}

// A login of two steps tells nothing about who there is: the second is the same
// for everybody.
func TestIdentifierFirst(t *testing.T) {
	env := twoSteps(t)
	register(t, env.Native(), values{"method": "password", "traits.email": "known-person@example.org", "password": "a good long Passphrase 9"})
	person(t, env, "adminsperson@example.org")
	for _, c := range env.Clients() {
		want := ""
		for _, email := range []string{"known-person@example.org", "nobody-there@example.org", "adminsperson@example.org"} {
			fresh := clientOf(env, c.Kind)
			f := fresh.OpenKind("login", "return_to=https%3A%2F%2Fapp.example.org%2Fin&state=x")
			require.Equal(t, []string{"default csrf_token hidden 0", "identifier_first identifier text 1070002", "identifier_first method submit 1070009 identifier_first"}, drawn(f))
			require.Equal(t, per(c, 400, "identifier:4000002"), tell(fresh, fresh.Submit(f, values{"method": "identifier_first"})))
			before := env.Rows()
			a := fresh.Submit(f, values{"method": "identifier_first", "identifier": email})
			require.Equal(t, per(c, 400, ""), tell(fresh, a))
			require.Equal(t, "flows~1", env.Rows().Since(before))
			shown := fresh.Get("/self-service/login/flows?id=" + f.ID)
			got := masked(a, email) + masked(shown, email)
			if want == "" {
				want = got
			}
			require.Equal(t, want, got)
			f = fresh.ReadKind("login", f.ID)
			require.Equal(t, []string{
				"default csrf_token hidden 0", "default identifier hidden 0 " + email, "identifier_first screen submit 1040008 previous",
				"code method submit 1010015 code", "password password password 1070001", "password method submit 1010022 password",
			}, drawn(f))

			f = fresh.Say(f, values{"screen": "previous"})
			require.Equal(t, "identifier_first identifier text 1070002 "+email, drawn(f)[1])
			f = fresh.Say(f, values{"method": "identifier_first", "identifier": email})
			f = fresh.Say(f, values{"method": "code"})
			require.Equal(t, []int{1010014}, f.IDs(""))
			require.Equal(t, []string{
				"default csrf_token hidden 0", "default identifier hidden 0 " + email, "code method hidden 0 code", "code code text 1070013",
				"code method submit 1070009 code", "code resend submit 1070008 code", "code screen submit 1040008 credential-selection",
			}, drawn(f))
			f = fresh.Say(f, values{"screen": "credential-selection"})
			require.NotNil(t, f.Node("password"))
			a = fresh.Submit(f, values{"method": "password", "password": "a good long Passphrase 9"})
			if email != "known-person@example.org" {
				require.Equal(t, per(c, 400, "4000006"), tell(fresh, a))
				continue
			}
			require.Less(t, a.Status, 400, "%s", a.Body)
			if c.Kind == enginetest.HTML {
				require.Equal(t, "https://app.example.org/in?state=x", a.Location().String())
			}
		}
	}
}

// Two steps are for who is not known yet.
func TestIdentifierFirstIsForStrangers(t *testing.T) {
	env := twoSteps(t)
	for _, c := range env.Clients() {
		v := enginetest.Credentials(address())
		c.Adopt(c.Submit(c.Say(c.Open(""), traits(v["identifier"].(string))), values{"method": "password", "password": v["password"]}))
		f := c.OpenKind("login", "refresh=true")
		require.Nil(t, f.Node("screen"))
		require.NotNil(t, f.Node("password"))
		require.Less(t, c.Submit(f, v).Status, 400)
	}
}

// The successor of a flow begins at its first step, with what was typed.
func TestSuccessorOfTwoSteps(t *testing.T) {
	env := twoSteps(t)
	for _, c := range env.Clients() {
		email := address()
		f := c.Say(c.OpenKind("login", ""), values{"method": "identifier_first", "identifier": email})
		env.Clock.Advance(2 * time.Hour)
		a := c.Submit(f, values{"method": "password", "password": "a good long Passphrase 9"})
		id := a.Location().Query().Get("flow")
		if c.Kind != enginetest.HTML {
			require.Equal(t, http.StatusGone, a.Status)
			id = a.JSON()["use_flow_id"].(string)
		}
		heir := c.ReadKind("login", id)
		require.Equal(t, []int{ui.ErrLoginExpired}, heir.IDs(""))
		require.Equal(t, "identifier_first identifier text 1070002 "+email, drawn(heir)[1])
	}
}
