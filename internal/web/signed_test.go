package web_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/web"
)

// publisher is somebody who signs tokens and publishes the keys.
type publisher struct {
	mu      sync.Mutex
	now     time.Time
	keys    []jose.JSONWebKey
	down    error
	fetches int
	kept    *web.Kept[web.KeySet]
}

func newPublisher(keys ...jose.JSONWebKey) *publisher {
	p := &publisher{now: time.Now(), keys: keys}
	p.kept = &web.Kept[web.KeySet]{Now: func() time.Time { return p.now }, Fetch: p.fetch}
	return p
}

func (p *publisher) fetch(context.Context) (web.KeySet, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetches++
	if p.down != nil {
		return nil, p.down
	}
	public := jose.JSONWebKeySet{}
	for _, k := range p.keys {
		public.Keys = append(public.Keys, k.Public())
	}
	raw, err := json.Marshal(public)
	if err != nil {
		return nil, err
	}
	return web.ParseKeys(raw)
}

func sign(t *testing.T, key any, algorithm jose.SignatureAlgorithm, kid, payload string) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, options)
	require.NoError(t, err)
	token, err := signer.Sign([]byte(payload))
	require.NoError(t, err)
	raw, err := token.CompactSerialize()
	require.NoError(t, err)
	return raw
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func TestSignaturesByKeysOfEveryKind(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for algorithm, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaKey, jose.PS512: rsaKey, jose.ES256: ecKey(t), jose.EdDSA: edKey} {
		p := newPublisher(jose.JSONWebKey{Key: key, KeyID: "one"})
		signed, err := web.VerifySigned(t.Context(), p.kept, sign(t, key, algorithm, "one", "{}"))
		require.NoError(t, err, algorithm)
		require.Equal(t, web.Signed{Type: "at+jwt", Payload: []byte("{}")}, signed)
	}
}

func TestForgedSignatures(t *testing.T) {
	key := ecKey(t)
	p := newPublisher(jose.JSONWebKey{Key: key, KeyID: "one"})
	good := sign(t, key, jose.ES256, "one", `{"a":1}`)
	part := strings.Split(good, ".")
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	public, err := json.Marshal(key.Public())
	require.NoError(t, err)
	for name, raw := range map[string]string{
		"none":              encode(`{"alg":"none"}`) + "." + part[1] + ".",
		"None":              encode(`{"alg":"None","kid":"one"}`) + "." + part[1] + "." + part[2],
		"hmac by the key":   sign(t, public, jose.HS256, "one", "{}"),
		"another key":       sign(t, ecKey(t), jose.ES256, "one", "{}"),
		"another name":      sign(t, key, jose.ES256, "two", "{}"),
		"another payload":   part[0] + "." + encode(`{"a":2}`) + "." + part[2],
		"no signature":      part[0] + "." + part[1] + ".",
		"two parts":         part[0] + "." + part[1],
		"nothing":           "",
		"another algorithm": encode(`{"alg":"ES384","kid":"one"}`) + "." + part[1] + "." + part[2],
	} {
		_, err := web.VerifySigned(t.Context(), p.kept, raw)
		require.ErrorIs(t, err, web.ErrUnsigned, name)
	}
	require.LessOrEqual(t, p.fetches, 2, "the first of all, and one for what was missing")
}

func TestKeysAreFollowed(t *testing.T) {
	first, second := ecKey(t), ecKey(t)
	p := newPublisher(jose.JSONWebKey{Key: first, KeyID: "one"})
	verify := func(key *ecdsa.PrivateKey, kid string) error {
		_, err := web.VerifySigned(t.Context(), p.kept, sign(t, key, jose.ES256, kid, "{}"))
		return err
	}
	require.NoError(t, verify(first, "one"))
	p.keys = []jose.JSONWebKey{{Key: second, KeyID: "two"}}
	require.NoError(t, verify(second, "two"), "rotated")
	require.ErrorIs(t, verify(first, "one"), web.ErrUnsigned, "the old one is gone")
	require.Equal(t, 2, p.fetches)

	p.down = errors.New("away")
	p.now = p.now.Add(2 * time.Hour)
	for range 10 {
		require.NoError(t, verify(second, "two"), "known keys stay good")
		err := verify(first, "one")
		require.ErrorIs(t, err, p.down, "whether there is a new one cannot be known")
		require.NotErrorIs(t, err, web.ErrUnsigned)
	}
	require.Equal(t, 3, p.fetches)
}

func TestKeysThatProveNothing(t *testing.T) {
	for name, raw := range map[string]string{
		"no JSON": "<html>", "a list": "[]", "null": "null", "none": `{"keys":[]}`,
		"symmetric": `{"keys":[{"kty":"oct","k":"AAAA"}]}`, "unknown": `{"keys":[{"kty":"new"},7]}`,
		"for encryption": `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
	} {
		_, err := web.ParseKeys([]byte(raw))
		require.Error(t, err, name)
	}
	keys, err := web.ParseKeys([]byte(`{"keys":[{"kty":"new"},{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	require.NoError(t, err)
	require.Len(t, keys, 1)
}

func TestClaims(t *testing.T) {
	claims, err := web.ParseObject([]byte(`{"aud":["a","b"],"one":"c","mixed":["a",1],"exp":1700000000.5,"big":1e300,"https://x.example/a.b":"d"}`))
	require.NoError(t, err)
	for name, expected := range map[string][]string{"aud": {"a", "b"}, "one": {"c"}, "none": nil, "https://x.example/a.b": {"d"}} {
		got, err := web.Texts(claims, name)
		require.NoError(t, err, name)
		require.Equal(t, expected, got, name)
	}
	for _, name := range []string{"mixed", "exp"} {
		_, err := web.Texts(claims, name)
		require.Error(t, err, name)
	}
	at, err := web.Instant(claims, "exp")
	require.NoError(t, err)
	require.Equal(t, int64(1700000000), at.Unix())
	for _, name := range []string{"none", "one", "big"} {
		_, err := web.Instant(claims, name)
		require.Error(t, err, name)
	}
	for _, raw := range []string{"", "1", "[]", `{"a":1,"a":2}`, `{}{}`, `{"a":"\u0000"}`} {
		_, err := web.ParseObject([]byte(raw))
		require.Error(t, err, raw)
	}
}
