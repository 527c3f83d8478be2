package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	client "github.com/ory/client-go"
	"github.com/stretchr/testify/require"
)

func ids(messages []client.UiText) []int64 {
	list := []int64{}
	for _, m := range messages {
		list = append(list, m.Id)
	}
	return list
}

// entry is the typed attributes of the field of that name, nil for none.
func entry(ui client.UiContainer, name string) *client.UiNodeInputAttributes {
	for _, n := range ui.Nodes {
		if a := n.Attributes.UiNodeInputAttributes; a != nil && a.Name == name {
			return a
		}
	}
	return nil
}

// token is the CSRF token of a form, nil where an app needs none.
func token(ui client.UiContainer) *string {
	if text, _ := entry(ui, "csrf_token").Value.(string); text != "" {
		return &text
	}
	return nil
}

// model is what the client has read out of a refusal.
func model[T any](t *testing.T, err error) T {
	t.Helper()
	var raw *client.GenericOpenAPIError
	require.ErrorAs(t, err, &raw)
	m, ok := raw.Model().(T)
	require.True(t, ok, "%T %s", raw.Model(), raw.Body())
	return m
}

// user is one person's client: an app with its token, or a single-page app with
// its cookies.
type user struct {
	t     *testing.T
	p     *program
	api   client.FrontendAPI
	token string
	app   bool
}

func newUser(t *testing.T, p *program, app bool) *user {
	if app {
		return &user{t: t, p: p, api: sdk(p.Public, nil).FrontendAPI, app: true}
	}
	return &user{t: t, p: p, api: sdk(p.Public, newJar(t)).FrontendAPI}
}

// registers signs up and returns the person's id.
func (u *user) registers(email string) string {
	u.t.Helper()
	var flow *client.RegistrationFlow
	var err error
	if u.app {
		flow, _, err = u.api.CreateNativeRegistrationFlow(background).Execute()
	} else {
		flow, _, err = u.api.CreateBrowserRegistrationFlow(background).Execute()
	}
	require.NoError(u.t, err)
	body := byPassword(traits(email), goodPassword)
	body.UpdateRegistrationFlowWithPasswordMethod.CsrfToken = token(flow.Ui)
	done, _, err := u.api.UpdateRegistrationFlow(background).Flow(flow.Id).UpdateRegistrationFlowBody(body).Execute()
	require.NoError(u.t, err)
	u.token = done.GetSessionToken()
	return done.Identity.Id
}

// login opens a login.
func (u *user) login(refresh bool) *client.LoginFlow {
	u.t.Helper()
	var flow *client.LoginFlow
	var err error
	if u.app {
		flow, _, err = u.api.CreateNativeLoginFlow(background).XSessionToken(u.token).Refresh(refresh).Execute()
	} else {
		flow, _, err = u.api.CreateBrowserLoginFlow(background).Refresh(refresh).Execute()
	}
	require.NoError(u.t, err)
	read, _, err := u.api.GetLoginFlow(background).Id(flow.Id).Execute()
	require.NoError(u.t, err)
	require.Equal(u.t, flow.Ui.Action, read.Ui.Action)
	require.Equal(u.t, client.LOGINFLOWSTATE_CHOOSE_METHOD, flow.State)
	require.Equal(u.t, refresh, flow.GetRefresh())
	require.Equal(u.t, client.AUTHENTICATORASSURANCELEVEL_AAL1, flow.GetRequestedAal())
	return flow
}

func (u *user) signIn(flow *client.LoginFlow, email, password string) (*client.SuccessfulNativeLogin, error) {
	body := client.NewUpdateLoginFlowWithPasswordMethod(email, "password", password)
	body.CsrfToken = token(flow.Ui)
	done, _, err := u.api.UpdateLoginFlow(background).Flow(flow.Id).XSessionToken(u.token).
		UpdateLoginFlowBody(client.UpdateLoginFlowWithPasswordMethodAsUpdateLoginFlowBody(body)).Execute()
	if err == nil && u.app {
		u.token = done.GetSessionToken()
	}
	return done, err
}

