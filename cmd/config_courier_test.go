package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
)

func TestCourierDefaults(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	require.Equal(t, cmd.Courier{
		Strategy: "smtp",
		SMTP:     cmd.SMTP{FromAddress: "no-reply@auth.example.com", LocalName: "localhost"},
		HTTP:     cmd.Request{Method: "POST"},
		Retries:  5, PullCount: 10, PullWait: time.Second,
		Lease: time.Minute, Timeout: 30 * time.Second, Retention: 7 * 24 * time.Hour,
		Budget: cmd.Budget{Per10Minutes: 3, PerDay: 10},
		Watch:  true,
	}, cfg.Courier)
	require.Equal(t, cmd.Brand{}, cfg.Brand)
	require.False(t, cfg.SMTPDisallowPrivate)
	require.False(t, cfg.Security.MitigateEnumeration)
	require.False(t, cfg.SelfService.Registration.VerifyBeforeCreate)
	require.Equal(t, cmd.Verification{Lifespan: time.Hour, Use: "code", After: cmd.After{Method: map[string]cmd.AfterMethod{}}}, cfg.SelfService.Verification)
	require.Equal(t, cmd.Code{Enabled: true, Lifespan: 10 * time.Minute, MaxSubmissions: 5, Length: 6}, cfg.SelfService.Code)
	require.Equal(t, cmd.Link{Lifespan: time.Hour, BaseURL: "https://auth.example.com"}, cfg.SelfService.Link)
}

func TestFullCourier(t *testing.T) {
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/full.yml"}})
	require.Equal(t, []string{"selfservice.methods.code.config.lifespan: 15m0s is more than is advisable for a code, which is 10m0s"}, report.Warnings)
	require.Equal(t, cmd.Courier{
		Strategy: "smtp",
		SMTP: cmd.SMTP{
			ConnectionURI: "smtps://mail-user:mail-password@mail.internal:465/?skip_ssl_verify=true&server_name=mail.example.com",
			FromAddress:   "no-reply@example.com", FromName: "Example", Headers: map[string]string{"X-Mailer": "foyer"}, LocalName: "auth.example.com",
		},
		HTTP: cmd.Request{Method: "POST"},
		Channels: []cmd.Channel{{ID: "sms", Type: "http", Request: cmd.Request{
			URL: "https://sms.internal/send?token=query-token", Method: "PUT", Headers: map[string]string{"X-Token": "header-token"},
			BodyURL: "base64://e30=", Auth: cmd.Auth{Type: "basic_auth", User: "auth-user", Password: "auth-password"},
		}}},
		Retries: 7, PullCount: 20, PullWait: 2 * time.Second, Lease: 90 * time.Second, Timeout: 45 * time.Second, Retention: 24 * time.Hour,
		Budget:         cmd.Budget{Per10Minutes: 4, PerDay: 12, PerMinuteTotal: 600},
		TemplateFolder: "/etc/foyer/templates",
		Templates: []cmd.TemplateSource{
			{Name: "recovery_code", Valid: true, Part: "email.body.html", URL: "base64://eA=="},
			{Name: "recovery_code", Valid: true, Part: "email.body.plaintext", URL: "base64://eA=="},
			{Name: "recovery_code", Valid: true, Part: "email.subject", URL: "base64://eA=="},
			{Name: "recovery_code", Valid: true, Part: "sms.body.plaintext", URL: "base64://eA=="},
			{Name: "verification_code", Valid: true, Part: "email.body.html", URL: "file:///etc/foyer/code.html.gotmpl"},
			{Name: "verification_code", Valid: false, Part: "email.subject", URL: "https://templates.internal/subject"},
		},
		Watch: true,
	}, cfg.Courier)
	require.Equal(t, cmd.Brand{
		Name: "Example", LogoURL: "https://www.example.com/logo.png", Color: "#1a73e8", BackgroundColor: "#ffffff", TextColor: "#222222",
		Footer: "Example Ltd, 1 Road", SupportURL: "https://www.example.com/help", SignInURL: "https://www.example.com/login",
	}, cfg.Brand)
	require.True(t, cfg.SMTPDisallowPrivate)
	require.True(t, cfg.SelfService.Registration.VerifyBeforeCreate)
	require.Equal(t, cmd.Verification{
		Enabled: true, UIURL: "https://www.example.com/verification", Lifespan: 20 * time.Minute, Use: "code",
		NotifyUnknown: true, After: cmd.After{ReturnURL: "https://www.example.com/verified", Method: map[string]cmd.AfterMethod{}},
	}, cfg.SelfService.Verification)
	require.Equal(t, cmd.Code{Enabled: true, Passwordless: true, Lifespan: 15 * time.Minute, MaxSubmissions: 3, Length: 8}, cfg.SelfService.Code)
	require.Equal(t, cmd.Link{Enabled: true, Lifespan: 2 * time.Hour, BaseURL: "https://links.example.com"}, cfg.SelfService.Link)
}

