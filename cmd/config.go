package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/foyer-id/foyer/identity/hash"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
	"github.com/foyer-id/foyer/selfservice/strategy/password"
)

// Config is everything an operator has decided, checked and with defaults
// applied. It is a value: nobody changes it after Load, a reload makes a new one.
// Groups and names follow the configuration file.
type Config struct {
	DSN string // as written; "memory" for a throw-away SQLite database
	Dev bool   // the floors that hinder work on one's own machine are lifted

	Serve       Serve
	SelfService SelfService
	Identity    Identity
	Session     Session
	Cookies     web.CookieOptions // of all but the session's; each has a name of its own
	Secrets     Secrets
	Hashers     hash.Config
	Log         Log
	Outbound    web.OutboundConfig // clients.http
	Database    Database
	Security    Security
	Courier     Courier
	WebHooks    WebHooks
	Events      Events
	Brand       Brand

	// SMTPDisallowPrivate keeps the connection to the mail server from private
	// addresses (clients.smtp). Mail servers are often next door, so unlike
	// Outbound it is off unless asked for.
	SMTPDisallowPrivate bool

	// Revision is the hex SHA-256 of what is in effect, defaults and environment
	// included. Equal revisions behave alike. Secrets and passwords are left out:
	// who sees the digest must not be able to try guesses on it.
	Revision string
}

// Serve holds the two listeners. They share nothing: the admin API is never
// reachable through the public one.
type Serve struct {
	Public Public
	Admin  Admin
}

// Public is the endpoint people's browsers and apps talk to.
type Public struct {
	Endpoint
	CORS           CORS
	TrustedProxies []netip.Prefix // peers whose forwarding headers are believed; none by default
}

// Endpoint is one listener and the URL it is known by.
type Endpoint struct {
	Host      string // "unix:/path" listens on a unix socket; "" is every address
	Port      int    // 0 lets the system choose; unused with a unix socket
	BaseURL   string // absolute http(s), no trailing slash
	Socket    Socket
	TLS       TLS
	HealthLog bool // whether health checks appear in the request log
}

// Socket is who may use a unix socket.
type Socket struct {
	Owner, Group string // names or numeric ids; "" leaves the process's own
	Mode         uint32 // permission bits
}

// TLS is a certificate chain and its key, each as a file or as base64 of PEM.
// Neither means plain HTTP.
type TLS struct {
	CertPath, CertBase64 string
	KeyPath, KeyBase64   string
	// ClientCA signs the certificates of clients, which may then have one, and none
	// of anybody else's; empty asks for none.
	ClientCAPath, ClientCABase64 string
}

// Enabled reports whether the endpoint speaks TLS.
func (t TLS) Enabled() bool { return t.CertPath+t.CertBase64+t.KeyPath+t.KeyBase64 != "" }

// CORS is the policy for cross-origin calls to the public endpoint.
type CORS struct {
	Enabled bool
	web.CORS
}

// SelfService is what people can do by themselves.
type SelfService struct {
	DefaultReturnURL  string   // absolute; where a browser goes after a flow that names no return_to
	AllowedReturnURLs []string // absolute; the host may start with one wildcard label
	Registration      Registration
	Login             Login
	Settings          Settings
	Verification      Verification
	Recovery          Recovery
	Logout            Logout
	RevokeOnProof     bool // selfservice.flows.recovery.revoke_active_sessions
	ErrorUIURL        string
	Password          Password
	Profile           Profile
	Code              Code
	Link              Link
	OIDC              OIDC
	UseContinueWith   bool // feature_flags.use_continue_with_transitions: single-page apps are led on by continue_with, not by a redirect
}

// Registration is signing up.
type Registration struct {
	Enabled      bool
	UIURL        string // absolute; "" only when disabled
	Lifespan     time.Duration
	ProfileFirst bool // the profile is asked for on a page before the credential's
	Before       []Hook
	After        After
	// VerifyBeforeCreate holds back whatever a registration would create until
	// the address is proved. Security.MitigateEnumeration implies it.
	VerifyBeforeCreate bool
}

