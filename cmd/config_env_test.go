package cmd_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/schema"
)

func TestEnvironmentNamesKeys(t *testing.T) {
	tests := []struct {
		env  []string
		read func(*cmd.Config) any
		want any
	}{
		{[]string{"DSN=sqlite://x.db"}, func(c *cmd.Config) any { return c.DSN }, "sqlite://x.db"},
		{[]string{"SERVE_PUBLIC_PORT=1234"}, func(c *cmd.Config) any { return c.Serve.Public.Port }, 1234},
		{[]string{"SERVE_PUBLIC_BASE_URL=https://id.example.com"}, func(c *cmd.Config) any { return c.Serve.Public.BaseURL }, "https://id.example.com"},
		{[]string{"SERVE_PUBLIC_REQUEST_LOG_DISABLE_FOR_HEALTH=TRUE"}, func(c *cmd.Config) any { return c.Serve.Public.HealthLog }, false},
		{[]string{"DEV=true"}, func(c *cmd.Config) any { return c.Dev }, true},
		{[]string{"HASHERS_ARGON2_MEMORY=32MiB"}, func(c *cmd.Config) any { return c.Hashers.Argon2.Memory }, uint32(32 << 10)},
		{[]string{"SECRETS_DEFAULT=a-secret-of-sixteen-letters, another-secret-of-letters"}, func(c *cmd.Config) any { return c.Secrets.Default }, []string{"a-secret-of-sixteen-letters", "another-secret-of-letters"}},
		{[]string{`SECRETS_DEFAULT=["a-secret,with-a-comma"]`}, func(c *cmd.Config) any { return c.Secrets.Default }, []string{"a-secret,with-a-comma"}},
		{[]string{"SECRETS_DEFAULT_1=another-secret-of-letters", "SECRETS_DEFAULT_0=a-secret-of-sixteen-letters"}, func(c *cmd.Config) any { return c.Secrets.Default }, []string{"a-secret-of-sixteen-letters", "another-secret-of-letters"}},
		{[]string{"SELFSERVICE_ALLOWED_RETURN_URLS=https://a.example.com,https://b.example.com"}, func(c *cmd.Config) any { return c.SelfService.AllowedReturnURLs }, []string{"https://a.example.com", "https://b.example.com"}},
		{[]string{"DSN=", "SERVE_PUBLIC_PORT=", "SECRETS_DEFAULT="}, func(c *cmd.Config) any { return c.DSN }, "memory"},
		{[]string{"SERVE_PUBLIC_TRUSTED_PROXIES=[]"}, func(c *cmd.Config) any { return len(c.Serve.Public.TrustedProxies) }, 0},
		{[]string{`SELFSERVICE_FLOWS_REGISTRATION_AFTER_PASSWORD_HOOKS=[{"hook":"session"}]`}, func(c *cmd.Config) any { return names(c.SelfService.Registration.After.Method["password"].Hooks) }, []string{"session"}},
		{[]string{"SELFSERVICE_FLOWS_REGISTRATION_AFTER_PASSWORD_HOOKS_0_HOOK=session"}, func(c *cmd.Config) any { return names(c.SelfService.Registration.After.Method["password"].Hooks) }, []string{"session"}},
		{[]string{"SELFSERVICE_FLOWS_REGISTRATION_STYLE=profile_first"}, func(c *cmd.Config) any { return c.SelfService.Registration.ProfileFirst }, true},
		{[]string{"SELFSERVICE_FLOWS_LOGIN_STYLE=identifier_first"}, func(c *cmd.Config) any { return c.SelfService.Login.IdentifierFirst }, true},
		{[]string{`SELFSERVICE_FLOWS_LOGIN_AFTER_HOOKS=[{"hook":"revoke_active_sessions"}]`}, func(c *cmd.Config) any { return names(c.SelfService.Login.After.Hooks) }, []string{"revoke_active_sessions"}},
		{[]string{"SELFSERVICE_FLOWS_SETTINGS_UI_URL=https://www.example.com/settings"}, func(c *cmd.Config) any { return c.SelfService.Settings.UIURL }, "https://www.example.com/settings"},
		{[]string{"SELFSERVICE_FLOWS_SETTINGS_PRIVILEGED_SESSION_MAX_AGE=5m"}, func(c *cmd.Config) any { return c.SelfService.Settings.PrivilegedMaxAge }, 5 * time.Minute},
		{[]string{"SELFSERVICE_FLOWS_RECOVERY_LIFESPAN=5m"}, func(c *cmd.Config) any { return c.SelfService.Recovery.Lifespan }, 5 * time.Minute},
		{[]string{"SELFSERVICE_METHODS_CODE_PASSWORDLESS_ENABLED=true", "COURIER_SMTP_CONNECTION_URI=smtp://x"}, func(c *cmd.Config) any { return c.SelfService.Code.Passwordless }, true},
		{[]string{"SELFSERVICE_METHODS_PROFILE_ENABLED=false"}, func(c *cmd.Config) any { return c.SelfService.Profile.Enabled }, false},
		{[]string{"FEATURE_FLAGS_USE_CONTINUE_WITH_TRANSITIONS=true"}, func(c *cmd.Config) any { return c.SelfService.UseContinueWith }, true},
		{[]string{"COURIER_SMTP_CONNECTION_URI=smtp://x"}, func(c *cmd.Config) any { return c.Courier.SMTP.ConnectionURI }, "smtp://x"},
		{[]string{`COURIER_SMTP_HEADERS={"X-A":"b"}`}, func(c *cmd.Config) any { return c.Courier.SMTP.Headers }, map[string]string{"X-A": "b"}},
		{[]string{"COURIER_CHANNELS_0_ID=sms", "COURIER_CHANNELS_0_REQUEST_CONFIG_URL=https://sms.example.com"}, func(c *cmd.Config) any { return c.Courier.Channels }, []cmd.Channel{{ID: "sms", Type: "http", Request: cmd.Request{URL: "https://sms.example.com", Method: "POST"}}}},
		{[]string{"COURIER_TEMPLATES_VERIFICATION_CODE_VALID_EMAIL_BODY_HTML=file:///x"}, func(c *cmd.Config) any { return c.Courier.Templates }, []cmd.TemplateSource{{Name: "verification_code", Valid: true, Part: "email.body.html", URL: "file:///x"}}},
		{[]string{"COURIER_BUDGET_PER_DAY=20"}, func(c *cmd.Config) any { return c.Courier.Budget }, cmd.Budget{Per10Minutes: 3, PerDay: 20}},
		{[]string{"BRAND_COLOR=#112233"}, func(c *cmd.Config) any { return c.Brand }, cmd.Brand{Color: "#112233"}},
		{[]string{"CLIENTS_SMTP_DISALLOW_PRIVATE_IP_RANGES=true"}, func(c *cmd.Config) any { return c.SMTPDisallowPrivate }, true},
		{[]string{"PATH=/bin", "LOG=x", "SESSION=y", "SECRETS=z", "VERSION=trunk", "_=x", "SERVE_PUBLIC_PORT_80_TCP=tcp"}, func(c *cmd.Config) any { return c.Serve.Public.Port }, 4433},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.env, " "), func(t *testing.T) {
			cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: tt.env})
			require.Equal(t, tt.want, tt.read(cfg))
			require.Empty(t, report.Warnings)
		})
	}
}

