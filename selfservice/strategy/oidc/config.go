package oidc

import (
	"encoding/json"
)

// Where claims come from first, as Settings.ClaimsSource says.
const (
	SourceIDToken  = "id_token"
	SourceUserInfo = "userinfo"
)

// When a PKCE challenge is sent, as Settings.PKCE says.
const (
	PKCEAuto  = "auto"
	PKCEForce = "force"
	PKCENever = "never"
)

// What becomes of a sign-up whose address somebody has, as Settings.Linking says.
const (
	LinkConfirm      = "confirm_with_existing_credential"
	LinkBothVerified = "both_verified"
	LinkAutomatic    = "automatic" // is LinkBothVerified here
)

// Settings is one provider as an operator configures it. Texts are as in the
// configuration; empty ones mean the default.
type Settings struct {
	ID           string // on the wire, and part of what a person is known by: it must never change
	Kind         string // one of Kinds
	Label        string // on the button; empty is ID
	ClientID     string
	ClientSecret string // empty for a public client, and for kinds that make theirs

	IssuerURL string // where kinds have no fixed one

	// AuthURL, TokenURL and UserInfoURL stand above the kind's own and above
	// discovery. Keys of id_tokens always come from discovery.
	AuthURL, TokenURL, UserInfoURL string

	Scopes          []string        // nil is the kind's; "openid" is added where it is needed
	RequestedClaims json.RawMessage // the claims parameter of OpenID Connect, an object; nil is none
	Audiences       []string        // additional client ids an id_token from an app may be made for
	ClaimsSource    string          // SourceIDToken (default) or SourceUserInfo
	PKCE            string          // PKCEAuto (default: always S256), PKCEForce (and one callback for all providers), PKCENever

	Mapper     string   // Jsonnet source, or else
	MapperName string   // the name Mapper has in errors
	Mapping    *Mapping // a mapping that needs no Jsonnet

	AuthoritativeFor []string // domains of e-mail addresses whose proof by this provider counts; "*" is all, none none
	Linking          string   // LinkConfirm (default), LinkBothVerified or LinkAutomatic
	UpdateOnLogin    bool

	// AAL2ACR and AAL2AMR are values of acr and amr in an id_token by which its
	// sign-in counts as one with two factors.
	AAL2ACR, AAL2AMR []string

	MicrosoftTenant string // of microsoft
	SubjectSource   string // of microsoft: userinfo (default), me or oid

	AppleTeamID, AppleKeyID string // of apple
	ApplePrivateKey         string // of apple: PEM of the ES256 key that signs client secrets

	RedirectBase string // what the callback URL begins with, no slash at its end

	// Upstream are the upstream_parameters that are passed on; nil is hd, prompt,
	// auth_type and acr_values, an empty list none.
	Upstream []string
}
