package cmd_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer"
	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// providersOf loads what is written below selfservice.methods.oidc, with a
// session after a registration.
func providersOf(t *testing.T, method string, env ...string) (*cmd.Config, *cmd.Report) {
	file := write(t, "oidc.yml", "selfservice:\n  flows: {registration: {after: {hooks: [{hook: session}]}}}\n  methods:\n    oidc:\n"+method)
	return load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}, Env: env})
}

// A file as it was written for the wire's first implementation works as it is.
const usual = `
      enabled: true
      config:
        providers:
          - id: google
            provider: google
            client_id: 123.apps.googleusercontent.com
            client_secret: secret-of-google
            mapper_url: base64://bG9jYWwgY2xhaW1zID0gc3RkLmV4dFZhcignY2xhaW1zJyk7IHt9
            scope: [email, profile]
            requested_claims:
              id_token:
                email: {essential: true}
                auth_time: {max: 12345678901234567890}
          - id: github
            provider: github
            label: GitHub
            client_id: Iv1.abc
            client_secret: secret-of-github
            mapper_url: file:///etc/config/kratos/oidc.github.jsonnet
            scope: ["user:email"]
            account_linking_mode: automatic
            update_identity_on_login: automatic
`

var wired = []string{"hd", "prompt", "auth_type", "acr_values"}

func TestUsualProvidersLoadAsTheyAre(t *testing.T) {
	cfg, report := providersOf(t, usual)
	require.Empty(t, report.Warnings)
	require.Empty(t, report.NotInEffect)
	o := cfg.SelfService.OIDC
	require.True(t, o.Enabled)
	require.False(t, o.StoreTokens)
	require.Equal(t, "oidc", o.TraitGroup)
	require.Equal(t, []cmd.Provider{
		{MapperURL: "base64://bG9jYWwgY2xhaW1zID0gc3RkLmV4dFZhcignY2xhaW1zJyk7IHt9", Settings: oidc.Settings{
			ID: "google", Kind: "google", ClientID: "123.apps.googleusercontent.com", ClientSecret: "secret-of-google",
			Scopes: []string{"email", "profile"}, RequestedClaims: json.RawMessage(`{"id_token":{"auth_time":{"max":12345678901234567890},"email":{"essential":true}}}`),
			ClaimsSource: "id_token", PKCE: "auto", MapperName: "base64://… of 52 characters", Linking: "confirm_with_existing_credential",
			SubjectSource: "userinfo", RedirectBase: "https://auth.example.com", Upstream: wired,
		}},
		{MapperURL: "file:///etc/config/kratos/oidc.github.jsonnet", Settings: oidc.Settings{
			ID: "github", Kind: "github", Label: "GitHub", ClientID: "Iv1.abc", ClientSecret: "secret-of-github", Scopes: []string{"user:email"},
			ClaimsSource: "id_token", PKCE: "auto", MapperName: "file:///etc/config/kratos/oidc.github.jsonnet", Linking: "automatic", UpdateOnLogin: true,
			SubjectSource: "userinfo", RedirectBase: "https://auth.example.com", Upstream: wired,
		}},
	}, o.Providers)
}

