package oidc_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

// tokens are claims that make an id_token good or bad in one respect. Times are
// in seconds from now.
var tokens = map[string]struct {
	claims object
	good   bool
	only   string // "code" or "app" where it is so for one way only
}{
	"as it should be":            {object{}, true, ""},
	"another issuer":             {object{"iss": "https://evil.example"}, false, ""},
	"issuer with a slash":        {object{"iss": "+/"}, false, ""},
	"no issuer":                  {object{"iss": nil}, false, ""},
	"an issuer that is a list":   {object{"iss": []string{"+"}}, false, ""},
	"another audience":           {object{"aud": "other"}, false, ""},
	"no audience":                {object{"aud": nil}, false, ""},
	"an empty audience":          {object{"aud": []string{}}, false, ""},
	"an audience that begins so": {object{"aud": "the-client-2"}, false, ""},
	"a list of one":              {object{"aud": []string{"the-client"}}, true, ""},
	"a list of other things":     {object{"aud": []any{"the-client", 1}}, false, ""},
	"two without azp":            {object{"aud": []string{"the-client", "other"}}, false, ""},
	"two with azp":               {object{"aud": []string{"the-client", "other"}, "azp": "the-client"}, true, ""},
	"two with a foreign azp":     {object{"aud": []string{"the-client", "other"}, "azp": "other"}, false, ""},
	"azp":                        {object{"azp": "the-client"}, true, ""},
	"foreign azp":                {object{"azp": "other"}, false, ""},
	"azp that is no text":        {object{"azp": 1}, false, ""},
	"empty azp":                  {object{"azp": ""}, false, ""},
	"additional audience":        {object{"aud": "the-app"}, true, "app"},
	"an app's by code":           {object{"aud": "the-app"}, false, "code"},
	"additional azp":             {object{"aud": "the-client", "azp": "the-app"}, true, "app"},
	"an app's azp by code":       {object{"aud": "the-client", "azp": "the-app"}, false, "code"},
	"expired":                    {object{"exp": -61}, false, ""},
	"expired within the skew":    {object{"exp": -59}, true, ""},
	"no exp":                     {object{"exp": nil}, false, ""},
	"exp that is text":           {object{"exp": "tomorrow"}, false, ""},
	"exp without end":            {object{"exp": 1e300}, false, ""},
	"no iat":                     {object{"iat": nil}, false, ""},
	"iat to come":                {object{"iat": 61}, false, ""},
	"iat within the skew":        {object{"iat": 59}, true, ""},
	"iat long ago":               {object{"iat": -3601}, false, ""},
	"iat an hour ago":            {object{"iat": -3600}, true, ""},
	"nbf to come":                {object{"nbf": 61}, false, ""},
	"nbf within the skew":        {object{"nbf": 59}, true, ""},
	"nbf that is text":           {object{"nbf": "now"}, false, ""},
	"no nonce":                   {object{"nonce": nil}, false, ""},
	"empty nonce":                {object{"nonce": ""}, false, ""},
	"another nonce":              {object{"nonce": "other"}, false, ""},
	"nonce that is a list":       {object{"nonce": []string{"+"}}, false, ""},
	"no nonce, so it says":       {object{"nonce": nil, "nonce_supported": false}, false, ""},
	"no sub":                     {object{"sub": nil}, false, ""},
	"empty sub":                  {object{"sub": ""}, false, ""},
	"sub that is a number":       {object{"sub": 7}, false, ""},
	"the longest sub":            {object{"sub": strings.Repeat("x", 255)}, true, ""},
	"too long a sub":             {object{"sub": strings.Repeat("x", 256)}, false, ""},
	"sub beyond ASCII":           {object{"sub": "ä"}, false, ""},
	"sub with a line break":      {object{"sub": "a\nb"}, false, ""},
	"sub that ends in a space":   {object{"sub": "a "}, false, ""},
	"sub with a bar":             {object{"sub": "auth0|1"}, true, ""},
	"at_hash of another":         {object{"at_hash": half("other")}, false, "code"},
	"at_hash":                    {object{"at_hash": half("the-access-token")}, true, ""},
	"at_hash that is a number":   {object{"at_hash": 1}, false, ""},
	"a large token":              {object{"groups": strings.Repeat("x", 9000)}, true, ""},
	"too large a token":          {object{"groups": strings.Repeat("x", 20000)}, false, ""},
	"text with a NUL":            {object{"name": "a\x00"}, false, ""},
	"claims of elsewhere":        {object{"_claim_names": object{"groups": "src"}, "_claim_sources": object{"src": object{"endpoint": "http://127.0.0.1:1/"}}}, true, ""},
}

