package selfservice

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/selfservice/ui"
)

// sendAway sends a client to where it comes back from.
func (h *HTTP) sendAway(w http.ResponseWriter, r *http.Request, to string, html bool) error {
	if html && !web.IsJSON(r) {
		web.Redirect(w, r, to)
		return nil
	}
	out := fail.New(fail.Navigate, "browser_location_change_required", "A browser has to go where redirect_browser_to leads, and comes back by itself.")
	out.Siblings = map[string]any{"redirect_browser_to": to, "foyer": foyerView{Next: &next{Do: doBrowse, Method: "GET", URL: to}}}
	return out
}

// maxReturn bounds the query that a client brings home, in bytes.
const maxReturn = 32 << 10

// back answers a client that comes home from a provider, by the state it brings.
func (h *HTTP) back(w http.ResponseWriter, r *http.Request, p web.Params) error {
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusNoContent) // it acts on nothing
		return nil
	}
	return h.forward(w, r, Login, h.arrive(w, r, p.ByName("provider")))
}

func (h *HTTP) arrive(w http.ResponseWriter, r *http.Request, place string) error {
	if len(r.URL.RawQuery) > maxReturn {
		return fail.New(fail.TooLarge, "body_too_large", "The parameters have more than 32 KiB.")
	}
	q := r.URL.Query()
	for _, values := range q {
		if len(values) > 1 {
			return errRepeated
		}
	}
	k, id, secret, err := readState(q.Get("state"))
	if err != nil {
		return err
	}
	s, err := h.session(r)
	if err != nil {
		return err
	}
	back := &Return{Place: place, Params: map[string]string{}, secret: secret}
	fields := map[string]any{ui.NodeMethod: OIDCID}
	for name := range q {
		fields["return."+name], back.Params[name] = q.Get(name), q.Get(name)
	}
	in := h.input(r, id, s, &web.Body{Fields: fields})
	in.Return = back
	var from *Flow
	in.Guard = func(f *Flow) error {
		if from = f; f.Native {
			in.Session = nil // the browser's own is nothing to the app
			return nil
		}
		err := h.belongs(r, f, s)
		if err == nil || f.EndedIn(s) {
			return nil
		}
		return overtaken(f, s, err)
	}
	// Browsers give up a navigation for another one: what the provider tells only
	// once must not be lost by that.
	step, err := h.Engine.Submit(context.WithoutCancel(r.Context()), k, id, in)
	switch {
	case errors.Is(err, errState):
		return err
	case from != nil && from.Native && err != nil:
		h.logFailure(r, err)
		return h.bringHome(w, r, from, "", fail.As(err))
	case from != nil && from.Native:
		return h.bringHome(w, r, from, step.handed, nil)
	case errors.Is(err, session.ErrInactive) && !web.IsJSON(r):
		web.Redirect(w, r, h.openURL(Login, false, nil)) // and not back to here, which holds what the provider gave
		return nil
	case err != nil:
		return h.moved(w, r, k, err)
	}
	return h.answer(w, r, step)
}

// backByForm turns a form that a provider has a browser post (OAuth 2.0 Form Post
// Response Mode) into a request that the browser sends its cookies with.
func backByForm(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	body, err := web.Decode(w, r, maxReturn)
	if err != nil {
		return err
	}
	q := url.Values{}
	for name, given := range body.Fields {
		if values, ok := given.([]string); ok && len(values) > 1 {
			return errRepeated
		}
		if value := body.String(name); value != "" {
			q.Set(name, value)
		}
	}
	web.Redirect(w, r, r.URL.Path+"?"+q.Encode())
	return nil
}

// bringHome sends the browser of an app back to the app, with the code by which that
// goes on, empty for none, or the id of what went wrong. It does not name the flow:
// whoever catches the URL could read what the app keeps to itself.
func (h *HTTP) bringHome(w http.ResponseWriter, r *http.Request, from *Flow, code string, why *fail.Error) error {
	to := h.Engine.destination(from)
	switch {
	case code != "":
		to = withQuery(to, "code", code)
	case why != nil:
		to = withQuery(to, "error", why.ID)
	}
	web.Redirect(w, r, to)
	return nil
}
