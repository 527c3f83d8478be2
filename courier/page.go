package courier

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	defaultPageSize = 250
	maxPageSize     = 1000
	// pageTokenLife is how long a page token is good for.
	pageTokenLife = time.Hour
)

// place is what a page token holds: the last message of a page.
type place struct {
	Created time.Time `json:"created"`
	ID      uuid.UUID `json:"id"`
	Expires time.Time `json:"expires"`
}

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
	token := v.Get("page_token")
	if token == "" {
		return q, nil
	}
	var at place
	plain, err := ring.OpenString(tokenPurpose(q), token)
	if err != nil || json.Unmarshal(plain, &at) != nil {
		return q, fail.New(fail.BadRequest, "page_token_invalid", "page_token is none that this list has given out.")
	}
	if !now.Before(at.Expires) {
		return q, fail.New(fail.BadRequest, "page_token_expired", "page_token is more than an hour old; begin with the first page.")
	}
	q.BeforeCreated, q.BeforeID = at.Created, at.ID
	return q, nil
}

// pageToken leads to what follows last in the list that q asks for.
func pageToken(q Query, last *Message, ring *seal.Ring, now time.Time) (string, error) {
	plain, err := json.Marshal(place{Created: last.CreatedAt, ID: last.ID, Expires: now.Add(pageTokenLife)})
	return ring.SealString(tokenPurpose(q), plain), err
}

// tokenPurpose binds a token to this list and to its filter.
func tokenPurpose(q Query) string {
	return "page/courier/messages?" + url.Values{"status": {string(q.Status)}, "recipient": {q.Recipient}}.Encode()
}
