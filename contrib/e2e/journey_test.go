package e2e_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"testing"

	client "github.com/ory/client-go"
	"github.com/stretchr/testify/require"
)

const goodPassword = "tide pool, seven herons"

func traits(email string) map[string]any {
	return map[string]any{"email": email, "name": map[string]any{"first": "Ada"}}
}

func byPassword(t map[string]any, password string) client.UpdateRegistrationFlowBody {
	return client.UpdateRegistrationFlowWithPasswordMethodAsUpdateRegistrationFlowBody(
		client.NewUpdateRegistrationFlowWithPasswordMethod("password", password, t))
}

// open starts a native registration.
func open(t *testing.T, c *client.APIClient) *client.RegistrationFlow {
	t.Helper()
	flow, _, err := c.FrontendAPI.CreateNativeRegistrationFlow(background).Execute()
	require.NoError(t, err)
	return flow
}

// register takes a native registration to its end.
func register(t *testing.T, c *client.APIClient, email string) *client.SuccessfulNativeRegistration {
	t.Helper()
	done, _, err := c.FrontendAPI.UpdateRegistrationFlow(background).Flow(open(t, c).Id).
		UpdateRegistrationFlowBody(byPassword(traits(email), goodPassword)).Execute()
	require.NoError(t, err)
	return done
}

// attributes is the typed attributes of the field of that name.
func attributes(t *testing.T, flow *client.RegistrationFlow, name string) *client.UiNodeInputAttributes {
	t.Helper()
	return node(t, flow, name).Attributes.UiNodeInputAttributes
}

func node(t *testing.T, flow *client.RegistrationFlow, name string) client.UiNode {
	t.Helper()
	for _, n := range flow.Ui.Nodes {
		if a := n.Attributes.UiNodeInputAttributes; a != nil && a.Name == name {
			return n
		}
	}
	require.Fail(t, "no node "+name)
	return client.UiNode{}
}

// said lists the ids of the messages on a field, or on the form for "".
func said(t *testing.T, flow *client.RegistrationFlow, name string) []int64 {
	t.Helper()
	messages := flow.Ui.Messages
	if name != "" {
		messages = node(t, flow, name).Messages
	}
	ids := []int64{}
	for _, m := range messages {
		ids = append(ids, m.Id)
	}
	return ids
}

func TestRegisterNative(t *testing.T) {
	p := start(t)
	app := sdk(p.Public, nil)

	flow := open(t, app)
	require.Equal(t, "api", flow.Type)
	require.Equal(t, client.REGISTRATIONFLOWSTATE_CHOOSE_METHOD, flow.State)
	require.Equal(t, p.Public+"/self-service/registration?flow="+flow.Id, flow.Ui.Action)
	require.Equal(t, "email", attributes(t, flow, "traits.email").Type)
	require.True(t, attributes(t, flow, "traits.name.first").GetRequired())
	require.Empty(t, attributes(t, flow, "csrf_token").Value, "a client without cookies has no use for a token")

	read, _, err := app.FrontendAPI.GetRegistrationFlow(background).Id(flow.Id).Execute()
	require.NoError(t, err)
	require.Equal(t, flow.Ui, read.Ui)
	require.True(t, flow.ExpiresAt.Equal(read.ExpiresAt))

	done, res, err := app.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).
		UpdateRegistrationFlowBody(byPassword(traits("Ada@Example.org"), goodPassword)).Execute()
	require.NoError(t, err)
	require.Empty(t, res.Cookies())
	require.Regexp(t, `^ory_st_[A-Za-z0-9]{32}$`, done.GetSessionToken())
	require.Equal(t, traits("Ada@Example.org"), done.Identity.Traits)
	require.Equal(t, p.Public+"/schemas/person", done.Identity.SchemaUrl)
	require.Len(t, done.Identity.VerifiableAddresses, 1)
	require.Equal(t, "Ada@Example.org", done.Identity.VerifiableAddresses[0].Value, "mail goes to the spelling typed")
	require.False(t, done.Identity.VerifiableAddresses[0].Verified)
	require.Len(t, done.Identity.RecoveryAddresses, 1)
	require.Nil(t, done.Identity.Credentials)
	require.Len(t, done.ContinueWith, 1)
	require.Equal(t, done.GetSessionToken(), done.ContinueWith[0].ContinueWithSetOrySessionToken.OrySessionToken)

	t.Run("by session token", func(t *testing.T) {
		me, res, err := app.FrontendAPI.ToSession(background).XSessionToken(done.GetSessionToken()).Execute()
		require.NoError(t, err)
		require.Equal(t, done.Session.Id, me.Id)
		require.True(t, me.GetActive())
		require.Equal(t, done.Identity.Id, me.Identity.Id)
		require.Equal(t, done.Identity.Id, res.Header.Get("X-Kratos-Authenticated-Identity-Id"))
		require.Equal(t, "password", me.AuthenticationMethods[0].GetMethod())
		require.Len(t, me.Devices, 1)
	})
	t.Run("by bearer", func(t *testing.T) {
		me, _, err := sdk(p.Public, nil, "Authorization", "Bearer "+done.GetSessionToken()).FrontendAPI.ToSession(background).Execute()
		require.NoError(t, err)
		require.Equal(t, done.Session.Id, me.Id)
	})
	t.Run("the same submit once more gets the same outcome", func(t *testing.T) {
		again, _, err := app.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).
			UpdateRegistrationFlowBody(byPassword(traits("Ada@Example.org"), goodPassword)).Execute()
		require.NoError(t, err)
		require.Equal(t, done.Identity.Id, again.Identity.Id)
		require.Equal(t, done.Session.Id, again.Session.Id)
		_, _, err = app.FrontendAPI.ToSession(background).XSessionToken(again.GetSessionToken()).Execute()
		require.NoError(t, err)
		all, _, err := sdk(p.Admin, nil).IdentityAPI.ListIdentities(background).Execute()
		require.NoError(t, err)
		require.Len(t, all, 1)
	})
}

