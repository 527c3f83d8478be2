package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/foyer-id/foyer"
	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
)

// Version is set by the build; a plain "go build" reports the module's.
var Version = ""

// health tells whether the program lives, and whether it can do its work.
type health struct {
	store    *persistence.Store
	queues   []watched
	reloads  *reloads
	revision string
}

// watched is a queue that is looked after by the name of a warning.
type watched struct {
	name, what string
	queue      *courier.Courier
}

// alive holds through an outage of the database, and fails when only a restart
// helps: after the storage refused a flush.
func (h *health) alive(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
	if h.store.Broken() != nil {
		web.JSON(w, http.StatusServiceUnavailable, map[string]any{"errors": map[string]string{"database": "the storage has failed; restart the program"}})
		return nil
	}
	web.JSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

func (h *health) ready(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	wrong := h.wrong(r.Context())
	if len(wrong) > 0 {
		web.JSON(w, http.StatusServiceUnavailable, map[string]any{"errors": wrong})
		return nil
	}
	late := map[string]string{}
	if _, _, err := h.reloads.state(); err != nil {
		late["configuration"] = "the files are not whole, and an earlier configuration is in effect: " + web.Redact(err.Error())
	}
	for _, q := range h.queues {
		if told, err := q.late(r.Context()); err == nil && told != "" {
			late[q.name] = told
		}
	}
	if len(late) == 0 {
		return h.alive(w, r, nil)
	}
	web.JSON(w, http.StatusOK, map[string]any{"status": "ok", "warnings": late})
	return nil
}

// maxDelay is how old what waits may be before somebody should look.
const maxDelay = 5 * time.Minute

// late says that what waits does not leave, and why. It takes no server out of
// service: the others would not send it either.
func (q watched) late(ctx context.Context) (string, error) {
	stats, err := q.queue.Stats(ctx)
	if err != nil {
		return "", err
	}
	var told []string
	if age := stats.Age(q.queue.Now()); age >= maxDelay {
		told = append(told, fmt.Sprintf("%d %s wait, the oldest for %s", stats.Waiting, q.what, age.Round(time.Second)))
	}
	if stats.Abandoned > 0 {
		told = append(told, fmt.Sprintf("%d %s were given up, to be sent again or discarded by an operator", stats.Abandoned, q.what))
	}
	switch {
	case len(told) == 0:
		return "", nil
	case stats.LastError == "":
		told = append(told, "is a worker running? (serve --watch-courier, or foyer courier watch)")
	default:
		told = append(told, "the last failure was: "+number.ReplaceAllString(web.Redact(stats.LastError), "[redacted]"))
	}
	return strings.Join(told, "; "), nil
}

// number is what may be somebody's.
var number = regexp.MustCompile(`\+?[0-9]{7,15}`)

// readyPublic names what is wrong and hides how.
func (h *health) readyPublic(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	wrong := h.wrong(r.Context())
	if len(wrong) == 0 {
		return h.alive(w, r, nil)
	}
	for what := range wrong {
		wrong[what] = "not ready"
	}
	web.JSON(w, http.StatusServiceUnavailable, map[string]any{"errors": wrong})
	return nil
}

func (h *health) wrong(ctx context.Context) map[string]string {
	wrong := map[string]string{}
	if err := h.store.Broken(); err != nil {
		wrong["database"] = err.Error()
		return wrong
	}
	if err := h.store.Ping(ctx); err != nil {
		wrong["database"] = err.Error()
		return wrong
	}
	pending, err := h.store.Pending(ctx)
	switch {
	case err != nil:
		wrong["migrations"] = err.Error()
	case len(pending) > 0:
		wrong["migrations"] = "not applied: " + strings.Join(pending, ", ")
	}
	return wrong
}

func (h *health) config(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, h.revision)
	return err
}

func version(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
	web.JSON(w, http.StatusOK, map[string]string{"version": programVersion()})
	return nil
}

// openAPI is the document of both APIs.
func openAPI(w http.ResponseWriter, _ *http.Request, _ web.Params) error {
	document, err := foyer.Schemas.ReadFile(".schema/openapi.json")
	if err != nil {
		return err
	}
	web.JSONBytes(w, http.StatusOK, document)
	return nil
}

func programVersion() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
