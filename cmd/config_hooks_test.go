package cmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	sharedSecret = "whsec_dGhlLXNlY3JldC1vZi1hbGwtd2ViLWhvb2tz"
	ownSecret    = "whsec_dGhlLXNlY3JldC1vZi1vbmUtd2ViLWhvb2s="
)

// hooksOf loads what is written below selfservice.flows, with one secret for all.
func hooksOf(t *testing.T, flows string, env ...string) (*cmd.Config, *cmd.Report) {
	file := write(t, "hooks.yml", "selfservice:\n  flows:\n"+flows)
	return load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}, Env: append(env, "SECRETS_WEB_HOOK="+sharedSecret)})
}

func TestHooksBeforeAFlow(t *testing.T) {
	const list = `
      before:
        hooks:
          - {hook: ip_range, config: {allow: [10.1.2.3/8, 192.0.2.1], deny: ["2001:db8::1/32"]}}
          - {hook: country, config: {allow: [de, FR], deny: [T1]}}
          - {hook: schedule, config: {days: [monday, sunday], from: "22:30", to: "06:00", time_zone: Europe/Berlin}}
          - {hook: web_hook, config: {url: "https://example.com/before", method: GET, can_interrupt: true, fail_open: true, timeout: 2s}}
`
	cfg, report := hooksOf(t, "    registration:"+list+"    login:"+list+"    settings:"+list+"    recovery:"+list+"    verification:"+list, "SERVE_PUBLIC_TRUSTED_PROXIES=10.0.0.0/8")
	require.Empty(t, report.Warnings)
	require.Empty(t, report.NotInEffect)
	self := cfg.SelfService
	for flow, hooks := range map[string][]cmd.Hook{
		"registration": self.Registration.Before, "login": self.Login.Before, "settings": self.Settings.Before,
		"recovery": self.Recovery.Before, "verification": self.Verification.Before,
	} {
		require.Equal(t, []string{"ip_range", "country", "schedule", "web_hook"}, names(hooks), flow)
		for i, h := range hooks {
			require.Equal(t, fmt.Sprintf("%s.before.%d", flow, i), h.Key)
		}
		require.Equal(t, &cmd.IPRange{
			Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")},
			Deny:  []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")},
		}, hooks[0].IPRange)
		require.Equal(t, &cmd.Country{Header: "Cf-Ipcountry", Allow: []string{"DE", "FR"}, Deny: []string{"T1"}}, hooks[1].Country)
		s := hooks[2].Schedule
		require.Equal(t, []time.Weekday{time.Sunday, time.Monday}, s.Days)
		require.Equal(t, 22*time.Hour+30*time.Minute, s.From)
		require.Equal(t, 6*time.Hour, s.To)
		require.Equal(t, "Europe/Berlin", s.Location.String())
		w := hooks[3].WebHook
		require.True(t, w.Blocks())
		require.True(t, w.FailOpen)
		require.Equal(t, 2*time.Second, w.Timeout)
		require.Equal(t, web.Call{URL: "https://example.com/before", Method: "GET"}, w.Call)
		require.True(t, strings.HasPrefix(w.Name, flow+".before."), w.Name)
		for _, h := range hooks[:3] {
			require.Nil(t, h.WebHook)
		}
	}
}

func TestSettingsOfHooksLeftOut(t *testing.T) {
	cfg, report := hooksOf(t, `
    registration:
      before:
        hooks:
          - {hook: country, config: {deny: [XX]}}
          - {hook: schedule, config: {}}
      after:
        hooks: [{hook: web_hook, config: {url: "https://example.com", method: POST}}]
`, "SERVE_PUBLIC_TRUSTED_PROXIES=10.0.0.0/8")
	hooks := cfg.SelfService.Registration.Before
	require.Equal(t, &cmd.Country{Header: "Cf-Ipcountry", Deny: []string{"XX"}}, hooks[0].Country)
	require.Equal(t, &cmd.Schedule{Days: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, To: 24 * time.Hour, TimeZone: "UTC", Location: time.UTC}, hooks[1].Schedule)
	w := cfg.SelfService.Registration.After.Hooks[0].WebHook
	require.False(t, w.Blocks())
	require.Equal(t, cmd.WebHook{
		Name: w.Name, Call: web.Call{URL: "https://example.com", Method: "POST"}, Timeout: 5 * time.Second, SigningSecrets: []string{sharedSecret},
	}, *w)
	require.Empty(t, report.Warnings)
}

