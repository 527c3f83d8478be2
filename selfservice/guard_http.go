package selfservice

import (
	"errors"
	"net/http"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// guard checks that a submit comes from the client that opened the flow: for
// browsers by cookie and token, and besides by where the page came from; for
// native clients by the absence of everything a browser sends. Whoever holds the
// session that the flow ended in may ask for its outcome again: the browser's
// CSRF secret was changed by that very outcome.
func (h *HTTP) guard(r *http.Request, f *Flow, s *session.Session, body *web.Body) error {
	if f.Native {
		return web.CheckNative(r)
	}
	if f.EndedIn(s) {
		return nil
	}
	if f.unbound() {
		return h.Origins.Check(r)
	}
	err := h.belongs(r, f, s)
	if err == nil {
		err = h.CSRF.Check(r, body.String(ui.NodeCSRF))
	}
	if err == nil {
		return h.Origins.Check(r)
	}
	return overtaken(f, s, err)
}

// overtaken is err, or where the browser has signed in meanwhile, which renewed its
// secret, that it has: the flow does nothing more.
func overtaken(f *Flow, s *session.Session, err error) error {
	if refused := kinds[f.Kind].admits(f, s); !f.Completed() && errors.Is(refused, ErrSessionAvailable) {
		return refused
	}
	return err
}

// bound checks that a flow is read by who it belongs to, or by the session it
// ended in, which came with a new CSRF secret.
func (h *HTTP) bound(r *http.Request, f *Flow) error {
	if f.Kind != Settings {
		if err := h.belongs(r, f, nil); err == nil || !f.Completed() {
			return err // most are told without looking for a session
		}
	}
	s, err := h.session(r)
	if err != nil {
		return err
	}
	if f.EndedIn(s) {
		return nil
	}
	return h.belongs(r, f, s)
}

// belongs checks that a flow is of the browser that opened it. Knowing the id of
// a native flow is enough, and of one that an operator opened for a person.
// Settings are of the session of who they belong to, which may be a later one:
// whoever had to sign in again goes on with what they had begun.
func (h *HTTP) belongs(r *http.Request, f *Flow, s *session.Session) error {
	switch {
	case f.Kind == Settings:
		return admitsOwner(f, s)
	case f.Native || f.unbound():
		return nil
	}
	return h.CSRF.CheckBinding(r, f.Binding)
}

// csrf returns the masked token for a flow's form, different at every answer.
func (h *HTTP) csrf(r *http.Request, f *Flow) string {
	if f.Native {
		return ""
	}
	return web.Mask(h.CSRF.Secret(r))
}