func TestEnvironmentChangesOneEntryOfAList(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/full.yml"}, Env: []string{
		"IDENTITY_SCHEMAS_1_URL=https://elsewhere.internal/employee.json",
		"IDENTITY_SCHEMAS_2_ID=guest", "IDENTITY_SCHEMAS_2_URL=base64://e30=",
		"SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_CLIENT_ID=other",
	}})
	require.Equal(t, []schema.Source{
		{ID: "customer", URL: "file:///etc/foyer/customer.schema.json"},
		{ID: "employee", URL: "https://elsewhere.internal/employee.json", Selectable: true},
		{ID: "guest", URL: "base64://e30="},
	}, cfg.Identity.Schemas)

	// Had the entry been replaced by what one variable holds, it would lack what is required.
	_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/full.yml"}, Env: []string{"SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_PROVIDER=gogle"}})
	require.ErrorContains(t, err, "environment variable SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_PROVIDER: selfservice.methods.oidc.config.providers.0.provider: ")
	require.NotContains(t, err.Error(), "required")
}

func TestEnvironmentSpellsDashesAsUnderscores(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{"WATCH_COURIER=0"}})
	require.False(t, cfg.Courier.Watch)
	cfg, _ = load(t, cmd.LoadOptions{Files: []string{"testdata/full.yml"}, Env: []string{"SQA_OPT_OUT=1", "WATCH_COURIER=1"}})
	require.True(t, cfg.Courier.Watch)
}

