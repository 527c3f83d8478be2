package cmd

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/strategy/password"
)

// settings reads typed values out of a complete configuration. A value of the
// wrong type reads as zero: the schema has already refused it.
type settings struct{ doc any }

func (s settings) at(key string) any { return follow(s.doc, strings.Split(key, ".")) }

func (s settings) str(key string) string { v, _ := s.at(key).(string); return v }

func (s settings) flag(key string) bool { v, _ := s.at(key).(bool); return v }

func (s settings) strs(key string) []string { return stringsOf(s.at(key)) }

func (s settings) num(key string) int {
	n, _ := s.at(key).(json.Number)
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil {
		f, _ := strconv.ParseFloat(n.String(), 64) // 1e3 is a whole number, too
		i = int64(max(math.MinInt32, min(f, math.MaxInt32)))
	}
	return int(i)
}

func (s settings) dur(key string) time.Duration {
	d, _ := time.ParseDuration(s.str(key))
	return d
}

// list reads a list of sections.
func (s settings) list(key string) []settings {
	items, _ := s.at(key).([]any)
	out := make([]settings, len(items))
	for i := range items {
		out[i] = settings{items[i]}
	}
	return out
}

// words reads a section whose keys are free and whose values are strings. It is
// nil where there are none.
func (s settings) words(key string) map[string]string {
	section, _ := s.at(key).(map[string]any)
	var out map[string]string
	for name, value := range section {
		if text, ok := value.(string); ok {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = text
		}
	}
	return out
}

// size reads an amount of memory in bytes: 128MB and 19MiB alike count in
// powers of 1024, as operators of this field are used to.
func (s settings) size(key string) uint64 {
	text := s.str(key)
	if n, ok := s.at(key).(json.Number); ok {
		text = n.String()
	}
	digits := strings.TrimRight(text, "kKmMgGiIbB ")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return math.MaxUint64
	}
	shift := 0
	switch unit := strings.ToLower(strings.TrimSpace(text[len(digits):])); {
	case strings.HasPrefix(unit, "k"):
		shift = 10
	case strings.HasPrefix(unit, "m"):
		shift = 20
	case strings.HasPrefix(unit, "g"):
		shift = 30
	}
	if n > math.MaxUint64>>shift {
		return math.MaxUint64
	}
	return n << shift
}

// maxAnswer bounds what is read of an answer to an outgoing call, in bytes.
const maxAnswer = 1 << 20

// buildConfig makes the value the program works with.
func buildConfig(s settings, dev bool, hostname string) *Config {
	c := &Config{
		DSN:         s.str("dsn"),
		Dev:         dev,
		SelfService: buildSelfService(s),
		Hashers:     buildHashers(s, dev),
		Log:         buildLog(s),
		Secrets:     Secrets{Default: s.strs("secrets.default"), Cookie: s.strs("secrets.cookie"), Cipher: s.strs("secrets.cipher"), WebHook: s.strs("secrets.web_hook")},
		Outbound: web.OutboundConfig{
			AllowPrivate: !s.flag("clients.http.disallow_private_ip_ranges"), AllowLoopback: dev,
			Exceptions: s.strs("clients.http.private_ip_exception_urls"), MaxBytes: maxAnswer, Proxy: proxy(s),
		},
		Database: Database{
			CleanupBatch: s.num("database.cleanup.batch_size"), CleanupSleep: s.dur("database.cleanup.sleep.tables"),
			CleanupOlderThan: s.dur("database.cleanup.older_than"), AllowUnsafe: s.flag("database.allow_unsafe_durability"),
		},
		Security: Security{
			DisallowRefInSchemas: s.flag("security.disallow_ref_in_identity_schemas"),
			MitigateEnumeration:  s.flag("security.account_enumeration.mitigate"),
		},
		Brand:               buildBrand(s),
		SMTPDisallowPrivate: s.flag("clients.smtp.disallow_private_ip_ranges"),
	}
	if c.Security.MitigateEnumeration {
		c.SelfService.Registration.VerifyBeforeCreate = true
	}
	if c.Hashers.Algorithm == hash.BCrypt {
		c.SelfService.Password.MaxBytes = hash.MaxBcrypt
	}
	c.Identity.DefaultSchemaID = s.str("identity.default_schema_id")
	for _, one := range s.list("identity.schemas") {
		c.Identity.Schemas = append(c.Identity.Schemas, schema.Source{
			ID: one.str("id"), URL: one.str("url"), Selectable: one.flag("selfservice_selectable"),
			MetadataPublicURL: one.str("metadata_public_url"), MetadataAdminURL: one.str("metadata_admin_url"),
		})
	}
	c.Serve.Public.Endpoint = buildEndpoint(s, "serve.public", dev, hostname)
	c.Serve.Public.CORS = buildCORS(s)
	for _, proxy := range s.strs("serve.public.trusted_proxies") {
		if prefix, err := parseProxy(proxy); err == nil {
			c.Serve.Public.TrustedProxies = append(c.Serve.Public.TrustedProxies, prefix)
		}
	}
	c.Serve.Admin = buildAdmin(s, dev, hostname)
	c.SelfService.OIDC = buildOIDC(s, c.Serve.Public.BaseURL, c.SelfService.Password.RegistrationGroup)
	c.SelfService.Link.BaseURL = cmp.Or(c.SelfService.Link.BaseURL, c.Serve.Public.BaseURL)
	c.Courier = buildCourier(s, c)
	c.WebHooks, c.Events = buildWebHooks(s), buildEvents(s, c.Secrets.WebHook)
	nameWebHooks(c.SelfService.everyHook())
	buildCookies(c, s)
	return c
}

