package session_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/enginetest"
)

// keySet is a JWKS with the keys given.
func keySet(t *testing.T, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	require.NoError(t, err)
	return raw
}

func inline(raw []byte) string { return "base64://" + base64.StdEncoding.EncodeToString(raw) }

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return k
}

// template configures a kind of token.
func template(name string, values map[string]any) enginetest.Option {
	return enginetest.With("session.whoami.tokenizer.templates."+name, values)
}

// verified opens a token with the keys that are published, and nothing else.
func verified(t *testing.T, env *enginetest.Env, token string) (claims map[string]any, header jose.Header) {
	t.Helper()
	var set jose.JSONWebKeySet
	a := env.Native().Get("/.well-known/jwks.json")
	require.Equal(t, http.StatusOK, a.Status)
	a.Decode(&set)
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.PS512})
	require.NoError(t, err)
	header = signed.Signatures[0].Header
	found := set.Key(header.KeyID)
	require.Len(t, found, 1, "the key is published")
	require.True(t, found[0].IsPublic())
	payload, err := signed.Verify(found[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(payload, &claims))
	return claims, header
}

func tokenized(t *testing.T, env *enginetest.Env, token, as string) string {
	t.Helper()
	a := env.Native().As(token).Get("/sessions/whoami?tokenize_as=" + as)
	require.Equal(t, http.StatusOK, a.Status, "%s", a.Body)
	return a.JSON()["tokenized"].(string)
}

