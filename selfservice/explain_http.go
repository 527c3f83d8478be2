package selfservice

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// moved answers a request for a flow that is not the place to be now: a browser
// is sent to where it is, any other client is told.
func (h *HTTP) moved(w http.ResponseWriter, r *http.Request, k Kind, err error) error {
	to := ""
	var (
		expired    *Expired
		tooOld     *RefreshRequired
		unverified *Unverified
	)
	switch {
	case web.IsJSON(r) || h.native(r, k):
	case errors.As(err, &expired) && expired.Successor != nil:
		to = h.pageURL(expired.Successor)
	case errors.As(err, &tooOld):
		to = h.refreshURL(tooOld.Flow, false)
	case errors.As(err, &unverified) && unverified.Step.Verification != nil:
		to = h.pageURL(unverified.Step.Verification)
	case errors.Is(err, session.ErrInactive):
		to = h.openURL(Login, false, url.Values{"return_to": {web.RequestURL(r, h.Engine.PublicURL)}})
	case errors.Is(err, ErrSessionAvailable):
		return h.sendOn(w, r, Opening{})
	}
	if to == "" {
		return h.explain(err, h.native(r, k))
	}
	web.Redirect(w, r, to)
	return nil
}

// sendOn sends a browser that has nothing to do here to where it wanted to go.
func (h *HTTP) sendOn(w http.ResponseWriter, r *http.Request, o Opening) error {
	to := h.Engine.Return.Default()
	if o.ReturnTo != "" {
		var err error
		if to, err = h.Engine.Return.Check(o.ReturnTo); err != nil {
			return err
		}
	}
	web.Redirect(w, r, withState(to, o.State))
	return nil
}

// explain turns the engine's own errors into what a client is told.
func (h *HTTP) explain(err error, native bool) error {
	var (
		expired    *Expired
		tooOld     *RefreshRequired
		unverified *Unverified
	)
	switch {
	case errors.As(err, &expired):
		return h.explainExpired(expired)
	case errors.As(err, &tooOld):
		out := fail.New(fail.Forbidden, "session_refresh_required", "The session is too old for this change. Sign in again.")
		to := h.refreshURL(tooOld.Flow, false)
		out.Details = map[string]any{"redirect_browser_to": to}
		out.Siblings = map[string]any{"redirect_browser_to": to, "foyer": goOn(h.refreshURL(tooOld.Flow, native))}
		return out
	case errors.As(err, &unverified):
		out := fail.New(fail.Forbidden, "session_verified_address_required", "The address has to be verified first.")
		if s := unverified.Step; s.Verification != nil {
			out.Details = map[string]any{"continue_with": []continueWith{{Action: "show_verification_ui", Flow: h.nextFlow(s, s.Verification, s.Verifying)}}}
			out.Siblings = map[string]any{"foyer": goOn(h.flowURL(s.Verification))}
		}
		return out
	case errors.Is(err, ErrSessionAvailable):
		out, to := *ErrSessionAvailable, h.Engine.Return.Default()
		if native {
			to = ""
		}
		out.Siblings = map[string]any{"foyer": foyerView{Next: &next{Do: doDone, URL: to}}}
		return &out
	case errors.Is(err, session.ErrInactive):
		out := *session.ErrInactive
		out.Siblings = map[string]any{"foyer": goOn(h.openURL(Login, native, nil))}
		return &out
	}
	return err
}

func (h *HTTP) explainExpired(expired *Expired) error {
	f := expired.Flow
	out := fail.New(fail.Gone, "self_service_flow_expired", "The flow has expired. Please open a new one.")
	again, key := h.restart(f)
	if expired.Successor == nil {
		out.Details = map[string]any{key: again}
		if !f.Native {
			out.Details["return_to"] = f.ReturnTo
		}
		out.Siblings = map[string]any{"foyer": goOn(again)}
		return out
	}
	out.Siblings = map[string]any{
		"expired_at":  f.ExpiresAt,
		"since":       h.Engine.Now().Sub(f.ExpiresAt),
		"use_flow_id": expired.Successor.ID,
		"foyer":       goOn(h.flowURL(expired.Successor)),
	}
	return out
}

// restart is where a new flow is opened instead of an expired one, and the name
// the protocol has for that.
func (h *HTTP) restart(f *Flow) (to, key string) {
	again := url.Values{}
	for name, value := range map[string]string{"return_to": f.ReturnTo, "state": f.notes.State} {
		if value != "" {
			again.Set(name, value)
		}
	}
	if f.Kind != Settings && f.SchemaID != h.Engine.Identities.Schemas.Default().ID {
		again.Set("identity_schema", f.SchemaID)
	}
	if f.Refreshes() {
		again.Set("refresh", "true")
	}
	if f.SecondFactor() {
		again.Set("aal", string(f.notes.AAL))
	}
	key = "redirect_to"
	if f.Native {
		key = "api"
	}
	return h.openURL(f.Kind, f.Native, again), key
}
