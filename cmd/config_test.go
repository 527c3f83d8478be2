package cmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/strategy/password"
)

func load(t testing.TB, o cmd.LoadOptions) (*cmd.Config, *cmd.Report) {
	cfg, report, err := cmd.Load(o)
	require.NoError(t, err)
	return cfg, report
}

func TestDefaults(t *testing.T) {
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	require.Empty(t, report.NotInEffect)
	require.Empty(t, report.Warnings)
	require.Empty(t, report.Lifted)

	require.False(t, cfg.Dev)
	require.Equal(t, "0.0.0.0", cfg.Serve.Public.Host)
	require.Equal(t, 4433, cfg.Serve.Public.Port)
	require.Equal(t, "https://auth.example.com", cfg.Serve.Public.BaseURL)
	require.Equal(t, "127.0.0.1", cfg.Serve.Admin.Host)
	require.Equal(t, 4434, cfg.Serve.Admin.Port)
	require.Equal(t, "https://127.0.0.1:4434", cfg.Serve.Admin.BaseURL)
	require.Equal(t, uint32(0o755), cfg.Serve.Admin.Socket.Mode)
	require.True(t, cfg.Serve.Public.HealthLog)
	require.False(t, cfg.Serve.Public.TLS.Enabled())
	require.False(t, cfg.Serve.Public.CORS.Enabled)
	require.Empty(t, cfg.Serve.Public.TrustedProxies)

	require.Equal(t, hash.Config{
		Algorithm: "argon2", BcryptCost: 12, MaxWait: 2 * time.Second, Budget: 256 << 20,
		Argon2: hash.Argon2{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	}, cfg.Hashers)
	require.Equal(t, web.CookieOptions{Path: "/", SameSite: http.SameSiteLaxMode, Secure: true}, cfg.Cookies)
	require.Equal(t, cmd.Session{Lifespan: 24 * time.Hour, Cookie: web.CookieOptions{
		Name: "ory_kratos_session", Path: "/", SameSite: http.SameSiteLaxMode, Secure: true, Persistent: true,
	}}, cfg.Session)
	require.Equal(t, cmd.Password{
		Enabled: true, Policy: password.Policy{MinLength: 8, SimilarityCheck: true, IgnoreNetworkErrors: true},
		PwnedHost: "api.pwnedpasswords.com", RegistrationGroup: "password",
	}, cfg.SelfService.Password)
	require.True(t, cfg.SelfService.Registration.Enabled)
	require.Equal(t, time.Hour, cfg.SelfService.Registration.Lifespan)
	bare := cmd.After{Method: map[string]cmd.AfterMethod{"password": {}, "code": {}, "oidc": {}}}
	require.Equal(t, bare, cfg.SelfService.Registration.After)
	require.False(t, cfg.SelfService.Registration.ProfileFirst)
	require.Equal(t, cmd.Login{UIURL: "https://www.example.com/login", Lifespan: time.Hour, After: bare}, cfg.SelfService.Login)
	require.Equal(t, cmd.Settings{
		Lifespan: time.Hour, PrivilegedMaxAge: time.Hour, After: cmd.After{Method: map[string]cmd.AfterMethod{"password": {}, "profile": {}, "oidc": {}}},
	}, cfg.SelfService.Settings)
	require.Equal(t, cmd.Recovery{Lifespan: time.Hour, Use: "code", After: cmd.After{Method: map[string]cmd.AfterMethod{}}}, cfg.SelfService.Recovery)
	require.True(t, cfg.SelfService.Profile.Enabled)
	require.False(t, cfg.SelfService.UseContinueWith)
	require.Equal(t, cmd.Log{Level: slog.LevelInfo, Format: "auto"}, cfg.Log)
	require.Equal(t, web.OutboundConfig{MaxBytes: 1 << 20}, cfg.Outbound)
	require.Equal(t, cmd.Database{CleanupBatch: 100, CleanupSleep: time.Minute}, cfg.Database)
	require.Len(t, cfg.Revision, 64)
}

func TestDevLiftsFloorsAndSaysSo(t *testing.T) {
	dev := write(t, "dev.yml", `
dev: true
serve:
  public: {base_url: "http://127.0.0.1:4433", cors: {enabled: true}}
  admin: {host: 0.0.0.0}
session: {cookie: {secure: false}}
identity: {schemas: [{id: person, url: "http://127.0.0.1/person.json"}]}
selfservice:
  methods: {totp: {enabled: true}}
`)
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", dev}})
	require.True(t, cfg.Dev)
	require.False(t, cfg.Cookies.Secure, "cookies on http")
	require.Equal(t, []string{
		`cookies.secure: cookies without Secure can be read on the wire`,
		`identity.schemas.0.url: a schema fetched over http can be exchanged on its way`,
		`selfservice.methods.totp.enabled: not built yet, so it does not protect`,
		`serve.admin.host: beyond loopback and a unix socket, here on "0.0.0.0", callers have to prove who they are: set serve.admin.auth.tokens, .jwt or .mtls, or serve.admin.auth: none`,
		`serve.public.cors.allowed_origins.0: allowed_origins "*" together with allow_credentials lets every page act as the person; list the origins`,
		`session.cookie.secure: cookies without Secure can be read on the wire`,
	}, report.Lifted)

	flag, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Dev: true})
	require.True(t, flag.Dev)
	require.True(t, flag.Cookies.Secure, "the base URL is https")

	plain := write(t, "plain.yml", "{dsn: memory, selfservice: {default_browser_return_url: 'http://127.0.0.1:4455', flows: {registration: {enabled: false}, error: {ui_url: 'http://127.0.0.1:4455/error'}}}, identity: {schemas: [{id: default, url: 'base64://e30='}]}}")
	bare, _ := load(t, cmd.LoadOptions{Files: []string{plain}, Dev: true})
	require.Equal(t, "http://127.0.0.1:4433", bare.Serve.Public.BaseURL)
	require.Equal(t, "http://127.0.0.1:4434", bare.Serve.Admin.BaseURL)
	prod, _ := load(t, cmd.LoadOptions{Files: []string{plain}})
	hostname, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, "https://"+hostname+":4433", prod.Serve.Public.BaseURL)
}

