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

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
)

// Version is set by the build; a plain "go build" reports the module's.
var Version = ""

// health tells whether the program lives, and whether it can do its work.
type health struct {
	store    *persistence.Store
	queue    *courier.Courier
	revision string
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
	late, err := h.late(r.Context())
	if err != nil || late == "" {
		return h.alive(w, r, nil)
	}
	web.JSON(w, http.StatusOK, map[string]any{"status": "ok", "warnings": map[string]string{"courier": late}})
	return nil
}

// maxDelay is how old a message may be before somebody should look.
const maxDelay = 5 * time.Minute

// late says that mail does not leave, and why. It takes no server out of
// service: the others would not send it either.
func (h *health) late(ctx context.Context) (string, error) {
	stats, err := h.queue.Stats(ctx)
	if err != nil {
		return "", err
	}
	var told []string
	if age := stats.Age(h.queue.Now()); age >= maxDelay {
		told = append(told, fmt.Sprintf("%d messages wait, the oldest for %s", stats.Waiting, age.Round(time.Second)))
	}
	if stats.Abandoned > 0 {
		told = append(told, fmt.Sprintf("%d messages were given up, to be sent again or discarded by an operator", stats.Abandoned))
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

func programVersion() string {
	if Version != "" {
		return Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
