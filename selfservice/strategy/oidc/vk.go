package oidc

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/foyer-id/foyer/internal/web"
)

// vkTokens trades the code together with the device it was made for, which came
// with it.
func vkTokens(ctx context.Context, p *Provider, g *grant) error {
	raw, err := p.deps.Do.post(ctx, g.Endpoint.token, nil, map[string][]string{
		"grant_type": {"authorization_code"}, "code": {g.Code}, "code_verifier": {g.Verifier}, "redirect_uri": {p.RedirectURI()},
		"client_id": {p.settings.ClientID}, "device_id": {g.Params["device_id"]}, "state": {g.Params["state"]},
	})
	if err != nil {
		return fmt.Errorf("token endpoint: %w", err)
	}
	answer, err := web.ParseObject(raw)
	if err != nil {
		return fmt.Errorf("token endpoint: %w", err)
	}
	if answer["error"] == "invalid_grant" {
		return untrusted("the provider does not accept the code")
	}
	return g.take(answer["access_token"], answer["refresh_token"])
}

// take notes the tokens of an answer that has them by other names.
func (g *grant) take(access, refresh any) error {
	g.Access, _ = access.(string)
	g.Refresh, _ = refresh.(string)
	if g.Access == "" {
		return fmt.Errorf("token endpoint: there is no access token in the answer")
	}
	return nil
}

func vkPerson(ctx context.Context, p *Provider, g *grant) (map[string]any, error) {
	raw, err := p.deps.Do.post(ctx, g.Endpoint.userinfo, nil, map[string][]string{"client_id": {p.settings.ClientID}, "access_token": {g.Access}})
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	return web.ParseObject(raw)
}

func vkAmend(ctx context.Context, p *Provider, g *grant, claims map[string]any) error {
	international(claims)
	switch claims["gender"] {
	case json.Number("1"):
		claims["gender"] = "female"
	case json.Number("2"):
		claims["gender"] = "male"
	default:
		delete(claims, "gender")
	}
	return joinedName(ctx, p, g, claims)
}
