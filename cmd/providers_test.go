package cmd_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/opsim"
)

// theirs starts a provider and a program that knows it as "op".
func theirs(t *testing.T, settings map[string]any, options ...enginetest.Option) (*enginetest.Env, *opsim.Provider) {
	op, err := opsim.Start(opsim.Config{})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	return enginetest.New(t, append([]enginetest.Option{enginetest.WithProvider("op", op, settings), enginetest.WithJsonnet()}, options...)...), op
}

var byOp = enginetest.Values{"provider": "op"}

// sentTo is where a browser is sent that registers by the provider.
func sentTo(t *testing.T, c *enginetest.Client, v enginetest.Values) url.Values {
	to, err := url.Parse(c.Submit(c.Open(""), v).Elsewhere())
	require.NoError(t, err)
	return to.Query()
}

func TestWhatIsConfiguredOfAProviderIsSent(t *testing.T) {
	env, _ := theirs(t, map[string]any{
		"label": "The Other Side", "scope": []string{"email", "groups"}, "requested_claims": map[string]any{"id_token": map[string]any{"email": nil}},
	})
	c := env.SPA()
	require.Contains(t, string(c.Get("/self-service/registration/browser").Body), "The Other Side")
	q := sentTo(t, c, byOp.With("upstream_parameters", map[string]any{"hd": "example.com", "login_hint": "ada", "redirect_uri": "https://evil.example"}))
	require.Equal(t, env.PublicURL+"/self-service/methods/oidc/callback/op", q.Get("redirect_uri"))
	require.ElementsMatch(t, []string{"openid", "email", "groups"}, strings.Fields(q.Get("scope")))
	require.JSONEq(t, `{"id_token":{"email":null}}`, q.Get("claims"))
	require.Equal(t, "example.com", q.Get("hd"))
	require.Equal(t, "S256", q.Get("code_challenge_method"))
	require.Empty(t, q["login_hint"])

	env, _ = theirs(t, map[string]any{"pkce": "force", "upstream_parameters": []string{}, "auth_url": "https://op.example.com/elsewhere"},
		enginetest.With("selfservice.methods.oidc.config.base_redirect_uri", "http://127.0.0.1:4000/auth/"))
	c = env.SPA()
	to := c.Submit(c.Open(""), byOp.With("upstream_parameters", map[string]any{"hd": "example.com"})).Elsewhere()
	require.True(t, strings.HasPrefix(to, "https://op.example.com/elsewhere?"), to)
	require.NotContains(t, to, "hd=")
	require.Contains(t, to, "redirect_uri="+url.QueryEscape("http://127.0.0.1:4000/auth/self-service/methods/oidc/callback")+"&")

	env, _ = theirs(t, map[string]any{"pkce": "never"})
	require.Empty(t, sentTo(t, env.SPA(), byOp)["code_challenge"])
}

// A mapper decides who somebody is, and may do so again when they come back.
func TestMapperAndAuthorityAreInEffect(t *testing.T) {
	const source = `
		local claims = std.extVar('claims'); local before = std.extVar('identity');
		{identity: {
			traits: {email: claims.email, name: {first: claims.given_name}},
			metadata_public: {again: before != null}, verified_addresses: [{via: 'email', value: claims.email}],
		}}`
	for domain, verified := range map[string]string{"example.com": `"verified":true`, "example.org": `"verified":false`} {
		env, op := theirs(t, map[string]any{
			"mapping": nil, "mapper_url": "base64://" + base64.StdEncoding.EncodeToString([]byte(source)),
			"authoritative_for": []string{domain}, "update_identity_on_login": "automatic",
		})
		c := env.Browser()
		c.Visit(op, c.Submit(c.Open(""), byOp))
		require.True(t, c.SignedIn())
		who := string(c.Whoami("").Body)
		require.Contains(t, who, `"first":"Ada"`)
		require.Contains(t, who, `"again":false`)
		require.Contains(t, who, verified, domain)

		ada := opsim.Person{"sub": "ada", "email": "ada@example.com", "email_verified": true, "given_name": "Augusta"}
		op.SetPerson(ada)
		again := env.Browser()
		again.Visit(op, again.Submit(again.OpenKind("login", ""), byOp))
		who = string(again.Whoami("").Body)
		require.Contains(t, who, `"first":"Augusta"`)
		require.Contains(t, who, `"again":true`)
		require.Equal(t, 1, env.Identities())
	}
}

