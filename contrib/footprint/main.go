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
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime/coverage"
	"slices"
	"strings"
	"time"

	"github.com/foyer-id/foyer/cmd"
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
	fmt.Printf("%-44s%10s%7s%10s\n", "", "functions", "files", "packages")
	for n, s := range steps {
		ran, err := functions(filepath.Join(dir, fmt.Sprint(n)))
		if err != nil {
			return err
		}
		files, packages := map[string]bool{}, map[string]bool{}
		for _, f := range ran {
			files[f.file], packages[path.Dir(f.file)] = true, true
		}
		fmt.Printf("%-44s%10d%7d%10d\n", s.name, len(ran), len(files), len(packages))
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
		if !strings.HasPrefix(file, "contrib/") && file != "internal/process/client.go" {
			ran = append(ran, function{file, field[1]})
		}
	}
	slices.SortFunc(ran, func(a, b function) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.name, b.name)) })
	return ran, nil
}

// session is the state the steps share.
type session struct {
	p                   *process.Process
	http                *http.Client
	flow, token, verify string
}

// steps are what is measured, in this order; those that prove against a program
// that has addresses proved, the others against one that does not.
var steps = []struct {
	name   string
	proves bool
	do     func(*session) (*process.Answer, error)
	want   int
}{
	{"open a registration", false, (*session).open, 200},
	{"a submit that is refused", false, func(s *session) (*process.Answer, error) {
		return s.p.Submit(s.http, s.flow, "nobody", nil)
	}, 400},
	{"a registration, with the session hook", false, (*session).register, 200},
	{"whoami", false, func(s *session) (*process.Answer, error) { return s.p.Whoami(s.http, s.token) }, 200},
	{"a registration that also queues its mail", true, (*session).register, 200},
	{"the code of that mail, typed", true, (*session).prove, 200},
}

func (s *session) open() (*process.Answer, error) {
	a, err := process.Call(s.http, http.MethodGet, s.p.PublicURL+"/self-service/registration/api", "", nil, nil)
	if err == nil {
		s.flow = a.ID
	}
	return a, err
}

const person = "ada@example.org"

func (s *session) register() (*process.Answer, error) {
	a, err := s.p.Submit(s.http, s.flow, person, nil)
	if err == nil {
		s.token, s.verify = a.SessionToken, a.Verification()
	}
	return a, err
}

func (s *session) prove() (*process.Answer, error) {
	code, err := s.p.Code(s.http, person)
	if err != nil {
		return nil, err
	}
	if err := coverage.ClearCounters(); err != nil { // the inbox is no part of it
		return nil, err
	}
	return s.p.Prove(s.http, s.verify, code)
}

// measure runs in the instrumented program: every step once to warm up, since
// connections and statements are made at first use, and once to be counted.
func measure(ctx context.Context, dir string) error {
	for _, proves := range []bool{false, true} {
		p := &process.Process{
			Dir: dir, DSN: "sqlite://" + filepath.Join(dir, fmt.Sprintf("foyer-%v.sqlite", proves)), Cheap: true, Verify: proves,
			// Nothing runs beside the steps.
			Config: map[string]any{"database.cleanup.sleep.tables": "1h", "watch-courier": false},
		}
		stop, err := serve(ctx, p)
		if err != nil {
			return err
		}
		s := &session{p: p, http: process.NewHTTP(1, 10*time.Second)}
		if err := s.warm(); err != nil {
			return err
		}
		for n, step := range steps {
			if step.proves != proves {
				continue
			}
			if err := s.count(n, dir); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
		if err := stop(); err != nil {
			return err
		}
	}
	return nil
}

// count runs the n-th step and writes down what it ran.
func (s *session) count(n int, dir string) error {
	into := filepath.Join(dir, fmt.Sprint(n))
	if err := os.Mkdir(into, 0o700); err != nil {
		return err
	}
	if err := coverage.ClearCounters(); err != nil {
		return err
	}
	a, err := steps[n].do(s)
	if err != nil {
		return err
	}
	if a.Status != steps[n].want {
		return errors.New(a.String())
	}
	time.Sleep(50 * time.Millisecond) // what follows the answer, such as the log line, is part of it
	if err := coverage.WriteCountersDir(into); err != nil {
		return err
	}
	return coverage.WriteMetaDir(into)
}

// warm goes through all steps with somebody else, and leaves a flow to begin with.
func (s *session) warm() error {
	flow, err := s.p.Open(s.http)
	if err != nil {
		return err
	}
	for _, email := range []string{"nobody", "warm@example.org"} {
		a, err := s.p.Submit(s.http, flow, email, nil)
		if err != nil {
			return err
		}
		if a.SessionToken == "" {
			continue
		}
		if _, err = s.p.Whoami(s.http, a.SessionToken); err != nil {
			return err
		}
		if verify := a.Verification(); verify != "" {
			code, err := s.p.Code(s.http, email)
			if err != nil {
				return err
			}
			if _, err := s.p.Prove(s.http, verify, code); err != nil {
				return err
			}
		}
	}
	s.flow, err = s.p.Open(s.http)
	return err
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
