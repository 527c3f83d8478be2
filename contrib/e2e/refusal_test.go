package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/ory/client-go"
	"github.com/stretchr/testify/require"
)

// refusal is an error as the typed client hands it to an application. Where the
// client expects a flow but the refusal is none (a 400 on submit has two
// shapes), its model is empty, and its own type for errors reads the body. Code,
// reason and details are in its model GenericError.
func refusal(t *testing.T, err error, status int) *client.GenericError {
	t.Helper()
	e, ok := whole(t, err)
	require.True(t, ok, "%T: %v", err, err)
	var raw *client.GenericOpenAPIError
	require.ErrorAs(t, err, &raw)
	var fine client.SelfServiceFlowExpiredError
	require.NoError(t, json.Unmarshal(raw.Body(), &fine))
	require.Equal(t, e.Error.GetId(), fine.Error.GetId())
	require.Equal(t, e.Error.GetMessage(), fine.Error.GetMessage())
	require.NotEmpty(t, fine.Error.GetMessage())
	require.NotEmpty(t, fine.Error.GetReason())
	require.NotEmpty(t, fine.Error.GetRequest())
	require.Equal(t, int64(status), fine.Error.GetCode(), "%s", raw.Body())
	require.Equal(t, http.StatusText(status), fine.Error.GetStatus())
	return fine.Error
}

// detail is an entry of an error's details, empty if there is none.
func detail(e *client.GenericError, key string) any {
	details, _ := e.Details.(map[string]any)
	return details[key]
}

func whole(t *testing.T, err error) (*client.ErrorGeneric, bool) {
	t.Helper()
	var raw *client.GenericOpenAPIError
	require.ErrorAs(t, err, &raw)
	if e, ok := raw.Model().(client.ErrorGeneric); ok {
		return &e, true
	}
	require.Nil(t, raw.Model(), "%s", raw.Body())
	var e client.ErrorGeneric
	return &e, json.Unmarshal(raw.Body(), &e) == nil
}

// refusedFlow is the flow that came back from a submit, with what is wrong.
func refusedFlow(t *testing.T, err error) *client.RegistrationFlow {
	t.Helper()
	var raw *client.GenericOpenAPIError
	require.ErrorAs(t, err, &raw)
	flow, ok := raw.Model().(client.RegistrationFlow)
	require.True(t, ok, "%T %s", raw.Model(), raw.Body())
	return &flow
}

func submit(c *client.APIClient, flow string, body client.UpdateRegistrationFlowBody) (*http.Response, error) {
	_, res, err := c.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow).UpdateRegistrationFlowBody(body).Execute()
	return res, err
}

const nobody = "6d7d6a59-5d40-4ac5-9d3b-6ab6ac0b9a3e"

func TestRefusedFields(t *testing.T) {
	p := start(t)
	app := sdk(p.Public, nil)
	flow := open(t, app)
	res, err := submit(app, flow.Id, byPassword(map[string]any{
		"email": "ada", "name": map[string]any{"last": "L"}, "age": 3, "plan": "Gold", "newsletter": "perhaps", "shoe": 42}, "short"))
	require.Equal(t, http.StatusBadRequest, res.StatusCode)
	refused := refusedFlow(t, err)
	require.Equal(t, flow.Id, refused.Id)
	require.Equal(t, "password", refused.GetActive())
	require.Equal(t, []int64{4000040}, said(t, refused, "traits.email"))
	require.Equal(t, []int64{4000002}, said(t, refused, "traits.name.first"))
	require.Empty(t, said(t, refused, "traits.name.last"))
	require.Equal(t, []int64{4000018}, said(t, refused, "traits.age"))
	require.Equal(t, []int64{4000001}, said(t, refused, "traits.plan"))
	require.Equal(t, []int64{4000026}, said(t, refused, "traits.newsletter"))
	require.Contains(t, said(t, refused, "password"), int64(4000032))
	for _, n := range refused.Ui.Nodes {
		for _, m := range n.Messages {
			require.Equal(t, "error", m.Type)
			require.NotEmpty(t, m.Text)
		}
	}
	require.Equal(t, "ada", attributes(t, refused, "traits.email").Value)

	read, _, err := app.FrontendAPI.GetRegistrationFlow(background).Id(flow.Id).Execute()
	require.NoError(t, err)
	require.Equal(t, refused.Ui, read.Ui, "what was refused is still there after a reload")

	_, err = submit(app, flow.Id, byPassword(traits("ada@example.org"), goodPassword))
	require.NoError(t, err)
	_, err = submit(app, flow.Id, byPassword(traits("eve@example.org"), goodPassword))
	require.Equal(t, []int64{4040002}, said(t, refusedFlow(t, err), ""), "a completed flow never acts again")
}

