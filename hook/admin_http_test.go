package hook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/uuid"
	"github.com/stretchr/testify/require"

	"github.com/foyer-id/foyer/courier"
	"github.com/foyer-id/foyer/hook"
	"github.com/foyer-id/foyer/internal/seal"
	"github.com/foyer-id/foyer/internal/web"
	"github.com/foyer-id/foyer/persistence"
)

// office is the admin API over a database of its own, at a time that the test sets.
type office struct {
	*testing.T
	now    time.Time
	store  *persistence.Store
	queue  *courier.Courier
	worker *courier.Worker
	router *web.Router
	answer error // of the receiver
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{T: t, now: noon, router: web.NewRouter()}
	now := func() time.Time { return o.now }
	var err error
	o.store, err = persistence.Open(t.Context(), persistence.Options{DSN: "memory", Dev: true, Now: now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.store.Close()) })
	_, err = o.store.Migrate(t.Context())
	require.NoError(t, err)
	o.queue = &courier.Courier{Store: o.store, Queue: courier.Events, Ring: ring(t, "a secret for what is stored"), Now: now, Retention: 48 * time.Hour}
	to := answering(func() error { return o.answer })
	o.worker = &courier.Worker{Courier: o.queue, Retries: 3, KeepBodies: true, Channels: map[string]courier.Channel{"event": to, "web_hook": to, "reservation": to}}
	(&hook.AdminHTTP{Queue: o.queue, Ring: ring(t, "a secret for page tokens")}).Mount(o.router)
	return o
}

func ring(t *testing.T, secret string) *seal.Ring {
	r, err := seal.NewRing("private", secret)
	require.NoError(t, err)
	return r
}

type answering func() error

func (a answering) Deliver(context.Context, *courier.Message, courier.Data) error { return a() }

// put stores a row about a subject a second after the one before.
func (o *office) put(kind, is, to string, subject uuid.UUID, data courier.Data) string {
	o.Helper()
	o.now = o.now.Add(time.Second)
	d := courier.Draft{Channel: kind, Template: is, Recipient: to, Data: data}
	if subject != uuid.Nil {
		d.Lane = to + "/" + subject.String()
	}
	m, err := o.queue.Enqueue(o.Context(), d)
	require.NoError(o, err)
	return m.ID.String()
}

// deliver makes an attempt at all that is due.
func (o *office) deliver() {
	o.Helper()
	for {
		n, err := o.worker.Round(o.Context())
		require.NoError(o, err)
		if n == 0 {
			return
		}
	}
}

// ask returns status and error id, and decodes into out what is no refusal.
func (o *office) ask(method, target, body string, out any) (told, link string) {
	o.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	o.router.ServeHTTP(w, r)
	if w.Code == 200 && out != nil {
		require.NoError(o, json.Unmarshal(w.Body.Bytes(), out), "%s", w.Body)
	}
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Header().Get("Ory-Error-Id"))), w.Header().Get("Link")
}

func (o *office) list(query string) (ids []string) {
	o.Helper()
	var list []object
	told, _ := o.ask("GET", "/admin/events"+query, "", &list)
	require.Equal(o, "200", told, query)
	require.NotNil(o, list, query)
	for _, e := range list {
		require.NotContains(o, e, "payload", "not in lists")
		require.NotContains(o, e, "attempts")
		ids = append(ids, e["id"].(string))
	}
	return ids
}

func body(s string) courier.Data { return courier.Data{"body": s} }

