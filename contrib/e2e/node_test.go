package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// missing skips a test for what is not there, or fails it where CI promises it.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what + ", and CI promises it")
	}
	t.Skip(what)
}

// nodeFolder copies a folder of testdata to one of the test's own and installs
// the package that it needs there; from npm's cache once it has been fetched.
func nodeFolder(t *testing.T, folder, needs string) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "no "+tool+" in PATH (Debian: apt-get install nodejs npm)")
		}
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", folder))))
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress",
		"--fetch-retries=1", "--fetch-timeout=20000", "--loglevel=error")
	c.Dir, c.WaitDelay = dir, time.Second
	if out, err := c.CombinedOutput(); err != nil {
		t.Logf("%s", out)
		missing(t, "npm cannot fetch "+needs+", for which it needs the network once: "+err.Error())
	}
	return dir
}

// Ory's client for fetch, in Node, as a page and as an app.
func TestNodeClient(t *testing.T) {
	dir := nodeFolder(t, "node", "@ory/client-fetch")
	p := start(t, accounts, with("feature_flags.use_continue_with_transitions", true))
	strict := start(t, accounts, with("selfservice.flows.settings.privileged_session_max_age", "1s"),
		with("selfservice.flows.recovery.enabled", false))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "node", "client.mjs")
	c.Dir, c.WaitDelay = dir, time.Second
	c.Env = append(os.Environ(), "PUBLIC="+p.Public, "ADMIN="+p.Admin, "UI="+p.UI, "STRICT="+strict.Public)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "all said\n")
}