func TestFullConfiguration(t *testing.T) {
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/full.yml"}})
	require.Equal(t, []string{
		"ciphers",
		"courier.templates.verifiable_address_changed",
		"expose-metrics-port",
		"hashers.argon2.expected_deviation",
		"hashers.argon2.expected_duration", "log.redaction_text",
		"oauth2_provider",
		"preview",
		"selfservice.flows.registration.login_hints",
		"selfservice.flows.settings.required_aal",
		"selfservice.methods.passkey",
		"selfservice.methods.password.config.migrate_hook",
		"session.whoami.required_aal",
		"tracing",
	}, report.NotInEffect)
	require.Empty(t, report.Lifted)

	require.Equal(t, cmd.Endpoint{
		Host: "0.0.0.0", Port: 4433, BaseURL: "https://auth.example.com",
		Socket: cmd.Socket{Owner: "www-data", Group: "www-data", Mode: 0o770},
		TLS:    cmd.TLS{CertPath: "/etc/tls/cert.pem", KeyPath: "/etc/tls/key.pem"},
	}, cfg.Serve.Public.Endpoint)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")}, cfg.Serve.Public.TrustedProxies)
	require.Equal(t, 600, cfg.Serve.Public.CORS.MaxAge)
	require.Equal(t, "http://admin.internal", cfg.Serve.Admin.BaseURL)
	after := cfg.SelfService.Registration.After
	require.Equal(t, "https://www.example.com/welcome", after.ReturnURL)
	require.Equal(t, []string{"web_hook"}, names(after.Hooks))
	require.Equal(t, []string{"show_verification_ui", "session"}, names(after.Method["password"].Hooks))
	require.Equal(t, "https://www.example.com/hello", after.Method["password"].ReturnURL)
	require.Equal(t, cmd.AfterMethod{ReturnURL: "https://www.example.com/hi", Hooks: []cmd.Hook{{Name: "show_verification_ui", Key: "registration.after.code.0"}}}, after.Method["code"])
	require.Equal(t, []string{"session"}, names(after.Method["oidc"].Hooks))
	require.Equal(t, "default", cfg.SelfService.Password.RegistrationGroup)
	require.True(t, cfg.SelfService.Registration.ProfileFirst)
	require.Equal(t, cmd.Login{
		UIURL: "https://www.example.com/login", Lifespan: 10 * time.Minute, IdentifierFirst: true,
		After: cmd.After{ReturnURL: "https://www.example.com/back", Hooks: []cmd.Hook{{Name: "verification", Key: "login.after.0"}, {Name: "show_verification_ui", Key: "login.after.1"}}, Method: map[string]cmd.AfterMethod{
			"password": {Hooks: []cmd.Hook{{Name: "revoke_active_sessions", Key: "login.after.password.0"}}},
			"code":     {ReturnURL: "https://www.example.com/by-code", Hooks: []cmd.Hook{{Name: "require_verified_address", Key: "login.after.code.0"}}},
			"oidc":     {},
		}},
	}, cfg.SelfService.Login)
	require.Equal(t, cmd.Settings{
		UIURL: "https://www.example.com/settings", Lifespan: 20 * time.Minute, PrivilegedMaxAge: 15 * time.Minute,
		After: cmd.After{ReturnURL: "https://www.example.com/saved", Method: map[string]cmd.AfterMethod{
			"password": {Hooks: []cmd.Hook{{Name: "revoke_active_sessions", Key: "settings.after.password.0"}}},
			"profile": {ReturnURL: "https://www.example.com/me", Hooks: []cmd.Hook{
				{Name: "notify_previous_addresses", Key: "settings.after.profile.0", Recipients: "all_verified"}, {Name: "show_verification_ui", Key: "settings.after.profile.1"},
			}},
			"oidc": {},
		}},
	}, cfg.SelfService.Settings)
	require.Equal(t, cmd.Recovery{
		Enabled: true, UIURL: "https://www.example.com/recovery", Lifespan: 40 * time.Minute, Use: "link", NotifyUnknown: true,
		After: cmd.After{ReturnURL: "https://www.example.com/safe", Hooks: []cmd.Hook{{Name: "revoke_active_sessions", Key: "recovery.after.0"}}, Method: map[string]cmd.AfterMethod{}},
	}, cfg.SelfService.Recovery)
	require.False(t, cfg.SelfService.Profile.Enabled)
	require.True(t, cfg.SelfService.UseContinueWith)
	require.Equal(t, []schema.Source{
		{ID: "customer", URL: "file:///etc/foyer/customer.schema.json"},
		{ID: "employee", URL: "https://schemas.internal/employee.json", Selectable: true},
	}, cfg.Identity.Schemas)
	require.Equal(t, "auth.example.com", cfg.Session.Cookie.Domain)
	require.Equal(t, http.SameSiteStrictMode, cfg.Session.Cookie.SameSite)
	require.False(t, cfg.Session.Cookie.Persistent)
	require.Equal(t, 24*time.Hour, cfg.Session.Extendable)
	require.True(t, cfg.Session.Cacheable)
	require.Equal(t, time.Minute, cfg.Session.CacheMaxAge)
	require.Equal(t, []cmd.Tokenizer{
		{Name: "jwt", JWKSURL: "file:///etc/foyer/jwks.json", MapperURL: "base64://e30=", TTL: 5 * time.Minute, Subject: "id"},
		{Name: "least.dotted", JWKSURL: "base64://c2lnbmluZy1rZXk=", TTL: time.Minute, Subject: "external_id"},
	}, cfg.Session.Tokenizers)
	require.Equal(t, cmd.Logout{ReturnURL: "https://www.example.com/bye", ClearBrowserData: true}, cfg.SelfService.Logout)
	require.Equal(t, hash.Argon2{Memory: 64 << 10, Iterations: 3, Parallelism: 4, SaltLength: 32, KeyLength: 64}, cfg.Hashers.Argon2)
	require.Equal(t, uint64(2<<30), cfg.Hashers.Budget)
	require.Equal(t, slog.LevelWarn, cfg.Log.Level)
	require.Equal(t, 48*time.Hour, cfg.Database.CleanupOlderThan)
	require.True(t, cfg.Security.DisallowRefInSchemas)
}

