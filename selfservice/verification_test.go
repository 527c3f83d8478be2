package selfservice_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// registered signs a person up and returns the verification flow they are led to.
func registered(t *testing.T, c *enginetest.Client, email string) *enginetest.Flow {
	t.Helper()
	a := c.Submit(c.Open(""), enginetest.Person(email))
	if c.Kind == enginetest.HTML {
		require.Equal(t, http.StatusSeeOther, a.Status, "%s", a.Body)
		require.Equal(t, "/verification", a.Location().Path)
		return c.ReadKind("verification", a.Location().Query().Get("flow"))
	}
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	for _, item := range a.JSON()["continue_with"].([]any) {
		next := item.(map[string]any)
		if next["action"] != "show_verification_ui" {
			continue
		}
		flow := next["flow"].(map[string]any)
		require.Equal(t, email, flow["verifiable_address"])
		_, hasURL := flow["url"]
		require.Equal(t, c.Kind == enginetest.JSON, hasURL)
		return c.ReadKind("verification", flow["id"].(string))
	}
	t.Fatalf("no show_verification_ui in %s", a.Body)
	return nil
}

// verified reports what the admin API says of the one person with that address.
func verified(t *testing.T, env *enginetest.Env, email string) bool {
	t.Helper()
	a := env.Admin(http.MethodGet, "/admin/identities?credentials_identifier="+email, nil)
	var people []struct {
		Addresses []struct {
			Value    string `json:"value"`
			Verified bool   `json:"verified"`
		} `json:"verifiable_addresses"`
	}
	a.Decode(&people)
	require.Len(t, people, 1, "%s", a.Body)
	return people[0].Addresses[0].Verified
}

func TestVerifyAfterRegistration(t *testing.T) {
	env := enginetest.New(t, enginetest.WithVerification())
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := "Ada." + string(c.Kind) + "@example.org"
			f := registered(t, c, email)
			require.Equal(t, "sent_email", f.State)
			require.Equal(t, "code", f.Active)
			require.Equal(t, []int{ui.InfoCodeSent}, f.IDs(""))
			require.NotNil(t, f.Node("code"))
			require.Equal(t, email, f.Value("email"), "the resend button")

			mails := env.Inbox(email)
			require.Len(t, mails, 1)
			require.Equal(t, "verification_code_valid", mails[0].Template)
			require.Regexp(t, `^[0-9]{6}$`, mails[0].Code())
			require.NotContains(t, env.Logs.String(), mails[0].Code())

			wrong := c.Say(f, enginetest.Values{"method": "code", "code": other(mails[0].Code())})
			require.Equal(t, []int{ui.ErrVerificationCode}, wrong.IDs(""))
			require.Nil(t, wrong.Value("code"))
			require.False(t, verified(t, env, email))

			done := c.Say(wrong, enginetest.Values{"method": "code", "code": " " + mails[0].Code()[:3] + "-" + mails[0].Code()[3:]})
			require.Equal(t, "passed_challenge", done.State)
			require.Equal(t, []int{ui.SuccessEmailVerified}, done.IDs(""))
			require.Equal(t, "GET", done.UI.Method)
			require.Equal(t, "http://127.0.0.1:4455/", done.UI.Action)
			require.Len(t, done.UI.Nodes, 1)
			require.Equal(t, "http://127.0.0.1:4455/", done.UI.Nodes[0].Attributes.Href)
			require.True(t, verified(t, env, email))

			late := c.Say(wrong, enginetest.Values{"method": "code", "code": other(mails[0].Code())})
			if c.Kind != enginetest.HTML { // a browser is shown the flow as it ended
				require.Equal(t, []int{ui.ErrVerificationCompleted}, late.IDs(""))
			}
			require.Equal(t, "passed_challenge", late.State)
		})
	}
}

