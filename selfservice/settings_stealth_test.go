package selfservice_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// member signs in somebody that an operator made, and whose address is proved.
func member(t *testing.T, env *enginetest.Env, c client) string {
	t.Helper()
	email := address()
	a := env.Admin(http.MethodPost, "/admin/identities", map[string]any{"schema_id": "default", "traits": map[string]any{"email": email},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": passphrase}}}})
	require.Equal(t, http.StatusCreated, a.Status, "%s", a.Body)
	env.Exec("UPDATE addresses SET verified = 1, status = 'completed' WHERE identity_id = ?", a.JSON()["id"])
	c.SignIn("", enginetest.Credentials(email))
	require.True(t, c.SignedIn())
	return email
}

// held is the verification flow in which a change of address waits.
func held(t *testing.T, c client, a answer) flow {
	t.Helper()
	if c.Kind == enginetest.HTML {
		return c.Arrive("verification", a)
	}
	list := a.JSON()["continue_with"].([]any)
	show := list[len(list)-1].(map[string]any)
	require.Equal(t, "show_verification_ui", show["action"])
	require.Equal(t, "go_to", a.Next().Do)
	return c.ReadKind("verification", show["flow"].(map[string]any)["id"].(string))
}

// wants saves that the address be another, and returns the flow in which that waits.
func wants(t *testing.T, c client, email string) flow {
	t.Helper()
	return held(t, c, c.Submit(c.OpenKind("settings", ""), profileOf(email)))
}

// Where accounts are not to be enumerated, whoever is signed in learns nothing
// of an address by wanting it: taken and free are answered with the same bytes
// and write the same rows, at the save and at everything that may follow.
func TestStealthyMovePairs(t *testing.T) {
	for _, kind := range []enginetest.ClientKind{enginetest.HTML, enginetest.JSON, enginetest.Native} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			env := enginetest.New(t, enginetest.WithStealth())
			taken, free := address(), address()
			for len(taken) != len(free) {
				taken, free = free, address()
			}
			person(t, env, taken)
			var seen [2][]string
			for n, want := range []string{taken, free} {
				c := clientOf(env, kind)
				own := member(t, env, c)
				see := func(a answer, since enginetest.Rows, units int) answer {
					hide := strings.NewReplacer(own, strings.Repeat("O", 8), strings.Split(own, "@")[0], "O")
					seen[n] = append(seen[n], hide.Replace(masked(a, want)), env.Rows().Since(since), fmt.Sprint(units))
					return a
				}
				do := func(f flow, v values) answer {
					rows, before := env.Rows(), env.App.Store.Stats()
					a := c.Submit(f, v)
					after := env.App.Store.Stats()
					return see(a, rows, int(after.Units-before.Units+1000*(after.Commits-before.Commits)))
				}
				settings := c.OpenKind("settings", "")
				v := profileOf(want).With("traits.age", 33)
				f := held(t, c, do(settings, v))
				do(settings, v)
				v = values{"method": "code", "code": "000000"}
				do(f, v)
				do(f, values{"method": "code", "email": want})
				do(f, values{"method": "code", "email": want}) // too early
				do(f, v)
				do(f, values{"method": "code", "token": strings.Repeat("x", 32)})
				do(settings, profileOf(own).With("traits.age", 34))
				require.Equal(t, map[string]bool{own: true}, addresses(t, c))
				require.Equal(t, "sent_email", c.ReadKind("verification", f.ID).State)
			}
			require.Equal(t, seen[0], seen[1])
			require.Len(t, env.Inbox(taken), 2)
			require.Len(t, env.Inbox(free), 2)
			for i := range 2 {
				require.Equal(t, "registration_code_invalid", env.Inbox(taken)[i].Template)
				require.Equal(t, "verification_code_valid", env.Inbox(free)[i].Template)
				require.Empty(t, env.Inbox(taken)[i].Code())
			}
		})
	}
}

// The rest of what was typed is saved at once, the address when it is proved.
func TestStealthyMove(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			own := member(t, env, c)
			other := env.SPA()
			other.SignIn("", enginetest.Credentials(own))
			settings := c.OpenKind("settings", "")
			a := c.Submit(settings, profileOf("new-"+own).With("traits.age", 33))
			f := held(t, c, a)
			require.Equal(t, "sent_email", f.State)
			shown := c.ReadKind("settings", settings.ID)
			require.Equal(t, []int{1050001, 1080003}, shown.IDs(""))
			require.Equal(t, own, shown.Value("traits.email"))
			require.EqualValues(t, 33, shown.Value("traits.age"))
			require.Equal(t, "400 form 4000006", tell(other, env.SPA().SignIn("", enginetest.Credentials("new-"+own))), "not yet")
			require.Empty(t, env.Inbox(own))

			f = c.Say(f, values{"method": "code", "code": code(t, env, "new-"+own)})
			require.Equal(t, "passed_challenge", f.State)
			require.Equal(t, map[string]bool{"new-" + own: true}, addresses(t, c))
			require.True(t, c.SignedIn())
			require.False(t, other.SignedIn(), "an address was proved for the first time")
			who := c.Whoami("").JSON()["identity"].(map[string]any)["traits"].(map[string]any)
			require.Equal(t, map[string]any{"email": "new-" + own, "age": 33.0}, who)
			require.Equal(t, 400, env.SPA().SignIn("", enginetest.Credentials(own)).Status)
			require.Equal(t, 200, env.SPA().SignIn("", enginetest.Credentials("new-"+own)).Status)
		})
	}
}

