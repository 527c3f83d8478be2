package courier

import (
	"net/url"
	"time"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	defaultPageSize = 250
	maxPageSize     = 1000
)

// readQuery reads which page of the list is asked for.
func readQuery(v url.Values, ring *seal.Ring, now time.Time) (q Query, err error) {
	q = Query{Status: Status(v.Get("status")), Recipient: v.Get("recipient")}
	switch q.Status {
	case "", Queued, Processing, Sent, Abandoned:
	default:
		return q, fail.New(fail.BadRequest, "message_status_invalid", "status has to be queued, processing, sent or abandoned.")
	}
	if q.Limit, err = web.PageSize(v, defaultPageSize, maxPageSize); err != nil {
		return q, err
	}
	at, err := web.ReadPageToken(ring, listName(q), v.Get("page_token"), now)
	q.BeforeCreated, q.BeforeID = at.Created, at.ID
	return q, err
}

// pageToken leads to what follows last in the list that q asks for.
func pageToken(q Query, last *Message, ring *seal.Ring, now time.Time) (string, error) {
	return web.PageToken(ring, listName(q), web.Place{Created: last.CreatedAt, ID: last.ID}, now)
}

// listName tells this list with its filter from every other.
func listName(q Query) string {
	return "courier/messages?" + url.Values{"status": {string(q.Status)}, "recipient": {q.Recipient}}.Encode()
}