func TestEventsAreListed(t *testing.T) {
	o := newOffice(t)
	ada, bob := uuid.Must(uuid.NewV4()), uuid.Must(uuid.NewV4())
	one := o.put("event", "identity.created", "crm", ada, body(`{"type":"identity.created"}`))
	two := o.put("event", "identity.created", "audit", ada, body(`{}`))
	three := o.put("web_hook", "registration.after", "audit", bob, courier.Data{"ctx": `{}`})
	o.deliver()
	o.answer = courier.Permanent(errors.New("the receiver answered 410"))
	four := o.put("reservation", "reservation.confirm", "stock", uuid.Nil, body(`{}`))
	o.deliver()
	five := o.put("event", "identity.updated", "crm", bob, body(`{}`))
	mail := &courier.Courier{Store: o.store, Ring: o.queue.Ring, Now: o.queue.Now}
	_, err := mail.Enqueue(t.Context(), courier.Draft{Channel: courier.Email, Template: "identity.created", Recipient: "crm"})
	require.NoError(t, err)

	at := func(seconds int, zone *time.Location) string {
		return url.QueryEscape(noon.Add(time.Duration(seconds) * time.Second).In(zone).Format(time.RFC3339))
	}
	east := time.FixedZone("", 2*60*60)
	for query, want := range map[string][]string{
		"":                                        {five, four, three, two, one},
		"?status=delivered":                       {three, two, one},
		"?status=abandoned":                       {four},
		"?status=queued":                          {five},
		"?status=processing":                      nil,
		"?type=identity.created":                  {two, one},
		"?receiver=crm":                           {five, one},
		"?receiver=CRM":                           nil,
		"?receiver=crm&subject=" + ada.String():   {one},
		"?receiver=crm&subject=" + bob.String():   {five},
		"?receiver=stock&subject=" + ada.String(): nil,
		"?since=" + at(2, time.UTC):               {five, four, three, two},
		"?since=" + at(2, east):                   {five, four, three, two},
		"?until=" + at(2, time.UTC):               {one},
		"?since=" + at(2, east) + "&until=" + at(4, time.UTC): {three, two},
		"?type=identity.created&status=queued":                nil,
	} {
		require.Equal(t, want, o.list(query), query)
	}
	for query, want := range map[string]string{
		"status=sent": "event_status_invalid", "status=Queued": "event_status_invalid",
		"subject=" + ada.String(): "event_receiver_required", "receiver=crm&subject=ada": "event_subject_invalid",
		"since=yesterday": "event_time_invalid", "until=2h": "event_time_invalid", "since=2026-03-04T12:00:00+02:00": "event_time_invalid",
		"page_size=0": "page_size_invalid", "page=2": "pagination_unsupported", "page_token=x": "page_token_invalid",
	} {
		told, _ := o.ask("GET", "/admin/events?"+query, "", nil)
		require.Equal(t, "400 "+want, told, query)
	}
}

var next = regexp.MustCompile(`<([^>]+)>; rel="next"`)

func TestPagesOfEvents(t *testing.T) {
	o := newOffice(t)
	var want []string
	for n := range 7 {
		want = append([]string{o.put("event", "identity.created", []string{"crm", "audit"}[n%2], uuid.Nil, body(`{}`))}, want...)
	}
	var met []string
	path := "/admin/events?page_size=3&until=" + noon.Add(time.Hour).Format(time.RFC3339)
	for pages := 1; ; pages++ {
		var list []object
		told, link := o.ask("GET", path, "", &list)
		require.Equal(t, "200", told)
		for _, e := range list {
			met = append(met, e["id"].(string))
		}
		m := next.FindStringSubmatch(link)
		if m == nil {
			require.Equal(t, 3, pages)
			break
		}
		path = m[1]
	}
	require.Equal(t, want, met, "each once, newest first")

	_, link := o.ask("GET", "/admin/events?page_size=2&receiver=crm", "", nil)
	u, err := url.Parse(next.FindStringSubmatch(link)[1])
	require.NoError(t, err)
	token := u.Query().Get("page_token")
	require.Len(t, o.list("?receiver=crm&page_token="+token), 2)
	for _, other := range []string{"", "receiver=audit&", "receiver=crm&status=queued&", "receiver=crm&type=x&", "receiver=crm&since=2026-01-01T00:00:00Z&", "receiver=crm&until=2027-01-01T00:00:00Z&"} {
		told, _ := o.ask("GET", "/admin/events?"+other+"page_token="+token, "", nil)
		require.Equal(t, "400 page_token_invalid", told, "of another list: %s", other)
	}
	o.now = o.now.Add(time.Hour)
	told, _ := o.ask("GET", "/admin/events?receiver=crm&page_token="+token, "", nil)
	require.Equal(t, "400 page_token_expired", told)
}