// Login is signing in.
type Login struct {
	UIURL           string // absolute; "" disables the flow
	Lifespan        time.Duration
	IdentifierFirst bool // who signs in is asked for on a page before the credential's
	Before          []Hook
	After           After
}

// Settings is changing one's own profile and credentials.
type Settings struct {
	UIURL            string // absolute; "" disables the flow
	Lifespan         time.Duration
	PrivilegedMaxAge time.Duration // how old an authentication may be for a change of what signs in
	Before           []Hook
	After            After
}

// After is what happens when a flow has succeeded. Hooks, here and of a method,
// are those in effect: these run first, then the method's, session after all
// others. Those that are accepted but not built are in the report instead.
// Method is by strategy id, for every method that can finish the flow.
type After struct {
	ReturnURL string // "" falls back to SelfService.DefaultReturnURL
	Hooks     []Hook
	Method    map[string]AfterMethod
}

// AfterMethod is After for one method; its return URL wins over the flow's.
type AfterMethod struct {
	ReturnURL string
	Hooks     []Hook
}

// Verification is proving an address.
type Verification struct {
	Enabled       bool
	UIURL         string // absolute; "" only when disabled
	Lifespan      time.Duration
	Use           string // "code" or "link": what is sent, by a method that is enabled
	NotifyUnknown bool   // addresses nobody has are written to as well
	Before        []Hook
	After         After // without methods
}

// Recovery is getting back into an account by proving an address.
type Recovery struct {
	Enabled       bool
	UIURL         string // absolute; "" only when disabled
	Lifespan      time.Duration
	Use           string // "code" or "link": what is sent, by a method that is enabled
	NotifyUnknown bool   // addresses nobody has are written to as well
	Before        []Hook
	After         After // without methods
}

// Logout is signing out.
type Logout struct {
	ReturnURL        string // "" falls back to SelfService.DefaultReturnURL
	ClearBrowserData bool   // on https, browsers are asked to drop what they keep of the site
}

// Code is the method of one-time codes.
type Code struct {
	Enabled        bool
	Passwordless   bool          // codes sign up and in by themselves; only where Enabled
	Lifespan       time.Duration // at most an hour
	MaxSubmissions int           // guesses a flow, 1 to 5
	Length         int           // digits, 6 to 12
}

// Profile is the method that changes traits.
type Profile struct {
	Enabled bool
}

// Link is the method of mailed links.
type Link struct {
	Enabled  bool
	Lifespan time.Duration
	BaseURL  string // what links begin with, no trailing slash; the public base URL unless told
}

// Password is the password method and its policy, whose Pwned is left nil.
type Password struct {
	Enabled bool
	password.Policy
	PwnedHost         string // of the k-anonymity service to ask besides the offline list; "" asks none
	RegistrationGroup string // node group of the traits: "password" or "default"
}

// Identity is where identity schemas come from.
type Identity struct {
	DefaultSchemaID string          // always one of Schemas
	Schemas         []schema.Source // not yet fetched
}

// Session is how long a proof of authentication holds, which cookie carries it
// and how it is shown to services.
type Session struct {
	Lifespan    time.Duration
	Extendable  time.Duration // how close to its end a session may be extended; 0 for always
	ShortExtend bool          // extending is answered without the session
	Cookie      web.CookieOptions
	Cacheable   bool          // answers of whoami may be kept
	CacheMaxAge time.Duration // for at most so long; 0 for as long as the session holds
	Tokenizers  []Tokenizer   // by name, no two are equal
}

// Tokenizer is a kind of JWT that whoami makes of a session. Printed or encoded,
// it hides its keys.
type Tokenizer struct {
	Name      string
	JWKSURL   string // of the private keys, not yet fetched
	MapperURL string // of the Jsonnet that makes claims, not yet fetched; "" for none
	TTL       time.Duration
	Subject   string // "id" or "external_id"
}

