package selfservice

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// Logout is signing out. It is no flow: a browser asks for a link and follows
// it, an app says which session is to end. Either is answered once no server
// accepts the session any more.
type Logout struct {
	Flows            *HTTP
	ReturnURL        string // where a browser goes that asks for no other place; "" for the default of all flows
	ClearBrowserData bool   // on https, browsers are asked to drop what they keep of the site
}

// Mount adds the public routes.
func (l *Logout) Mount(r *web.Router) {
	r.Handle(http.MethodGet, "/self-service/logout/browser", func(w http.ResponseWriter, r *http.Request, _ web.Params) error {
		return l.Flows.forward(w, r, "", l.link(w, r))
	})
	r.Handle(http.MethodGet, "/self-service/logout", func(w http.ResponseWriter, r *http.Request, _ web.Params) error {
		if ahead(r) {
			// Not the page for errors, which a browser would show whoever follows later.
			return fail.New(fail.BadRequest, "logout_not_followed", "The link signs out who follows it. HEAD and fetching ahead do not.")
		}
		return l.Flows.forward(w, r, "", l.browser(w, r))
	})
	r.Handle(http.MethodDelete, "/self-service/logout/api", l.native)
}

// link answers the link that signs this browser out.
func (l *Logout) link(w http.ResponseWriter, r *http.Request) error {
	s, err := l.Flows.Sessions.Required(r)
	if err != nil {
		return err
	}
	token := l.Flows.Sessions.Sessions.LogoutToken(s)
	q := url.Values{"token": {token}}
	if to := r.URL.Query().Get("return_to"); to != "" {
		if _, err := l.Flows.Engine.Return.Check(to); err != nil {
			return err
		}
		q.Set("return_to", to)
	}
	web.JSON(w, http.StatusOK, map[string]string{
		"logout_url": l.Flows.Engine.PublicURL + "/self-service/logout?" + q.Encode(), "logout_token": token,
	})
	return nil
}

// browser ends the session of who follows the link. The token keeps pages of
// others from signing people out.
func (l *Logout) browser(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	if token == "" {
		return fail.New(fail.BadRequest, "logout_token_missing", "The query parameter token is missing; GET /self-service/logout/browser makes one.")
	}
	s, err := l.Flows.Sessions.Required(r)
	if err != nil {
		return err
	}
	if !l.Flows.Sessions.Sessions.EndsBy(s, token) {
		return fail.New(fail.Forbidden, "logout_token_invalid", "The logout token is not one of this session.")
	}
	to, err := l.destination(r)
	if err != nil {
		return err
	}
	if err := l.Flows.Sessions.Sessions.EndOne(r.Context(), s.ID); err != nil {
		return err
	}
	l.Flows.Sessions.Cookie.Clear(w)
	l.Flows.CSRF.Rotate(w)
	if l.ClearBrowserData && strings.HasPrefix(l.Flows.Engine.PublicURL, "https://") {
		w.Header().Set("Clear-Site-Data", `"cache", "cookies", "storage"`)
	}
	if web.WantsJSON(r) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	web.Redirect(w, r, to)
	return nil
}

// ahead reports whether a request only looks where a link leads: a browser that
// fetches it before somebody follows it, or a HEAD.
func ahead(r *http.Request) bool {
	purpose := cmp.Or(r.Header.Get("Sec-Purpose"), r.Header.Get("Purpose"))
	return r.Method == http.MethodHead || strings.HasPrefix(strings.ToLower(purpose), "prefetch")
}

func (l *Logout) destination(r *http.Request) (string, error) {
	back := l.Flows.Engine.Return
	if to := r.URL.Query().Get("return_to"); to != "" {
		return back.Check(to)
	}
	return cmp.Or(l.ReturnURL, back.Default()), nil
}

// native ends the session of a token that the body names.
func (l *Logout) native(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	body, err := web.DecodeJSON(w, r, maxBody)
	if err != nil {
		return err
	}
	err = l.Flows.Sessions.Sessions.End(r.Context(), body.String("session_token"))
	if errors.Is(err, session.ErrNotFound) {
		return fail.New(fail.Forbidden, "session_token_unknown", "No active session belongs to session_token.")
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