// Courier sections as they are found in the wild.
func TestCourierOfAKratosFile(t *testing.T) {
	const verification = `
selfservice:
  flows:
    registration:
      after: {hooks: [], password: {hooks: [{hook: session}, {hook: show_verification_ui}]}}
    verification:
      enabled: true
      ui_url: https://www.example.com/verification
      use: code
      after: {default_browser_return_url: https://www.example.com/}
  methods: {code: {enabled: true, config: {lifespan: 1h, max_submissions: 10}}, link: {enabled: true}}
`
	for name, tt := range map[string]struct {
		text string
		want func(*testing.T, cmd.Courier)
	}{
		"the quickstart": {`
courier:
  smtp:
    connection_uri: smtps://test:test@mailslurper:1025/?skip_ssl_verify=true&legacy_ssl=true
`, func(t *testing.T, c cmd.Courier) {
			require.Equal(t, "smtps://test:test@mailslurper:1025/?skip_ssl_verify=true&legacy_ssl=true", c.SMTP.ConnectionURI)
			require.Equal(t, "no-reply@auth.example.com", c.SMTP.FromAddress)
		}},
		"a provider": {`
courier:
  smtp:
    connection_uri: smtp://AKIA%2B:pa%2Fss%40word@email-smtp.eu-west-1.amazonaws.com:587/
    from_address: No-Reply+a@example.com
    from_name: "Example, Inc. – Köln"
    headers: {X-SES-SOURCE-ARN: "arn:aws:ses:us-west-2:123456789012:identity/example.com"}
    local_name: example.com
  message_retries: 0
  template_override_path: /conf/courier-templates
`, func(t *testing.T, c cmd.Courier) {
			require.Equal(t, 0, c.Retries)
			require.Equal(t, "Example, Inc. – Köln", c.SMTP.FromName)
		}},
		"a gateway": {`
courier:
  delivery_strategy: http
  http:
    request_config:
      url: http://mailer.default.svc:8080/send
      method: POST
      body: file:///etc/config/mailer.jsonnet
      headers: {"Content-Type": "application/json"}
      auth: {type: api_key, config: {name: Authorization, value: Bearer x, in: header}}
`, func(t *testing.T, c cmd.Courier) {
			require.Equal(t, "http", c.Strategy)
			require.Equal(t, cmd.Request{
				URL: "http://mailer.default.svc:8080/send", Method: "POST", Headers: map[string]string{"Content-Type": "application/json"},
				BodyURL: "file:///etc/config/mailer.jsonnet", Auth: cmd.Auth{Type: "api_key", Name: "Authorization", Value: "Bearer x", In: "header"},
			}, c.HTTP)
		}},
		"SMS": {`
courier:
  smtp: {connection_uri: "smtp://mail:25/?disable_starttls=true"}
  channels:
    - id: sms
      type: http
      request_config:
        url: https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json
        method: POST
        body: base64://ZnVuY3Rpb24oY3R4KSB7fQ==
        headers: {Content-Type: application/x-www-form-urlencoded}
        auth: {type: basic_auth, config: {user: AC1, password: secret}}
`, func(t *testing.T, c cmd.Courier) {
			require.Equal(t, "smtp", c.Strategy)
			require.Len(t, c.Channels, 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", write(t, "kratos.yml", verification), write(t, "courier.yml", tt.text)}})
			require.Empty(t, report.NotInEffect)
			require.Equal(t, []string{
				"selfservice.methods.code.config.lifespan: 1h0m0s is more than is advisable for a code, which is 10m0s",
				"selfservice.methods.code.config.max_submissions: at most 5 codes are evaluated in a flow, so 10 counts as 5",
			}, report.Warnings)
			require.Equal(t, []string{"session", "show_verification_ui"}, names(cfg.SelfService.Registration.After.Method["password"].Hooks))
			require.False(t, cfg.Courier.Inbox)
			require.Equal(t, 5, cfg.SelfService.Code.MaxSubmissions)
			tt.want(t, cfg.Courier)
		})
	}
}

func TestChannelForMailHasTheLastWord(t *testing.T) {
	file := write(t, "c.yml", `
courier:
  smtp: {connection_uri: smtp://mail}
  channels:
    - {id: email, request_config: {url: https://mail.example.com}}
    - {id: sms, request_config: {url: https://sms.example.com}}
selfservice: {flows: {verification: {enabled: true, ui_url: https://www.example.com/verification}}}
`)
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}})
	require.Equal(t, "http", cfg.Courier.Strategy)
	require.Equal(t, "https://mail.example.com", cfg.Courier.HTTP.URL)
	require.Equal(t, []cmd.Channel{{ID: "sms", Type: "http", Request: cmd.Request{URL: "https://sms.example.com", Method: "POST"}}}, cfg.Courier.Channels)

	file = write(t, "c.yml", "courier: {smtp: {connection_uri: smtp://mail}, channels: [{id: email, type: smtp}]}\n")
	cfg, _ = load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}})
	require.Equal(t, "smtp", cfg.Courier.Strategy)
	require.Empty(t, cfg.Courier.Channels)
}

