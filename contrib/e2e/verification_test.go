package e2e_test

import (
	"net/http"
	"testing"
	"time"

	client "github.com/ory/client-go"
	"github.com/stretchr/testify/require"
)

// byCode answers a verification with a code, or asks for one with an address.
func byCode(code, email string) client.UpdateVerificationFlowBody {
	with := client.NewUpdateVerificationFlowWithCodeMethod("code")
	if code != "" {
		with.Code = &code
	}
	if email != "" {
		with.Email = &email
	}
	return client.UpdateVerificationFlowWithCodeMethodAsUpdateVerificationFlowBody(with)
}

func verify(t *testing.T, c *client.APIClient, flow string, body client.UpdateVerificationFlowBody) *client.VerificationFlow {
	t.Helper()
	f, _, err := c.FrontendAPI.UpdateVerificationFlow(background).Flow(flow).UpdateVerificationFlowBody(body).Execute()
	require.NoError(t, err)
	return f
}

func messages(f *client.VerificationFlow) []int64 {
	ids := []int64{}
	for _, m := range f.Ui.Messages {
		ids = append(ids, m.Id)
	}
	return ids
}

// toVerify is what a registration says to show next.
func toVerify(t *testing.T, list []client.ContinueWith) *client.ContinueWithVerificationUiFlow {
	t.Helper()
	for _, next := range list {
		if show := next.ContinueWithVerificationUi; show != nil {
			require.Equal(t, "show_verification_ui", show.Action)
			return &show.Flow
		}
	}
	require.Fail(t, "no verification to show")
	return nil
}

func TestVerifyNative(t *testing.T) {
	p := start(t, verifying)
	app := sdk(p.Public, nil)
	done := register(t, app, "Ada@example.org")
	next := toVerify(t, done.ContinueWith)
	require.Equal(t, "Ada@example.org", next.VerifiableAddress)
	require.Nil(t, next.Url, "an app has its own pages")
	require.Len(t, done.ContinueWith, 2)
	require.False(t, p.verified("ada@example.org"))

	f, _, err := app.FrontendAPI.GetVerificationFlow(background).Id(next.Id).Execute()
	require.NoError(t, err)
	require.Equal(t, "api", f.Type)
	require.Equal(t, client.VERIFICATIONFLOWSTATE_SENT_EMAIL, f.State)
	require.Equal(t, "code", f.GetActive())
	require.Equal(t, []int64{1080003}, messages(f))

	m := p.mailed("Ada@example.org")
	require.Equal(t, "verification_code_valid", m.Template)
	f = verify(t, app, f.Id, byCode(m.wrong(), ""))
	require.Equal(t, []int64{4070006}, messages(f))
	require.False(t, p.verified("ada@example.org"))

	f = verify(t, app, f.Id, byCode("", "Ada@example.org"))
	require.Equal(t, client.VERIFICATIONFLOWSTATE_SENT_EMAIL, f.State)
	mails := p.inbox("Ada@example.org")
	require.Len(t, mails, 2)
	require.Equal(t, []int64{4070006}, messages(verify(t, app, f.Id, byCode(m.code(), ""))), "a later code takes the place of an earlier one")

	f = verify(t, app, f.Id, byCode(mails[0].code(), ""))
	require.Equal(t, client.VERIFICATIONFLOWSTATE_PASSED_CHALLENGE, f.State)
	require.Equal(t, []int64{1080002}, messages(f))
	require.Equal(t, p.UI+"/", f.Ui.Nodes[0].Attributes.UiNodeAnchorAttributes.Href)
	require.True(t, p.verified("ada@example.org"))
	_, _, err = app.FrontendAPI.ToSession(background).XSessionToken(done.GetSessionToken()).Execute()
	require.NoError(t, err, "who typed the code stays signed in")
}

// Somebody has an address verified that they have not registered just now.
func TestVerifyByAddress(t *testing.T) {
	p := start(t, verifying)
	app := sdk(p.Public, nil)
	register(t, app, "late@example.org")
	ask := func(email string) (*client.VerificationFlow, *client.VerificationFlow) {
		f, _, err := app.FrontendAPI.CreateNativeVerificationFlow(background).Execute()
		require.NoError(t, err)
		require.Equal(t, client.VERIFICATIONFLOWSTATE_CHOOSE_METHOD, f.State)
		require.Empty(t, messages(f))
		return f, verify(t, app, f.Id, byCode("", email))
	}
	_, sent := ask("late@example.org")
	_, unknown := ask("nobody@example.org")
	require.Equal(t, messages(sent), messages(unknown), "nobody is told who has an address")
	require.Len(t, unknown.Ui.Nodes, len(sent.Ui.Nodes))
	require.Empty(t, p.inbox("nobody@example.org"))

	done := verify(t, app, sent.Id, byCode(p.inbox("late@example.org")[0].code(), ""))
	require.Equal(t, client.VERIFICATIONFLOWSTATE_PASSED_CHALLENGE, done.State)
	require.True(t, p.verified("late@example.org"))

	_, _, err := app.FrontendAPI.GetVerificationFlow(background).Id(nobody).Execute()
	require.Equal(t, "self_service_flow_not_found", refusal(t, err, http.StatusNotFound).GetId())
}

