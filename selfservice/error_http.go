package selfservice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

func (h *HTTP) storedError(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	q := r.URL.Query()
	name := "id"
	if q.Get("error") != "" {
		name = "error"
	}
	if q.Get(name) == "stub:500" {
		_, inner, _ := web.Envelope(fail.New(fail.Internal, "stub_error", "This is a stub error, for building an error page."), "")
		web.JSON(w, http.StatusOK, map[string]any{"id": uuid.Nil, "error": inner, "created_at": h.Engine.Now(), "updated_at": h.Engine.Now()})
		return nil
	}
	id, err := flowID(r, name)
	if err != nil {
		return err
	}
	e, err := h.Engine.Store.Error(r.Context(), id)
	if errors.Is(err, ErrNoFlow) || err == nil && !h.Engine.Now().Before(e.ExpiresAt) {
		return fail.New(fail.NotFound, "self_service_error_not_found", "There is no error with this id, or it is too old.")
	}
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, map[string]any{
		"id": e.ID, "error": e.Error, "created_at": e.CreatedAt, "updated_at": e.CreatedAt,
	})
	return nil
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
	status, inner := h.logFailure(r, err)
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

// logFailure logs an error that a client is told of elsewhere.
func (h *HTTP) logFailure(r *http.Request, err error) (status int, inner map[string]any) {
	status, inner, _ = web.Envelope(err, web.RequestID(r.Context()))
	web.LogError(r.Context(), status, inner, err)
	return status, inner
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