func TestEveryKeyOfAProviderIsInEffect(t *testing.T) {
	cfg, report := providersOf(t, `
      enabled: true
      config:
        base_redirect_uri: https://auth.example.com/kratos/
        store_tokens: true
        providers:
          - id: op
            provider: generic
            label: Our own
            client_id: foyer
            client_secret: of-op
            issuer_url: https://op.example.com/realm
            auth_url: https://op.example.com/a
            token_url: https://op.example.com/t
            userinfo_url: https://op.example.com/u
            mapping:
              traits: {email: email, name.first: given_name}
              metadata_public: {locale: locale}
              metadata_admin: {department: raw_claims.department}
            scope: [openid, email]
            requested_claims: {userinfo: {email: null}}
            additional_id_token_audiences: [ios, android]
            claims_source: userinfo
            pkce: force
            account_linking_mode: both_verified
            authoritative_for: [example.com, example.org]
            aal2_acr_values: [gold]
            aal2_amr_values: [otp, hwk]
            upstream_parameters: []
`)
	require.Empty(t, report.Warnings)
	require.Empty(t, report.NotInEffect)
	o := cfg.SelfService.OIDC
	require.True(t, o.StoreTokens)
	require.Equal(t, []cmd.Provider{{Settings: oidc.Settings{
		ID: "op", Kind: "generic", Label: "Our own", ClientID: "foyer", ClientSecret: "of-op", IssuerURL: "https://op.example.com/realm",
		AuthURL: "https://op.example.com/a", TokenURL: "https://op.example.com/t", UserInfoURL: "https://op.example.com/u",
		Mapping: &oidc.Mapping{
			Traits:         map[string]string{"email": "email", "name.first": "given_name"},
			MetadataPublic: map[string]string{"locale": "locale"}, MetadataAdmin: map[string]string{"department": "raw_claims.department"},
		},
		Scopes: []string{"openid", "email"}, RequestedClaims: json.RawMessage(`{"userinfo":{"email":null}}`), Audiences: []string{"ios", "android"},
		ClaimsSource: "userinfo", PKCE: "force", Linking: "both_verified", AuthoritativeFor: []string{"example.com", "example.org"},
		AAL2ACR: []string{"gold"}, AAL2AMR: []string{"otp", "hwk"}, SubjectSource: "userinfo",
		RedirectBase: "https://auth.example.com/kratos", Upstream: []string{},
	}}}, o.Providers)
}

func TestProvidersLeftOut(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	require.Equal(t, cmd.OIDC{TraitGroup: "oidc"}, cfg.SelfService.OIDC)
	const legacy, traits = "FEATURE_FLAGS_LEGACY_OIDC_REGISTRATION_NODE_GROUP=", "FEATURE_FLAGS_PASSWORD_PROFILE_REGISTRATION_NODE_GROUP="
	for _, one := range []struct {
		env  []string
		want string
	}{
		{[]string{legacy + "true"}, "oidc"}, {[]string{legacy + "false"}, "oidc"}, {[]string{traits + "password"}, "oidc"},
		{[]string{traits + "default"}, "default"}, {[]string{traits + "default", legacy + "true"}, "oidc"},
		{[]string{"SELFSERVICE_METHODS_PASSWORD_CONFIG_PASSWORD_PROFILE_REGISTRATION_NODE_GROUP=default"}, "default"},
	} {
		cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: one.env})
		require.Equal(t, one.want, cfg.SelfService.OIDC.TraitGroup, one.env)
	}

	// What is switched off may be as unfinished as it is, and nobody is told of it.
	_, report := providersOf(t, `
      config: {providers: [{id: google, provider: google, pkce: never, authoritative_for: ["*"]}]}
`)
	require.Empty(t, report.Warnings)
}

func TestEnvironmentSetsProviders(t *testing.T) {
	const at = "SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_"
	cfg, report := providersOf(t, usual,
		at+"0_CLIENT_SECRET=other", at+"1_MAPPER_URL=file:///run/github.jsonnet", at+"1_PKCE=force", at+"1_AUTHORITATIVE_FOR=a.example, b.example",
		at+"2_ID=op", at+"2_PROVIDER=generic", at+"2_CLIENT_ID=x", at+"2_CLIENT_SECRET=y", at+"2_ISSUER_URL=https://op.example.com",
		at+`2_MAPPING_TRAITS={"email": "email", "name.first": "given_name"}`, at+`2_REQUESTED_CLAIMS={"id_token":{}}`, at+"2_UPSTREAM_PARAMETERS=hd",
		"SELFSERVICE_METHODS_OIDC_CONFIG_STORE_TOKENS=true", "SELFSERVICE_METHODS_OIDC_CONFIG_BASE_REDIRECT_URI=https://auth.example.com/x",
	)
	require.Empty(t, report.Warnings)
	list := cfg.SelfService.OIDC.Providers
	require.Len(t, list, 3)
	require.Equal(t, "other", list[0].ClientSecret)
	require.Equal(t, "file:///run/github.jsonnet", list[1].MapperURL)
	require.Equal(t, "force", list[1].PKCE)
	require.Equal(t, []string{"a.example", "b.example"}, list[1].AuthoritativeFor)
	require.Equal(t, "op", list[2].ID)
	require.Equal(t, map[string]string{"email": "email", "name.first": "given_name"}, list[2].Mapping.Traits)
	require.JSONEq(t, `{"id_token":{}}`, string(list[2].RequestedClaims))
	require.Equal(t, []string{"hd"}, list[2].Upstream)
	require.True(t, cfg.SelfService.OIDC.StoreTokens)
	require.Equal(t, "https://auth.example.com/x", list[0].RedirectBase)

	cfg, _ = providersOf(t, usual, at[:len(at)-1]+`=[{"id":"op","provider":"github","client_id":"x","mapping":{"traits":{"email":"email"}}}]`, at+"0_CLIENT_SECRET=0123")
	require.Len(t, cfg.SelfService.OIDC.Providers, 1, "the list as a whole")
	require.Equal(t, "0123", cfg.SelfService.OIDC.Providers[0].ClientSecret)

	file := write(t, "oidc.yml", "selfservice:\n  methods:\n    oidc:\n"+usual)
	_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml", file}, Env: []string{at + "1_ID=google"}})
	require.EqualError(t, err, `environment variable SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_1_ID: selfservice.methods.oidc.config.providers.1.id: the id "google" is taken by an earlier provider`)
}