// whoami is the session, nil for none.
func (u *user) whoami() *client.Session {
	u.t.Helper()
	s, _, err := u.api.ToSession(background).XSessionToken(u.token).Execute()
	if err != nil {
		require.Equal(u.t, "session_inactive", refusal(u.t, err, http.StatusUnauthorized).GetId())
		return nil
	}
	return s
}

func (u *user) signOut() {
	u.t.Helper()
	if u.app {
		_, err := u.api.PerformNativeLogout(background).PerformNativeLogoutBody(*client.NewPerformNativeLogoutBody(u.token)).Execute()
		require.NoError(u.t, err)
		return
	}
	link, _, err := u.api.CreateBrowserLogoutFlow(background).Execute()
	require.NoError(u.t, err)
	require.True(u.t, strings.HasPrefix(link.LogoutUrl, u.p.Public+"/self-service/logout?token="+url.QueryEscape(link.LogoutToken)))
	_, err = u.api.UpdateLogoutFlow(background).Token("forged").Execute()
	require.Error(u.t, err)
	require.NotNil(u.t, u.whoami())
	_, err = u.api.UpdateLogoutFlow(background).Token(link.LogoutToken).Execute()
	require.NoError(u.t, err)
}

func (u *user) settings() *client.SettingsFlow {
	u.t.Helper()
	var flow *client.SettingsFlow
	var err error
	if u.app {
		flow, _, err = u.api.CreateNativeSettingsFlow(background).XSessionToken(u.token).Execute()
	} else {
		flow, _, err = u.api.CreateBrowserSettingsFlow(background).Execute()
	}
	require.NoError(u.t, err)
	read, _, err := u.api.GetSettingsFlow(background).Id(flow.Id).XSessionToken(u.token).Execute()
	require.NoError(u.t, err)
	require.Equal(u.t, flow.Identity.Id, read.Identity.Id)
	return flow
}

func (u *user) saves(flow *client.SettingsFlow, body client.UpdateSettingsFlowBody) (*client.SettingsFlow, error) {
	f, _, err := u.api.UpdateSettingsFlow(background).Flow(flow.Id).XSessionToken(u.token).UpdateSettingsFlowBody(body).Execute()
	return f, err
}

func toPassword(flow *client.SettingsFlow, password string) client.UpdateSettingsFlowBody {
	body := client.NewUpdateSettingsFlowWithPasswordMethod("password", password)
	body.CsrfToken = token(flow.Ui)
	return client.UpdateSettingsFlowWithPasswordMethodAsUpdateSettingsFlowBody(body)
}

func toTraits(flow *client.SettingsFlow, t map[string]any) client.UpdateSettingsFlowBody {
	body := client.NewUpdateSettingsFlowWithProfileMethod("profile", t)
	body.CsrfToken = token(flow.Ui)
	return client.UpdateSettingsFlowWithProfileMethodAsUpdateSettingsFlowBody(body)
}

// both runs a test as an app and as a single-page app.
func both(t *testing.T, run func(t *testing.T, app bool)) {
	for name, app := range map[string]bool{"native": true, "browser": false} {
		t.Run(name, func(t *testing.T) { run(t, app) })
	}
}

