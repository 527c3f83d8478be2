package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/internal/testdb"
)

func page(t *testing.T) string {
	raw, err := os.ReadFile("../../docs/hooks.md")
	require.NoError(t, err)
	return string(raw)
}

// Who follows the page starts a receiver that knows the secret.
func TestPageStartsTheReceiver(t *testing.T) {
	require.Contains(t, page(t), "WEBHOOK_SECRET="+secret+" go run ./contrib/receiver")
}

// signedCase is a call as a receiver sees it, and whether it is genuine.
type signedCase struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	genuine bool
}

func signedCases(t *testing.T) (all []signedCase) {
	now := time.Now()
	add := func(genuine bool, at time.Time, signed, sent string, secrets ...string) {
		s, err := hook.ParseSigner(secrets)
		require.NoError(t, err)
		all = append(all, signedCase{Body: sent, genuine: genuine, Headers: map[string]string{
			"webhook-id": "a", "webhook-timestamp": strconv.FormatInt(at.Unix(), 10), "webhook-signature": s.Sign("a", at, []byte(signed)),
		}})
	}
	add(true, now, `{"who":"Zoë"}`, `{"who":"Zoë"}`, secret)
	add(true, now, `{}`, `{}`, another, secret)
	add(false, now, `{}`, `{}`, another)
	add(false, now, `{}`, `{ }`, secret)
	add(false, now.Add(-6*time.Minute), `{}`, `{}`, secret)
	add(false, now.Add(6*time.Minute), `{}`, `{}`, secret)
	return all
}

// The page's lines for those without a library tell what is genuine.
func TestPageVerifiesByHand(t *testing.T) {
	cases := signedCases(t)
	input, err := json.Marshal(cases)
	require.NoError(t, err)
	for language, one := range map[string]struct{ command, script, run string }{
		"js":     {"node", "-e", "\nconsole.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map((c) => genuine(c.headers, Buffer.from(c.body)))))"},
		"python": {"python3", "-c", "\nimport json, sys\nprint(json.dumps([genuine(c['headers'], c['body'].encode()) for c in json.load(sys.stdin)]))"},
	} {
		t.Run(language, func(t *testing.T) {
			path, err := exec.LookPath(one.command)
			if err != nil {
				testdb.Missing(t, "no "+one.command+" in PATH (Debian: apt-get install nodejs python3)")
			}
			shown := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(page(t))
			require.Len(t, shown, 2)
			c := exec.CommandContext(t.Context(), path, one.script, shown[1]+one.run)
			c.Env, c.Stdin = append(os.Environ(), "WEBHOOK_SECRET="+secret), strings.NewReader(string(input))
			raw, err := c.Output()
			require.NoError(t, err)
			var told []bool
			require.NoError(t, json.Unmarshal(raw, &told), "%s", raw)
			require.Len(t, told, len(cases))
			for n := range cases {
				require.Equal(t, cases[n].genuine, told[n], "%d", n)
			}
		})
	}
}
