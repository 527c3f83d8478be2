package session

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// HeaderToken carries the session token of a client without cookies.
const HeaderToken = "X-Session-Token"

// ErrInactive is what a client without a live session is told.
var ErrInactive = fail.New(fail.Unauthenticated, "session_inactive", "No active session was found in this request.")

// HTTP is sessions as clients meet them.
type HTTP struct {
	Sessions *Manager
	Cookie   *web.SealedCookie
	View     Viewer

	// Cacheable lets services in front keep an answer of whoami for as long as
	// the session holds, at most CacheMaxAge where that is not zero. They learn
	// of its end no sooner then.
	Cacheable   bool
	CacheMaxAge time.Duration

	Origins *web.Origins // whose pages may end sessions by the cookie they hold

	// Tokenizers are the kinds of JWT whoami makes of a session, by name.
	Tokenizers map[string]*Tokenizer
}

// Mount adds the public routes. whoami answers any method, as the wire says.
func (h *HTTP) Mount(r *web.Router) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch} {
		r.Handle(method, "/sessions/whoami", h.whoami)
	}
	r.HandleFirst(http.MethodDelete, "/sessions/whoami", h.whoami)
	r.Handle(http.MethodGet, "/sessions", h.list)
	r.Handle(http.MethodDelete, "/sessions", h.endOthers)
	r.Handle(http.MethodDelete, "/sessions/:id", h.endOne)
	r.Handle(http.MethodGet, "/.well-known/jwks.json", h.keys)
}

// Current returns the request's live session, or ErrNotFound. A token counts
// in this order: X-Session-Token, cookie, Authorization: Bearer.
func (h *HTTP) Current(r *http.Request) (*Session, error) {
	token, _ := h.token(r)
	return h.Sessions.ByToken(r.Context(), token)
}

// token is what the request presents, empty for nothing, and where that is a
// cookie, when it expires.
func (h *HTTP) token(r *http.Request) (token string, expires time.Time) {
	if t := r.Header.Get(HeaderToken); t != "" {
		return t, expires
	}
	if t, expires, ok := h.Cookie.Read(r); ok {
		return t, expires
	}
	if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		return t, expires
	}
	return "", expires
}

// Required is Current for what only who is signed in may do.
func (h *HTTP) Required(r *http.Request) (*Session, error) {
	s, err := h.Current(r)
	return s, required(err)
}

func required(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrInactive
	}
	return err
}

func (h *HTTP) whoami(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	var tokenizer *Tokenizer
	if name := r.URL.Query().Get("tokenize_as"); name != "" {
		if tokenizer = h.Tokenizers[name]; tokenizer == nil {
			return fail.New(fail.BadRequest, "session_tokenizer_unknown", "No tokenizer template of that name is configured.")
		}
	}
	token, expires := h.token(r)
	s, err := h.Sessions.ByToken(r.Context(), token)
	if err != nil {
		return required(err)
	}
	now := h.Sessions.Now()
	view := h.View.Public(s, now)
	if tokenizer != nil {
		if view.Tokenized, err = tokenizer.Token(r.Context(), s, view, now); err != nil {
			return err
		}
	}
	// The cookie of a session that was extended would leave it too early.
	if !expires.IsZero() && !expires.Equal(s.ExpiresAt) && s.ExpiresAt.Sub(now) >= time.Second {
		if err := h.Cookie.Write(w, token, s.ExpiresAt); err != nil {
			return err
		}
	}
	h.cacheFor(w, s.ExpiresAt.Sub(now))
	w.Header().Set("X-Kratos-Authenticated-Identity-Id", s.IdentityID.String())
	web.JSON(w, http.StatusOK, view)
	return nil
}

// cacheFor says how long an answer about a session may be kept that holds for left.
func (h *HTTP) cacheFor(w http.ResponseWriter, left time.Duration) {
	if !h.Cacheable {
		return
	}
	if h.CacheMaxAge > 0 {
		left = min(left, h.CacheMaxAge)
	}
	w.Header().Set("Ory-Session-Cache-For", strconv.Itoa(int(left/time.Second)))
}

// keys answers what services verify tokens with.
func (h *HTTP) keys(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
	web.JSON(w, http.StatusOK, PublicKeys(h.Tokenizers))
	return nil
}

// list answers the other live sessions of who asks.
func (h *HTTP) list(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	s, err := h.Required(r)
	if err != nil {
		return err
	}
	active, now := true, h.Sessions.Now()
	found, err := numbered(w, r, h.Sessions.Store, Query{Identity: s.IdentityID, Except: s.ID, Active: &active, Now: now})
	if err != nil {
		return err
	}
	views := make([]View, len(found))
	for n, one := range found {
		views[n] = h.View.Public(one, now)
	}
	web.JSON(w, http.StatusOK, views)
	return nil
}

// numbered reads the page of q that is asked for by its number, and says in the
// answer's headers which one that is.
func numbered(w http.ResponseWriter, r *http.Request, store Store, q Query) ([]*Session, error) {
	total, err := store.CountSessions(r.Context(), q)
	if err != nil {
		return nil, err
	}
	page, size := web.Numbered(r.URL.Query(), total)
	q.Offset, q.Limit = page*size, size
	w.Header().Set("Link", web.NumberedLinks(r.URL, page, size, total))
	w.Header().Set("X-Total-Count", strconv.Itoa(total))
	return store.Sessions(r.Context(), q)
}

// acting is Required for what changes something. A browser presents its cookie
// whoever's page asks for that, so the page has to be one that is listed.
func (h *HTTP) acting(r *http.Request) (*Session, error) {
	if _, _, cookie := h.Cookie.Read(r); cookie && r.Header.Get(HeaderToken) == "" {
		if err := h.Origins.Check(r); err != nil {
			return nil, err
		}
	}
	return h.Required(r)
}

func (h *HTTP) endOthers(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	s, err := h.acting(r)
	if err != nil {
		return err
	}
	n, err := h.Sessions.EndAll(r.Context(), s.IdentityID, s.ID)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, map[string]int{"count": n})
	return nil
}

// endOne ends another session of who asks. Somebody else's is left alone and
// not told apart from none.
func (h *HTTP) endOne(w http.ResponseWriter, r *http.Request, p web.Params) error {
	s, err := h.acting(r)
	if err != nil {
		return err
	}
	id, err := uuid.FromString(p.ByName("id"))
	if err != nil {
		return fail.New(fail.BadRequest, "session_id_invalid", "The id of a session is a UUID.")
	}
	if id == s.ID {
		return fail.New(fail.BadRequest, "session_is_current", "The session in use is not ended here, but by logging out.")
	}
	if _, _, err := h.Sessions.EndSome(r.Context(), Selection{Sessions: []uuid.UUID{id}, Owner: s.IdentityID}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
