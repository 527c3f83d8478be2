package cmd_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/internal/enginetest"
)

// refused runs commands of a group, none of which may print anything. What is told
// begins with the exit status.
func refused(t *testing.T, group string, commands map[string]string) {
	t.Helper()
	for args, want := range commands {
		status, out, errOut := run(append([]string{group}, strings.Fields(args)...)...)
		require.Empty(t, out, args)
		require.Equal(t, want[:1], fmt.Sprint(status), "%s: %s", args, errOut)
		require.Contains(t, errOut, want[2:], args)
	}
}

// typed makes a file to be standard input.
func typed(t *testing.T, text string) {
	t.Helper()
	name := file(t, text)
	f, err := os.Open(name)
	require.NoError(t, err)
	before := os.Stdin
	os.Stdin = f
	t.Cleanup(func() {
		os.Stdin = before
		require.NoError(t, f.Close())
	})
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestWrongUse(t *testing.T) {
	for args, want := range map[string]string{
		"nothing": `unknown command "nothing"`, "--nothing": "unknown flag: --nothing", "version now": "unknown command",
		"identities list --page-size x": "invalid argument", "courier test": `required flag(s) "to" not set`, "courier resend": "requires at least 1 arg",
	} {
		status, out, errOut := run(strings.Fields(args)...)
		require.Equal(t, 2, status, args)
		require.Empty(t, out)
		require.Contains(t, errOut, want, args)
	}
	status, out, _ := run("identities")
	require.Zero(t, status)
	require.Contains(t, out, "delete")
}

// A token comes from where no list of processes shows it, and is told to nobody.
func TestAdminClientProvesItself(t *testing.T) {
	ca := newAuthority(t)
	cert, key, _ := certificate(t)
	encode := base64.StdEncoding.EncodeToString
	env := enginetest.New(t,
		enginetest.With("serve.admin.tls", map[string]any{"cert": map[string]any{"base64": encode(cert)}, "key": map[string]any{"base64": encode(key)}}),
		enginetest.With("serve.admin.auth", map[string]any{"tokens": []any{caller("ops", "*"), caller("reader", "identity.read")}, "mtls": map[string]any{
			"ca": map[string]any{"base64": encode(ca.pem())}, "callers": []map[string]any{{"name": "crm", "subject": "CN=crm,O=Example", "scopes": []string{"identity"}}},
		}}))
	endpoint := env.App.Config.Serve.Admin.Endpoint
	endpoint.Host, endpoint.Port = "127.0.0.1", 0
	l, err := cmd.Listen(endpoint)
	require.NoError(t, err)
	server := &http.Server{Handler: env.App.Admin, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	t.Setenv("FOYER_ADMIN_URL", "https://"+l.Addr().String())

	own := ca.issue(t, named("crm"))[0]
	der, err := x509.MarshalECPrivateKey(own.PrivateKey.(*ecdsa.PrivateKey))
	require.NoError(t, err)
	mine := file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})))
	mineKey := file(t, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	trust, token, empty := file(t, string(cert)), file(t, tokenFor("ops")+"\n"), file(t, "\n")

	list := func(args ...string) string {
		status, out, errOut := run(append([]string{"identities", "list"}, args...)...)
		require.NotContains(t, out+errOut, tokenFor("ops"))
		return fmt.Sprint(status, " ", out, errOut)
	}
	const none = "0 There are none.\n"
	require.Equal(t, none, list("--ca", trust, "--token-file", token))
	require.Equal(t, none, list("--ca", trust, "--token", tokenFor("ops")))
	require.Equal(t, none, list("--ca", trust, "--client-cert", mine, "--client-key", mineKey))
	require.Contains(t, list("--ca", trust), "1 foyer: admin_unauthenticated (401)")
	require.Contains(t, list("--token-file", token), "1 foyer: the admin API did not answer")
	t.Setenv("FOYER_ADMIN_TOKEN", tokenFor("reader"))
	require.Equal(t, none, list("--ca", trust))
	status, _, errOut := run("identities", "delete", "--yes", "--ca", trust, "a", "b", "c")
	require.Equal(t, 1, status)
	require.Equal(t, 1, strings.Count(errOut, "admin_scope_missing"), "who may not is not told again and again: %s", errOut)
	require.Contains(t, errOut, "0 of 3 were deleted, then: admin_scope_missing (403)")

	for want, args := range map[string][]string{
		"either --token or --token-file":        {"--token", "x", "--token-file", token},
		"is empty":                              {"--token-file", empty},
		"no such file":                          {"--token-file", "/nowhere/token"},
		"a token is one line":                   {"--token", "a\nb"},
		"--client-cert and --client-key go":     {"--client-cert", mine},
		"--client-cert: tls":                    {"--client-cert", token, "--client-key", mineKey},
		"--ca: open /nowhere/ca":                {"--ca", "/nowhere/ca"},
		"has no certificate in PEM":             {"--ca", token},
		"--format is \"yaml\" and has to be":    {"--format", "yaml"},
		"--endpoint has to be an http or https": {"--endpoint", "ftp://127.0.0.1"},
	} {
		told := list(args...)
		require.Contains(t, told, "2 foyer: ")
		require.Contains(t, told, want)
	}
}