func TestNothingSecretIsPrinted(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/full.yml"}})
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("x", "config", cfg, "secrets", cfg.Secrets)
	printed := log.String() + fmt.Sprintf("%v %+v %s %#v %v %+v %#v", cfg, cfg, cfg, cfg, cfg.Secrets, cfg.Secrets, cfg.Secrets)
	for _, secret := range []string{"p%40ss", "word@", "the-default-secret", "the-secret-of-cookies", "the-cipher-secret"} {
		require.NotContains(t, printed, secret)
	}
	require.Contains(t, printed, "db.internal:5432", "the host is no secret")

	raw, err := json.Marshal(cfg)
	require.NoError(t, err)
	log.Reset()
	logger.Info("x", "tokenizers", cfg.Session.Tokenizers, "one", cfg.Session.Tokenizers[1])
	shown := log.String() + fmt.Sprintf("%s %v %+v %#v", raw, cfg.Session, cfg.Session, cfg.Session)
	require.NotContains(t, shown, "c2lnbmluZy1rZXk", "a key that signs")
	require.Contains(t, shown, "/etc/foyer/jwks.json")

	for dsn, want := range map[string]string{
		"mysql://u:p@ss/w:rd@tcp(db:3306)/foyer":     "mysql://u:xxxxx@tcp(db:3306)/foyer",
		"postgres://u@db/foyer?password=hunter2&a=b": "postgres://u@db/foyer?password=xxxxx&a=b",
		"postgres://u@db/foyer":                      "postgres://u@db/foyer",
		"sqlite:///var/a@b.db":                       "sqlite:///var/a@b.db",
	} {
		require.Contains(t, (&cmd.Config{DSN: dsn}).String(), "dsn="+want+" ")
	}
	require.Contains(t, printed, cfg.Revision)
}

