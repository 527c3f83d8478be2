package cmd_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		status, out, errOut := run("completion", shell)
		require.Zero(t, status, errOut)
		require.Contains(t, out, "foyer")
		if shell != "bash" {
			continue
		}
		check := exec.Command("bash", "-n")
		check.Stdin = strings.NewReader(out)
		told, err := check.CombinedOutput()
		require.NoError(t, err, "%s", told)
		require.Empty(t, told)
	}
	for line, want := range map[string]string{
		"identities list --format": "table json", "events list --format": "table json", "courier resend --format": "table json",
		"courier list --status": "queued processing sent abandoned", "events list --status": "queued processing delivered abandoned",
		"events replay --status": "delivered abandoned", "identities get": "", "identities list --identifier": "",
	} {
		status, out, errOut := run(append(append([]string{"__complete"}, strings.Fields(line)...), "")...)
		require.Zero(t, status, errOut)
		offered := strings.Fields(out)
		require.Equal(t, ":4", offered[len(offered)-1], "no names of files: %s", line)
		require.Equal(t, want, strings.Join(offered[:len(offered)-1], " "), line)
	}
}
