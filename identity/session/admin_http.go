package session

import (
	"errors"
	"net/http"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

// AdminHTTP is the admin API of sessions. Who may call it is decided before.
type AdminHTTP struct {
	Sessions *Manager
	View     Viewer
	Ring     *seal.Ring // seals page tokens
	// ShortExtend answers an extension without the session.
	ShortExtend bool
}

// Mount adds the routes, which all live under /admin.
func (h *AdminHTTP) Mount(r *web.Router) {
	r.Handle(http.MethodGet, "/admin/sessions", h.list)
	r.Handle(http.MethodPost, "/admin/sessions", h.manage)
	r.Handle(http.MethodGet, "/admin/sessions/:id", h.get)
	r.Handle(http.MethodDelete, "/admin/sessions/:id", h.disable)
	r.Handle(http.MethodPatch, "/admin/sessions/:id/extend", h.extend)
	r.Handle(http.MethodGet, "/admin/identities/:id/sessions", h.ofIdentity)
	r.Handle(http.MethodDelete, "/admin/identities/:id/sessions", h.deleteOfIdentity)
}

func (h *AdminHTTP) list(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	now := h.Sessions.Now()
	q, err := readPage(r.URL.Query(), h.Ring, now)
	if err != nil {
		return err
	}
	e, err := readExpansion(r.URL.Query())
	if err != nil {
		return err
	}
	size := q.Limit
	q.Limit++ // one more tells whether there is a next page
	found, err := h.Sessions.Store.Sessions(r.Context(), q)
	if err != nil {
		return err
	}
	found, err = web.Paged(w, r, found, size, func(last *Session) (string, error) {
		return web.PageToken(h.Ring, listName(q), web.Place{Created: last.IssuedAt, ID: last.ID}, now)
	})
	if err != nil {
		return err
	}
	h.answer(w, found, e)
	return nil
}

func (h *AdminHTTP) answer(w http.ResponseWriter, found []*Session, e Expansion) {
	now := h.Sessions.Now()
	views := make([]View, len(found))
	for n, s := range found {
		views[n] = h.View.Admin(s, now, e)
	}
	web.JSON(w, http.StatusOK, views)
}

func (h *AdminHTTP) get(w http.ResponseWriter, r *http.Request, p web.Params) error {
	e, err := readExpansion(r.URL.Query())
	if err != nil {
		return err
	}
	s, err := h.Sessions.Store.Session(r.Context(), sessionID(p))
	if err != nil {
		return notFound(err)
	}
	web.JSON(w, http.StatusOK, h.View.Admin(s, h.Sessions.Now(), e))
	return nil
}

func (h *AdminHTTP) disable(w http.ResponseWriter, r *http.Request, p web.Params) error {
	s, err := h.Sessions.Store.Session(r.Context(), sessionID(p))
	if err != nil {
		return notFound(err)
	}
	if err := h.Sessions.EndOne(r.Context(), s.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *AdminHTTP) extend(w http.ResponseWriter, r *http.Request, p web.Params) error {
	s, err := h.Sessions.Extend(r.Context(), sessionID(p))
	if err != nil {
		return notFound(err)
	}
	web.Concern(r.Context(), s.IdentityID)
	if h.ShortExtend {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	web.JSON(w, http.StatusOK, h.View.Admin(s, h.Sessions.Now(), everything))
	return nil
}

func (h *AdminHTTP) ofIdentity(w http.ResponseWriter, r *http.Request, p web.Params) error {
	id, err := identityID(p)
	if err != nil {
		return err
	}
	q := Query{Identity: id, Now: h.Sessions.Now()}
	if q.Active, err = readActive(r.URL.Query()); err != nil {
		return err
	}
	found, err := numbered(w, r, h.Sessions.Store, q)
	if err != nil {
		return err
	}
	h.answer(w, found, everything)
	return nil
}

func (h *AdminHTTP) deleteOfIdentity(w http.ResponseWriter, r *http.Request, p web.Params) error {
	id, err := identityID(p)
	if err != nil {
		return err
	}
	n, _, err := h.Sessions.EndSome(r.Context(), Selection{Identities: []uuid.UUID{id}, Delete: true})
	if err != nil {
		return err
	}
	if n == 0 {
		return notFound(ErrNotFound)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// manage ends many sessions at once.
func (h *AdminHTTP) manage(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	var in order
	if err := web.ReadAdmin(w, r, &in); err != nil {
		return err
	}
	sel, err := in.selection()
	if err != nil {
		return err
	}
	n, more, err := h.Sessions.EndSome(r.Context(), sel)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, map[string]any{"processed": n, "more": more})
	return nil
}

// sessionID is the id of the path; the zero one, which no session has, for
// what is no id.
func sessionID(p web.Params) uuid.UUID { return uuid.FromStringOrNil(p.ByName("id")) }

func identityID(p web.Params) (uuid.UUID, error) {
	id, err := uuid.FromString(p.ByName("id"))
	if err != nil || id == uuid.Nil {
		return uuid.Nil, fail.New(fail.BadRequest, "identity_id_invalid", "The id of an identity is a UUID.")
	}
	return id, nil
}

func notFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fail.New(fail.NotFound, "session_not_found", "There is no such session.")
	}
	return err
}
