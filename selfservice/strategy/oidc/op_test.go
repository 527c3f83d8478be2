package oidc_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

type object = map[string]any

// key is made once for each name, since that takes long.
var key = func() func(name string) crypto.Signer {
	var mu sync.Mutex
	all := map[string]crypto.Signer{}
	return func(name string) crypto.Signer {
		mu.Lock()
		defer mu.Unlock()
		if all[name] == nil {
			switch name {
			case "ec":
				all[name], _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			case "small":
				all[name], _ = rsa.GenerateKey(rand.Reader, 1536)
			default:
				all[name], _ = rsa.GenerateKey(rand.Reader, 2048)
			}
		}
		return all[name]
	}
}()

// op is a provider that does as its fields say.
type op struct {
	*httptest.Server
	t *testing.T

	mu        sync.Mutex
	hits      map[string]int // by path
	challenge string         // of the authorization request that was looked at last
	nonce     string
	form      url.Values // of the token request before
	basic     string     // user and password of it
	at        time.Time  // of what it issues

	// Each may change what is answered; nil is as it should be.
	discovery func(object)
	claims    func(object)
	answer    func(object) // of the token endpoint
	keys      []jose.JSONWebKey
	sign      jose.SigningKey
	userinfo  object
	// broken answers a path in its own way, if it returns true.
	broken func(w http.ResponseWriter, r *http.Request) bool
}

func newOP(t *testing.T, at time.Time) *op {
	o := &op{t: t, hits: map[string]int{}, at: at}
	o.rotate("first", "one")
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", o.serveDiscovery)
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { o.json(w, object{"keys": o.keys}) })
	mux.HandleFunc("/token", o.serveToken)
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer the-access-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		o.json(w, o.userinfo)
	})
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.hits[r.URL.Path]++
		broken := o.broken
		o.mu.Unlock()
		if broken == nil || !broken(w, r) {
			o.mu.Lock()
			defer o.mu.Unlock()
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

// rotate replaces the keys by one key, called kid.
func (o *op) rotate(name, kid string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sign = jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key(name), KeyID: kid}}
	o.keys = []jose.JSONWebKey{{Key: key(name).Public(), KeyID: kid, Use: "sig", Algorithm: "RS256"}}
}

func (o *op) breaks(broken func(w http.ResponseWriter, r *http.Request) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = broken
}

func (o *op) count(path string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hits[path]
}

func (o *op) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (o *op) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	doc := object{
		"issuer": o.URL, "authorization_endpoint": o.URL + "/authorize", "token_endpoint": o.URL + "/token",
		"userinfo_endpoint": o.URL + "/userinfo", "jwks_uri": o.URL + "/keys",
	}
	if o.discovery != nil {
		o.discovery(doc)
	}
	o.json(w, doc)
}

func (o *op) serveToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	o.form = r.PostForm
	user, password, _ := r.BasicAuth()
	o.basic = user + ":" + password
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if r.PostForm.Get("code") != "the-code" || o.challenge != "" && o.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		o.json(w, object{"error": "invalid_grant"})
		return
	}
	answer := object{"access_token": "the-access-token", "token_type": "Bearer", "refresh_token": "the-refresh-token", "id_token": o.idToken(o.nonce)}
	if o.answer != nil {
		o.answer(answer)
	}
	o.json(w, answer)
}

func (o *op) idToken(nonce string) string {
	claims := object{
		"iss": o.URL, "sub": "person-1", "aud": "the-client", "exp": o.at.Add(time.Hour).Unix(), "iat": o.at.Unix(), "nonce": nonce,
		"email": "ann@example.org", "email_verified": true,
	}
	if o.claims != nil {
		o.claims(claims)
	}
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	raw, err := json.Marshal(claims)
	require.NoError(o.t, err)
	return o.signed(raw, nil)
}