// A single-page app: the typed client with a browser's cookies.
func TestRegisterInBrowserByJSON(t *testing.T) {
	p := start(t)
	jar := newJar(t)
	app := sdk(p.Public, jar)
	flow, _, err := app.FrontendAPI.CreateBrowserRegistrationFlow(background).ReturnTo(p.UI + "/after").Execute()
	require.NoError(t, err)
	require.Equal(t, "browser", flow.Type)
	require.Equal(t, p.UI+"/after", flow.GetReturnTo())
	read, _, err := app.FrontendAPI.GetRegistrationFlow(background).Id(flow.Id).Execute()
	require.NoError(t, err)
	token, ok := attributes(t, read, "csrf_token").Value.(string)
	require.True(t, ok)
	require.NotEmpty(t, token)

	body := byPassword(traits("spa@example.org"), goodPassword)
	body.UpdateRegistrationFlowWithPasswordMethod.CsrfToken = &token
	done, _, err := app.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).UpdateRegistrationFlowBody(body).Execute()
	require.NoError(t, err)
	require.Nil(t, done.SessionToken, "a browser's session is in its cookie alone")
	require.NotNil(t, done.Session)
	require.Len(t, done.ContinueWith, 1)
	require.Equal(t, p.UI+"/after", done.ContinueWith[0].ContinueWithRedirectBrowserTo.RedirectBrowserTo)

	me, _, err := app.FrontendAPI.ToSession(background).Execute()
	require.NoError(t, err)
	require.Equal(t, done.Session.Id, me.Id)

	// A server in between hands on what its visitor's browser sent.
	me, _, err = sdk(p.Public, nil).FrontendAPI.ToSession(background).Cookie(cookieHeader(t, jar, p.Public)).Execute()
	require.NoError(t, err)
	require.Equal(t, done.Session.Id, me.Id)
}

func cookieHeader(t *testing.T, jar http.CookieJar, base string) string {
	t.Helper()
	u, err := url.Parse(base)
	require.NoError(t, err)
	text := ""
	for _, c := range jar.(*cookiejar.Jar).Cookies(u) {
		text += c.Name + "=" + c.Value + "; "
	}
	return text
}

func TestSchemas(t *testing.T) {
	p := start(t)
	for _, base := range []string{p.Public, p.Admin} {
		api := sdk(base, nil).IdentityAPI
		list, _, err := api.ListIdentitySchemas(background).Execute()
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, "person", list[0].Id)
		one, _, err := api.GetIdentitySchema(background, "person").Execute()
		require.NoError(t, err)
		require.Equal(t, list[0].Schema, one)
		require.Equal(t, "Person", one["title"])
		_, _, err = api.GetIdentitySchema(background, "nobody").Execute()
		require.Equal(t, "schema_not_found", refusal(t, err, http.StatusNotFound).GetId())
	}
}

