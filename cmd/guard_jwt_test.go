package cmd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/enginetest"
)

// issuer signs tokens for callers and publishes its keys.
type issuer struct {
	*httptest.Server
	mu      sync.Mutex
	keys    []jose.JSONWebKey
	down    bool
	fetches int
}

func newIssuer(t *testing.T, keys ...jose.JSONWebKey) *issuer {
	i := &issuer{keys: keys}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		switch {
		case i.down:
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, i.URL+"/keys")
		case r.URL.Path == "/keys":
			i.fetches++
			public := jose.JSONWebKeySet{}
			for _, k := range i.keys {
				public.Keys = append(public.Keys, k.Public())
			}
			_ = json.NewEncoder(w).Encode(public)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) set(down bool, keys ...jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down, i.keys = down, keys
}

func (i *issuer) fetched() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

func signingKey(t *testing.T, kid string) jose.JSONWebKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "ES256", Use: "sig"}
}

func signJWT(t *testing.T, algorithm jose.SignatureAlgorithm, key any, typ jose.ContentType, claims map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if typ != "" {
		options = options.WithType(typ)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	require.NoError(t, err)
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	token, err := signer.Sign(payload)
	require.NoError(t, err)
	raw, err := token.CompactSerialize()
	require.NoError(t, err)
	return raw
}

// byJWT asks for tokens of an issuer, besides a static one.
func byJWT(i *issuer, more map[string]any) enginetest.Option {
	settings := map[string]any{"issuer": i.URL, "audience": []string{"foyer-admin", "https://auth.example/admin"}}
	maps.Copy(settings, more)
	return enginetest.With("serve.admin.auth", map[string]any{"jwt": settings, "tokens": []any{caller("ops", "*")}})
}

// claims are those of a token that holds, changed by pairs of name and value; nil
// leaves a claim out.
func claims(env *enginetest.Env, i *issuer, changes ...any) map[string]any {
	now := env.Clock.Now().Unix()
	all := map[string]any{
		"iss": i.URL, "sub": "billing", "aud": "foyer-admin", "exp": now + 300, "iat": now, "nbf": now, "scope": "openid identity.read courier",
	}
	for n := 0; n < len(changes); n += 2 {
		if name := changes[n].(string); changes[n+1] == nil {
			delete(all, name)
		} else {
			all[name] = changes[n+1]
		}
	}
	return all
}

func TestCallersByJWT(t *testing.T) {
	key := signingKey(t, "one")
	i := newIssuer(t, key)
	env := enginetest.New(t, byJWT(i, nil))
	now := env.Clock.Now().Unix()
	list := env.AdminURL + "/admin/identities"
	sign := func(changes ...any) string { return signJWT(t, jose.ES256, key, "at+jwt", claims(env, i, changes...)) }
	for name, token := range map[string]string{
		"as it is":         sign(),
		"without a type":   signJWT(t, jose.ES256, key, "", claims(env, i)),
		"JWT":              signJWT(t, jose.ES256, key, "JWT", claims(env, i)),
		"whole type":       signJWT(t, jose.ES256, key, "application/at+jwt", claims(env, i)),
		"for several":      sign("aud", []string{"x", "https://auth.example/admin"}),
		"a list of scope":  sign("scope", []string{"identity.read"}),
		"the larger":       sign("scope", "identity"),
		"within the skew":  sign("exp", now-20, "nbf", now+20, "iat", now+20),
		"no nbf and iat":   sign("nbf", nil, "iat", nil),
		"a claim of a URL": sign("https://example.com/a.b", 1),
	} {
		require.Equal(t, http.StatusOK, as(env, token).Get(list).Status, name)
	}
	require.Equal(t, http.StatusOK, as(env, tokenFor("ops")).Get(list).Status, "the other way, too")
	for name, token := range map[string]string{
		"no scope": sign("scope", nil), "none of it": sign("scope", ""), "another": sign("scope", "openid courier identity.reader"),
		"too little": sign("scope", "identity_self_registration"), "in another claim": sign("scope", nil, "scp", "identity"),
	} {
		a := as(env, token).Get(list)
		require.Equal(t, http.StatusForbidden, a.Status, name)
		require.Equal(t, "admin_scope_missing", a.ErrorID(), name)
	}

	public, err := json.Marshal(key.Public())
	require.NoError(t, err)
	part := strings.Split(sign(), ".")
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	evil := newIssuer(t, signingKey(t, "one"))
	foreign := signJWT(t, jose.ES256, evil.keys[0], "at+jwt", claims(env, i))
	for name, token := range map[string]string{
		"expired": sign("exp", now-31), "no exp": sign("exp", nil), "exp as text": sign("exp", fmt.Sprint(now+300)), "exp far beyond": sign("exp", 1e300),
		"to come": sign("nbf", now+40), "nbf as text": sign("nbf", "x"), "issued later": sign("iat", now+40),
		"for others": sign("aud", "foyer"), "for nobody": sign("aud", nil), "aud as a number": sign("aud", 1), "aud with a number": sign("aud", []any{"foyer-admin", 1}),
		"aud that begins so": sign("aud", "foyer-admin-2"), "another issuer": sign("iss", evil.URL), "issuer with a slash": sign("iss", i.URL+"/"), "no issuer": sign("iss", nil),
		"nobody": sign("sub", nil), "empty": sign("sub", ""), "sub as a number": sign("sub", 7), "a long name": sign("sub", strings.Repeat("x", 256)), "lines in a name": sign("sub", "a\nb"),
		"scope as a number": sign("scope", 1), "scope of numbers": sign("scope", []any{1}), "bound to a key": sign("cnf", map[string]any{"jkt": "x"}),
		"a token for logout": signJWT(t, jose.ES256, key, "logout+jwt", claims(env, i)), "a proof": signJWT(t, jose.ES256, key, "dpop+jwt", claims(env, i)),
		"signed by another": foreign,
		"hmac by the key":   signJWT(t, jose.HS256, jose.JSONWebKey{Key: public, KeyID: "one"}, "at+jwt", claims(env, i)),
		"none":              encode(map[string]any{"alg": "none"}) + "." + part[1] + ".",
		"NONE":              encode(map[string]any{"alg": "NONE", "kid": "one"}) + "." + part[1] + "." + part[2],
		"its own key":       encode(map[string]any{"alg": "ES256", "jwk": evil.keys[0].Public()}) + "." + strings.Join(strings.Split(foreign, ".")[1:], "."),
		"a key elsewhere":   encode(map[string]any{"alg": "ES256", "jku": evil.URL + "/keys"}) + "." + part[1] + "." + part[2],
		"other claims":      part[0] + "." + encode(claims(env, i, "scope", "*")) + "." + part[2],
		"cut":               part[0] + "." + part[1] + "." + part[2][:20], "unsigned": part[0] + "." + part[1] + ".", "two parts": part[0] + "." + part[1],
		"five parts": "a.b.c.d.e", "critical": encode(map[string]any{"alg": "ES256", "kid": "one", "crit": []string{"x"}, "x": 1}) + "." + part[1] + "." + part[2],
		"claims twice": signRaw(t, key, `{"iss":"`+i.URL+`","sub":"x","aud":"foyer-admin","aud":"foyer-admin","exp":`+fmt.Sprint(now+300)+`,"scope":"identity"}`),
		"long":         sign("x", strings.Repeat("x", 17<<10)),
	} {
		a := as(env, token).Get(list)
		require.Equal(t, http.StatusUnauthorized, a.Status, name)
		require.Equal(t, "admin_unauthenticated", a.ErrorID(), name)
		require.NotContains(t, env.Logs.String(), token, name)
	}
	require.LessOrEqual(t, i.fetched(), 2)
	require.Zero(t, evil.fetched(), "a token says nothing of where keys are")
	require.Equal(t, "billing", lines(t, env, "admin call refused")[0]["actor"])
}

func signRaw(t *testing.T, key jose.JSONWebKey, payload string) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	require.NoError(t, err)
	token, err := signer.Sign([]byte(payload))
	require.NoError(t, err)
	raw, err := token.CompactSerialize()
	require.NoError(t, err)
	return raw
}