func TestHooksAfterProviders(t *testing.T) {
	const hook = `{hook: web_hook, config: {url: "https://example.com/after", method: POST}}`
	cfg, report := hooksOf(t, `
    verification: {enabled: true, ui_url: https://www.example.com/verification}
    registration: {after: {oidc: {default_browser_return_url: https://www.example.com/r, hooks: [{hook: session}, {hook: show_verification_ui}, `+hook+`]}}}
    login: {after: {oidc: {default_browser_return_url: https://www.example.com/l, hooks: [{hook: revoke_active_sessions}, {hook: require_verified_address}, `+hook+`]}}}
    settings: {ui_url: https://www.example.com/settings, after: {oidc: {default_browser_return_url: https://www.example.com/s, hooks: [{hook: revoke_active_sessions}, `+hook+`]}}}
`, "COURIER_SMTP_CONNECTION_URI=smtps://mail.example.com:465")
	require.Empty(t, report.NotInEffect)
	self := cfg.SelfService
	for _, want := range []struct {
		after cmd.AfterMethod
		url   string
		hooks []string
		flow  string
	}{
		{self.Registration.After.Method["oidc"], "https://www.example.com/r", []string{"session", "show_verification_ui", "web_hook"}, "registration"},
		{self.Login.After.Method["oidc"], "https://www.example.com/l", []string{"revoke_active_sessions", "require_verified_address", "web_hook"}, "login"},
		{self.Settings.After.Method["oidc"], "https://www.example.com/s", []string{"revoke_active_sessions", "web_hook"}, "settings"},
	} {
		require.Equal(t, want.url, want.after.ReturnURL)
		require.Equal(t, want.hooks, names(want.after.Hooks))
		for i, h := range want.after.Hooks {
			require.Equal(t, fmt.Sprintf("%s.after.oidc.%d", want.flow, i), h.Key)
		}
	}
}