func TestMetadata(t *testing.T) {
	p := start(t)
	// The client has no call for health, since load balancers ask for it.
	for _, base := range []string{p.Public, p.Admin} {
		for _, path := range []string{"/health/alive", "/health/ready"} {
			res, err := http.Get(base + path)
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Equal(t, http.StatusOK, res.StatusCode)
			require.JSONEq(t, `{"status":"ok"}`, string(body))
		}
	}
	version, _, err := sdk(p.Admin, nil).MetadataAPI.GetVersion(background).Execute()
	require.NoError(t, err)
	require.NotEmpty(t, version.Version)
	_, res, err := sdk(p.Public, nil).MetadataAPI.GetVersion(background).Execute()
	require.Error(t, err, "the version is for operators")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
}

// nextPage finds the token of the next page as Ory's own documentation does.
var nextPage = regexp.MustCompile(`<[^>]*[?&]page_token=([^&>]*)[^>]*>; rel="next"`)

func TestAdminIdentities(t *testing.T) {
	p := start(t)
	api := sdk(p.Admin, nil).IdentityAPI
	made := map[string]bool{}
	create := func(email string, password *client.IdentityWithCredentialsPasswordConfig) *client.Identity {
		body := client.NewCreateIdentityBody("person", traits(email))
		if password != nil {
			body.Credentials = &client.IdentityWithCredentials{Password: &client.IdentityWithCredentialsPassword{Config: password}}
		}
		i, res, err := api.CreateIdentity(background).CreateIdentityBody(*body).Execute()
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, res.StatusCode)
		require.Equal(t, p.Admin+"/identities/"+i.Id, res.Header.Get("Location"))
		made[i.Id] = true
		return i
	}
	bare := create("bare@example.org", nil)
	require.Empty(t, bare.GetCredentials())
	plain := create("plain@example.org", &client.IdentityWithCredentialsPasswordConfig{Password: client.PtrString(goodPassword)})
	hashed := create("hashed@example.org", &client.IdentityWithCredentialsPasswordConfig{
		HashedPassword: client.PtrString("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy")})
	for _, email := range []string{"d@example.org", "e@example.org"} {
		create(email, nil)
	}

	t.Run("get", func(t *testing.T) {
		for _, want := range []*client.Identity{plain, hashed} {
			got, _, err := api.GetIdentity(background, want.Id).Execute()
			require.NoError(t, err)
			require.Equal(t, want.Traits, got.Traits)
			password := got.GetCredentials()["password"]
			require.Equal(t, []string{want.Traits.(map[string]any)["email"].(string)}, password.Identifiers)
			require.Empty(t, password.Config, "a hash leaves only when asked for")
		}
	})
	t.Run("pages", func(t *testing.T) {
		seen, token, pages := map[string]bool{}, "", 0
		for {
			list := api.ListIdentities(background).PageSize(2)
			if token != "" {
				list = list.PageToken(token)
			}
			found, res, err := list.Execute()
			require.NoError(t, err)
			require.LessOrEqual(t, len(found), 2)
			for _, i := range found {
				require.False(t, seen[i.Id], "an identity is on one page only")
				seen[i.Id] = true
			}
			pages++
			next := nextPage.FindStringSubmatch(res.Header.Get("Link"))
			if next == nil {
				break
			}
			token = next[1]
		}
		require.Equal(t, 3, pages)
		require.Equal(t, made, seen)
	})
	t.Run("by identifier", func(t *testing.T) {
		found, _, err := api.ListIdentities(background).CredentialsIdentifier(" PLAIN@example.org ").Execute()
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, plain.Id, found[0].Id)
	})
	t.Run("a made identity keeps its address", func(t *testing.T) {
		app := sdk(p.Public, nil)
		_, _, err := app.FrontendAPI.UpdateRegistrationFlow(background).Flow(open(t, app).Id).
			UpdateRegistrationFlowBody(byPassword(traits("plain@example.org"), goodPassword)).Execute()
		require.Equal(t, []int64{4000007}, said(t, refusedFlow(t, err), ""))
	})
	t.Run("delete", func(t *testing.T) {
		done := register(t, sdk(p.Public, nil), "gone@example.org")
		_, err := api.DeleteIdentity(background, done.Identity.Id).Execute()
		require.NoError(t, err)
		_, _, err = api.GetIdentity(background, done.Identity.Id).Execute()
		require.Equal(t, "identity_not_found", refusal(t, err, http.StatusNotFound).GetId())
		_, err = api.DeleteIdentity(background, done.Identity.Id).Execute()
		require.Equal(t, "identity_not_found", refusal(t, err, http.StatusNotFound).GetId())
		_, _, err = sdk(p.Public, nil).FrontendAPI.ToSession(background).XSessionToken(done.GetSessionToken()).Execute()
		require.Equal(t, "session_inactive", refusal(t, err, http.StatusUnauthorized).GetId(), "sessions go with the identity")
		register(t, sdk(p.Public, nil), "gone@example.org")
	})
}

