package identity

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// credentialTypes are all that the protocol knows; few of them are built.
var credentialTypes = []CredentialType{
	CredentialPassword, CredentialOIDC, CredentialCode, "saml", "totp", "lookup_secret", "webauthn", "passkey", "deviceauthn",
	"profile", "identifier_first", "link_recovery", "code_recovery",
}

// readIncluded reads which credentials are to be shown with what they hold.
func readIncluded(names []string) (included []CredentialType, err error) {
	for _, name := range names {
		t := CredentialType(name)
		if !slices.Contains(credentialTypes, t) {
			return nil, fail.New(fail.BadRequest, "credential_type_unknown", strconv.Quote(web.Clip(name))+" is no type of credentials.")
		}
		if !slices.Contains(included, t) {
			included = append(included, t)
		}
	}
	return included, nil
}

// view is an identity for an administrator, its credentials of the included types
// with what they hold.
func (h *HTTP) view(i *Identity, included []CredentialType) View {
	out := h.View.Admin(i)
	for _, c := range i.Credentials {
		if !slices.Contains(included, c.Type) {
			continue
		}
		shown := out.Credentials[string(c.Type)]
		if shown.Config = c.Config; c.Type == CredentialOIDC {
			shown.Config = encode(h.accounts(i))
		}
		out.Credentials[string(c.Type)] = shown
	}
	return out
}

// account is a Link as an administrator sees it.
type account struct {
	Subject      string  `json:"subject"`
	Provider     string  `json:"provider"`
	ID           string  `json:"initial_id_token"`
	Access       string  `json:"initial_access_token"`
	Refresh      string  `json:"initial_refresh_token"`
	Organization *string `json:"organization"`
}

// accounts are the links of i with their tokens opened. Tokens whose key is gone
// are left out.
func (h *HTTP) accounts(i *Identity) any {
	list := []account{}
	for _, l := range i.Links() {
		a := account{Subject: l.Subject, Provider: l.Provider}
		if l.Tokens != nil {
			a.ID, a.Access, a.Refresh = h.Tokens(l)
		}
		list = append(list, a)
	}
	return map[string]json.RawMessage{"providers": encode(list)}
}
