package cmd

import (
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"time"
)

// Config is everything an operator has decided, checked and with defaults
// applied. It is a value: nobody changes it after Load, a reload makes a new one.
// Groups and names follow the configuration file.
type Config struct {
	DSN          string // as written; "memory" for a throw-away SQLite database
	Dev          bool   // the floors that hinder work on one's own machine are lifted
	WatchCourier bool   // deliver messages in this process

	Serve       Serve
	SelfService SelfService
	Identity    Identity
	Session     Session
	Cookies     Cookie
	Secrets     Secrets
	Hashers     Hashers
	Log         Log
	Clients     Clients
	Database    Database
	Security    Security

	// Revision is the hex SHA-256 of the effective configuration, defaults and
	// environment included. Equal revisions behave alike.
	Revision string
}

// Serve holds the two listeners. They share nothing: the admin API is never
// reachable through the public one.
type Serve struct {
	Public Public
	Admin  Endpoint
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
// All empty means plain HTTP.
type TLS struct {
	CertPath, CertBase64 string
	KeyPath, KeyBase64   string
}

// Enabled reports whether the endpoint speaks TLS.
func (t TLS) Enabled() bool { return t != TLS{} }

// CORS is the policy for cross-origin calls to the public endpoint.
type CORS struct {
	Enabled                                        bool
	AllowedOrigins                                 []string // exact, or one wildcard label as in https://*.example.com
	AllowedMethods, AllowedHeaders, ExposedHeaders []string
	AllowCredentials                               bool
	MaxAge                                         time.Duration
	OptionsPassthrough                             bool
}

// SelfService is what people can do by themselves.
type SelfService struct {
	DefaultReturnURL  string   // absolute; where a browser goes after a flow that names no return_to
	AllowedReturnURLs []string // absolute; the host may start with one wildcard label
	Registration      Registration
	ErrorUIURL        string
	Password          Password
}

// Registration is the one flow kind served so far.
type Registration struct {
	Enabled  bool
	UIURL    string // absolute; "" only when disabled
	Lifespan time.Duration
	After    After
}

// After is what happens when a flow has succeeded. Global hooks run before
// those of the method, "session" last.
type After struct {
	ReturnURL string // "" falls back to SelfService.DefaultReturnURL
	Hooks     []Hook
	Password  AfterMethod
}

// AfterMethod is After for one method; its return URL wins over the flow's.
type AfterMethod struct {
	ReturnURL string
	Hooks     []Hook
}

// Hook is one configured hook that is in effect. Hooks that are accepted but
// not built are in the report instead.
type Hook struct {
	Name string
}

// Password is the password method and its policy.
type Password struct {
	Enabled             bool
	MinLength           int // in characters
	SimilarityCheck     bool
	HaveIBeenPwned      bool   // ask the k-anonymity service besides the offline list
	HaveIBeenPwnedHost  string // host, or host:port
	MaxBreaches         int
	IgnoreNetworkErrors bool   // true fails open when the service cannot be reached
	RegistrationGroup   string // node group of the traits: "password" or "default"
}

// Identity is where identity schemas come from.
type Identity struct {
	DefaultSchemaID string // always one of Schemas
	Schemas         []IdentitySchema
}

// IdentitySchema is one schema, not yet fetched.
type IdentitySchema struct {
	ID         string
	URL        string // file://, base64:// or https:// (http:// with --dev)
	Selectable bool   // may be chosen with ?identity_schema=
}

// Session is how long a proof of authentication holds and which cookie carries it.
type Session struct {
	Lifespan   time.Duration
	CookieName string
	Cookie     Cookie
	Persistent bool // the cookie outlives the browser, until the session's end
}

// Cookie is the scope of a cookie.
type Cookie struct {
	Domain   string // "" is host-only
	Path     string
	SameSite string // "Strict", "Lax" or "None"
	Secure   bool
}

// Secrets are the keys of everything sealed or MACed: the first of a list
// seals, all of them open. Lists left out fall back to Default. After
// ResolveSecrets none is empty. It never prints its contents.
type Secrets struct {
	Default, Cookie, Cipher, Pagination []string
}

// String says how many secrets there are, never what they are.
func (s Secrets) String() string {
	return fmt.Sprintf("{default:%d cookie:%d cipher:%d pagination:%d}", len(s.Default), len(s.Cookie), len(s.Cipher), len(s.Pagination))
}

// GoString is String, for %#v.
func (s Secrets) GoString() string { return s.String() }

// LogValue is String, for slog.
func (s Secrets) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Hashers is how passwords are hashed. The floors are checked by the hasher.
type Hashers struct {
	Algorithm  string // "argon2" or "bcrypt"
	BcryptCost int
	Argon2     Argon2
	MaxWait    time.Duration // how long a hash may wait for its turn before the answer is "overloaded"
}

// Argon2 is the cost of one Argon2id hash and the budget of all running at once.
type Argon2 struct {
	Memory          uint32 // KiB
	Iterations      uint32
	Parallelism     uint8
	SaltLength      uint32 // bytes
	KeyLength       uint32 // bytes
	DedicatedMemory uint64 // bytes
}

// Log is what is written and how.
type Log struct {
	Level  slog.Level
	Format string // "auto", "json" or "text"; auto is text on a terminal
}

// Clients bounds outgoing calls.
type Clients struct {
	DisallowPrivateIPs bool
	PrivateIPExempt    []string // absolute URLs that may be called all the same
}

// Database is housekeeping.
type Database struct {
	CleanupBatch     int           // rows a statement
	CleanupSleep     time.Duration // between tables
	CleanupOlderThan time.Duration // how long after its end a row is kept
	AllowUnsafe      bool          // start although the server may lose acknowledged commits
}

// Security holds hardening switches.
type Security struct {
	DisallowRefInSchemas bool
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

var (
	dsnPassword = regexp.MustCompile(`^([a-z0-9+]+://[^:/?@]*):.*@`)
	dsnSecret   = regexp.MustCompile(`(?i)([?&][^=&]*(?:password|passphrase|secret|_key)=)[^&]*`)
)

// redactDSN hides the password of a DSN, wherever drivers accept one. It
// matches up to the last @, since a password may hold one that is not escaped.
func redactDSN(dsn string) string {
	return dsnSecret.ReplaceAllString(dsnPassword.ReplaceAllString(dsn, "$1:xxxxx@"), "${1}xxxxx")
}
