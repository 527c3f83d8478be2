package oidc

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/oauth2"
)

// kind is what sets providers of one kind apart, which for most is data. All
// kinds stand in one table; the zero value is a provider of OpenID Connect that
// keeps to it and is found by Settings.IssuerURL.
type kind struct {
	// issuer is the fixed one of an OpenID provider; empty is Settings.IssuerURL,
	// which is then required. Of plain OAuth 2.0 it is what the provider calls
	// itself in the iss parameter, if it sends one.
	issuer string
	// document is where discovery finds the metadata of issuer, where it is not
	// below issuer itself; without the well-known path.
	document string

	// oauth2 says that there are no id_tokens: the person is whom userinfo names,
	// read by claims. The URLs below are required then.
	oauth2                bool
	auth, token, userinfo string // stand above discovery

	scopes []string          // where Settings have none
	extra  map[string]string // more parameters of the authorization request
	again  map[string]string // those that ask for a fresh sign-in; nil is prompt=login
	style  oauth2.AuthStyle  // how the client proves itself; zero is as discovery says, with Basic as the default

	// noPKCE is of a provider that refuses exchanges with a verifier. The nonce of
	// an id_token does as much; without one, state alone binds the answer to the
	// trip. PKCEForce stands above it.
	noPKCE bool

	// claims says where in a userinfo answer standard claims are: claim to dotted
	// path, as "sub": "data.id". Nil means by their own names.
	claims map[string]string

	// prepare completes k, a copy for one provider, by its settings, and refuses
	// those that cannot stand.
	prepare func(k *kind, s *Settings, refuse func(key, why string))
	// issued is what iss in an id_token must be, where it depends on other claims
	// of it, which nobody has looked at yet but for who signed them.
	issued func(issuer string, claims map[string]any) string
	// secret makes the client secret for one exchange; nil is Settings.ClientSecret.
	secret func(p *Provider) (string, error)
	// exchange trades the code of g for its tokens; nil is as OAuth 2.0 has it.
	// An error that is neither Denied nor Untrusted means that the provider is
	// unavailable; so it is of read and amend.
	exchange func(ctx context.Context, p *Provider, g *grant) error
	// read is who userinfo says the person is; nil is a GET with the access token.
	// Of a plain OAuth 2.0 kind, claims is applied to it.
	read func(ctx context.Context, p *Provider, g *grant) (map[string]any, error)
	// amend has the last word on the claims, sub included: it may add to them what
	// further calls say. Of an OpenID provider they were verified by then.
	amend func(ctx context.Context, p *Provider, g *grant, claims map[string]any) error
}

// grant is what one trip brings back.
type grant struct {
	Tokens
	Code, Verifier string            // of the callback and the trip; Verifier is empty without PKCE
	Params         map[string]string // of the callback, foreign and unchecked
	Endpoint       endpoint
}

// endpoint are the addresses of a provider that are in effect.
type endpoint struct {
	issuer, auth, token, userinfo string
	style                         oauth2.AuthStyle
	namesIssuer                   bool // every answer has an iss parameter
}

// Kinds lists the kinds of providers, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }
