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
	stays := kinds[s.Flow.Kind].stays
	switch {
	case html && stays:
		web.Redirect(w, r, h.pageURL(s.Next))
	case html && s.ShowVerification:
		web.Redirect(w, r, h.pageURL(s.Verification))
	case html:
		web.Redirect(w, r, h.Engine.destination(s.Next))
	case stays:
		web.JSON(w, http.StatusOK, h.flow(s.Next, h.csrf(r, s.Next)))
	default:
		web.JSON(w, http.StatusOK, h.success(s))
	}
	return nil
}

// signIn hands the session to a browser. A browser that had none before gets a
// new CSRF secret with it.
func (h *HTTP) signIn(w http.ResponseWriter, s *Step) error {
	if s.Input.Session == nil {
		h.CSRF.Give(w, s.Input.nextSecret)
	}
	return h.Sessions.Cookie.Write(w, s.SessionToken, s.Session.ExpiresAt)
}

// moved answers a submit whose flow is not the place to be any more.
func (h *HTTP) moved(w http.ResponseWriter, r *http.Request, k Kind, err error) error {
	var expired *Expired
	switch {
	case errors.As(err, &expired) && !expired.Flow.Native && !web.IsJSON(r):
		web.Redirect(w, r, h.pageURL(expired.Successor))
		return nil
	case errors.Is(err, ErrSessionAvailable) && !web.IsJSON(r) && !h.native(r, k):
		return h.home(w, r, Opening{})
	}
	return h.explain(err)
}

// home sends a browser that has nothing to do here to where it wanted to go.
func (h *HTTP) home(w http.ResponseWriter, r *http.Request, o Opening) error {
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
func (h *HTTP) explain(err error) error {
	var expired *Expired
	if !errors.As(err, &expired) {
		return err
	}
	f := expired.Flow
	out := fail.New(fail.Gone, "self_service_flow_expired", "The flow has expired. Please open a new one.")
	if expired.Successor == nil {
		out.Details = h.restart(f)
		return out
	}
	out.Siblings = map[string]any{
		"expired_at":  f.ExpiresAt,
		"since":       h.Engine.Now().Sub(f.ExpiresAt),
		"use_flow_id": expired.Successor.ID,
	}
	return out
}

// restart tells the client of an expired flow where a new one is opened.
func (h *HTTP) restart(f *Flow) map[string]any {
	again := url.Values{}
	for key, value := range map[string]string{"return_to": f.ReturnTo, "state": f.notes.State} {
		if value != "" {
			again.Set(key, value)
		}
	}
	if f.SchemaID != h.Engine.Identities.Schemas.Default().ID {
		again.Set("identity_schema", f.SchemaID)
	}
	query := ""
	if len(again) > 0 {
		query = "?" + again.Encode()
	}
	base := h.Engine.PublicURL + "/self-service/" + string(f.Kind)
	if f.Native {
		return map[string]any{"api": base + "/api" + query}
	}
	return map[string]any{"redirect_to": base + "/browser" + query, "return_to": f.ReturnTo}
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
