package selfservice

import (
	"net/http"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// answer writes the outcome of a step: {HTML, JSON, native} × {done, asked}.
func (h *HTTP) answer(w http.ResponseWriter, r *http.Request, s *Step) error {
	html := !s.Flow.Native && !web.WantsJSON(r)
	switch {
	case s.Progress == Away:
		return h.sendAway(w, r, s.Elsewhere, html)
	case s.Progress == Asked:
		if html && !web.IsJSON(r) {
			web.Redirect(w, r, h.pageURL(s.Next))
			return nil
		}
		status := kinds[s.Flow.Kind].asked
		if s.Refused {
			status = http.StatusBadRequest
		}
		web.JSON(w, status, h.flow(s.Next, h.csrf(r, s.Next)))
		return nil
	}
	if s.Session != nil && !s.Flow.Native {
		if err := h.signIn(w, s); err != nil {
			return err
		}
	}
	if html {
		web.Redirect(w, r, h.after(s))
		return nil
	}
	switch k := kinds[s.Flow.Kind]; {
	case k.stays:
		web.JSON(w, http.StatusOK, h.flow(s.Next, h.csrf(r, s.Next)))
	case k.reopens:
		v := h.flow(s.Next, h.csrf(r, s.Next))
		v.ContinueWith = h.continueWith(s)
		if s.ShowVerification {
			v.Foyer.Next = h.goTo(s.Verification)
		}
		web.JSON(w, http.StatusOK, v)
	case s.Flow.Kind == Recovery:
		return h.recovered(w, r, s)
	default:
		web.JSON(w, http.StatusOK, h.success(s))
	}
	return nil
}

// after is where a browser goes from a step that is done.
func (h *HTTP) after(s *Step) string {
	switch {
	case kinds[s.Flow.Kind].stays:
		return h.pageURL(s.Next)
	case s.Settings != nil:
		return h.pageURL(s.Settings)
	case s.ShowVerification:
		return h.pageURL(s.Verification)
	}
	return h.wanted(s)
}

// wanted is where the client wanted to go. Who has saved settings stays with them
// unless they were asked to go elsewhere.
func (h *HTTP) wanted(s *Step) string {
	rules := h.Engine.Rules[s.Flow.Kind]
	if s.Flow.Kind == Settings && s.Flow.ReturnTo == "" && rules.MethodReturnTo[s.Next.Active] == "" && rules.ReturnTo == "" {
		return h.pageURL(s.Next)
	}
	return h.Engine.destination(s.Next)
}

// recovered answers who reads JSON and is back in their account: by the flow,
// or where the operator keeps to the older protocol, by where to go.
func (h *HTTP) recovered(w http.ResponseWriter, r *http.Request, s *Step) error {
	v := h.flow(s.Next, h.csrf(r, s.Next))
	v.ContinueWith, v.Foyer.Next = h.continueWith(s), h.nextAfter(s)
	if s.Flow.Native {
		v.Foyer.SessionToken = s.SessionToken
	}
	if h.UseContinueWith {
		web.JSON(w, http.StatusOK, v)
		return nil
	}
	out := fail.New(fail.Navigate, "browser_location_change_required", "The account is recovered; go on where redirect_browser_to leads.")
	out.Details = map[string]any{"continue_with": v.ContinueWith}
	out.Siblings = map[string]any{"redirect_browser_to": h.after(s), "foyer": v.Foyer}
	return out
}

// signIn hands the session to a browser. A browser that had none before gets a
// new CSRF secret with it.
func (h *HTTP) signIn(w http.ResponseWriter, s *Step) error {
	if s.begins() {
		h.CSRF.Give(w, s.Input.nextSecret)
	}
	return h.Sessions.Cookie.Write(w, s.SessionToken, s.Session.ExpiresAt)
}
