// Package enginetest runs the whole program for tests: the real graph, built
// from a configuration file, on a real database, answering on loopback ports
// the system chose. Tests speak to it by HTTP alone; only time is theirs.
package enginetest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/jsonnet"
)

// PersonSchema is the identity schema tests get unless they bring their own:
// an e-mail address to sign in with, a nested name, an age and a choice.
const PersonSchema = `{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "Person", "type": "object",
  "properties": {"traits": {"type": "object", "properties": {
    "email": {"type": "string", "format": "email", "title": "E-Mail", "minLength": 3, "ory.sh/kratos": {
      "credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}},
    "name": {"type": "object", "properties": {
      "first": {"type": "string", "title": "First Name", "maxLength": 40},
      "last": {"type": "string", "title": "Last Name"}}},
    "age": {"type": "integer", "title": "Age", "minimum": 13},
    "newsletter": {"type": "boolean", "title": "Newsletter"},
    "plan": {"type": "string", "title": "Plan", "enum": ["free", "pro"]},
    "tags": {"type": "array", "title": "Tags", "maxItems": 3, "items": {"type": "string"}}
  }, "required": ["email"], "additionalProperties": false}}
}`

// Env is one running program.
type Env struct {
	App       *cmd.App
	PublicURL string
	AdminURL  string
	Clock     *Clock
	Logs      *Logs // everything logged, at debug level

	t    testing.TB
	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil for the usual way
}

// Option changes the configuration an Env starts with.
type Option func(*settings)

type settings struct {
	config   map[string]any
	schemas  map[string]string
	metadata map[string]any // further keys of every schema
	jsonnet  []string

	providers []map[string]any
}

// With sets a key of the configuration, its path joined with dots.
func With(path string, value any) Option {
	return func(s *settings) { set(s.config, path, value) }
}

// WithDSN runs on another database than a fresh SQLite file. It is migrated.
func WithDSN(dsn string) Option { return With("dsn", dsn) }

// WithSchema replaces the default identity schema.
func WithSchema(schema string) Option {
	return func(s *settings) { s.schemas["default"] = schema }
}

// WithSchemas adds a schema that people may choose at sign-up.
func WithSchemas(id, schema string) Option {
	return func(s *settings) { s.schemas[id] = schema }
}

// WithMetadataSchemas holds the metadata of everybody to schemas.
func WithMetadataSchemas(public, admin string) Option {
	inline := func(text string) string { return "base64://" + base64.StdEncoding.EncodeToString([]byte(text)) }
	return func(s *settings) {
		s.metadata = map[string]any{"metadata_public_url": inline(public), "metadata_admin_url": inline(admin)}
	}
}

// WithoutSession leaves out the session hook.
func WithoutSession() Option {
	return With("selfservice.flows.registration.after", map[string]any{})
}

// WithVerification lets people prove addresses by code, and takes browsers there
// after they have registered.
func WithVerification() Option {
	return func(s *settings) {
		set(s.config, "selfservice.flows.verification", map[string]any{"enabled": true, "ui_url": "http://127.0.0.1:4455/verification"})
		set(s.config, "selfservice.flows.registration.after.password.hooks", []map[string]any{{"hook": "session"}, {"hook": "show_verification_ui"}})
	}
}

// WithLinks is WithVerification by link instead of code.
func WithLinks() Option {
	return func(s *settings) {
		WithVerification()(s)
		set(s.config, "selfservice.flows.verification.use", "link")
		set(s.config, "selfservice.methods.link.enabled", true)
	}
}

// WithProofFirst lets nobody exist before their address is proved.
func WithProofFirst() Option {
	return func(s *settings) {
		WithVerification()(s)
		set(s.config, "selfservice.flows.registration.verify_before_create", true)
	}
}

// WithRecovery lets people back into their accounts by code.
func WithRecovery() Option {
	return With("selfservice.flows.recovery", map[string]any{"enabled": true, "ui_url": "http://127.0.0.1:4455/recovery"})
}

// WithPasswordless lets people sign up and in by codes, besides the password; it
// needs a schema such as CodeSchema.
func WithPasswordless() Option {
	return With("selfservice.methods.code.passwordless_enabled", true)
}

