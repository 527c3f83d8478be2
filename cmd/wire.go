package cmd

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/identity"
	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice"
	"github.com/foyer-id/foyer/selfservice/strategy/code"
	"github.com/foyer-id/foyer/selfservice/strategy/identifierfirst"
	"github.com/foyer-id/foyer/selfservice/strategy/link"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
	"github.com/foyer-id/foyer/selfservice/strategy/password"
	"github.com/foyer-id/foyer/selfservice/strategy/profile"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// Options are what the program takes from its surroundings, so that tests can
// give it others.
type Options struct {
	Now func() time.Time
	Log *slog.Logger
	// Jsonnet starts a child that evaluates Jsonnet (internal/jsonnet); none
	// refuses configurations that need one.
	Jsonnet []string
}

// App is the whole object graph, ready to serve.
type App struct {
	Config   *Config
	Store    *persistence.Store
	Worker   *courier.Worker // delivers messages, where somebody runs it
	Events   *courier.Worker // delivers events and stored hooks, where somebody runs it
	Public   http.Handler
	Admin    http.Handler
	Routes   []web.Route // of both; the admin API's begin with /admin/
	ground   *ground
	post     *post
	options  Options
	follows  *LoadOptions // where its configuration may change; nil where it stays
	refersTo []string     // files on this machine that the configuration refers to

	guests    *guests
	cancel    context.CancelFunc // ends its work
	stopping  chan struct{}      // closed when nobody is to wait any longer
	dismissed sync.Once
}

// ground is what all graphs of one process stand on, whatever their configuration.
type ground struct {
	store      *persistence.Store
	durability string
	requests   *prometheus.HistogramVec
	reloads    reloads
}

// Close lets go of the database and ends children.
func (a *App) Close() error {
	a.post.close()
	return a.Store.Close()
}

// Wire opens the database and builds the graph.
func Wire(ctx context.Context, c *Config, o Options) (_ *App, err error) {
	store, err := persistence.Open(ctx, persistence.Options{
		DSN: c.DSN, Dev: c.Dev, AllowUnsafe: c.Database.AllowUnsafe, Now: o.Now, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = store.Close()
		}
	}()
	if err := bringUp(ctx, store, o.Log); err != nil {
		return nil, err
	}
	durability, _, err := store.Durability(ctx)
	if err != nil {
		return nil, err
	}
	return build(ctx, c, &ground{store: store, durability: durability, requests: newRequests()}, o)
}

