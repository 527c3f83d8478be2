package e2e_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// copyCheckout copies the program around this module to a folder of its own, as
// a clone would: nothing that a build or a run has left behind.
func copyCheckout(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(checkout, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(checkout, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "bin", "var", filepath.Join("contrib", "e2e")}, rel) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), raw, info.Mode().Perm())
	})
	require.NoError(t, err)
	return to
}

// quickstart runs the script as `make run` does, on ports of the test's own.
func quickstart(dir string, ports []int) *exec.Cmd {
	c := exec.Command("contrib/quickstart/run", "-public-port", strconv.Itoa(ports[0]), "-admin-port", strconv.Itoa(ports[1]), "-ui-port", strconv.Itoa(ports[2]))
	c.Dir = dir
	return c
}

// A newcomer's first minutes: one command, the calls of the README, the
// page; ending it; and starting it again on what is there.
func TestQuickstart(t *testing.T) {
	dir, ports := copyCheckout(t), freePorts(t, 3)
	p := &program{t: t, Public: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), Admin: fmt.Sprintf("http://127.0.0.1:%d", ports[1]), UI: fmt.Sprintf("http://127.0.0.1:%d", ports[2])}
	run := func() *output {
		c, said := quickstart(dir, ports), &output{}
		c.Stdout = said
		p.running = launch(t, c)
		require.Eventually(t, func() bool { return strings.Contains(said.String(), "ready") || ended(p.running) }, 5*time.Minute, 50*time.Millisecond)
		require.False(t, ended(p.running), "%s", p.running.out)
		return said
	}
	said := run()
	require.Contains(t, said.String(), p.UI+"/\n")
	require.Contains(t, said.String(), p.Admin+"/admin/inbox ")
	require.Contains(t, p.running.out.String(), "--dev", "what --dev allows is said")
	for line := range strings.Lines(p.running.out.String()) {
		if strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
			require.Contains(t, line, "allowed because of --dev", "and nothing else is wrong")
		}
	}
	for _, kept := range []string{"foyer.sqlite", "foyer.sqlite.secrets"} {
		info, err := os.Stat(filepath.Join(dir, "var", kept))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), kept)
	}

	t.Run("by curl", func(t *testing.T) {
		for _, tool := range []string{"curl", "grep", "sed"} {
			if _, err := exec.LookPath(tool); err != nil {
				missing(t, "no "+tool+" in PATH (Debian: apt-get install curl grep sed)")
			}
		}
		c := exec.Command("sh", "contrib/quickstart/curl.sh")
		c.Dir, c.Env = dir, append(os.Environ(), "FOYER_PUBLIC_URL="+p.Public, "FOYER_ADMIN_URL="+p.Admin, "FOYER_EMAIL=curl@example.org")
		raw, err := c.Output()
		require.NoError(t, err, "%s", raw)
		out := string(raw)
		for _, want := range []string{
			`"name":"traits.email","type":"email"`, `"name":"password","type":"password"`,
			"is not a valid e-mail address", "at least 8 characters", "Property first is missing",
			"Your e-mail address has been verified.", `"verified":true`, `"active":true`, `"email":"curl@example.org"`, `"authenticator_assurance_level":"aal1"`,
			`"authentication_methods":[{"method":"password"`, "If this address belongs to an account", "Your changes have been saved.",
		} {
			require.Contains(t, out, want)
		}
		require.Equal(t, []string{"curl@example.org"}, p.people())
	})
	t.Run("the page", func(t *testing.T) {
		b := newBrowser(t, p)
		b.visit(p.UI + "/")
		b.click(`a[href="/registration"]`, 1)
		b.lands("/registration")
		b.shoot("1-form")
		b.fill("traits.email", "ada")
		b.click(submitButton, 1)
		b.until(`document.querySelector('[role=alert]')`)
		b.shoot("2-refused")
		b.fillRight("ada@example.org")
		b.click(submitButton, 1)
		b.lands("/verification")
		b.typing()
		b.shoot("3-verification")
		inbox := b.tab(false)
		inbox.visit(eval[string](b, `[...document.querySelectorAll("a")].find(a => a.innerText === "inbox").href`))
		inbox.until(`document.body.innerText.includes("ada@example.org")`)
		inbox.shoot("4-inbox")
		b.press(p.mailed("ada@example.org").code())
		b.enter()
		b.until(`document.querySelector("h1").innerText === "Your address is verified"`)
		b.click("a.button.primary", 1)
		b.welcomed("ada@example.org")
		b.shoot("5-registered")
	})
	t.Run("a second one", func(t *testing.T) {
		out, err := quickstart(dir, ports).CombinedOutput()
		require.Error(t, err)
		for _, port := range ports {
			require.Contains(t, string(out), fmt.Sprintf("port %d, for the", port), "all that is taken is named at once")
		}
		require.Contains(t, string(out), "choose another: contrib/quickstart/run -public-port")
	})
	p.running.stop()
	require.Contains(t, p.running.out.String(), "all has ended")
	for _, port := range ports {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		require.NoError(t, err, "nobody is left behind")
		require.NoError(t, l.Close())
	}

	run()
	require.Contains(t, p.people(), "curl@example.org", "people are still there")
}

// When one of the two programs ends, so does the other, and it is said.
func TestQuickstartEndsTogether(t *testing.T) {
	dir, ports := copyCheckout(t), freePorts(t, 3)
	c := quickstart(dir, ports)
	var said, out output
	c.Stdout, c.Stderr = &said, &out
	require.NoError(t, c.Start())
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "ready") }, 5*time.Minute, 50*time.Millisecond, "%s", &out)
	require.NoError(t, syscall.Kill(childOf(t, c.Process.Pid, "ui"), syscall.SIGKILL))
	select {
	case err := <-done:
		require.Error(t, err)
	case <-time.After(30 * time.Second):
		_ = c.Process.Signal(syscall.SIGTERM)
		require.Fail(t, "it goes on with half of itself")
	}
	require.Contains(t, out.String(), "bin/ui ended: signal: killed")
	_, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0]), time.Second)
	require.Error(t, err, "the other has ended, too")
}

func ended(p *process) bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// childOf finds a program that another one has started.
func childOf(t *testing.T, parent int, name string) int {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	if len(entries) == 0 {
		missing(t, "no /proc to look for the program in")
	}
	for _, entry := range entries {
		raw, err := os.ReadFile(entry)
		if err != nil {
			continue // ended meanwhile
		}
		// pid (name) state ppid …
		head, rest, _ := bytes.Cut(raw, []byte(") "))
		fields := strings.Fields(string(rest))
		pid, found, _ := strings.Cut(string(head), " (")
		if found == name && len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			n, err := strconv.Atoi(pid)
			require.NoError(t, err)
			return n
		}
	}
	require.Fail(t, "it has not started "+name)
	return 0
}