// proxy is what outgoing calls go through, nil for nothing.
func proxy(s settings) *url.URL {
	if s.str(proxyKey) == "" {
		return nil
	}
	u, _ := url.Parse(s.str(proxyKey)) // the checker refuses what is none
	return u
}

const proxyKey = "clients.http.proxy_url"

// parseProxy reads a CIDR, or one address.
func parseProxy(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

func buildEndpoint(s settings, at string, dev bool, hostname string) Endpoint {
	e := Endpoint{
		Host: s.str(at + ".host"), Port: s.num(at + ".port"),
		Socket: Socket{Owner: s.str(at + ".socket.owner"), Group: s.str(at + ".socket.group"), Mode: uint32(s.num(at + ".socket.mode"))},
		TLS: TLS{
			CertPath: s.str(at + ".tls.cert.path"), CertBase64: s.str(at + ".tls.cert.base64"),
			KeyPath: s.str(at + ".tls.key.path"), KeyBase64: s.str(at + ".tls.key.base64"),
		},
		HealthLog: !s.flag(at + ".request_log.disable_for_health"),
		BaseURL:   strings.TrimRight(s.str(at+".base_url"), "/"),
	}
	if e.BaseURL != "" {
		return e
	}
	scheme, host := "https", e.Host
	if dev && !e.TLS.Enabled() {
		scheme = "http"
	}
	if host == "" || host == "0.0.0.0" || host == "::" || strings.HasPrefix(host, unixPrefix) {
		host = hostname
		if dev {
			host = "127.0.0.1"
		}
	}
	e.BaseURL = scheme + "://" + net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(e.Port))
	return e
}

func buildCORS(s settings) CORS {
	const at = "serve.public.cors."
	return CORS{Enabled: s.flag(at + "enabled"), CORS: web.CORS{
		AllowedOrigins: s.strs(at + "allowed_origins"), AllowedMethods: s.strs(at + "allowed_methods"),
		AllowedHeaders: s.strs(at + "allowed_headers"), ExposedHeaders: s.strs(at + "exposed_headers"),
		AllowCredentials: s.flag(at + "allow_credentials"), MaxAge: s.num(at + "max_age"),
		OptionsPassthrough: s.flag(at + "options_passthrough"),
	}}
}