func TestClientSignsInAndOut(t *testing.T) {
	both(t, func(t *testing.T, app bool) {
		p := start(t, accounts)
		u := newUser(t, p, app)
		id := u.registers("ada@example.org")
		first := u.whoami()
		u.signOut()
		require.Nil(t, u.whoami())

		flow := u.login(false)
		require.Equal(t, "text", entry(flow.Ui, "identifier").Type)
		_, err := u.signIn(flow, "ada@example.org", otherPassword)
		refused := model[client.LoginFlow](t, err)
		require.Equal(t, []int64{4000006}, ids(refused.Ui.Messages))
		require.Equal(t, "ada@example.org", entry(refused.Ui, "identifier").Value)
		require.Nil(t, u.whoami())
		done, err := u.signIn(&refused, "ada@example.org", goodPassword)
		require.NoError(t, err)
		require.Equal(t, id, done.Session.Identity.Id)
		require.Equal(t, app, done.SessionToken != nil)
		require.Equal(t, app, u.token != "")
		require.NotEqual(t, first.Id, u.whoami().Id)

		again, _, err := u.api.CreateNativeLoginFlow(background).XSessionToken(u.token).Execute()
		if app {
			require.Nil(t, again)
			require.Equal(t, "session_already_available", refusal(t, err, http.StatusBadRequest).GetId())
		} else {
			_, _, err := u.api.CreateBrowserLoginFlow(background).Execute()
			require.Equal(t, "session_already_available", refusal(t, err, http.StatusBadRequest).GetId())
		}

		before := u.whoami()
		flow = u.login(true)
		require.Equal(t, []int64{1010003}, ids(flow.Ui.Messages))
		_, err = u.signIn(flow, "ada@example.org", goodPassword)
		require.NoError(t, err)
		require.Equal(t, before.Id, u.whoami().Id, "the same session, proved again")
		require.True(t, u.whoami().GetAuthenticatedAt().After(before.GetAuthenticatedAt()))

		_, _, err = u.api.GetLoginFlow(background).Id(nobody).Execute()
		require.Equal(t, "self_service_flow_not_found", refusal(t, err, http.StatusNotFound).GetId())
	})
}

func TestClientSignsInByCode(t *testing.T) {
	both(t, func(t *testing.T, app bool) {
		const me = "ada@example.org"
		p := start(t, accounts, withSchema("code.schema.json"), with("selfservice.methods.code.passwordless_enabled", true),
			with("selfservice.flows.login.style", "identifier_first"))
		newUser(t, p, true).registers(me)
		u := newUser(t, p, app)
		flow := u.login(false)
		send := func(body client.UpdateLoginFlowBody) (*client.SuccessfulNativeLogin, error) {
			done, _, err := u.api.UpdateLoginFlow(background).Flow(flow.Id).UpdateLoginFlowBody(body).Execute()
			return done, err
		}
		who := client.NewUpdateLoginFlowWithIdentifierFirstMethod(me, "identifier_first")
		who.CsrfToken = token(flow.Ui)
		_, err := send(client.UpdateLoginFlowWithIdentifierFirstMethodAsUpdateLoginFlowBody(who))
		refused := model[client.LoginFlow](t, err)
		require.NotNil(t, entry(refused.Ui, "password"))

		csrf := ""
		if who.CsrfToken != nil {
			csrf = *who.CsrfToken
		}
		code := client.NewUpdateLoginFlowWithCodeMethod(csrf, "code")
		code.Identifier = client.PtrString(me)
		_, err = send(client.UpdateLoginFlowWithCodeMethodAsUpdateLoginFlowBody(code))
		refused = model[client.LoginFlow](t, err)
		require.Equal(t, client.LOGINFLOWSTATE_SENT_EMAIL, refused.State)
		require.Equal(t, []int64{1010014}, ids(refused.Ui.Messages))
		m := p.inbox(me)[0]
		code.Code = client.PtrString(m.wrong())
		_, err = send(client.UpdateLoginFlowWithCodeMethodAsUpdateLoginFlowBody(code))
		require.Equal(t, []int64{4010008}, ids(model[client.LoginFlow](t, err).Ui.Messages))
		code.Code = client.PtrString(m.code())
		done, err := send(client.UpdateLoginFlowWithCodeMethodAsUpdateLoginFlowBody(code))
		require.NoError(t, err)
		require.Equal(t, "code", done.Session.AuthenticationMethods[0].GetMethod())
	})
}