func TestOneEvent(t *testing.T) {
	o := newOffice(t)
	ada := uuid.Must(uuid.NewV4())
	id := o.put("event", "identity.created", "crm", ada, body(`{"id":"x","data":{"n":1}}`))
	path := "/admin/events/" + id
	o.answer = errors.New("the receiver answered 500")
	o.deliver()
	created, first := o.now, object{}
	o.ask("GET", path, "", &first)
	require.Equal(t, "queued", first["status"])
	require.Equal(t, "the receiver answered 500", first["last_error"])
	due, err := time.Parse(time.RFC3339Nano, first["next_attempt_at"].(string))
	require.NoError(t, err)
	require.True(t, due.After(created))

	o.now, o.answer = o.now.Add(time.Minute), nil
	o.deliver()
	got := object{}
	told, _ := o.ask("GET", path, "", &got)
	require.Equal(t, "200", told)
	attempts, _ := got["attempts"].([]any)
	require.Len(t, attempts, 2)
	was := func(n int) object { return attempts[n].(object) }
	begun, later := created.Format(time.RFC3339), o.now.Format(time.RFC3339)
	require.Equal(t, object{"id": was(0)["id"], "started_at": later, "finished_at": later}, was(0), "newest first")
	require.Equal(t, object{"id": was(1)["id"], "started_at": begun, "finished_at": begun, "error": "the receiver answered 500"}, was(1))
	require.Equal(t, object{
		"id": id, "kind": "event", "type": "identity.created", "receiver": "crm", "subject": ada.String(), "status": "delivered", "attempt_count": 2.0,
		"created_at": begun, "updated_at": later, "expires_at": o.now.Add(48 * time.Hour).Format(time.RFC3339),
		"attempts": attempts, "payload": object{"id": "x", "data": object{"n": 1.0}},
	}, got)

	facts := object{}
	o.ask("GET", "/admin/events/"+o.put("web_hook", "registration.after", "audit", ada, courier.Data{"ctx": `{"flow":{"id":"y"}}`}), "", &facts)
	require.Equal(t, object{"flow": object{"id": "y"}}, facts["payload"])
	require.Empty(t, facts["attempts"])
	require.NotNil(t, facts["attempts"])
	ending := object{}
	o.ask("GET", "/admin/events/"+o.put("reservation", "reservation.cancel", "stock", uuid.Nil, courier.Data{"reservation_id": ada, "body": `{"a":1}`}), "", &ending)
	require.Equal(t, object{"a": 1.0}, ending["payload"])
	require.NotContains(t, ending, "subject")

	o.queue.Ring = ring(t, "a secret that came too late")
	blind := object{}
	told, _ = o.ask("GET", path, "", &blind)
	require.Equal(t, "200", told)
	require.NotContains(t, blind, "payload")
	require.Contains(t, blind["payload_error"], "secrets.cipher")
}

