package cmd_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/cmd"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/internal/web"
)

func TestEventsDefaults(t *testing.T) {
	cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}})
	require.Equal(t, cmd.Events{
		Retries: 100, PullCount: 10, PullWait: time.Second, Lease: time.Minute, Timeout: 10 * time.Second, Retention: 72 * time.Hour,
	}, cfg.Events)
}

func TestFullEvents(t *testing.T) {
	cfg, report := load(t, cmd.LoadOptions{Files: []string{"testdata/full.yml"}, Env: []string{
		"EVENTS_ENDPOINTS_1_ID=audit", "EVENTS_ENDPOINTS_1_URL=https://audit.internal", "EVENTS_ENDPOINTS_1_METHOD=PUT", "EVENTS_ENDPOINTS_1_TYPES=*",
		"EVENTS_ENDPOINTS_1_SIGNING_SECRETS=" + ownSecret, "EVENTS_ENDPOINTS_1_AUTH_TYPE=bearer", "EVENTS_ENDPOINTS_1_AUTH_CONFIG_TOKEN=t",
	}})
	require.NotContains(t, report.NotInEffect, "events")
	require.Equal(t, cmd.Events{
		Endpoints: []cmd.EventEndpoint{
			{
				ID: "billing", Call: web.Call{URL: "https://billing.internal/events?token=endpoint-token", Method: "POST"},
				Types: []string{"identity.*", "registration.completed"}, SigningSecrets: cfg.Secrets.WebHook,
			},
			{
				ID: "audit", Call: web.Call{URL: "https://audit.internal", Method: "PUT", Auth: web.Auth{Type: "bearer", Token: "t"}},
				Types: []string{"*"}, SigningSecrets: []string{ownSecret},
			},
		},
		Retries: 20, PullCount: 5, PullWait: 3 * time.Second, Lease: 80 * time.Second, Timeout: 15 * time.Second, Retention: 48 * time.Hour,
	}, cfg.Events)
}

func TestEveryEventCanBeAskedFor(t *testing.T) {
	for _, e := range identity.EventTypes {
		cfg, _ := load(t, cmd.LoadOptions{Files: []string{"testdata/base.yml"}, Env: []string{
			"EVENTS_ENDPOINTS_0_ID=one", "EVENTS_ENDPOINTS_0_URL=https://example.com", "EVENTS_ENDPOINTS_0_TYPES=" + e.Name,
		}})
		require.Equal(t, []string{e.Name}, cfg.Events.Endpoints[0].Types)
	}
}

// Where nothing else is told, a stored web hook needs times of its own.
func TestEventsOfStoredHooksOnly(t *testing.T) {
	for _, more := range []string{"", ", response: {ignore: true}", ", reserve: true"} {
		cfg, _ := hooksOf(t, "    registration: {after: {hooks: [{hook: web_hook, config: {url: 'https://example.com', method: POST"+more+"}}]}}\nevents: {retries: 3}\n")
		require.Equal(t, 3, cfg.Events.Retries)
		require.Empty(t, cfg.Events.Endpoints)
	}
}
