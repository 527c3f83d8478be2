package oidc

import (
	"context"
	"fmt"

	"github.com/foyer-id/foyer/internal/web"
)

// dingtalkTokens trades the code by the provider's own protocol.
func dingtalkTokens(ctx context.Context, p *Provider, g *grant) error {
	raw, err := p.deps.Do.postJSON(ctx, g.Endpoint.token, map[string]string{
		"clientId": p.settings.ClientID, "clientSecret": p.settings.ClientSecret, "code": g.Code, "grantType": "authorization_code",
	})
	if err != nil {
		return fmt.Errorf("token endpoint: %w", err)
	}
	answer, err := web.ParseObject(raw)
	if err != nil {
		return fmt.Errorf("token endpoint: %w", err)
	}
	return g.take(answer["accessToken"], answer["refreshToken"])
}

func dingtalkPerson(ctx context.Context, p *Provider, g *grant) (map[string]any, error) {
	raw, err := p.deps.Do.getWith(ctx, g.Endpoint.userinfo, "x-acs-dingtalk-access-token", g.Access)
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	person, err := web.ParseObject(raw)
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	return person, nil
}
