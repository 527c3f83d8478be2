package courier

import (
	"net/http"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

// HTTP is the admin API of messages, and in dev mode the inbox. Who may call it
// is decided before.
type HTTP struct {
	Courier  *Courier
	Renderer Renderer   // shows what messages say, in dev mode; else not needed
	Ring     *seal.Ring // seals page tokens
	Dev      bool
}

// Mount adds the routes, which all live under /admin; the inbox's in dev mode only.
func (h *HTTP) Mount(r *web.Router) {
	r.Handle(http.MethodGet, "/admin/courier/messages", h.list)
	r.Handle(http.MethodGet, "/admin/courier/messages/:id", h.get)
	r.Handle(http.MethodPost, "/admin/courier/messages/:id/resend", h.resend)
	r.Handle(http.MethodPost, "/admin/courier/messages/:id/discard", h.discard)
	if h.Dev {
		h.mountInbox(r)
	}
}

func (h *HTTP) list(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	now := h.Courier.Now()
	q, err := readQuery(r.URL.Query(), h.Ring, now)
	if err != nil {
		return err
	}
	size := q.Limit
	q.Limit++ // one more tells whether there is a next page
	found, err := h.Courier.List(r.Context(), q)
	if err != nil {
		return err
	}
	found, err = web.Paged(w, r, found, size, func(last *Message) (string, error) { return pageToken(q, last, h.Ring, now) })
	if err != nil {
		return err
	}
	views := make([]view, len(found))
	for n, m := range found {
		views[n] = h.view(m, nil)
	}
	web.JSON(w, http.StatusOK, views)
	return nil
}

func (h *HTTP) get(w http.ResponseWriter, r *http.Request, p web.Params) error {
	m, attempts, err := h.Courier.Find(r.Context(), messageID(p))
	return h.answer(w, m, attempts, err)
}

func (h *HTTP) resend(w http.ResponseWriter, r *http.Request, p web.Params) error {
	m, attempts, err := h.Courier.Resend(r.Context(), messageID(p))
	return h.answer(w, m, attempts, err)
}

func (h *HTTP) discard(w http.ResponseWriter, r *http.Request, p web.Params) error {
	m, attempts, err := h.Courier.Discard(r.Context(), messageID(p))
	return h.answer(w, m, attempts, err)
}

func (h *HTTP) answer(w http.ResponseWriter, m *Message, attempts []Attempt, err error) error {
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, h.view(m, attempts))
	return nil
}

// messageID is the id of the path; the zero one, which no message has, for
// what is no id.
func messageID(p web.Params) uuid.UUID { return uuid.FromStringOrNil(p.ByName("id")) }

func (h *HTTP) view(m *Message, attempts []Attempt) view {
	if !h.Dev {
		return show(m, attempts, nil)
	}
	return show(m, attempts, h.letter(m))
}

// letter is what m says, empty where that was wiped, or why it says nothing.
func (h *HTTP) letter(m *Message) *Letter {
	if m.Sealed == nil {
		return &Letter{}
	}
	d, err := h.Courier.Open(m)
	if err != nil {
		return &Letter{Text: err.Error()}
	}
	l, err := h.Renderer.Render(m, d)
	if err != nil {
		return &Letter{Text: err.Error(), Data: d}
	}
	return l
}
