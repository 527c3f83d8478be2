package opsim

import (
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// What the only client is called unless a Config says otherwise.
const (
	ClientID     = "foyer"
	ClientSecret = "a secret of client and provider"
)

// Config is how a provider is set up. The zero Config is a good one. Lies about a
// client's secret or its other logins are about ClientID.
type Config struct {
	Clients map[string]string // secrets by client id; an empty one is a public client's. nil: ClientID and ClientSecret
	Alg     string            // what id_tokens are signed with: RS256 (the default), ES256 or EdDSA
	Lean    bool              // claims of the person are at userinfo only, not in the id_token
	Path    string            // of the issuer, "" or begins with a slash and does not end with one
	Now     func() time.Time  // nil: the system's clock
}

// Person is what the provider says of somebody: claims, among them "sub".
type Person map[string]any

// Ada is the person of a new provider.
var Ada = Person{"sub": "ada", "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace"}

// Eve is another person, in whose name some lies speak.
var Eve = Person{"sub": "eve", "email": "eve@example.com", "email_verified": true}

// Endpoint is a place of the provider that is asked.
type Endpoint string

// The endpoints there are.
const (
	Discovery Endpoint = "/.well-known/openid-configuration"
	Authorize Endpoint = "/authorize"
	Token     Endpoint = "/token"
	UserInfo  Endpoint = "/userinfo"
	JWKS      Endpoint = "/jwks"
	Nowhere   Endpoint = "/nowhere" // where redirects lead; nobody should come
)

// Request is one request as it came in.
type Request struct {
	At     Endpoint
	Values url.Values // of query and form
	Header http.Header
}

// Provider is a provider at work. It is safe for use by many callers at once.
type Provider struct {
	config  Config
	server  *http.Server
	addr    string
	closed  chan struct{} // ends answers that hang
	running sync.WaitGroup

	mu       sync.Mutex
	person   Person
	lie      Lie
	keys     []key // the first signs
	grants   map[string]*grant
	access   map[string]Person
	made     int // keys
	requests []Request
	faults   []string
}

// Start starts a provider. Whoever starts it closes it.
func Start(c Config) (*Provider, error) {
	if c.Clients == nil {
		c.Clients = map[string]string{ClientID: ClientSecret}
	}
	if c.Alg == "" {
		c.Alg = "RS256"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	first, err := newKey(c.Alg, 0)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Provider{
		config: c, addr: l.Addr().String(), closed: make(chan struct{}),
		person: Ada, keys: []key{first}, made: 1, grants: map[string]*grant{}, access: map[string]Person{},
	}
	p.server = &http.Server{Handler: p.routes(), ErrorLog: log.New(io.Discard, "", 0)}
	p.running.Go(func() { _ = p.server.Serve(l) }) // it returns when the server is closed
	return p, nil
}

// Close ends all requests, at once. It is called once.
func (p *Provider) Close() {
	close(p.closed)
	_ = p.server.Close()
	p.running.Wait()
}

// Issuer is the provider's name, below which its discovery document is.
func (p *Provider) Issuer() string { return "http://" + p.addr + p.config.Path }

// URL is where an endpoint answers.
func (p *Provider) URL(e Endpoint) string { return p.Issuer() + string(e) }

// SetPerson says who comes from now on.
func (p *Provider) SetPerson(who Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = maps.Clone(who)
}

// SetLie tells a lie from now on; the zero Lie ends it.
func (p *Provider) SetLie(l Lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = l
}

// Rotate signs with a new key from now on. The old ones stay published where keep
// says so.
func (p *Provider) Rotate(keep bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, err := newKey(p.config.Alg, p.made)
	if err != nil {
		return err
	}
	p.made++
	if !keep {
		p.keys = nil
	}
	p.keys = append([]key{next}, p.keys...)
	return nil
}

// Requests are the requests to an endpoint so far, oldest first.
func (p *Provider) Requests(at Endpoint) (all []Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if r.At == at {
			all = append(all, r)
		}
	}
	return all
}

// Faults are what clients did that a careful provider refuses, oldest first, each
// by one of the names beside fault.
func (p *Provider) Faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}

// What a client can do wrong.
const (
	NoChallenge     = "no_challenge"      // an authorization request without PKCE by S256
	NoNonce         = "no_nonce"          // … without nonce
	NoState         = "no_state"          // … without state
	UnknownClient   = "unknown_client"    // … or a token request with a wrong secret
	ForeignCode     = "foreign_code"      // a code that this provider has not given
	SpentCode       = "spent_code"        // a code that came before
	OtherRedirect   = "other_redirect"    // another redirect_uri than before
	WrongVerifier   = "wrong_verifier"    // a verifier that does not match, or none
	ForeignAccess   = "foreign_access"    // an access token that this provider has not given
	FollowedNowhere = "followed_redirect" // a redirect of an endpoint was followed
)

// fault notes one; the caller holds the lock.
func (p *Provider) fault(what string) { p.faults = append(p.faults, what) }

func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	for at, honest := range map[Endpoint]http.HandlerFunc{
		Discovery: p.serveDiscovery, Authorize: p.serveAuthorize, Token: p.serveToken,
		UserInfo: p.serveUserInfo, JWKS: p.serveJWKS, Nowhere: p.serveNowhere,
	} {
		mux.HandleFunc(p.config.Path+string(at), func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
			if err := r.ParseForm(); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if answer := p.note(at, r); answer != nil {
				answer(p, w, r)
				return
			}
			honest(w, r)
		})
	}
	return mux
}

// note keeps a request and returns what a lie answers instead of the endpoint.
func (p *Provider) note(at Endpoint, r *http.Request) Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, Request{At: at, Values: r.Form, Header: r.Header.Clone()})
	if p.lie.At == at {
		return p.lie.Answer
	}
	return nil
}

func (p *Provider) serveNowhere(http.ResponseWriter, *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault(FollowedNowhere)
}

// signing is the key that signs now.
func (p *Provider) signing() key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys[0]
}

// told is the lie that is told now.
func (p *Provider) told() Lie {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lie
}

// secret reports whether a client is known, and its secret.
func (p *Provider) secret(client string) (string, error) {
	secret, ok := p.config.Clients[client]
	if !ok {
		return "", fmt.Errorf("opsim has no client %q", client)
	}
	return secret, nil
}
