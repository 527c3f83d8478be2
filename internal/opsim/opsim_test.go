package opsim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/foyer-id/foyer/internal/opsim"
)

func start(t *testing.T, c opsim.Config) *opsim.Provider {
	t.Helper()
	p, err := opsim.Start(c)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// client is what a careful client knows of a provider.
type client struct {
	oauth2.Config
	provider *oidc.Provider
}

const callback = "http://127.0.0.1:1/callback/sim"

func discover(p *opsim.Provider) (*client, error) {
	provider, err := oidc.NewProvider(context.Background(), p.Issuer())
	if err != nil {
		return nil, err
	}
	at := provider.Endpoint()
	at.AuthStyle = oauth2.AuthStyleInHeader // otherwise a refused code is tried twice
	return &client{provider: provider, Config: oauth2.Config{
		ClientID: opsim.ClientID, ClientSecret: opsim.ClientSecret, RedirectURL: callback, Endpoint: at, Scopes: []string{"openid", "email"},
	}}, nil
}

// signIn makes the whole trip and returns the claims.
func signIn(p *opsim.Provider, more ...oauth2.AuthCodeOption) (map[string]any, error) {
	c, err := discover(p)
	if err != nil {
		return nil, err
	}
	verifier := oauth2.GenerateVerifier()
	back, err := p.Approve(c.AuthCodeURL("a state", append(more, oauth2.S256ChallengeOption(verifier), oidc.Nonce("a nonce"))...))
	if err != nil {
		return nil, err
	}
	if back.Values.Get("state") != "a state" || back.Values.Get("iss") != p.Issuer() || len(back.Values["iss"]) != 1 || back.Values.Has("error") {
		return nil, fmt.Errorf("came back with %v", back.Values)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	token, err := c.Exchange(ctx, back.Values.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := c.provider.VerifierContext(ctx, &oidc.Config{ClientID: opsim.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	claims := map[string]any{}
	if err := idToken.Claims(&claims); err != nil {
		return nil, err
	}
	if claims["nonce"] != "a nonce" {
		return nil, fmt.Errorf("the nonce is %v", claims["nonce"])
	}
	if idToken.AccessTokenHash != "" {
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, err
		}
	}
	info, err := c.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, err
	}
	if info.Subject != idToken.Subject {
		return nil, fmt.Errorf("userinfo is about %q", info.Subject)
	}
	return claims, info.Claims(&claims)
}

func TestHonest(t *testing.T) {
	for _, c := range []opsim.Config{{}, {Alg: "ES256"}, {Alg: "EdDSA"}, {Lean: true}, {Path: "/tenants/one"}} {
		p := start(t, c)
		for range 2 {
			claims, err := signIn(p)
			require.NoError(t, err, "%+v", c)
			require.Equal(t, "ada", claims["sub"])
			require.Equal(t, true, claims["email_verified"])
			require.NoError(t, p.Rotate(false))
		}
		p.SetPerson(opsim.Eve)
		claims, err := signIn(p)
		require.NoError(t, err)
		require.Equal(t, "eve@example.com", claims["email"])
		require.Empty(t, p.Faults())
		require.Len(t, p.Requests(opsim.Token), 3)
		require.Len(t, p.Requests(opsim.Authorize), 3)
		require.Equal(t, "a nonce", p.Requests(opsim.Authorize)[0].Values.Get("nonce"))
	}
}

func TestFormPost(t *testing.T) {
	p := start(t, opsim.Config{})
	c, err := discover(p)
	require.NoError(t, err)
	back, err := p.Approve(c.AuthCodeURL(`"><state&`, oauth2.SetAuthURLParam("response_mode", "form_post")))
	require.NoError(t, err)
	require.True(t, back.Post)
	require.Equal(t, callback, back.To.String())
	require.Equal(t, `"><state&`, back.Values.Get("state"))
	require.NotEmpty(t, back.Values.Get("code"))
}

func TestMint(t *testing.T) {
	p := start(t, opsim.Config{})
	c, err := discover(p)
	require.NoError(t, err)
	verify := c.provider.Verifier(&oidc.Config{ClientID: "app"})
	token, err := verify.Verify(t.Context(), p.Mint("app", "n"))
	require.NoError(t, err)
	require.Equal(t, "n", token.Nonce)
	p.SetLie(opsim.Named("aud_other"))
	_, err = verify.Verify(t.Context(), p.Mint("app", "n"))
	require.ErrorContains(t, err, "audience")
}

// What a client does wrong is refused and counted, by name.
func TestFaults(t *testing.T) {
	for fault, do := range map[string]func(*testing.T, *opsim.Provider, *client){
		opsim.NoChallenge: func(t *testing.T, p *opsim.Provider, c *client) {
			_, err := p.Approve(c.AuthCodeURL("s", oidc.Nonce("n")))
			require.NoError(t, err, "an older provider would not mind")
		},
		opsim.NoNonce: func(t *testing.T, p *opsim.Provider, c *client) {
			_, err := p.Approve(c.AuthCodeURL("s", oauth2.S256ChallengeOption("v")))
			require.NoError(t, err)
		},
		opsim.NoState: func(t *testing.T, p *opsim.Provider, c *client) {
			_, err := p.Approve(c.AuthCodeURL("", oauth2.S256ChallengeOption("v"), oidc.Nonce("n")))
			require.NoError(t, err)
		},
		opsim.UnknownClient: func(t *testing.T, p *opsim.Provider, c *client) {
			c.ClientSecret = "wrong"
			_, err := c.Exchange(t.Context(), code(t, p, c), oauth2.VerifierOption("v"))
			require.ErrorContains(t, err, "invalid_client")
		},
		opsim.ForeignCode: func(t *testing.T, p *opsim.Provider, c *client) {
			_, err := c.Exchange(t.Context(), "of another provider", oauth2.VerifierOption("v"))
			require.ErrorContains(t, err, "invalid_grant")
		},
		opsim.SpentCode: func(t *testing.T, p *opsim.Provider, c *client) {
			once := code(t, p, c)
			_, err := c.Exchange(t.Context(), once, oauth2.VerifierOption("v"))
			require.NoError(t, err)
			_, err = c.Exchange(t.Context(), once, oauth2.VerifierOption("v"))
			require.ErrorContains(t, err, "invalid_grant")
		},
		opsim.OtherRedirect: func(t *testing.T, p *opsim.Provider, c *client) {
			given := code(t, p, c)
			c.RedirectURL += "2"
			_, err := c.Exchange(t.Context(), given, oauth2.VerifierOption("v"))
			require.ErrorContains(t, err, "invalid_grant")
		},
		opsim.WrongVerifier: func(t *testing.T, p *opsim.Provider, c *client) {
			_, err := c.Exchange(t.Context(), code(t, p, c))
			require.ErrorContains(t, err, "invalid_grant")
		},
		opsim.ForeignAccess: func(t *testing.T, p *opsim.Provider, c *client) {
			_, err := c.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "of nobody"}))
			require.ErrorContains(t, err, "401")
		},
		opsim.FollowedNowhere: func(t *testing.T, p *opsim.Provider, c *client) {
			p.SetLie(opsim.Named("discovery_redirect"))
			_, err := discover(p)
			require.Error(t, err)
		},
	} {
		p := start(t, opsim.Config{})
		c, err := discover(p)
		require.NoError(t, err)
		do(t, p, c)
		require.Equal(t, []string{fault}, p.Faults())
	}
	p := start(t, opsim.Config{})
	_, err := p.Approve(p.URL(opsim.Authorize) + "?client_id=nobody&redirect_uri=" + url.QueryEscape(callback))
	require.ErrorContains(t, err, "400", "a stranger is not sent anywhere")
	require.Equal(t, []string{opsim.UnknownClient}, p.Faults())
}