// Keys that change are followed, and an issuer that is away stops nobody whose key
// is known. Whoever it stops is told so, and strangers cause few fetches.
func TestTheIssuersKeysAreFollowed(t *testing.T) {
	first, second := signingKey(t, "one"), signingKey(t, "two")
	i := newIssuer(t, first)
	i.set(true, first)
	env := enginetest.New(t, byJWT(i, map[string]any{"jwks_url": i.URL + "/keys", "scope_claim": "roles", "clock_skew": "0s"}))
	list := env.AdminURL + "/admin/identities"
	get := func(key jose.JSONWebKey) *enginetest.Answer {
		return as(env, signJWT(t, jose.ES256, key, "JWT", claims(env, i, "roles", []string{"identity"}))).Get(list)
	}
	a := get(first)
	require.Equal(t, http.StatusServiceUnavailable, a.Status)
	require.Equal(t, "admin_keys_unavailable", a.ErrorID())
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, as(env, tokenFor("ops")).Get(list).Status, "who does not need it")
	require.Equal(t, http.StatusUnauthorized, as(env, "x.y").Get(list).Status)

	i.set(false, first)
	env.Clock.Advance(6 * time.Second)
	require.Equal(t, http.StatusOK, get(first).Status)
	i.set(false, second)
	require.Equal(t, http.StatusOK, get(second).Status, "at once")
	require.Equal(t, http.StatusUnauthorized, get(first).Status, "the old one is gone")

	i.set(true)
	env.Clock.Advance(2 * time.Hour)
	require.Equal(t, http.StatusOK, get(second).Status)
	require.Equal(t, http.StatusServiceUnavailable, get(first).Status)

	i.set(false, second)
	env.Clock.Advance(6 * time.Second)
	before := i.fetched()
	var all sync.WaitGroup
	for n := range 50 {
		stranger := signingKey(t, fmt.Sprint("k", n))
		token := signJWT(t, jose.ES256, stranger, "JWT", claims(env, i))
		all.Go(func() {
			a, err := as(env, token).Try(outgoing(t, "GET", list, ""))
			if err != nil || a.Status != http.StatusUnauthorized {
				t.Error(err, a)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, i.fetched()-before, 2)
}

// Discovery has to be that of the issuer.
func TestDiscoveryOfAnotherIssuer(t *testing.T) {
	key := signingKey(t, "one")
	i := newIssuer(t, key)
	env := enginetest.New(t, byJWT(i, map[string]any{"issuer": i.URL + "/"}))
	a := as(env, signJWT(t, jose.ES256, key, "JWT", claims(env, i, "iss", i.URL+"/"))).Get(env.AdminURL + "/identities")
	require.Equal(t, http.StatusServiceUnavailable, a.Status)
	require.NotContains(t, string(a.Body), i.URL)
	require.Zero(t, i.fetched())
}
