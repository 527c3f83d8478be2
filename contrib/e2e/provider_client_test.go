package e2e_test

import (
	"net/http"
	"net/url"
	"testing"

	client "github.com/ory/client-go"
	"github.com/stretchr/testify/require"
)

// guest is a person with a single-page app, in a browser that goes to a provider.
type guest struct {
	*user
	up      upstream
	browser *http.Client
}

func newGuest(t *testing.T, p *program, up upstream) *guest {
	jar := newJar(t)
	browser := &http.Client{Jar: jar, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(browser.CloseIdleConnections)
	return &guest{user: &user{t: t, p: p, api: sdk(p.Public, jar).FrontendAPI}, up: up, browser: browser}
}

// leaves follows the refusal that leads to the provider, signs in there and returns
// where the provider sends the browser.
func (g *guest) leaves(err error) *url.URL {
	g.t.Helper()
	away := model[client.ErrorBrowserLocationChangeRequired](g.t, err)
	return g.up.visit(g.t, g.browser, away.GetRedirectBrowserTo(), g.p.Public+"/self-service/methods/oidc/callback/up")
}

// returns goes there, and returns where the browser is led then.
func (g *guest) returns(to *url.URL) *url.URL {
	g.t.Helper()
	res, err := g.browser.Get(to.String())
	require.NoError(g.t, err)
	defer res.Body.Close()
	require.Equal(g.t, http.StatusSeeOther, res.StatusCode)
	led, err := res.Location()
	require.NoError(g.t, err)
	return led
}

func (g *guest) registration() (*client.RegistrationFlow, error) {
	g.t.Helper()
	flow, _, err := g.api.CreateBrowserRegistrationFlow(background).Execute()
	require.NoError(g.t, err)
	_, err = g.signUp(flow, nil)
	return flow, err
}

func (g *guest) signUp(flow *client.RegistrationFlow, traits map[string]any) (*client.SuccessfulNativeRegistration, error) {
	body := client.NewUpdateRegistrationFlowWithOidcMethod("oidc", "up")
	body.CsrfToken, body.Traits = token(flow.Ui), traits
	done, _, err := g.api.UpdateRegistrationFlow(background).Flow(flow.Id).
		UpdateRegistrationFlowBody(client.UpdateRegistrationFlowWithOidcMethodAsUpdateRegistrationFlowBody(body)).Execute()
	return done, err
}

func (g *guest) signInByProvider() error {
	flow := g.login(false)
	body := client.NewUpdateLoginFlowWithOidcMethod("oidc", "up")
	body.CsrfToken = token(flow.Ui)
	_, _, err := g.api.UpdateLoginFlow(background).Flow(flow.Id).UpdateLoginFlowBody(client.UpdateLoginFlowWithOidcMethodAsUpdateLoginFlowBody(body)).Execute()
	return err
}

// changes links or unlinks the provider.
func (g *guest) changes(link bool) error {
	g.t.Helper()
	flow := g.settings()
	body, up := client.NewUpdateSettingsFlowWithOidcMethod("oidc"), "up"
	if body.CsrfToken = token(flow.Ui); link {
		body.Link = &up
	} else {
		body.Unlink = &up
	}
	_, err := g.saves(flow, client.UpdateSettingsFlowWithOidcMethodAsUpdateSettingsFlowBody(body))
	return err
}

// One person's way by the providers of others, with the typed client: sign up with
// a field that the provider does not know, sign in again by either door, unlink when
// there is a password, link again; and nobody else by what came back.
func TestClientByProvidersOfOthers(t *testing.T) {
	for name, begin := range map[string]func(*testing.T, ...string) upstream{"zitadel": zitadel, "certified": certified} {
		t.Run(name, func(t *testing.T) {
			p := prepare(t, "http", accounts)
			up := begin(t, p.Public+"/self-service/methods/oidc/callback/up")
			with("selfservice.methods.oidc", map[string]any{"enabled": true, "config": map[string]any{"providers": []map[string]any{{
				"id": "up", "provider": "generic", "label": "Upstream", "issuer_url": up.Issuer, "client_id": up.ClientID, "client_secret": up.ClientSecret,
				"mapping": map[string]any{"traits": map[string]any{"email": "email"}}, "authoritative_for": []string{"*"},
			}}}})(p)
			with("selfservice.flows.registration.after.oidc.hooks", []map[string]any{{"hook": "session"}})(p)
			p.run()

			g := newGuest(t, p, up)
			flow, err := g.registration()
			back := g.leaves(err)
			led := g.returns(back)
			require.Equal(t, flow.Id, led.Query().Get("flow"))
			require.Nil(t, g.whoami(), "a name is missing still")
			flow, _, err = g.api.GetRegistrationFlow(background).Id(flow.Id).Execute()
			require.NoError(t, err)
			require.Equal(t, up.Email, entry(flow.Ui, "traits.email").Value)
			done, err := g.signUp(flow, map[string]any{"name": map[string]any{"first": "Ada"}})
			require.NoError(t, err)
			require.True(t, done.Identity.VerifiableAddresses[0].Verified)
			require.Equal(t, up.Email, done.Identity.VerifiableAddresses[0].Value)
			require.Equal(t, "oidc", g.whoami().AuthenticationMethods[0].GetMethod())

			thief := newGuest(t, p, up)
			require.NotContains(t, thief.returns(back).Path, "/registration", "what came back is of no use elsewhere")
			require.Nil(t, thief.whoami())

			g.signOut()
			require.Nil(t, g.whoami())
			g.returns(g.leaves(g.signInByProvider()))
			require.Equal(t, done.Identity.Id, g.whoami().Identity.Id)
			g.signOut()
			_, err = g.registration()
			g.returns(g.leaves(err))
			require.Equal(t, done.Identity.Id, g.whoami().Identity.Id, "who is known signs in where they meant to register")

			require.Nil(t, entry(g.settings().Ui, "unlink"))
			require.Error(t, g.changes(false), "the last way in")
			_, err = g.saves(g.settings(), toPassword(g.settings(), otherPassword))
			require.NoError(t, err)
			require.NoError(t, g.changes(false))
			g.returns(g.leaves(g.changes(true)))
			require.Equal(t, "up", entry(g.settings().Ui, "unlink").Value)
			require.Equal(t, done.Identity.Id, g.whoami().Identity.Id)
		})
	}
}
