// Command footprint prints how many of our own functions, files and packages
// one request runs: the best measure we know of how easily it can be followed.
//
// It builds itself with coverage counters, starts the real object graph on a
// SQLite file and, around each request, clears the counters and writes them
// out. What runs beside the request, such as the connection's set-up by the
// standard library, is not ours and not counted.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime/coverage"
	"slices"
	"strings"
	"time"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/internal/opsim"
	"github.com/foyer-id/foyer/internal/process"
)

const module = "github.com/foyer-id/foyer/"

// inside names the folder of the run when this is the instrumented program.
const inside = "FOYER_FOOTPRINT"

func main() {
	verbose := flag.Bool("v", false, "list the functions")
	flag.Parse()
	var err error
	if dir := os.Getenv(inside); dir != "" {
		err = measure(context.Background(), dir)
	} else {
		err = report(*verbose)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "footprint:", err)
		os.Exit(1)
	}
}

// report builds the instrumented program, runs it and prints what it wrote.
func report(verbose bool) error {
	dir, err := os.MkdirTemp("", "foyer-footprint")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "footprint")
	if err := command(nil, "go", "build", "-cover", "-covermode=atomic", "-coverpkg="+module+"...", "-o", binary, module+"contrib/footprint"); err != nil {
		return err
	}
	if err := command([]string{inside + "=" + dir, "GOCOVERDIR=" + dir}, binary); err != nil {
		return err
	}
	fmt.Printf("%-58s%10s%7s%10s\n", "", "functions", "files", "packages")
	for n, s := range steps {
		ran, err := functions(filepath.Join(dir, fmt.Sprint(n)))
		if err != nil {
			return err
		}
		files, packages := map[string]bool{}, map[string]bool{}
		for _, f := range ran {
			files[f.file], packages[path.Dir(f.file)] = true, true
		}
		fmt.Printf("%-58s%10d%7d%10d\n", s.name, len(ran), len(files), len(packages))
		for _, f := range ran {
			if verbose {
				fmt.Printf("    %-52s %s\n", f.file, f.name)
			}
		}
	}
	return nil
}

func command(env []string, name string, args ...string) error {
	c := exec.Command(name, args...) //nolint:noctx // ends by itself
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

type function struct{ file, name string }

// beside is what asks the program, and what it asks.
var beside = []string{"contrib/", "internal/process/", "internal/opsim/"}

// functions lists what of ours ran, by the counters in dir.
func functions(dir string) (ran []function, err error) {
	out, err := exec.Command("go", "tool", "covdata", "func", "-i="+dir).Output() //nolint:noctx // ends by itself
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(out)) {
		field := strings.Fields(line) // file:line: name percent
		if len(field) != 3 || field[2] == "0.0%" || !strings.HasPrefix(field[0], module) {
			continue
		}
		file, _, _ := strings.Cut(strings.TrimPrefix(field[0], module), ":")
		if !slices.ContainsFunc(beside, func(tool string) bool { return strings.HasPrefix(file, tool) }) {
			ran = append(ran, function{file, field[1]})
		}
	}
	slices.SortFunc(ran, func(a, b function) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.name, b.name)) })
	return ran, nil
}

// session is the state the steps share: one person at one program.
type session struct {
	p     *process.Process
	http  *http.Client
	email string
	token string
	flow  string // that the step is about
	next  string // that the last answer leads to
	code  string

	op      *opsim.Provider
	browser *process.Browser
	back    *opsim.Arrival
}

// step is one request that is measured, and what comes before it and is not.
type step struct {
	name   string
	before func(*session) error // may be nil
	do     func(*session) (*process.Answer, error)
	want   int
}

