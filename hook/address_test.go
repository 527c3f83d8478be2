package hook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

func afterProfile(hooks ...object) enginetest.Option {
	return enginetest.With("selfservice.flows.settings.after.profile.hooks", hooks)
}

// moves saves another address.
func moves(c *enginetest.Client, to string) *enginetest.Answer {
	return c.Submit(c.OpenKind("settings", ""), enginetest.Values{"method": "profile", "traits.email": to})
}

func templatesOf(env *enginetest.Env, recipient string) (names []string) {
	for _, m := range env.Inbox(recipient) {
		names = append(names, m.Template)
	}
	return names
}

// Who had an address before is told where to, as the operator says.
func TestNotifyPreviousAddresses(t *testing.T) {
	for recipients, want := range map[string][]string{"": {"verifiable_address_changed"}, "removed": {"verifiable_address_changed"}, "all_verified": nil, "all": {"verifiable_address_changed"}} {
		h := object{"hook": "notify_previous_addresses"}
		if recipients != "" {
			h["config"] = object{"recipients": recipients}
		}
		env := enginetest.New(t, afterProfile(h))
		c := env.Native()
		c.SignUp(enginetest.Person("ada@example.org"))
		require.Equal(t, 200, c.Submit(c.OpenKind("settings", ""), enginetest.Values{"method": "profile", "traits.email": "ada@example.org", "traits.name.first": "Ada"}).Status)
		require.Empty(t, env.Inbox(""), "no address has changed")
		require.Equal(t, 200, moves(c, "ada@example.com").Status)
		env.Deliver()
		require.Equal(t, want, templatesOf(env, "ada@example.org"), recipients)
		require.Empty(t, env.Inbox("ada@example.com"))
		for _, m := range env.Inbox("ada@example.org") {
			require.NotContains(t, m.Text+m.HTML+m.Subject, "ada@example.com", "the new address is nobody's business")
		}
	}
}

// A new address waits until it is proved, and only then the old one is told.
func TestVerifyNewAddress(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), afterProfile(object{"hook": "verify_new_address"}, object{"hook": "notify_previous_addresses"}))
	c := env.Native()
	c.SignUp(enginetest.Person("ada@example.org"))
	env.Deliver()
	a := moves(c, "ada@example.com")
	require.Equal(t, 200, a.Status, "%s", a.Body)
	require.Contains(t, string(a.Body), "show_verification_ui")
	require.Contains(t, string(c.Whoami("").Body), "ada@example.org")
	require.NotContains(t, string(c.Whoami("").Body), "ada@example.com")
	env.Deliver()
	require.NotContains(t, templatesOf(env, "ada@example.org"), "verifiable_address_changed", "nothing has changed yet")

	var next struct {
		ContinueWith []struct {
			Flow struct{ ID string }
		} `json:"continue_with"`
	}
	a.Decode(&next)
	f := c.ReadKind("verification", next.ContinueWith[0].Flow.ID)
	a = c.Submit(f, enginetest.Values{"method": "code", "code": env.Inbox("ada@example.com")[0].Code()})
	require.Equal(t, 200, a.Status, "%s", a.Body)
	env.Deliver()
	require.Contains(t, templatesOf(env, "ada@example.org"), "verifiable_address_changed")
	require.Equal(t, 200, env.Native().SignIn("", enginetest.Credentials("ada@example.com")).Status)
	require.Equal(t, 400, env.Native().SignIn("", enginetest.Credentials("ada@example.org")).Status)
}

// Every client is led to where the new address is proved.
func TestVerifyNewAddressLeadsThere(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification(), afterProfile(object{"hook": "verify_new_address"}))
	for _, c := range env.Clients() {
		name := string(c.Kind)
		c.SignUp(enginetest.Person(name + "@example.org"))
		a := moves(c, name+"@example.com")
		if c.Kind == enginetest.HTML {
			require.Equal(t, "/verification", a.Location().Path)
		} else {
			require.Contains(t, string(a.Body), "show_verification_ui")
		}
		require.NotContains(t, string(c.Whoami("").Body), name+"@example.com")
		require.Equal(t, 400, env.Native().SignIn("", enginetest.Credentials(name+"@example.com")).Status)
	}
}