// A single-page app is told of the page, and waits for the proof.
func TestVerifyInBrowserByJSON(t *testing.T) {
	p := start(t, verifying)
	app := sdk(p.Public, newJar(t))
	flow, _, err := app.FrontendAPI.CreateBrowserRegistrationFlow(background).Execute()
	require.NoError(t, err)
	body := byPassword(traits("spa@example.org"), goodPassword)
	body.UpdateRegistrationFlowWithPasswordMethod.CsrfToken = client.PtrString(attributes(t, flow, "csrf_token").Value.(string))
	done, _, err := app.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).UpdateRegistrationFlowBody(body).Execute()
	require.NoError(t, err)
	next := toVerify(t, done.ContinueWith)
	require.Equal(t, p.UI+"/verification?flow="+next.Id, next.GetUrl())

	f, _, err := app.FrontendAPI.GetVerificationFlow(background).Id(next.Id).Execute()
	require.NoError(t, err)
	require.Equal(t, "browser", f.Type)
	_, _, err = sdk(p.Public, nil).FrontendAPI.GetVerificationFlow(background).Id(next.Id).Execute()
	refusal(t, err, http.StatusForbidden)

	answer := byCode(p.mailed("spa@example.org").code(), "")
	answer.UpdateVerificationFlowWithCodeMethod.CsrfToken = client.PtrString(f.Ui.Nodes[0].Attributes.UiNodeInputAttributes.Value.(string))
	require.Equal(t, client.VERIFICATIONFLOWSTATE_PASSED_CHALLENGE, verify(t, app, f.Id, answer).State)
	_, _, err = app.FrontendAPI.ToSession(background).Execute()
	require.NoError(t, err)
}

func TestAdminCourier(t *testing.T) {
	p := start(t, verifying)
	register(t, sdk(p.Public, nil), "one@example.org")
	register(t, sdk(p.Public, nil), "two@example.org")
	api := sdk(p.Admin, nil).CourierAPI
	var list []client.Message
	require.Eventually(t, func() bool {
		var err error
		list, _, err = api.ListCourierMessages(background).Status(client.COURIERMESSAGESTATUS_SENT).Execute()
		return err == nil && len(list) == 2
	}, patience, 50*time.Millisecond)
	require.Equal(t, "two@example.org", list[0].Recipient, "the newest comes first")
	for _, m := range list {
		require.Equal(t, client.COURIERMESSAGETYPE_EMAIL, m.Type)
		require.Equal(t, "verification_code_valid", m.TemplateType)
		require.NotEmpty(t, m.Subject)
		require.Equal(t, int64(1), m.SendCount)
	}
	one, _, err := api.ListCourierMessages(background).Recipient("one@example.org").Execute()
	require.NoError(t, err)
	require.Len(t, one, 1)
	m, _, err := api.GetCourierMessage(background, one[0].Id).Execute()
	require.NoError(t, err)
	require.Equal(t, one[0].Id, m.Id)
	require.Len(t, m.Dispatches, 1)
	require.Equal(t, "success", m.Dispatches[0].Status)

	first, res, err := api.ListCourierMessages(background).PageSize(1).Execute()
	require.NoError(t, err)
	require.Len(t, first, 1)
	token := nextPage.FindStringSubmatch(res.Header.Get("Link"))
	require.NotNil(t, token, "%s", res.Header.Get("Link"))
	second, _, err := api.ListCourierMessages(background).PageSize(1).PageToken(token[1]).Execute()
	require.NoError(t, err)
	require.NotEqual(t, first[0].Id, second[0].Id)

	_, _, err = api.GetCourierMessage(background, nobody).Execute()
	refusal(t, err, http.StatusNotFound)
	_, _, err = sdk(p.Public, nil).CourierAPI.ListCourierMessages(background).Execute()
	require.Equal(t, "route_not_found", refusal(t, err, http.StatusNotFound).GetId(), "the public port knows nothing of administration")
}
