package cmd_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/internal/enginetest"
	"github.com/foyer-id/foyer/internal/process"
)

// run calls the program as from a shell.
func run(args ...string) (status int, out, errOut string) {
	var o, e bytes.Buffer
	status = cmd.Main(args, &o, &e)
	return status, o.String(), e.String()
}

func TestCourierPreview(t *testing.T) {
	status, out, _ := run("courier", "preview", "verification_code_valid", "--locale", "de-AT", "--part", "text")
	require.Zero(t, status)
	require.Contains(t, out, "482915")
	require.Contains(t, out, "Sie")

	file := filepath.Join(t.TempDir(), "mail.html")
	status, out, _ = run("courier", "preview", "registration_code_valid", "--locale", "fr", "--out", file)
	require.Zero(t, status)
	require.Empty(t, out)
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(page), `lang="fr"`)

	status, _, errOut := run("courier", "nothing")
	require.Equal(t, 2, status)
	require.Contains(t, errOut, `unknown command "nothing"`)
	status, _, errOut = run("courier", "preview", "nothing")
	require.Equal(t, 2, status)
	require.Contains(t, errOut, `there is no message "nothing"`)
	status, _, errOut = run("courier", "preview", "test", "--part", "video")
	require.Equal(t, 2, status)
	require.Contains(t, errOut, "html, text, subject or sms")
}

// sink takes every mail.
type sink struct{ got chan []byte }

func (s sink) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return s, nil }
func (s sink) Mail(string, *gosmtp.MailOptions) error          { return nil }
func (s sink) Rcpt(string, *gosmtp.RcptOptions) error          { return nil }
func (s sink) Reset()                                          {}
func (s sink) Logout() error                                   { return nil }
func (s sink) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.got <- raw
	return err
}

func TestCourierTest(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := sink{make(chan []byte, 1)}
	server := gosmtp.NewServer(s)
	server.Domain = "localhost"
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })

	conf := configFile(t, map[string]any{"courier": map[string]any{"smtp": map[string]any{
		"connection_uri": "smtp://" + l.Addr().String() + "/?disable_starttls=true", "from_address": "foyer@example.org",
	}}})
	status, out, errOut := run("courier", "test", "--to", "ada@example.org", "-c", conf)
	require.Zero(t, status, errOut)
	require.Contains(t, out, "C: RCPT TO:<ada@example.org>")
	require.Contains(t, out, "accepted the mail")
	require.Contains(t, string(<-s.got), "To: <ada@example.org>")

	status, _, _ = run("courier", "test", "--to", "ada@example.org, eve@example.org", "-c", conf)
	require.Equal(t, 1, status)
	require.Empty(t, s.got)

	status, _, errOut = run("courier", "test", "--to", "ada@example.org", "-c", configFile(t, nil))
	require.Equal(t, 1, status)
	require.Contains(t, errOut, "courier.smtp.connection_uri")
}

// Without a gateway there is none to try: neither a fault, nor the inbox's yes.
func TestCourierTestWithoutGateway(t *testing.T) {
	for _, dev := range []bool{false, true} {
		conf := configFile(t, map[string]any{
			"courier": map[string]any{"delivery_strategy": "http"}, "dev": dev,
			"selfservice": map[string]any{"default_browser_return_url": "https://app.example.org/", "flows": map[string]any{
				"registration": map[string]any{"ui_url": "https://app.example.org/registration"},
				"error":        map[string]any{"ui_url": "https://app.example.org/error"},
			}},
		})
		status, out, errOut := run("courier", "test", "--to", "ada@example.org", "-c", conf)
		require.Equal(t, 1, status)
		require.Empty(t, out)
		require.Contains(t, errOut, "courier.http.request_config is not set, so there is no gateway to try")
	}
}

// A gateway has as long as the configuration says, and no more.
func TestCourierTestOfASlowGateway(t *testing.T) {
	release := make(chan struct{})
	gateway := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(gateway.Close)
	t.Cleanup(func() { close(release) })
	conf := configFile(t, map[string]any{"courier": map[string]any{
		"delivery_strategy": "http", "timeout": "100ms", "http": map[string]any{"request_config": map[string]any{"url": gateway.URL}},
	}})
	begun := time.Now()
	status, _, errOut := run("courier", "test", "--to", "ada@example.org", "-c", conf)
	require.Equal(t, 1, status)
	require.Contains(t, errOut, "courier.http.request_config")
	require.Less(t, time.Since(begun), 5*time.Second)
}

// What is wrong with a folder of templates is seen before a letter is sent.
func TestCourierPreviewWarns(t *testing.T) {
	dir := t.TempDir()
	override(t, dir, "verification_code/valid/email.sujet.gotmpl", "x")
	status, out, errOut := run("courier", "preview", "verification_code_valid", "--part", "subject", "-c",
		configFile(t, map[string]any{"courier": map[string]any{"template_override_path": dir}}))
	require.Zero(t, status)
	require.Contains(t, errOut, "courier.template_override_path")
	require.Contains(t, errOut, "email.sujet.gotmpl is no template and is not used")
	require.NotContains(t, out, "sujet")
}

