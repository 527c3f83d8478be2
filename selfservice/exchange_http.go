package selfservice

import (
	"net/http"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// exchanged is the session that an app gets for its codes.
type exchanged struct {
	SessionToken string       `json:"session_token"`
	Session      session.View `json:"session"`
	Foyer        foyerView    `json:"foyer"`
}

// exchange gives an app the session that a browser has brought home for it, or
// with status 422 the flow in which something is left to do.
func (h *HTTP) exchange(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	q := r.URL.Query()
	code, returned := q.Get("init_code"), q.Get("return_to_code")
	if code == "" || returned == "" || r.Method != http.MethodGet {
		return fail.New(fail.BadRequest, "session_token_exchange_codes_missing", "The parameters init_code and return_to_code are required.")
	}
	s, unfinished, err := h.Engine.Exchange(r.Context(), code, returned, &Input{
		Request: h.request(r, web.RequestURL(r, h.Engine.PublicURL)), Device: h.device(r),
	})
	switch {
	case err != nil:
		return h.explain(err, true)
	case unfinished != nil:
		web.JSON(w, http.StatusUnprocessableEntity, h.flow(unfinished, ""))
	case s.Progress != Done || s.Session == nil:
		web.JSON(w, http.StatusUnprocessableEntity, h.flow(s.Next, ""))
	default:
		web.JSON(w, http.StatusOK, exchanged{
			SessionToken: s.SessionToken, Session: h.Sessions.View.Public(s.Session, h.Engine.Now()), Foyer: foyerView{Next: h.nextAfter(s)},
		})
	}
	return nil
}
