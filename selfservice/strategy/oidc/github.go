package oidc

import (
	"context"
	"errors"
	"fmt"
)

// githubEmail reads the primary address, the only one that counts: what the
// profile shows is whatever the person likes.
func githubEmail(ctx context.Context, p *Provider, g *grant, claims map[string]any) error {
	raw, err := p.deps.Do.get(ctx, g.Endpoint.userinfo+"/emails", g.Access)
	if refused := (*status)(nil); errors.As(err, &refused) && refused.code/100 == 4 {
		return nil // without the scope user:email there is no address
	}
	if err != nil {
		return fmt.Errorf("emails: %w", err)
	}
	list, err := decode(raw)
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