// configFile writes a configuration that is whole but for what more brings.
func configFile(t *testing.T, more map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "person.json"), []byte(process.Person), 0o600))
	conf := map[string]any{
		"dsn":   "sqlite://" + filepath.Join(dir, "foyer.sqlite"),
		"serve": map[string]any{"public": map[string]any{"base_url": "https://auth.example.org"}},
		"selfservice": map[string]any{
			"default_browser_return_url": "https://app.example.org/",
			"flows": map[string]any{
				"registration": map[string]any{"ui_url": "https://app.example.org/registration"},
				"verification": map[string]any{"enabled": true, "ui_url": "https://app.example.org/verification"},
				"error":        map[string]any{"ui_url": "https://app.example.org/error"},
			},
		},
		"identity": map[string]any{"default_schema_id": "person", "schemas": []any{map[string]any{"id": "person", "url": "file://" + filepath.Join(dir, "person.json")}}},
		"dev":      true,
	}
	for key, value := range more {
		conf[key] = value
	}
	raw, err := json.Marshal(conf)
	require.NoError(t, err)
	file := filepath.Join(dir, "foyer.json")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	return file
}

func inline(text string) string { return "base64://" + base64.StdEncoding.EncodeToString([]byte(text)) }

// What could never be sent stops the start, not a delivery.
func TestBrokenMessagesStopTheStart(t *testing.T) {
	templates := func(part, body string) map[string]any {
		parts := map[string]any{"html": body}
		if part == "subject" {
			parts = nil
		}
		email := map[string]any{"body": parts}
		if part == "subject" {
			email = map[string]any{"subject": body}
		}
		return map[string]any{"templates": map[string]any{"verification_code": map[string]any{"valid": map[string]any{"email": email}}}}
	}
	request := func(body string) map[string]any {
		return map[string]any{"delivery_strategy": "http", "http": map[string]any{"request_config": map[string]any{"url": "https://sms.example.org/", "body": body}}}
	}
	large := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(large, []byte("function(ctx) {} //"+strings.Repeat("x", 256<<10)), 0o600))
	for name, c := range map[string]struct {
		courier map[string]any
		says    string
	}{
		"no template":     {templates("html", "file:///nowhere/x.gotmpl"), "courier.templates.verification_code.valid.email.body.html"},
		"broken template": {templates("html", inline("{{ .VerificationCode")), "courier.templates.verification_code.valid.email.body.html"},
		"failing subject": {templates("subject", inline("{{ env \"HOME\" }}")), "courier.templates.verification_code.valid.email.subject"},
		"mail server":     {map[string]any{"smtp": map[string]any{"connection_uri": "smtp://h/?legacy=1"}}, "courier.smtp.connection_uri"},
		"no body":         {request("file:///nowhere/body.jsonnet"), "courier.http.request_config.body"},
		"large body":      {request("file://" + large), "is larger than"},
		"large template":  {templates("html", "file://"+large), "is larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, errOut := run("serve", "-c", configFile(t, map[string]any{"courier": c.courier}))
			require.Equal(t, 1, status)
			require.Contains(t, errOut, c.says)
		})
	}
}

const phoneSchema = `{
  "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
  "properties": {"traits": {"type": "object", "properties": {
    "phone": {"type": "string", "format": "tel", "title": "Phone", "ory.sh/kratos": {
      "credentials": {"password": {"identifier": true}}, "verification": {"via": "sms"}}}
  }, "required": ["phone"], "additionalProperties": false}}
}`