func TestClientSessions(t *testing.T) {
	both(t, func(t *testing.T, app bool) {
		const me = "ada@example.org"
		p := start(t, accounts)
		u := newUser(t, p, app)
		id := u.registers(me)
		devices := make([]*user, 4)
		for n := range devices {
			devices[n] = newUser(t, p, n%2 == 0)
			_, err := devices[n].signIn(devices[n].login(false), me, goodPassword)
			require.NoError(t, err)
		}
		list, res, err := u.api.ListMySessions(background).XSessionToken(u.token).PageSize(3).Execute()
		require.NoError(t, err)
		require.Len(t, list, 3)
		require.NotEmpty(t, res.Header.Get("Link"))
		for _, s := range list {
			require.NotEqual(t, u.whoami().Id, s.Id, "others only")
			require.True(t, s.GetActive())
		}
		gone := devices[1].whoami().Id
		_, err = u.api.DisableMySession(background, gone).XSessionToken(u.token).Execute()
		require.NoError(t, err)
		require.Nil(t, devices[1].whoami())
		require.NotNil(t, devices[0].whoami())
		_, err = u.api.DisableMySession(background, u.whoami().Id).XSessionToken(u.token).Execute()
		refusal(t, err, http.StatusBadRequest)

		admin := sdk(p.Admin, nil).IdentityAPI
		all, _, err := admin.ListSessions(background).Active(true).Expand([]string{"identity", "devices"}).Execute()
		require.NoError(t, err)
		require.Len(t, all, 4)
		require.Equal(t, id, all[0].Identity.Id)
		own, _, err := admin.ListIdentitySessions(background, id).Active(false).Execute()
		require.NoError(t, err)
		require.Len(t, own, 1)
		require.Equal(t, gone, own[0].Id)
		at := devices[0].whoami()
		one, _, err := admin.GetSession(background, at.Id).Expand([]string{"identity"}).Execute()
		require.NoError(t, err)
		require.Equal(t, me, one.Identity.Traits.(map[string]any)["email"])
		res, err = admin.DisableSession(background, at.Id).Execute()
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, res.StatusCode)
		require.Nil(t, devices[0].whoami())
		_, _, err = admin.ExtendSession(background, devices[2].whoami().Id).Execute()
		require.NoError(t, err)

		count, _, err := u.api.DisableMyOtherSessions(background).XSessionToken(u.token).Execute()
		require.NoError(t, err)
		require.Equal(t, int64(2), count.GetCount())
		require.NotNil(t, u.whoami())
		for _, d := range devices {
			require.Nil(t, d.whoami())
		}
		_, err = admin.DeleteIdentitySessions(background, id).Execute()
		require.NoError(t, err)
		require.Nil(t, u.whoami())
		_, _, err = u.api.ListMySessions(background).XSessionToken(u.token).Execute()
		require.Equal(t, "session_inactive", refusal(t, err, http.StatusUnauthorized).GetId())
		_, _, err = admin.GetSession(background, nobody).Execute()
		require.Equal(t, "session_not_found", refusal(t, err, http.StatusNotFound).GetId())
	})
}

