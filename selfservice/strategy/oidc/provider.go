package oidc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/foyer-id/foyer/internal/jsonnet"
	"github.com/foyer-id/foyer/internal/web"
)

// Evaluator runs Jsonnet; *jsonnet.Pool is one.
type Evaluator interface {
	Evaluate(ctx context.Context, program jsonnet.Program) (json.RawMessage, error)
}

// Deps is what all providers share.
type Deps struct {
	Do        Do        // sends what providers are asked
	Evaluator Evaluator // of Settings.Mapper
	Now       func() time.Time
	Log       *slog.Logger // required; of answers that were not believed and providers that failed; no tokens, no claims
}

// Provider is one provider, ready to be used by many at once. What it has learnt
// of the other side it keeps for as long as it lives.
type Provider struct {
	settings Settings
	deps     Deps
	kind     kind
	metadata *web.Kept[metadata]
	keys     *web.Kept[web.KeySet]
}

var upstreamDefault = []string{"hd", "prompt", "auth_type", "acr_values"}

// New makes a provider without asking anybody. Its error joins a *web.KeyError
// for each setting that cannot stand, with keys below providers.N.
func New(s Settings, d Deps) (*Provider, error) {
	var faults []error
	refuse := func(key, why string) { faults = append(faults, &web.KeyError{Key: key, Reason: why}) }
	k, ok := kinds[s.Kind]
	if !ok {
		refuse("provider", cmp.Or(unsupported[s.Kind], "expected one of "+strings.Join(Kinds(), ", ")))
	}
	if k.prepare != nil {
		k.prepare(&k, &s, refuse)
	}
	if strings.Contains(s.IssuerURL, "/.well-known/") {
		refuse("issuer_url", "is where the discovery document lies; the issuer is what stands before /.well-known/")
	}
	if !k.oauth2 && ok {
		k.issuer = cmp.Or(k.issuer, s.IssuerURL)
		checkURL(refuse, "issuer_url", k.issuer, true)
	}
	if k.oauth2 && s.AuthURL != "" {
		k.issuer = "" // it is another installation
	}
	k.auth, k.token, k.userinfo = cmp.Or(s.AuthURL, k.auth), cmp.Or(s.TokenURL, k.token), cmp.Or(s.UserInfoURL, k.userinfo)
	checkURL(refuse, "auth_url", k.auth, k.oauth2)
	checkURL(refuse, "token_url", k.token, k.oauth2)
	checkURL(refuse, "userinfo_url", k.userinfo, k.oauth2 && k.read == nil)
	s.check(refuse)
	if s.Upstream == nil {
		s.Upstream = upstreamDefault
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if k.noPKCE && s.PKCE != PKCEForce {
		s.PKCE = PKCENever
	}
	p := &Provider{settings: s, deps: d, kind: k}
	p.metadata = &web.Kept[metadata]{Now: d.Now, Fetch: p.discover}
	p.keys = &web.Kept[web.KeySet]{Now: d.Now, Fetch: p.fetchKeys}
	return p, nil
}

// checkURL refuses what no provider can be found at.
func checkURL(refuse func(key, why string), key, raw string, required bool) {
	u, err := url.Parse(raw)
	switch {
	case raw == "" && required:
		refuse(key, "required, but missing")
	case raw == "":
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		refuse(key, "expected an absolute https URL without user and fragment")
	}
}

// own are parameters of the authorization request that are not for others.
var own = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "claims", "code_challenge",
	"code_challenge_method", "request", "request_uri", "registration",
}

func (s *Settings) check(refuse func(key, why string)) {
	if s.ClientSecret != strings.TrimSpace(s.ClientSecret) {
		refuse("client_secret", "begins or ends with white space, such as the end of the line of a file")
	}
	oneOf := func(key, value string, values ...string) {
		if value != "" && !slices.Contains(values, value) {
			refuse(key, "expected one of "+strings.Join(values, ", "))
		}
	}
	if s.ID == "" {
		refuse("id", "required, but missing")
	}
	if s.ClientID == "" {
		refuse("client_id", "required, but missing")
	}
	oneOf("claims_source", s.ClaimsSource, SourceIDToken, SourceUserInfo)
	oneOf("account_linking_mode", s.Linking, LinkConfirm, LinkBothVerified, LinkAutomatic)
	oneOf("pkce", s.PKCE, PKCEAuto, PKCEForce, PKCENever)
	if len(s.RequestedClaims) > 0 {
		if _, err := web.ParseObject(s.RequestedClaims); err != nil {
			refuse("requested_claims", "expected an object")
		}
	}
	s.checkDomains(refuse)
	switch {
	case s.Mapping != nil && s.Mapper != "":
		refuse("mapping", "stands beside mapper_url, but only one of them can make a person")
	case s.Mapping != nil:
		s.Mapping.check(refuse)
	}
	for _, name := range s.Upstream {
		if slices.Contains(own, name) {
			refuse("upstream_parameters", name+" is not for others to set")
		}
	}
}

// issues reports whether the provider is an issuer, as far as that is known before
// it has said anything.
func (p *Provider) issues(issuer string) bool {
	switch {
	case p.kind.issued != nil:
		return true
	case p.kind.oauth2:
		return issuer == cmp.Or(p.kind.issuer, origin(p.kind.auth))
	}
	return issuer == p.kind.issuer
}

// ID is the provider's id on the wire.
func (p *Provider) ID() string { return p.settings.ID }

// Label is what its button says.
func (p *Provider) Label() string { return cmp.Or(p.settings.Label, p.settings.ID) }

// RedirectURI is where the provider sends people back to, and what an operator
// registers there. Each provider has its own but for those with PKCEForce.
func (p *Provider) RedirectURI() string {
	callback := p.settings.RedirectBase + "/self-service/methods/oidc/callback"
	if p.settings.PKCE == PKCEForce {
		return callback
	}
	return callback + "/" + url.PathEscape(p.settings.ID)
}
