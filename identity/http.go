package identity

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
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
	AdminURL   string // no slash at its end
}

const (
	defaultPageSize = 250
	maxPageSize     = 500
)

// Mount adds the routes, which all live under /admin.
func (h *HTTP) Mount(r *web.Router) {
	r.Handle(http.MethodGet, "/admin/identities", h.list)
	r.Handle(http.MethodPost, "/admin/identities", h.create)
	r.Handle(http.MethodGet, "/admin/identities/:id", h.get)
	r.Handle(http.MethodDelete, "/admin/identities/:id", h.delete)
}

func (h *HTTP) list(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	q, err := page(r.URL.Query())
	if err != nil {
		return err
	}
	if typed := r.URL.Query().Get("credentials_identifier"); typed != "" {
		q.Link = asLinkName(typed)
		if q.Identifier, err = CanonicalIdentifier(typed); err != nil && q.Link == "" {
			// What has no canonical form belongs to nobody.
			web.JSON(w, http.StatusOK, []View{})
			return nil
		}
	}
	size := q.Limit
	q.Limit++ // one more tells whether there is a next page
	found, err := h.Identities.Store.Identities(r.Context(), q)
	if err != nil {
		return err
	}
	found, err = web.Paged(w, r, found, size, func(last *Identity) (string, error) { return last.ID.String(), nil })
	if err != nil {
		return err
	}
	views := make([]View, len(found))
	for n, i := range found {
		views[n] = h.View.Admin(i)
	}
	web.JSON(w, http.StatusOK, views)
	return nil
}

// page reads the query of a list: keyset pages, the token being the last id.
func page(v url.Values) (Query, error) {
	var q Query
	for _, filter := range []string{"ids", "preview_credentials_identifier_similar", "organization_id", "include_credential"} {
		if v.Has(filter) {
			return q, fail.New(fail.BadRequest, "filter_unsupported", "The list cannot be asked with "+filter+" in this version.")
		}
	}
	var err error
	if q.Limit, err = web.PageSize(v, defaultPageSize, maxPageSize); err != nil {
		return q, err
	}
	if token := v.Get("page_token"); token != "" {
		id, err := uuid.FromString(token)
		if err != nil {
			return q, fail.New(fail.BadRequest, "page_token_invalid", "page_token is none that this list has given out.")
		}
		q.After = id
	}
	return q, nil
}

func (h *HTTP) get(w http.ResponseWriter, r *http.Request, p web.Params) error {
	id, err := identityID(p)
	if err != nil {
		return err
	}
	i, err := h.Identities.Store.Identity(r.Context(), id)
	if err != nil {
		return notFound(err)
	}
	web.JSON(w, http.StatusOK, h.View.Admin(i))
	return nil
}

func (h *HTTP) delete(w http.ResponseWriter, r *http.Request, p web.Params) error {
	id, err := identityID(p)
	if err != nil {
		return err
	}
	if err := h.Identities.Delete(r.Context(), id); err != nil {
		return notFound(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *HTTP) create(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	body, err := web.DecodeJSON(w, r, web.MaxAdminBody)
	if err != nil {
		return err
	}
	in, err := readNewIdentity(body.Fields)
	if err != nil {
		return err
	}
	i, err := h.draft(r.Context(), in)
	if err != nil {
		return err
	}
	err = h.Identities.Create(r.Context(), i)
	if errors.Is(err, ErrTaken) {
		return fail.New(fail.Conflict, "identity_exists", "An identity with one of these identifiers, addresses or this external_id exists already.")
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", h.AdminURL+"/identities/"+i.ID.String())
	web.JSON(w, http.StatusCreated, h.View.Admin(i))
	return nil
}

// draft makes the identity an administrator asked for, its password hashed.
func (h *HTTP) draft(ctx context.Context, in *newIdentity) (*Identity, error) {
	s := h.Identities.Schemas.Default()
	if in.schemaID != "" {
		if s = h.Identities.Schemas.Get(in.schemaID); s == nil {
			return nil, fail.New(fail.BadRequest, "identity_schema_unknown", "No identity schema is configured under the id that schema_id names.")
		}
	}
	if len(encode(in.traits)) > MaxTraits {
		return nil, ErrTraitsTooLarge
	}
	i, violations := h.Identities.Draft(s, in.traits)
	if len(violations) > 0 {
		return nil, invalid(violations)
	}
	i.ExternalID, i.MetadataPublic, i.MetadataAdmin = in.externalID, in.public, in.admin
	if in.state != "" {
		i.State = in.state
	}
	hashed, err := h.password(ctx, in)
	if err != nil {
		return nil, err
	}
	if hashed == "" {
		return i, nil
	}
	if len(i.identifiers) == 0 {
		return nil, fail.New(fail.BadRequest, "identifier_missing", "A password credential needs an identifier, and the traits have none.")
	}
	i.SetPassword(hashed)
	return i, nil
}

func (h *HTTP) password(ctx context.Context, in *newIdentity) (string, error) {
	if !in.hasPassword {
		return "", nil
	}
	if (in.password == "") == (in.hashedPassword == "") {
		return "", fail.New(fail.BadRequest, "credential_invalid", "credentials.password.config needs either password or hashed_password.")
	}
	if in.password != "" {
		return h.Passwords.Hash(ctx, []byte(in.password))
	}
	if err := h.Passwords.Accepts(in.hashedPassword); err != nil {
		reason := err.Error()
		if refused := fail.As(err); refused != nil {
			reason = refused.Reason
		}
		return "", fail.New(fail.BadRequest, "password_hash_unsupported", "credentials.password.config.hashed_password cannot be used: "+reason)
	}
	return in.hashedPassword, nil
}

// invalid tells an administrator everything the schema objects to.
func invalid(violations []schema.Violation) error {
	e := fail.New(fail.BadRequest, "traits_invalid", "The traits do not fit the identity schema; see details.")
	list := make([]map[string]any, len(violations))
	for n, v := range violations {
		list[n] = map[string]any{"path": v.Path, "keyword": v.Keyword, "context": v.Context}
	}
	e.Details = map[string]any{"violations": list}
	return e
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