func TestTokenize(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	mapper := `local s = std.extVar('session'), c = std.extVar('claims');
		{claims: {iss: 'https://me', email: s.identity.traits.email, plan: 'pro', n: 1.5, who: c.sub, sub: 'somebody else', SUB: 'somebody else', ['\u017fub']: 'somebody else', ['\u017fID']: 'x', Iss: 'x', eXp: 99999999999, exp: 99999999999, jti: 1, aud: ['x']}}`
	env := enginetest.New(t, enginetest.WithJsonnet(),
		template("plain", map[string]any{"jwks_url": inline(keySet(t, jose.JSONWebKey{Key: ecKey(t, elliptic.P256()), KeyID: "es", Use: "sig"}))}),
		template("ed", map[string]any{"jwks_url": inline(keySet(t, jose.JSONWebKey{Key: ed, KeyID: "ed", Algorithm: "EdDSA"})), "ttl": "48h"}),
		template("rsa", map[string]any{"jwks_url": inline(keySet(t, jose.JSONWebKey{Key: big, KeyID: "rs", Algorithm: "PS512"}))}),
		template("outer", map[string]any{"jwks_url": inline(keySet(t, jose.JSONWebKey{Key: big, KeyID: "rs2"})), "subject_source": "external_id"}),
		template("mapped", map[string]any{
			"jwks_url": inline(keySet(t, jose.JSONWebKey{Key: ecKey(t, elliptic.P521())})), "claims_mapper_url": inline([]byte(mapper)), "ttl": "5m",
		}),
		template("failing", map[string]any{
			"jwks_url": inline(keySet(t, jose.JSONWebKey{Key: ecKey(t, elliptic.P384())})), "claims_mapper_url": inline([]byte(`{claims: error std.extVar('session').identity.traits.email}`)),
		}),
		template("claimless", map[string]any{
			"jwks_url": inline(keySet(t, jose.JSONWebKey{Key: ecKey(t, elliptic.P384())})), "claims_mapper_url": inline([]byte(`{claims: null}`)),
		}))
	token, ada := signUp(t, env, "ada@example.org")
	me := env.Native().Whoami(token).JSON()
	require.NotContains(t, me, "tokenized")

	claims, header := verified(t, env, tokenized(t, env, token, "plain"))
	now := env.Clock.Now().Unix()
	require.Equal(t, jose.Header{KeyID: "es", Algorithm: "ES256", ExtraHeaders: map[jose.HeaderKey]any{"typ": "JWT"}}, header)
	require.Equal(t, env.PublicURL, claims["iss"])
	require.Equal(t, ada, claims["sub"])
	require.Equal(t, me["id"], claims["sid"])
	require.InDelta(t, now, claims["iat"], 2)
	require.Equal(t, claims["iat"], claims["nbf"])
	require.EqualValues(t, 60, claims["exp"].(float64)-claims["iat"].(float64))
	require.Regexp(t, `^[0-9a-f-]{36}$`, claims["jti"])
	require.Len(t, claims, 7)
	second, _ := verified(t, env, tokenized(t, env, token, "plain"))
	require.NotEqual(t, claims["jti"], second["jti"])

	claims, header = verified(t, env, tokenized(t, env, token, "ed"))
	require.Equal(t, "EdDSA", header.Algorithm)
	ends, err := time.Parse(time.RFC3339Nano, me["expires_at"].(string))
	require.NoError(t, err)
	require.EqualValues(t, ends.Unix(), claims["exp"], "no token outlives its session")
	_, header = verified(t, env, tokenized(t, env, token, "rsa"))
	require.Equal(t, "PS512", header.Algorithm)

	claims, header = verified(t, env, tokenized(t, env, token, "mapped"))
	require.Equal(t, "ES512", header.Algorithm)
	require.NotEmpty(t, header.KeyID)
	require.Equal(t, "https://me", claims["iss"])
	require.Equal(t, "ada@example.org", claims["email"])
	require.Equal(t, ada, claims["who"])
	require.Equal(t, ada, claims["sub"], "whose token it is, no mapper says")
	require.EqualValues(t, 300, claims["exp"].(float64)-claims["iat"].(float64))
	require.NotEqualValues(t, 1, claims["jti"])
	require.Equal(t, []any{"x"}, claims["aud"])
	require.EqualValues(t, 1.5, claims["n"])
	for name := range claims {
		require.Contains(t, []string{"iss", "sub", "sid", "jti", "iat", "nbf", "exp", "email", "plan", "n", "who", "aud"}, name, "nor in a spelling that careless services take for it")
	}

	ask := func(as string) *enginetest.Answer {
		return env.Native().As(token).Get("/sessions/whoami?tokenize_as=" + as)
	}
	for as, want := range map[string]string{"nobody": "400 session_tokenizer_unknown", "outer": "400 session_subject_missing", "failing": "500 session_tokenizer_failed", "claimless": "500 session_tokenizer_failed"} {
		a := ask(as)
		require.Equal(t, want, fmt.Sprint(a.Status, " ", a.ErrorID()), as)
		require.NotContains(t, string(a.Body), "ada@example.org")
		require.NotContains(t, string(a.Body), "tokenized")
	}
	require.NotContains(t, env.Logs.String(), "ada@example.org", "the log says where a mapper failed, not on what")
	require.Equal(t, http.StatusUnauthorized, env.Native().Get("/sessions/whoami?tokenize_as=plain").Status)

	made := env.Admin("POST", "/admin/identities", map[string]any{"traits": map[string]any{"email": "b@example.org"}, "external_id": "crm-7"}).JSON()["id"].(string)
	outer, _ := another(t, env, made)
	claims, _ = verified(t, env, tokenized(t, env, outer, "outer"))
	require.Equal(t, "crm-7", claims["sub"])
}