func TestHooksAfterAFlow(t *testing.T) {
	const hook = `{hook: web_hook, config: {url: "https://example.com/after", method: POST}}`
	cfg, report := hooksOf(t, `
    registration:
      after:
        hooks: [`+hook+`]
        password: {hooks: [{hook: session}, `+hook+`]}
        code: {hooks: [`+hook+`, {hook: session}]}
    settings:
      after:
        hooks: [`+hook+`]
        profile: {hooks: [`+hook+`, {hook: notify_previous_addresses}, {hook: organization}]}
        password: {hooks: [{hook: revoke_active_sessions}, `+hook+`]}
    recovery:
      after: {default_browser_return_url: https://www.example.com/r, hooks: [{hook: revoke_active_sessions}, `+hook+`]}
    verification:
      after: {default_browser_return_url: https://www.example.com/v, hooks: [`+hook+`, {hook: b2b_sso}]}
`)
	require.Equal(t, []string{
		"selfservice.flows.settings.after.profile.hooks.2: organization",
		"selfservice.flows.verification.after.hooks.1: b2b_sso",
	}, report.NotInEffect)
	require.Empty(t, report.Warnings)
	self := cfg.SelfService
	require.Equal(t, []string{"session", "web_hook"}, names(self.Registration.After.Method["password"].Hooks), "in the order of the file; the engine has session last")
	require.Equal(t, "registration.after.password.1", self.Registration.After.Method["password"].Hooks[1].Key)
	require.Equal(t, []string{"web_hook", "session"}, names(self.Registration.After.Method["code"].Hooks))
	require.Equal(t, []string{"web_hook"}, names(self.Settings.After.Hooks))
	require.Equal(t, []string{"web_hook", "notify_previous_addresses"}, names(self.Settings.After.Method["profile"].Hooks))
	require.Equal(t, []string{"revoke_active_sessions", "web_hook"}, names(self.Settings.After.Method["password"].Hooks))
	require.Equal(t, []string{"revoke_active_sessions", "web_hook"}, names(self.Recovery.After.Hooks))
	require.Equal(t, []string{"web_hook"}, names(self.Verification.After.Hooks))
	require.Equal(t, "https://www.example.com/v", self.Verification.After.ReturnURL)
	require.Equal(t, "verification.after.0", self.Verification.After.Hooks[0].Key)
}

func TestWebHookInFull(t *testing.T) {
	cfg, report := hooksOf(t, `
    registration:
      after:
        hooks:
          - hook: web_hook
            config:
              id: crm
              url: https://example.com/new?tenant=7
              method: PUT
              headers: {X-From: foyer}
              auth: {type: bearer, config: {token: bearer-token}}
              body: [identity.id, identity.traits.email, request_headers.User-Agent, request_method, request_url, flow.transient_payload, session.id]
              condition: identity.schema_id == "person"
              reserve: true
              can_interrupt: true
              response: {parse: true}
              timeout: 20s
              signing_secrets: [`+ownSecret+`, `+sharedSecret+`]
              emit_analytics_event: false
          - hook: web_hook
            config:
              url: https://example.com
              method: POST
              body: file:///etc/foyer/hook.jsonnet
              auth: {type: api_key, config: {name: X-Key, value: v}}
              response: {ignore: true}
`)
	require.Empty(t, report.Warnings)
	hooks := cfg.SelfService.Registration.After.Hooks
	require.Equal(t, cmd.WebHook{
		ID: "crm", Name: "crm",
		Call: web.Call{
			URL: "https://example.com/new?tenant=7", Method: "PUT", Headers: map[string]string{"X-From": "foyer"},
			Auth: web.Auth{Type: "bearer", Token: "bearer-token"},
		},
		BodyPaths: []string{"identity.id", "identity.traits.email", "request_headers.User-Agent", "request_method", "request_url", "flow.transient_payload", "session.id"},
		Condition: `identity.schema_id == "person"`, CanInterrupt: true, Reserve: true, Parse: true,
		Timeout: 20 * time.Second, SigningSecrets: []string{ownSecret, sharedSecret},
	}, *hooks[0].WebHook)
	require.Equal(t, "file:///etc/foyer/hook.jsonnet", hooks[1].WebHook.BodyURL)
	require.Nil(t, hooks[1].WebHook.BodyPaths)
	require.Equal(t, web.Auth{Type: "api_key", Name: "X-Key", Value: "v", In: "header"}, hooks[1].WebHook.Call.Auth)
	require.True(t, hooks[1].WebHook.Ignore)
}