// What stands for itself in a log must hide itself, wherever it is nested.
func TestNoCredentialOfTheCourierIsPrinted(t *testing.T) {
	full := write(t, "more.yml", `
courier:
  http: {request_config: {url: "https://gateway/x?query-token", headers: {A: header-token}, auth: {type: api_key, config: {name: X-Key, value: auth-value}}}}
  templates: {verification: {valid: {email: {subject: "https://templates.internal/s?sig=template-sig"}}}}
`)
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/full.yml", full}})
	var log bytes.Buffer
	courier := cfg.Courier
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("x", "config", cfg, "courier", courier, "pointer", &courier, "smtp", courier.SMTP, "http", courier.HTTP, "auth", courier.HTTP.Auth, "templates", courier.Templates)
	}
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		for _, part := range []any{*cfg, courier, &courier, courier.SMTP, courier.HTTP, courier.HTTP.Auth, courier.Channels, courier.Templates} {
			fmt.Fprintf(&log, verb+"\n", part)
		}
	}
	raw, err := json.Marshal(cfg)
	require.NoError(t, err)
	printed := log.String() + string(courierOf(t, raw))
	for _, secret := range []string{"mail-user", "mail-password", "query-token", "header-token", "auth-user", "auth-password", "auth-value", "template-sig"} {
		require.NotContains(t, printed, secret)
	}
	for _, known := range []string{"mail.internal:465", "skip_ssl_verify=true", "server_name=mail.example.com", "sms.internal", "X-Token", "basic_auth", "templates.internal"} {
		require.Contains(t, printed, known)
	}
}

func courierOf(t *testing.T, config []byte) json.RawMessage {
	var c struct{ Courier json.RawMessage }
	require.NoError(t, json.Unmarshal(config, &c))
	require.NotEmpty(t, c.Courier)
	return c.Courier
}

