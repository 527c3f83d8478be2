package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/jsonnet"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/selfservice"
)

// outbox is all that other systems are told: hooks that ask them, rows that wait
// for them, and what delivers those.
type outbox struct {
	queue    *courier.Courier
	worker   *courier.Worker
	events   identity.Events // nil where no endpoint is configured
	webHooks *hook.WebHooks
	byName   map[string]*hook.WebHook
}

// newOutbox reads what the configuration names and checks it. The pool is nil
// where nothing evaluates Jsonnet.
func newOutbox(ctx context.Context, c *Config, store *persistence.Store, ring *seal.Ring, view session.Viewer, pool *jsonnet.Pool, o Options) (*outbox, error) {
	// Whoever waits for one receiver takes no connection from who asks another.
	asking, err := hookClient(c, c.WebHooks.TotalTimeout, -1)
	if err != nil {
		return nil, err
	}
	// Of its own, so that rows for a receiver that hangs take no connection from people who wait.
	delivering, err := hookClient(c, c.Events.Timeout, 0)
	if err != nil {
		return nil, err
	}
	b := &outbox{
		queue:  &courier.Courier{Store: store, Queue: courier.Events, Ring: ring, Now: o.Now, Retention: c.Events.Retention},
		byName: map[string]*hook.WebHook{},
	}
	var evaluator hook.Evaluator
	if pool != nil {
		evaluator = pool
	}
	b.webHooks = &hook.WebHooks{
		Client: asking, Evaluator: evaluator, Queue: b.queue, View: view, Allowed: c.WebHooks.HeaderAllowlist,
		Patience: c.WebHooks.TotalTimeout + stepEnds, Now: o.Now, Log: o.Log,
	}
	files := web.Resources{Fetch: asking.Get, AllowHTTP: c.Dev, MaxBytes: maxHookBody}
	for _, h := range c.SelfService.everyHook() {
		if h.WebHook == nil {
			continue
		}
		if b.byName[h.WebHook.Name], err = webHook(ctx, h, files, pool); err != nil {
			return nil, fmt.Errorf("%s: %w", h.path(), err)
		}
	}
	endpoints, err := b.listen(c, view.Identities, o.Now)
	if err != nil {
		return nil, err
	}
	delivery := &hook.Delivery{Client: delivering, Evaluator: evaluator, Hooks: b.byName, Endpoints: endpoints, Now: o.Now}
	b.worker = &courier.Worker{
		Courier: b.queue,
		Channels: map[string]courier.Channel{
			hook.ChannelWebHook: delivery, hook.ChannelEvent: delivery, hook.ChannelReservation: delivery,
		},
		Retries: c.Events.Retries, Lease: c.Events.Lease, Timeout: c.Events.Timeout,
		PullCount: c.Events.PullCount, PullWait: c.Events.PullWait, KeepBodies: true, Log: o.Log,
	}
	return b, nil
}

// hookClient calls receivers, whose answers are short.
func hookClient(c *Config, timeout time.Duration, conns int) (*web.Outbound, error) {
	conf := c.Outbound
	conf.Timeout, conf.MaxBytes, conf.Conns = timeout, 0, conns
	return web.NewOutbound(conf)
}

const (
	// stepEnds is how long after its hooks a step has surely ended.
	stepEnds = time.Minute
	// maxHookBody bounds the Jsonnet of a web_hook, in bytes.
	maxHookBody = 64 << 10
)

// listen makes the receivers of events.
func (b *outbox) listen(c *Config, view identity.Viewer, now func() time.Time) (map[string]*hook.Endpoint, error) {
	all := &hook.Events{Queue: b.queue, View: view, Now: now}
	byID := map[string]*hook.Endpoint{}
	for _, e := range c.Events.Endpoints {
		signer, err := signer(e.SigningSecrets)
		if err != nil {
			return nil, fmt.Errorf("events.endpoints (%s).signing_secrets: %w", e.ID, err)
		}
		to := &hook.Endpoint{ID: e.ID, Call: e.Call, Types: e.Types, Signer: signer}
		all.Endpoints, byID[e.ID] = append(all.Endpoints, to), to
	}
	if len(byID) > 0 {
		b.events = all
	}
	return byID, nil
}

