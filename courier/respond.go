package courier

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/web"
)

// What a browser may do with the page of the inbox, and with a letter in it.
// A letter is not ours: no script, no form, no request but for pictures.
const (
	pagePolicy = "default-src 'none'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
		"style-src 'nonce-NONCE'; script-src 'nonce-NONCE'"
	letterPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https: http://127.0.0.1:* http://localhost:*; " +
		"form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

func (h *HTTP) mountInbox(r *web.Router) {
	r.Handle(http.MethodGet, InboxPath, h.inbox)
	r.Handle(http.MethodGet, InboxPath+"/messages", h.inboxList)
	r.Handle(http.MethodGet, InboxPath+"/messages/:id/html", h.inboxLetter)
}

// inbox draws the page: the messages, newest first, and the one that is open.
func (h *HTTP) inbox(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	v := inboxView{Path: InboxPath, Nonce: rand.Text(), Recipient: r.URL.Query().Get("recipient")}
	items, err := h.items(r, v.Recipient, inboxSize)
	if err != nil {
		return err
	}
	v.Items = items
	for _, i := range items[:min(len(items), 20)] {
		v.Known += i.ID + string(i.Status) + ","
	}
	if id := r.URL.Query().Get("message"); id != "" {
		m, _, err := h.Courier.Find(r.Context(), uuid.FromStringOrNil(id))
		if err != nil {
			return err
		}
		open := h.item(m)
		v.Open = &open
	}
	var page bytes.Buffer
	if err := inboxPage.Execute(&page, v); err != nil {
		return err
	}
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	return html(w, page.Bytes(), strings.ReplaceAll(pagePolicy, "NONCE", v.Nonce))
}

func (h *HTTP) inboxList(w http.ResponseWriter, r *http.Request, _ web.Params) error {
	limit := inboxSize
	if given := r.URL.Query().Get("limit"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > maxInboxSize {
			return fail.New(fail.BadRequest, "limit_invalid", "limit has to be a number from 1 to 1000.")
		}
		limit = n
	}
	items, err := h.items(r, r.URL.Query().Get("recipient"), limit)
	if err != nil {
		return err
	}
	web.JSON(w, http.StatusOK, items)
	return nil
}

// inboxLetter is the HTML part of a message, for a frame of the page.
func (h *HTTP) inboxLetter(w http.ResponseWriter, r *http.Request, p web.Params) error {
	m, _, err := h.Courier.Find(r.Context(), messageID(p))
	if err != nil {
		return err
	}
	return html(w, []byte(inNewTab(h.letter(m).HTML)), letterPolicy)
}

func (h *HTTP) items(r *http.Request, recipient string, limit int) ([]item, error) {
	found, err := h.Courier.List(r.Context(), Query{Recipient: recipient, Limit: limit})
	items := make([]item, len(found))
	for n, m := range found {
		items[n] = h.item(m)
	}
	return items, err
}

func html(w http.ResponseWriter, body []byte, policy string) error {
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", policy)
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	_, err := w.Write(body)
	return err
}