func TestRevisionIsOfTheEffectiveConfiguration(t *testing.T) {
	base, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	spelled := write(t, "spelled.yml", "log: {level: info}\nsession: {lifespan: 24h}\n")
	same, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", spelled}})
	require.Equal(t, base.Revision, same.Revision, "spelling out a default changes nothing")
	other, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{"SESSION_LIFESPAN=25h"}})
	require.NotEqual(t, base.Revision, other.Revision)
	planned, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{"TRACING_SERVICE_NAME=me"}})
	require.Equal(t, base.Revision, planned.Revision, "what is not in effect changes nothing")
}

// Whoever is shown the digest must not be able to try passwords on it.
func TestRevisionTellsNothingOfSecrets(t *testing.T) {
	revision := func(env ...string) string {
		cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: append([]string{
			"DSN=postgres://foyer:a@db/foyer", "SECRETS_DEFAULT=a-secret-of-sixteen-letters",
			"SELFSERVICE_FLOWS_VERIFICATION_ENABLED=true", "SELFSERVICE_FLOWS_VERIFICATION_UI_URL=https://www.example.com/verification",
			"SERVE_PUBLIC_TLS_CERT_BASE64=AAAA", "SERVE_PUBLIC_TLS_KEY_BASE64=AAAA",
			"COURIER_SMTP_CONNECTION_URI=smtp://u:a@mail", `COURIER_SMTP_HEADERS={"X-A":"a"}`,
			"COURIER_CHANNELS_0_ID=sms", "COURIER_CHANNELS_0_REQUEST_CONFIG_URL=https://sms?key=a",
			`COURIER_CHANNELS_0_REQUEST_CONFIG_HEADERS={"X-A":"a"}`, "COURIER_CHANNELS_0_REQUEST_CONFIG_AUTH_TYPE=basic_auth",
			"COURIER_CHANNELS_0_REQUEST_CONFIG_AUTH_CONFIG_USER=a", "COURIER_CHANNELS_0_REQUEST_CONFIG_AUTH_CONFIG_PASSWORD=a",
		}, env...)})
		return cfg.Revision
	}
	first := revision()
	for _, secret := range []string{
		"DSN=postgres://foyer:b@db/foyer", "SECRETS_DEFAULT=another-secret-of-letters", "SECRETS_COOKIE=another-secret-of-letters",
		"SERVE_PUBLIC_TLS_KEY_BASE64=BBBB", "COURIER_SMTP_CONNECTION_URI=smtp://v:b@mail", `COURIER_SMTP_HEADERS={"X-A":"b"}`,
		"COURIER_CHANNELS_0_REQUEST_CONFIG_URL=https://sms?key=b", `COURIER_CHANNELS_0_REQUEST_CONFIG_HEADERS={"X-A":"b"}`,
		"COURIER_CHANNELS_0_REQUEST_CONFIG_AUTH_CONFIG_USER=b", "COURIER_CHANNELS_0_REQUEST_CONFIG_AUTH_CONFIG_PASSWORD=b",
	} {
		require.Equal(t, first, revision(secret), secret)
	}
	for _, other := range []string{
		"DSN=postgres://foyer:a@db/other", "SERVE_PUBLIC_TLS_CERT_BASE64=BBBB", "HASHERS_ARGON2_ITERATIONS=3",
		"SERVE_PUBLIC_TRUSTED_PROXIES=10.0.0.0/8", "SERVE_PUBLIC_CORS_MAX_AGE=7", "SELFSERVICE_METHODS_PASSWORD_CONFIG_MAX_BREACHES=7",
		"COURIER_SMTP_CONNECTION_URI=smtp://u:a@other", "COURIER_SMTP_CONNECTION_URI=smtp://u:a@mail?skip_ssl_verify=true",
		`COURIER_SMTP_HEADERS={"X-B":"a"}`, "COURIER_CHANNELS_0_REQUEST_CONFIG_URL=https://other?key=a", "COURIER_LEASE=50s",
		"SECURITY_ACCOUNT_ENUMERATION_MITIGATE=true", "BRAND_NAME=x",
	} {
		require.NotEqual(t, first, revision(other), other)
	}
}