func (o *op) signed(payload []byte, header map[jose.HeaderKey]any) string {
	signer, err := jose.NewSigner(o.sign, &jose.SignerOptions{ExtraHeaders: header})
	require.NoError(o.t, err)
	signature, err := signer.Sign(payload)
	require.NoError(o.t, err)
	compact, err := signature.CompactSerialize()
	require.NoError(o.t, err)
	return compact
}

// bench is a provider of ours and what it talks to.
type bench struct {
	*oidc.Provider
	t    *testing.T
	op   *op
	now  time.Time
	log  bytes.Buffer
	sent []*http.Request
}

func newBench(t *testing.T, change func(b *bench, s *oidc.Settings)) *bench {
	b := &bench{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	b.op = newOP(t, b.now)
	s := oidc.Settings{
		ID: "acme", Kind: "generic", Label: "Acme", ClientID: "the-client", ClientSecret: "the-secret", IssuerURL: b.op.URL,
		Mapper: "{}", RedirectBase: "https://id.example.org",
	}
	if change != nil {
		change(b, &s)
	}
	var err error
	b.Provider, err = oidc.New(s, b.deps(0))
	require.NoError(t, err)
	return b
}

// deps are those of a server; calls to a host of the internet end at the op.
func (b *bench) deps(timeout time.Duration) oidc.Deps {
	out, err := web.NewOutbound(web.OutboundConfig{AllowLoopback: true, Timeout: timeout})
	require.NoError(b.t, err)
	var mu sync.Mutex
	do := func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		b.sent = append(b.sent, r)
		mu.Unlock()
		there, _ := url.Parse(b.op.URL)
		r = r.Clone(r.Context())
		if r.URL.Scheme == "https" {
			r.URL.Scheme, r.URL.Host = there.Scheme, there.Host
		}
		return out.Do(r)
	}
	return oidc.Deps{Do: do, Now: func() time.Time { return b.now }, Log: slog.New(slog.NewTextHandler(&b.log, nil))}
}

// depart begins a trip, and lets the op know of it.
func (b *bench) depart(d oidc.Departure) (url.Values, oidc.Trip) {
	b.t.Helper()
	to, trip, err := b.Depart(b.t.Context(), d)
	require.NoError(b.t, err)
	u, err := url.Parse(to)
	require.NoError(b.t, err)
	b.op.mu.Lock()
	defer b.op.mu.Unlock()
	b.op.challenge, b.op.nonce = u.Query().Get("code_challenge"), u.Query().Get("nonce")
	return u.Query(), trip
}

// signIn makes a whole trip.
func (b *bench) signIn(params map[string]string) (*oidc.Claims, error) {
	b.t.Helper()
	_, trip := b.depart(oidc.Departure{State: "s"})
	all := map[string]string{"state": "s", "code": "the-code"}
	maps.Copy(all, params)
	return b.Arrive(b.t.Context(), trip, all)
}

func (b *bench) disbelieves(c *oidc.Claims, err error, name string) {
	b.t.Helper()
	var lie *oidc.Untrusted
	require.ErrorAs(b.t, err, &lie, name)
	require.Nil(b.t, c, name)
	require.Contains(b.t, b.log.String(), lie.Why, name)
	b.silent()
}

func (b *bench) unavailable(c *oidc.Claims, err error, name string) {
	b.t.Helper()
	require.Nil(b.t, c, name)
	refusal := fail.As(err)
	require.NotNil(b.t, refusal, "%s: %v", name, err)
	require.Equal(b.t, "oidc_provider_unavailable", refusal.ID, name)
	require.Equal(b.t, fail.Upstream, refusal.Kind, name)
	require.Contains(b.t, b.log.String(), "unavailable", name)
	b.silent()
}

// silent looks for secrets in the log.
func (b *bench) silent() {
	b.t.Helper()
	for _, secret := range []string{"ann@example.org", "person-1", "the-access-token", "the-refresh-token", "the-secret", "the-code", "eyJ"} {
		require.NotContains(b.t, b.log.String(), secret)
	}
}
