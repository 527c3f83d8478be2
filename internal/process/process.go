// Package process builds and runs the real binary, for the tests and tools
// that need a process of its own: one to kill, to trace or to measure. What
// can be tested in one process belongs to enginetest instead.
package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Person is the identity schema: an address to sign in with and a name.
const Person = `{
  "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
  "properties": {"traits": {"type": "object", "properties": {
    "email": {"type": "string", "format": "email", "title": "E-Mail", "minLength": 3, "ory.sh/kratos": {
      "credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}, "recovery": {"via": "email"}}},
    "name": {"type": "string", "title": "Name"}
  }, "required": ["email"], "additionalProperties": false}}
}`

// Build compiles the program without cgo into dir and returns the file's path.
// It has to be called from inside the module.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "foyer")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "github.com/foyer-id/foyer/cmd/foyer")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return binary, nil
}

// Process is a program that can be started, ended and started again on the
// same configuration and database. Its fields are not for change while it runs.
type Process struct {
	Binary string
	Dir    string // for configuration, schema and log; has to exist
	DSN    string
	// Cheap makes password hashes that cost next to nothing.
	Cheap bool
	// Verify has people prove their addresses by code once they have registered.
	Verify bool
	// Recover lets people back into their accounts by code.
	Recover bool
	// Mail is the URI of the mail server; empty leaves mails to the inbox of dev
	// mode.
	Mail string
	// Worker makes it a process that delivers messages and serves nothing.
	Worker bool
	// Config overrides the configuration, by keys joined with dots.
	Config map[string]any
	// Wrapper is a command in front of the binary that has to become it, as
	// "strace -D" does, so that the process id is the program's.
	Wrapper []string

	PublicURL, AdminURL string // known once started, and new at every start; a worker has none

	command *exec.Cmd
	ended   chan error
}

// LogFile holds what the program has said since its last start.
func (p *Process) LogFile() string { return filepath.Join(p.Dir, "foyer.log") }

// PID is the running program's process id.
func (p *Process) PID() int { return p.command.Process.Pid }

// Migrate brings the database to the program's version, which serving does by
// itself only with SQLite.
func (p *Process) Migrate(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, p.Binary, "migrate", "sql", "up", p.DSN).CombinedOutput()
	if err != nil {
		return fmt.Errorf("migrate: %w\n%s", err, out)
	}
	return nil
}

// Start runs the program and returns when both its APIs answer, or when it has
// begun where it is a worker.
func (p *Process) Start(ctx context.Context) error {
	config, err := p.WriteConfig()
	if err != nil {
		return err
	}
	log, err := os.Create(p.LogFile())
	if err != nil {
		return err
	}
	defer log.Close()
	args := append(append([]string{}, p.Wrapper...), p.Binary)
	if p.Worker {
		args = append(args, "courier", "watch")
	} else {
		args = append(args, "serve")
	}
	args = append(args, "-c", config, "--dev")
	p.command = exec.Command(args[0], args[1:]...) //nolint:noctx // it outlives ctx, which is for the start alone
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		return err
	}
	p.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan<- error) { ended <- c.Wait() }(p.command, p.ended)
	if err := p.await(ctx); err != nil {
		said, _ := os.ReadFile(p.LogFile())
		return errors.Join(fmt.Errorf("start: %w\n%s", err, said), p.Kill())
	}
	return nil
}

// await reads from the log which ports were taken, then asks for readiness.
func (p *Process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for p.PublicURL, p.AdminURL = "", ""; ; {
		select {
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("the program ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		if p.Worker {
			if said, _ := os.ReadFile(p.LogFile()); bytes.Contains(said, []byte(`"msg":"starting"`)) {
				return nil
			}
			continue
		}
		if p.PublicURL == "" || p.AdminURL == "" {
			p.addresses()
			continue
		}
		res, err := http.Get(p.AdminURL + "/admin/health/ready")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
}

func (p *Process) addresses() {
	said, _ := os.ReadFile(p.LogFile())
	for line := range strings.Lines(string(said)) {
		var entry struct{ Msg, API, Address string }
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg != "listening" {
			continue
		}
		if entry.API == "public" {
			p.PublicURL = "http://" + entry.Address
		} else {
			p.AdminURL = "http://" + entry.Address
		}
	}
}

// Kill ends the program at once, as a crash would, and waits until it is gone.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL) }

// Stop asks the program to end and waits until it has.
func (p *Process) Stop() error { return p.end(syscall.SIGTERM) }

func (p *Process) end(signal os.Signal) error {
	if p.ended == nil {
		return nil // it was never started
	}
	if err := p.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := <-p.ended
	p.ended <- err
	var status *exec.ExitError
	if signal == syscall.SIGKILL && errors.As(err, &status) {
		return nil
	}
	return err
}

// WriteConfig writes the configuration file and what it names, and returns its path.
func (p *Process) WriteConfig() (string, error) {
	schema := filepath.Join(p.Dir, "person.schema.json")
	if err := os.WriteFile(schema, []byte(Person), 0o600); err != nil {
		return "", err
	}
	config := map[string]any{}
	for path, value := range map[string]any{
		"dsn":                                    p.DSN,
		"log.format":                             "json",
		"secrets.default":                        []string{"a secret of the tests, and theirs alone"},
		"serve.public.host":                      "127.0.0.1",
		"serve.public.port":                      0,
		"serve.public.base_url":                  "http://127.0.0.1:4433",
		"serve.admin.host":                       "127.0.0.1",
		"serve.admin.port":                       0,
		"serve.admin.base_url":                   "http://127.0.0.1:4434",
		"selfservice.default_browser_return_url": "http://127.0.0.1:4455/",
		"selfservice.flows.error.ui_url":         "http://127.0.0.1:4455/error",
		"selfservice.flows.registration.ui_url":  "http://127.0.0.1:4455/registration",
		"selfservice.flows.login.ui_url":         "http://127.0.0.1:4455/login",
		"selfservice.flows.settings.ui_url":      "http://127.0.0.1:4455/settings",
		"selfservice.flows.registration.after.password.hooks":        []map[string]any{{"hook": "session"}},
		"selfservice.methods.password.config.haveibeenpwned_enabled": false,
		"identity.default_schema_id":                                 "person",
		"identity.schemas":                                           []map[string]any{{"id": "person", "url": "file://" + schema}},
	} {
		set(config, path, value)
	}
	if p.Cheap {
		set(config, "hashers.argon2.memory", "64KB")
		set(config, "hashers.argon2.iterations", 1)
	}
	if p.Verify {
		set(config, "selfservice.flows.verification.enabled", true)
		set(config, "selfservice.flows.verification.ui_url", "http://127.0.0.1:4455/verification")
		set(config, "selfservice.flows.registration.after.password.hooks", []map[string]any{{"hook": "session"}, {"hook": "show_verification_ui"}})
	}
	if p.Recover {
		set(config, "selfservice.flows.recovery.enabled", true)
		set(config, "selfservice.flows.recovery.ui_url", "http://127.0.0.1:4455/recovery")
		set(config, "feature_flags.use_continue_with_transitions", true)
	}
	if p.Mail != "" {
		set(config, "courier.smtp.connection_uri", p.Mail)
		set(config, "courier.smtp.from_address", "no-reply@accounts.example.org")
	}
	for path, value := range p.Config {
		set(config, path, value)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return "", err
	}
	file := filepath.Join(p.Dir, "foyer.json")
	return file, os.WriteFile(file, raw, 0o600)
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
