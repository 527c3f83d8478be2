package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/foyer-id/foyer/internal/web"
)

// metadata is what OpenID Connect Discovery says, and RFC 8414.
type metadata struct {
	Issuer      string   `json:"issuer"`
	Auth        string   `json:"authorization_endpoint"`
	Token       string   `json:"token_endpoint"`
	UserInfo    string   `json:"userinfo_endpoint"`
	Keys        string   `json:"jwks_uri"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	NamesIssuer bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

func (p *Provider) discover(ctx context.Context) (metadata, error) {
	from := p.kind.document
	if from == "" {
		from = p.kind.issuer
	}
	raw, err := p.deps.Do.get(ctx, strings.TrimSuffix(from, "/")+"/.well-known/openid-configuration", "")
	if err != nil {
		return metadata{}, fmt.Errorf("discovery: %w", err)
	}
	if _, err := web.ParseObject(raw); err != nil {
		return metadata{}, fmt.Errorf("discovery: %w", err)
	}
	var m metadata
	if err := json.Unmarshal(raw, &m); err != nil {
		return metadata{}, fmt.Errorf("discovery: %w", err)
	}
	if m.Issuer != p.kind.issuer {
		return metadata{}, fmt.Errorf("discovery: issuer_url is %q, and the document there names the issuer %q", p.kind.issuer, plain(m.Issuer, 200))
	}
	for name, at := range map[string]string{
		"authorization_endpoint": m.Auth, "token_endpoint": m.Token, "jwks_uri": m.Keys, "userinfo_endpoint": m.UserInfo,
	} {
		if at == "" && name == "userinfo_endpoint" {
			continue
		}
		if err := p.trusts(at); err != nil {
			return metadata{}, fmt.Errorf("discovery: %s: %w", name, err)
		}
	}
	return m, nil
}

// trusts reports an endpoint that is no https URL, or no http one where the
// issuer itself is.
func (p *Provider) trusts(at string) error {
	u, err := url.Parse(at)
	plain := strings.HasPrefix(p.kind.issuer, "http://")
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !plain) {
		return errors.New("it is no https URL")
	}
	return nil
}

// endpoint is where the provider is asked, by its kind, its settings and what
// it says itself, in the order of their weight from behind.
func (p *Provider) endpoint(ctx context.Context) (endpoint, error) {
	at := endpoint{issuer: p.kind.issuer, auth: p.kind.auth, token: p.kind.token, userinfo: p.kind.userinfo, style: p.kind.style}
	if p.kind.oauth2 {
		return at, nil
	}
	m, err := p.metadata.Get(ctx, false)
	if err != nil {
		return at, err
	}
	for given, found := range map[*string]string{&at.auth: m.Auth, &at.token: m.Token, &at.userinfo: m.UserInfo} {
		if *given == "" {
			*given = found
		}
	}
	at.namesIssuer = m.NamesIssuer
	switch {
	case at.style != oauth2.AuthStyleAutoDetect:
	case p.settings.ClientSecret != "" && (len(m.AuthMethods) == 0 || slices.Contains(m.AuthMethods, "client_secret_basic")):
		at.style = oauth2.AuthStyleInHeader
	default:
		at.style = oauth2.AuthStyleInParams
	}
	return at, nil
}
