package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/foyer-id/foyer/internal/web"
)

// identify makes Claims of a verified id_token, with those of userinfo where
// they are wanted or the address is missing.
func (p *Provider) identify(ctx context.Context, g *grant, token map[string]any) (*Claims, error) {
	all := maps.Clone(token)
	wanted := p.settings.ClaimsSource == SourceUserInfo
	if wanted || token["email"] == nil && g.Endpoint.userinfo != "" {
		info, err := p.read(ctx, g)
		if !wanted && withheld(err) {
			info, err = nil, nil // the token is not good for it, which only costs the address
		}
		if err != nil {
			return nil, p.judged(ctx, err)
		}
		if info != nil && info["sub"] != token["sub"] {
			return nil, untrusted("userinfo is of somebody else than the id_token")
		}
		merge(all, info, wanted)
	}
	return p.conclude(ctx, g, all, maps.Clone(all), token)
}

// ofToken are claims about the sign-in itself, for which nothing but the
// id_token counts.
var ofToken = []string{"iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "auth_time", "acr", "amr", "at_hash", "c_hash", "sid", "jti"}

// pairs are claims and what says that they are proved. They come from one source
// or the other, never one from each.
var pairs = map[string]string{"email": "email_verified", "phone_number": "phone_number_verified"}

// merge adds the claims of info to all, where they stand above those of the
// id_token or below.
func merge(all, info map[string]any, above bool) {
	for claim, proof := range pairs {
		if info[claim] != nil && (above || all[claim] == nil) {
			all[claim], all[proof] = info[claim], info[proof]
			if info[proof] == nil {
				delete(all, proof)
			}
		}
	}
	for name, value := range info {
		paired := slices.Contains(slices.Concat(slices.Collect(maps.Keys(pairs)), slices.Collect(maps.Values(pairs))), name)
		if paired || slices.Contains(ofToken, name) || value == nil || !above && all[name] != nil {
			continue
		}
		all[name] = value
	}
}

// introduce makes Claims of what userinfo of a plain OAuth 2.0 provider says.
func (p *Provider) introduce(ctx context.Context, g *grant) (*Claims, error) {
	raw, err := p.read(ctx, g)
	if err != nil {
		return nil, p.judged(ctx, err)
	}
	all := maps.Clone(raw)
	if p.kind.claims != nil {
		all = map[string]any{}
		for name, path := range p.kind.claims {
			if v := at(raw, path); v != nil && v != "" {
				all[name] = v
			}
		}
	}
	return p.conclude(ctx, g, all, raw, nil)
}

func (p *Provider) read(ctx context.Context, g *grant) (map[string]any, error) {
	if p.kind.read != nil {
		return p.kind.read(ctx, p, g)
	}
	return p.ask(ctx, g.Endpoint.userinfo, g.Access)
}

// ask reads a JSON object with an access token.
func (p *Provider) ask(ctx context.Context, at, token string) (map[string]any, error) {
	if at == "" {
		return nil, errors.New("userinfo: the provider has none")
	}
	raw, err := p.deps.Do.get(ctx, at, token)
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	fields, err := web.ParseObject(raw)
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	return fields, nil
}

// conclude lets the kind have its word on all, and makes Claims of it. Token is
// what the id_token says, nil if there is none.
func (p *Provider) conclude(ctx context.Context, g *grant, all, raw, token map[string]any) (*Claims, error) {
	if p.kind.amend != nil {
		if err := p.kind.amend(ctx, p, g, all); err != nil {
			return nil, p.judged(ctx, err)
		}
	}
	sub, err := subject(all["sub"])
	if err != nil {
		return nil, untrusted(err.Error())
	}
	issuer, _ := token["iss"].(string)
	if token == nil {
		issuer = cmp.Or(p.kind.issuer, origin(g.Endpoint.auth))
	}
	all["iss"], all["sub"] = issuer, sub
	return &Claims{Issuer: issuer, Subject: sub, Values: named(all, raw), Tokens: g.Tokens, AAL2: p.strong(token)}, nil
}

func origin(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	return u.Scheme + "://" + u.Host
}

// strong says whether an id_token is of a sign-in with two factors.
func (p *Provider) strong(token map[string]any) bool {
	if acr, ok := token["acr"].(string); ok && slices.Contains(p.settings.AAL2ACR, acr) {
		return true
	}
	amr, _ := token["amr"].([]any)
	return slices.ContainsFunc(amr, func(v any) bool {
		method, ok := v.(string)
		return ok && slices.Contains(p.settings.AAL2AMR, method)
	})
}
