package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"maps"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// at makes the op one whose issuer is on the internet.
func (b *bench) at(issuer string) {
	b.op.discovery = func(doc object) {
		for name, path := range map[string]string{
			"issuer": "", "authorization_endpoint": "/authorize", "token_endpoint": "/token", "userinfo_endpoint": "/userinfo", "jwks_uri": "/keys",
		} {
			doc[name] = issuer + path
		}
	}
	b.op.claims = func(c object) { c["iss"] = issuer }
}

func newApple(t *testing.T) (*bench, *ecdsa.PrivateKey) {
	key, text := applePEM(t, elliptic.P256())
	b := newBench(t, func(_ *bench, s *oidc.Settings) {
		s.Kind, s.IssuerURL, s.ClientSecret = "apple", "", ""
		s.AppleTeamID, s.AppleKeyID, s.ApplePrivateKey = "TEAM", "KEY", text
	})
	b.at("https://appleid.apple.com")
	return b, key
}

func TestAppleClientSecret(t *testing.T) {
	b, key := newApple(t)
	q, _ := b.depart(oidc.Departure{State: "s", Parameters: object{"response_mode": "query"}})
	require.Equal(t, "form_post", q.Get("response_mode"))
	require.Equal(t, "openid email name", q.Get("scope"))
	_, err := b.signIn(nil)
	require.NoError(t, err)
	secret, err := jwt.ParseSigned(b.op.form.Get("client_secret"), []jose.SignatureAlgorithm{jose.ES256})
	require.NoError(t, err)
	require.Equal(t, "KEY", secret.Headers[0].KeyID)
	var claims jwt.Claims
	require.NoError(t, secret.Claims(key.Public(), &claims))
	require.Equal(t, "TEAM", claims.Issuer)
	require.Equal(t, "the-client", claims.Subject)
	require.Equal(t, jwt.Audience{"https://appleid.apple.com"}, claims.Audience)
	require.Equal(t, b.now.Unix(), claims.IssuedAt.Time().Unix())
	require.LessOrEqual(t, claims.Expiry.Time().Sub(b.now), 10*time.Minute)
	require.Equal(t, ":", b.op.basic)
}

func TestAppleName(t *testing.T) {
	b, _ := newApple(t)
	for name, one := range map[string]struct {
		user string
		want object
	}{
		"none":            {"", object{}},
		"both":            {`{"name":{"firstName":"Ann","lastName":"Lee"}}`, object{"given_name": "Ann", "family_name": "Lee", "name": "Ann Lee"}},
		"one":             {`{"name":{"firstName":"Ann","lastName":""}}`, object{"given_name": "Ann", "name": "Ann"}},
		"an address, too": {`{"name":{"firstName":"Ann"},"email":"victim@example.org","email_verified":true,"sub":"person-2"}`, object{"given_name": "Ann", "name": "Ann"}},
		"no JSON":         {`{`, object{}},
		"a list":          {`{"name":["Ann"]}`, object{}},
		"numbers":         {`{"name":{"firstName":7}}`, object{}},
	} {
		c, err := b.signIn(map[string]string{"user": one.user})
		require.NoError(t, err, name)
		for _, claim := range []string{"name", "given_name", "family_name"} {
			require.Equal(t, one.want[claim], c.Values[claim], "%s: %s", name, claim)
		}
		require.Equal(t, "ann@example.org", c.Values["email"], name)
		require.Equal(t, "person-1", c.Subject, name)
		raw := maps.Clone(c.Values["raw_claims"].(object))
		require.NotContains(t, raw, "given_name", "%s: the provider has not said so", name)
	}
}

// Apple writes it as text now and then, which proves nothing here.
func TestAppleTextIsNoProof(t *testing.T) {
	b, _ := newApple(t)
	claims := b.op.claims
	b.op.claims = func(c object) { claims(c); c["email_verified"] = "true" }
	c, err := b.signIn(nil)
	require.NoError(t, err)
	require.Equal(t, "true", c.Values["email_verified"])
}