// build builds the graph. It is the one place where all of it can be read.
func build(ctx context.Context, c *Config, g *ground, o Options) (_ *App, err error) {
	store := g.store
	outbound, err := web.NewOutbound(c.Outbound)
	if err != nil {
		return nil, err
	}
	loader := &schema.Loader{Fetch: outbound.Get, AllowRef: !c.Security.DisallowRefInSchemas, AllowHTTP: c.Dev}
	schemas, err := loader.Load(ctx, c.Identity.DefaultSchemaID, c.Identity.Schemas)
	if err != nil {
		return nil, err
	}
	cookies, err := seal.NewRing("cookie", c.Secrets.Cookie...)
	if err != nil {
		return nil, err
	}
	private, err := seal.NewRing("private", c.Secrets.Cipher...)
	if err != nil {
		return nil, err
	}
	hashing := c.Hashers
	hashing.Now = o.Now
	hasher, err := hash.New(hashing)
	if err != nil {
		return nil, err
	}
	returnTo, err := web.NewReturnTo(c.SelfService.DefaultReturnURL, c.SelfService.AllowedReturnURLs, c.Serve.Public.BaseURL)
	if err != nil {
		return nil, err
	}
	origins, err := web.NewOrigins(trustedOrigins(c)...)
	if err != nil {
		return nil, err
	}
	messages, err := ui.Shipped()
	if err != nil {
		return nil, err
	}

	post, err := newPost(ctx, c, outbound, store, private, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			post.close()
		}
	}()
	if err := refuseUnprovable(c, schemas, post.reaches); err != nil {
		return nil, err
	}
	if err := refuseUnreachable(c, schemas, post.reaches); err != nil {
		return nil, err
	}
	locales, err := matcher(messages, post.renderer)
	if err != nil {
		return nil, err
	}

	tokenizers, err := tokenizers(ctx, c, outbound, post.jsonnet)
	if err != nil {
		return nil, err
	}

	offered, err := providers(ctx, c, outbound, post.jsonnet, o.Now, o.Log)
	if err != nil {
		return nil, err
	}
	noteUnknown(c, schemas, o.Log)

	phones := post.reaches(courier.SMS) && knowsPhones(schemas)
	people := &identity.Manager{Schemas: schemas, Store: store, Now: o.Now}
	sessions := &session.Manager{Store: store, Lifespan: c.Session.Lifespan, Extendable: c.Session.Extendable, Ring: cookies, Now: o.Now}
	viewer := identity.Viewer{PublicURL: c.Serve.Public.BaseURL}
	out, err := newOutbox(ctx, c, store, private, session.Viewer{Identities: viewer}, post.jsonnet, o)
	if err != nil {
		return nil, err
	}
	people.Events, sessions.Events = out.events, out.events
	sessionHTTP := &session.HTTP{
		Sessions: sessions,
		Cookie:   &web.SealedCookie{Options: c.Session.Cookie, Ring: cookies, Now: o.Now},
		View:     session.Viewer{Identities: viewer},
		Origins:  origins,

		Cacheable: c.Session.Cacheable, CacheMaxAge: c.Session.CacheMaxAge, Tokenizers: tokenizers,
	}
	engine := &selfservice.Engine{
		Store:      store,
		Identities: people,
		Sessions:   sessions,
		Strategies: strategies(c, people, hasher, outbound, messages, phones, &oidc.Strategy{Providers: offered, Ring: keptTokens(c, private)}),
		Rules:      rules(c, out, sessions),
		Return:     returnTo,
		Messages:   messages,
		Locales:    locales,
		Ring:       private,
		PublicURL:  c.Serve.Public.BaseURL,
		LinkURL:    c.SelfService.Link.BaseURL,
		Now:        o.Now,

		Courier: post.courier,
		Codes: selfservice.Codes{
			Length: c.SelfService.Code.Length, Lifespan: c.SelfService.Code.Lifespan,
			LinkOnly: c.SelfService.Link.Lifespan, Guesses: c.SelfService.Code.MaxSubmissions,
		},
		MessageLimits: []selfservice.Limit{
			{Count: c.Courier.Budget.Per10Minutes, Per: 10 * time.Minute}, {Count: c.Courier.Budget.PerDay, Per: 24 * time.Hour},
		},
		Flood:         flood(c.Courier.Budget.PerMinuteTotal),
		SMS:           phones,
		Stealth:       c.Security.MitigateEnumeration,
		RevokeOnProof: c.SelfService.RevokeOnProof,
		HookTime:      c.WebHooks.TotalTimeout,
	}
	stopping := make(chan struct{})
	flows := &selfservice.HTTP{
		Engine:   engine,
		Sessions: sessionHTTP,
		CSRF:     web.NewCSRF(c.Serve.Public.BaseURL, c.Cookies),
		Origins:  origins,
		Trusted:  c.Serve.Public.TrustedProxies,
		ErrorURL: c.SelfService.ErrorUIURL,
		Stopping: stopping,

		UseContinueWith: c.SelfService.UseContinueWith,
	}
	logout := &selfservice.Logout{Flows: flows, ReturnURL: c.SelfService.Logout.ReturnURL, ClearBrowserData: c.SelfService.Logout.ClearBrowserData}
	everybody := &session.AdminHTTP{Sessions: sessions, View: sessionHTTP.View, Ring: private, ShortExtend: c.Session.ShortExtend}
	admin := &identity.HTTP{
		Identities: people, Passwords: hasher, View: viewer, AdminURL: c.Serve.Admin.BaseURL, Ring: private,
		Passwordless: c.SelfService.Code.Passwordless,
		Tokens:       func(l identity.Link) (id, access, refresh string) { return oidc.OpenTokens(private, l) },
		EndSessions: func(ctx context.Context, identityID uuid.UUID) error {
			_, err := sessions.EndAll(ctx, identityID, uuid.Nil)
			return err
		},
	}

	a := &App{
		Config: c, Store: store, Worker: post.worker, Events: out.worker, ground: g, post: post, options: o,
		guests: newGuests(), stopping: stopping,
	}
	return a, a.route(rooms{
		flows: flows, logout: logout, activations: &selfservice.AdminHTTP{Engine: engine}, sessions: sessionHTTP, everybody: everybody,
		schemas: &schema.Handler{Set: schemas}, people: admin, hasher: hasher,
		messages: &courier.HTTP{Courier: post.courier, Renderer: post.renderer, Ring: private, Dev: c.Dev},
		events:   &hook.AdminHTTP{Queue: out.queue, Ring: private},
		guard:    &guard{callers: callers(c, outbound, o.Now), audit: &audit{now: o.Now, events: out.events}},
	})
}