// Links may lead to another host where the cookies do, too.
func TestLinksToAnotherHost(t *testing.T) {
	for base, domain := range map[string]string{
		"https://links.example.com":          "example.com",
		"https://example.com/accounts":       "example.com",
		"https://auth.example.com:8443":      "",
		"https://AUTH.example.com":           "",
		"https://links.auth.example.com":     "auth.example.com",
		"https://a.b.example.com:444/links/": ".example.com",
	} {
		env := []string{"SELFSERVICE_METHODS_LINK_CONFIG_BASE_URL=" + base}
		if domain != "" {
			env = append(env, "COOKIES_DOMAIN="+domain)
		}
		cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: env})
		require.Equal(t, strings.TrimRight(base, "/"), cfg.SelfService.Link.BaseURL)
	}
}

// One key below recovery works before there is recovery, either way.
func TestRevokingSessionsOnProof(t *testing.T) {
	for text, want := range map[string]bool{"{}": true, "{revoke_active_sessions: true}": true, "{revoke_active_sessions: false}": false} {
		cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", write(t, "r.yml", "selfservice: {flows: {recovery: "+text+"}}\n")}})
		require.Equal(t, want, cfg.SelfService.RevokeOnProof, text)
		require.Empty(t, report.NotInEffect, text)
	}
}

func TestInboxOnlyInDev(t *testing.T) {
	verification := []string{"SELFSERVICE_FLOWS_VERIFICATION_ENABLED=true", "SELFSERVICE_FLOWS_VERIFICATION_UI_URL=https://www.example.com/verification"}
	_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: verification})
	require.ErrorContains(t, err, "courier.smtp.connection_uri: required, but missing")
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: verification, Dev: true})
	require.True(t, cfg.Courier.Inbox)
	cfg, _ = load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: append(verification, "COURIER_SMTP_CONNECTION_URI=smtp://mail"), Dev: true})
	require.False(t, cfg.Courier.Inbox)
	cfg, _ = load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: append(verification, "COURIER_SMTP_CONNECTION_URI=smtp://mail")})
	require.False(t, cfg.Courier.Inbox)
}