// CodeSchema is PersonSchema for people who sign in by codes, too.
var CodeSchema = strings.Replace(PersonSchema, `{"password": {"identifier": true}}`, `{"password": {"identifier": true}, "code": {"identifier": true, "via": "email"}}`, 1)

// WithStealth answers taken and free addresses alike.
func WithStealth() Option {
	return func(s *settings) {
		WithVerification()(s)
		set(s.config, "security.account_enumeration.mitigate", true)
	}
}

// WithJsonnet lets the test's own program evaluate Jsonnet. Its TestMain has to
// call Jsonnet.
func WithJsonnet() Option {
	return func(s *settings) { s.jsonnet = JsonnetCommand() }
}

// JsonnetCommand is what WithJsonnet starts.
func JsonnetCommand() []string { return []string{os.Args[0], jsonnetChild} }

const jsonnetChild = "enginetest-jsonnet-child"

// Jsonnet does in a child what WithJsonnet starts one for, and does not return
// then. In the test itself it does nothing.
func Jsonnet() {
	if len(os.Args) != 2 || os.Args[1] != jsonnetChild {
		return
	}
	if jsonnet.Child(os.Stdin, os.Stdout) != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// New starts a program and stops it at the end of the test. Password hashes
// are cheap, since what is tested is everything but their cost.
func New(t testing.TB, options ...Option) *Env {
	t.Helper()
	public, admin := listen(t), listen(t)
	e := &Env{
		PublicURL: "http://" + public.Addr().String(),
		AdminURL:  "http://" + admin.Addr().String(),
		Clock:     NewClock(),
		Logs:      &Logs{},
		t:         t,
	}
	file, jsonnet := e.write(options)
	config, report, err := cmd.Load(cmd.LoadOptions{Files: []string{file}, Dev: true})
	require.NoError(t, err)
	log := slog.New(slog.NewJSONHandler(e.Logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	report.Log(log)
	config.Secrets, _, err = cmd.ResolveSecrets(config)
	require.NoError(t, err)
	e.App, err = cmd.Wire(context.Background(), config, cmd.Options{Now: e.Clock.Now, Log: log, Jsonnet: jsonnet})
	require.NoError(t, err)
	t.Log("database:", e.App.Store.Dialect()) // counted by contrib/testreport
	_, err = e.App.Store.Migrate(context.Background())
	require.NoError(t, err)

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.App.ServeOn(ctx, public, admin) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		require.NoError(t, e.App.Close())
	})
	return e
}

// write makes the configuration file in a folder of the test's own. It returns
// what evaluates Jsonnet, too.
func (e *Env) write(options []Option) (file string, jsonnet []string) {
	dir := e.t.TempDir()
	s := &settings{config: map[string]any{}, schemas: map[string]string{"default": PersonSchema}}
	for path, value := range map[string]any{
		"dsn":                                                        "sqlite://" + filepath.Join(dir, "foyer.sqlite"),
		"secrets.default":                                            []string{"a secret of the tests, and theirs alone"},
		"serve.public.base_url":                                      e.PublicURL,
		"serve.admin.base_url":                                       e.AdminURL,
		"selfservice.default_browser_return_url":                     "http://127.0.0.1:4455/",
		"selfservice.allowed_return_urls":                            []string{"http://127.0.0.1:4455", "https://app.example.org/in"},
		"selfservice.flows.error.ui_url":                             "http://127.0.0.1:4455/error",
		"selfservice.flows.registration.ui_url":                      "http://127.0.0.1:4455/registration",
		"selfservice.flows.login.ui_url":                             "http://127.0.0.1:4455/login",
		"selfservice.flows.settings.ui_url":                          "http://127.0.0.1:4455/settings",
		"selfservice.flows.registration.after.password.hooks":        []map[string]any{{"hook": "session"}},
		"selfservice.methods.password.config.haveibeenpwned_enabled": false,
		"hashers.argon2.memory":                                      "64KB",
		"hashers.argon2.iterations":                                  1,
		"identity.default_schema_id":                                 "default",
		"log.level":                                                  "debug",
		"watch-courier":                                              false, // tests deliver by Deliver
		"database.cleanup.sleep.tables":                              "1h",
	} {
		set(s.config, path, value)
	}
	for _, o := range options {
		o(s)
	}
	var schemas []map[string]any
	for id, text := range s.schemas {
		file := filepath.Join(dir, id+".schema.json")
		require.NoError(e.t, os.WriteFile(file, []byte(text), 0o600))
		one := map[string]any{"id": id, "url": "file://" + file, "selfservice_selectable": id != "hidden"}
		maps.Copy(one, s.metadata)
		schemas = append(schemas, one)
	}
	set(s.config, "identity.schemas", schemas)
	raw, err := json.Marshal(s.config)
	require.NoError(e.t, err)
	file = filepath.Join(dir, "foyer.json")
	require.NoError(e.t, os.WriteFile(file, raw, 0o600))
	return file, s.jsonnet
}

// Identities counts the people there are, up to 500, by the admin API.
func (e *Env) Identities() int {
	var all []json.RawMessage
	res, err := http.Get(e.AdminURL + "/admin/identities?page_size=500")
	require.NoError(e.t, err)
	defer res.Body.Close()
	require.NoError(e.t, json.NewDecoder(res.Body).Decode(&all))
	return len(all)
}

// Mail is a message as the inbox of dev mode shows it.
type Mail struct {
	ID        string         `json:"id"`
	Recipient string         `json:"recipient"`
	Channel   string         `json:"channel"`
	Template  string         `json:"template_type"`
	Locale    string         `json:"locale"`
	Subject   string         `json:"subject"`
	Text      string         `json:"text"`
	HTML      string         `json:"html"`
	Status    string         `json:"status"`
	Data      map[string]any `json:"data"`
}

// Code is the one-time code of a mail that has one.
func (m Mail) Code() string {
	for _, name := range []string{"verification_code", "registration_code", "recovery_code", "login_code"} {
		if code, ok := m.Data[name].(string); ok {
			return code
		}
	}
	return ""
}

// Link is where a mail leads, empty for nowhere.
func (m Mail) Link() string {
	for _, name := range []string{"verification_url", "registration_url", "recovery_url"} {
		if link, ok := m.Data[name].(string); ok {
			return link
		}
	}
	return ""
}

// Inbox lists the messages to a recipient, to anybody for "", newest first.
func (e *Env) Inbox(recipient string) []Mail {
	e.t.Helper()
	var all []Mail
	a := e.Admin(http.MethodGet, "/admin/inbox/messages?limit=1000&recipient="+url.QueryEscape(recipient), nil)
	require.Equal(e.t, http.StatusOK, a.Status, "%s", a.Body)
	require.NoError(e.t, json.Unmarshal(a.Body, &all))
	return all
}

// Deliver sends all that is due: messages, events and stored hooks.
func (e *Env) Deliver() {
	e.t.Helper()
	for _, worker := range []*courier.Worker{e.App.Worker, e.App.Events} {
		for n := 1; n > 0; {
			var err error
			n, err = worker.Round(context.Background())
			require.NoError(e.t, err)
		}
	}
}

// Admin sends a request to the admin API; body is encoded as JSON unless nil.
func (e *Env) Admin(method, path string, body any) *Answer {
	e.t.Helper()
	var raw []byte
	if body != nil {
		var err error
		raw, err = json.Marshal(body)
		require.NoError(e.t, err)
	}
	c := e.Native()
	req := c.Request(method, e.AdminURL+path, bytes.NewReader(raw))
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.Do(req)
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

// set puts value at a dotted path, making the objects on the way.
func set(object map[string]any, path string, value any) {
	for {
		key, rest, more := strings.Cut(path, ".")
		if !more {
			object[key] = value
			return
		}
		next, ok := object[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[key] = next
		}
		object, path = next, rest
	}
}

// Clock is the program's clock, moved by the test.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock starts at the present, so that cookies and certificates make sense.
func NewClock() *Clock { return &Clock{at: time.Now().UTC().Truncate(time.Microsecond)} }

// Now is the time it is. It never stands still for two callers.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Microsecond)
	return c.at
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Logs collects what the program logs.
type Logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is everything logged so far.
func (l *Logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