// Another spelling is no new address, and needs no proof.
func TestStealthySpelling(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	c := env.SPA()
	own := member(t, env, c)
	a := c.Submit(c.OpenKind("settings", ""), profileOf(strings.ToUpper(own[:1])+own[1:]))
	require.Equal(t, "200 form 1050001", tell(c, a))
	require.NotContains(t, string(a.Body), "show_verification_ui")
	require.Empty(t, env.Inbox(""))
}

// What makes a waiting change of address void, and what does not.
func TestStealthyMoveIsVoid(t *testing.T) {
	for name, row := range map[string]struct {
		meanwhile func(t *testing.T, env *enginetest.Env, c client, own string)
		void      bool
	}{
		"nothing": {func(*testing.T, *enginetest.Env, client, string) {}, false},
		"new name": {func(t *testing.T, _ *enginetest.Env, c client, own string) {
			save(t, c, profileOf(own).With("traits.age", 40))
		}, false},
		"new password": {func(t *testing.T, _ *enginetest.Env, c client, _ string) {
			save(t, c, newPassword("another Passphrase 10"))
		}, true},
		"another address": {func(t *testing.T, _ *enginetest.Env, c client, own string) { wants(t, c, "second-"+own) }, true},
		"taken":           {func(t *testing.T, env *enginetest.Env, _ client, own string) { person(t, env, "new-"+own) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			env := enginetest.New(t, enginetest.WithStealth())
			c := env.SPA()
			own := member(t, env, c)
			f := wants(t, c, "new-"+own)
			secret := code(t, env, "new-"+own)
			row.meanwhile(t, env, c, own)
			a := c.Submit(f, values{"method": "code", "code": secret})
			require.Equal(t, !row.void, addresses(t, c)["new-"+own], "%s", a.Body)
			require.Equal(t, row.void, addresses(t, c)[own])
			if name == "taken" {
				require.Equal(t, "400 form 4000007", tell(c, a), "who has proved the address may know")
			}
			f = c.Say(f, values{"method": "code", "email": "new-" + own})
			if row.void && name != "taken" {
				c.Submit(f, values{"method": "code", "code": code(t, env, "new-"+own)})
				require.False(t, addresses(t, c)["new-"+own], "a resend does not bring it back")
			}
		})
	}
}

// The link in the message proves the address on any device, and the client that
// asked for it sees that.
func TestStealthyMoveByLink(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth(), enginetest.With("selfservice.flows.verification.use", "link"), enginetest.With("selfservice.methods.link.enabled", true))
	c, elsewhere := env.SPA(), env.Browser()
	own := member(t, env, c)
	f := wants(t, c, "new-"+own)
	mails := env.Inbox("new-" + own)
	require.Equal(t, "verification_valid", mails[0].Template)
	page := elsewhere.Follow(mails[0].Link())
	require.Equal(t, "sent_email", page.State)
	v := values{"method": "link"}
	for _, n := range page.UI.Nodes {
		if n.Attributes.Name == "token" {
			v["token"] = n.Attributes.Value
		}
	}
	require.Equal(t, "passed_challenge", elsewhere.Say(page, v).State)
	require.Equal(t, "passed_challenge", c.ReadKind("verification", f.ID).State)
	require.False(t, c.SignedIn(), "a first proof from elsewhere ends every session, as any does")
	require.False(t, elsewhere.SignedIn())
	require.Equal(t, 200, c.SignIn("", enginetest.Credentials("new-"+own)).Status)
}

// Once another address was typed into it, the flow is about that one alone.
func TestStealthyMoveGivenUp(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth())
	c := env.SPA()
	own := member(t, env, c)
	f := wants(t, c, "new-"+own)
	secret := code(t, env, "new-"+own)
	f = c.Say(f, values{"method": "code", "email": "other-" + own})
	f = c.Say(f, values{"method": "code", "code": secret})
	f = c.Say(f, values{"method": "code", "email": "new-" + own})
	mails := env.Inbox("new-" + own)
	require.Len(t, slices.DeleteFunc(mails, func(m enginetest.Mail) bool { return m.Code() == "" }), 1, "nothing that proves is sent any more")
	require.Equal(t, map[string]bool{own: true}, addresses(t, c))
	require.Equal(t, "sent_email", f.State)
}
