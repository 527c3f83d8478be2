package e2e_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	client "github.com/ory/client-go"
	"github.com/stretchr/testify/require"
)

// told is where a person has to go, which the client has read out of an answer that
// it takes for a refusal.
func told(t *testing.T, res *http.Response, err error) string {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
	away := model[client.ErrorBrowserLocationChangeRequired](t, err)
	require.Equal(t, "browser_location_change_required", *away.Error.Id)
	return away.GetRedirectBrowserTo()
}

// returns has a browser with that jar go there and come back, and returns where the
// program sends it then.
func (u upstream) returns(t *testing.T, p *program, jar http.CookieJar, to string) *url.URL {
	t.Helper()
	browser := &http.Client{Jar: jar, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	back := u.visit(t, browser, to, p.Public+callback)
	req, err := http.NewRequest(http.MethodGet, back.String(), nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "text/html")
	res, err := browser.Do(req)
	require.NoError(t, err)
	_ = res.Body.Close()
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	at, err := res.Location()
	require.NoError(t, err)
	return at
}

func byHouseTo(flow *client.RegistrationFlow, traits map[string]any) client.UpdateRegistrationFlowBody {
	body := client.NewUpdateRegistrationFlowWithOidcMethod("oidc", "house")
	body.CsrfToken, body.Traits = token(flow.Ui), traits
	return client.UpdateRegistrationFlowWithOidcMethodAsUpdateRegistrationFlowBody(body)
}

// A single-page app: what the house leaves out is asked for in the flow that it began,
// and the house is asked once.
func TestComesFromElsewhereByJSON(t *testing.T) {
	p, u := withHouse(t, zitadel, nil)
	jar := newJar(t)
	page := sdk(p.Public, jar)
	flow, _, err := page.FrontendAPI.CreateBrowserRegistrationFlow(background).Execute()
	require.NoError(t, err)
	_, res, err := page.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).UpdateRegistrationFlowBody(byHouseTo(flow, nil)).Execute()
	at := u.returns(t, p, jar, told(t, res, err))
	require.Equal(t, p.UI+"/registration", at.Scheme+"://"+at.Host+at.Path)

	flow, _, err = page.FrontendAPI.GetRegistrationFlow(background).Id(at.Query().Get("flow")).Execute()
	require.NoError(t, err)
	require.Equal(t, "oidc", flow.GetActive())
	require.Equal(t, u.Email, attributes(t, flow, "traits.email").Value)
	require.Equal(t, []int64{4000002}, said(t, flow, "traits.name.first"))
	require.Equal(t, int64(1040003), node(t, flow, "provider").Meta.Label.Id)
	require.Empty(t, p.people())

	done, _, err := page.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).UpdateRegistrationFlowBody(byHouseTo(flow, traits(u.Email))).Execute()
	require.NoError(t, err)
	require.Equal(t, traits(u.Email), done.Identity.Traits)
	require.EqualValues(t, 1, u.Exchanges.Load())
	me, _, err := page.FrontendAPI.ToSession(background).Execute()
	require.NoError(t, err)
	require.Equal(t, done.Identity.Id, me.Identity.Id)
	require.Equal(t, "oidc", me.AuthenticationMethods[0].GetMethod())
	require.Equal(t, "house", me.AuthenticationMethods[0].GetProvider())
	require.True(t, me.Identity.VerifiableAddresses[0].Verified)
}

// An app: a browser without any of its cookies goes, and comes home with half of what
// the session is had for.
func TestComesFromElsewhereInAnApp(t *testing.T) {
	p, u := withHouse(t, zitadel, wholePerson)
	app := sdk(p.Public, nil)
	who := ""
	for range 2 { // the second time they are known
		flow, _, err := app.FrontendAPI.CreateNativeRegistrationFlow(background).ReturnSessionTokenExchangeCode(true).ReturnTo(p.UI + "/app").Execute()
		require.NoError(t, err)
		_, res, err := app.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).UpdateRegistrationFlowBody(byHouseTo(flow, nil)).Execute()
		at := u.returns(t, p, newJar(t), told(t, res, err))
		require.Equal(t, p.UI+"/app", at.Scheme+"://"+at.Host+at.Path)
		exchange := func(first string) (*client.SuccessfulNativeLogin, *http.Response, error) {
			return app.FrontendAPI.ExchangeSessionToken(background).InitCode(first).ReturnToCode(at.Query().Get("code")).Execute()
		}
		_, res, err = exchange("another")
		require.Error(t, err)
		require.Equal(t, http.StatusNotFound, res.StatusCode, "one half alone is worth nothing")
		in, _, err := exchange(flow.GetSessionTokenExchangeCode())
		require.NoError(t, err)
		require.Regexp(t, `^ory_st_`, in.GetSessionToken())
		me, _, err := app.FrontendAPI.ToSession(background).XSessionToken(in.GetSessionToken()).Execute()
		require.NoError(t, err)
		if who == "" {
			who = me.Identity.Id
		}
		require.Equal(t, who, me.Identity.Id)
		_, res, err = exchange(flow.GetSessionTokenExchangeCode())
		require.Error(t, err)
		require.Equal(t, http.StatusGone, res.StatusCode, "and both together work once")
	}
	require.Equal(t, []string{u.Email}, p.people())
}

// Ory's client for fetch, in Node, and the certified provider there.
func TestNodeComesFromElsewhere(t *testing.T) {
	dir := nodeFolder(t, "node", "@ory/client-fetch")
	p, u := withHouse(t, certified, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", "elsewhere.mjs")
	c.Dir, c.WaitDelay = dir, time.Second
	c.Env = append(os.Environ(), "PUBLIC="+p.Public, "UI="+p.UI, "HOUSE="+u.Issuer)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "all said\n")
	require.ElementsMatch(t, []string{"grace@example.com", "ada@example.com"}, p.people())
	require.Equal(t, 4, strings.Count(p.running.out.String(), `"route":"/self-service/methods/oidc/callback/:provider"`))
}