func buildSelfService(s settings) SelfService {
	const flow = "selfservice.flows.registration."
	return SelfService{
		DefaultReturnURL:  s.str("selfservice.default_browser_return_url"),
		AllowedReturnURLs: s.strs("selfservice.allowed_return_urls"),
		ErrorUIURL:        s.str("selfservice.flows.error.ui_url"),
		Registration: Registration{
			Enabled: s.flag(flow + "enabled"), UIURL: s.str(flow + "ui_url"),
			Lifespan: s.dur(flow + "lifespan"), ProfileFirst: s.str(flow+"style") == "profile_first",
			Before: buildHooks(s, "registration", before), After: buildAfter(s, "registration"),
			VerifyBeforeCreate: s.flag(flow + "verify_before_create"),
		},
		Login:        buildLogin(s),
		Settings:     buildSettings(s),
		Verification: buildVerification(s),
		Recovery:     buildRecovery(s),
		Logout: Logout{
			ReturnURL:        s.str("selfservice.flows.logout.after.default_browser_return_url"),
			ClearBrowserData: s.flag("selfservice.flows.logout.clear_browser_data"),
		},
		RevokeOnProof:   s.flag("selfservice.flows.recovery.revoke_active_sessions"),
		Password:        buildPassword(s),
		Profile:         Profile{Enabled: s.flag("selfservice.methods.profile.enabled")},
		Code:            buildCode(s),
		Link:            buildLink(s),
		UseContinueWith: s.flag("feature_flags.use_continue_with_transitions"),
	}
}

func buildLogin(s settings) Login {
	const flow = "selfservice.flows.login."
	return Login{
		UIURL: s.str(flow + "ui_url"), Lifespan: s.dur(flow + "lifespan"),
		IdentifierFirst: s.str(flow+"style") == "identifier_first",
		Before:          buildHooks(s, "login", before), After: buildAfter(s, "login"),
	}
}

func buildSettings(s settings) Settings {
	const flow = "selfservice.flows.settings."
	return Settings{
		UIURL: s.str(flow + "ui_url"), Lifespan: s.dur(flow + "lifespan"),
		PrivilegedMaxAge: s.dur(flow + "privileged_session_max_age"),
		Before:           buildHooks(s, "settings", before), After: buildAfter(s, "settings"),
	}
}

func buildRecovery(s settings) Recovery {
	const flow = "selfservice.flows.recovery."
	return Recovery{
		Enabled: s.flag(flow + "enabled"), UIURL: s.str(flow + "ui_url"), Lifespan: s.dur(flow + "lifespan"),
		Use: s.str(flow + "use"), NotifyUnknown: s.flag(flow + "notify_unknown_recipients"),
		Before: buildHooks(s, "recovery", before), After: buildAfter(s, "recovery"),
	}
}

func buildAfter(s settings, flow string) After {
	a := After{Method: map[string]AfterMethod{}}
	for method := range hooksAfter[flow] {
		m := AfterMethod{ReturnURL: s.str(section(flow, after(method)) + returnKey), Hooks: buildHooks(s, flow, after(method))}
		if method == everyMethod {
			a.ReturnURL, a.Hooks = m.ReturnURL, m.Hooks
		} else {
			a.Method[method] = m
		}
	}
	return a
}

const returnKey = ".default_browser_return_url"

func buildVerification(s settings) Verification {
	const flow = "selfservice.flows.verification."
	return Verification{
		Enabled: s.flag(flow + "enabled"), UIURL: s.str(flow + "ui_url"), Lifespan: s.dur(flow + "lifespan"),
		Use: s.str(flow + "use"), NotifyUnknown: s.flag(flow + "notify_unknown_recipients"),
		Before: buildHooks(s, "verification", before), After: buildAfter(s, "verification"),
	}
}

func buildCode(s settings) Code {
	const method = "selfservice.methods.code."
	return Code{
		Enabled: s.flag(method + "enabled"), Passwordless: s.flag(method+"enabled") && s.flag(method+"passwordless_enabled"),
		Lifespan:       s.dur(method + "config.lifespan"),
		MaxSubmissions: min(s.num(method+"config.max_submissions"), maxSubmissions), Length: s.num(method + "config.length"),
	}
}

func buildLink(s settings) Link {
	const method = "selfservice.methods.link."
	return Link{
		Enabled: s.flag(method + "enabled"), Lifespan: s.dur(method + "config.lifespan"),
		BaseURL: strings.TrimRight(s.str(method+"config.base_url"), "/"),
	}
}

