package hook

import (
	"net/http"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

// AdminHTTP is the admin API of what is stored for receivers: events, web_hooks
// and ends of reservations, all of which it calls events. Who may call it is
// decided before.
type AdminHTTP struct {
	Queue *courier.Courier
	Ring  *seal.Ring // seals page tokens
}

// Mount adds the routes, which all live under /admin.
func (h *AdminHTTP) Mount(r *web.Router) {
	r.Handle(http.MethodGet, "/admin/events", h.list)
	r.Handle(http.MethodGet, "/admin/events/:id", h.get)
	r.Handle(http.MethodPost, "/admin/events/:id/replay", h.replay)
	r.Handle(http.MethodPost, "/admin/events/:id/discard", h.discard)
	r.Handle(http.MethodPost, "/admin/event-replays", h.replayAll)
}

func (h *AdminHTTP) list(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	now := h.Queue.Now()
	q, err := readEvents(r.URL.Query(), h.Ring, now)
	if err != nil {
		return err
	}
	size := q.Limit
	q.Limit++ // one more tells whether there is a next page
	found, err := h.Queue.List(r.Context(), q)
	if err != nil {
		return err
	}
	found, err = web.Paged(w, r, found, size, func(last *courier.Message) (string, error) {
		return web.PageToken(h.Ring, eventsName(q), web.Place{Created: last.CreatedAt, ID: last.ID}, now)
	})
	if err != nil {
		return err
	}
	views := make([]eventView, len(found))
	for n, m := range found {
		views[n] = viewEvent(m)
	}
	web.JSON(w, http.StatusOK, views)
	return nil
}

func (h *AdminHTTP) get(w http.ResponseWriter, r *http.Request, p web.Params) error {
	m, attempts, err := h.Queue.Find(r.Context(), eventID(p))
	return h.answer(w, m, attempts, err)
}

func (h *AdminHTTP) replay(w http.ResponseWriter, r *http.Request, p web.Params) error {
	m, attempts, err := h.Queue.Replay(r.Context(), eventID(p))
	return h.answer(w, m, attempts, err)
}

func (h *AdminHTTP) discard(w http.ResponseWriter, r *http.Request, p web.Params) error {
	m, attempts, err := h.Queue.Discard(r.Context(), eventID(p))
	return h.answer(w, m, attempts, err)
}

func (h *AdminHTTP) replayAll(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	var in replayOrder
	if err := web.ReadAdmin(w, r, &in); err != nil {
		return err
	}
	q, err := in.query()
	if err != nil {
		return err
	}
	n, err := h.Queue.ReplayAll(r.Context(), q)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, map[string]int{"replayed": n})
	return nil
}

func (h *AdminHTTP) answer(w http.ResponseWriter, m *courier.Message, attempts []courier.Attempt, err error) error {
	if err != nil {
		return ofEvent(err)
	}
	web.JSON(w, http.StatusOK, viewWhole(m, attempts, h.Queue))
	return nil
}

// eventID is the id of the path; the zero one, which no event has, for what is
// no id.
func eventID(p web.Params) uuid.UUID { return uuid.FromStringOrNil(p.ByName("id")) }

// ofEvent says of an event what the courier says of a message.
func ofEvent(err error) error {
	f := fail.As(err)
	if f == nil {
		return err
	}
	switch f.ID {
	case "message_not_found":
		return fail.New(fail.NotFound, "event_not_found", "There is no event with this id.")
	case "message_in_flight":
		return fail.New(fail.Conflict, "event_in_flight", "The event is being delivered; ask again in a minute.")
	case "message_wiped":
		return fail.New(fail.Conflict, "event_wiped", "The event was discarded, and what it said with it.")
	case "message_already_sent":
		return fail.New(fail.Conflict, "event_already_delivered", "The event has been delivered, so there is nothing to discard.")
	}
	return err
}