// other returns another code than the right one.
func other(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

func TestLinkFromAnotherDevice(t *testing.T) {
	for name, option := range map[string]enginetest.Option{"code": enginetest.WithVerification(), "link": enginetest.WithLinks()} {
		t.Run(name, func(t *testing.T) {
			env := enginetest.New(t, option)
			c := env.SPA()
			first := registered(t, c, "ada@example.org")
			link := env.Inbox("ada@example.org")[0].Link()

			scanner := env.Browser()
			for range 5 {
				require.Equal(t, http.StatusSeeOther, scanner.Get(link).Status)
				head := scanner.Do(scanner.Request(http.MethodHead, link, nil))
				require.Equal(t, http.StatusSeeOther, head.Status)
			}
			require.False(t, verified(t, env, "ada@example.org"))

			phone := env.Browser()
			shown := phone.Follow(link)
			require.NotEqual(t, first.ID, shown.ID)
			require.NotNil(t, shown.Node("token"))
			done := phone.Say(shown, enginetest.Values{"method": name, "token": shown.Value("token")})
			require.Equal(t, "passed_challenge", done.State)
			require.True(t, verified(t, env, "ada@example.org"))
			require.Equal(t, http.StatusUnauthorized, c.Whoami("").Status, "the proof came from elsewhere")

			waited := c.ReadKind("verification", first.ID)
			require.Equal(t, "passed_challenge", waited.State)

			late := scanner.Follow(link)
			late = scanner.Say(late, enginetest.Values{"method": name, "token": late.Value("token")})
			require.Equal(t, []int{ui.ErrVerificationToken}, late.IDs(""))
			require.NotNil(t, late.Node("email"), "it asks for the address again")
		})
	}
}

func TestProveFirst(t *testing.T) {
	env := enginetest.New(t, enginetest.WithProofFirst())
	for _, c := range env.Clients() {
		t.Run(string(c.Kind), func(t *testing.T) {
			email := string(c.Kind) + "@example.org"
			before := env.Identities()
			sent := c.Say(c.Open(""), enginetest.Person(email))
			require.Equal(t, "sent_email", sent.State)
			require.Equal(t, []int{ui.InfoSignUpCodeSent}, sent.IDs(""))
			require.Equal(t, email, sent.Value("traits.email"))
			require.Nil(t, sent.Node("password"))
			require.Equal(t, before, env.Identities())

			mail := env.Inbox(email)[0]
			require.Equal(t, "registration_code_valid", mail.Template)
			wrong := c.Say(sent, enginetest.Values{"method": "code", "code": other(mail.Code())})
			require.Equal(t, []int{ui.ErrSignUpCode}, wrong.IDs(""))

			elsewhere := env.Browser()
			shown := elsewhere.Follow(mail.Link())
			require.Nil(t, shown.Node("method"), "nothing to press")
			require.Contains(t, shown.UI.Nodes[1].Attributes.Text.Text, mail.Code())
			require.Equal(t, before, env.Identities())

			a := c.Submit(wrong, enginetest.Values{"method": "code", "code": mail.Code(), "traits.email": email})
			if c.Kind == enginetest.HTML {
				require.Equal(t, http.StatusSeeOther, a.Status)
				require.Equal(t, "http://127.0.0.1:4455/", a.Header.Get("Location"))
			} else {
				require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
			}
			require.Equal(t, before+1, env.Identities())
			require.True(t, verified(t, env, email))
			require.Len(t, env.Inbox(email), 1, "nothing is left to verify")
		})
	}
}

func TestStealthTellsTheOwnerAlone(t *testing.T) {
	env := enginetest.New(t, enginetest.WithStealth(), enginetest.WithSchema(enginetest.PersonSchema))
	c := env.SPA()
	sent := c.Say(c.Open(""), enginetest.Person("Ada@example.org"))
	a := c.Submit(sent, enginetest.Values{"method": "code", "code": env.Inbox("Ada@example.org")[0].Code()})
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)

	c = env.SPA()
	taken := c.Say(c.Open(""), enginetest.Person("ada@EXAMPLE.org"))
	require.Equal(t, "sent_email", taken.State)
	mails := env.Inbox("Ada@example.org")
	require.Len(t, mails, 2)
	require.Equal(t, "registration_code_invalid", mails[0].Template)
	require.Empty(t, mails[0].Code())
	require.Empty(t, env.Inbox("ada@EXAMPLE.org"), "only the owner's own spelling is written to")
	require.Equal(t, 1, env.Identities())
}