// Nothing private is published, and a key that was replaced verifies on.
func TestPublishedKeys(t *testing.T) {
	old, young := jose.JSONWebKey{Key: ecKey(t, elliptic.P256()), KeyID: "old"}, jose.JSONWebKey{Key: ecKey(t, elliptic.P256()), KeyID: "young"}
	oldPublic := old.Public()
	before := enginetest.New(t, template("jwt", map[string]any{"jwks_url": inline(keySet(t, old))}))
	token, _ := signUp(t, before, "ada@example.org")
	issued := tokenized(t, before, token, "jwt")

	after := enginetest.New(t,
		template("jwt", map[string]any{"jwks_url": inline(keySet(t, young, old))}),
		template("same", map[string]any{"jwks_url": inline(keySet(t, young, oldPublic))}))
	_, header := verified(t, after, issued)
	require.Equal(t, "old", header.KeyID)
	token, _ = signUp(t, after, "ada@example.org")
	_, header = verified(t, after, tokenized(t, after, token, "jwt"))
	require.Equal(t, "young", header.KeyID, "the first signs")
	var set struct{ Keys []map[string]any }
	a := after.Native().Get("/.well-known/jwks.json")
	a.Decode(&set)
	require.Len(t, set.Keys, 2, "each once")
	for _, key := range set.Keys {
		require.Equal(t, "sig", key["use"])
		require.Equal(t, "ES256", key["alg"])
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			require.NotContains(t, key, private)
		}
	}
	require.JSONEq(t, `{"keys":[]}`, string(enginetest.New(t).Native().Get("/.well-known/jwks.json").Body))
}

// Whatever is wrong with a template shows at the start, and none of it is told.
func TestTokenizerThatCannotBe(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that it is refused is what is tested
	if err != nil {
		t.Log("this Go makes no weak keys:", err)
	}
	good := jose.JSONWebKey{Key: ecKey(t, elliptic.P256())}
	public := good.Public()
	var torn map[string]any
	require.NoError(t, json.Unmarshal(mustJSON(t, good), &torn))
	var other map[string]any
	require.NoError(t, json.Unmarshal(mustJSON(t, jose.JSONWebKey{Key: ecKey(t, elliptic.P256())}), &other))
	torn["d"] = other["d"]
	cases := map[string][]byte{
		"nothing":             nil,
		"no JSON":             []byte("-----BEGIN PRIVATE KEY-----"),
		"no keys":             []byte(`{"keys":[]}`),
		"a lone key":          mustJSON(t, good),
		"a public key":        keySet(t, public),
		"a broken key":        []byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}]}`),
		"a broken other":      []byte(`{"keys":[` + string(mustJSON(t, good)) + `,{"kty":"RSA"}]}`),
		"a shared key":        []byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA","alg":"HS256"}]}`),
		"unknown kind":        []byte(`{"keys":[{"kty":"OKP","crv":"X25519","x":"AA"}]}`),
		"torn halves":         []byte(`{"keys":[` + string(mustJSON(t, torn)) + `]}`),
		"alg none":            keySet(t, jose.JSONWebKey{Key: good.Key, Algorithm: "none"}),
		"alg of another":      keySet(t, jose.JSONWebKey{Key: good.Key, Algorithm: "RS256"}),
		"alg of a curve":      keySet(t, jose.JSONWebKey{Key: good.Key, Algorithm: "ES384"}),
		"alg of a public key": keySet(t, good, jose.JSONWebKey{Key: public.Key, Algorithm: "RS256"}),
		"two of one kid":      keySet(t, jose.JSONWebKey{Key: good.Key, KeyID: "a"}, jose.JSONWebKey{Key: ecKey(t, elliptic.P256()), KeyID: "a"}),
		"a torn key behind":   []byte(`{"keys":[` + string(mustJSON(t, good)) + `,` + string(mustJSON(t, torn)) + `]}`),
		"for encryption":      keySet(t, jose.JSONWebKey{Key: good.Key, Use: "enc"}),
	}
	if weak != nil {
		cases["a weak key"] = keySet(t, jose.JSONWebKey{Key: weak})
	}
	for name, jwks := range cases {
		_, err := session.NewTokenizer(t.Context(), session.TokenizerConfig{JWKS: jwks}, nil)
		require.ErrorContains(t, err, "jwks_url: ", name)
		require.NotContains(t, err.Error(), "c2VjcmV0", name)
	}
	_, err = session.NewTokenizer(t.Context(), session.TokenizerConfig{JWKS: keySet(t, good), Mapper: "{claims: {}}"}, nil)
	require.ErrorContains(t, err, "claims_mapper_url: ")
	_, err = session.NewTokenizer(t.Context(), session.TokenizerConfig{JWKS: keySet(t, good)}, nil)
	require.NoError(t, err)
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}