func TestReplayAndDiscardOfOne(t *testing.T) {
	refuse := courier.Permanent(errors.New("no"))
	for name, c := range map[string]struct {
		make            func(o *office)
		replay, discard string
	}{
		"delivered": {func(o *office) { o.deliver() }, "200", "409 event_already_delivered"},
		"given up":  {func(o *office) { o.answer = refuse; o.deliver() }, "200", "200"},
		"waiting":   {func(*office) {}, "200", "200"},
		"on its way": {func(o *office) {
			_, err := o.store.ClaimMessages(o.Context(), courier.Events, o.now, o.now.Add(time.Minute), 1)
			require.NoError(o, err)
		}, "409 event_in_flight", "409 event_in_flight"},
		"discarded": {func(o *office) {
			all := o.list("")
			told, _ := o.ask("POST", "/admin/events/"+all[0]+"/discard", "", nil)
			require.Equal(o, "200", told)
		}, "409 event_wiped", "200"},
	} {
		for op, want := range map[string]string{"replay": c.replay, "discard": c.discard} {
			t.Run(name+" "+op, func(t *testing.T) {
				o := newOffice(t)
				id := o.put("event", "identity.created", "crm", uuid.Must(uuid.NewV4()), body(`{}`))
				c.make(o)
				o.now = o.now.Add(time.Second)
				before, after, got := object{}, object{}, object{}
				o.ask("GET", "/admin/events/"+id, "", &before)
				told, _ := o.ask("POST", "/admin/events/"+id+"/"+op, "", &got)
				require.Equal(t, want, told)
				o.ask("GET", "/admin/events/"+id, "", &after)
				if want != "200" {
					require.Equal(t, before, after)
					return
				}
				require.Equal(t, after, got)
				if op == "discard" {
					require.Equal(t, "abandoned", got["status"])
					require.NotContains(t, got, "payload")
					return
				}
				require.Equal(t, "queued", got["status"])
				require.Equal(t, o.now.Format(time.RFC3339), got["next_attempt_at"])
				require.Equal(t, before["attempts"], got["attempts"], "they stay")
				o.answer = nil
				o.deliver()
				o.ask("GET", "/admin/events/"+id, "", &after)
				require.Equal(t, "delivered", after["status"], "under the same id")
			})
		}
	}
	o := newOffice(t)
	mail := &courier.Courier{Store: o.store, Ring: o.queue.Ring, Now: o.queue.Now}
	m, err := mail.Enqueue(t.Context(), courier.Draft{Channel: courier.Email, Recipient: "a@example.org"})
	require.NoError(t, err)
	for _, id := range []string{"x", uuid.Nil.String(), uuid.Must(uuid.NewV4()).String(), m.ID.String()} {
		for _, call := range []string{"GET ", "POST /replay", "POST /discard"} {
			method, below, _ := strings.Cut(call, " ")
			told, _ := o.ask(method, "/admin/events/"+id+below, "", nil)
			require.Equal(t, "404 event_not_found", told, id)
		}
	}
}

func TestReplayOfRange(t *testing.T) {
	o := newOffice(t)
	o.put("event", "identity.created", "crm", uuid.Nil, body(`{}`))
	o.put("event", "identity.updated", "crm", uuid.Nil, body(`{}`))
	o.put("event", "identity.created", "audit", uuid.Nil, body(`{}`))
	o.deliver()
	o.answer = courier.Permanent(errors.New("no"))
	o.put("event", "identity.created", "crm", uuid.Nil, body(`{}`))
	o.deliver()
	o.answer = nil
	o.put("event", "identity.created", "crm", uuid.Nil, body(`{}`)) // waits: none of those replayed

	post := func(body string) (string, any) {
		got := object{}
		told, _ := o.ask("POST", "/admin/event-replays", body, &got)
		return told, got["replayed"]
	}
	const since = `{"since":"2026-03-04T12:00:00Z"`
	for body, want := range map[string]string{
		`{}`: "event_since_required", `{"since":""}`: "event_since_required", `{"since":"2h"}`: "event_time_invalid",
		since + `,"until":"now"}`: "event_time_invalid", since + `,"status":"queued"}`: "event_status_invalid", since + `,"status":"sent"}`: "event_status_invalid",
		since + `,"recipient":"crm"}`: "field_unknown", since + `,"type":7}`: "body_invalid", `[]`: "json_not_object", "": "content_type_unsupported",
	} {
		told, _ := post(body)
		require.Equal(t, "400 "+want, told, body)
	}
	require.Len(t, o.list("?status=queued"), 1, "nothing was changed")
	for _, c := range []struct {
		body string
		n    float64
	}{
		{`{"since":"2026-03-04T13:00:00Z"}`, 0},
		{since + `,"until":"2026-03-04T12:00:01Z"}`, 0},
		{since + `,"receiver":"nobody"}`, 0},
		{since + `,"status":"abandoned"}`, 1},
		{since + `,"until":"2026-03-04T12:00:02Z"}`, 1},
		{since + `,"type":"identity.updated","receiver":"crm","status":"delivered"}`, 1},
		{since + `}`, 1}, // what is left
		{since + `}`, 0},
	} {
		told, n := post(c.body)
		require.Equal(t, "200", told, c.body)
		require.Equal(t, c.n, n, c.body)
	}
	require.Len(t, o.list("?status=queued"), 5)
	o.deliver()
	require.Len(t, o.list("?status=delivered"), 5, "the same rows")
}