func buildPassword(s settings) Password {
	const method, config = "selfservice.methods.password.", "selfservice.methods.password.config."
	p := Password{
		Enabled: s.flag(method + "enabled"),
		Policy: password.Policy{
			MinLength: s.num(config + "min_password_length"), SimilarityCheck: s.flag(config + "identifier_similarity_check_enabled"),
			MaxBreaches: s.num(config + "max_breaches"), IgnoreNetworkErrors: s.flag(config + "ignore_network_errors"),
		},
		RegistrationGroup: cmp.Or(s.str(config+"password_profile_registration_node_group"), s.str("feature_flags.password_profile_registration_node_group")),
	}
	if s.flag(config + "haveibeenpwned_enabled") {
		p.PwnedHost = s.str(config + "haveibeenpwned_host")
	}
	return p
}

func buildSession(s settings) Session {
	return Session{
		Lifespan: s.dur("session.lifespan"), Extendable: s.dur("session.earliest_possible_extend"),
		ShortExtend: s.flag("feature_flags.faster_session_extend"),
		Cacheable:   s.flag("feature_flags.cacheable_sessions"), CacheMaxAge: s.dur("feature_flags.cacheable_sessions_max_age"),
		Tokenizers: buildTokenizers(s),
	}
}

func buildTokenizers(s settings) (list []Tokenizer) {
	templates, _ := s.at(tokenizerKey).(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		t := settings{templates[name]} // the name may hold dots
		list = append(list, Tokenizer{
			Name: name, JWKSURL: t.str("jwks_url"), MapperURL: t.str("claims_mapper_url"), TTL: t.dur("ttl"), Subject: t.str("subject_source"),
		})
	}
	return list
}

const tokenizerKey = "session.whoami.tokenizer.templates"

func buildHashers(s settings, dev bool) hash.Config {
	const argon2 = "hashers.argon2."
	return hash.Config{
		Algorithm: hash.Algorithm(s.str("hashers.algorithm")), BcryptCost: s.num("hashers.bcrypt.cost"),
		Argon2: hash.Argon2{
			Memory:     uint32(min(s.size(argon2+"memory")>>10, math.MaxUint32)),
			Iterations: uint32(s.num(argon2 + "iterations")), Parallelism: uint8(s.num(argon2 + "parallelism")),
			SaltLength: uint32(s.num(argon2 + "salt_length")), KeyLength: uint32(s.num(argon2 + "key_length")),
		},
		Budget: s.size(argon2 + "dedicated_memory"), MaxWait: s.dur("hashers.max_wait"), Dev: dev,
	}
}

var logLevels = map[string]slog.Level{
	"trace": slog.LevelDebug - 4, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
	"warning": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError + 4, "panic": slog.LevelError + 8,
}

func buildLog(s settings) Log {
	l := Log{Level: logLevels[s.str("log.level")], Format: s.str("log.format")}
	if l.Format == "json_pretty" || l.Format == "gelf" {
		l.Format = "json"
	}
	return l
}

var sameSites = map[string]http.SameSite{
	"Strict": http.SameSiteStrictMode, "Lax": http.SameSiteLaxMode, "None": http.SameSiteNoneMode,
}

// buildCookies fills in what cookies share: the session cookie falls back to
// the general scope, and Secure to whether the public URL is one browsers
// send Secure cookies to.
func buildCookies(c *Config, s settings) {
	scope := func(at string, o web.CookieOptions) web.CookieOptions {
		if v, ok := s.at(at + ".domain").(string); ok {
			o.Domain = v
		}
		if v, ok := s.at(at + ".path").(string); ok {
			o.Path = v
		}
		if v, ok := s.at(at + ".same_site").(string); ok {
			o.SameSite = sameSites[v]
		}
		if v, ok := s.at(at + ".secure").(bool); ok {
			o.Secure = v
		}
		return o
	}
	c.Cookies = scope("cookies", web.CookieOptions{Secure: !c.Dev || strings.HasPrefix(c.Serve.Public.BaseURL, "https://")})
	c.Session = buildSession(s)
	c.Session.Cookie = scope("session.cookie", c.Cookies)
	c.Session.Cookie.Name, c.Session.Cookie.Persistent = s.str("session.cookie.name"), s.flag("session.cookie.persistent")
}