func code(t *testing.T, p *opsim.Provider, c *client) string {
	t.Helper()
	back, err := p.Approve(c.AuthCodeURL("s", oauth2.S256ChallengeOption("v"), oidc.Nonce("n")))
	require.NoError(t, err)
	return back.Values.Get("code")
}

func TestCodesExpire(t *testing.T) {
	now := time.Now()
	p := start(t, opsim.Config{Now: func() time.Time { return now }})
	c, err := discover(p)
	require.NoError(t, err)
	given := code(t, p, c)
	now = now.Add(time.Minute)
	_, err = c.Exchange(t.Context(), given, oauth2.VerifierOption("v"))
	require.ErrorContains(t, err, "invalid_grant")
}

// Every lie is one thing, and is heard by whoever listens where it is told.
func TestLies(t *testing.T) {
	names := map[string]bool{}
	count := map[opsim.Outcome]int{}
	for _, l := range opsim.Lies {
		require.False(t, names[l.Name], "%s is there twice", l.Name)
		names[l.Name] = true
		require.NotEmpty(t, l.What, l.Name)
		require.NotZero(t, l.Ways, l.Name)
		count[l.Outcome]++
		ways := 0
		for _, set := range []bool{l.JWT != nil, l.Payload != nil, l.Signed != nil, l.Redirect != nil, l.Document != nil, l.Answer != nil} {
			if set {
				ways++
			}
		}
		require.Equal(t, 1, ways, "%s is one thing", l.Name)
		require.Equal(t, l.Document != nil || l.Answer != nil, l.At != "", l.Name)
		require.Equal(t, l.At == opsim.UserInfo, l.Claims, l.Name)
	}
	require.GreaterOrEqual(t, count[opsim.Refused]+count[opsim.Down]+count[opsim.Unproved], 45)
	require.GreaterOrEqual(t, count[opsim.Accepted], 15)
	t.Logf("%v", count)
	require.Panics(t, func() { opsim.Named("none") })
}

// A client of two libraries refuses most lies, accepts every good variant, and
// accepts what the libraries do not look for, because all else is right about it.
func TestAgainstALibrary(t *testing.T) {
	for _, l := range opsim.Lies {
		if l.Ways&opsim.Code == 0 || strings.HasSuffix(l.Name, "_endless") {
			continue
		}
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			p := start(t, opsim.Config{})
			p.SetLie(l)
			if strings.HasSuffix(l.Name, "_slow") {
				require.True(t, hangs(t, p.URL(l.At)))
				return
			}
			claims, err := signIn(p)
			switch {
			case l.Outcome == opsim.Accepted:
				require.NoError(t, err)
			case lenient[l.Name]:
				require.NoError(t, err, "all else is right")
			case l.Outcome == opsim.Refused:
				require.Error(t, err, "%v", claims["sub"])
			}
		})
	}
}

// lenient are lies that the libraries do not look for.
var lenient = map[string]bool{
	"aud_several_azp_other": true, "aud_several_no_azp": true, "azp_other": true, "iat_future": true, "iat_missing": true,
	"case_aud": true, "case_exp": true, "case_iss": true, "case_sub": true, "twice_aud": true, "twice_email": true, "twice_email_verified": true, "email_verified_case": true,
	"payload_deep": true, "userinfo_email_missing": true,
	"email_list": true, "email_newline": true, "email_rubbish": true,
	"jwks_other_alg": true, "jws_as_json": true,
}

func hangs(t *testing.T, at string) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		res.Body.Close()
	}
	return err != nil && ctx.Err() != nil
}