// Tokens are kept where that is asked for, sealed, and leave by no door.
func TestTokensOfProviders(t *testing.T) {
	for _, kept := range []bool{false, true} {
		env, op := theirs(t, map[string]any{"claims_source": "userinfo"}, enginetest.With("selfservice.methods.oidc.config.store_tokens", kept))
		c := env.Browser()
		c.Visit(op, c.Submit(c.Open(""), byOp))
		require.True(t, c.SignedIn())
		rows := strings.Join(env.Rows()["credentials"], "\n")
		require.Equal(t, kept, strings.Contains(rows, "tokens"), rows)
		all := string(env.Admin(http.MethodGet, "/admin/identities", nil).Body)
		id := c.Whoami("").JSON()["identity"].(map[string]any)["id"].(string)
		one := string(env.Admin(http.MethodGet, "/admin/identities/"+id, nil).Body)
		require.Contains(t, one, `"op:ada"`)
		seen := 0
		for _, r := range op.Requests(opsim.UserInfo) {
			access := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			require.NotEmpty(t, access)
			seen++
			for _, raw := range env.Files() {
				require.NotContains(t, string(raw), access)
			}
			require.NotContains(t, env.Logs.String(), access)
		}
		require.NotZero(t, seen)
		for _, answer := range []string{all, one, string(c.Whoami("").Body)} {
			require.NotContains(t, answer, "tokens\"")
		}
		require.NotContains(t, env.Logs.String(), opsim.ClientSecret)
	}
}

// What follows a sign-up, a sign-in and a change by a provider is of its own.
func TestHooksAfterAProviderRun(t *testing.T) {
	env, op := theirs(t, nil,
		enginetest.With("selfservice.flows.registration.after.oidc.default_browser_return_url", "http://127.0.0.1:4455/welcome"),
		enginetest.With("selfservice.flows.login.after.oidc", map[string]any{
			"default_browser_return_url": "http://127.0.0.1:4455/back", "hooks": []map[string]any{{"hook": "revoke_active_sessions"}},
		}),
		enginetest.With("selfservice.flows.settings.after.oidc", map[string]any{
			"default_browser_return_url": "http://127.0.0.1:4455/linked", "hooks": []map[string]any{{"hook": "revoke_active_sessions"}},
		}))
	first, second := env.Browser(), env.Browser()
	a := first.Visit(op, first.Submit(first.Open(""), byOp))
	require.Equal(t, "http://127.0.0.1:4455/welcome", a.Location().String())
	require.True(t, first.SignedIn())
	a = second.Visit(op, second.Submit(second.OpenKind("login", ""), byOp))
	require.Equal(t, "http://127.0.0.1:4455/back", a.Location().String())
	require.True(t, second.SignedIn())
	require.False(t, first.SignedIn(), "the sign-in ended it")

	op.SetPerson(opsim.Eve)
	first, second = env.Browser(), env.Browser()
	first.SignUp(enginetest.Person("bob@example.org"))
	second.SignIn("", enginetest.Credentials("bob@example.org"))
	require.True(t, first.SignedIn() && second.SignedIn())
	a = second.Visit(op, second.Submit(second.OpenKind("settings", ""), enginetest.Values{"link": "op"}))
	require.Equal(t, "http://127.0.0.1:4455/linked", a.Location().String())
	require.True(t, second.SignedIn())
	require.False(t, first.SignedIn(), "linking ended it")
	require.Contains(t, string(env.Admin(http.MethodGet, "/admin/identities?credentials_identifier=op:eve", nil).Body), "bob@example.org")
}

// Whoever signs up without the hook session is not signed in.
func TestSignUpByAProviderWithoutASession(t *testing.T) {
	env, op := theirs(t, nil, enginetest.With("selfservice.flows.registration.after.oidc.hooks", []any{}))
	c := env.Browser()
	c.Visit(op, c.Submit(c.Open(""), byOp))
	require.Equal(t, 1, env.Identities())
	require.False(t, c.SignedIn())
	require.Contains(t, env.Logs.String(), "selfservice.flows.registration.after.oidc.hooks: session is missing")
}

// What a sign-up still lacks is asked for in the node group that is configured.
func TestGroupOfWhatAProviderLeavesOut(t *testing.T) {
	needs := strings.Replace(enginetest.PersonSchema, `"required": ["email"]`, `"required": ["email", "age"]`, 1)
	for group, flag := range map[string]string{"oidc": "password", "default": "default"} {
		env, op := theirs(t, nil, enginetest.WithSchema(needs), enginetest.With("feature_flags.password_profile_registration_node_group", flag))
		c := env.Browser()
		a := c.Visit(op, c.Submit(c.Open(""), byOp))
		f := c.Landed("registration", a)
		require.Equal(t, group, f.Node("traits.age").Group)
		require.Zero(t, env.Identities())
	}
}