func TestClientSettings(t *testing.T) {
	both(t, func(t *testing.T, app bool) {
		const old, now = "ada@example.org", "ada.lovelace@example.org"
		p := start(t, accounts, with("selfservice.flows.settings.privileged_session_max_age", "1h"))
		u := newUser(t, p, app)
		u.registers(old)
		flow := u.settings()
		require.Equal(t, client.SETTINGSFLOWSTATE_SHOW_FORM, flow.State)
		_, err := u.saves(flow, toPassword(flow, "short"))
		require.Nil(t, entry(model[client.SettingsFlow](t, err).Ui, "password").Value)
		saved, err := u.saves(flow, toPassword(flow, otherPassword))
		require.NoError(t, err)
		require.Equal(t, client.SETTINGSFLOWSTATE_SUCCESS, saved.State)
		require.Equal(t, []int64{1050001}, ids(saved.Ui.Messages))
		_, err = u.saves(flow, toTraits(flow, traits("no address")))
		refused := model[client.SettingsFlow](t, err)
		require.Equal(t, "no address", entry(refused.Ui, "traits.email").Value)
		saved, err = u.saves(flow, toTraits(flow, traits(now)))
		require.NoError(t, err)
		require.Equal(t, now, saved.Identity.Traits.(map[string]any)["email"])
		require.Equal(t, now, toVerify(t, saved.ContinueWith).VerifiableAddress)
		require.Len(t, p.inbox(now), 1)

		other := newUser(t, p, app)
		for email, password := range map[string]string{old: otherPassword, now: goodPassword} {
			_, err = other.signIn(other.login(false), email, password)
			require.Equal(t, []int64{4000006}, ids(model[client.LoginFlow](t, err).Ui.Messages))
		}
		_, err = other.signIn(other.login(false), now, otherPassword)
		require.NoError(t, err)

		stranger := newUser(t, p, app)
		stranger.registers("eve@example.org")
		_, _, err = stranger.api.GetSettingsFlow(background).Id(flow.Id).XSessionToken(stranger.token).Execute()
		refusal(t, err, http.StatusForbidden)
		nobodyYet := newUser(t, p, app)
		if app {
			_, _, err = nobodyYet.api.CreateNativeSettingsFlow(background).Execute()
		} else {
			_, _, err = nobodyYet.api.CreateBrowserSettingsFlow(background).Execute()
		}
		require.Equal(t, "session_inactive", refusal(t, err, http.StatusUnauthorized).GetId())

		p.restart(with("selfservice.flows.settings.privileged_session_max_age", "1s"))
		at := u.whoami().GetAuthenticatedAt()
		require.Eventually(t, func() bool { return time.Since(at) > time.Second }, patience, 20*time.Millisecond)
		_, err = u.saves(flow, toPassword(flow, goodPassword))
		late := refusal(t, err, http.StatusForbidden)
		require.Equal(t, "session_refresh_required", late.GetId())
		require.Contains(t, detail(late, "redirect_browser_to"), p.Public+"/self-service/login/browser?refresh=true")
	})
}

func TestClientRecovers(t *testing.T) {
	both(t, func(t *testing.T, app bool) {
		for name, transitions := range map[string]bool{"transitions": true, "redirects": false} {
			t.Run(name, func(t *testing.T) {
				const me = "ada@example.org"
				p := start(t, accounts, with("feature_flags.use_continue_with_transitions", transitions))
				owner := newUser(t, p, true)
				owner.registers(me)
				u := newUser(t, p, app)
				var flow *client.RecoveryFlow
				var err error
				if app {
					flow, _, err = u.api.CreateNativeRecoveryFlow(background).Execute()
				} else {
					flow, _, err = u.api.CreateBrowserRecoveryFlow(background).Execute()
				}
				require.NoError(t, err)
				flow, _, err = u.api.GetRecoveryFlow(background).Id(flow.Id).Execute()
				require.NoError(t, err)
				require.Equal(t, client.RECOVERYFLOWSTATE_CHOOSE_METHOD, flow.State)
				answer := client.NewUpdateRecoveryFlowWithCodeMethod("code")
				answer.CsrfToken = token(flow.Ui)
				send := func() (*client.RecoveryFlow, error) {
					f, _, err := u.api.UpdateRecoveryFlow(background).Flow(flow.Id).
						UpdateRecoveryFlowBody(client.UpdateRecoveryFlowWithCodeMethodAsUpdateRecoveryFlowBody(answer)).Execute()
					return f, err
				}
				answer.Email = client.PtrString(me)
				flow, err = send()
				require.NoError(t, err)
				require.Equal(t, client.RECOVERYFLOWSTATE_SENT_EMAIL, flow.State)
				require.Equal(t, []int64{1060003}, ids(flow.Ui.Messages))
				m := p.inbox(me)[0]
				answer.Email, answer.Code = nil, client.PtrString(m.wrong())
				flow, err = send()
				require.NoError(t, err)
				require.Equal(t, []int64{4060006}, ids(flow.Ui.Messages))
				answer.Code = client.PtrString(m.code())
				done, err := send()
				if !transitions {
					moved := model[client.ErrorBrowserLocationChangeRequired](t, err)
					require.Equal(t, "browser_location_change_required", moved.Error.GetId())
					require.Contains(t, moved.GetRedirectBrowserTo(), p.UI+"/settings?flow=")
					require.Equal(t, !app, u.whoami() != nil)
					return
				}
				require.NoError(t, err)
				require.Equal(t, client.RECOVERYFLOWSTATE_PASSED_CHALLENGE, done.State)
				settings := ""
				for _, next := range done.ContinueWith {
					if s := next.ContinueWithSettingsUi; s != nil {
						settings = s.Flow.Id
					}
					if s := next.ContinueWithSetOrySessionToken; s != nil {
						u.token = s.OrySessionToken
					}
				}
				require.Equal(t, app, u.token != "")
				require.NotNil(t, u.whoami())
				change, _, err := u.api.GetSettingsFlow(background).Id(settings).XSessionToken(u.token).Execute()
				require.NoError(t, err)
				require.Equal(t, []int64{1060001}, ids(change.Ui.Messages))
				_, err = u.saves(change, toPassword(change, otherPassword))
				require.NoError(t, err)
				_, err = owner.signIn(newUser(t, p, true).login(false), me, goodPassword)
				require.Equal(t, []int64{4000006}, ids(model[client.LoginFlow](t, err).Ui.Messages))
			})
		}
	})
}