// Hooks as they are found in the wild.
func TestHooksOfAKratosFile(t *testing.T) {
	file := write(t, "kratos.yml", `
selfservice:
  flows:
    registration:
      after:
        password:
          hooks:
            - hook: web_hook
              config:
                url: https://crm.example.com/hooks/new
                method: POST
                body: file:///etc/config/kratos/new.jsonnet
                can_interrupt: true
                emit_analytics_event: false
                auth: {type: api_key, config: {name: X-Key, value: key, in: header}}
            - hook: session
    login:
      after:
        hooks:
          - hook: web_hook
            config:
              id: audit
              url: https://audit.example.com/login
              method: PUT
              headers: {X-Env: test}
              body: base64://ZnVuY3Rpb24oY3R4KSB7fQ==
              response: {ignore: true}
    settings:
      after:
        profile:
          hooks: [{hook: web_hook, config: {url: "https://crm.example.com/hooks/changed", method: PATCH, response: {ignore: false, parse: true}}}]
clients: {web_hook: {header_allowlist: [User-Agent, X-Forwarded-For]}}
`)
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}})
	require.Empty(t, report.NotInEffect)
	require.Equal(t, []string{"secrets.web_hook: missing, so web hooks without signing_secrets are not signed"}, report.Warnings)
	self := cfg.SelfService
	first := self.Registration.After.Method["password"].Hooks[0].WebHook
	require.True(t, first.Blocks())
	require.Nil(t, first.SigningSecrets)
	require.False(t, self.Login.After.Hooks[0].WebHook.Blocks())
	require.True(t, self.Settings.After.Method["profile"].Hooks[0].WebHook.Blocks())
}

// What is in store under a name must never go to another receiver.
func TestNamesOfWebHooks(t *testing.T) {
	hook := func(config string) string { return "{hook: web_hook, config: {method: POST, " + config + "}}" }
	one, two, three := hook("url: https://example.com/1"), hook("url: https://example.com/2"), hook("url: https://example.com/1, id: mine")
	list := func(hooks ...string) (out []string) {
		cfg, _ := hooksOf(t, "    registration: {after: {code: {hooks: ["+strings.Join(hooks, ", ")+"]}}}")
		for _, h := range cfg.SelfService.Registration.After.Method["code"].Hooks {
			if h.WebHook != nil {
				out = append(out, h.WebHook.Name)
			}
		}
		return out
	}
	first := list(one, two)
	require.Regexp(t, `^registration\.after\.code\.[0-9a-f]{8}$`, first[0])
	require.NotEqual(t, first[0], first[1])
	require.Equal(t, []string{first[1], first[0]}, list("{hook: session}", two, one), "names move with their hooks")
	require.Equal(t, []string{first[0], "mine"}, list(one, three))
	require.Equal(t, []string{first[0], first[0] + ".2", first[0] + ".3"}, list(one, one, one))
	require.Equal(t, []string{first[0] + ".2", first[0]}, list(one, hook("url: https://example.com/3, id: "+first[0])), "an id has its name first")
	require.NotEqual(t, first[0], list(strings.Replace(one, "POST", "PUT", 1))[0])
}