func TestEnvironmentNearMissIsMentioned(t *testing.T) {
	plain, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	for wrong, right := range map[string]string{
		"SERVE_PUBLIC_PROT":                    "SERVE_PUBLIC_PORT",
		"SERVE_ADMN_HOST":                      "SERVE_ADMIN_HOST",
		"SERV_PUBLIC_PORT":                     "SERVE_PUBLIC_PORT",
		"SESSION_LIFESPAM":                     "SESSION_LIFESPAN",
		"COOKIES_SAMESITE":                     "COOKIES_SAME_SITE",
		"SECRETS_DEFUALT":                      "SECRETS_DEFAULT",
		"SECRET_DEFAULT_0":                     "SECRETS_DEFAULT_0",
		"LOG_LEVLE":                            "LOG_LEVEL",
		"HASHERS_ARGON_MEMORY":                 "HASHERS_ARGON2_MEMORY",
		"WATCH_COURRIER":                       "WATCH_COURIER",
		"SELFSERVICE_METHOD_PASSWORD_ENABLED":  "SELFSERVICE_METHODS_PASSWORD_ENABLED",
		"SELF_SERVICE_METHODS_PASSWORD_ENABLE": "SELFSERVICE_METHODS_PASSWORD_ENABLED",
		"IDENTITY_SCHEMA_12_URL":               "IDENTITY_SCHEMAS_12_URL",
		"SELFSERVICE_FLOWS_REGISTRATION_AFTER_PASSWORD_HOOK_1_HOOK": "SELFSERVICE_FLOWS_REGISTRATION_AFTER_PASSWORD_HOOKS_1_HOOK",
	} {
		cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{wrong + "=1"}})
		require.Equal(t, []string{"environment variable " + wrong + ` names no key; did you mean "` + right + `"?`}, report.Warnings)
		require.Equal(t, plain, cfg)
	}
}

func TestEnvironmentOfOthersIsNotMentioned(t *testing.T) {
	names := strings.Fields(`
PATH HOME HOSTNAME LOGNAME USER SHELL TERM PWD OLDPWD SHLVL LANG LC_ALL TZ TMPDIR EDITOR PAGER MAIL DISPLAY _ __
SESSION SESSION_MANAGER SESSION_ID SESSION_SECRET SESSION_TYPE SESSION_DRIVER SESSION_LIFETIME SESSION_DOMAIN SESSION_PATH DESKTOP_SESSION
XDG_SESSION_ID XDG_SESSION_TYPE XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS GNOME_DESKTOP_SESSION_ID
LOG LOGS LOG_FILE LOG_DIR LOG_PATH LOG_CHANNEL RUST_LOG VERSION GO_VERSION NODE_VERSION SERVER_NAME SERVER_PORT SERVER_SOFTWARE
DNS DNS_SERVER PORT HOST DEBUG DATABASE DATABASE_URL DATABASE_HOST DATABASE_PASSWORD DB_HOST REDIS_URL SENTRY_DSN
IDENTITY_FILE IDENTITY_ENDPOINT IDENTITY_HEADER SECRET_KEY SECRET_KEY_BASE SECRETS_DIR SECRETS_PATH COOKIE COOKIES COOKIE_SECRET
CLIENT_ID CLIENT_SECRET SECURITY_TOKEN SSH_AUTH_SOCK SSH_CLIENT HTTP_PROXY HTTPS_PROXY NO_PROXY
KUBERNETES_SERVICE_HOST KUBERNETES_PORT_443_TCP_ADDR SERVE_PUBLIC_PORT_80_TCP SERVE_PUBLIC_PORT_80_TCP_ADDR
OTEL_EXPORTER_OTLP_ENDPOINT TRACING_ENABLED COURIER_HOST INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET LISTEN_FDS GOMAXPROCS GOMEMLIMIT
CI GITHUB_ACTIONS AWS_SESSION_TOKEN AWS_REGION FEATURE_FLAGS PREVIEW_URL`)
	var env []string
	for _, name := range names {
		env = append(env, name+"=x")
	}
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: env})
	require.Empty(t, report.Warnings)
	plain, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	require.Equal(t, plain, cfg)
}

func TestEnvironmentCannotReachBelowAValue(t *testing.T) {
	file := write(t, "c.yml", "serve: {public: 1}\n")
	_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml", file}, Env: []string{"SERVE_PUBLIC_PORT=1"}})
	require.ErrorContains(t, err, "environment variable SERVE_PUBLIC_PORT: serve.public.port: a value is set above it")
}

func FuzzEnv(f *testing.F) {
	f.Add("IDENTITY_SCHEMAS_0_URL", "x")
	f.Add("SECRETS_DEFAULT_00", "x")
	f.Add("SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_0_REQUESTED_CLAIMS", `{"a":[{}]}`)
	f.Add("COURIER_SMTP_HEADERS", `[1e999]`)
	f.Add("IDENTITY_SCHEMAS", `[null]`)
	f.Add("SELFSERVICE_FLOWS_REGISTRATION_AFTER_HOOKS", `[[], null, {"hook": 1}]`)
	if _, err := os.Stat("testdata/base.yml"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		cfg, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{name + "=" + value}})
		if err != nil {
			require.Nil(t, cfg)
			require.IsType(t, cmd.Problems{}, err)
		}
	})
}
