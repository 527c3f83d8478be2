package hook

import (
	"net/url"
	"time"

	"github.com/gofrs/uuid"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/internal/fail"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
)

const (
	defaultPageSize = 250
	maxPageSize     = 1000
)

// delivered is how the admin API says that an event was sent.
const delivered = "delivered"

// readEvents reads which page of the list is asked for.
func readEvents(v url.Values, ring *seal.Ring, now time.Time) (q courier.Query, err error) {
	q.Template, q.Recipient = v.Get("type"), v.Get("receiver")
	switch is := v.Get("status"); is {
	case "", string(courier.Queued), string(courier.Processing), string(courier.Abandoned):
		q.Status = courier.Status(is)
	case delivered:
		q.Status = courier.Sent
	default:
		return q, fail.New(fail.BadRequest, "event_status_invalid", "status has to be queued, processing, delivered or abandoned.")
	}
	if q.Since, err = readTime("since", v.Get("since")); err != nil {
		return q, err
	}
	if q.Until, err = readTime("until", v.Get("until")); err != nil {
		return q, err
	}
	if subject := v.Get("subject"); subject != "" {
		if q.Lane, err = laneOf(q.Recipient, subject); err != nil {
			return q, err
		}
	}
	if q.Limit, err = web.PageSize(v, defaultPageSize, maxPageSize); err != nil {
		return q, err
	}
	at, err := web.ReadPageToken(ring, eventsName(q), v.Get("page_token"), now)
	q.BeforeCreated, q.BeforeID = at.Created, at.ID
	return q, err
}

// laneOf is where what concerns a subject waits. Rows are found by receiver and
// subject together, as they are kept in order.
func laneOf(receiver, subject string) (string, error) {
	id, err := uuid.FromString(subject)
	if err != nil {
		return "", fail.New(fail.BadRequest, "event_subject_invalid", "subject has to be the UUID of an identity or of a flow.")
	}
	if receiver == "" {
		return "", fail.New(fail.BadRequest, "event_receiver_required", "Events of a subject are found for one receiver at a time: give receiver, too.")
	}
	return lane(receiver, id), nil
}

// readTime reads a bound of a range, zero for none.
func readTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fail.New(fail.BadRequest, "event_time_invalid", name+" has to be a time such as 2026-01-31T14:00:00Z; in a URL a plus sign is written %2B.")
	}
	return at.UTC(), nil
}

// eventsName tells this list with its filter from every other.
func eventsName(q courier.Query) string {
	return "events?" + url.Values{
		"status": {string(q.Status)}, "type": {q.Template}, "receiver": {q.Recipient}, "lane": {q.Lane},
		"since": {q.Since.Format(time.RFC3339Nano)}, "until": {q.Until.Format(time.RFC3339Nano)},
	}.Encode()
}

// replayOrder is the body that asks for a range of events to be sent again.
type replayOrder struct {
	Since    string `json:"since"`
	Until    string `json:"until"`
	Type     string `json:"type"`
	Receiver string `json:"receiver"`
	Status   string `json:"status"`
}

func (o replayOrder) query() (q courier.RequeueQuery, err error) {
	q.Template, q.Recipient = o.Type, o.Receiver
	switch o.Status {
	case "", string(courier.Abandoned):
		q.Status = courier.Status(o.Status)
	case delivered:
		q.Status = courier.Sent
	default:
		return q, fail.New(fail.BadRequest, "event_status_invalid", "status has to be delivered or abandoned: what waits is sent anyway.")
	}
	if o.Since == "" {
		return q, fail.New(fail.BadRequest, "event_since_required", "since says from when on events are sent again, such as 2026-01-31T14:00:00Z.")
	}
	if q.Since, err = readTime("since", o.Since); err != nil {
		return q, err
	}
	q.Until, err = readTime("until", o.Until)
	return q, err
}
