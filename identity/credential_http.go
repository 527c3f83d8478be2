package identity

import (
	"net/http"
	"slices"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// deleteCredential takes one credential from an identity.
func (h *HTTP) deleteCredential(w http.ResponseWriter, r *http.Request, p web.Params) error {
	types, err := readIncluded([]string{p.ByName("type")})
	if err != nil {
		return err
	}
	t, account := types[0], ""
	if t == CredentialOIDC {
		account = r.URL.Query().Get("identifier")
		if err = web.OnlyQuery(r.URL.Query(), "identifier"); err == nil && account == "" {
			err = fail.New(fail.BadRequest, "credential_identifier_missing", "identifier says which account is meant, as provider:subject.")
		}
	} else {
		err = web.OnlyQuery(r.URL.Query())
	}
	if err != nil {
		return err
	}
	_, err = h.save(r, p, changesAtOnce, func(before *Identity) (*Identity, error) {
		after := h.Identities.Copy(before)
		return after, h.take(after, t, account)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// take takes a credential from i, a copy, or of the accounts with providers one.
func (h *HTTP) take(i *Identity, t CredentialType, account string) error {
	firstFactor := t == CredentialPassword || t == CredentialOIDC
	switch {
	case !firstFactor && t != "totp" && t != "lookup_secret" && t != "webauthn":
		return fail.New(fail.BadRequest, "credential_not_removable", "Credentials of this type follow from the traits, or cannot be taken in this version.")
	case i.credential(t).Version < 0 || t == CredentialOIDC && !i.SignsIn(t, account):
		return fail.New(fail.NotFound, "credential_not_found", "The identity has no such credential.")
	case firstFactor && h.waysIn(i) < 2:
		return fail.New(fail.BadRequest, "credential_last", "It is the only way to sign in that the identity has.")
	case t == CredentialOIDC:
		i.unlinkAccount(account)
	default:
		i.Credentials = slices.DeleteFunc(i.Credentials, func(c Credential) bool { return c.Type == t })
	}
	return nil
}

// waysIn counts by how many credentials i can sign in.
func (h *HTTP) waysIn(i *Identity) int {
	n := len(i.Links())
	if i.Password() != "" {
		n++
	}
	if h.Passwordless && len(i.credential(CredentialCode).Identifiers) > 0 {
		n++
	}
	return n
}
