package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/foyer-id/foyer/internal/web"
)

const appleSecretLife = 5 * time.Minute

// appleKey refuses settings that no client secret can be signed by.
func appleKey(_ *kind, s *Settings, refuse func(key, why string)) {
	for key, value := range map[string]string{"apple_team_id": s.AppleTeamID, "apple_private_key_id": s.AppleKeyID} {
		if value == "" {
			refuse(key, "required, but missing")
		}
	}
	if _, err := parseAppleKey(s.ApplePrivateKey); err != nil {
		refuse("apple_private_key", err.Error())
	}
}

func parseAppleKey(text string) (*ecdsa.PrivateKey, error) {
	wrong := errors.New("expected the PEM of a PKCS #8 key for ES256, as Apple's .p8 files have it")
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, wrong
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, wrong
	}
	return key, nil
}

// appleSecret signs the client secret of one exchange.
func appleSecret(p *Provider) (string, error) {
	key, err := parseAppleKey(p.settings.ApplePrivateKey)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: p.settings.AppleKeyID}}, nil)
	if err != nil {
		return "", err
	}
	now := p.deps.Now()
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: p.settings.AppleTeamID, Subject: p.settings.ClientID, Audience: jwt.Audience{p.kind.issuer},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(appleSecretLife)),
	}).Serialize()
}

// appleName takes the name from the callback, where Apple sends it at the first
// sign-in only. It is what the person's browser says, like a name typed into a
// form.
func appleName(_ context.Context, _ *Provider, g *grant, claims map[string]any) error {
	user, err := web.ParseObject([]byte(g.Params["user"]))
	if err != nil {
		return nil //nolint:nilerror // there is none, or none that can be read: the form asks for the name
	}
	var names []string
	for claim, path := range map[string]string{"given_name": "name.firstName", "family_name": "name.lastName"} {
		if name, ok := at(user, path).(string); ok && name != "" && claims[claim] == nil {
			claims[claim] = plain(name, 200)
		}
	}
	for _, claim := range []string{"given_name", "family_name"} {
		if name, ok := claims[claim].(string); ok {
			names = append(names, name)
		}
	}
	if claims["name"] == nil && len(names) > 0 {
		claims["name"] = strings.Join(names, " ")
	}
	return nil
}
