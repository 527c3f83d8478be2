package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// Depart returns where a browser is sent to, and what its return is held
// against. Parameters that are not passed on are ignored; one that is and is no
// short text is refused as oidc_upstream_parameter_invalid.
func (p *Provider) Depart(ctx context.Context, d Departure) (to string, t Trip, err error) {
	forwarded, err := p.forwarded(d.Parameters)
	if err != nil {
		return "", Trip{}, err
	}
	at, err := p.endpoint(ctx)
	if err != nil {
		return "", Trip{}, p.told(unavailable(ctx, err))
	}
	t.Token = at.token
	query := map[string]string{}
	maps.Copy(query, forwarded)
	if d.Reauthenticate {
		again := p.kind.again
		if again == nil {
			again = map[string]string{"prompt": "login"}
		}
		maps.Copy(query, again)
		t.Since = p.deps.Now().UTC()
	}
	maps.Copy(query, p.kind.extra)
	if !p.kind.oauth2 {
		t.Nonce = rand.Text()
		query["nonce"] = t.Nonce
		if len(p.settings.RequestedClaims) > 0 {
			query["claims"] = string(p.settings.RequestedClaims)
		}
	}
	var options []oauth2.AuthCodeOption
	for name, value := range query {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	if p.settings.PKCE != PKCENever {
		t.Verifier = oauth2.GenerateVerifier()
		options = append(options, oauth2.S256ChallengeOption(t.Verifier))
	}
	return p.client(at, "").AuthCodeURL(d.State, options...), t, nil
}

// forwarded are the parameters of a client that the provider is sent.
func (p *Provider) forwarded(sent map[string]any) (map[string]string, error) {
	pass := map[string]string{}
	for _, name := range p.settings.Upstream {
		v, given := sent[name]
		if !given {
			continue
		}
		s, ok := v.(string)
		if !ok || len(s) > 512 {
			return nil, fail.New(fail.BadRequest, "oidc_upstream_parameter_invalid", "upstream_parameters."+name+" must be a text of at most 512 bytes.")
		}
		pass[name] = s
	}
	return pass, nil
}

func (p *Provider) client(at endpoint, secret string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.settings.ClientID, ClientSecret: secret, RedirectURL: p.RedirectURI(), Scopes: p.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: at.auth, TokenURL: at.token, AuthStyle: at.style},
	}
}

func (p *Provider) scopes() []string {
	scopes := p.settings.Scopes
	if scopes == nil {
		scopes = p.kind.scopes
	}
	if !p.kind.oauth2 && !slices.Contains(scopes, "openid") {
		scopes = slices.Concat([]string{"openid"}, scopes)
	}
	return scopes
}

// Arrive ends a trip: params are those of the callback, whose state the caller
// has checked. It returns who signed in, or Denied, Untrusted or the refusal
// oidc_provider_unavailable. Of one Trip it is called once.
func (p *Provider) Arrive(ctx context.Context, t Trip, params map[string]string) (*Claims, error) {
	c, err := p.arrive(ctx, t, params)
	return c, p.told(err)
}

func (p *Provider) arrive(ctx context.Context, t Trip, params map[string]string) (*Claims, error) {
	at, err := p.endpoint(ctx)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	if t.Token != at.token {
		return nil, untrusted("the provider is another one than when the trip began")
	}
	if err := p.checkResponse(at, params); err != nil {
		return nil, err
	}
	g := &grant{Code: params["code"], Verifier: t.Verifier, Params: params, Endpoint: at}
	exchange := p.kind.exchange
	if exchange == nil {
		exchange = trade
	}
	if err := exchange(ctx, p, g); err != nil {
		return nil, p.judged(ctx, err)
	}
	if p.kind.oauth2 {
		return p.introduce(ctx, g)
	}
	if g.ID == "" {
		return nil, &Denied{Reason: noIDToken}
	}
	claims, err := p.verify(ctx, g.ID, expected{nonce: t.Nonce, audiences: []string{p.settings.ClientID}, access: g.Access})
	if err != nil {
		return nil, err
	}
	if at, err := web.Instant(claims, "auth_time"); err == nil && at.Add(tokenSkew).Before(t.Since) {
		return nil, &Denied{Reason: p.Label() + " has not asked you to sign in again. Please sign out there first, or prove in another way that it is you."}
	}
	return p.identify(ctx, g, claims)
}