// Every kind of field the schema can ask for decodes as the typed node it is.
func TestEveryKindOfField(t *testing.T) {
	p := start(t, withSchema("everything.schema.json"))
	app := sdk(p.Public, nil)
	flow := open(t, app)
	types := map[string]string{}
	for _, n := range flow.Ui.Nodes {
		require.Equal(t, "input", n.Type)
		a := n.Attributes.UiNodeInputAttributes
		require.NotNil(t, a)
		require.Equal(t, "input", a.NodeType)
		require.Empty(t, a.AdditionalProperties, "%s: the client knows all there is", a.Name)
		require.Empty(t, n.AdditionalProperties)
		require.NotNil(t, n.Messages)
		types[a.Name] = a.Type
	}
	require.Equal(t, []string{"foyer"}, slices.Collect(maps.Keys(flow.AdditionalProperties)), "what goes beyond the protocol")
	require.Empty(t, flow.Ui.AdditionalProperties)
	require.Equal(t, map[string]string{
		"csrf_token": "hidden", "password": "password", "method": "submit",
		"traits.username": "text", "traits.text": "text", "traits.mail": "email", "traits.phone": "tel", "traits.day": "date",
		"traits.moment": "datetime-local", "traits.site": "url", "traits.count": "number", "traits.share": "number",
		"traits.agreed": "checkbox", "traits.colour": "text", "traits.floor": "number", "traits.tags": "text", "traits.maybe": "text",
		"traits.deep.er.est": "text",
	}, types)
	require.Equal(t, "^[a-z]+$", attributes(t, flow, "traits.username").GetPattern())
	var options []any
	for _, o := range attributes(t, flow, "traits.floor").Options {
		options = append(options, o.Value)
	}
	require.Equal(t, []any{float64(1), float64(2)}, options)

	full := map[string]any{
		"username": "ada", "text": "t", "mail": "a@example.org", "phone": "+4930901820", "day": "2026-11-22", "moment": "2026-11-22T10:00:00Z",
		"site": "https://example.org/", "count": 3, "share": 0.5, "agreed": true, "colour": "red", "floor": 2, "tags": []string{"x", "y"},
		"maybe": nil, "deep": map[string]any{"er": map[string]any{"est": "d"}},
	}
	t.Run("refused values come back typed", func(t *testing.T) {
		_, _, err := app.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).UpdateRegistrationFlowBody(byPassword(full, "x")).Execute()
		refused := refusedFlow(t, err)
		require.Contains(t, said(t, refused, "password"), int64(4000032))
		require.Equal(t, float64(3), attributes(t, refused, "traits.count").Value)
		require.Equal(t, true, attributes(t, refused, "traits.agreed").Value)
		require.Equal(t, "d", attributes(t, refused, "traits.deep.er.est").Value)
		require.Nil(t, attributes(t, refused, "password").Value)
	})
	done, _, err := app.FrontendAPI.UpdateRegistrationFlow(background).Flow(flow.Id).UpdateRegistrationFlowBody(byPassword(full, goodPassword)).Execute()
	require.NoError(t, err)
	require.Equal(t, 0.5, done.Identity.Traits.(map[string]any)["share"])
	require.Equal(t, []any{"x", "y"}, done.Identity.Traits.(map[string]any)["tags"])
}
