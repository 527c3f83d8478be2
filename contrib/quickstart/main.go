// Command quickstart runs Foyer and the reference UI side by side on one
// machine until it is told to stop, or until one of them ends. It is started by
// contrib/quickstart/run, which builds all three first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// ports is where things listen, all on 127.0.0.1.
type ports struct{ Public, Admin, UI int }

// usual is what foyer.yml and the UI say by themselves.
var usual = ports{Public: 4433, Admin: 4434, UI: 4455}

const config = "contrib/quickstart/foyer.yml"

// data is where foyer.yml keeps the database. Foyer makes no directories.
const data = "var"

func main() {
	p := usual
	flag.IntVar(&p.Public, "public-port", usual.Public, "port of the public API")
	flag.IntVar(&p.Admin, "admin-port", usual.Admin, "port of the admin API")
	flag.IntVar(&p.UI, "ui-port", usual.UI, "port of the reference UI")
	configs := []string{"-c", config}
	flag.Func("c", "one more configuration `FILE`, seen from the checkout; what it says wins", func(file string) error {
		configs = append(configs, "-c", file)
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, p, configs, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "quickstart: all has ended")
}

func run(ctx context.Context, p ports, configs []string, out, errOut io.Writer) error {
	if err := p.free(); err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	running := 0
	for _, c := range []*exec.Cmd{
		exec.CommandContext(ctx, "bin/foyer", append([]string{"serve", "--dev"}, configs...)...),
		exec.CommandContext(ctx, "bin/ui", "-listen", address(p.UI), "-public", base(p.Public), "-inbox", p.inbox()),
	} {
		if err := start(c, p, errOut, ended); err != nil {
			cancel()
			return errors.Join(err, wait(ended, running))
		}
		running++
	}
	ready := make(chan error, 1)
	go func() { ready <- p.ready(ctx) }()
	for {
		select {
		case err := <-ready:
			if err == nil {
				p.announce(out)
				continue
			}
			if ctx.Err() == nil {
				cancel()
				return errors.Join(err, wait(ended, running))
			}
		case <-ctx.Done():
			return wait(ended, running)
		case err := <-ended:
			stopped := ctx.Err() != nil // Ctrl-C reaches all of us at once
			cancel()
			if rest := wait(ended, running-1); stopped || err == nil && rest == nil {
				return rest
			}
			return fmt.Errorf("%w; the lines above say why", err)
		}
	}
}

// start runs one program. What it says goes to errOut; its end, with its name,
// to ended: nil if it was told to stop.
func start(c *exec.Cmd, p ports, errOut io.Writer, ended chan<- error) error {
	c.Stdout, c.Stderr = errOut, errOut
	c.Env = append(os.Environ(), p.environment()...)
	told := false
	c.Cancel = func() error {
		told = true
		return c.Process.Signal(syscall.SIGTERM)
	}
	c.WaitDelay = 20 * time.Second
	if err := c.Start(); err != nil {
		return err
	}
	go func() {
		err := c.Wait()
		switch {
		case told:
			err = nil
		case err == nil:
			err = fmt.Errorf("%s ended", c.Path)
		default:
			err = fmt.Errorf("%s ended: %w", c.Path, err)
		}
		ended <- err
	}()
	return nil
}

func wait(ended <-chan error, n int) error {
	var all error
	for range n {
		all = errors.Join(all, <-ended)
	}
	return all
}

// environment says what of foyer.yml is different. Nothing is where the ports
// are the usual ones, so that the file alone decides.
func (p ports) environment() []string {
	if p == usual {
		return nil
	}
	ui := base(p.UI)
	changed := []string{
		fmt.Sprintf("SERVE_PUBLIC_PORT=%d", p.Public), "SERVE_PUBLIC_BASE_URL=" + base(p.Public),
		fmt.Sprintf("SERVE_ADMIN_PORT=%d", p.Admin), "SERVE_ADMIN_BASE_URL=" + base(p.Admin),
		"SELFSERVICE_DEFAULT_BROWSER_RETURN_URL=" + ui + "/",
		"SELFSERVICE_ALLOWED_RETURN_URLS_0=" + ui,
	}
	for _, page := range []string{"registration", "login", "verification", "recovery", "settings", "error"} {
		changed = append(changed, "SELFSERVICE_FLOWS_"+strings.ToUpper(page)+"_UI_URL="+ui+"/"+page)
	}
	return changed
}

// free looks whether all ports can be had, and names all that cannot.
func (p ports) free() error {
	var taken []string
	for _, one := range []struct {
		port       int
		what, flag string
	}{{p.Public, "public API", "-public-port"}, {p.Admin, "admin API", "-admin-port"}, {p.UI, "reference UI", "-ui-port"}} {
		l, err := net.Listen("tcp", address(one.port))
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			taken = append(taken, fmt.Sprintf("port %d, for the %s, cannot be had: %v\n  (end what uses it, or choose another: contrib/quickstart/run %s %d)",
				one.port, one.what, err, one.flag, one.port+100))
		}
	}
	if taken == nil {
		return nil
	}
	return errors.New(strings.Join(taken, "\n"))
}

const patience = 30 * time.Second

// ready waits until both programs answer.
func (p ports) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, url := range []string{base(p.Public) + "/health/ready", base(p.Admin) + "/admin/health/ready", base(p.UI) + "/health"} {
		for !answers(ctx, url) {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s does not answer; if you changed ports in %s, name them here too (-public-port, -admin-port)", url, config)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (p ports) announce(out io.Writer) {
	fmt.Fprintf(out, `
  Foyer is ready.

    Open         %s/
    Inbox        %s   (mails end there)
    Public API   %s
    Admin API    %s   (this machine only)

  Data is kept in ./var. Ctrl-C ends everything.

`, base(p.UI), p.inbox(), base(p.Public), base(p.Admin))
}

// inbox is where mails can be read: nothing sends them with --dev.
func (p ports) inbox() string { return base(p.Admin) + "/admin/inbox" }

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

func base(port int) string { return "http://" + address(port) }