func TestHooksThatDoNotWaitAreWarnedOf(t *testing.T) {
	const no = "it does not wait for the answer; set can_interrupt: true if it is to refuse"
	hook := func(more string) string {
		return "{hook: web_hook, config: {url: 'https://example.com', method: POST" + more + "}}"
	}
	for _, tt := range []struct {
		flows string
		want  []string
	}{
		{"registration: {before: {hooks: [" + hook("") + "]}}", []string{"selfservice.flows.registration.before.hooks.0.config: " + no}},
		{"login: {after: {hooks: [" + hook("") + "]}}", []string{"selfservice.flows.login.after.hooks.0.config: " + no}},
		{"login: {after: {code: {hooks: [{hook: revoke_active_sessions}, " + hook("") + "]}}}", []string{"selfservice.flows.login.after.code.hooks.1.config: " + no}},
		{"login: {after: {hooks: [" + hook(", response: {ignore: true}") + "]}}", nil},
		{"login: {after: {hooks: [" + hook(", response: {parse: true}") + "]}}", nil},
		{"login: {after: {hooks: [" + hook(", reserve: true") + "]}}", nil},
		{"registration: {after: {hooks: [" + hook("") + "]}}", nil},
		{"registration: {after: {hooks: [" + hook(", timeout: 3s") + "]}}", []string{
			"selfservice.flows.registration.after.hooks.0.config.timeout: nobody waits for this call, so events.timeout holds, which is 10s",
		}},
		{"registration: {after: {hooks: [" + hook(", timeout: 3s, reserve: true") + "]}}", nil},
		{"settings: {before: {hooks: [" + hook(", can_interrupt: true") + "]}}", nil},
		{"registration: {after: {hooks: [" + hook(", can_interrupt: true, timeout: 15s") + "], password: {hooks: [" + hook(", can_interrupt: true, timeout: 6s") + "]}}}", []string{
			"selfservice.flows.registration.after.password.hooks: what is asked may take 21s together, and clients.web_hook.total_timeout leaves 20s: where the first are slow, the last fail unasked",
		}},
	} {
		_, report := hooksOf(t, "    "+tt.flows+"\n")
		require.Equal(t, tt.want, report.Warnings, tt.flows)
	}
}

func TestCallsThatOthersCouldMakeAreWarnedOf(t *testing.T) {
	file := write(t, "hooks.yml", `
selfservice: {flows: {registration: {after: {hooks: [{hook: web_hook, config: {url: "http://crm.internal/new", method: POST}}]}}}}
events: {endpoints: [{id: one, url: "http://crm.internal/events", types: ["*"]}]}
`)
	_, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}})
	require.Equal(t, []string{
		"selfservice.flows.registration.after.hooks.0.config.url: what is sent over http can be read on its way, and its answer exchanged",
		"secrets.web_hook: missing, so web hooks without signing_secrets are not signed",
		"events.endpoints.0.url: what is sent over http can be read on its way, and its answer exchanged",
		"events.endpoints.0: it is not signed, so its receiver cannot tell who calls; set secrets.web_hook or signing_secrets",
	}, report.Warnings)
	_, report = load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}, Dev: true, Env: []string{"SECRETS_WEB_HOOK=" + sharedSecret}})
	require.Empty(t, report.Warnings)
}

func TestWhatAllWebHooksShare(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	require.Equal(t, 20*time.Second, cfg.WebHooks.TotalTimeout)
	require.Equal(t, web.HookHeaders(), cfg.WebHooks.HeaderAllowlist)
	require.Nil(t, cfg.Secrets.WebHook)
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{
		"CLIENTS_WEB_HOOK_HEADER_ALLOWLIST=x-tenant,ACCEPT", "CLIENTS_WEB_HOOK_TOTAL_TIMEOUT=30s", "SECRETS_WEB_HOOK=" + ownSecret + "," + sharedSecret,
	}})
	require.Equal(t, cmd.WebHooks{HeaderAllowlist: []string{"X-Tenant", "Accept"}, TotalTimeout: 30 * time.Second}, cfg.WebHooks)
	require.Equal(t, []string{ownSecret, sharedSecret}, cfg.Secrets.WebHook)
	require.Empty(t, report.NotInEffect)
	secrets, _, err := cmd.ResolveSecrets(cfg)
	require.NoError(t, err)
	require.Equal(t, cfg.Secrets.WebHook, secrets.WebHook)
}

