package selfservice

import (
	"net/http"

	"github.com/foyer-id/foyer/internal/web"
)

// mailedLink reports whether r opens a link as it stands in messages.
func mailedLink(r *http.Request) bool {
	q := r.URL.Query()
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && (q.Get("token") != "" || q.Get("code") != "")
}

// follow answers a mailed link. Whoever follows it, a scanner included, gets a
// page with a button and changes nothing.
func (h *HTTP) follow(w http.ResponseWriter, r *http.Request, k Kind) error {
	id, err := flowID(r, "flow")
	if err != nil {
		return err
	}
	rules, err := h.Engine.rules(k)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		web.Redirect(w, r, rules.UIURL)
		return nil
	}
	o, err := h.opening(r)
	if err != nil {
		return err
	}
	o.RequestURL = withoutQuery(o.RequestURL)
	secret := h.CSRF.Ensure(w, r)
	o.Binding = web.Binding(secret)
	l := Link{Token: r.URL.Query().Get("token"), Code: r.URL.Query().Get("code")}
	f, err := h.Engine.Follow(r.Context(), k, id, l, o, func(f *Flow) bool { return !f.Native && !f.unbound() && h.bound(r, f) == nil })
	if err != nil {
		return err
	}
	if web.WantsJSON(r) {
		web.JSON(w, http.StatusOK, h.flow(f, web.Mask(secret)))
		return nil
	}
	web.Redirect(w, r, h.pageURL(f))
	return nil
}
