package selfservice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/identity/session"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// answer writes the outcome of a step: {HTML, JSON, native} × {done, asked}.
func (h *HTTP) answer(w http.ResponseWriter, r *http.Request, s *Step) error {
	html := !s.Flow.Native && !web.WantsJSON(r)
	if s.Progress == Asked {
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
	return h.home(s)
}

// home is where the client wanted to go. Who has saved settings stays with them
// unless they were asked to go elsewhere.
func (h *HTTP) home(s *Step) string {
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
		return h.sendHome(w, r, Opening{})
	}
	if to == "" {
		return h.explain(err, h.native(r, k))
	}
	web.Redirect(w, r, to)
	return nil
}

// sendHome sends a browser that has nothing to do here to where it wanted to go.
func (h *HTTP) sendHome(w http.ResponseWriter, r *http.Request, o Opening) error {
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
		out, home := *ErrSessionAvailable, h.Engine.Return.Default()
		if native {
			home = ""
		}
		out.Siblings = map[string]any{"foyer": foyerView{Next: &next{Do: doDone, URL: home}}}
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

// storedErrorLifespan is how long an error page can be shown again.
const storedErrorLifespan = time.Hour

// forward sends a browser to the error page. Clients that read JSON get the
// error itself, and so does everybody when the store cannot keep it.
func (h *HTTP) forward(w http.ResponseWriter, r *http.Request, k Kind, err error) error {
	gone := errors.Is(err, context.Canceled) && r.Context().Err() != nil
	if err == nil || gone || web.IsJSON(r) || h.native(r, k) {
		return err
	}
	status, inner, _ := web.Envelope(err, web.RequestID(r.Context()))
	web.LogError(r.Context(), status, inner, err)
	if status == http.StatusServiceUnavailable {
		return busy(w, fail.As(err))
	}
	now := h.Engine.Now().UTC()
	e := &StoredError{
		ID: uuid.Must(uuid.NewV4()), Error: mustJSON(inner),
		CreatedAt: now, ExpiresAt: now.Add(storedErrorLifespan),
	}
	if failed := h.Engine.Store.InsertError(r.Context(), e); failed != nil {
		return errors.Join(err, failed)
	}
	web.Redirect(w, r, withQuery(h.ErrorURL, "id", e.ID.String()))
	return nil
}

// native reports whether the request concerns a flow of a native client, which
// reads JSON whatever it says it accepts. A link from a mail is opened by a
// browser, whoever asked for it. Only error paths ask.
func (h *HTTP) native(r *http.Request, k Kind) bool {
	id, err := flowID(r, "flow")
	if err != nil || mailedLink(r) {
		return false
	}
	f, err := h.Engine.Store.Flow(r.Context(), k, id)
	return err == nil && f.Native
}

var busyPage = template.Must(template.New("busy").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>One moment, please</title>
<h1>One moment, please</h1>
<p>We cannot answer this right now. Please go back and try again in {{.}} seconds; sending a form twice does no harm.</p>
</html>
`))

// busy tells a person to come back. The flow stays as it was.
func busy(w http.ResponseWriter, e *fail.Error) error {
	wait := strconv.Itoa(web.RetrySeconds(e))
	var page bytes.Buffer
	if err := busyPage.Execute(&page, wait); err != nil {
		return fmt.Errorf("busy page: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Ory-Error-Id", e.ID)
	w.Header().Set("Retry-After", wait)
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(page.Bytes()) // the client may be gone
	return nil
}

func (h *HTTP) submitURL(f *Flow) string {
	return h.Engine.PublicURL + "/self-service/" + string(f.Kind) + "?flow=" + f.ID.String()
}

func (h *HTTP) pageURL(f *Flow) string {
	return withQuery(h.Engine.Rules[f.Kind].UIURL, "flow", f.ID.String())
}
