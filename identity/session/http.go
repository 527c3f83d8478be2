package session

import (
	"errors"
	"net/http"
	"strings"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// HeaderToken carries the session token of a client without cookies.
const HeaderToken = "X-Session-Token"

// HTTP is sessions as clients meet them.
type HTTP struct {
	Sessions *Manager
	Cookie   *web.SealedCookie
	View     Viewer
}

// Mount adds the public routes. whoami answers any method, as the wire says.
func (h *HTTP) Mount(r *web.Router) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		r.Handle(method, "/sessions/whoami", h.whoami)
	}
}

// Current returns the request's live session, or ErrNotFound. A token counts
// in this order: X-Session-Token, cookie, Authorization: Bearer.
func (h *HTTP) Current(r *http.Request) (*Session, error) {
	token := h.token(r)
	if token == "" {
		return nil, ErrNotFound
	}
	return h.Sessions.ByToken(r.Context(), token)
}

func (h *HTTP) token(r *http.Request) string {
	if t := r.Header.Get(HeaderToken); t != "" {
		return t
	}
	if t, _, ok := h.Cookie.Read(r); ok {
		return t
	}
	if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		return t
	}
	return ""
}

func (h *HTTP) whoami(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	if r.URL.Query().Get("tokenize_as") != "" {
		return fail.New(fail.BadRequest, "session_tokenizer_unknown", "No tokenizer template of that name is configured.")
	}
	s, err := h.Current(r)
	if errors.Is(err, ErrNotFound) {
		return fail.New(fail.Unauthenticated, "session_inactive", "No active session was found in this request.")
	}
	if err != nil {
		return err
	}
	w.Header().Set("X-Kratos-Authenticated-Identity-Id", s.IdentityID.String())
	web.JSON(w, http.StatusOK, h.View.Public(s, h.Sessions.Now()))
	return nil
}