func TestWhatToKnowOfProviders(t *testing.T) {
	const mapped = "mapping: {traits: {email: email}}"
	for name, one := range map[string]struct {
		method string
		env    []string
		want   []string // beginnings
	}{
		"nobody": {"      enabled: true", nil, []string{"selfservice.methods.oidc.config.providers: empty"}},
		"careless": {`
      enabled: true
      config:
        providers:
          - {id: a, provider: generic, client_id: x, issuer_url: https://op.example.com, pkce: never, authoritative_for: ["*"], ` + mapped + `}
`, nil, []string{
			"selfservice.methods.oidc.config.providers.0.client_secret: missing, so the provider has to know \"x\" as a public client",
			"selfservice.methods.oidc.config.providers.0.pkce: never",
			"selfservice.methods.oidc.config.providers.0.authoritative_for: *",
		}},
		"instead of passwords": {usual, []string{"SELFSERVICE_METHODS_PASSWORD_ENABLED=false"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, report := providersOf(t, one.method, one.env...)
			require.Len(t, report.Warnings, len(one.want), "%s", report.Warnings)
			for i, begins := range one.want {
				require.True(t, strings.HasPrefix(report.Warnings[i], begins), report.Warnings[i])
			}
		})
	}

	const missing = "selfservice.flows.registration.after.oidc.hooks: session is missing"
	for flows, warned := range map[string]bool{
		"": true,
		"flows: {registration: {after: {password: {hooks: [{hook: session}]}}}}": true,
		"flows: {registration: {after: {oidc: {hooks: [{hook: session}]}}}}":     false,
		"flows: {registration: {after: {hooks: [{hook: session}]}}}":             false,
		"flows: {registration: {enabled: false, after: {oidc: {hooks: []}}}}":    false,
	} {
		file := write(t, "oidc.yml", "selfservice:\n  "+flows+"\n  methods:\n    oidc:\n"+usual)
		_, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}})
		require.Equal(t, warned, slices.ContainsFunc(report.Warnings, func(w string) bool { return strings.HasPrefix(w, missing) }), flows)
	}

	_, report := providersOf(t, `
      enabled: true
      config:
        providers:
          - {id: a, provider: google, client_id: x, client_secret: y, organization_id: o, fedcm_config_url: "https://a", net_id_token_origin_header: h, `+mapped+`}
`)
	const at = "selfservice.methods.oidc.config.providers.0."
	require.Equal(t, []string{at + "fedcm_config_url", at + "net_id_token_origin_header", at + "organization_id"}, report.NotInEffect)
}

// On one's own machine a provider may speak http.
func TestProvidersOfOnesOwnMachine(t *testing.T) {
	file := write(t, "oidc.yml", `
selfservice:
  flows: {registration: {after: {hooks: [{hook: session}]}}}
  methods:
    oidc:
      enabled: true
      config: {providers: [{id: op, provider: generic, client_id: x, client_secret: y, issuer_url: "http://127.0.0.1:9000", mapping: {traits: {email: email}}}]}
`)
	_, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}, Dev: true})
	require.Contains(t, strings.Join(report.Lifted, "\n"), "selfservice.methods.oidc.config.providers.0.issuer_url: ")
}

func TestNoCredentialOfAProviderIsPrinted(t *testing.T) {
	cfg, _ := providersOf(t, usual, "SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_APPLE_PRIVATE_KEY=key-of-apple",
		"SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_1_MAPPER_URL=https://example.com/m.jsonnet?sig=signature")
	var log bytes.Buffer
	o := cfg.SelfService.OIDC
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("x", "config", cfg, "oidc", o, "pointer", &o, "list", o.Providers, "one", o.Providers[0])
	}
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		for _, part := range []any{*cfg, cfg, o, &o, o.Providers, o.Providers[0], &o.Providers[0], cfg.SelfService} {
			fmt.Fprintf(&log, verb+"\n", part)
		}
	}
	raw, err := json.Marshal(cfg.SelfService)
	require.NoError(t, err)
	printed := log.String() + string(raw)
	for _, secret := range []string{"secret-of-google", "secret-of-github", "key-of-apple", "=signature"} {
		require.NotContains(t, printed, secret)
	}
	require.Contains(t, printed, "123.apps.googleusercontent.com")
	require.Equal(t, "secret-of-google", o.Providers[0].ClientSecret, "hidden, not lost")

	other, _ := providersOf(t, usual, "SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_CLIENT_SECRET=another")
	same, _ := providersOf(t, usual)
	moved, _ := providersOf(t, usual, "SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_CLIENT_ID=another")
	require.Equal(t, same.Revision, other.Revision, "nobody tries guesses on it")
	require.NotEqual(t, same.Revision, moved.Revision)
}

