package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	openid "github.com/coreos/go-oidc/v3/oidc"

	"github.com/foyer-id/foyer/internal/web"
)

const (
	tokenMax  = 16 << 10    // bytes of an id_token
	tokenSkew = time.Minute // that clocks may differ
	tokenAge  = time.Hour   // since an id_token was issued
)

// expected is what an id_token must be.
type expected struct {
	nonce     string
	audiences []string // at least one of them, client id included
	access    string   // the access token beside it, empty if there is none
}

// verify returns the claims of an id_token that holds in every respect. Any
// other is Untrusted.
func (p *Provider) verify(ctx context.Context, raw string, want expected) (map[string]any, error) {
	if len(raw) > tokenMax {
		return nil, untrusted("the id_token is too long")
	}
	signed := &signature{keys: p.keys}
	verifier := openid.NewVerifier(p.kind.issuer, signed, &openid.Config{
		SupportedSigningAlgs: algorithmNames(),
		// Looked at below, more strictly than the library does.
		SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
	})
	token, err := verifier.Verify(ctx, raw)
	if signed.err != nil {
		return nil, unavailable(ctx, signed.err)
	}
	if err != nil {
		return nil, untrusted("the id_token is malformed, or no key of the provider has signed it as it may")
	}
	claims, err := web.ParseObject(signed.payload)
	if err != nil {
		return nil, untrusted("the claims of the id_token are no proper JSON object")
	}
	for _, check := range []error{
		p.checkTimes(claims), p.checkAudience(claims, want.audiences), checkNonce(claims, want.nonce), p.checkIssuer(claims),
	} {
		if check != nil {
			return nil, untrusted(check.Error())
		}
	}
	if claims["at_hash"] != nil && want.access != "" && token.VerifyAccessToken(want.access) != nil {
		return nil, untrusted("at_hash is not that of the access token")
	}
	return claims, nil
}

func algorithmNames() (names []string) {
	for _, a := range web.SigningAlgorithms {
		names = append(names, string(a))
	}
	return names
}

func (p *Provider) checkIssuer(claims map[string]any) error {
	issuer := p.kind.issuer
	if p.kind.issued != nil {
		issuer = p.kind.issued(issuer, claims)
	}
	if iss, _ := claims["iss"].(string); iss == "" || iss != issuer {
		return errors.New("iss is not the provider")
	}
	return nil
}

// checkAudience lets pass a token made for one of audiences, and together with
// others only if azp says that one of audiences asked for it.
func (p *Provider) checkAudience(claims map[string]any, audiences []string) error {
	aud, err := web.Texts(claims, "aud")
	if err != nil {
		return err
	}
	ours := func(name string) bool { return slices.Contains(audiences, name) }
	if !slices.ContainsFunc(aud, ours) {
		return errors.New("aud is somebody else")
	}
	azp, given := claims["azp"]
	if name, ok := azp.(string); given && (!ok || !ours(name)) {
		return errors.New("azp is somebody else")
	}
	if len(aud) > 1 && !given {
		return errors.New("aud has several entries, and azp does not say who asked")
	}
	return nil
}

func (p *Provider) checkTimes(claims map[string]any) error {
	now := p.deps.Now()
	exp, err := web.Instant(claims, "exp")
	if err != nil || now.After(exp.Add(tokenSkew)) {
		return errors.New("exp is past or missing")
	}
	iat, err := web.Instant(claims, "iat")
	if err != nil || iat.After(now.Add(tokenSkew)) || now.After(iat.Add(tokenAge)) {
		return errors.New("iat is missing, to come or too long ago")
	}
	if _, given := claims["nbf"]; given {
		if nbf, err := web.Instant(claims, "nbf"); err != nil || nbf.After(now.Add(tokenSkew)) {
			return errors.New("nbf is to come")
		}
	}
	return nil
}

func checkNonce(claims map[string]any, nonce string) error {
	got, _ := claims["nonce"].(string)
	if nonce == "" || subtle.ConstantTimeCompare([]byte(got), []byte(nonce)) != 1 {
		return errors.New("nonce is missing or another one")
	}
	return nil
}
