package cmd_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

type message struct {
	ID, Status, Recipient string
	SendCount             int `json:"send_count"`
}

func messages(t *testing.T, args ...string) (all []message) {
	t.Helper()
	status, out, errOut := run(append([]string{"courier", "list", "--format", "json"}, args...)...)
	require.Zero(t, status, errOut)
	require.NoError(t, json.Unmarshal([]byte(out), &all), out)
	return all
}

func TestCourierListAndResend(t *testing.T) {
	var away atomic.Bool
	var sent atomic.Int32
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		sent.Add(1)
	}))
	t.Cleanup(gateway.Close)
	env := enginetest.New(t, enginetest.WithVerification(), enginetest.With("courier.delivery_strategy", "http"),
		enginetest.With("courier.http.request_config.url", gateway.URL), enginetest.With("courier.message_retries", 0))
	t.Setenv("FOYER_ADMIN_URL", env.AdminURL)
	_, out, _ := run("courier", "list")
	require.Equal(t, "There are none.\n", out)

	mail := func(name string) string {
		c := env.Native()
		require.Equal(t, http.StatusOK, c.Submit(c.Open(""), enginetest.Person(name+"@example.org")).Status)
		env.Deliver()
		found := messages(t, "--recipient", name+"@example.org")
		require.Len(t, found, 1)
		return found[0].ID
	}
	ada := mail("ada")
	away.Store(true)
	bob := mail("bob")
	require.Equal(t, int32(1), sent.Load())
	require.Equal(t, []message{{bob, "abandoned", "bob@example.org", 1}}, messages(t, "--status", "abandoned"))
	require.Equal(t, []message{{ada, "sent", "ada@example.org", 1}}, messages(t, "--status", "sent", "--recipient", "ada@example.org"))
	require.Empty(t, messages(t, "--status", "queued"))
	require.Len(t, messages(t, "--all", "--page-size", "1"), 2)

	status, out, errOut := run("courier", "list")
	require.Zero(t, status, errOut)
	require.Regexp(t, `^ID +TEMPLATE +CHANNEL +RECIPIENT +STATUS +ATTEMPTS +CREATED +LAST ERROR\n`+
		bob+` +verification_code_valid +email +bob@example\.org +abandoned +1 +\S+ \S+Z +.*418.*\n`+
		ada+` +verification_code_valid +email +ada@example\.org +sent +1 +\S+ \S+Z +–\n$`, out)
	_, _, errOut = run("courier", "list", "--page-size", "1")
	require.Equal(t, "There are more; --all lists them too.\n", errOut)

	away.Store(false)
	status, out, errOut = run("courier", "resend", ada, bob)
	require.Equal(t, 1, status)
	require.Equal(t, 2, strings.Count(out, "\n"))
	require.Regexp(t, `(?m)^`+bob+` .* queued +0 `, out)
	require.Regexp(t, `^`+ada+`: message_already_sent \(409\): .*\nfoyer: 1 of 2 were not queued again\n$`, errOut)
	env.Deliver()
	require.Equal(t, int32(2), sent.Load())
	require.Empty(t, messages(t, "--status", "abandoned"))

	refused(t, "courier", map[string]string{
		"resend " + ada:             "1 foyer: message_already_sent (409)",
		"resend x":                  "1 foyer: message_not_found (404)",
		"resend ..":                 `2 ".." is no id`,
		"list --status delivered":   "1 foyer: message_status_invalid (400)",
		"list --page-size 1001":     "1 foyer: page_size_invalid (400)",
		"list --format yaml":        "2 --format is",
		"watch --endpoint http://x": "2 unknown flag",
	})
	require.Equal(t, int32(2), sent.Load())
}
