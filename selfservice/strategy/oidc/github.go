package oidc

import (
	"context"
	"fmt"

	"golang.org/x/oauth2"

	"github.com/foyer-id/foyer/internal/web"
)

// github is the kind of both sorts of its apps.
func github(scopes []string) kind {
	return kind{
		oauth2: true, issuer: "https://github.com/login/oauth", style: oauth2.AuthStyleInParams,
		auth: "https://github.com/login/oauth/authorize", token: "https://github.com/login/oauth/access_token", userinfo: "https://api.github.com/user",
		scopes: scopes,
		again:  map[string]string{"prompt": "select_account"},
		claims: paths("sub=id name nickname=login preferred_username=login profile=html_url picture=avatar_url website=blog"),
		amend:  githubEmail,
	}
}

// githubEmail reads the primary address, the only one that counts: what the
// profile shows is whatever the person likes.
func githubEmail(ctx context.Context, p *Provider, g *grant, claims map[string]any) error {
	raw, err := p.deps.Do.get(ctx, g.Endpoint.userinfo+"/emails", g.Access)
	if withheld(err) {
		return nil // without the scope user:email there is no address
	}
	if err != nil {
		return fmt.Errorf("emails: %w", err)
	}
	list, err := web.ParseValue(raw)
	if err != nil {
		return fmt.Errorf("emails: %w", err)
	}
	addresses, _ := list.([]any)
	for _, address := range addresses {
		if at(address, "primary") == true {
			claims["email"], claims["email_verified"] = at(address, "email"), at(address, "verified")
		}
	}
	return nil
}