func TestRefusedMethods(t *testing.T) {
	p := start(t)
	app := sdk(p.Public, nil)
	body := byPassword(traits("m@example.org"), goodPassword)
	for _, unknown := range []string{"carrier-pigeon", ""} {
		body.UpdateRegistrationFlowWithPasswordMethod.Method = unknown
		_, err := submit(app, open(t, app).Id, body)
		require.Equal(t, []int64{4010003}, said(t, refusedFlow(t, err), ""), "%q", unknown)
	}
	p.restart(with("selfservice.methods.password.enabled", false))
	_, err := submit(app, open(t, app).Id, byPassword(traits("m@example.org"), goodPassword))
	require.Equal(t, "self_service_method_disabled", refusal(t, err, http.StatusNotFound).GetId())
}

func TestRefusedOpenings(t *testing.T) {
	p := start(t)
	app := sdk(p.Public, nil)
	token := register(t, app, "in@example.org").GetSessionToken()

	t.Run("session_already_available", func(t *testing.T) {
		signedIn := sdk(p.Public, nil, "X-Session-Token", token)
		_, _, err := signedIn.FrontendAPI.CreateNativeRegistrationFlow(background).Execute()
		require.Equal(t, "session_already_available", refusal(t, err, http.StatusBadRequest).GetId())
		_, _, err = signedIn.FrontendAPI.CreateBrowserRegistrationFlow(background).Execute()
		require.Equal(t, "session_already_available", refusal(t, err, http.StatusBadRequest).GetId())
		res, err := submit(signedIn, open(t, app).Id, byPassword(traits("other@example.org"), goodPassword))
		require.Equal(t, "session_already_available", refusal(t, err, http.StatusBadRequest).GetId())
		require.Equal(t, "session_already_available", res.Header.Get("Ory-Error-Id"))
	})
	t.Run("self_service_flow_return_to_forbidden", func(t *testing.T) {
		for _, to := range []string{"https://evil.example/", p.UI + ".evil.example/", "//evil.example"} {
			_, _, err := app.FrontendAPI.CreateNativeRegistrationFlow(background).ReturnTo(to).Execute()
			require.Equal(t, "self_service_flow_return_to_forbidden", refusal(t, err, http.StatusBadRequest).GetId(), to)
			_, _, err = sdk(p.Public, newJar(t)).FrontendAPI.CreateBrowserRegistrationFlow(background).ReturnTo(to).Execute()
			require.Equal(t, "self_service_flow_return_to_forbidden", refusal(t, err, http.StatusBadRequest).GetId(), to)
		}
	})
	t.Run("identity_schema_not_selectable", func(t *testing.T) {
		_, _, err := app.FrontendAPI.CreateNativeRegistrationFlow(background).IdentitySchema("customer").Execute()
		require.Equal(t, "identity_schema_not_selectable", refusal(t, err, http.StatusBadRequest).GetId())
	})
	t.Run("kinds that are not built yet", func(t *testing.T) {
		_, _, err := app.FrontendAPI.CreateNativeLoginFlow(background).Execute()
		require.Equal(t, "self_service_flow_disabled", refusal(t, err, http.StatusBadRequest).GetId())
		_, _, err = app.FrontendAPI.CreateNativeRecoveryFlow(background).Execute()
		require.Equal(t, "self_service_flow_disabled", refusal(t, err, http.StatusBadRequest).GetId())
		_, _, err = app.FrontendAPI.CreateNativeVerificationFlow(background).Execute()
		require.Equal(t, "self_service_flow_disabled", refusal(t, err, http.StatusBadRequest).GetId())
	})
	t.Run("self_service_flow_disabled", func(t *testing.T) {
		p.restart(with("selfservice.flows.registration.enabled", false))
		_, _, err := app.FrontendAPI.CreateNativeRegistrationFlow(background).Execute()
		require.Equal(t, "self_service_flow_disabled", refusal(t, err, http.StatusBadRequest).GetId())
		_, _, err = app.FrontendAPI.GetRegistrationFlow(background).Id(nobody).Execute()
		require.Equal(t, "self_service_flow_disabled", refusal(t, err, http.StatusBadRequest).GetId())
	})
}