// plain is measured at a program that has no addresses proved, proving at one
// that has, hooking at one with web_hooks, providing at one with a provider.
var (
	plain = []step{
		{"open a registration", nil, (*session).openRegistration, 200},
		{"a submit that is refused", nil, func(s *session) (*process.Answer, error) {
			return s.p.Submit(s.http, s.flow, "nobody", nil)
		}, 400},
		{"a registration, with the session hook", nil, (*session).register, 200},
		{"whoami", nil, func(s *session) (*process.Answer, error) { return s.p.Whoami(s.http, s.token) }, 200},
		{"a sign-in by password", open("login"), (*session).signIn, 200},
		{"a save of traits", open("settings"), (*session).save, 200},
		{"a save of a password", open("settings"), (*session).change, 200},
		{"a sign-out", nil, (*session).signOut, 204},
	}
	proving = []step{
		{"a registration that also queues its mail", open("registration"), (*session).register, 200},
		{"the code of that mail, typed", (*session).read, func(s *session) (*process.Answer, error) { return s.answer("verification") }, 200},
		{"a recovery that is asked for", open("recovery"), (*session).ask, 200},
		{"the code of that mail, typed", (*session).read, func(s *session) (*process.Answer, error) { return s.answer("recovery") }, 200},
	}
	hooking = []step{
		{"a registration that stores a web_hook and asks another", open("registration"), (*session).register, 200},
	}
	providing = []step{
		{"a provider that is chosen", browse("registration"), (*session).leave, 422},
		{"a registration by its callback", (*session).approve, (*session).home, 200},
		{"a sign-in by its callback", away("login"), (*session).home, 200},
	}
	steps = slices.Concat(plain, proving, hooking, providing)
)

// open starts a flow of a kind, in which the next step is taken.
func open(kind string) func(*session) error {
	return func(s *session) (err error) {
		if kind != "settings" {
			s.token = "" // they are for who is not signed in
		}
		s.next, err = s.p.OpenKind(s.http, kind, s.token)
		s.flow = s.next
		return err
	}
}

// browse opens a flow of a kind in a browser, in which the next step is taken.
func browse(kind string) func(*session) error {
	return func(s *session) (err error) {
		s.browser, err = s.p.Browse(s.http, kind)
		return err
	}
}

// leave sends the browser to the provider.
func (s *session) leave() (*process.Answer, error) {
	a, err := s.browser.Leave()
	if err == nil {
		s.next, err = a.Elsewhere()
	}
	return a, err
}

// approve is what happens at the provider.
func (s *session) approve() (err error) {
	s.op.SetPerson(opsim.Person{"sub": s.email, "email": s.email})
	s.back, err = s.op.Approve(s.next)
	return err
}

// away goes to the provider from a flow of a kind.
func away(kind string) func(*session) error {
	return func(s *session) error {
		if err := browse(kind)(s); err != nil {
			return err
		}
		if _, err := s.leave(); err != nil {
			return err
		}
		return s.approve()
	}
}

func (s *session) home() (*process.Answer, error) { return s.browser.Return(s.back.To) }

// read looks the code up that was sent last, and goes where the answer before led.
func (s *session) read() (err error) {
	s.flow, s.token = s.next, ""
	s.code, err = s.p.Code(s.http, s.email)
	return err
}

func (s *session) openRegistration() (*process.Answer, error) {
	a, err := process.Call(s.http, http.MethodGet, s.p.PublicURL+"/self-service/registration/api", "", nil, nil)
	if err == nil {
		s.flow = a.ID
	}
	return a, err
}

func (s *session) register() (*process.Answer, error) {
	a, err := s.p.Submit(s.http, s.flow, s.email, nil)
	if err == nil {
		s.token, s.next = a.SessionToken, a.LeadsTo("verification")
	}
	return a, err
}

func (s *session) send(kind string, fields process.Fields) (*process.Answer, error) {
	return s.p.Send(s.http, kind, s.flow, s.token, fields, nil)
}

func (s *session) signIn() (*process.Answer, error) {
	a, err := s.send("login", process.Fields{"method": "password", "identifier": s.email, "password": process.Password})
	if err == nil {
		s.token = a.SessionToken
	}
	return a, err
}

func (s *session) save() (*process.Answer, error) {
	return s.send("settings", process.Fields{"method": "profile", "traits": process.Fields{"email": s.email, "name": "Ada"}})
}

