package cmd_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/internal/web"
)

const tokenHash = "b3c1a4e0d5f27f6a908e1c4d2b7a5f3e8c6d9b0a1f2e3d4c5b6a79880716253f"

func TestAdminCallersAreRead(t *testing.T) {
	file := write(t, "auth.yml", `
serve:
  admin:
    host: 0.0.0.0
    tls: {cert: {path: a.crt}, key: {path: a.key}}
    auth:
      tokens: [{name: crm, hash: "`+tokenHash+`", scopes: [identity.read, courier]}]
      jwt: {issuer: "https://id.example/", audience: [foyer], jwks_url: "https://id.example/keys", scope_claim: scp}
      mtls: {ca: {path: ca.crt}, callers: [{name: billing, subject: "CN=billing", scopes: ["*"]}]}
`)
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml", file}, Env: []string{"SERVE_ADMIN_AUTH_JWT_CLOCK_SKEW=5m", "SERVE_ADMIN_AUTH_TOKENS_0_NAME=mail"}})
	require.Equal(t, cmd.AdminAuth{
		Tokens: []cmd.AdminToken{{Name: "mail", Hash: tokenHash, Scopes: []string{"identity.read", "courier"}}},
		JWT:    &web.JWTSettings{Issuer: "https://id.example/", Audiences: []string{"foyer"}, KeysURL: "https://id.example/keys", ScopeClaim: "scp", Skew: 5 * time.Minute},
		Certs:  []web.CertCaller{{Name: "billing", Subject: "CN=billing", Scopes: []string{"*"}}},
	}, cfg.Serve.Admin.Auth)
	require.Equal(t, "ca.crt", cfg.Serve.Admin.TLS.ClientCAPath)
	require.Empty(t, report.Warnings)
	text, err := json.Marshal(cfg.Serve)
	require.NoError(t, err)
	for _, printed := range []string{string(text), fmt.Sprintf("%v %+v %#v", cfg.Serve.Admin.Auth.Tokens, cfg.Serve.Admin.Auth.Tokens, cfg.Serve.Admin.Auth.Tokens)} {
		require.Contains(t, printed, "mail")
		require.NotContains(t, printed, tokenHash)
	}
}

func TestWhatIsSaidOfAdminCallersAtStart(t *testing.T) {
	token := `SERVE_ADMIN_AUTH_TOKENS=[{"name":"crm","hash":"` + tokenHash + `","scopes":["*"]}]`
	for name, one := range map[string]struct {
		env  []string
		said []string
	}{
		"as installed":       {nil, nil},
		"tokens on loopback": {[]string{token}, nil},
		"none on loopback":   {[]string{"SERVE_ADMIN_AUTH=none"}, nil},
		"none on a socket":   {[]string{"SERVE_ADMIN_AUTH=none", "SERVE_ADMIN_HOST=unix:/run/foyer.sock"}, nil},
		"none for everybody": {[]string{"SERVE_ADMIN_AUTH=none", "SERVE_ADMIN_HOST=0.0.0.0"}, []string{
			`serve.admin.auth: none: nobody is asked who they are, and whoever reaches "0.0.0.0" may do anything, take over every account too`,
		}},
		"tokens on the wire": {[]string{token, "SERVE_ADMIN_HOST=::"}, []string{
			`serve.admin.tls: missing, so tokens of callers can be read on the wire, unless a proxy encrypts`,
		}},
		"no record": {[]string{token, "LOG_LEVEL=error"}, []string{
			`log.level: above info the log has no record of what callers of the admin API change`,
		}},
	} {
		cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: one.env})
		require.Equal(t, one.said, report.Warnings, name)
		require.Empty(t, report.Lifted, name)
		require.Equal(t, name == "tokens on loopback" || name == "tokens on the wire" || name == "no record", cfg.Serve.Admin.Auth.Asks(), name)
	}
}