func TestRefusedCallers(t *testing.T) {
	p := start(t)
	app, browser := sdk(p.Public, nil), sdk(p.Public, newJar(t))
	flow, _, err := browser.FrontendAPI.CreateBrowserRegistrationFlow(background).Execute()
	require.NoError(t, err)
	csrf := attributes(t, flow, "csrf_token").Value.(string)
	body := func(token string) client.UpdateRegistrationFlowBody {
		b := byPassword(traits("caller@example.org"), goodPassword)
		if token != "" {
			b.UpdateRegistrationFlowWithPasswordMethod.CsrfToken = &token
		}
		return b
	}
	forbidden := func(t *testing.T, err error) {
		t.Helper()
		e := refusal(t, err, http.StatusForbidden)
		require.Equal(t, "security_csrf_violation", e.GetId())
		require.NotEmpty(t, detail(e, "reject_reason"))
		require.NotEmpty(t, detail(e, "hint"))
	}
	t.Run("another browser's flow", func(t *testing.T) {
		other := sdk(p.Public, newJar(t))
		_, _, err := other.FrontendAPI.CreateBrowserRegistrationFlow(background).Execute()
		require.NoError(t, err)
		_, _, err = other.FrontendAPI.GetRegistrationFlow(background).Id(flow.Id).Execute()
		forbidden(t, err)
		_, err = submit(other, flow.Id, body(csrf))
		forbidden(t, err)
	})
	t.Run("no cookies", func(t *testing.T) {
		_, _, err := app.FrontendAPI.GetRegistrationFlow(background).Id(flow.Id).Execute()
		forbidden(t, err)
		_, err = submit(app, flow.Id, body(csrf))
		forbidden(t, err)
	})
	t.Run("no token, or not ours", func(t *testing.T) {
		for _, token := range []string{"", "x", strings.Repeat("A", len(csrf))} {
			_, err := submit(browser, flow.Id, body(token))
			forbidden(t, err)
		}
	})
	t.Run("a browser on a native flow", func(t *testing.T) {
		_, err := submit(browser, open(t, app).Id, body(""))
		require.Equal(t, "security_native_flow_cookie", refusal(t, err, http.StatusBadRequest).GetId())
		_, err = submit(sdk(p.Public, nil, "Origin", p.UI), open(t, app).Id, body(""))
		require.Equal(t, "security_native_flow_origin", refusal(t, err, http.StatusBadRequest).GetId())
	})
	t.Run("no flow, or one of another kind", func(t *testing.T) {
		_, _, err := app.FrontendAPI.GetRegistrationFlow(background).Id(nobody).Execute()
		require.Equal(t, "self_service_flow_not_found", refusal(t, err, http.StatusNotFound).GetId())
		_, err = submit(app, nobody, body(""))
		require.Equal(t, "self_service_flow_not_found", refusal(t, err, http.StatusNotFound).GetId())
		_, _, err = app.FrontendAPI.GetRegistrationFlow(background).Id("seven").Execute()
		require.Equal(t, "flow_id_invalid", refusal(t, err, http.StatusBadRequest).GetId())
	})
	t.Run("nobody", func(t *testing.T) {
		for _, token := range []string{"", "ory_st_" + strings.Repeat("a", 32)} {
			_, _, err := app.FrontendAPI.ToSession(background).XSessionToken(token).Execute()
			require.Equal(t, "session_inactive", refusal(t, err, http.StatusUnauthorized).GetId())
		}
	})
	t.Run("too much", func(t *testing.T) {
		b := body("")
		b.UpdateRegistrationFlowWithPasswordMethod.TransientPayload = map[string]any{"padding": strings.Repeat("x", 1<<20)}
		_, err := submit(app, open(t, app).Id, b)
		require.Equal(t, "body_too_large", refusal(t, err, http.StatusRequestEntityTooLarge).GetId())
		big := traits("big@example.org")
		big["name"] = map[string]any{"first": "A", "last": strings.Repeat("x", 64<<10)}
		_, err = submit(app, open(t, app).Id, byPassword(big, goodPassword))
		require.Equal(t, "traits_too_large", refusal(t, err, http.StatusRequestEntityTooLarge).GetId())
	})
	all, _, err := sdk(p.Admin, nil).IdentityAPI.ListIdentities(background).Execute()
	require.NoError(t, err)
	require.Empty(t, all, "nothing of this made anybody")
	_, err = submit(browser, flow.Id, body(csrf))
	require.NoError(t, err, "and the flow is as good as before")
}