// bringUp migrates an SQLite database. Any other is the operator's to migrate,
// once for all nodes; until then the program is not ready.
func bringUp(ctx context.Context, store *persistence.Store, log *slog.Logger) error {
	if store.Dialect() == "sqlite3" {
		_, err := store.Migrate(ctx)
		return err
	}
	pending, err := store.Pending(ctx)
	if len(pending) > 0 {
		log.Error("the database is not migrated; run: foyer migrate sql up -e -c FILE", "not_applied", pending)
	}
	return err
}

// knowsPhones reports whether any schema has phones to write to: where none has,
// nobody is asked for one.
func knowsPhones(schemas *schema.Set) bool {
	for _, s := range schemas.All() {
		for _, f := range s.Fields {
			if slices.Contains([]string{f.VerificationVia, f.RecoveryVia, f.CodeVia}, identity.ViaSMS) {
				return true
			}
		}
	}
	return false
}

func strategies(c *Config, people *identity.Manager, hasher *hash.Hasher, outbound *web.Outbound, messages ui.Catalogue, sms bool, others *oidc.Strategy) []selfservice.Strategy {
	var list []selfservice.Strategy
	methods := c.SelfService
	traits, whole, own := map[string]*ui.TraitForm{}, map[string]*ui.TraitForm{}, map[string]*ui.TraitForm{}
	others.Traits = map[string]*ui.TraitForm{}
	for _, s := range people.Schemas.All() {
		traits[s.ID] = ui.NewTraitForm(s, methods.Password.RegistrationGroup, messages)
		whole[s.ID] = ui.NewTraitForm(s, ui.GroupDefault, messages)
		own[s.ID] = ui.NewTraitForm(s, ui.GroupProfile, messages)
		others.Traits[s.ID] = ui.NewTraitForm(s, methods.OIDC.TraitGroup, messages)
	}
	identifiers := ui.NewIdentifier(people.Schemas.All(), messages)
	list = append(list,
		&profile.Strategy{Identities: people, SignUp: whole, Traits: own, Settings: methods.Profile.Enabled},
		&identifierfirst.Strategy{Identifiers: identifiers},
	)
	if p := methods.Password; p.Enabled {
		policy := p.Policy
		if p.PwnedHost != "" {
			policy.Pwned = &password.Pwned{Host: p.PwnedHost, Do: outbound.Do}
		}
		list = append(list, &password.Strategy{Identities: people, Hasher: hasher, Policy: &policy, Traits: traits, Identifiers: identifiers})
	}
	if methods.OIDC.offered() {
		list = append(list, others)
	}
	if methods.Code.Enabled {
		list = append(list, &code.Strategy{
			Identities: people, SMS: sms, Passwordless: methods.Code.Passwordless, Traits: traits, Identifiers: identifiers,
			Verifies: methods.Verification.Use == code.ID, Recovers: methods.Recovery.Use == code.ID,
		})
	}
	if methods.Link.Enabled {
		list = append(list, &link.Strategy{Verifies: methods.Verification.Use == link.ID, Recovers: methods.Recovery.Use == link.ID})
	}
	return list
}

// keptTokens seals the tokens of providers; nil where they are not kept.
func keptTokens(c *Config, ring *seal.Ring) *seal.Ring {
	if c.SelfService.OIDC.StoreTokens {
		return ring
	}
	return nil
}

// trustedOrigins are whose pages may post forms to the public API: its own,
// the pages that draw flows, and whoever CORS lets in.
func trustedOrigins(c *Config) []string {
	list := []string{c.Serve.Public.BaseURL}
	self := c.SelfService
	for _, page := range []string{
		self.Registration.UIURL, self.Login.UIURL, self.Settings.UIURL, self.Verification.UIURL, self.Recovery.UIURL, self.DefaultReturnURL,
	} {
		if page != "" {
			list = append(list, page)
		}
	}
	if c.Serve.Public.CORS.Enabled {
		for _, o := range c.Serve.Public.CORS.AllowedOrigins {
			if o != "*" {
				list = append(list, o)
			}
		}
	}
	return list
}
