package identity

import (
	"context"
	"errors"
	"net/http"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/schema"
)

// Passwords hashes and judges password hashes for the admin API.
type Passwords interface {
	Hash(ctx context.Context, password []byte) (string, error)
	// Accepts returns why a foreign hash cannot be verified, or nil.
	Accepts(encoded string) error
}

// HTTP is the admin API of identities. Who may call it is decided before.
type HTTP struct {
	Identities *Manager
	Passwords  Passwords
	View       Viewer
	AdminURL   string     // no slash at its end
	Ring       *seal.Ring // seals page tokens
	// Tokens opens what a provider gave with an account, empty where that cannot be.
	Tokens func(l Link) (id, access, refresh string)
	// EndSessions ends all that an identity has, in the transaction in ctx.
	EndSessions func(ctx context.Context, identityID uuid.UUID) error
	// Passwordless says that a code to an address signs in.
	Passwordless bool
}

// Mount adds the routes, which all live under /admin.
func (h *HTTP) Mount(r *web.Router) {
	r.Handle(http.MethodGet, "/admin/identities", h.list)
	r.Handle(http.MethodPost, "/admin/identities", h.create)
	r.Handle(http.MethodPatch, "/admin/identities", h.batch)
	r.Handle(http.MethodGet, "/admin/identities/:id", h.get)
	r.Handle(http.MethodPut, "/admin/identities/:id", h.update)
	r.Handle(http.MethodPatch, "/admin/identities/:id", h.patch)
	r.Handle(http.MethodDelete, "/admin/identities/:id", h.delete)
	r.Handle(http.MethodDelete, "/admin/identities/:id/credentials/:type", h.deleteCredential)
	r.HandleFirst(http.MethodGet, "/admin/identities/by/external/:externalID", h.getByExternalID)
}

func (h *HTTP) get(w http.ResponseWriter, r *http.Request, p web.Params) error {
	id, err := identityID(p)
	if err != nil {
		return err
	}
	return h.show(w, r, func(ctx context.Context) (*Identity, error) { return h.Identities.Store.Identity(ctx, id) })
}

func (h *HTTP) getByExternalID(w http.ResponseWriter, r *http.Request, p web.Params) error {
	return h.show(w, r, func(ctx context.Context) (*Identity, error) {
		return h.Identities.Store.ByExternalID(ctx, p.ByName("externalID"))
	})
}

func (h *HTTP) show(w http.ResponseWriter, r *http.Request, read func(context.Context) (*Identity, error)) error {
	query := r.URL.Query()
	if err := web.OnlyQuery(query, "include_credential"); err != nil {
		return err
	}
	included, err := readIncluded(query["include_credential"])
	if err != nil {
		return err
	}
	i, err := read(r.Context())
	if err != nil {
		return notFound(err)
	}
	h.answer(w, http.StatusOK, i, included)
	return nil
}

// answer shows one identity, and by ETag which revision of it.
func (h *HTTP) answer(w http.ResponseWriter, status int, i *Identity, included []CredentialType) {
	w.Header().Set("ETag", web.ETag(i.Rev))
	web.JSON(w, status, h.view(i, included))
}

// invalid tells an administrator everything the schema objects to.
func invalid(violations []schema.Violation) error {
	e := fail.New(fail.BadRequest, "traits_invalid", "The traits do not fit the identity schema; see details.")
	e.Details = told(violations)
	return e
}

func told(violations []schema.Violation) map[string]any {
	list := make([]map[string]any, len(violations))
	for n, v := range violations {
		list[n] = map[string]any{"path": v.Path, "keyword": v.Keyword, "context": v.Context}
	}
	return map[string]any{"violations": list}
}

func identityID(p web.Params) (uuid.UUID, error) {
	id, err := uuid.FromString(p.ByName("id"))
	if err != nil {
		return id, notFound(ErrNotFound)
	}
	return id, nil
}

func notFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fail.New(fail.NotFound, "identity_not_found", "There is no identity with this id.")
	}
	return err
}