func TestRefusedBodies(t *testing.T) {
	p := start(t)
	app := sdk(p.Public, nil)
	for name, post := range map[string]struct{ kind, body, id string }{
		"content type":  {"text/plain", "method=password", "content_type_unsupported"},
		"empty":         {"application/json", "", "body_empty"},
		"broken":        {"application/json", `{"method":`, "json_invalid"},
		"twice":         {"application/json", `{"method":"password","method":"code"}`, "json_duplicate_key"},
		"deep":          {"application/json", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "json_too_deep"},
		"invalid UTF-8": {"application/json", "{\"method\":\"\xff\"}", "json_utf8_invalid"},
		"NUL":           {"application/json", `{"method":"\u0000"}`, "json_nul"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, open(t, app).Ui.Action, strings.NewReader(post.body))
			require.NoError(t, err)
			req.Header.Set("Content-Type", post.kind)
			req.Header.Set("Accept", "application/json")
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer func() { _ = res.Body.Close() }()
			var e client.ErrorGeneric
			require.NoError(t, json.NewDecoder(res.Body).Decode(&e))
			require.Equal(t, http.StatusBadRequest, res.StatusCode)
			require.Equal(t, post.id, e.Error.GetId())
			require.NotEmpty(t, e.Error.GetMessage())
		})
	}
}

func TestExpiredFlow(t *testing.T) {
	p := start(t, with("selfservice.flows.registration.lifespan", "1s"))
	app, browser := sdk(p.Public, nil), sdk(p.Public, newJar(t))
	flow := open(t, app)
	inBrowser, _, err := browser.FrontendAPI.CreateBrowserRegistrationFlow(background).ReturnTo(p.UI + "/after").Execute()
	require.NoError(t, err)
	require.Eventually(t, func() bool { return time.Now().After(inBrowser.ExpiresAt) }, 5*time.Second, 20*time.Millisecond)
	p.restart(with("selfservice.flows.registration.lifespan", "1h"))

	t.Run("read", func(t *testing.T) {
		_, _, err := app.FrontendAPI.GetRegistrationFlow(background).Id(flow.Id).Execute()
		e := refusal(t, err, http.StatusGone)
		require.Equal(t, "self_service_flow_expired", e.GetId())
		require.Equal(t, p.Public+"/self-service/registration/api", detail(e, "api"))
		_, _, err = browser.FrontendAPI.GetRegistrationFlow(background).Id(inBrowser.Id).Execute()
		e = refusal(t, err, http.StatusGone)
		require.Equal(t, p.UI+"/after", detail(e, "return_to"))
	})
	t.Run("submit", func(t *testing.T) {
		_, err := submit(app, flow.Id, byPassword(traits("late@example.org"), "short"))
		require.Equal(t, "self_service_flow_expired", refusal(t, err, http.StatusGone).GetId())
		var raw *client.GenericOpenAPIError
		require.ErrorAs(t, err, &raw)
		var expired client.SelfServiceFlowExpiredError
		require.NoError(t, json.Unmarshal(raw.Body(), &expired))
		require.Equal(t, "self_service_flow_expired", expired.Error.GetId())
		require.True(t, flow.ExpiresAt.Equal(expired.GetExpiredAt()))
		require.Positive(t, expired.GetSince())
		generic, ok := whole(t, err)
		require.True(t, ok)
		require.Equal(t, expired.GetUseFlowId(), generic.AdditionalProperties["use_flow_id"])

		next, _, err := app.FrontendAPI.GetRegistrationFlow(background).Id(expired.GetUseFlowId()).Execute()
		require.NoError(t, err)
		require.Equal(t, []int64{4040001}, said(t, next, ""))
		require.Equal(t, "late@example.org", attributes(t, next, "traits.email").Value)
		require.Nil(t, attributes(t, next, "password").Value)
		_, err = submit(app, next.Id, byPassword(traits("late@example.org"), goodPassword))
		require.NoError(t, err)
	})
}

