package cmd

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice/strategy/oidc"
	"github.com/foyer-id/foyer/selfservice/ui"
)

const (
	oidcKey      = "selfservice.methods.oidc."
	providersKey = oidcKey + "config.providers"
	redirectKey  = oidcKey + "config.base_redirect_uri"
)

// buildOIDC reads the method. Traits is the node group that passwords have theirs in.
func buildOIDC(s settings, publicURL, traits string) OIDC {
	o := OIDC{Enabled: s.flag(oidcKey + "enabled"), StoreTokens: s.flag(oidcKey + "config.store_tokens"), TraitGroup: ui.GroupOIDC}
	if traits == ui.GroupDefault && !s.flag("feature_flags.legacy_oidc_registration_node_group") {
		o.TraitGroup = traits
	}
	base := cmp.Or(strings.TrimRight(s.str(redirectKey), "/"), publicURL)
	for _, one := range s.list(providersKey) {
		o.Providers = append(o.Providers, buildProvider(one, base))
	}
	return o
}

func buildProvider(s settings, base string) Provider {
	p := Provider{MapperURL: s.str("mapper_url"), Settings: oidc.Settings{
		ID: s.str("id"), Kind: s.str("provider"), Label: s.str("label"), ClientID: s.str("client_id"), ClientSecret: s.str("client_secret"),
		IssuerURL: s.str("issuer_url"), AuthURL: s.str("auth_url"), TokenURL: s.str("token_url"), UserInfoURL: s.str("userinfo_url"),
		Scopes: s.strs("scope"), Audiences: s.strs("additional_id_token_audiences"), ClaimsSource: s.str("claims_source"), PKCE: s.str("pkce"),
		Mapping: buildMapping(s), AuthoritativeFor: s.strs("authoritative_for"), Linking: s.str("account_linking_mode"),
		UpdateOnLogin: s.str("update_identity_on_login") == "automatic", AAL2ACR: s.strs("aal2_acr_values"), AAL2AMR: s.strs("aal2_amr_values"),
		MicrosoftTenant: s.str("microsoft_tenant"), SubjectSource: s.str("subject_source"),
		AppleTeamID: s.str("apple_team_id"), AppleKeyID: s.str("apple_private_key_id"), ApplePrivateKey: s.str("apple_private_key"),
		RedirectBase: base, Upstream: append([]string{}, s.strs("upstream_parameters")...),
	}}
	if claims := s.at("requested_claims"); claims != nil {
		p.RequestedClaims, _ = json.Marshal(claims) // it was decoded, so it encodes
	}
	if p.MapperURL != "" {
		p.MapperName = web.DisplayURL(p.MapperURL)
	}
	return p
}

func buildMapping(s settings) *oidc.Mapping {
	if s.at("mapping") == nil {
		return nil
	}
	return &oidc.Mapping{Traits: s.words("mapping.traits"), MetadataPublic: s.words("mapping.metadata_public"), MetadataAdmin: s.words("mapping.metadata_admin")}
}
