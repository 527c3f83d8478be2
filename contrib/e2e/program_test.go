package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	client "github.com/ory/client-go"
	"github.com/stretchr/testify/require"
)

const checkout = "../.."

var built struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// binary returns the path of the program "foyer" or "ui", built as a release
// is: without C.
func binary(t *testing.T, name string) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "foyer-e2e"); built.err != nil {
			return
		}
		c := exec.Command("go", "build", "-buildvcs=false", "-o", built.dir+"/", "./cmd/foyer", "./contrib/ui")
		c.Dir, c.Env = checkout, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	require.NoError(t, built.err)
	return filepath.Join(built.dir, name)
}

// program is one running Foyer with its own folder, ports and configuration.
type program struct {
	Public, Admin, UI string // base URLs
	Dir               string
	Config            map[string]any
	Dev               bool

	t       *testing.T
	running *process
	ui      *process
}

type option func(*program)

// with sets a key of the configuration, its path joined with dots.
func with(path string, value any) option {
	return func(p *program) { set(p.Config, path, value) }
}

// withSchema replaces the identity schema by a file of testdata.
func withSchema(file string) option {
	return func(p *program) {
		path, err := filepath.Abs(filepath.Join("testdata", file))
		require.NoError(p.t, err)
		set(p.Config, "identity.schemas", []map[string]any{{"id": "person", "url": "file://" + path}})
	}
}

// start runs a program with --dev and cheap hashes until the test ends.
func start(t *testing.T, options ...option) *program {
	t.Helper()
	p := prepare(t, "http", options...)
	p.run()
	return p
}

func prepare(t *testing.T, scheme string, options ...option) *program {
	t.Helper()
	ports := freePorts(t, 3)
	p := &program{
		Public: fmt.Sprintf("%s://127.0.0.1:%d", scheme, ports[0]),
		Admin:  fmt.Sprintf("http://127.0.0.1:%d", ports[1]),
		UI:     fmt.Sprintf("http://127.0.0.1:%d", ports[2]),
		Dir:    t.TempDir(),
		Config: map[string]any{},
		Dev:    true,
		t:      t,
	}
	for path, value := range map[string]any{
		"dsn":                                                 "sqlite://" + filepath.Join(p.Dir, "foyer.sqlite"),
		"serve.public.host":                                   "127.0.0.1",
		"serve.public.port":                                   ports[0],
		"serve.public.base_url":                               p.Public,
		"serve.admin.port":                                    ports[1],
		"serve.admin.base_url":                                p.Admin,
		"selfservice.default_browser_return_url":              p.UI + "/",
		"selfservice.allowed_return_urls":                     []string{p.UI},
		"selfservice.flows.error.ui_url":                      p.UI + "/error",
		"selfservice.flows.registration.ui_url":               p.UI + "/registration",
		"selfservice.flows.registration.after.password.hooks": []map[string]any{{"hook": "session"}},
		"selfservice.methods.password.config.haveibeenpwned_enabled": false,
		"hashers.argon2.memory":      "64KB",
		"hashers.argon2.iterations":  1,
		"identity.default_schema_id": "person",
	} {
		set(p.Config, path, value)
	}
	withSchema("person.schema.json")(p)
	for _, o := range options {
		o(p)
	}
	return p
}

// write puts the configuration as it is now into a file.
func (p *program) write() string {
	p.t.Helper()
	raw, err := json.MarshalIndent(p.Config, "", "  ")
	require.NoError(p.t, err)
	file := filepath.Join(p.Dir, "foyer.json")
	require.NoError(p.t, os.WriteFile(file, raw, 0o600))
	return file
}

// run starts the program and waits until it is ready.
func (p *program) run() {
	p.t.Helper()
	p.launch()
	p.running.answers(p.Public + "/health/ready")
	p.running.answers(p.Admin + "/health/ready")
}

func (p *program) launch() {
	p.t.Helper()
	args := []string{"serve", "-c", p.write()}
	if p.Dev {
		args = append(args, "--dev")
	}
	p.running = launch(p.t, exec.Command(binary(p.t, "foyer"), args...))
}

// restart ends the program and runs it again, with what was changed.
func (p *program) restart(options ...option) {
	p.t.Helper()
	p.running.stop()
	for _, o := range options {
		o(p)
	}
	p.run()
}

// withUI starts the reference UI for the program.
func (p *program) withUI() *program {
	p.t.Helper()
	p.ui = launch(p.t, exec.Command(binary(p.t, "ui"), "-listen", strings.TrimPrefix(p.UI, "http://"), "-public", p.Public, "-inbox", p.Admin+"/admin/inbox"))
	p.ui.answers(p.UI + "/health")
	return p
}

// process is a program that ends with the test, and whose end must be a clean one.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *output
	ended chan struct{} // closed when it has
	err   error         // how; read after ended
	once  sync.Once
}

func launch(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: c, out: &output{}, ended: make(chan struct{})}
	if c.Stdout == nil {
		c.Stdout = p.out
	}
	c.Stderr = p.out
	require.NoError(t, c.Start())
	go func() {
		p.err = c.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", c.Path, p.out)
		}
	})
	return p
}

func (p *process) stop() {
	p.t.Helper()
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
			require.NoError(p.t, p.err, "%s must end cleanly when told to\n%s", p.cmd.Path, p.out)
		case <-time.After(30 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.ended
			require.Fail(p.t, "it does not end when told to", "%s", p.out)
		}
	})
}

// answers waits until a URL answers 200, or fails when the program ends before.
func (p *process) answers(url string) {
	p.t.Helper()
	c := &http.Client{Timeout: time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer c.CloseIdleConnections()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if res, err := c.Get(url); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-p.ended:
			p.once.Do(func() {}) // this is said once
			require.Fail(p.t, "it ended", "%v\n%s", p.err, p.out)
		case <-time.After(20 * time.Millisecond):
		}
	}
	require.Fail(p.t, url+" does not answer", "%s", p.out)
}

// output collects what a program writes, while it writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// sdk is Ory's client for a base URL. Without a jar it is a native app.
func sdk(base string, jar http.CookieJar, header ...string) *client.APIClient {
	c := client.NewConfiguration()
	c.Servers = client.ServerConfigurations{{URL: base}}
	c.HTTPClient = &http.Client{Jar: jar, Timeout: 30 * time.Second}
	for i := 0; i < len(header); i += 2 {
		c.AddDefaultHeader(header[i], header[i+1])
	}
	return client.NewAPIClient(c)
}

func newJar(t *testing.T) http.CookieJar {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return jar
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = l.Close() }()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
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

var background = context.Background()