// MarshalJSON hides where the keys are, or the keys themselves.
func (t Tokenizer) MarshalJSON() ([]byte, error) {
	type plain Tokenizer
	t.JWKSURL, t.MapperURL = redactURI(t.JWKSURL), redactURI(t.MapperURL)
	if strings.HasPrefix(t.JWKSURL, "base64://") {
		t.JWKSURL = "base64://" + hidden
	}
	return json.Marshal(plain(t))
}

// String is MarshalJSON's text.
func (t Tokenizer) String() string { return jsonText(t) }

// GoString is String, for %#v.
func (t Tokenizer) GoString() string { return t.String() }

// Secrets are the keys of everything sealed or MACed: the first of a list
// seals, all of them open. Lists left out fall back to Default. After
// ResolveSecrets none of these is empty. It never prints its contents.
type Secrets struct {
	Default, Cookie, Cipher []string
	// WebHook signs web hooks and events that have no secrets of their own, whose
	// SigningSecrets these are then; each begins with whsec_. Nil for none: nobody
	// else would know one that was made here.
	WebHook []string
}

// String says how many secrets there are, never what they are.
func (s Secrets) String() string {
	return fmt.Sprintf("{default:%d cookie:%d cipher:%d web_hook:%d}", len(s.Default), len(s.Cookie), len(s.Cipher), len(s.WebHook))
}

// GoString is String, for %#v.
func (s Secrets) GoString() string { return s.String() }

// LogValue is String, for slog.
func (s Secrets) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Log is what is written and how.
type Log struct {
	Level  slog.Level
	Format string // "auto", "json" or "text"; auto is text on a terminal
}

// Database is housekeeping.
type Database struct {
	CleanupBatch     int           // rows of a table a round
	CleanupSleep     time.Duration // between tables
	CleanupOlderThan time.Duration // how long after its end a row is kept
	AllowUnsafe      bool          // start although the server may lose acknowledged commits
}

// Security holds hardening switches.
type Security struct {
	DisallowRefInSchemas bool
	MitigateEnumeration  bool // answer alike whether or not an account exists
}

// String is the configuration without its secrets.
func (c *Config) String() string {
	return fmt.Sprintf("config %.12s dsn=%s dev=%t", c.Revision, redactDSN(c.DSN), c.Dev)
}

// GoString is String, for %#v.
func (c *Config) GoString() string { return c.String() }

// LogValue is String's parts, for slog.
func (c *Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("revision", c.Revision),
		slog.String("dsn", redactDSN(c.DSN)),
		slog.Bool("dev", c.Dev),
	)
}

// revision digests c. What is secret in Courier, hooks and Events hides itself.
func (c Config) revision(files []string) (string, error) {
	c.DSN, c.Secrets = redactDSN(c.DSN), Secrets{}
	c.Serve.Public.TLS.KeyBase64, c.Serve.Admin.TLS.KeyBase64 = "", ""
	c.Revision = ""
	text, err := json.Marshal(c)
	sum := sha256.New()
	sum.Write(text)
	referred := digest(files)
	sum.Write(referred[:])
	return hex.EncodeToString(sum.Sum(nil)), err
}

var (
	dsnPassword = regexp.MustCompile(`^([a-z0-9+]+://[^:/?@]*):.*@`)
	dsnSecret   = regexp.MustCompile(`(?i)([?&][^=&]*(?:password|passphrase|secret|_key)=)[^&]*`)
)

// redactDSN hides the password of a DSN, wherever drivers accept one. It
// matches up to the last @, since a password may hold one that is not escaped.
func redactDSN(dsn string) string {
	return dsnSecret.ReplaceAllString(dsnPassword.ReplaceAllString(dsn, "$1:xxxxx@"), "${1}xxxxx")
}