func (s *session) change() (*process.Answer, error) {
	return s.send("settings", process.Fields{"method": "password", "password": "another " + process.Password})
}

func (s *session) signOut() (*process.Answer, error) {
	return process.Call(s.http, http.MethodDelete, s.p.PublicURL+"/self-service/logout/api", "", process.Fields{"session_token": s.token}, nil)
}

func (s *session) ask() (*process.Answer, error) {
	return s.send("recovery", process.Fields{"method": "code", "email": s.email})
}

func (s *session) answer(kind string) (*process.Answer, error) {
	return s.p.Answer(s.http, kind, s.flow, s.code)
}

// measure runs in the instrumented program: every step once to warm up, since
// connections and statements are made at first use, and once to be counted.
func measure(ctx context.Context, dir string) error {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer receiver.Close()
	op, err := opsim.Start(opsim.Config{})
	if err != nil {
		return err
	}
	defer op.Close()
	done := 0
	for n, steps := range [][]step{plain, proving, hooking, providing} {
		p := &process.Process{
			Dir: dir, DSN: "sqlite://" + filepath.Join(dir, fmt.Sprintf("foyer-%d.sqlite", n)), Cheap: true, Verify: n == 1, Recover: n == 1,
			// Nothing runs beside the steps.
			Config: map[string]any{"database.cleanup.sleep.tables": "1h", "watch-courier": false},
		}
		if n == 2 {
			web := func(config map[string]any) map[string]any {
				config["url"], config["method"], config["body"] = receiver.URL, "POST", []string{"identity.id", "identity.traits"}
				return map[string]any{"hook": "web_hook", "config": config}
			}
			p.Config["selfservice.flows.registration.after.password.hooks"] = []map[string]any{
				web(map[string]any{"can_interrupt": true}), web(map[string]any{}), {"hook": "session"},
			}
		}
		if n == 3 {
			maps.Copy(p.Config, process.ProvidedBy(op.Issuer(), opsim.ClientID, opsim.ClientSecret))
		}
		stop, err := serve(ctx, p)
		if err != nil {
			return err
		}
		for _, email := range []string{"warm@example.org", "ada@example.org"} {
			s := &session{p: p, http: process.NewHTTP(1, 10*time.Second), email: email, op: op}
			for n, step := range steps {
				if err := s.count(step, filepath.Join(dir, fmt.Sprint(done+n))); err != nil {
					return fmt.Errorf("%s: %w", step.name, err)
				}
			}
		}
		done += len(steps)
		if err := stop(); err != nil {
			return err
		}
	}
	return nil
}

// count takes a step and writes into a folder what it ran, over what was there.
func (s *session) count(step step, into string) error {
	if step.before != nil {
		if err := step.before(s); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(into), os.Mkdir(into, 0o700), coverage.ClearCounters()); err != nil {
		return err
	}
	a, err := step.do(s)
	if err != nil {
		return err
	}
	if a.Status != step.want {
		return errors.New(a.String())
	}
	time.Sleep(50 * time.Millisecond) // what follows the answer, such as the log line, is part of it
	if err := coverage.WriteCountersDir(into); err != nil {
		return err
	}
	return coverage.WriteMetaDir(into)
}

// serve starts the object graph in this process and returns what ends it.
func serve(ctx context.Context, p *process.Process) (stop func() error, err error) {
	file, err := p.WriteConfig()
	if err != nil {
		return nil, err
	}
	config, _, err := cmd.Load(cmd.LoadOptions{Files: []string{file}, Dev: true})
	if err != nil {
		return nil, err
	}
	if config.Secrets, _, err = cmd.ResolveSecrets(config); err != nil {
		return nil, err
	}
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	app, err := cmd.Wire(ctx, config, cmd.Options{Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.PublicURL, p.AdminURL = "http://"+public.Addr().String(), "http://"+admin.Addr().String()
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- app.ServeOn(ctx, public, admin) }()
	return func() error {
		cancel()
		if err := <-ended; err != nil {
			return err
		}
		return app.Close()
	}, nil
}