func TestQuickstart(t *testing.T) {
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"../contrib/quickstart/foyer.yml"}, Dev: true})
	require.Empty(t, report.NotInEffect)
	require.Subset(t, []string{"selfservice.flows.login.ui_url: missing, so people can register but not sign in"}, report.Warnings)
	require.Equal(t, "http://127.0.0.1:4433", cfg.Serve.Public.BaseURL)
	require.Equal(t, []string{"session", "show_verification_ui"}, names(cfg.SelfService.Registration.After.Method["password"].Hooks))
	require.Empty(t, cfg.SelfService.Password.PwnedHost)
	raw, err := os.ReadFile("../contrib/quickstart/identity.schema.json")
	require.NoError(t, err)
	require.True(t, json.Valid(raw))
}

func TestDeadEndsAreWarnedOf(t *testing.T) {
	const (
		noLogin    = "selfservice.flows.login.ui_url: missing, so people can register but not sign in"
		noSettings = "selfservice.flows.settings.ui_url: missing, so whoever recovers an account cannot choose a new password"
		noRegister = "selfservice.methods.password.enabled: no method is left to register with"
		noSignIn   = "selfservice.methods.password.enabled: no method is left to sign in with"
	)
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"selfservice: {flows: {login: {}}}", []string{noLogin}},
		{"selfservice: {flows: {login: {}, registration: {enabled: false}}}", nil},
		{"selfservice: {flows: {login: {ui_url: https://www.example.com/login}}}", nil},
		{"selfservice: {methods: {password: {enabled: false}}, flows: {login: {ui_url: https://www.example.com/login}}}", []string{noRegister, noSignIn}},
		{"selfservice: {methods: {password: {enabled: false}, code: {passwordless_enabled: true}}, flows: {login: {ui_url: https://www.example.com/login}}}", nil},
		{"selfservice: {flows: {login: {ui_url: https://www.example.com/login}, recovery: {enabled: true, ui_url: https://www.example.com/recovery}}}", []string{noSettings}},
		{"selfservice: {flows: {login: {ui_url: https://www.example.com/login}, settings: {ui_url: https://www.example.com/settings}, recovery: {enabled: true, ui_url: https://www.example.com/recovery}}}", nil},
	} {
		base := write(t, "base.yml", "{dsn: memory, selfservice: {default_browser_return_url: 'https://www.example.com', flows: {registration: {ui_url: 'https://www.example.com'}, error: {ui_url: 'https://www.example.com/error'}}}, identity: {schemas: [{id: default, url: 'base64://e30='}]}}")
		_, report := load(t, cmd.LoadOptions{Files: []string{base, write(t, "more.yml", tt.text)}, Dev: true})
		require.Equal(t, tt.want, report.Warnings, tt.text)
	}
}

func TestReportIsLogged(t *testing.T) {
	var out bytes.Buffer
	report := &cmd.Report{Warnings: []string{"careful"}, NotInEffect: []string{"a.b", "c"}, Lifted: []string{"d: because"}}
	report.Log(slog.New(slog.NewTextHandler(&out, nil)))
	require.Contains(t, out.String(), `msg="accepted, not in effect" keys="[a.b c]"`)
	require.Contains(t, out.String(), "careful")
	require.Contains(t, out.String(), "--dev")
	require.Contains(t, out.String(), "d: because")
	out.Reset()
	(&cmd.Report{}).Log(slog.New(slog.NewTextHandler(&out, nil)))
	require.Empty(t, out.String())
}

// names are those of hooks, in their order.
func names(hooks []cmd.Hook) (list []string) {
	for _, h := range hooks {
		list = append(list, h.Name)
	}
	return list
}

// write puts a file into a temporary folder and returns its path.
func write(t testing.TB, name, text string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
