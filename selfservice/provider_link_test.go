package selfservice_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// Who has an account with the address signs in to it once, and then by either.
func TestProviderLinksAfterSignIn(t *testing.T) {
	for _, door := range []string{"registration", "login"} {
		t.Run(door, func(t *testing.T) {
			p := withProvider(t, nil)
			for n, c := range p.Clients() {
				email := door + string(rune('a'+n)) + "@example.com"
				p.op.SetPerson(opsim.Person{"sub": email, "email": email, "email_verified": true})
				c.SignUp(enginetest.Person(email))
				c.SignOut()
				query := "return_to=https://app.example.org/in"
				if c.Kind == enginetest.Native {
					query += "&return_session_token_exchange_code=true"
				}
				first := c.OpenKind(door, query)
				a := c.Visit(p.op, c.Submit(first, by("op")))
				var f *enginetest.Flow
				if c.Kind == enginetest.Native {
					f = c.Unfinished("login", first, a)
				} else {
					require.Equal(t, "true", a.Location().Query().Get("no_org_ui"))
					f = c.Landed("login", a)
				}
				require.False(t, c.SignedIn())
				require.Equal(t, []int{1010016}, f.IDs(""))
				said := f.UI.Messages[0].Context
				require.Equal(t, "op", said["provider"])
				require.Equal(t, email, said["duplicate_identifier"])
				require.Equal(t, []any{"password"}, said["available_credential_types"])
				require.Empty(t, said["available_providers"])
				require.Contains(t, said["new_login_url"], "/self-service/login/")
				require.Equal(t, email, f.Value("identifier"))
				require.Nil(t, f.Node("provider"), "nobody who has this account comes by a provider")

				other := door + "-other" + string(rune('a'+n)) + "@example.com"
				p.Native().SignUp(enginetest.Person(other))
				require.Equal(t, []int{4010009}, c.Say(f, enginetest.Credentials(other)).IDs(""), "another account is not linked")
				require.Equal(t, []int{4000006}, c.Say(f, enginetest.Credentials(email).With("password", "a wrong Passphrase 9")).IDs(""))
				asked := len(p.op.Requests(opsim.Token))
				require.Less(t, c.Adopt(c.Submit(f, enginetest.Credentials(email))).Status, 400)
				require.True(t, c.SignedIn())
				require.Equal(t, asked, len(p.op.Requests(opsim.Token)), "the provider is asked no second time")
				c.SignOut()
				p.come(c, "login", "")
				require.True(t, c.SignedIn(), "by the provider, too")
				require.Contains(t, string(c.Whoami("").Body), email)
				c.SignOut()
				c.SignIn("", enginetest.Credentials(email))
				require.True(t, c.SignedIn(), "as before")
			}
		})
	}
}

// Both sides have proved the address: nothing is asked where that is configured.
func TestProviderLinksAtOnce(t *testing.T) {
	for _, mode := range []string{"both_verified", "automatic", "confirm_with_existing_credential"} {
		t.Run(mode, func(t *testing.T) {
			p := withProvider(t, map[string]any{"account_linking_mode": mode, "authoritative_for": []string{"*"}}, enginetest.WithVerification())
			c := p.SPA()
			c.SignUp(enginetest.Person("ada@example.com"))
			proveOwn(t, p.Env, c, "ada@example.com")
			c.SignOut()
			a := p.come(c, "registration", "")
			require.Equal(t, mode != "confirm_with_existing_credential", c.SignedIn(), "%s", a.Location())
			require.Equal(t, 1, p.Identities())
			if c.SignedIn() {
				c.SignOut()
				c.SignIn("", enginetest.Credentials("ada@example.com"))
				require.True(t, c.SignedIn(), "the password stays")
			}
		})
	}
}

// Somebody has registered an address that is not theirs; its owner comes by a
// provider that counts: nothing of before leads to the account any more.
func TestProviderTakesOver(t *testing.T) {
	p := withProvider(t, map[string]any{"authoritative_for": []string{"example.com"}}, enginetest.WithVerification(), enginetest.WithRecovery())
	thief, owner := p.SPA(), p.Browser()
	thief.SignUp(enginetest.Person("ada@example.com"))
	settings := thief.OpenKind("settings", "")
	waiting := ask(t, p.Native(), "ada@example.com")
	sent := code(t, p.Env, "ada@example.com")
	a := p.come(owner, "registration", "")
	require.True(t, owner.SignedIn(), "%s", a.Location())
	require.Equal(t, 1, p.Identities())
	require.Contains(t, string(owner.Whoami("").Body), `"verified":true`)
	require.False(t, thief.SignedIn())
	require.Equal(t, http.StatusUnauthorized, thief.Submit(settings, enginetest.Values{"method": "password", "password": "another long Passphrase 9"}).Status)
	thief.SignIn("", enginetest.Credentials("ada@example.com"))
	require.False(t, thief.SignedIn(), "the old password opens nothing")
	require.NotContains(t, tell(p.Native(), p.Native().Submit(waiting, enginetest.Values{"method": "code", "code": sent})), "1080002", "what was sent before counts no more")
	owner.SignOut()
	p.come(owner, "login", "")
	require.True(t, owner.SignedIn())
}

// An address of somebody's account that they never proved, beside one that they
// did, does not give the account to its owner.
func TestProviderTakesNoneOver(t *testing.T) {
	p := withProvider(t, map[string]any{"authoritative_for": []string{"*"}}, enginetest.WithVerification(), enginetest.WithSchema(TwoAddresses))
	bob := p.SPA()
	bob.SignUp(enginetest.Person("bob@example.com").With("traits.work", "ada@example.com"))
	proveOwn(t, p.Env, bob, "bob@example.com")
	ada := p.Browser()
	a := p.come(ada, "registration", "")
	require.False(t, ada.SignedIn())
	require.Equal(t, []int{1010016}, ada.Landed("login", a).IDs(""))
	require.True(t, bob.SignedIn())
}
