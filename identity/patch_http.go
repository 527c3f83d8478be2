package identity

import (
	"net/http"

	"github.com/foyer-id/foyer/internal/web"
)

// changesAtOnce is how often a change is made anew on what somebody else has saved
// meanwhile. Each that fails lets another one through.
const changesAtOnce = 10

// patch changes parts of an identity.
func (h *HTTP) patch(w http.ResponseWriter, r *http.Request, p web.Params) error {
	if err := web.OnlyQuery(r.URL.Query()); err != nil {
		return err
	}
	list, err := web.DecodeArray(w, r, web.MaxAdminBody, "application/json-patch+json")
	if err != nil {
		return err
	}
	steps, err := readPatch(list)
	if err != nil {
		return err
	}
	after, err := h.save(r, p, changesAtOnce, func(before *Identity) (*Identity, error) {
		in, unlocked, err := h.patched(before, steps)
		if err != nil {
			return nil, err
		}
		after, err := h.become(r.Context(), before, in)
		if err == nil && unlocked {
			err = h.take(after, CredentialPassword, "")
		}
		return after, err
	})
	if err != nil {
		return err
	}
	h.answer(w, http.StatusOK, after, nil)
	return nil
}