// The whole way of an SMS: a real process, a body in Jsonnet evaluated by its
// child, a gateway.
func TestSMSByGateway(t *testing.T) {
	binary, err := process.Build(t.Context(), t.TempDir())
	require.NoError(t, err)
	got := make(chan map[string]any, 4)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		body["key"] = r.Header.Get("Idempotency-Key")
		got <- body
	}))
	t.Cleanup(gateway.Close)
	p := &process.Process{Binary: binary, Dir: t.TempDir(), Cheap: true, Config: map[string]any{
		"courier.channels": []any{map[string]any{"id": "sms", "type": "http", "request_config": map[string]any{
			"url":  gateway.URL,
			"body": inline(`function(ctx) { recipient: ctx.recipient, text: ctx.body, code: ctx.template_data.verification_code }`),
		}}},
		"courier.worker.pull_wait":       "50ms",
		"selfservice.flows.verification": map[string]any{"enabled": true, "ui_url": "http://127.0.0.1:4455/verification"},
		"identity.schemas":               []any{map[string]any{"id": "person", "url": inline(phoneSchema)}},
		"identity.default_schema_id":     "person",
	}}
	p.DSN = "sqlite://" + filepath.Join(p.Dir, "foyer.sqlite")
	require.NoError(t, p.Start(t.Context()))
	t.Cleanup(func() { _ = p.Stop() })

	bad := &process.Process{Binary: binary, Dir: t.TempDir(), Config: maps.Clone(p.Config)}
	bad.DSN = "sqlite://" + filepath.Join(bad.Dir, "foyer.sqlite")
	bad.Config["courier.channels"] = []any{map[string]any{"id": "sms", "type": "http", "request_config": map[string]any{
		"url": gateway.URL, "body": inline(`function(ctx) { code: ctx.template_data.verfication_code }`),
	}}}
	require.Error(t, bad.Start(t.Context()), "what could never be sent stops the start")
	log, err := os.ReadFile(bad.LogFile())
	require.NoError(t, err)
	require.Contains(t, string(log), "courier.channels.sms")
	require.Contains(t, string(log), "verfication_code")

	c := process.NewHTTP(1, 10*time.Second)
	flow, err := p.Open(c)
	require.NoError(t, err)
	a, err := process.Call(c, http.MethodPost, p.PublicURL+"/self-service/registration?flow="+flow, "", map[string]any{
		"method": "password", "traits": map[string]any{"phone": "+49 151 23456789"}, "password": "a good long Passphrase 9",
	}, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.Status, "%s", a)
	select {
	case body := <-got:
		require.Equal(t, "+4915123456789", body["recipient"])
		require.Regexp(t, `^[0-9]{6}$`, body["code"])
		require.Contains(t, body["text"], body["code"])
		require.NotEmpty(t, body["key"])
	case <-time.After(10 * time.Second):
		t.Fatal("no SMS left")
	}
}

// A schema under which a sign-up could not be silent, or not be proved first,
// is refused before anything is served.
func TestProvableSchemas(t *testing.T) {
	const (
		named    = `{"type":"object","properties":{"traits":{"type":"object","properties":{"name":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}}}}}}`
		both     = `{"type":"object","properties":{"traits":{"type":"object","properties":{"name":{"type":"string","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"}}}}}}}`
		recovery = `{"type":"object","properties":{"traits":{"type":"object","properties":{"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}},"verification":{"via":"email"}}},"other":{"type":"string","format":"email","ory.sh/kratos":{"recovery":{"via":"email"}}}}}}}`
	)
	for name, c := range map[string]struct {
		schema  string
		stealth bool
		says    string
	}{
		"name alone":         {named, false, "verify_before_create"},
		"two identifiers":    {both, true, "traits.name"},
		"another address":    {recovery, true, "traits.other"},
		"fine with one":      {enginetest.PersonSchema, true, ""},
		"fine when not hush": {both, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			conf := map[string]any{"identity": map[string]any{"default_schema_id": "x", "schemas": []any{map[string]any{"id": "x", "url": inline(c.schema)}}}}
			conf["security"] = map[string]any{"account_enumeration": map[string]any{"mitigate": c.stealth}}
			flows := map[string]any{
				"registration": map[string]any{"ui_url": "https://app.example.org/registration", "verify_before_create": true},
				"verification": map[string]any{"enabled": true, "ui_url": "https://app.example.org/verification"},
				"error":        map[string]any{"ui_url": "https://app.example.org/error"},
			}
			conf["selfservice"] = map[string]any{"default_browser_return_url": "https://app.example.org/", "flows": flows}
			err := wires(t, configFile(t, conf))
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

// Whoever carries SMS can prove a phone: in dev mode the inbox does, beside any
// mail server.
func TestProvableByPhone(t *testing.T) {
	conf := map[string]any{"identity": map[string]any{"default_schema_id": "x", "schemas": []any{map[string]any{"id": "x", "url": inline(phoneSchema)}}}}
	flows := map[string]any{
		"registration": map[string]any{"ui_url": "https://app.example.org/registration", "verify_before_create": true},
		"verification": map[string]any{"enabled": true, "ui_url": "https://app.example.org/verification"},
		"error":        map[string]any{"ui_url": "https://app.example.org/error"},
	}
	conf["selfservice"] = map[string]any{"default_browser_return_url": "https://app.example.org/", "flows": flows}
	conf["courier"] = map[string]any{"smtp": map[string]any{"connection_uri": "smtp://mail.example.org"}}
	conf["secrets"] = map[string]any{"default": []any{"a secret of sixteen letters"}}
	require.NoError(t, wires(t, configFile(t, conf)))
	conf["dev"] = false
	require.ErrorContains(t, wires(t, configFile(t, conf)), "verify_before_create needs a trait")
	conf["courier"].(map[string]any)["channels"] = []any{map[string]any{"id": "sms", "request_config": map[string]any{"url": "https://sms.example.org"}}}
	require.NoError(t, wires(t, configFile(t, conf)))
}

// wires builds the program from a configuration and lets it go again.
func wires(t *testing.T, file string) error {
	t.Helper()
	config, _, err := cmd.Load(cmd.LoadOptions{Files: []string{file}})
	require.NoError(t, err)
	config.Secrets, _, err = cmd.ResolveSecrets(config)
	require.NoError(t, err)
	app, err := cmd.Wire(t.Context(), config, cmd.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return app.Close()
}