func TestProxyForCallsOut(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	require.Nil(t, cfg.Outbound.Proxy)
	revision := func(proxy string) string {
		cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{"CLIENTS_HTTP_PROXY_URL=" + proxy}})
		require.Equal(t, proxy, cfg.Outbound.Proxy.String())
		require.Empty(t, report.NotInEffect)
		return cfg.Revision
	}
	first := revision("http://user:a@proxy.internal:3128")
	require.Equal(t, first, revision("http://user:b@proxy.internal:3128"), "passwords are left out")
	require.NotEqual(t, first, revision("socks5://user:a@proxy.internal:3128"))
	require.NotEqual(t, first, cfg.Revision)
}

func TestNoCredentialOfHooksIsPrinted(t *testing.T) {
	cfg, _ := hooksOf(t, `
    registration:
      after:
        hooks:
          - hook: web_hook
            config:
              id: crm
              url: https://example.com/new?token=query-token
              method: POST
              headers: {X-Token: header-token}
              auth: {type: bearer, config: {token: bearer-token}}
              body: https://files.example.com/x?sig=body-sig
              signing_secrets: [`+ownSecret+`]
`, "EVENTS_ENDPOINTS_0_ID=one", "EVENTS_ENDPOINTS_0_URL=https://example.com/events?token=query-token", "EVENTS_ENDPOINTS_0_TYPES=*",
		`EVENTS_ENDPOINTS_0_HEADERS={"X-Token":"header-token"}`, "EVENTS_ENDPOINTS_0_AUTH_TYPE=basic_auth", "EVENTS_ENDPOINTS_0_AUTH_CONFIG_USER=auth-user",
		"EVENTS_ENDPOINTS_0_AUTH_CONFIG_PASSWORD=auth-password")
	require.Equal(t, "auth-password", cfg.Events.Endpoints[0].Call.Auth.Password)
	var log bytes.Buffer
	hooks := cfg.SelfService.Registration.After
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("x", "config", cfg, "hooks", hooks, "one", hooks.Hooks[0], "web_hook", hooks.Hooks[0].WebHook, "events", cfg.Events, "endpoint", cfg.Events.Endpoints[0], "secrets", cfg.Secrets)
	}
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		for _, part := range []any{*cfg, cfg.SelfService, hooks, hooks.Hooks[0], *hooks.Hooks[0].WebHook, cfg.Events, cfg.Events.Endpoints[0], cfg.Secrets} {
			fmt.Fprintf(&log, verb+"\n", part)
		}
	}
	for _, part := range []any{cfg.SelfService, cfg.Events} {
		raw, err := json.Marshal(part)
		require.NoError(t, err)
		log.Write(raw)
	}
	printed := log.String()
	for _, secret := range []string{"query-token", "header-token", "bearer-token", "body-sig", "auth-user", "auth-password", sharedSecret, ownSecret} {
		require.NotContains(t, printed, secret)
	}
	for _, known := range []string{"https://example.com/new", "files.example.com", "X-Token", "bearer", "crm", "web_hook:1"} {
		require.Contains(t, printed, known)
	}
}

func TestRevisionTellsHooksApart(t *testing.T) {
	revision := func(hook, endpoint string) string {
		cfg, _ := hooksOf(t, `
    registration:
      before: {hooks: [{hook: schedule, config: {days: [monday], time_zone: `+hook+`}}]}
      after: {hooks: [{hook: web_hook, config: {id: a, url: "https://example.com/?t=`+endpoint+`", method: POST, signing_secrets: [`+endpoint+`], auth: {type: bearer, config: {token: `+endpoint+`}}}}]}
`)
		return cfg.Revision
	}
	first := revision("UTC", ownSecret)
	require.Equal(t, first, revision("UTC", sharedSecret), "secrets are left out")
	require.NotEqual(t, first, revision("Europe/Berlin", ownSecret))
}