// With one hash at a time and no patience, some of many get 503, and every flow
// can be used again.
func TestOverloaded(t *testing.T) {
	p := start(t, with("hashers.argon2.memory", "64MB"), with("hashers.argon2.iterations", 2),
		with("hashers.argon2.dedicated_memory", "70MB"), with("hashers.max_wait", "1ms"))
	app := sdk(p.Public, nil)
	type person struct{ flow, email string }
	var turnedAway []person
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 12 {
		who := person{open(t, app).Id, string(rune('a'+i)) + "@example.org"}
		wg.Go(func() {
			res, err := submit(app, who.flow, byPassword(traits(who.email), goodPassword))
			if err == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			turnedAway = append(turnedAway, who)
			if e, ok := whole(t, err); !ok || e.Error.GetId() != "overloaded" || res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	require.NotEmpty(t, turnedAway)
	require.Less(t, len(turnedAway), 12)
	for _, who := range turnedAway {
		_, err := submit(app, who.flow, byPassword(traits(who.email), goodPassword))
		require.NoError(t, err)
	}
	all, _, err := sdk(p.Admin, nil).IdentityAPI.ListIdentities(background).Execute()
	require.NoError(t, err)
	require.Len(t, all, 12)
}

func TestStoredError(t *testing.T) {
	p := start(t)
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequest(http.MethodGet, p.Public+"/self-service/registration/browser?return_to=https://evil.example/", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "text/html")
	res, err := c.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusSeeOther, res.StatusCode)
	to, err := res.Location()
	require.NoError(t, err)
	require.Equal(t, p.UI+"/error", to.Scheme+"://"+to.Host+to.Path)

	api := sdk(p.Public, nil).FrontendAPI
	kept, _, err := api.GetFlowError(background).Id(to.Query().Get("id")).Execute()
	require.NoError(t, err)
	require.Equal(t, to.Query().Get("id"), kept.Id)
	require.Equal(t, "self_service_flow_return_to_forbidden", kept.Error["id"])
	require.Equal(t, float64(http.StatusBadRequest), kept.Error["code"])
	_, _, err = api.GetFlowError(background).Id(nobody).Execute()
	require.Equal(t, "self_service_error_not_found", refusal(t, err, http.StatusNotFound).GetId())
	stub, _, err := api.GetFlowError(background).Id("stub:500").Execute()
	require.NoError(t, err)
	require.Equal(t, float64(http.StatusInternalServerError), stub.Error["code"])
}

func TestRefusedAdministrators(t *testing.T) {
	p := start(t)
	api := sdk(p.Admin, nil).IdentityAPI
	create := func(change func(*client.CreateIdentityBody)) error {
		body := client.NewCreateIdentityBody("person", traits("admin@example.org"))
		change(body)
		_, _, err := api.CreateIdentity(background).CreateIdentityBody(*body).Execute()
		return err
	}
	require.NoError(t, create(func(*client.CreateIdentityBody) {}))
	require.Equal(t, "identity_exists", refusal(t, create(func(*client.CreateIdentityBody) {}), http.StatusConflict).GetId())
	e := refusal(t, create(func(b *client.CreateIdentityBody) { b.Traits["email"] = "no address" }), http.StatusBadRequest)
	require.Equal(t, "traits_invalid", e.GetId())
	require.NotEmpty(t, detail(e, "violations"))
	require.Equal(t, "identity_schema_unknown", refusal(t, create(func(b *client.CreateIdentityBody) { b.SchemaId = "ghost" }), http.StatusBadRequest).GetId())
	require.Equal(t, "state_invalid", refusal(t, create(func(b *client.CreateIdentityBody) { b.State = client.PtrString("asleep") }), http.StatusBadRequest).GetId())
	require.Equal(t, "field_unknown", refusal(t, create(func(b *client.CreateIdentityBody) {
		b.AdditionalProperties = map[string]any{"nickname": "x"}
	}), http.StatusBadRequest).GetId())
	require.Equal(t, "password_hash_unsupported", refusal(t, create(func(b *client.CreateIdentityBody) {
		b.Credentials = &client.IdentityWithCredentials{Password: &client.IdentityWithCredentialsPassword{
			Config: &client.IdentityWithCredentialsPasswordConfig{HashedPassword: client.PtrString("plain")}}}
	}), http.StatusBadRequest).GetId())
	_, _, err := api.GetIdentity(background, nobody).Execute()
	require.Equal(t, "identity_not_found", refusal(t, err, http.StatusNotFound).GetId())
	_, _, err = api.ListIdentities(background).PageSize(501).Execute()
	require.Equal(t, "page_size_invalid", refusal(t, err, http.StatusBadRequest).GetId())
	_, _, err = api.ListIdentities(background).PageToken("nonsense").Execute()
	require.Equal(t, "page_token_invalid", refusal(t, err, http.StatusBadRequest).GetId())
	_, _, err = sdk(p.Public, nil).IdentityAPI.ListIdentities(background).Execute()
	require.Equal(t, "route_not_found", refusal(t, err, http.StatusNotFound).GetId(), "the public port knows nothing of administration")
}