func half(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func TestIDTokens(t *testing.T) {
	b := newBench(t, func(_ *bench, s *oidc.Settings) { s.Audiences = []string{"the-app"} })
	for name, token := range tokens {
		b.op.claims = func(claims object) {
			for claim, v := range token.claims {
				if n, ok := v.(int); ok && strings.Contains("exp iat nbf", claim) {
					v = b.now.Add(time.Duration(n) * time.Second).Unix()
				}
				if text, ok := v.(string); ok && strings.HasPrefix(text, "+") {
					v = b.op.URL + text[1:]
				}
				claims[claim] = v
			}
		}
		judge := func(c *oidc.Claims, err error, how string) {
			b.log.Reset()
			if token.good {
				require.NoError(t, err, how)
				require.Equal(t, b.op.URL, c.Issuer, how)
				return
			}
			var lie *oidc.Untrusted
			require.ErrorAs(t, err, &lie, how)
			require.Nil(t, c, how)
		}
		if token.only != "app" {
			c, err := b.signIn(nil)
			judge(c, err, name+", by code")
		}
		if token.only != "code" {
			c, err := b.Present(t.Context(), b.op.idToken("n-1"), "n-1", time.Time{})
			judge(c, err, name+", by an app")
		}
	}
	require.Zero(t, b.op.count("/userinfo"), "the address was in the id_token")
}

func TestSignatures(t *testing.T) {
	b := newBench(t, nil)
	rs, es := key("first"), key("ec")
	b.op.keys = append(b.op.keys,
		jose.JSONWebKey{Key: es.Public(), KeyID: "ec"}, jose.JSONWebKey{Key: key("enc").Public(), KeyID: "enc", Use: "enc"},
		jose.JSONWebKey{Key: key("small").Public(), KeyID: "small"}, jose.JSONWebKey{Key: key("pinned").Public(), KeyID: "pinned", Algorithm: "PS256"})
	der, err := x509.MarshalPKIXPublicKey(rs.Public())
	require.NoError(t, err)
	good, _ := json.Marshal(object{
		"iss": b.op.URL, "sub": "person-1", "aud": "the-client", "exp": b.now.Add(time.Hour).Unix(), "iat": b.now.Unix(), "nonce": "n",
	})
	sign := func(alg jose.SignatureAlgorithm, kid string, key any, header map[jose.HeaderKey]any) string {
		b.op.sign = jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}
		return b.op.signed(good, header)
	}
	rsa := sign(jose.RS256, "one", rs, nil)
	parts := strings.Split(rsa, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, token := range map[string]struct {
		raw  string
		good bool
	}{
		"RS256":                         {rsa, true},
		"PS512, where a key says RS256": {sign(jose.PS512, "one", rs, nil), false},
		"ES256":                         {sign(jose.ES256, "ec", es, nil), true},
		"without a kid":                 {sign(jose.ES256, "", es, nil), true},
		"another's key":                 {sign(jose.RS256, "one", key("evil"), nil), false},
		"another's key without kid":     {sign(jose.RS256, "", key("evil"), nil), false},
		"a kid of another key":          {sign(jose.RS256, "ec", rs, nil), false},
		"a key that is too short":       {sign(jose.RS256, "small", key("small"), nil), false},
		"a key for encryption":          {sign(jose.RS256, "enc", key("enc"), nil), false},
		"not the algorithm of the key":  {sign(jose.RS256, "pinned", key("pinned"), nil), false},
		"the algorithm of the key":      {sign(jose.PS256, "pinned", key("pinned"), nil), true},
		"its own key":                   {sign(jose.RS256, "one", key("evil"), map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: key("evil").Public()}}), false},
		"an access token":               {sign(jose.RS256, "one", rs, map[jose.HeaderKey]any{"typ": "at+JWT"}), false},
		"typ JWT":                       {sign(jose.RS256, "one", rs, map[jose.HeaderKey]any{"typ": "JWT"}), true},
		"HS256 by the public key":       {sign(jose.HS256, "one", der, nil), false},
		"HS256 by the client secret":    {sign(jose.HS256, "one", []byte("the-secret-the-secret-the-secret"), nil), false},
		"alg none":                      {encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", false},
		"alg none with a signature":     {encode([]byte(`{"alg":"None","kid":"one"}`)) + "." + parts[1] + "." + parts[2], false},
		"no signature":                  {parts[0] + "." + parts[1] + ".", false},
		"another payload":               {parts[0] + "." + encode([]byte(strings.Replace(string(good), "person-1", "person-2", 1))) + "." + parts[2], false},
		"two parts":                     {parts[0] + "." + parts[1], false},
		"JSON":                          {`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, false},
		"nothing":                       {"", false},
		"a claim twice": {func() string {
			b.op.sign = jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: rs, KeyID: "one"}}
			return b.op.signed([]byte(strings.Replace(string(good), "{", `{"sub":"person-2",`, 1)), nil)
		}(), false},
		"claims that are a list": {b.op.signed([]byte(`[]`), nil), false},
	} {
		c, err := b.Present(t.Context(), token.raw, "n", time.Time{})
		if token.good {
			require.NoError(t, err, name)
			require.Equal(t, "person-1", c.Subject, name)
			require.Equal(t, oidc.Tokens{ID: token.raw}, c.Tokens, name)
		} else {
			b.disbelieves(c, err, name)
		}
	}
}

func TestPresentNeedsANonceAndAProviderWithTokens(t *testing.T) {
	b := newBench(t, nil)
	b.op.claims = func(c object) { c["nonce"] = nil }
	_, err := b.Present(t.Context(), b.op.idToken(""), "", time.Time{})
	require.Equal(t, "oidc_id_token_nonce_missing", fail.As(err).ID)
	require.Equal(t, fail.BadRequest, fail.As(err).Kind)

	plain := newBench(t, func(_ *bench, s *oidc.Settings) { s.Kind = "github" })
	_, err = plain.Present(t.Context(), b.op.idToken("n"), "n", time.Time{})
	require.Equal(t, "oidc_id_token_unsupported", fail.As(err).ID)
	require.Empty(t, plain.sent)
	require.Empty(t, b.sent)
}

func TestStrongSignIn(t *testing.T) {
	b := newBench(t, func(_ *bench, s *oidc.Settings) {
		s.AAL2ACR, s.AAL2AMR, s.ClaimsSource = []string{"urn:mfa"}, []string{"mfa", "otp"}, oidc.SourceUserInfo
	})
	b.op.userinfo = object{"sub": "person-1", "acr": "urn:mfa", "amr": []string{"mfa"}}
	for name, one := range map[string]struct {
		claims object
		strong bool
	}{
		"nothing, whatever userinfo says": {object{}, false},
		"acr":                             {object{"acr": "urn:mfa"}, true},
		"another acr":                     {object{"acr": "urn:pwd"}, false},
		"acr that is a list":              {object{"acr": []string{"urn:mfa"}}, false},
		"amr":                             {object{"amr": []string{"pwd", "otp"}}, true},
		"another amr":                     {object{"amr": []string{"pwd"}}, false},
		"amr that is text":                {object{"amr": "mfa"}, false},
	} {
		b.op.claims = func(c object) {
			for k, v := range one.claims {
				c[k] = v
			}
		}
		c, err := b.signIn(nil)
		require.NoError(t, err, name)
		require.Equal(t, one.strong, c.AAL2, name)
	}
}