// An operator lets somebody in who has lost everything.
func TestClientRecoversByOperator(t *testing.T) {
	p := start(t, accounts, with("feature_flags.use_continue_with_transitions", true), with("selfservice.methods.link.enabled", true))
	u := newUser(t, p, false)
	id := u.registers("ada@example.org")
	admin := sdk(p.Admin, nil).IdentityAPI
	made, res, err := admin.CreateRecoveryCodeForIdentity(background).CreateRecoveryCodeForIdentityBody(*client.NewCreateRecoveryCodeForIdentityBody(id)).Execute()
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, res.StatusCode)
	require.NotEmpty(t, made.RecoveryCode)
	require.NotNil(t, made.ExpiresAt)
	at, err := url.Parse(made.RecoveryLink)
	require.NoError(t, err)
	lost := newUser(t, p, false)
	flow, _, err := lost.api.GetRecoveryFlow(background).Id(at.Query().Get("flow")).Execute()
	require.NoError(t, err)
	answer := client.NewUpdateRecoveryFlowWithCodeMethod("code")
	answer.CsrfToken, answer.Code = token(flow.Ui), &made.RecoveryCode
	done, _, err := lost.api.UpdateRecoveryFlow(background).Flow(flow.Id).
		UpdateRecoveryFlowBody(client.UpdateRecoveryFlowWithCodeMethodAsUpdateRecoveryFlowBody(answer)).Execute()
	require.NoError(t, err)
	require.Equal(t, client.RECOVERYFLOWSTATE_PASSED_CHALLENGE, done.State)
	require.Equal(t, id, lost.whoami().Identity.Id)

	link, _, err := admin.CreateRecoveryLinkForIdentity(background).ReturnTo(p.UI + "/there").
		CreateRecoveryLinkForIdentityBody(*client.NewCreateRecoveryLinkForIdentityBody(id)).Execute()
	require.NoError(t, err)
	require.Contains(t, link.RecoveryLink, p.Public+"/self-service/recovery?")
	_, _, err = admin.CreateRecoveryCodeForIdentity(background).CreateRecoveryCodeForIdentityBody(*client.NewCreateRecoveryCodeForIdentityBody(nobody)).Execute()
	require.NotEmpty(t, refusal(t, err, http.StatusNotFound).GetId())
	require.Empty(t, p.inbox("ada@example.org")[1:], "nothing is mailed: it is for the operator to hand over")
}