// What the schema takes for a kind is one.
func TestKindsOfProviders(t *testing.T) {
	text, err := foyer.Schemas.ReadFile(".schema/config.schema.json")
	require.NoError(t, err)
	_, list, found := strings.Cut(string(text), `"provider": {`)
	require.True(t, found)
	_, list, _ = strings.Cut(list, `"enum": `)
	list, _, _ = strings.Cut(list, "]")
	var known []string
	require.NoError(t, json.Unmarshal([]byte(list+"]"), &known))
	require.ElementsMatch(t, append(oidc.Kinds(), "fedcm-test"), known)

	file := write(t, "oidc.yml", "selfservice:\n  methods:\n    oidc:\n"+usual)
	kindOf := func(kind string) error {
		_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml", file}, Env: []string{
			"SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_1_PROVIDER=" + kind, "SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_1_ISSUER_URL=https://op.example.com",
		}})
		return err
	}
	require.ErrorContains(t, kindOf("fedcm-test"), "providers.1.provider: fedcm-test is for the tests of those who made it")
	for _, kind := range known {
		if err := kindOf(kind); err != nil {
			require.Contains(t, []string{"apple", "fedcm-test", "microsoft", "jackson"}, kind, "%s: needs more than an issuer", err)
		}
	}
}

// A mapper that cannot be had or read stops the start and is named.
func TestMapperStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return "file://" + path
	}
	inline := func(text string) string { return "base64://" + base64.StdEncoding.EncodeToString([]byte(text)) }
	for name, one := range map[string]struct{ mapper, want string }{
		"in order":     {file("mapper.jsonnet", "local c = std.extVar('claims'); {identity: {traits: {email: c.email}}}"), ""},
		"inline":       {inline("{identity: {traits: {}}}"), ""},
		"no such file": {"file:///nowhere/m.jsonnet", "(file:///nowhere/m.jsonnet): "},
		"no Jsonnet":   {file("broken.jsonnet", "{\n identity: }"), "broken.jsonnet:2:"},
		"imports":      {inline("import 'x'"), "imports are not allowed"},
		"too large":    {file("large.jsonnet", "{}"+strings.Repeat(" ", 256<<10)), "is larger than"},
	} {
		cfg, _ := providersOf(t, usual, "DEV=true", "IDENTITY_SCHEMAS_0_URL="+inline(enginetest.PersonSchema),
			"SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_MAPPER_URL="+inline("{}"), "SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_1_MAPPER_URL="+one.mapper)
		var err error
		cfg.Secrets, _, err = cmd.ResolveSecrets(cfg)
		require.NoError(t, err)
		o := cmd.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler), Jsonnet: enginetest.JsonnetCommand()}
		app, err := cmd.Wire(t.Context(), cfg, o)
		if one.want == "" {
			require.NoError(t, err, name)
			require.NoError(t, app.Close())
			o.Jsonnet = nil
			_, err = cmd.Wire(t.Context(), cfg, o)
			require.ErrorContains(t, err, "selfservice.methods.oidc.config.providers.0.mapper_url (base64://… of 4 characters): nothing here evaluates Jsonnet")
			continue
		}
		require.ErrorContains(t, err, "selfservice.methods.oidc.config.providers.1.mapper_url (", name)
		require.ErrorContains(t, err, one.want, name)
	}
}

// A trait that is mapped and that no schema has is most likely misspelt.
func TestMappedTraitThatNoSchemaHas(t *testing.T) {
	schema := `{"type":"object","properties":{"traits":{"type":"object","properties":{
		"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
		"name":{"type":"object","properties":{"first":{"type":"string"}}}, "tags":{"type":"array","items":{"type":"string"}}}}}}`
	cfg, _ := providersOf(t, `
      enabled: true
      config: {providers: [{id: op, provider: github, client_id: x, client_secret: y, mapping: {traits: {email: email}}}]}
`, "DEV=true", "IDENTITY_SCHEMAS_0_URL=base64://"+base64.StdEncoding.EncodeToString([]byte(schema)),
		`SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_MAPPING_TRAITS={"email":"email","name.first":"given_name","tags":"raw_claims.tags","emial":"email","name.last":"family_name"}`)
	var err error
	cfg.Secrets, _, err = cmd.ResolveSecrets(cfg)
	require.NoError(t, err)
	var log bytes.Buffer
	app, err := cmd.Wire(t.Context(), cfg, cmd.Options{Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	require.NoError(t, app.Close())
	require.Equal(t, 2, strings.Count(log.String(), "no identity schema has this trait"), log.String())
	for _, misspelt := range []string{"emial", "name.last"} {
		require.Contains(t, log.String(), "selfservice.methods.oidc.config.providers.0.mapping.traits."+misspelt+": ")
	}
}
