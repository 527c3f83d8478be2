package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
)

func applePEM(t *testing.T, curve elliptic.Curve) (*ecdsa.PrivateKey, string) {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestSettingsThatCannotStand(t *testing.T) {
	_, p384 := applePEM(t, elliptic.P384())
	_, p256 := applePEM(t, elliptic.P256())
	for name, one := range map[string]struct {
		change func(s *oidc.Settings)
		keys   []string
	}{
		"none wrong":               {func(*oidc.Settings) {}, nil},
		"nothing at all":           {func(s *oidc.Settings) { *s = oidc.Settings{} }, []string{"provider", "id", "client_id"}},
		"an unknown kind":          {func(s *oidc.Settings) { s.Kind = "acme" }, []string{"provider"}},
		"no issuer":                {func(s *oidc.Settings) { s.IssuerURL = "" }, []string{"issuer_url"}},
		"an issuer to be typed":    {func(s *oidc.Settings) { s.IssuerURL = "op.example" }, []string{"issuer_url"}},
		"a document for an issuer": {func(s *oidc.Settings) { s.IssuerURL = "https://op.example/.well-known/openid-configuration" }, []string{"issuer_url"}},
		"the end of a line":        {func(s *oidc.Settings) { s.ClientSecret = "hidden\n" }, []string{"client_secret"}},
		"an issuer with a user":    {func(s *oidc.Settings) { s.IssuerURL = "https://a:secret@op.example" }, []string{"issuer_url"}},
		"endpoints": {func(s *oidc.Settings) { s.AuthURL, s.TokenURL, s.UserInfoURL = "ftp://a", "/b", "https://c#d" },
			[]string{"auth_url", "token_url", "userinfo_url"}},
		"pkce":             {func(s *oidc.Settings) { s.PKCE = "plain" }, []string{"pkce"}},
		"claims_source":    {func(s *oidc.Settings) { s.ClaimsSource = "both" }, []string{"claims_source"}},
		"linking":          {func(s *oidc.Settings) { s.Linking = "yes" }, []string{"account_linking_mode"}},
		"requested claims": {func(s *oidc.Settings) { s.RequestedClaims = []byte(`[]`) }, []string{"requested_claims"}},
		"upstream":         {func(s *oidc.Settings) { s.Upstream = []string{"hd", "redirect_uri", "nonce"} }, []string{"upstream_parameters", "upstream_parameters"}},
		"apple": {func(s *oidc.Settings) { s.Kind = "apple"; s.ApplePrivateKey = "secret" },
			[]string{"apple_team_id", "apple_private_key_id", "apple_private_key"}},
		"apple on another curve": {func(s *oidc.Settings) {
			s.Kind, s.AppleTeamID, s.AppleKeyID, s.ApplePrivateKey = "apple", "T", "K", p384
		}, []string{"apple_private_key"}},
		"apple as it should be": {func(s *oidc.Settings) {
			s.Kind, s.AppleTeamID, s.AppleKeyID, s.ApplePrivateKey = "apple", "T", "K", p256
		}, nil},
		"github needs no issuer": {func(s *oidc.Settings) { s.Kind, s.IssuerURL = "github", "" }, nil},
	} {
		b := newBench(t, nil)
		s := oidc.Settings{ID: "acme", Kind: "generic", ClientID: "the-client", IssuerURL: "https://op.example", Mapper: "{}"}
		one.change(&s)
		p, err := oidc.New(s, b.deps(0))
		if one.keys == nil {
			require.NoError(t, err, name)
			require.NotNil(t, p, name)
			require.Equal(t, "acme", p.ID(), name)
			require.Equal(t, "acme", p.Label(), "%s: for want of one", name)
			continue
		}
		require.Nil(t, p, name)
		require.Error(t, err, name)
		for _, key := range one.keys {
			require.Contains(t, "\n"+err.Error(), "\n"+key+": ", name)
		}
		require.NotContains(t, strings.ReplaceAll(err.Error(), "client_secret", ""), "secret", name)
		if name != "nothing at all" {
			require.Len(t, strings.Split(err.Error(), "\n"), len(one.keys), name)
		}
		require.Empty(t, b.sent, name)
	}
}

func TestNames(t *testing.T) {
	b := newBench(t, func(_ *bench, s *oidc.Settings) { s.ID, s.Label = "a b/c", "Acme" })
	require.Equal(t, "Acme", b.Label())
	require.Equal(t, "https://id.example.org/self-service/methods/oidc/callback/a%20b%2Fc", b.RedirectURI())
	require.IsIncreasing(t, oidc.Kinds())
	require.Subset(t, oidc.Kinds(), []string{"apple", "generic", "github", "google"})
}