// checkResponse judges the callback's parameters before anybody is asked: an
// answer that names another issuer is not for this provider to see.
func (p *Provider) checkResponse(at endpoint, params map[string]string) error {
	iss, named := params["iss"]
	switch {
	case named && at.issuer != "" && p.kind.issued == nil && iss != at.issuer:
		return untrusted("the answer names another issuer")
	case !named && at.namesIssuer:
		return untrusted("the answer names no issuer, as those of the provider do")
	case params["error"] != "":
		reason := fmt.Sprintf("%s refused the sign-in (%s).", p.Label(), plain(params["error"], 64))
		if params["error"] == "access_denied" {
			reason = "The sign-in was cancelled or refused at " + p.Label() + "."
		}
		if more := plain(params["error_description"], 200); more != "" {
			reason += " It says: " + more
		}
		return &Denied{Reason: reason}
	case params["code"] == "":
		return untrusted("the answer has neither code nor error")
	}
	return nil
}

// trade trades the code for tokens as OAuth 2.0 has it.
func trade(ctx context.Context, p *Provider, g *grant) error {
	secret := p.settings.ClientSecret
	if p.kind.secret != nil {
		var err error
		if secret, err = p.kind.secret(p); err != nil {
			return err
		}
	}
	var options []oauth2.AuthCodeOption
	if g.Verifier != "" {
		options = append(options, oauth2.VerifierOption(g.Verifier))
	}
	token, err := p.client(g.Endpoint, secret).Exchange(p.deps.Do.through(ctx), g.Code, options...)
	if err != nil {
		return refusedCode(err)
	}
	g.Access, g.Refresh = token.AccessToken, token.RefreshToken
	g.ID, _ = token.Extra("id_token").(string)
	return nil
}

// refusedCode tells a code that is not good from a provider that is not well,
// or does not know us. What the endpoint sent besides is dropped: it may repeat
// secrets.
func refusedCode(err error) error {
	var answer *oauth2.RetrieveError
	switch {
	case !errors.As(err, &answer):
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("token endpoint: %w", err)
	case slices.Contains([]string{"invalid_grant", "bad_verification_code"}, answer.ErrorCode):
		return untrusted("the provider does not accept the code")
	}
	return fmt.Errorf("token endpoint: it answered %d %s", answer.Response.StatusCode, plain(answer.ErrorCode, 64))
}

// Present judges an id_token that an app got from the provider itself with
// nonce, and not before since; zero is any time that id_tokens last. Providers of
// plain OAuth 2.0 have none (oidc_id_token_unsupported). It returns as Arrive does.
func (p *Provider) Present(ctx context.Context, idToken, nonce string, since time.Time) (*Claims, error) {
	switch {
	case p.kind.oauth2:
		return nil, fail.New(fail.BadRequest, "oidc_id_token_unsupported", "The provider "+p.settings.ID+" has no id_tokens. Sign in through its page.")
	case nonce == "":
		return nil, fail.New(fail.BadRequest, "oidc_id_token_nonce_missing", "id_token_nonce must be the nonce that the id_token was asked for with.")
	}
	claims, err := p.verify(ctx, idToken, expected{nonce: nonce, audiences: append([]string{p.settings.ClientID}, p.settings.Audiences...)})
	if err != nil {
		return nil, p.told(err)
	}
	for _, name := range []string{"iat", "auth_time"} {
		if at, err := web.Instant(claims, name); err == nil && at.Add(tokenSkew).Before(since) {
			return nil, p.told(untrusted(name + " is before the person was asked to sign in again"))
		}
	}
	c, err := p.conclude(ctx, &grant{Tokens: Tokens{ID: idToken}}, maps.Clone(claims), claims, claims)
	return c, p.told(err)
}

// judged keeps what is a verdict already; anything else means that the provider
// could not be asked.
func (p *Provider) judged(ctx context.Context, err error) error {
	var denied *Denied
	var lie *Untrusted
	if errors.As(err, &denied) || errors.As(err, &lie) {
		return err
	}
	return unavailable(ctx, err)
}

// told logs what an operator has to know of.
func (p *Provider) told(err error) error {
	var lie *Untrusted
	if errors.As(err, &lie) {
		p.deps.Log.Warn("An answer of a provider was not believed.", "provider", p.settings.ID, "why", lie.Why)
	} else if f := fail.As(err); f != nil && f.Kind == fail.Upstream {
		p.deps.Log.Warn("A provider is unavailable.", "provider", p.settings.ID, "error", f.Err)
	}
	return err
}