func signer(secrets []string) (*hook.Signer, error) {
	if len(secrets) == 0 {
		return nil, nil
	}
	return hook.ParseSigner(secrets)
}

// webHook makes the web_hook that h configures; its Jsonnet is parsed.
func webHook(ctx context.Context, h Hook, files web.Resources, pool *jsonnet.Pool) (*hook.WebHook, error) {
	conf, moment := h.WebHook, moment(h.Key)
	w := &hook.WebHook{
		Key: conf.Name, Type: moment, Call: conf.Call, Opening: strings.HasSuffix(moment, ".before"),
		Blocks: conf.Blocks(), Parses: conf.Parse, Reserves: conf.Reserve, FailOpen: conf.FailOpen, Timeout: conf.Timeout,
	}
	var err error
	if w.Signer, err = signer(conf.SigningSecrets); err != nil {
		return nil, fmt.Errorf("config.signing_secrets: %w", err)
	}
	if conf.Condition != "" {
		if w.When, err = hook.CompileCondition(conf.Condition); err != nil {
			return nil, fmt.Errorf("config.condition: %w", err)
		}
	}
	w.Body, err = hookBody(ctx, conf, files, pool)
	return w, err
}

// path is the key of the configuration where h stands.
func (h Hook) path() string {
	last := strings.LastIndexByte(h.Key, '.')
	return "selfservice.flows." + h.Key[:last] + ".hooks" + h.Key[last:]
}

// moment is the flow of a hook's key with before or after: registration.after.
func moment(key string) string {
	parts := strings.SplitN(key, ".", 3)
	return parts[0] + "." + parts[1]
}

func hookBody(ctx context.Context, conf *WebHook, files web.Resources, pool *jsonnet.Pool) (hook.Body, error) {
	if conf.BodyURL == "" {
		if conf.BodyPaths == nil {
			return hook.Body{}, nil
		}
		paths, err := hook.ParsePaths(conf.BodyPaths)
		if err != nil {
			return hook.Body{}, fmt.Errorf("config.body: %w", err)
		}
		return hook.Body{Paths: paths}, nil
	}
	name := web.DisplayURL(conf.BodyURL)
	source, err := readJsonnet(ctx, conf.BodyURL, name, files, pool)
	if err != nil {
		return hook.Body{}, fmt.Errorf("config.body (%s): %w", name, err)
	}
	return hook.Body{Name: name, Source: source}, nil
}

// hooks are what the engine runs of a list of the configuration.
func (b *outbox) hooks(list []Hook, sessions *session.Manager) (out []selfservice.Hook) {
	for _, h := range list {
		switch h.Name {
		case "session":
			out = append(out, hook.Session(sessions))
		case "verification":
			out = append(out, hook.Verification())
		case "show_verification_ui":
			out = append(out, hook.ShowVerificationUI())
		case "require_verified_address":
			out = append(out, hook.RequireVerifiedAddress())
		case "revoke_active_sessions":
			out = append(out, hook.RevokeActiveSessions())
		case "notify_previous_addresses":
			out = append(out, hook.NotifyPreviousAddresses(selfservice.Recipients(h.Recipients)))
		case "ip_range":
			out = append(out, hook.IPRange{Allow: h.IPRange.Allow, Deny: h.IPRange.Deny}.Hook())
		case "country":
			out = append(out, hook.Country{Header: h.Country.Header, Allow: h.Country.Allow, Deny: h.Country.Deny}.Hook())
		case "schedule":
			s := h.Schedule
			out = append(out, hook.Schedule{Days: s.Days, From: s.From, To: s.To, Location: s.Location}.Hook(b.webHooks.Now))
		case "web_hook":
			out = append(out, b.webHooks.Hook(b.byName[h.WebHook.Name]))
		}
	}
	return out
}

// methodHooks are those of each method of a flow.
func (b *outbox) methodHooks(a After, sessions *session.Manager) map[string][]selfservice.Hook {
	list := map[string][]selfservice.Hook{}
	for method, after := range a.Method {
		list[method] = b.hooks(after.Hooks, sessions)
	}
	return list
}