func TestStealthImpliesProvingFirst(t *testing.T) {
	env := []string{
		"SELFSERVICE_FLOWS_VERIFICATION_ENABLED=true", "SELFSERVICE_FLOWS_VERIFICATION_UI_URL=https://www.example.com/verification",
		"COURIER_SMTP_CONNECTION_URI=smtp://mail", "SECURITY_ACCOUNT_ENUMERATION_MITIGATE=true",
	}
	for _, use := range []string{"code", "link"} {
		cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: append(env, "SELFSERVICE_METHODS_LINK_ENABLED=true", "SELFSERVICE_FLOWS_VERIFICATION_USE="+use)})
		require.True(t, cfg.Security.MitigateEnumeration)
		require.True(t, cfg.SelfService.Registration.VerifyBeforeCreate)
		require.Equal(t, use, cfg.SelfService.Verification.Use)
		require.Empty(t, report.NotInEffect)
		require.Empty(t, report.Lifted)
	}
	// Nothing is to be hidden where nobody can register.
	load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{"SECURITY_ACCOUNT_ENUMERATION_MITIGATE=true", "SELFSERVICE_FLOWS_REGISTRATION_ENABLED=false"}})
}

func TestWhoDelivers(t *testing.T) {
	postgres := []string{"DSN=postgres://foyer@db/foyer", "SECRETS_DEFAULT=a-secret-of-sixteen-letters"}
	for _, tt := range []struct {
		env  []string
		flag bool
		want bool
	}{
		{nil, false, true},
		{[]string{"DSN=sqlite://foyer.sqlite"}, false, true},
		{[]string{"WATCH_COURIER=false"}, false, false},
		{[]string{"WATCH_COURIER=false"}, true, true},
		{postgres, false, false},
		{postgres, true, true},
		{append(postgres, "WATCH_COURIER=true"), false, true},
	} {
		cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: tt.env, Watch: tt.flag})
		require.Equal(t, tt.want, cfg.Courier.Watch, "%v %v", tt.env, tt.flag)
	}
}

func TestSenderWithoutAName(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{"BRAND_NAME=Example", "SERVE_PUBLIC_BASE_URL=https://192.0.2.1:4433"}})
	require.Equal(t, "Example", cfg.Courier.SMTP.FromName)
	require.Equal(t, "no-reply@localhost", cfg.Courier.SMTP.FromAddress)
}

// Files are looked at before serving, and only then: another machine may serve.
func TestFilesOfTheCourier(t *testing.T) {
	dir := t.TempDir()
	notPEM := filepath.Join(dir, "cert.pem")
	require.NoError(t, os.WriteFile(notPEM, []byte("hunter2"), 0o600))
	env := []string{"COURIER_TEMPLATE_OVERRIDE_PATH=" + filepath.Join(dir, "none"), "COURIER_SMTP_CLIENT_CERT_PATH=" + notPEM, "COURIER_SMTP_CLIENT_KEY_PATH=" + notPEM}
	load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: env})
	_, _, err := cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: env, Serve: true})
	require.EqualError(t, err, `environment variable COURIER_SMTP_CLIENT_CERT_PATH: courier.smtp.client_cert_path: holds no certificate in PEM
environment variable COURIER_TEMPLATE_OVERRIDE_PATH: courier.template_override_path: no such file or directory`)
	_, _, err = cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{"COURIER_TEMPLATE_OVERRIDE_PATH=" + notPEM}, Serve: true})
	require.ErrorContains(t, err, "courier.template_override_path: is no directory")
	_, _, err = cmd.Load(cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{"COURIER_TEMPLATE_OVERRIDE_PATH=" + dir}, Serve: true})
	require.NoError(t, err)
}

// No report of what is wrong may quote what may be a credential.
func TestProblemsQuoteNoCredential(t *testing.T) {
	for _, c := range brokenCases(t) {
		require.NotContains(t, c.want, "hunter2", c.name)
	}
}
